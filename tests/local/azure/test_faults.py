"""The table of faults: each is what its service does on a bad day."""

import httpx
import pytest

from apim_policies.network import Faults, Network
from secure_mcp_local.azure.faults import FAULTS

URL = "https://account.documents.azure.com/path"
KINDS = {"entra", "cosmos", "functions", "graph", "identity", "publish", "tenant"}


def suffering(name: str) -> Network:
    """A network in which a service has one fault."""

    async def works(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 207, "headers": []})
        await send({"type": "http.response.body", "body": b"as usual"})

    made = Network(Faults(FAULTS))
    made.faults.time_scale = 0.001
    made.serve(httpx.URL(URL).host, works, kind=name.partition("-")[0])
    made.faults.active.add(name)
    return made


def test_every_fault_is_described_and_named_by_its_service() -> None:
    assert all(fault.description and fault.name.partition("-")[0] == fault.kind for fault in FAULTS)
    assert {fault.kind for fault in FAULTS} == KINDS
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("cosmos-429", 429),
        ("cosmos-503", 503),
        ("entra-error-page", 503),
        ("functions-401", 401),
        ("functions-500", 500),
    ],
)
async def test_an_answer_of_a_bad_day(fault: str, status: int) -> None:
    async with suffering(fault).client() as client:
        assert (await client.get(URL)).status_code == status


async def test_throttling_says_when_to_come_back() -> None:
    async with suffering("cosmos-429").client() as client:
        assert (await client.get(URL)).headers["x-ms-retry-after-ms"] == "1000"


@pytest.mark.parametrize("fault", ["entra-down", "functions-down"])
async def test_down_is_a_refused_connection(fault: str) -> None:
    async with suffering(fault).client() as client:
        with pytest.raises(httpx.ConnectError, match=fault):
            await client.get(URL)


@pytest.mark.parametrize("fault", ["entra-slow", "cosmos-timeout", "cosmos-lost"])
async def test_longer_than_a_policy_waits(fault: str) -> None:
    async with suffering(fault).client() as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(URL, timeout=10)


async def test_a_cold_function_app_answers_in_time() -> None:
    async with suffering("functions-cold").client() as client:
        assert (await client.get(URL, timeout=240)).status_code == 207


async def test_a_dropped_connection_breaks_the_body() -> None:
    async with suffering("functions-drop").client() as client, client.stream("GET", URL) as answer:
        with pytest.raises(httpx.RemoteProtocolError):
            await answer.aread()
