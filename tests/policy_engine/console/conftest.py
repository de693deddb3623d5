"""A console in front of a gateway that never was: its journal is written by the tests."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from apim_policies.console import Console
from apim_policies.expressions.context import Headers, Request, Response, Url
from apim_policies.listener import Listener, bind
from apim_policies.pipeline.disclosure import Disclosure
from apim_policies.pipeline.trace import Journal, RequestTrace


@dataclass
class Desk:
    journal: Journal = field(default_factory=Journal)
    console: Console = field(init=False)
    url: str = field(init=False)
    _number: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Desk"]:
        port, sockets = bind(0)
        self.url = f"http://localhost:{port}"
        self.console = Console(self.journal, "dev", "http://localhost:8080", port)
        async with Listener(self.console.app, sockets):
            try:
                yield self
            finally:
                self.console.close()
        for opened in sockets:
            opened.close()

    def request(self, path: str = "/mcp", status: int = 200) -> RequestTrace:
        """A request that came and was answered."""
        self._number += 1
        url = Url("http", "localhost", 8080, path)
        request = Request("GET", url, url, Headers([("Authorization", "Bearer s3cret")]))
        trace = RequestTrace(f"request-{self._number}", request, Disclosure(), detailed=self.journal.detailed)
        self.journal.begin(trace)
        trace.answered(Response(status))
        trace.finish()
        self.journal.tell(trace)
        return trace

    async def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            return await client.request(method, path, headers={n.replace("_", "-"): v for n, v in headers.items()})

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """The events that an open page gets: names and data."""
        async with (
            httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=10) as client,
            client.stream("GET", "/events") as answer,
        ):
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield _events(answer)


async def _events(answer: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


@pytest.fixture
def closed_desk() -> Desk:
    return Desk()


@pytest.fixture
async def desk(closed_desk: Desk) -> AsyncIterator[Desk]:
    async with closed_desk.running():
        yield closed_desk
