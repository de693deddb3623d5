"""What a browser sees of a gateway: addresses of Entra ID lead to where it is on this machine.

Programs and policies name Entra ID by its own host name, and so do the tokens; inside the local cloud that name leads to the local
one. A browser would look it up in the internet. So the header fields of answers that send a browser somewhere, or allow it to go
there, are changed on their way out, as a company's proxy would; bodies are not.
"""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FIELDS = frozenset(
    {b"location", b"content-location", b"content-security-policy", b"link", b"refresh", b"www-authenticate"}
)


class Edge:
    """An ASGI app in front of a gateway."""

    def __init__(self, app: ASGIApp, moved: Mapping[str, str]) -> None:
        """`moved`: origins, such as https://login.microsoftonline.com, and where they are on this machine."""
        self._app = app
        self._moved = [(old.encode(), new.encode()) for old, new in moved.items() if old != new]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {
                    **message,
                    "headers": [(name, self._field(name, value)) for name, value in message["headers"]],
                }
            await send(message)

        await self._app(scope, receive, changed if self._moved else send)

    def _field(self, name: bytes, value: bytes) -> bytes:
        if name.lower() in _FIELDS:
            for old, new in self._moved:
                value = _replaced(value, old, new)
        return value


def _replaced(value: bytes, old: bytes, new: bytes) -> bytes:
    """The value with an origin replaced where it ends there: what only begins like it is another host."""
    found, rest = b"", value
    while (at := rest.find(old)) >= 0:
        end = rest[at + len(old) : at + len(old) + 1]
        whole = end in b"/?#;, \"'>"
        found += rest[:at] + (new if whole else old)
        rest = rest[at + len(old) :]
    return found + rest
