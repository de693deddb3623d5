"""M6, M19: who was given a secret proves who it is; only the secret's hash is kept."""

from typing import Any

import httpx
import pytest

from secure_mcp_local.azure.cosmos.container import Container
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person


async def registered(cloud: LocalCloud, method: str | None) -> tuple[Application, dict[str, Any]]:
    application = Application(cloud.gateway_url)
    response = await application.register(**({"token_endpoint_auth_method": method} if method else {}))
    assert response.status_code == 201, response.text
    assert response.headers["cache-control"] == "no-store"
    return application, response.json()


async def exchanged(
    application: Application, *, basic: tuple[str, str] | None = None, **form: str | None
) -> httpx.Response:
    """One exchange of a new code, with credentials in the header or in the form."""
    fields = {
        "grant_type": "authorization_code",
        "code": await application.code(Person()),
        "redirect_uri": application.redirect_uri,
        "client_id": application.client_id,
        "code_verifier": application.verifier,
    } | form
    data = {name: value for name, value in fields.items() if value is not None}
    return await application.send("POST", "/token", data=data, **({"auth": basic} if basic else {}))


def registrations(cloud: LocalCloud) -> Container:
    return next(container for container in cloud.cosmos.containers if container.name == "registrations")


def assert_invalid_client(response: httpx.Response) -> None:
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client"), response.text


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_M6_who_asked_for_a_secret_authenticates_by_either_method(cloud: LocalCloud, method: str) -> None:
    application, answer = await registered(cloud, method)
    secret = answer["client_secret"]
    assert len(secret) >= 43, "256 bits"
    assert answer["client_secret_expires_at"] == 0
    assert answer["token_endpoint_auth_method"] == method
    assert (await exchanged(application, basic=(application.client_id, secret))).status_code == 200
    assert (await exchanged(application, basic=(application.client_id, secret), client_id=None)).status_code == 200
    assert (await exchanged(application, client_secret=secret)).status_code == 200
    assert_invalid_client(await exchanged(application))
    assert_invalid_client(await exchanged(application, client_secret=secret[:-1] + "_"))
    assert_invalid_client(await exchanged(application, basic=(application.client_id, "wrong")))
    assert_invalid_client(await exchanged(application, basic=("another", secret)))
    both = await exchanged(application, basic=(application.client_id, secret), client_secret=secret)
    assert both.json()["error"] == "invalid_request"


async def test_M6_who_asked_for_nothing_may_come_without_until_it_used_its_secret(cloud: LocalCloud) -> None:
    application, answer = await registered(cloud, None)
    assert answer["token_endpoint_auth_method"] == "client_secret_basic"
    assert (await exchanged(application)).status_code == 200
    assert_invalid_client(await exchanged(application, client_secret="wrong"))
    assert (await exchanged(application)).status_code == 200
    assert (await exchanged(application, client_secret=answer["client_secret"])).status_code == 200
    assert_invalid_client(await exchanged(application))
    cloud.gateway.cache.clear()
    assert_invalid_client(await exchanged(application))


async def test_M6_a_secret_that_was_used_at_another_gateway_is_needed_here_at_once(cloud: LocalCloud) -> None:
    """So it is at this one, where a request from before the first use wrote to the cache after it."""
    application, answer = await registered(cloud, None)
    code = await application.code(Person())
    tokens = (await application.exchange(code)).json()
    assert registrations(cloud).edit(f"client-{application.client_id}", secretRequired=True) == 1
    assert_invalid_client(await application.refresh(tokens["refresh_token"]))
    assert_invalid_client(await application.exchange(code))
    form = {"token": tokens["refresh_token"], "client_id": application.client_id}
    assert_invalid_client(await application.send("POST", "/revoke", data=form))
    again = await application.refresh(tokens["refresh_token"], client_secret=answer["client_secret"])
    assert again.status_code == 200, "and nothing was ended"


async def test_M6_a_registration_that_was_taken_away_is_gone_though_it_is_used(cloud: LocalCloud) -> None:
    application, _ = await registered(cloud, "none")
    tokens = await application.tokens(Person())
    document = f"client-{application.client_id}"
    registrations(cloud).delete(document, document, None)
    answers: list[httpx.Response] = []
    for _ in range(15):  # What is looked up is kept for two hours; whether it is still there is looked at daily.
        cloud.clock.advance(7100)
        answers.append(await application.refresh(tokens["refresh_token"]))
        tokens = answers[-1].json()
        if answers[-1].status_code != 200:
            break
    assert_invalid_client(answers[-1])
    assert len(answers) > 1, "the cache had it"


async def test_M6_who_asked_for_none_is_public(cloud: LocalCloud) -> None:
    application, answer = await registered(cloud, "none")
    assert "client_secret" not in answer
    assert (await exchanged(application)).status_code == 200
    assert_invalid_client(await exchanged(application, client_secret="x"))


async def test_M6_another_method_is_refused(cloud: LocalCloud) -> None:
    response = await Application(cloud.gateway_url).register(token_endpoint_auth_method="private_key_jwt")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")


async def test_M6_a_session_can_be_revoked_by_its_authenticated_client_only(cloud: LocalCloud) -> None:
    application, answer = await registered(cloud, "client_secret_post")
    tokens = (await exchanged(application, client_secret=answer["client_secret"])).json()
    form = {"token": tokens["refresh_token"], "client_id": application.client_id}
    assert_invalid_client(await application.send("POST", "/revoke", data=form))
    assert (await application.call(tokens["access_token"])).status_code == 200
    basic = (application.client_id, answer["client_secret"])
    assert (await application.send("POST", "/revoke", data=form, auth=basic)).status_code == 200
    assert (await application.call(tokens["access_token"])).status_code == 401


async def test_M6_the_secret_itself_is_nowhere(cloud: LocalCloud) -> None:
    _, answer = await registered(cloud, "client_secret_basic")
    stored = [str(document) for container in cloud.cosmos.containers for document in container.documents()]
    assert any(answer["client_id"] in document for document in stored)
    assert answer["client_secret"] not in "".join(stored)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=utf-7"]
)
async def test_M5_D13_what_is_no_json_does_not_register(application: Application, content_type: str) -> None:
    body = '{"redirect_uris":["http://127.0.0.1:1/c"]}'
    response = await application.send("POST", "/register", content=body, headers={"Content-Type": content_type})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")


@pytest.mark.parametrize(
    "uri",
    [
        "cursor://a:b@c/",
        "cursor:////a@c/",
        "https://app.example/cb?code=1&state=2",
        "https://app.example/cb?a=b&STATE=2",
        "https://app.example/cb?%63ode=1",
        "https://app.example/cb?iss",
        "cursor://x/cb?error=1",
        "https://app.example/cb?%20code%00=1",
        "https://app.example/cb?code%0D%0A=1",
        "https://app.example/cb%7f",
        "https://app.example/cb?x=%zz",
    ],
)
async def test_M5_D7_D12_a_redirect_uri_that_misleads_is_refused(application: Application, uri: str) -> None:
    response = await application.register(redirect_uris=[uri])
    assert (response.status_code, response.json()["error"]) == (400, "invalid_redirect_uri")
