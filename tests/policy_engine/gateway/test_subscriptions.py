"""Products, subscriptions and their keys, and operations that take any path."""

import httpx
import pytest

from apim_policies.clock import Clock
from apim_policies.gateway import (
    ApiDeclaration,
    Declaration,
    Gateway,
    OperationDeclaration,
    ProductDeclaration,
    SubscriptionDeclaration,
)
from apim_policies.network import Network

TOLD = (
    '<return-response><set-body>@(context.Operation.Id + " " + context.Product?.Id + " " + context.Subscription?.Id + " "'
    ' + (string)context.Variables.GetValueOrDefault("p") + " " + string.Join(",", context.Request.MatchedParameters.Values))'
    "</set-body></return-response>"
)
POLICY = f"<policies><inbound><base />{TOLD}</inbound><backend /><outbound /><on-error><base /></on-error></policies>"
PRODUCT = '<policies><inbound><base /><set-variable name="p" value="product" /></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>'
GLOBAL = (
    "<policies><inbound /><backend><forward-request /></backend><outbound /><on-error><set-header name='x-why'><value>"
    '@(context.LastError.Source + " " + context.LastError.Reason)</value></set-header></on-error></policies>'
)


def gateway(**changes: object) -> Gateway:
    operations = [
        OperationDeclaration("any", "Any", "GET", "/*"),
        OperationDeclaration("one", "One", "GET", "/things/{thing-id}"),
        OperationDeclaration("rest", "Rest", "GET", "/files/{*path}"),
    ]
    api = ApiDeclaration("api", "Api", "api", "https://b.example", operations, POLICY, subscription_required=True)
    other = ApiDeclaration("other", "Other", "other", None, operations, POLICY)
    declared = {
        "url": "https://gateway.example",
        "apis": [api, other],
        "policy": GLOBAL,
        "products": [ProductDeclaration("gold", "Gold", ["api"], PRODUCT)],
        "subscriptions": [
            SubscriptionDeclaration("s1", "key-1", "second-1", product="gold"),
            SubscriptionDeclaration("s2", "key-2"),
            SubscriptionDeclaration("s3", "key-3", api="other"),
            SubscriptionDeclaration("s4", "key-4", active=False),
        ],
    }
    return Gateway.of(Declaration(**{**declared, **changes}), Network(), Clock())  # type: ignore[arg-type]


async def get(gateway: Gateway, path: str, key: str | None = None) -> httpx.Response:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(gateway.app), base_url="https://gateway.example"
    ) as client:
        return await client.get(path, headers={"Ocp-Apim-Subscription-Key": key} if key else {})


@pytest.mark.parametrize(
    ("path", "key", "wanted"),
    [
        ("/api/things/7", "key-1", "one gold s1 product 7"),
        ("/api/things/7", "second-1", "one gold s1 product 7"),
        ("/api/things/7?subscription-key=key-2", None, "one  s2  7"),
        ("/other/x/y/z", None, "any    "),
        ("/other", None, "any    "),
        ("/other/files/a/b.txt", "key-3", "rest  s3  a/b.txt"),
        # A key for something else is nobody's where none is needed.
        ("/other/x", "key-1", "any    "),
    ],
)
async def test_who_calls_which_operation_in_which_product(path: str, key: str | None, wanted: str) -> None:
    answer = await get(gateway(), path, key)
    assert (answer.status_code, answer.text) == (200, wanted)


@pytest.mark.parametrize(
    ("key", "reason", "told"),
    [
        (None, "SubscriptionKeyNotFound", "missing"),
        ("wrong", "SubscriptionKeyInvalid", "invalid"),
        ("key-3", "SubscriptionKeyInvalid", "invalid"),
        ("key-4", "SubscriptionKeyInvalid", "invalid"),
    ],
)
async def test_without_a_key_that_is_for_it_an_api_is_closed(key: str | None, reason: str, told: str) -> None:
    answer = await get(gateway(), "/api/x", key)
    assert (answer.status_code, answer.headers["x-why"]) == (401, f"authorization {reason}")
    assert told in answer.json()["message"]


async def test_a_product_that_is_open_needs_no_key() -> None:
    open_product = ProductDeclaration("free", "Free", ["api"], subscription_required=False)
    assert (await get(gateway(products=[open_product]), "/api/x")).text == "any free   "
