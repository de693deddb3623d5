"""The console's own small server: one page, the list of requests as it changes, and one request as a whole."""

import asyncio
import base64
import hashlib
import re
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from apim_policies.console.admission import Admission
from apim_policies.console.curl import curl
from apim_policies.console.stream import EventStream
from apim_policies.pipeline.trace import Journal

_PAGES = 16
"""Pages that may be open at once."""
_INLINE = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)


class Console:
    """Shows a journal. `app` is the ASGI application; it reads and changes nothing.

    Args:
        journal: The gateway's requests. Values are recorded while a page is open.
        stack: Name of the stack, for the page.
        gateway_url: Address of the gateway.
        port: The port at which the console will be found; other Hosts are refused.
        address: What a client connects to, for a page without requests. Empty: the gateway's.
    """

    def __init__(self, journal: Journal, stack: str, gateway_url: str, port: int, address: str = "") -> None:
        self._journal, self._gateway_url = journal, gateway_url
        self._about = {"stack": stack, "gateway": gateway_url, "address": address or gateway_url}
        self._closing = asyncio.Event()
        self._page = resources.files(__package__ or "").joinpath("page.html").read_text("utf-8")
        routes = [
            Route("/", self._answer_page),
            Route("/requests/{id}", self._answer_request),
            Route("/events", self._answer_events),
        ]
        self.app: ASGIApp = Admission(Starlette(routes=routes), port, _policy(self._page))

    def close(self) -> None:
        """Ends the streams of events, which would not end by themselves."""
        self._closing.set()

    async def _answer_page(self, request: Request) -> Response:
        del request
        return HTMLResponse(self._page)

    async def _answer_request(self, request: Request) -> Response:
        id = request.path_params["id"]
        trace = next((trace for trace in self._journal.traces if trace.request_id == id), None)
        if trace is None:
            return JSONResponse({"error": "This request is not remembered any more."}, 404)
        told = trace.as_dict() | {"curl": curl(trace, self._gateway_url)}
        # Looking for the line of a template takes a while the first time.
        await asyncio.to_thread(self._locate, told["steps"])
        return JSONResponse(told)

    def _locate(self, steps: Any) -> None:
        """Says where each policy stands in the templates."""
        for step in steps:
            step["source"] = self._journal.locate(step["document"], step["line"]) if step["document"] else ""

    async def _answer_events(self, request: Request) -> Response:
        del request
        if self._journal.watchers >= _PAGES:
            return JSONResponse({"error": f"{_PAGES} pages are open; close one."}, 503)
        return EventStream(self._journal, self._about, self._closing)


def _policy(page: str) -> str:
    """The Content-Security-Policy that lets the page's own style and script run, by their hashes, and nothing else."""
    hashes = {
        kind: base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        for kind, content in _INLINE.findall(page)
    }
    return (
        f"default-src 'none'; script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
