"""What the console answers, to whom, and what it tells while requests come."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest

from apim_policies.pipeline import trace as traces

Desk = Any

DATA = ["/events", "/requests/request-1"]


async def test_the_page_needs_nothing_from_elsewhere_and_may_load_nothing(desk: Desk) -> None:
    answer = await desk.get("/")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    for reference in (' src="', " src='", "url(", "@import", "innerHTML", " onclick=", ' style="', "eval("):
        assert reference not in answer.text


@pytest.mark.parametrize("path", ["/", *DATA, "/nowhere"])
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "localhost:1", "localhost.evil.example:{port}", "127.0.0.2:{port}", ""]
)
async def test_another_host_is_refused_so_that_names_cannot_be_rebound(desk: Desk, path: str, host: str) -> None:
    desk.request()
    port = desk.url.rpartition(":")[2]
    answer = await desk.get(path, Host=host.format(port=port))
    assert answer.status_code in {400, 421}
    assert "request-1" not in answer.text


@pytest.mark.parametrize("name", ["127.0.0.1", "LOCALHOST"])
async def test_its_own_names_are_served(desk: Desk, name: str) -> None:
    assert (await desk.get("/", Host=f"{name}:{desk.url.rpartition(':')[2]}")).status_code == 200


@pytest.mark.parametrize("path", DATA)
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_pages_of_others_get_no_data(desk: Desk, path: str, site: str) -> None:
    desk.request()
    answer = await desk.get(path, Sec_Fetch_Site=site, Origin="http://localhost:8080")
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert "content-security-policy" in answer.headers
    assert (await desk.get("/", Sec_Fetch_Site=site)).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", *DATA])
async def test_nothing_can_be_changed(desk: Desk, method: str, path: str) -> None:
    assert (await desk.get(path, method)).status_code == 405


async def test_a_request_is_told_as_a_whole(desk: Desk) -> None:
    desk.request("/mcp")
    told = (await desk.get("/requests/request-1")).json()
    assert (told["path"], told["status"], told["done"]) == ("/mcp", 200, True)
    assert told["curl"] == "curl --include --globoff --request GET http://localhost:8080/mcp"


async def test_a_request_that_is_forgotten_is_said_to_be(desk: Desk) -> None:
    answer = await desk.get("/requests/request-1")
    assert answer.status_code == 404
    assert "not remembered" in answer.json()["error"]


async def test_an_open_page_is_told_what_was_and_what_comes(desk: Desk) -> None:
    desk.request("/before")
    async with desk.events() as events:
        name, told = await anext(events)
        assert name == "snapshot"
        assert (told["stack"], told["gateway"]) == ("dev", "http://localhost:8080")
        assert [request["path"] for request in told["requests"]] == ["/before"]
        desk.request("/after", 404)
        name, told = await anext(events)
        assert name == "requests"
        assert [(request["path"], request["status"], request["done"]) for request in told] == [("/after", 404, True)]


async def test_a_burst_is_gathered(desk: Desk) -> None:
    async with desk.events() as events:
        await anext(events)
        for _ in range(2000):
            desk.request()
        told = []
        while len(told) < traces.TRACES:
            told += (await anext(events))[1]
        # The oldest are remembered by nobody any more.
        assert told[-1]["requestId"] == "request-2000"
        assert len(told) == traces.TRACES


async def test_values_are_recorded_while_a_page_is_open_and_a_little_longer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.request().request_headers == []
    async with desk.events() as events:
        await anext(events)
        assert [name for name, _ in desk.request().request_headers] == ["Authorization"]
    deadline = time.monotonic() + 5
    while desk.journal.watchers:
        assert time.monotonic() < deadline, "the page has gone, and is still told"
        await asyncio.sleep(0.01)
    assert desk.request().detailed
    later = time.monotonic() + 61
    monkeypatch.setattr(traces.time, "monotonic", lambda: later)
    assert not desk.request().detailed


async def test_pages_are_limited(desk: Desk) -> None:
    async with AsyncExitStack() as pages:
        opened = [await pages.enter_async_context(desk.events()) for _ in range(16)]
        for events in opened:
            await anext(events)
        assert (await desk.get("/events")).status_code == 503


async def test_the_console_ends_though_pages_are_open(closed_desk: Desk) -> None:
    async with AsyncExitStack() as page:
        async with closed_desk.running():
            events = await page.enter_async_context(closed_desk.events())
            await anext(events)
            start = time.monotonic()
        assert time.monotonic() - start < 0.9
        assert [event async for event in events] == []
