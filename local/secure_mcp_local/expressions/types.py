"""Static types of C# as the binder sees them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Type:
    """A type by its short .NET name; arrays are `[]` of one argument."""

    name: str
    args: tuple["Type", ...] = ()

    def __str__(self) -> str:
        if self.name == "[]":
            return f"{self.args[0]}[]"
        return self.name + (f"<{', '.join(map(str, self.args))}>" if self.args else "")


def array(element: Type) -> Type:
    return Type("[]", (element,))


def generic(name: str, *args: Type) -> Type:
    return Type(name, args)


OBJECT, STRING, BOOL, CHAR, BYTE = (Type(name) for name in ("object", "string", "bool", "char", "byte"))
INT, LONG, DOUBLE, VOID, NULL = (Type(name) for name in ("int", "long", "double", "void", "null"))
UINT, ULONG, SHORT, DECIMAL = (Type(name) for name in ("uint", "ulong", "short", "decimal"))
JTOKEN, JOBJECT, JARRAY, JVALUE, JPROPERTY = (
    Type(name) for name in ("JToken", "JObject", "JArray", "JValue", "JProperty")
)
EXCEPTION = Type("Exception")
BYTES, STRINGS = array(BYTE), array(STRING)

INTEGRAL = {BYTE: (0, 255), CHAR: (0, 65535), SHORT: (-32768, 32767), INT: (-(2**31), 2**31 - 1),
            UINT: (0, 2**32 - 1), LONG: (-(2**63), 2**63 - 1), ULONG: (0, 2**64 - 1)}  # fmt: skip
REFERENCE_NULLABLE = frozenset({"bool", "char", "byte", "int", "long", "double", "uint", "ulong", "short", "decimal",
                                "DateTimeOffset", "DateTime", "TimeSpan", "Guid", "KeyValuePair", "JTokenType",
                                "Formatting", "StringComparison", "StringSplitOptions", "RegexOptions"})  # fmt: skip
"""Names of value types: null is none of their values."""

# What a type can be used as, besides object: nearest first.
_BASES: dict[str, tuple[str, ...]] = {
    "JObject": ("JContainer", "JToken"),
    "JArray": ("JContainer", "JToken"),
    "JProperty": ("JContainer", "JToken"),
    "JValue": ("JToken",),
    "JContainer": ("JToken",),
    "SHA256": ("HashAlgorithm",),
    "HMACSHA256": ("HashAlgorithm",),
}


def is_reference(type: Type) -> bool:
    return type.name not in REFERENCE_NULLABLE and type != VOID


def derives(type: Type, base: Type) -> bool:
    """Whether a reference of `type` is one of `base`, too."""
    if base in (type, OBJECT):
        return True
    if not type.args and base.name in _BASES.get(type.name, ()) and not base.args:
        return True
    if base.name in {"IEnumerable", "IReadOnlyCollection", "ICollection", "IList"} and base.args:
        element = element_of(type)
        if element is None or (base.name != "IEnumerable" and type.name == "IEnumerable"):
            return False
        return element == base.args[0] or (is_reference(element) and derives(element, base.args[0]))
    return False


def element_of(type: Type) -> Type | None:
    """What `foreach` gives for a type."""
    if type.name in {"[]", "IEnumerable", "IList", "List", "HashSet", "ICollection"}:
        return type.args[0]
    if type.name in {"Dictionary", "IDictionary", "IReadOnlyDictionary"}:
        return Type("KeyValuePair", type.args)
    if type == STRING:
        return CHAR
    if type in (JTOKEN, JARRAY, Type("JContainer")):
        return JTOKEN
    if type == JOBJECT:
        return Type("KeyValuePair", (STRING, JTOKEN))
    return None
