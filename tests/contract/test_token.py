"""/token and /revoke: codes, session keys, refresh tokens."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person


@pytest.fixture
async def registered(application: Application) -> Application:
    (await application.register()).raise_for_status()
    return application


def assert_error(response: httpx.Response, error: str, status: int = 400) -> None:
    assert response.status_code == status, response.text
    assert response.json()["error"] == error
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"].startswith("application/json")


async def works(application: Application, key: str) -> bool:
    response = await application.call(key)
    assert response.status_code in {200, 401}, response.text
    return response.status_code == 200


async def test_M17_a_code_works_once_and_its_replay_ends_the_session(registered: Application) -> None:
    code = await registered.code(Person())
    tokens = (await registered.exchange(code)).json()
    assert await works(registered, tokens["access_token"])
    assert_error(await registered.exchange(code), "invalid_grant")
    assert not await works(registered, tokens["access_token"])
    assert_error(await registered.refresh(tokens["refresh_token"]), "invalid_grant")


async def test_M17_of_eight_exchanges_at_once_one_succeeds(registered: Application) -> None:
    code = await registered.code(Person())
    answers = await asyncio.gather(*(registered.exchange(code) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
    for answer in answers:
        if answer.status_code != 200:
            assert_error(answer, "invalid_grant")


async def test_M17_a_code_lives_a_minute(cloud: LocalCloud, registered: Application) -> None:
    code = await registered.code(Person())
    cloud.clock.advance(61)
    assert_error(await registered.exchange(code), "invalid_grant")


async def test_M17_a_code_is_at_least_128_bits(registered: Application) -> None:
    codes = {await registered.code(Person()) for _ in range(3)}
    assert len(codes) == 3
    assert all(len(code) >= 22 for code in codes)


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://127.0.0.1:1/callback"},
        {"redirect_uri": None},
        {"code_verifier": None},
        {"code_verifier": ""},
        {"code_verifier": "a" * 43},
        {"code_verifier": "a" * 42},
        {"code": "a" * 43},
        {"code": "../client-x"},
        {"code": "%2e%2e/x"},
    ],
)
async def test_M17_M18_a_code_is_bound_to_what_asked_for_it(
    registered: Application, changes: dict[str, str | None]
) -> None:
    code = await registered.code(Person())
    assert_error(await registered.exchange(code, **changes), "invalid_grant")


async def test_M17_a_code_is_bound_to_its_client(cloud: LocalCloud, registered: Application) -> None:
    code = await registered.code(Person())
    thief = Application(cloud.gateway_url, verifier=registered.verifier)
    await thief.register()
    assert_error(await thief.exchange(code), "invalid_grant")


async def test_M11_a_token_request_for_a_foreign_resource_is_refused(registered: Application) -> None:
    code = await registered.code(Person())
    assert_error(await registered.exchange(code, resource="https://other.example/mcp"), "invalid_target")


@pytest.mark.parametrize("resource", [None, "upper", "slash"])
async def test_M11_a_token_request_tolerates_what_authorize_does(registered: Application, resource: str | None) -> None:
    own = registered.gateway_url + "/mcp"
    values = {None: None, "upper": own.upper(), "slash": own + "/"}
    code = await registered.code(Person())
    assert (await registered.exchange(code, resource=values[resource])).status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "client_id": "CLIENT"}, "invalid_request"),
        ({"grant_type": "refresh_token", "client_id": "CLIENT"}, "invalid_request"),
        ({"grant_type": "password", "client_id": "CLIENT"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "client_id": "unknown", "code": "x"}, "invalid_client"),
        (
            {"grant_type": "authorization_code", "client_id": "00000000-0000-4000-8000-000000000000", "code": "x"},
            "invalid_client",
        ),
        ({"grant_type": "refresh_token", "client_id": "CLIENT", "refresh_token": "x"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "client_id": "CLIENT", "refresh_token": "x" * 20000}, "invalid_grant"),
        ({"grant_type": "refresh_token", "client_id": "CLIENT", "refresh_token": "\x00ü"}, "invalid_grant"),
    ],
)
async def test_M19_errors_are_those_of_rfc_6749(registered: Application, form: dict[str, str], error: str) -> None:
    sent = {name: registered.client_id if value == "CLIENT" else value for name, value in form.items()}
    assert_error(await registered.send("POST", "/token", data=sent), error, 401 if error == "invalid_client" else 400)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"grant_type": "authorization_code"}'),
        ("text/plain", b"grant_type=authorization_code"),
        ("application/x-www-form-urlencoded", b"\xff\xfe=%zz&&&==="),
        ("application/x-www-form-urlencoded", b"grant_type=" + b"x" * 70000),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("", b""),
    ],
)
async def test_M19_what_is_no_form_is_an_invalid_request(
    registered: Application, content_type: str, body: bytes
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    assert_error(await registered.send("POST", "/token", content=body, headers=headers), "invalid_request")


async def test_M20_a_token_answer_has_all_that_clients_need_and_nothing_of_entra(registered: Application) -> None:
    response = await registered.exchange(await registered.code(Person()))
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"].startswith("application/json")
    answer = response.json()
    assert set(answer) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 1800
    assert answer["scope"] == "mcp:tools"
    assert "eyJ" not in response.text


async def test_M20_S8_expires_in_is_true(cloud: LocalCloud, registered: Application) -> None:
    answer = (await registered.exchange(await registered.code(Person()))).json()
    assert 1790 <= answer["expires_in"] <= 1800, "half an hour"
    cloud.clock.advance(answer["expires_in"] - 5)
    assert await works(registered, answer["access_token"])
    cloud.clock.advance(6)
    assert not await works(registered, answer["access_token"])


async def test_M21_forms_in_any_order_and_encoding(registered: Application) -> None:
    registered.redirect_uri = "http://127.0.0.1:53682/callback?a=b+c%20d"
    await registered.register()
    code = await registered.code(Person())
    every_byte = "".join(f"%{byte:02x}" for byte in registered.redirect_uri.encode())
    body = (
        f"code_verifier={registered.verifier}&redirect_uri={every_byte}&client_id={registered.client_id}"
        f"&code={code}&grant%5ftype=authorization%5Fcode"
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    assert (await registered.send("POST", "/token", content=body, headers=headers)).status_code == 200


@pytest.mark.parametrize("name", ["grant_type", "client_id", "code", "code_verifier", "redirect_uri"])
async def test_M21_repeated_fields_are_refused(registered: Application, name: str) -> None:
    code = await registered.code(Person())
    form: dict[str, Any] = {
        "grant_type": "authorization_code",
        "client_id": registered.client_id,
        "code": code,
        "code_verifier": registered.verifier,
        "redirect_uri": registered.redirect_uri,
    }
    form[name] = [form[name], form[name]]
    assert_error(await registered.send("POST", "/token", data=form), "invalid_request")


async def test_M22_S4_refresh_tokens_rotate(registered: Application) -> None:
    first = await registered.tokens(Person())
    second = (await registered.refresh(first["refresh_token"])).json()
    third = (await registered.refresh(second["refresh_token"])).json()
    assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    assert len({first["access_token"], second["access_token"], third["access_token"]}) == 3
    assert await works(registered, third["access_token"])


async def test_M22_a_lost_answer_can_be_asked_for_again_for_a_moment(
    cloud: LocalCloud, registered: Application
) -> None:
    first = await registered.tokens(Person())
    await registered.refresh(first["refresh_token"])
    cloud.clock.advance(33)
    again = await registered.refresh(first["refresh_token"])
    assert again.status_code == 200
    assert (await registered.refresh(again.json()["refresh_token"])).status_code == 200


@pytest.mark.parametrize(("wait", "generations"), [(121, 1), (0, 2)])
async def test_M22_reuse_of_an_old_refresh_token_ends_the_session(
    cloud: LocalCloud, registered: Application, wait: float, generations: int
) -> None:
    first = latest = await registered.tokens(Person())
    for _ in range(generations):
        latest = (await registered.refresh(latest["refresh_token"])).json()
    cloud.clock.advance(wait)
    assert_error(await registered.refresh(first["refresh_token"]), "invalid_grant")
    assert_error(await registered.refresh(latest["refresh_token"]), "invalid_grant")
    assert not await works(registered, latest["access_token"])


async def test_M22_refreshes_at_once_give_one_successor(registered: Application) -> None:
    first = await registered.tokens(Person())
    answers = await asyncio.gather(*(registered.refresh(first["refresh_token"]) for _ in range(6)))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert good
    assert all(answer.status_code in {200, 400, 503} for answer in answers)
    final = await registered.refresh(good[0]["refresh_token"])
    assert final.status_code == 200


async def test_M22_a_refresh_token_is_bound_to_its_client_and_resource(
    cloud: LocalCloud, registered: Application
) -> None:
    tokens = await registered.tokens(Person())
    thief = Application(cloud.gateway_url)
    await thief.register()
    assert_error(await thief.refresh(tokens["refresh_token"]), "invalid_grant")
    assert_error(await registered.refresh(tokens["refresh_token"], resource="https://x.example/"), "invalid_target")
    assert (await registered.refresh(tokens["refresh_token"])).status_code == 200


async def test_S8_a_session_ends_when_it_is_not_used_for_as_long_as_configured(
    cloud: LocalCloud, registered: Application
) -> None:
    tokens = await registered.tokens(Person())
    cloud.clock.advance(14 * 86400 + 1)
    assert_error(await registered.refresh(tokens["refresh_token"]), "invalid_grant")


async def test_S11_a_disabled_user_cannot_refresh(cloud: LocalCloud, registered: Application) -> None:
    tokens = await registered.tokens(Person("bob"))
    user = next(user for user in cloud.entra.users if user.name.lower().startswith("bob"))
    cloud.entra.revoke(user)
    assert_error(await registered.refresh(tokens["refresh_token"]), "invalid_grant")
    assert not await works(registered, tokens["access_token"])


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_S12_revocation_ends_the_session(registered: Application, kind: str) -> None:
    tokens = await registered.tokens(Person())
    assert await works(registered, tokens["access_token"])
    form = {"token": tokens[kind], "client_id": registered.client_id, "token_type_hint": kind}
    assert (await registered.send("POST", "/revoke", data=form)).status_code == 200
    assert not await works(registered, tokens["access_token"])
    assert_error(await registered.refresh(tokens["refresh_token"]), "invalid_grant")


async def test_S12_revocation_by_another_client_changes_nothing(cloud: LocalCloud, registered: Application) -> None:
    tokens = await registered.tokens(Person())
    thief = Application(cloud.gateway_url)
    await thief.register()
    form = {"token": tokens["refresh_token"], "client_id": thief.client_id}
    assert (await thief.send("POST", "/revoke", data=form)).status_code == 200
    assert await works(registered, tokens["access_token"])


@pytest.mark.parametrize("form", [{}, {"token": "x"}, {"client_id": "x"}])
async def test_S12_revocation_needs_a_token_and_a_client(registered: Application, form: dict[str, str]) -> None:
    assert_error(await registered.send("POST", "/revoke", data=form), "invalid_request")


async def test_S12_revoking_what_is_no_token_succeeds(registered: Application) -> None:
    form = {"token": "unknown", "client_id": registered.client_id}
    assert (await registered.send("POST", "/revoke", data=form)).status_code == 200


async def test_M20_errors_do_not_repeat_what_was_sent(registered: Application) -> None:
    marker = "marker-8f3a"
    response = await registered.send("POST", "/token", data={"grant_type": marker, "client_id": marker, "code": marker})
    assert marker not in json.dumps(dict(response.headers)) + response.text
