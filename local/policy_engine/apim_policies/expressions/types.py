"""Static types of C# as the binder sees them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Type:
    """A type by its short .NET name; arrays are `[]` of one argument, `int?` is `Nullable` of one.

    The name of an anonymous type is `anonymous` and its members' names, all with spaces between.
    """

    name: str
    args: tuple["Type", ...] = ()
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Types are what the tables of this package are looked up by.
        object.__setattr__(self, "_hash", hash((self.name, self.args)))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        if self.name == "[]":
            return f"{self.args[0]}[]"
        if self.name == "Nullable" and self.args:
            return f"{self.args[0]}?"
        if self.name.startswith("anonymous "):
            return "anonymous"
        return self.name + (f"<{','.join(map(str, self.args))}>" if self.args else "")


def array(element: Type) -> Type:
    return Type("[]", (element,))


def generic(name: str, *args: Type) -> Type:
    return Type(name, args)


def nullable(type: Type) -> Type:
    return Type("Nullable", (type,))


def underlying(type: Type) -> Type:
    """`T` of `T?`, other types as they are."""
    return type.args[0] if type.name == "Nullable" else type


OBJECT, STRING, BOOL, CHAR, BYTE = (Type(name) for name in ("object", "string", "bool", "char", "byte"))
INT, LONG, DOUBLE, VOID, NULL = (Type(name) for name in ("int", "long", "double", "void", "null"))
THROW = Type("throw")
"""What a throw expression has in place of a type: it becomes that of the other operand."""
UINT, ULONG, SHORT, DECIMAL = (Type(name) for name in ("uint", "ulong", "short", "decimal"))
SBYTE, USHORT, FLOAT = (Type(name) for name in ("sbyte", "ushort", "float"))
JTOKEN, JOBJECT, JARRAY, JVALUE, JPROPERTY = (
    Type(name) for name in ("JToken", "JObject", "JArray", "JValue", "JProperty")
)
EXCEPTION = Type("Exception")
DATETIME, OFFSET, TIMESPAN, GUID = (Type(name) for name in ("DateTime", "DateTimeOffset", "TimeSpan", "Guid"))
BYTES, STRINGS = array(BYTE), array(STRING)

INTEGRAL = {BYTE: (0, 255), SBYTE: (-128, 127), CHAR: (0, 65535), SHORT: (-32768, 32767), USHORT: (0, 65535),
            INT: (-(2**31), 2**31 - 1), UINT: (0, 2**32 - 1), LONG: (-(2**63), 2**63 - 1), ULONG: (0, 2**64 - 1)}  # fmt: skip
SMALL = frozenset({BYTE, SBYTE, CHAR, SHORT, USHORT})
"""Integers that become int in every operation."""

ENUMERATIONS: dict[str, dict[str, int]] = {
    "StringComparison": {name: n for n, name in enumerate((
        "CurrentCulture", "CurrentCultureIgnoreCase", "InvariantCulture", "InvariantCultureIgnoreCase", "Ordinal",
        "OrdinalIgnoreCase"))},
    "StringSplitOptions": {"None": 0, "RemoveEmptyEntries": 1},
    "RegexOptions": {"None": 0, "IgnoreCase": 1, "Multiline": 2, "ExplicitCapture": 4, "Compiled": 8, "Singleline": 16,
                     "IgnorePatternWhitespace": 32, "RightToLeft": 64, "ECMAScript": 256, "CultureInvariant": 512},
    "Formatting": {"None": 0, "Indented": 1},
    "JTokenType": {name: n for n, name in enumerate((
        "None", "Object", "Array", "Constructor", "Property", "Comment", "Integer", "Float", "String", "Boolean",
        "Null", "Undefined", "Date", "Raw", "Bytes", "Guid", "Uri", "TimeSpan"))},
    "DateTimeKind": {"Unspecified": 0, "Utc": 1, "Local": 2},
    "DayOfWeek": {name: n for n, name in enumerate((
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"))},
    "MidpointRounding": {"ToEven": 0, "AwayFromZero": 1},
    "UriPartial": {"Scheme": 0, "Authority": 1, "Path": 2, "Query": 3},
    "XmlNodeType": {name: n for n, name in enumerate((
        "None", "Element", "Attribute", "Text", "CDATA", "EntityReference", "Entity", "ProcessingInstruction",
        "Comment", "Document", "DocumentType", "DocumentFragment", "Notation", "Whitespace",
        "SignificantWhitespace", "EndElement", "EndEntity", "XmlDeclaration"))},
    "AddressFamily": {"InterNetwork": 2, "InterNetworkV6": 23},
    "ProductState": {"NotPublished": 0, "Published": 1},
}  # fmt: skip
"""Enumerations by name, with the numbers of their members; values are the names of the members."""

VALUE_TYPES = frozenset({"bool", "char", "byte", "sbyte", "short", "ushort", "int", "uint", "long", "ulong", "float",
                         "double", "decimal", "DateTimeOffset", "DateTime", "TimeSpan", "Guid", "KeyValuePair",
                         "Nullable", "JEnumerable", *ENUMERATIONS})  # fmt: skip
"""Names of types without null, but for Nullable."""

# What a type can be used as, besides object: nearest first.
_BASES: dict[str, tuple[str, ...]] = {
    "JObject": ("JContainer", "JToken"),
    "JArray": ("JContainer", "JToken"),
    "JProperty": ("JContainer", "JToken"),
    "JValue": ("JToken",),
    "JContainer": ("JToken",),
    "Match": ("Group", "Capture"),
    "Group": ("Capture",),
    "RSA": ("AsymmetricAlgorithm",),
    "XElement": ("XContainer", "XNode", "XObject"),
    "XDocument": ("XContainer", "XNode", "XObject"),
    "XText": ("XNode", "XObject"),
    "XCData": ("XText", "XNode", "XObject"),
    "XComment": ("XNode", "XObject"),
    "XProcessingInstruction": ("XNode", "XObject"),
    "XContainer": ("XNode", "XObject"),
    "XNode": ("XObject",),
    "XAttribute": ("XObject",),
    **dict.fromkeys(("MD5", "SHA1", "SHA256", "SHA384", "SHA512"), ("HashAlgorithm",)),
    **{f"{name}Managed": (name, "HashAlgorithm") for name in ("SHA1", "SHA256", "SHA384", "SHA512")},
    **{f"HMAC{name}": ("HMAC", "KeyedHashAlgorithm", "HashAlgorithm")
       for name in ("MD5", "SHA1", "SHA256", "SHA384", "SHA512")},
    "HMAC": ("KeyedHashAlgorithm", "HashAlgorithm"),
}  # fmt: skip

# Generic types and the generic interfaces with the same arguments that they have.
_LISTS = ("IList", "ICollection", "IReadOnlyList", "IReadOnlyCollection", "IEnumerable")
_INTERFACES: dict[str, tuple[str, ...]] = {
    "[]": _LISTS,
    "List": _LISTS,
    "IList": ("ICollection", "IEnumerable"),
    "ICollection": ("IEnumerable",),
    "IReadOnlyList": ("IReadOnlyCollection", "IEnumerable"),
    "IReadOnlyCollection": ("IEnumerable",),
    "HashSet": ("ISet", "ICollection", "IReadOnlyCollection", "IEnumerable"),
    "ISet": ("ICollection", "IEnumerable"),
    "Queue": ("IReadOnlyCollection", "IEnumerable"),
    "Stack": ("IReadOnlyCollection", "IEnumerable"),
    "IOrderedEnumerable": ("IEnumerable",),
    "IGrouping": ("IEnumerable",),
    "JEnumerable": ("IEnumerable",),
    "Dictionary": ("IDictionary", "IReadOnlyDictionary"),
}
_COVARIANT = frozenset({"IEnumerable", "IReadOnlyCollection", "IReadOnlyList"})
_PAIRED = frozenset({"Dictionary", "IDictionary", "IReadOnlyDictionary"})


def bases(type: Type) -> tuple[str, ...]:
    """Names of the types whose members a type has, too."""
    if type.name.startswith("I"):
        return _INTERFACES.get(type.name, ())
    # Classes have the members of their interfaces themselves, or hide them, as arrays do.
    return ("byte[]",) if type == BYTES else _BASES.get(type.name, ())


def is_reference(type: Type) -> bool:
    return type.name not in VALUE_TYPES and type != VOID


def holds_null(type: Type) -> bool:
    return type.name == "Nullable" or is_reference(type)


def derives(type: Type, base: Type) -> bool:
    """Whether a reference of `type` is one of `base`, too."""
    if base in (type, OBJECT):
        return True
    if not type.args and base.name in _BASES.get(type.name, ()) and not base.args:
        return True
    if not base.args:
        return False
    if base.name == "[]":
        return type.name == "[]" and is_reference(type.args[0]) and derives(type.args[0], base.args[0])
    if base.name in _PAIRED:
        return base.name in _INTERFACES.get(type.name, ()) and type.args == base.args
    offered = _offered(type, base.name)
    if offered is None:
        return False
    covariant = base.name in _COVARIANT or type.name == "[]"
    return offered == base.args[0] or (covariant and is_reference(offered) and derives(offered, base.args[0]))


def _offered(type: Type, interface: str) -> Type | None:
    """The argument with which a type has a generic interface of one argument."""
    if type.name == interface or interface in _INTERFACES.get(type.name, ()):
        return type.args[0] if type.args else None
    if interface in {"IEnumerable", "ICollection"} and type.name in _PAIRED:
        return Type("KeyValuePair", type.args)
    if interface in {"IEnumerable", "ICollection", "IList"} and type == JARRAY:
        return JTOKEN
    if interface == "IEnumerable":
        return element_of(type)
    return None


def element_of(type: Type) -> Type | None:
    """What `foreach` gives for a type."""
    if type.name == "[]" or (
        type.args and ("IEnumerable" in _INTERFACES.get(type.name, ()) or type.name == "IEnumerable")
    ):
        return type.args[0]
    if type.name in _PAIRED:
        return Type("KeyValuePair", type.args)
    if type.name in {"Headers", "Query", "Claims"}:
        return Type("KeyValuePair", (STRING, STRINGS))
    if type.name == "Variables":
        return Type("KeyValuePair", (STRING, OBJECT))
    if type == STRING:
        return CHAR
    if type in (JTOKEN, JARRAY, JPROPERTY, Type("JContainer")):
        return JTOKEN
    if type == JOBJECT:
        return Type("KeyValuePair", (STRING, JTOKEN))
    return UNTYPED.get(type.name)


UNTYPED = {
    "MatchCollection": Type("Match"),
    "GroupCollection": Type("Group"),
    "CaptureCollection": Type("Capture"),
}
"""Collections of before generics: foreach with `var` gives objects, but each is of this type."""
