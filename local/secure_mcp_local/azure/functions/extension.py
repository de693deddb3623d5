"""The MCP extension's webhook: streamable HTTP and, deprecated, HTTP with server-sent events.

Source: Azure/azure-functions-mcp-extension 1.6, StreamableHttpRequestHandler and SseRequestHandler.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from secure_mcp_local.azure.functions.server import InvalidMessage, Server, Transport, parse
from secure_mcp_local.azure.functions.site import mapping
from secure_mcp_local.errors import LocalCloudError

PATH = "/runtime/webhooks/mcp"
SESSION_HEADER = "mcp-session-id"
_STATE = "azmcpcs"
_LEVELS = ("System", "Anonymous")
_PING = 30.0
"""Seconds between pings on an event stream: load balancers end silent ones after four minutes."""


class Extension:
    """An ASGI app for everything below `/runtime/webhooks/mcp`."""

    def __init__(self, server: Server, host_json: Mapping[str, Any], system_key: str, master_key: str = "") -> None:
        """
        Args:
            server: What answers.
            host_json: With the overrides of app settings.
            system_key: The extension's own key.
            master_key: The host's, which opens everything; none: there is none.

        Raises:
            LocalCloudError: host.json has a value that the extension does not know.
        """
        self._server = server
        self._keys = [key.encode() for key in (system_key, master_key) if key]
        options = mapping(mapping(host_json.get("extensions")).get("mcp"))
        declared = str(mapping(options.get("system")).get("webhookAuthorizationLevel", "System"))
        level = next((known for known in _LEVELS if known.lower() == declared.lower()), None)
        if level is None:
            raise LocalCloudError(
                f"extensions.mcp.system.webhookAuthorizationLevel is {declared!r}; it must be one of {', '.join(_LEVELS)}"
            )
        self._needs_key = level == "System"
        absolute = mapping(options.get("messageOptions")).get("useAbsoluteUriForEndpoint", False)
        self._absolute = str(absolute).lower() == "true"
        # Clients carry this state but cannot read or make it.
        # The host's key, which outlives a restart: a session id from before is good, one that nobody made is 400 ("Invalid client state.").
        # Azure/azure-functions-mcp-extension, StreamableHttpRequestHandler and ClientStateManager.
        secret = hashlib.sha256(f"client state {system_key}".encode()).digest()
        self._cipher = Fernet(base64.urlsafe_b64encode(secret))
        self._instance = uuid.uuid4().hex
        self._streams: dict[str, asyncio.Queue[Mapping[str, Any]]] = {}
        self._streams_transports: dict[str, Transport] = {}
        self._work: set[asyncio.Task[None]] = set()

    def succeed(self, other: "Extension") -> None:
        """Goes on with the clients of another one, whose place it takes."""
        self._cipher, self._instance = other._cipher, other._instance
        self._streams, self._streams_transports = other._streams, other._streams_transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        given = (_key(request) or "").encode()
        if self._needs_key and not any(secrets.compare_digest(given, key) for key in self._keys):
            return Response(status_code=401)
        path = request.url.path.rstrip("/").lower()
        if path.endswith("sse"):
            return self._open_stream(request)
        if path.endswith("message"):
            return await self._take_message(request)
        if request.method != "POST":
            return Response(status_code=405)
        return await self._answer_post(request)

    async def _answer_post(self, request: Request) -> Response:
        accepted = [
            part.split(";")[0].strip().lower() for part in ",".join(request.headers.getlist("accept")).split(",")
        ]
        if not all(
            any(_matches(part, wanted) for part in accepted) for wanted in ("application/json", "text/event-stream")
        ):
            message = "Not Acceptable: Client must accept both application/json and text/event-stream"
            return _error(406, message)
        session = request.headers.get(SESSION_HEADER) or None
        if session is not None and self._client_of(session) is None:
            return _error(400, "Invalid client state.")
        try:
            if not _is_json(request):
                raise InvalidMessage
            message = parse(await request.body())
        except InvalidMessage:
            # Nothing in the extension handles it.
            return Response(status_code=500)
        if message is None:
            return _error(400, "Bad Request: The POST body did not contain a valid JSON-RPC message.")
        headers = _stream_headers()
        if message.get("method") == "initialize":
            headers[SESSION_HEADER] = self._state(uuid.uuid4().hex)
        answer = await self._server.answer(message, Transport("http-streamable", _headers(request), session))
        if answer is None:
            return Response(status_code=202, headers=headers)
        return Response(_event("message", answer), headers=headers, media_type="text/event-stream")

    def _open_stream(self, request: Request) -> Response:
        if request.method != "GET":
            return Response(status_code=405)
        client = uuid.uuid4().hex
        endpoint = f"message?{_STATE}={self._state(client)}"
        if (key := _key(request)) is not None:
            # What M33 is about: whoever opens the stream is told the key with which it was opened.
            endpoint += f"&code={key}"
        if self._absolute:
            folder = request.url.path.rstrip("/").rpartition("/")[0]
            endpoint = f"{request.url.scheme}://{request.headers.get('host', '')}{folder}/{endpoint}"
        # Tools see the headers of the request that opened the stream, also for messages that come by other requests.
        transport = Transport("http-sse", _headers(request))
        return StreamingResponse(
            self._stream(client, endpoint, transport), headers=_stream_headers(), media_type="text/event-stream"
        )

    async def _stream(self, client: str, endpoint: str, transport: Transport) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self._streams[client] = queue
        self._streams_transports[client] = transport
        try:
            yield f"event: endpoint\ndata: {endpoint}\n\n".encode()
            while True:
                try:
                    async with asyncio.timeout(_PING):
                        message = await queue.get()
                except TimeoutError:
                    message = {"jsonrpc": "2.0", "id": f"ping-{uuid.uuid4().hex}", "method": "ping"}
                yield _event("message", message)
        finally:
            del self._streams[client], self._streams_transports[client]

    async def _take_message(self, request: Request) -> Response:
        again = "Please connect to the /sse endpoint to initiate your session."
        if (state := request.query_params.get(_STATE)) is None:
            return JSONResponse(f"Missing service context. {again}", 400)
        if (client := self._client_of(state)) is None:
            return JSONResponse(f"Invalid client state. {again}", 400)
        try:
            if not _is_json(request):
                raise InvalidMessage
            message = parse(await request.body())
        except InvalidMessage:
            return Response(status_code=500)
        if message is None:
            return JSONResponse("No message in request body.", 400)
        queue = self._streams.get(client)
        if queue is None:
            return JSONResponse(
                f"No active session for client '{client}' and instance '{self._instance}'. {again}", 400
            )
        task = asyncio.create_task(self._answer_on(queue, message, self._streams_transports[client]))
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return PlainTextResponse("Accepted", 202)

    async def _answer_on(
        self, queue: asyncio.Queue[Mapping[str, Any]], message: Mapping[str, Any], transport: Transport
    ) -> None:
        if (answer := await self._server.answer(message, transport)) is not None:
            queue.put_nowait(answer)

    def _state(self, client: str) -> str:
        return self._cipher.encrypt(f"{client}|{self._instance}".encode()).decode()

    def _client_of(self, state: str) -> str | None:
        try:
            client, separator, instance = self._cipher.decrypt(state.encode()).decode().partition("|")
        except (InvalidToken, ValueError):
            return None
        return client if separator and instance == self._instance else None


def _key(request: Request) -> str | None:
    """The function key that a request carries."""
    return request.query_params.get("code") or request.headers.get("x-functions-key")


def _headers(request: Request) -> dict[str, str]:
    joined: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        joined.setdefault(name, []).append(value)
    return {name: ",".join(values) for name, values in joined.items()}


def _matches(accepted: str, wanted: str) -> bool:
    return accepted in {"*/*", wanted, wanted.partition("/")[0] + "/*"}


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _stream_headers() -> dict[str, str]:
    return {"cache-control": "no-cache,no-store", "content-encoding": "identity"}


def _event(kind: str, message: Mapping[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(message, separators=(',', ':'))}\n\n".encode()


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"code": -32000, "message": message}, "id": "", "jsonrpc": "2.0"}, status)
