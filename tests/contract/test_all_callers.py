"""W, U and E at once on one server: whatever comes from elsewhere is in no answer, trace, log, cache, store or other request."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from actors.assertion_agent import CLIENTS, CORP, Agent
from actors.downstream import HEADER, Spoken
from contract import test_workloads as workloads
from contract.conftest import STAND_IN, CloudWith
from contract.test_sessions import events
from contract.test_workloads import SIGNER, Host, asked, asserted, call, entra_token, platform_token
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

AGENT = CLIENTS[0]
CONFIG = workloads.CONFIG | {
    "clients": json.dumps([*workloads.CLIENTS, AGENT]),
    "identityProviders": json.dumps(
        [CORP.declared | {"clients": [AGENT["id"]], "servers": {"mcp": "Snippets.Delete"}}]
    ),
    "userTokenScopes": '[{"scopes": ["User.Read"], "tools": ["my_profile"]}]',
}
FAULTS = ("", "entra-down", "entra-error-page", "cosmos-503", "functions-500", "identity-unavailable", "tenant-consent")
TOOLS = ("get_snippet", "my_profile", "list_snippets")


@pytest.fixture(scope="module")
async def cloud(cloud_with: CloudWith) -> AsyncIterator[LocalCloud]:
    async with cloud_with(**CONFIG) as running:
        SIGNER.now = CORP.signer.now = running.clock.now

        async def platform(request: Request) -> JSONResponse:
            named = {"issuer": workloads.ISSUER, "jwks_uri": f"https://{workloads.PLATFORM}/keys"}
            return JSONResponse(SIGNER.jwks if request.url.path == "/keys" else named)

        running.network.serve(workloads.PLATFORM, Starlette(routes=[Route("/{path:path}", platform)]))
        running.network.serve(CORP.host, CORP.app)
        yield running


async def test_W1_W2_U3_E2_M31_nothing_that_came_from_elsewhere_is_seen_elsewhere(
    cloud: LocalCloud, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    entra, host, faults = Spoken(cloud.entra.app), Host(), cloud.network.faults.active
    for name in [
        each
        for each in cloud.network.hosts
        if each.startswith("login.microsoft") or each == urlsplit(cloud.entra_url).netloc
    ]:
        cloud.network.serve(name, entra, kind="entra")
    cloud.network.serve(STAND_IN, host.app, kind="functions")
    cloud.gateway.traces.clear()
    person, agent = Person("alice", now=cloud.clock.now), Agent(cloud)
    user = await Application(cloud.gateway_url).tokens(person)
    foreign: set[str] = set()
    answers: list[httpx.Response] = []

    async def keys() -> dict[str, str]:
        """A key for each kind of caller, or none where a fault is in the way; all that is brought is kept."""
        brought = (
            signed := SIGNER.assertion("signer", cloud.gateway_url),
            platform := platform_token(cloud),
            assertion := agent.assertion(),
        )
        foreign.update(brought)
        given = {
            "signer": await asked(cloud, **asserted(signed)),
            "pipeline": await asked(cloud, **asserted(platform)),
            "agent": await agent.bring(assertion),
        }
        answers.extend(given.values())
        foreign.add(robot := entra_token(cloud))
        found = {name: each.json()["access_token"] for name, each in given.items() if each.status_code == 200}
        return {"user": user["access_token"], "robot": robot, **found}

    own = await keys()
    assert set(own) == {"user", "robot", "signer", "pipeline", "agent"}
    reached: set[tuple[str, str]] = set()
    for fault in FAULTS:
        if fault:
            faults.add(fault)
        cloud.gateway.cache.clear()
        try:
            fresh = await keys()
            for caller, key in {**own, **{f"{name}, new": key for name, key in fresh.items()}}.items():
                for tool in TOOLS:
                    before = len(host.headers)
                    answers.append(answer := await call(cloud, key, tool))
                    if not fault and len(host.headers) > before:
                        reached.add((caller, tool))
                        assert (HEADER in host.headers[-1]) == (caller.startswith("user") and tool == "my_profile"), (
                            caller
                        )
                    assert answer.status_code != 500, (fault, caller, tool)
        finally:
            faults.discard(fault)
    assert {("user", "my_profile"), ("robot", "list_snippets"), ("agent", "get_snippet")} <= reached

    handed = {headers[HEADER] for headers in host.headers if HEADER in headers}
    assert handed
    assert handed <= entra.tokens
    secrets = foreign | entra.tokens
    assert len(secrets) > 30
    cached: dict[str, Any] = vars(cloud.gateway.cache)["_entries"]
    # What the test's own HTTP clients log is not the gateway's.
    log = [
        each for each in caplog.records
        if not (each.name.startswith(("httpcore", "uvicorn.access")) or (each.name == "httpx" and "//localhost" in each.getMessage()))
    ]  # fmt: skip
    places = {
        "answers": [each.text + str(each.headers.multi_items()) for each in answers],
        "pages": [each.text + str(each.headers.multi_items()) + str(each.request.url) for each in person.visited],
        "other headers": [
            str({name: value for name, value in each.items() if name != HEADER}) for each in host.headers
        ],
        "cache": [str(list(cached)), str([entry.value for entry in cached.values()])],
        "session store": [json.dumps(cloud.cosmos.kept(), default=str)],
        "traces": [json.dumps(each.as_dict(), default=str) for each in cloud.gateway.traces],
        "audit": [str(events(cloud))],
        "log": [each.getMessage() for each in log],
        "output": list(capfd.readouterr()),
    }
    for place, texts in places.items():
        assert texts, place
        for text in texts:
            assert not any(secret.rpartition(".")[2] in text for secret in secrets), place
