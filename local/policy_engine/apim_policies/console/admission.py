"""Who may read traces: the console's own page, in a browser on this machine."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NAMES = ("localhost", "127.0.0.1", "[::1]")
_OWN = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site: the page itself, and what a person types or opens. Nothing: no browser."""


class Admission:
    """Lets requests in that are meant for the console and come from nobody else's page, and keeps answers to its own page.

    A name that an attacker lets point to this machine (DNS rebinding) is none of ours, so its Host is refused. There is no
    CORS header; Sec-Fetch-Site keeps foreign pages from even asking.

    Args:
        app: What is protected.
        port: The console's.
        policy: The Content-Security-Policy of its answers.
    """

    def __init__(self, app: ASGIApp, port: int, policy: str) -> None:
        self._app = app
        self._hosts = frozenset(f"{name}:{port}" for name in _NAMES)
        self._headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        if scope["type"] == "http":
            await (self._refusal(scope) or self._app)(scope, receive, marked)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return PlainTextResponse("The trace console answers at its own address only.\n", 421)
        # The page itself holds no data, so a link may lead to it.
        if scope["path"] != "/" and headers.get("sec-fetch-site", "none") not in _OWN:
            return PlainTextResponse("Traces are for the console's own page.\n", 403)
        return None
