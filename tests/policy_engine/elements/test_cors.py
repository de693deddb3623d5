"""Which browser origins are allowed, and which cors policy says so."""

from typing import Any

import pytest

Stack = Any


def cors(*origins: str, terminate: str = "", methods: str = "", attributes: str = "") -> str:
    listed = "".join(f"<origin>{origin}</origin>" for origin in origins)
    terminate = f'terminate-unmatched-request="{terminate}"' if terminate else ""
    return (
        f"<cors {terminate} {attributes}><allowed-origins>{listed}</allowed-origins>{methods}"
        "<allowed-headers><header>X-A</header></allowed-headers></cors>"
    )


DELETE = '<allowed-methods preflight-result-max-age="600"><method>DELETE</method></allowed-methods>'


async def preflight(stack: Stack, origin: str, method: str = "GET") -> Any:
    return await stack.send("OPTIONS", headers={"Origin": origin, "Access-Control-Request-Method": method})


@pytest.mark.parametrize(
    ("allowed", "origin", "let_in"),
    [
        ("https://a.example", "https://a.example", True),
        ("https://A.example/", "https://a.example", True),
        ("https://a.example:443", "https://a.example", True),
        ("https://a.example", "http://a.example", False),
        ("https://a.example", "https://a.example:8443", False),
        ("https://a.example", "https://a.example.evil", False),
        ("https://a.example", "null", False),
        ("https://a.example", "https://[", False),
        ("*", "https://any.example", True),
    ],
)
async def test_origins_are_compared_with_scheme_host_and_port(
    stack: Stack, allowed: str, origin: str, let_in: bool
) -> None:
    stack.policies(cors(allowed, terminate="false"))
    for response in (await preflight(stack, origin), await stack.send(headers={"Origin": origin})):
        assert response.status_code == 200
        assert ("access-control-allow-origin" in response.headers) is let_in


async def test_a_preflight_request_that_is_not_allowed_gets_an_empty_answer(stack: Stack) -> None:
    stack.policies(cors("https://a.example"))
    for origin, method in (("https://b.example", "GET"), ("https://a.example", "DELETE")):
        response = await preflight(stack, origin, method)
        assert (response.status_code, response.content) == (200, b"")
        assert not any(name.startswith("access-control") for name in response.headers)


async def test_methods_and_their_age_are_told(stack: Stack) -> None:
    stack.policies(cors("https://a.example", methods=DELETE, attributes='allow-credentials="true"'))
    response = await preflight(stack, "https://a.example", "DELETE")
    assert response.headers["access-control-allow-methods"] == "DELETE"
    assert response.headers["access-control-max-age"] == "600"
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["vary"] == "Origin"


async def test_the_policy_of_an_outer_scope_is_asked_unless_the_inner_one_ends_it(stack: Stack) -> None:
    outer = cors("https://outer.example", terminate="false")
    for terminate, method in (("false", "GET"), ("true", "POST")):
        document = (
            f"<policies><inbound>{cors('https://inner.example', terminate=terminate)}<base /></inbound></policies>"
        )
        stack.operation(method, "/", document)
    stack.api(policy=f"<policies><inbound><base />{outer}</inbound></policies>")
    stack.build()
    for origin, method, let_in in (
        ("https://inner.example", "GET", True),
        ("https://inner.example", "POST", True),
        ("https://outer.example", "GET", True),
        ("https://outer.example", "POST", False),
        ("https://none.example", "GET", False),
    ):
        response = await preflight(stack, origin, method)
        assert response.status_code == 200
        assert ("access-control-allow-origin" in response.headers) is let_in, (origin, method)


async def test_without_a_policy_there_is_no_preflight(stack: Stack) -> None:
    stack.policies()
    assert (await preflight(stack, "https://a.example")).status_code == 404
