"""Server-sent events: what happens at the gateway, told to one page.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from apim_policies.pipeline.trace import Journal, RequestTrace

_HEARTBEAT = 15.0
"""Seconds after which a connection on which nothing happens gets a comment, so that it is not given up."""
_PAUSE = 0.05
"""Seconds in which changes are gathered: a request that is quick is told once."""


class EventStream(Response):
    """One answer that does not end: a `snapshot` of all requests, then `requests` that are new or have changed.

    What a slow page has not been told yet is a set of requests, never a queue, so that it stays small.

    Args:
        journal: The requests.
        about: What the page is told with the snapshot.
        closing: Set when the console ends.
    """

    def __init__(self, journal: Journal, about: Mapping[str, str], closing: asyncio.Event) -> None:
        super().__init__(media_type="text/event-stream")
        # It is as long as the page is open.
        del self.headers["content-length"]
        self._journal, self._about, self._closing = journal, about, closing
        self._changed: dict[str, RequestTrace] = {}
        self._news = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        with self._journal.watched(self._note):
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            requests = [trace.summary() for trace in self._journal.traces]
            await _tell(send, _event("snapshot", {**self._about, "requests": requests}))
            ends = [asyncio.ensure_future(_left(receive)), asyncio.ensure_future(self._closing.wait())]
            try:
                while not any(end.done() for end in ends):
                    await self._tell_news(send, ends)
            finally:
                for end in ends:
                    end.cancel()
        await send({"type": "http.response.body", "body": b""})

    def _note(self, trace: RequestTrace) -> None:
        self._changed[trace.request_id] = trace
        while len(self._changed) > (self._journal.traces.maxlen or 0):
            del self._changed[next(iter(self._changed))]
        self._news.set()

    async def _tell_news(self, send: Send, ends: Sequence[asyncio.Future[Any]]) -> None:
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({news, *ends}, timeout=_HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        if any(end.done() for end in ends):
            return
        if not self._news.is_set():
            await _tell(send, b": still here\n\n")
            return
        await asyncio.sleep(_PAUSE)
        self._news.clear()
        changed, self._changed = self._changed, {}
        await _tell(send, _event("requests", [trace.summary() for trace in changed.values()]))


async def _left(receive: Receive) -> object:
    while (message := await receive())["type"] != "http.disconnect":
        pass
    return message


async def _tell(send: Send, content: bytes) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": True})


def _event(name: str, data: object) -> bytes:
    # JSON in ASCII has no line breaks, which would end the event.
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
