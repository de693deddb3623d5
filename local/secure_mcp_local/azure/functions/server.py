"""The MCP server inside the extension: JSON-RPC messages in, answers out, whatever the transport.

Source: Azure/azure-functions-mcp-extension 1.6 on the C# SDK (ModelContextProtocol), as an MCP server without a session.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from secure_mcp_local.azure.functions.process import FunctionFailed
from secure_mcp_local.azure.functions.site import mapping
from secure_mcp_local.azure.functions.tools import Tool

VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Protocol versions, the newest last."""

Invoke = Callable[[Tool, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""The result of a call: runs the tool's function with the call's context, as the trigger describes it."""

_INVALID_PARAMS, _METHOD_NOT_FOUND, _INTERNAL_ERROR = -32602, -32601, -32603
_EMPTY_LISTS = {
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
    "prompts/list": "prompts",
}

_log = logging.getLogger(__name__)
# For tests. Where nobody listens, Python would print it beside what the host tells of the same failure.
_log.addHandler(logging.NullHandler())


class InvalidMessage(Exception):
    """Not a JSON-RPC message."""


class _ProtocolError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Transport:
    """How a message came, as tools are told."""

    name: str
    headers: Mapping[str, str]
    """Every header of the request; repeated ones joined with commas."""
    session_id: str | None = None

    def described(self) -> dict[str, Any]:
        """The property `transport` of a tool's context."""
        session = {"sessionId": self.session_id} if self.session_id else {}
        return {"name": self.name, **session, "properties": {"headers": dict(self.headers)}}


class Server:
    """Answers requests. Keeps nothing between them."""

    def __init__(self, tools: Mapping[str, Tool], options: Mapping[str, Any], invoke: Invoke) -> None:
        """`options`: what host.json says in `extensions.mcp`."""
        self._tools = tools
        self._options = options
        self._invoke = invoke

    async def answer(self, message: Mapping[str, Any], transport: Transport) -> dict[str, Any] | None:
        """The answer to a message, or none if it is a notification or an answer itself."""
        if "id" not in message or "method" not in message:
            return None
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            result = await self._result(message["method"], mapping(message.get("params")), transport)
            return {**answer, "result": result}
        except _ProtocolError as error:
            return {**answer, "error": {"code": error.code, "message": str(error)}}

    async def _result(self, method: str, params: Mapping[str, Any], transport: Transport) -> dict[str, Any]:
        match method:
            case "initialize":
                return self._initialize(params)
            case "ping":
                return {}
            case "tools/list":
                return {"tools": [tool.listed() for tool in self._tools.values()]}
            case "tools/call":
                return await self._call(params, transport)
            case _ if method in _EMPTY_LISTS:
                return {_EMPTY_LISTS[method]: []}
            case _:
                raise _ProtocolError(_METHOD_NOT_FOUND, f"Method '{method}' is not available.")

    def _initialize(self, params: Mapping[str, Any]) -> dict[str, Any]:
        asked = params.get("protocolVersion")
        result = {
            "protocolVersion": asked if asked in VERSIONS else VERSIONS[-1],
            "capabilities": {"tools": {}, "resources": {}, "prompts": {}},
            "serverInfo": {
                "name": self._options.get("serverName", "Azure Functions MCP server"),
                "version": self._options.get("serverVersion", "1.0.0"),
            },
        }
        instructions = self._options.get("instructions")
        return {**result, "instructions": instructions} if instructions else result

    async def _call(self, params: Mapping[str, Any], transport: Transport) -> dict[str, Any]:
        name = params.get("name")
        arguments: object = params.get("arguments")
        if not isinstance(name, str) or not (arguments is None or isinstance(arguments, Mapping)):
            raise _ProtocolError(_INTERNAL_ERROR, "An error occurred.")
        tool = self._tools.get(name.lower())
        if tool is None:
            raise _ProtocolError(_INVALID_PARAMS, f"Unknown tool: '{name}'")
        if missing := tool.missing(mapping(arguments)):
            wanted = ", ".join(missing)
            message = f"One or more required tool properties are missing values. Please provide: {wanted}"
            raise _ProtocolError(_INVALID_PARAMS, message)
        context: dict[str, Any] = {"name": name, "transport": transport.described()}
        if arguments is not None:
            context["arguments"] = arguments
        if transport.session_id:
            context["sessionid"] = transport.session_id
        try:
            return await self._invoke(tool, context)
        except FunctionFailed as error:
            # The client hears nothing of it; whoever develops the function does.
            _log.error("%s failed: %s", name, error)
            text = f"An error occurred invoking '{name}'."
            return {"content": [{"type": "text", "text": text}], "isError": True}


def parse(body: bytes) -> dict[str, Any] | None:
    """The message in a request's body; none for JSON's null.

    Raises:
        InvalidMessage: it is something else, a batch for example.
    """
    try:
        message: object = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidMessage from None
    if message is None:
        return None
    if not isinstance(message, dict):
        raise InvalidMessage
    parsed = cast("dict[str, Any]", message)
    id_ = parsed.get("id", "")
    if parsed.get("jsonrpc") != "2.0" or not isinstance(id_, str | int) or isinstance(id_, bool):
        raise InvalidMessage
    if not (isinstance(parsed["method"], str) if "method" in parsed else "id" in parsed):
        raise InvalidMessage
    return parsed
