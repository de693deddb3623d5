"""What a sign-in, a call and a refresh cost in production: operations of the session store, requests to Entra ID, operations of the cache, by the traces of each.

The table in docs/performance.md is what was counted; `make snapshots` writes it.
"""

from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from actors.written_table import hold
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.cloud.addresses import LOGIN_HOSTS
from secure_mcp_local.testing import Application, Person

DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"
KINDS = ("reads of the store", "writes of the store", "requests to Entra ID", "cache, looked up", "cache, stored")  # fmt: skip
Costs = dict[str, int]


async def cost(cloud: LocalCloud, what: Awaitable[Any]) -> tuple[Costs, Any]:
    """What the gateway did for it, and what came of it."""
    cloud.gateway.traces.clear()
    result = await what
    found = dict.fromkeys(KINDS, 0)
    for trace in cloud.gateway.traces:
        for call in trace.calls:
            host = str(call["host"])
            if host.endswith(".documents.azure.com"):
                found["reads of the store" if call["method"] == "GET" else "writes of the store"] += 1
            elif host in LOGIN_HOSTS or f"{host}" in cloud.entra_url:
                found["requests to Entra ID"] += call["method"] == "POST"
        for step in trace.steps:
            found["cache, looked up"] += step.place.element == "cache-lookup-value"
            found["cache, stored"] += step.place.element == "cache-store-value"
    return found, result


async def counted(cloud: LocalCloud) -> dict[str, Costs]:
    """The steps of a client's life, once everything has been used before."""
    await Application(cloud.gateway_url).tokens(Person())
    application, person, costs = Application(cloud.gateway_url), Person(), dict[str, Costs]()
    costs["registration"], _ = await cost(cloud, application.register(token_endpoint_auth_method="none"))
    costs["sign-in: authorization, consent, callback"], code = await cost(cloud, application.code(person))
    costs["sign-in: code to tokens"], answer = await cost(cloud, application.exchange(code))
    tokens = answer.json()
    costs["call, the first in a minute"], _ = await cost(cloud, application.call(tokens["access_token"]))
    costs["call, any other"], answer = await cost(cloud, application.call(tokens["access_token"]))
    assert answer.status_code == 200
    costs["call, without a key"], _ = await cost(cloud, application.call(None))
    costs["refresh"], answer = await cost(cloud, application.refresh(tokens["refresh_token"]))
    assert answer.status_code == 200
    costs["refresh, repeated within the grace"], answer = await cost(
        cloud, application.refresh(tokens["refresh_token"])
    )
    assert answer.status_code == 200
    form = {"token": tokens["refresh_token"], "client_id": application.client_id}
    costs["revocation"], _ = await cost(cloud, application.send("POST", "/revoke", data=form))
    return costs


@pytest.fixture(scope="module")
async def costs(local_cloud: LocalCloud) -> dict[str, Costs]:
    return await counted(local_cloud)


async def test_a_call_with_a_warm_cache_reads_no_store(costs: dict[str, Costs]) -> None:
    warm = costs["call, any other"]
    assert warm["reads of the store"] == warm["writes of the store"] == warm["requests to Entra ID"] == 0
    keyless = costs["call, without a key"]
    assert keyless["reads of the store"] == keyless["requests to Entra ID"] == 0, (
        "who has no key costs nothing that is paid for"
    )


async def test_what_a_refresh_costs(costs: dict[str, Costs]) -> None:
    assert costs["refresh"]["requests to Entra ID"] == 1
    assert costs["refresh"]["writes of the store"] == 1
    assert costs["refresh, repeated within the grace"]["requests to Entra ID"] == 0


@pytest.mark.parametrize("method", ["none", None])
async def test_M6_that_a_registration_is_used_is_written_once_a_day(
    local_cloud: LocalCloud, method: str | None
) -> None:
    """Also of a client that got a secret without asking and has not shown it, which is looked up at every refresh."""
    application = Application(local_cloud.gateway_url)
    asked = {"token_endpoint_auth_method": method} if method else {}
    await application.register(**asked)
    tokens, writes = await application.tokens(Person()), list[int]()
    for _ in range(3):
        counted, answer = await cost(local_cloud, application.refresh(tokens["refresh_token"]))
        tokens = answer.json()
        writes.append(counted["writes of the store"])
        local_cloud.clock.advance(60)
    # Each writes its session, and nothing else.
    assert writes == [1, 1, 1]


async def test_the_table_of_costs_is_what_was_counted(costs: dict[str, Costs]) -> None:
    kinds = [kind for kind in KINDS if any(cost[kind] for cost in costs.values())]
    rows = [(step, *(cost[kind] for kind in kinds)) for step, cost in costs.items()]
    hold(DOCUMENT, "costs", ("step", *kinds), rows)
