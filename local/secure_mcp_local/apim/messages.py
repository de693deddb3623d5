"""Messages on the wire: reading requests, writing responses, the answers that API Management gives itself."""

import json
from collections.abc import AsyncIterator

from starlette.types import Receive, Send

from secure_mcp_local.apim.call import Call
from secure_mcp_local.apim.policies.calls import BUFFERED, HOP_BY_HOP
from secure_mcp_local.expressions.context import Body, Headers, Response

QUERY_LIMIT = 2048
"""Bytes of a query string on the v2 tiers."""

_REASONS = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 413: "Content Too Large",
    414: "URI Too Long", 429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented",
    502: "Bad Gateway", 504: "Gateway Timeout",
}  # fmt: skip


def status_message(status: int, message: str) -> Response:
    """The answer that API Management gives itself."""
    content = json.dumps({"statusCode": status, "message": message}).encode()
    headers = Headers([("Content-Type", "application/json")])
    return Response(status, _REASONS.get(status, "Error"), headers, Body(content))


def oversize() -> Response:
    return status_message(413, f"The body is larger than the {BUFFERED} bytes that can be buffered")


def drop_hop_by_hop(headers: Headers) -> None:
    """Removes what concerns one connection only. Transfer-Encoding stays: it says that there is a body."""
    for name in HOP_BY_HOP - {"transfer-encoding"}:
        headers.delete(name)


async def receive_stream(receive: Receive) -> AsyncIterator[bytes]:
    """The request's body, piece by piece."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


async def read_body(receive: Receive) -> bytes | None:
    """The whole body, or None if it is too large to be buffered."""
    content = bytearray()
    async for piece in receive_stream(receive):
        content += piece
        if len(content) > BUFFERED:
            return None
    return bytes(content)


async def send_response(send: Send, method: str, response: Response, call: Call | None) -> None:
    """Writes a response: its own body, or the backend's as it comes."""
    backend = call.backend_response if call is not None and response is call.context.response else None
    headers = [(name, value) for name, value in response.headers.items() if name.lower() not in HOP_BY_HOP]
    content = response.body.content if response.body is not None else b""
    if backend is None or response.body is not None:
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        headers.append(("Content-Length", str(len(content))))
        backend = None
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": [
                (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers
            ],
        }
    )
    if backend is None or method == "HEAD":
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else content})
        return
    async for chunk in backend.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
