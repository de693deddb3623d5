"""App Service authentication as it is declared: only the gateway's identity reaches the code."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import Recording

SETTINGS = "azure-native:web:WebAppAuthSettingsV2"
SITE = "azure-native:web:WebApp"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
OTHER = "99999999-9999-4999-8999-999999999999"


async def test_the_gateway_is_let_in(app: Any) -> None:
    assert (await app.post(PING)).status_code == 200


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": OTHER}, 401),
        ({"aud": "https://storage.azure.com"}, 401),
        ({"iss": "https://login.microsoftonline.com/other/v2.0"}, 401),
        ({"exp": 1}, 401),
        ({"azp": OTHER}, 403),
        ({"azp": ""}, 403),
        ({"oid": OTHER}, 403),
        ({"oid": ""}, 403),
    ],
)
async def test_others_are_not(app: Any, claims: dict[str, Any], status: int) -> None:
    response = await app.post(PING, headers=app.headers(Authorization=f"Bearer {app.token(**claims)}"))
    assert response.status_code == status
    assert response.text == "You do not have permission to view this directory or page."


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer x.y.z", "Basic YTpi", "bearer null"])
async def test_without_a_token_there_is_a_challenge(app: Any, authorization: str) -> None:
    response = await app.post(PING, headers=app.headers(Authorization=authorization))
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith(f'Bearer realm="{app.host.site.host}" authorization_uri="')


async def test_two_tokens_are_none(app: Any) -> None:
    headers = [*app.headers().items(), ("Authorization", f"Bearer {app.token()}")]
    assert (await app.post(PING, headers=headers)).status_code == 401


async def test_tokens_expire_by_the_clock(run: Any) -> None:
    async with run() as app:
        headers = app.headers()
        assert (await app.post(PING, headers=headers)).status_code == 200
        app.clock.advance(2 * 3600)
        assert (await app.post(PING, headers=headers)).status_code == 401


@pytest.mark.parametrize("path", ["", "/sse", "/message", "/../../../x"])
async def test_nothing_is_reached_without_a_token(app: Any, path: str) -> None:
    assert (await app.post(PING, path, headers={"Accept": "*/*"})).status_code == 401


async def test_only_the_platform_says_who_calls(run: Any, code_with: Any) -> None:
    async with run(code=code_with("return json.dumps(context['transport']['properties']['headers'])")) as app:
        forged = {"X-MS-CLIENT-PRINCIPAL": "x", "X-Ms-Client-Principal-Name": "mallory", "X-MS-TOKEN-AAD-ID-TOKEN": "x"}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "tool"}}
        response = await app.post(message, headers=app.headers(**forged))
        identity = app.recording.one(SETTINGS).inputs["identityProviders"]["azureActiveDirectory"]["validation"]
    seen = json.loads(json.loads(response.text.partition("data: ")[2])["result"]["content"][0]["text"])
    expected = identity["defaultAuthorizationPolicy"]["allowedPrincipals"]["identities"][0]
    assert seen["x-ms-client-principal-id"] == expected
    claims = json.loads(base64.b64decode(seen["x-ms-client-principal"]))["claims"]
    assert {"typ": "oid", "val": expected} in claims
    assert not {"x-ms-client-principal-name", "x-ms-token-aad-id-token"} & seen.keys()


def settings(**properties: Any) -> Callable[[Recording], Recording]:
    return lambda recording: recording.changed(recording.one(SETTINGS).urn, **properties)


def directory(recording: Recording) -> dict[str, Any]:
    return json.loads(json.dumps(recording.one(SETTINGS).inputs["identityProviders"]["azureActiveDirectory"]))


def with_directory(edit: Callable[[dict[str, Any]], object]) -> Callable[[Recording], Recording]:
    def change(recording: Recording) -> Recording:
        declared = directory(recording)
        edit(declared)
        return settings(identityProviders={"azureActiveDirectory": declared})(recording)

    return change


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (
            with_directory(lambda d: d["validation"]["defaultAuthorizationPolicy"].update(allowedApplications=[OTHER])),
            403,
        ),
        (with_directory(lambda d: d["validation"]["defaultAuthorizationPolicy"].update(allowedApplications=[])), 403),
        (
            with_directory(
                lambda d: d["validation"]["defaultAuthorizationPolicy"].update(
                    allowedPrincipals={"identities": [OTHER]}
                )
            ),
            403,
        ),
        (
            with_directory(lambda d: d["registration"].update(openIdIssuer="https://login.microsoftonline.com/x/v2.0")),
            401,
        ),
        (
            with_directory(
                lambda d: (d["validation"].update(allowedAudiences=[OTHER]), d["registration"].update(clientId=OTHER))
            ),
            401,
        ),
        (settings(globalValidation={"requireAuthentication": True, "unauthenticatedClientAction": "Return403"}), 200),
    ],
)
async def test_what_is_declared_decides(run: Any, change: Any, status: int) -> None:
    async with run(change) as app:
        assert (await app.post(PING)).status_code == status


async def test_the_status_for_strangers_is_as_declared(run: Any) -> None:
    change = settings(globalValidation={"requireAuthentication": True, "unauthenticatedClientAction": "Return403"})
    async with run(change) as app:
        assert (await app.post(PING, headers={})).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        settings(globalValidation={"requireAuthentication": False}),
        settings(
            globalValidation={"requireAuthentication": True, "unauthenticatedClientAction": "RedirectToLoginPage"}
        ),
        settings(
            globalValidation={
                "requireAuthentication": True,
                "unauthenticatedClientAction": "Return401",
                "excludedPaths": ["/runtime"],
            }
        ),
        settings(identityProviders={"gitHub": {"enabled": True}}),
        with_directory(lambda d: d["validation"].update(jwtClaimChecks={"allowedGroups": ["x"]})),
        with_directory(
            lambda d: d["validation"]["defaultAuthorizationPolicy"]["allowedPrincipals"].update(groups=["x"])
        ),
    ],
)
async def test_what_is_not_modelled_is_refused(run: Any, change: Any) -> None:
    with pytest.raises(NotModelled):
        async with run(change):
            pass


def with_settings(*, enabled: bool = False, **values: str) -> Callable[[Recording], Recording]:
    """Authentication turned on or off, and more app settings."""

    def change(recording: Recording) -> Recording:
        site = recording.one(SITE)
        entries = [*site.inputs["siteConfig"]["appSettings"], *({"name": n, "value": v} for n, v in values.items())]
        config = {**site.inputs["siteConfig"], "appSettings": entries}
        return settings(platform={"enabled": enabled})(recording.changed(site.urn, siteConfig=config))

    return change


LEVEL = "AzureFunctionsJobHost__extensions__mcp__system__webhookAuthorizationLevel"


async def test_the_function_key_is_asked_for_where_a_setting_says_so(run: Any) -> None:
    headers = {"Accept": "*/*"}
    async with run(with_settings(enabled=False, **{LEVEL: "System"})) as app:
        key = app.host.site.system_key
        assert (await app.post(PING, headers=headers)).status_code == 401
        assert (await app.post(PING, headers=headers | {"x-functions-key": "x"})).status_code == 401
        assert (await app.post(PING, headers=headers | {"x-functions-key": key})).status_code == 200
        assert (await app.post(PING, f"?code={key}", headers=headers)).status_code == 200
        assert (await app.post(PING, "?code=x", headers=headers | {"x-functions-key": key})).status_code == 401
        assert (await app.post(PING, headers=app.headers())).status_code == 401


async def test_a_level_that_does_not_exist(run: Any) -> None:
    with pytest.raises(LocalCloudError, match="System, Anonymous"):
        async with run(with_settings(enabled=False, **{LEVEL: "Nobody"})):
            pass


async def test_turned_off_everybody_is_let_in_as_in_azure(run: Any) -> None:
    async with run(with_settings()) as app:
        assert (await app.post(PING, headers={"Accept": "*/*"})).status_code == 200
