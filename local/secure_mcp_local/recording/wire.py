"""Property values as Pulumi sends them: plain JSON, but for marks on secrets and on what is not known yet.

The marks are those of `sdk/python/lib/pulumi/runtime/rpc.py`.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  (the wire format's mark of secrets)

UNKNOWN: str = rpc.UNKNOWN
"""Stands where nothing is known yet."""


def plain(value: Any, secrets: set[str], unknowns: set[str], path: str = "") -> Any:
    """A wire value as plain JSON, None where it is unknown; collects the paths of secrets and of unknowns."""
    if isinstance(value, Mapping):
        if value.get(_SIGNATURE) == _SECRET:
            secrets.add(path)
            return plain(value.get("value"), secrets, unknowns, path)
        return {k: plain(v, secrets, unknowns, f"{path}.{k}" if path else k) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v, secrets, unknowns, f"{path}[{i}]") for i, v in enumerate(value)]
    if value == UNKNOWN:
        unknowns.add(path)
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def bare(value: Any) -> Any:
    """A wire value without the marks of secrets. What is unknown keeps its mark, so that no known value equals it."""
    if isinstance(value, Mapping):
        return bare(value.get("value")) if value.get(_SIGNATURE) == _SECRET else {k: bare(v) for k, v in value.items()}
    if isinstance(value, list):
        return [bare(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def secret(value: Any) -> dict[str, Any]:
    """A wire value marked as secret."""
    return {_SIGNATURE: _SECRET, "value": value}


def struct(value: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties as a message."""
    message = struct_pb2.Struct()
    json_format.ParseDict(dict(value), message)
    return message
