"""Microsoft's own sample of an MCP server behind API Management, whole in the local cloud: nobody tuned one for the other.

The project beside this file declares what its Bicep declares. Its documents are ours, and say the same in other words; with
MCP_SAMPLE, a checkout of Azure-Samples/remote-mcp-apim-functions-python, everything runs with its own documents as well.

Each defect that docs/security.md names has a test that shows it: what the gateway's contract asks for does not hold here.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.sse import sse_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording.models import master_key
from secure_mcp_local.testing import Application, Person, answer_of

PROJECT = Path(__file__).parent / "microsoft_sample"
CHECKOUT = os.environ.get("MCP_SAMPLE", "")


@pytest.fixture(scope="module", params=["ours", pytest.param("theirs", marks=pytest.mark.needs("sample"))])
def documents(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of the documents."""
    if request.param == "ours":
        return "policies"
    folder = tmp_path_factory.mktemp("sample")
    for file in (Path(CHECKOUT) / "infra" / "app").glob("apim-*/*.xml"):
        (folder / file.name).write_bytes(file.read_bytes())
    return str(folder)


@pytest.fixture(scope="module")
async def cloud(documents: str) -> AsyncIterator[LocalCloud]:
    async with LocalCloud.open(PROJECT, port=0, config={"policies": documents, "unbuffered": "true"}) as running:
        yield running


class Visitor(Person):
    """A person who follows a sign-in over the sample's own pages."""

    def _is_page(self, url: str) -> bool:
        return super()._is_page(url) or urlsplit(url).path in {"/authorize", "/consent"}


class Keyring:
    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


async def registered(cloud: LocalCloud, **changes: Any) -> Application:
    application = Application(cloud.gateway_url)
    answer = await application.send(
        "POST", "/register", json={"client_name": "c", "redirect_uris": [application.redirect_uri]} | changes
    )
    application.client_id = answer.json()["client_id"]
    return application


async def signed_in(cloud: LocalCloud, person: Person, **changes: str | None) -> tuple[Application, str]:
    """A client and the code that it was given."""
    application = await registered(cloud)
    end = await person.sign_in(application.authorize_url(resource=None, scope=None, **changes))
    assert isinstance(end, str), end.text
    return application, answer_of(end)["code"]


def approval(application: Application, redirect_uri: str) -> dict[str, str]:
    """The cookie of somebody who has approved, made by somebody who has not: nothing signs it."""
    text = f'["{application.client_id}:{redirect_uri}"]'
    return {"Cookie": f"__Host-MCP_APPROVED_CLIENTS={base64.b64encode(text.encode()).decode()}"}


async def test_a_real_client_signs_in_and_calls_a_tool(cloud: LocalCloud) -> None:
    url, visitor, ends = f"{cloud.gateway_url}/mcp/sse", Visitor("alice"), list[str]()

    async def open_browser(address: str) -> None:
        end = await visitor.sign_in(address)
        assert isinstance(end, str), end.text
        ends.append(end)

    async def wait_for_answer() -> AuthorizationCodeResult:
        answer = answer_of(ends.pop())
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"))

    metadata = OAuthClientMetadata.model_validate(
        {"client_name": "Python client", "redirect_uris": ["http://localhost:3030/callback"]}
    )
    auth = OAuthClientProvider(url, metadata, Keyring(), open_browser, wait_for_answer)

    def http_client(
        headers: dict[str, str] | None = None,
        timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None,
    ) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(headers=headers, timeout=timeout, auth=auth, trust_env=False)

    async with Client(sse_client(url, auth=auth, httpx_client_factory=http_client), mode="legacy") as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {"hello_mcp"}
        answer = await client.call_tool("hello_mcp", {})
        assert "Hello" in str(answer)


async def test_nobody_gets_in_without_a_token(cloud: LocalCloud) -> None:
    assert (await Application(cloud.gateway_url).send("GET", "/mcp/sse")).status_code == 401


async def test_M24_M33_the_master_key_of_the_host_reaches_every_client(cloud: LocalCloud) -> None:
    application, code = await signed_in(cloud, Visitor("alice"))
    key = (await application.exchange(code, resource=None)).json()["access_token"]
    async with (
        httpx.AsyncClient(base_url=cloud.gateway_url, trust_env=False, timeout=30) as client,
        client.stream("GET", "/mcp/sse", headers={"Authorization": f"Bearer {key}"}) as stream,
    ):
        said = [line async for line in _first(stream.aiter_lines(), 2)]
    assert master_key("func-api-sample") in said[1]


async def _first(lines: AsyncIterator[str], count: int) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        count -= 1
        if not count:
            return


async def test_M14_whoever_chooses_the_state_writes_into_any_entry_of_the_cache(cloud: LocalCloud) -> None:
    victim = await registered(cloud)
    asked = urlencode({"client_id": victim.client_id, "redirect_uri": victim.redirect_uri, "state": "s"})
    page = f"/consent?{asked}&code_challenge=c&code_challenge_method=S256"
    assert (await victim.send("GET", page)).status_code == 200
    entry = f"ClientInfo-{victim.client_id}"
    url = victim.authorize_url(state=entry, resource=None)
    answer = await victim.send(
        "GET", url.removeprefix(cloud.gateway_url), headers=approval(victim, victim.redirect_uri)
    )
    assert answer.status_code == 302
    # What the gateway knew of the client is now a code: it cannot be read any more.
    assert (await victim.send("GET", page)).status_code != 200


async def test_M8_M13_client_and_redirect_are_not_checked_and_consent_can_be_forged(cloud: LocalCloud) -> None:
    attacker, evil = Application(cloud.gateway_url, client_id="never-registered"), "https://evil.example/take"
    url = attacker.authorize_url(redirect_uri=evil, resource=None)
    answer = await attacker.send("GET", url.removeprefix(cloud.gateway_url), headers=approval(attacker, evil))
    assert answer.status_code == 302
    assert urlsplit(answer.headers["location"]).path.endswith("/oauth2/v2.0/authorize")


async def test_M17_a_code_is_good_again_and_again_and_for_others(cloud: LocalCloud) -> None:
    application, code = await signed_in(cloud, Visitor("alice"))
    first = await application.exchange(code, resource=None)
    cloud.clock.advance(600)
    second = await application.exchange(code, resource=None)
    assert first.status_code == second.status_code == 200
    assert first.json()["access_token"] == second.json()["access_token"]


async def test_M18_a_challenge_may_be_plain_although_only_S256_is_advertised(cloud: LocalCloud) -> None:
    metadata = (await Application(cloud.gateway_url).send("GET", "/.well-known/oauth-authorization-server")).json()
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    application = await registered(cloud)
    url = application.authorize_url(
        code_challenge=application.verifier, code_challenge_method="plain", resource=None, scope=None
    )
    end = await Visitor("alice").sign_in(url)
    assert isinstance(end, str)
    assert (await application.exchange(answer_of(end)["code"], resource=None)).status_code == 200
    # What is wrong is refused, all the same. Of a challenge that begins with a hyphen nobody knows how .NET orders it, as which the sample compares it.
    other, code = await signed_in(cloud, Visitor("alice"), code_challenge="x" * 43)
    assert (await other.exchange(code, code_verifier="w" * 43, resource=None)).status_code == 400


async def test_M19_the_grant_is_ignored_and_an_unknown_code_is_an_error_of_the_server(cloud: LocalCloud) -> None:
    application, code = await signed_in(cloud, Visitor("alice"))
    assert (await application.exchange(code, grant_type="password", resource=None)).status_code == 200
    assert (await application.exchange("unknown", resource=None)).status_code == 500


async def test_M3_endpoints_are_advertised_that_do_not_exist(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    metadata = (await application.send("GET", "/.well-known/oauth-authorization-server")).json()
    assert "refresh_token" in metadata["grant_types_supported"]
    revocation = metadata["revocation_endpoint"].removeprefix(cloud.gateway_url)
    assert (await application.send("POST", revocation, data={"token": "t"})).status_code == 404


async def test_M1_M2_a_client_is_not_told_where_to_sign_in(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    assert (await application.send("GET", "/.well-known/oauth-protected-resource")).status_code == 404
    assert "resource_metadata" not in str((await application.send("GET", "/mcp/sse")).headers)


async def test_M2_M23_what_was_changed_answers_otherwise_than_what_is_unknown(cloud: LocalCloud) -> None:
    """A padding oracle: whoever asks often enough reads what is encrypted, and makes keys of others."""
    application, code = await signed_in(cloud, Visitor("alice"))
    key = base64.b64decode((await application.exchange(code, resource=None)).json()["access_token"])
    statuses: set[int] = set()
    for place in (0, len(key) - 1):
        changed = bytearray(key)
        changed[place] ^= 1
        header = {"Authorization": f"Bearer {base64.b64encode(bytes(changed)).decode()}"}
        statuses.add((await application.send("GET", "/mcp/sse", headers=header)).status_code)
    assert statuses == {401, 500}


async def test_S5_a_denial_lasts_a_year(cloud: LocalCloud) -> None:
    application, visitor = await registered(cloud), Visitor("alice")
    url = application.authorize_url(resource=None, scope=None)
    asked = (await visitor.request("GET", url)).headers["location"]
    here = asked if asked.startswith("http") else f"{cloud.gateway_url}{asked}"
    page = await visitor.request("GET", here)
    assert (await visitor.submit(page, consent_action="deny")).status_code == 403
    cloud.clock.advance(300)
    assert (await visitor.request("GET", here)).status_code == 403


async def test_M5_M6_anything_can_be_registered_and_is_answered_200(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    answer = await application.send(
        "POST", "/register", json={"client_name": "c", "redirect_uris": ["javascript:alert(1)"]}
    )
    assert answer.status_code == 200
    assert answer.json()["redirect_uris"] == ["javascript:alert(1)"]


async def test_M7_clients_vanish_after_an_hour(cloud: LocalCloud) -> None:
    """They are in Cosmos DB, and asked for there with a header that it does not know."""
    application = await registered(cloud)
    asked = urlencode({"client_id": application.client_id, "redirect_uri": application.redirect_uri, "state": "s"})
    page = f"/consent?{asked}&code_challenge=c&code_challenge_method=S256"
    assert (await application.send("GET", page)).status_code == 200
    cloud.clock.advance(3700)
    assert (await application.send("GET", page)).status_code == 403


async def test_S1_preflights_are_answered_by_operations_that_ask_nobody(cloud: LocalCloud) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = await Application(cloud.gateway_url).send("OPTIONS", "/register", headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert "POST" not in answer.headers["access-control-allow-methods"]


async def test_as_it_is_declared_streams_are_held_back(documents: str) -> None:
    """No policy turns buffering off, which events need: learn.microsoft.com/azure/api-management/how-to-server-sent-events."""
    async with LocalCloud.open(PROJECT, port=0, config={"policies": documents}) as cloud:
        application, code = await signed_in(cloud, Visitor("alice"))
        key = (await application.exchange(code, resource=None)).json()["access_token"]
        async with httpx.AsyncClient(base_url=cloud.gateway_url, trust_env=False, timeout=2) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get("/mcp/sse", headers={"Authorization": f"Bearer {key}"})


async def test_a_users_codes_go_to_the_redirect_that_was_asked_for(cloud: LocalCloud) -> None:
    application = await registered(cloud)
    end = await Visitor("alice").sign_in(application.authorize_url(state="a b", resource=None, scope=None))
    assert isinstance(end, str)
    assert end.startswith(application.redirect_uri)
    assert parse_qs(urlsplit(end).query)["code"]


def test_check_finds_what_is_known_of_it(documents: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "secure_mcp_local", "check", "--json", "--config", f"policies={documents}"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert answer.returncode == 1, answer.stderr
    found = {(one["rule"], one["level"]) for one in json.loads(answer.stdout)["findings"]}
    assert found >= {
        ("fixed-iv", "error"),
        ("secret-in-trace", "error"),
        ("unauthenticated-encryption", "warning"),
        ("weak-consistency", "error"),
    }
