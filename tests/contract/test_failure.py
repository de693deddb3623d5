"""Services fail: the right answer within a bounded time, nothing half-done, recovery without a restart."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person, answer_of


@contextmanager
def fault(cloud: LocalCloud, name: str) -> Iterator[None]:
    cloud.network.faults.active.add(name)
    try:
        yield
    finally:
        cloud.network.faults.active.discard(name)


COSMOS = ["cosmos-429", "cosmos-503", "cosmos-timeout", "identity-unavailable"]
ENTRA = ["entra-slow", "entra-down", "entra-error-page"]
FUNCTIONS = {"functions-down": {502, 503}, "functions-401": {502}, "functions-500": {502}}


@pytest.mark.parametrize("name", COSMOS)
async def test_registration_says_try_again_and_then_works(cloud: LocalCloud, name: str) -> None:
    application = Application(cloud.gateway_url)
    with fault(cloud, name):
        response = await application.register()
        assert_unavailable(response)
    assert (await application.register()).status_code == 201


@pytest.mark.parametrize("name", COSMOS)
async def test_authorize_says_so_to_the_person_or_the_client_and_then_works(cloud: LocalCloud, name: str) -> None:
    application = Application(cloud.gateway_url)
    await application.register()
    cloud.gateway.cache.clear()
    with fault(cloud, name):
        page = await Person().request("GET", application.authorize_url())
        assert page.status_code == 503
        assert page.headers["content-type"].startswith("text/html")
        assert "try again" in page.text.lower()
    await application.send("GET", application.authorize_url())  # fills the cache
    with fault(cloud, name):
        response = await application.send("GET", application.authorize_url())
        assert answer_of(response.headers["location"])["error"] == "temporarily_unavailable"
    assert "access_token" in await application.tokens(Person())


@pytest.mark.parametrize("name", COSMOS)
async def test_a_code_survives_a_failed_exchange(cloud: LocalCloud, name: str) -> None:
    application = Application(cloud.gateway_url)
    await application.register()
    code = await application.code(Person())
    with fault(cloud, name):
        assert_unavailable(await application.exchange(code))
    assert (await application.exchange(code)).status_code == 200


@pytest.mark.parametrize("name", [*COSMOS, *ENTRA])
async def test_a_refresh_token_survives_a_failed_refresh(cloud: LocalCloud, name: str) -> None:
    application = Application(cloud.gateway_url)
    tokens = await application.tokens(Person())
    with fault(cloud, name):
        start = time.monotonic()
        assert_unavailable(await application.refresh(tokens["refresh_token"]))
        assert time.monotonic() - start < 30
    assert (await application.refresh(tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize("name", COSMOS)
async def test_calls_are_503_and_not_401_when_the_session_cannot_be_read(cloud: LocalCloud, name: str) -> None:
    application = Application(cloud.gateway_url)
    key = (await application.tokens(Person()))["access_token"]
    cloud.gateway.cache.clear()
    with fault(cloud, name):
        response = await application.call(key)
        assert response.status_code == 503
        assert response.headers["retry-after"]
        assert "www-authenticate" not in response.headers
    assert (await application.call(key)).status_code == 200


@pytest.mark.parametrize("name", ENTRA)
async def test_a_sign_in_ends_with_an_error_of_the_clients_when_entra_fails(cloud: LocalCloud, name: str) -> None:
    application, person = Application(cloud.gateway_url), Person()
    await application.register()
    page = await person.request("GET", application.authorize_url())
    response = await person.submit(page)
    response = await person.request("GET", response.headers["location"])
    while "/oauth-callback" not in response.headers.get("location", ""):
        response = await person.submit(response)
    with fault(cloud, name):
        start = time.monotonic()
        response = await person.request("GET", response.headers["location"])
        assert time.monotonic() - start < 30
    answer = answer_of(response.headers["location"])
    assert answer["error"] == "temporarily_unavailable"
    assert answer["state"] == application.state
    assert "access_token" in await application.tokens(Person())


@pytest.mark.parametrize("name", FUNCTIONS)
async def test_calls_say_that_the_server_is_down_without_details(cloud: LocalCloud, name: str) -> None:
    application = Application(cloud.gateway_url)
    key = (await application.tokens(Person()))["access_token"]
    with fault(cloud, name):
        response = await application.call(key)
        assert response.status_code in FUNCTIONS[name]
        assert set(response.json()) == {"jsonrpc", "id", "error"}
        assert "www-authenticate" not in response.headers
    assert (await application.call(key)).status_code == 200


async def test_a_cold_server_is_waited_for(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    key = (await application.tokens(Person()))["access_token"]
    with fault(cloud, "functions-cold"):
        assert (await application.call(key)).status_code == 200


async def test_a_dropped_stream_ends_for_the_client_too(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    key = (await application.tokens(Person()))["access_token"]
    with fault(cloud, "functions-drop"):
        try:
            response = await application.call(key, "tools/list")
        except httpx.RemoteProtocolError:
            pass
        else:
            assert '"result"' not in response.text
    assert (await application.call(key)).status_code == 200


def assert_unavailable(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert response.json()["error"] == "temporarily_unavailable"
    assert response.headers["retry-after"]
