"""System.Guid."""

import struct
from typing import Any
from uuid import UUID

from apim_policies.expressions.dotnet.numbers import equals, tried
from apim_policies.expressions.dotnet.random import PROFILE
from apim_policies.expressions.dotnet.registry import Method, Model, Property, out
from apim_policies.expressions.objects.converting import (
    parse_guid,
)
from apim_policies.expressions.objects.formats import guid
from apim_policies.expressions.types import (
    BOOL,
    BYTES,
    GUID,
    INT,
    STRING,
)
from apim_policies.expressions.values.failing import (
    argument_null,
)
from apim_policies.expressions.values.failures import CSharpException


def _new_guid(env: list[Any]) -> UUID:
    return env[PROFILE].guid()


def _guid_of_bytes(data: bytearray | None) -> UUID:
    if data is None:
        raise argument_null("b")
    if len(data) != 16:
        raise CSharpException("System.ArgumentException", "Byte array for GUID must be exactly 16 bytes long.")
    return UUID(bytes_le=bytes(data))


def _hash(value: UUID) -> int:
    """As .NET Core 3.1 calculates it; other versions give other numbers, which no policy can rely on."""
    first, second, third, fourth = struct.unpack("<4I", value.bytes_le)
    number: int = first ^ second ^ third ^ fourth
    return number - (1 << 32) if number >= 1 << 31 else number


_MEMBERS = Model(
    methods={
        "GetHashCode": [Method((), INT, _hash)],
        "ToString": [Method((), STRING, str), Method((STRING,), STRING, guid)],
        "ToByteArray": [Method((), BYTES, lambda value: bytearray(value.bytes_le))],
        "Equals": equals(GUID),
    },
    statics={
        "NewGuid": [Method((), GUID, _new_guid, env=True)],
        "Parse": [Method((STRING,), GUID, parse_guid)],
        "TryParse": [Method((STRING, out(GUID)), BOOL, tried(parse_guid, UUID(int=0)))],
    },
    static_properties={"Empty": Property(GUID, lambda: UUID(int=0))},
    constructors=[
        Method((STRING,), GUID, parse_guid),
        Method((BYTES,), GUID, _guid_of_bytes),
        Method((), GUID, lambda: UUID(int=0)),
    ],
)


MODELS: dict[str, Model] = {"Guid": _MEMBERS}
NAMES = {"Guid": "System"}
