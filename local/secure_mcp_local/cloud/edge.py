"""What a browser sees of a gateway: addresses of Entra ID lead to where it is on this machine.

Programs and policies name Entra ID by its own host name, and so do the tokens; inside the local cloud that name leads to the local
one. A browser would look it up in the internet. So the header fields of answers that send a browser somewhere, or allow it to go
there, are changed on their way out, as a company's proxy would; bodies are not.

And Safari keeps no cookies marked Secure that came over plain http, not even from this machine (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#browser_compatibility),
while the gateway's cookies all are, as their names demand (`__Host-`, RFC 6265bis). For that browser alone they go out under other names and
without the mark, and come in as the gateway knows them. On Azure everything is https, and nothing of the kind exists.
"""

import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FIELDS = frozenset(
    {b"location", b"content-location", b"content-security-policy", b"link", b"refresh", b"www-authenticate"}
)


_COOKIE = b"__Host-"
_KEPT = b"http-"
"""What stands for `__Host-` in the names of cookies that Safari shall keep."""


class Edge:
    """An ASGI app in front of a gateway."""

    def __init__(self, app: ASGIApp, moved: Mapping[str, str]) -> None:
        """`moved`: origins, such as https://login.microsoftonline.com, and where they are on this machine."""
        self._app = app
        self._moved = [(old.encode(), new.encode()) for old, new in moved.items() if old != new]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        scope, lenient = _from_safari(scope)

        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {
                    **message,
                    "headers": [(name, self._field(name, value, lenient)) for name, value in message["headers"]],
                }
            await send(message)

        await self._app(scope, receive, changed if self._moved or lenient else send)

    def _field(self, name: bytes, value: bytes, lenient: bool) -> bytes:
        if lenient and name.lower() == b"set-cookie" and value.startswith(_COOKIE):
            return _KEPT + re.sub(rb";\s*Secure(?=;|\Z)", b"", value.removeprefix(_COOKIE), flags=re.IGNORECASE)
        if name.lower() in _FIELDS:
            for old, new in self._moved:
                value = _replaced(value, old, new)
        return value


def _from_safari(scope: Scope) -> tuple[Scope, bool]:
    """The request with its cookies as the gateway knows them, and whether Safari sent it over plain http."""
    if scope["type"] != "http" or scope["scheme"] != "http":
        return scope, False
    agents = [value for name, value in scope["headers"] if name == b"user-agent"]
    # Chromium calls itself Safari, too.
    if not any(re.search(rb"Version/[\d.]+ .*Safari/", agent) and b"Chrom" not in agent for agent in agents):
        return scope, False
    headers = [
        (name, re.sub(rb"(?<![^;\s])" + _KEPT, _COOKIE, value) if name == b"cookie" else value)
        for name, value in scope["headers"]
    ]
    return {**scope, "headers": headers}, True


def _replaced(value: bytes, old: bytes, new: bytes) -> bytes:
    """The value with an origin replaced where it ends there: what only begins like it is another host."""
    found, rest = b"", value
    while (at := rest.find(old)) >= 0:
        end = rest[at + len(old) : at + len(old) + 1]
        whole = end in b"/?#;, \"'>"
        found += rest[:at] + (new if whole else old)
        rest = rest[at + len(old) :]
    return found + rest
