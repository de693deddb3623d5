"""What MCP says over HTTP: challenges, JSON-RPC messages, streams of events."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from secure_mcp_local.doctor.report import Failure
from secure_mcp_local.doctor.server import Answer

ACCEPT = "application/json, text/event-stream"
VERSION = "2025-11-25"
"""The newest version of MCP that begins with `initialize`."""
_PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


def challenge_of(answer: Answer) -> dict[str, str] | None:
    """The parameters of a Bearer challenge (RFC 6750, section 3); None if there is none."""
    for header in answer.headers.get_list("www-authenticate"):
        scheme, _, rest = header.strip().partition(" ")
        if scheme.lower() == "bearer":
            return {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _PARAMETER.finditer(rest)}
    return None


def request(method: str, parameters: Mapping[str, Any] | None = None, number: int = 1) -> dict[str, Any]:
    """A JSON-RPC request."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": number, "method": method}
    return message if parameters is None else message | {"params": dict(parameters)}


def message_of(answer: Answer) -> dict[str, Any]:
    """The JSON-RPC answer, from a JSON body or a stream of events.

    Raises:
        Failure: there is none.
    """
    if answer.media_type != "text/event-stream":
        return answer.object()
    for event in answer.text.replace("\r", "").split("\n\n"):
        data = "\n".join(line[5:].removeprefix(" ") for line in event.split("\n") if line.startswith("data:"))
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and "id" in value:
            return cast("dict[str, Any]", value)
    raise Failure(f"{answer}: no JSON-RPC answer among the events")


def result_of(answer: Answer) -> dict[str, Any]:
    """The result of a JSON-RPC answer.

    Raises:
        Failure: there is none.
    """
    result = message_of(answer).get("result")
    if answer.status != 200 or not isinstance(result, dict):
        raise Failure(f"{answer}, {error_code(answer) or 'no JSON-RPC result'}")
    return cast("dict[str, Any]", result)


def error_code(answer: Answer) -> str:
    """`JSON-RPC error -32601`, or ""."""
    try:
        error = message_of(answer).get("error")
    except Failure:
        return ""
    if not isinstance(error, dict):
        return ""
    code = cast("dict[str, Any]", error).get("code")
    return f"JSON-RPC error {code}" if isinstance(code, int) else ""
