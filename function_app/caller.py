"""Who calls: what the gateway has verified and says in headers of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote

OBJECT_ID_HEADER = "x-mcp-user-oid"
NAME_HEADER = "x-mcp-user-name"
KIND_HEADER = "x-mcp-caller"
TOKEN_HEADER = "x-mcp-user-token"  # noqa: S105  (a name)

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class UnknownCaller(Exception):
    """The request did not come through the gateway: it does not say for whom."""


@dataclass(frozen=True)
class Caller:
    """The signed-in user, or a workload where the server admits some."""

    object_id: str
    """GUID in Entra ID, in lower case; of a workload a GUID that is always its own."""
    name: str
    """Display name, perhaps empty; for showing only."""
    is_workload: bool = False
    """Whether it is a program that acts for no user."""

    @classmethod
    def of(cls, context: Mapping[str, Any]) -> "Caller":
        """The user of a tool call.

        Only the gateway can call this app (App Service authentication), and it replaces these headers, so they are true.

        Args:
            context: What the MCP extension tells about the call: `transport.properties.headers` holds the request's
                headers, a repeated one joined with commas. It is never logged, for it holds credentials too.

        Raises:
            UnknownCaller: there is no header with one object id.
        """
        headers = _headers(context)
        object_id = headers.get(OBJECT_ID_HEADER, "").strip().lower()
        if not _GUID.fullmatch(object_id):
            raise UnknownCaller(f"the request has no header {OBJECT_ID_HEADER} with one object id: call the gateway")
        name = unquote(headers.get(NAME_HEADER, ""))
        shown = "".join(character for character in name if character.isprintable())[:100]
        return cls(object_id, shown, headers.get(KIND_HEADER) == "workload")


def user_token(context: Mapping[str, Any]) -> str:
    """The user's own token of another API, which the gateway sends with calls of tools that `userTokenScopes` names for it.

    It is a credential: give it to that API and nobody else, and log it nowhere.

    Args:
        context: As for `Caller.of`.

    Raises:
        UnknownCaller: none came with the call.
    """
    token = _headers(context).get(TOKEN_HEADER, "")
    if not token or "," in token:
        raise UnknownCaller(f"the request has no header {TOKEN_HEADER}: name this tool in userTokenScopes")
    return token


def _headers(context: Mapping[str, Any]) -> dict[str, str]:
    properties = _mapping(_mapping(context.get("transport")).get("properties"))
    return {name.lower(): str(value) for name, value in _mapping(properties.get("headers")).items()}


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
