"""The signatures of the types that API Management admits, as .NET Framework 4.8 and .NET Core 3.1 have them.

`signatures.txt` was made by reflection over both. A line without indent is a type; its members follow, each with the .NET that has
it (`both`, `core3.1`, `fx4.8`) and its kind: C constructor, E member of an enumeration, F field, M method or operator, P property,
V event.

https://learn.microsoft.com/azure/api-management/api-management-policy-expressions#CLRTypes
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_KEYWORDS = {
    "Boolean": "bool", "Byte": "byte", "Char": "char", "Decimal": "decimal", "Double": "double", "Int16": "short", "Int32": "int",
    "Int64": "long", "SByte": "sbyte", "Single": "float", "String": "string", "UInt16": "ushort", "UInt32": "uint",
    "UInt64": "ulong", "Object": "object",
}  # fmt: skip
_NESTED = {"AdjustmentRule": "TimeZoneInfo.AdjustmentRule", "TransitionTime": "TimeZoneInfo.TransitionTime"}
PAIRED = frozenset({"Dictionary", "IDictionary", "IReadOnlyDictionary", "KeyValuePair"})
"""Generic types of two arguments: here always string and int. Others have one, int."""

_METHOD = re.compile(r"(.*?)(\w+)(<[\w, ]+>)?\((.*)\)")
_OPERATOR = re.compile(r"static (?:(implicit|explicit) operator (\S+)|(\S+) operator (\S+))\((.*)\)")
_PROPERTY = re.compile(r"(.*?)(?:(\w+)|this\[(.*)\]) \{.*\}")
_MODIFIERS = ("out ", "ref ", "params ", "this ")


@dataclass(frozen=True)
class Parameter:
    type: str
    modifier: str = ""
    """`out`, `ref`, `params` or `this`."""
    optional: bool = False


@dataclass(frozen=True)
class Signature:
    type: str
    """As C# writes it in an expression, without type arguments."""
    full: str
    """With its namespace and type parameters."""
    text: str
    version: str
    kind: str
    """`constructor`, `constant`, `field`, `property`, `indexer`, `method`, `operator`, `conversion` or `event`."""
    member: str
    """Its name; of an operator what is written, of a conversion its target."""
    static: bool = False
    returns: str = ""
    type_parameters: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    explicit: bool = False
    """Of a conversion: whether it takes a cast."""

    @property
    def written(self) -> str:
        """The type with its arguments, as an expression names it."""
        name = _NESTED.get(self.type, self.type)
        if "<" not in self.full:
            return name
        return f"{name}<string, int>" if self.type in PAIRED else f"{name}<int>"


@cache
def signatures() -> tuple[Signature, ...]:
    """All of them."""
    found: list[Signature] = []
    full = ""
    for line in Path(__file__).with_name("signatures.txt").read_text(encoding="ascii").splitlines():
        if not line.startswith(" "):
            full = line
            continue
        version, kind, rest = line.split(maxsplit=2)
        found.append(_signature(full, version, kind, rest))
    return tuple(found)


def _signature(full: str, version: str, kind: str, rest: str) -> Signature:
    short = full.partition("<")[0].rpartition(".")[2]
    type_ = _KEYWORDS.get(short, short)

    def made(kind: str, member: str, **more: object) -> Signature:
        return Signature(type_, full, rest, version, kind, member, **more)  # type: ignore[arg-type]

    static = rest.startswith(("static ", "const "))
    match kind:
        case "E":
            return made("constant", rest.partition(" = ")[0].split()[-1], static=True)
        case "F":
            return made("field", rest.partition(" = ")[0].split()[-1], static=static)
        case "V":
            return made("event", rest.rsplit(maxsplit=1)[-1])
        case "P":
            match = _PROPERTY.fullmatch(rest)
            assert match is not None, rest
            if match[3] is not None:
                return made("indexer", "this[]", parameters=_parameters(match[3], type_))
            return made("property", match[2], static="static" in match[1].split())
        case "C":
            match = _METHOD.fullmatch(rest)
            assert match is not None, rest
            return made("constructor", "new", static=True, parameters=_parameters(match[4], type_))
    if (match := _OPERATOR.fullmatch(rest)) is not None:
        parameters = _parameters(match[5], type_)
        if match[1]:
            return made(
                "conversion",
                f"({match[2]})",
                static=True,
                returns=match[2],
                parameters=parameters,
                explicit=match[1] == "explicit",
            )
        return made("operator", match[4], static=True, returns=match[3], parameters=parameters)
    match = _METHOD.fullmatch(rest)
    assert match is not None, rest
    words = match[1].split()
    return made(
        "method",
        match[2],
        static="static" in words,
        returns=words[-1],
        type_parameters=tuple(match[3][1:-1].split(", ")) if match[3] else (),
        parameters=_parameters(match[4], type_),
    )


def _parameters(text: str, owner: str) -> tuple[Parameter, ...]:
    return tuple(_parameter(part, owner) for part in _split(text))


def _parameter(text: str, owner: str) -> Parameter:
    declared, equals, _ = text.partition(" =")
    modifier = next((one for one in _MODIFIERS if declared.startswith(one)), "")
    type_ = declared.removeprefix(modifier).rpartition(" ")[0] or declared
    if owner in PAIRED:
        type_ = type_.replace("TKey", "string").replace("TValue", "int")
    return Parameter(type_, modifier.strip(), bool(equals))


def _split(text: str) -> list[str]:
    """At the commas that stand in no bracket."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "<([") - (character in ">)]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]
