"""Messages on the wire: reading requests, writing responses, the answers that API Management gives itself."""

import json
from contextlib import suppress

from starlette.types import Send

from apim_policies.expressions.context import Body, Headers, Response
from apim_policies.network.messages import Answer
from apim_policies.pipeline.call import Call
from apim_policies.pipeline.incoming import ClientGone

# Of one connection, not of the message: RFC 9110, section 7.6.1.
HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip

QUERY_LIMIT = 2048
"""Bytes of a query string on the v2 tiers."""

_DROPPED = HOP_BY_HOP - {"transfer-encoding"}
_KEPT = frozenset({"transfer-encoding", "content-length", "host"})
"""What stays even if Connection names it: it says that there is a body, and whom the request is for."""

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


def drop_hop_by_hop(headers: Headers) -> None:
    """Removes what concerns one connection only."""
    for named in (headers.get("Connection") or "").split(","):
        if (name := named.strip().lower()) not in _KEPT:
            headers.delete(name)
    for name in _DROPPED:
        headers.delete(name)


def response_headers(answer: Answer) -> Headers:
    """An answer's headers, without those of its connection."""
    items = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers]
    return Headers([(name, value) for name, value in items if name.lower() not in HOP_BY_HOP])


async def send_response(send: Send, method: str, response: Response, call: Call | None) -> None:
    """Writes a response: its own body, or the backend's as it comes, until the client has left."""
    backend = call.backend_response if call is not None and response is call.context.response else None
    headers = [(name, value) for name, value in response.headers.items() if name.lower() not in HOP_BY_HOP]
    content = response.body.content if response.body is not None else b""
    # RFC 9110, section 6.4.1: these have no body and no length of one.
    bodiless = response.status_code < 200 or response.status_code in {204, 304}
    if backend is None or response.body is not None or bodiless:
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        if not bodiless:
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
    if backend is None or call is None or method == "HEAD":
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" or bodiless else content})
        return
    with suppress(ClientGone), call.incoming.attended():
        async for chunk in backend.stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
