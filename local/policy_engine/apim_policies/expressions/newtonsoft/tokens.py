"""Newtonsoft.Json's token tree."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from uuid import UUID

from apim_policies.expressions.newtonsoft.texts import (
    NEWLINE,
    base64_text,
    date_json,
    float_text,
    number_text,
    quoted,
)
from apim_policies.expressions.values.changes import ChangingDict, ChangingList
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.moments import DateTime, DateTimeOffset, TimeSpan
from apim_policies.expressions.values.numbers import Float
from apim_policies.expressions.values.uris import Uri


class JToken:
    """Base of all tokens. `parent` decides whether an assignment clones."""

    __slots__ = ("parent",)
    kind = "None"

    def __init__(self) -> None:
        self.parent: JToken | None = None

    def children(self) -> "list[JToken]":
        return []

    def clone(self) -> "JToken":
        raise NotImplementedError

    def write(self, indent: str | None = None, newline: str = "\r\n", level: int = 0) -> str:
        """JSON text; compact without `indent`."""
        raise NotImplementedError

    def replace(self, child: "JToken", token: "JToken | None") -> None:
        """Put another token into the place of a child."""
        raise NotImplementedError

    def discard(self, child: "JToken") -> None:
        """Take a child out."""
        raise NotImplementedError


class JValue(JToken):
    """A string, number, date or the like: `value` as an object of C# (a long is a plain int here)."""

    __slots__ = ("null_kind", "value")

    def __init__(self, value: object, null_kind: str = "Null") -> None:
        super().__init__()
        self.value = value
        self.null_kind = null_kind
        """The type that a null has: a null string is still a String."""

    @property
    def kind(self) -> str:  # type: ignore[override]
        match self.value:
            case None:
                return self.null_kind
            case bool():
                return "Boolean"
            case str():
                return "String"
            case int():
                return "Integer"
            case float() | Decimal():
                return "Float"
            case DateTime() | DateTimeOffset():
                return "Date"
            case bytearray():
                return "Bytes"
            case UUID():
                return "Guid"
            case TimeSpan():
                return "TimeSpan"
            case Uri():
                return "Uri"
            case _:
                raise TypeError(self.value)

    def clone(self) -> "JValue":
        return JValue(self.value, self.null_kind)

    def write(self, indent: str | None = None, newline: str = "\r\n", level: int = 0) -> str:
        match self.value:
            case None:
                return "undefined" if self.null_kind == "Undefined" else "null"
            case bool():
                return "true" if self.value else "false"
            case str():
                return quoted(self.value)
            case int():
                return str(int(self.value))
            case Float():
                text = number_text(self.value)
                return text if "." in text or "E" in text else text + ".0"
            case float():
                return float_text(self.value)
            case Decimal():
                text = f"{self.value:f}"
                return text if "." in text else text + ".0"
            case DateTime() | DateTimeOffset():
                return f'"{date_json(self.value)}"'
            case bytearray():
                return f'"{base64_text(self.value)}"'
            case UUID() | TimeSpan():
                return quoted(number_text(self.value))
            case Uri():
                return quoted(self.value.original)
            case _:
                raise TypeError(self.value)

    def text(self) -> str:
        """`ToString()` of the value alone."""
        return self.value.text() if isinstance(self.value, Uri) else number_text(self.value)


class JArray(JToken):
    __slots__ = ("_items", "_later")
    kind = "Array"

    def __init__(self) -> None:
        super().__init__()
        self._items: list[JToken] = ChangingList()
        self._later: Callable[[], Iterable[JToken]] | None = None

    @property
    def items(self) -> list[JToken]:
        if self._later is not None:
            later, self._later = self._later, None
            self.take(later())
        return self._items

    def take_later(self, tokens: Callable[[], Iterable[JToken]]) -> None:
        """Tokens that are made when somebody looks: of a large text, most are never looked at."""
        self._later = tokens

    def add(self, token: JToken | None) -> None:
        self.items.append(_adopted(token, self))

    def take(self, tokens: Iterable[JToken]) -> None:
        """Tokens that belong to nobody yet, into a new array."""
        self._items = ChangingList(tokens)
        for token in self._items:
            token.parent = self

    def insert(self, index: int, token: JToken | None) -> None:
        self.items.insert(index, _adopted(token, self))

    def put(self, index: int, token: JToken | None) -> None:
        if not _unchanged(self.items[index], token):
            adopted = _adopted(token, self)
            self.items[index].parent = None
            self.items[index] = adopted

    def replace(self, child: JToken, token: JToken | None) -> None:
        self.put(_index(self.items, child), token)

    def discard(self, child: JToken) -> None:
        del self.items[_index(self.items, child)]
        child.parent = None

    def children(self) -> list[JToken]:
        return self.items

    def clone(self) -> "JArray":
        copy = JArray()
        for item in self.items:
            copy.add(item.clone())
        return copy

    def write(self, indent: str | None = None, newline: str = "\r\n", level: int = 0) -> str:
        if not self.items:
            return "[]"
        if indent is None:
            return "[" + ",".join(item.write() for item in self.items) + "]"
        inner = newline + indent * (level + 1)
        parts = [inner + item.write(indent, newline, level + 1) for item in self.items]
        return "[" + ",".join(parts) + newline + indent * level + "]"


class JProperty(JToken):
    """A name and a value: what an object consists of."""

    __slots__ = ("name", "value")
    kind = "Property"

    def __init__(self, name: str, value: JToken | None = None) -> None:
        super().__init__()
        self.name = name
        self.value = _adopted(value, self)

    @classmethod
    def taking(cls, name: str, value: JToken) -> "JProperty":
        """With a value that belongs to nobody yet."""
        made = cls.__new__(cls)
        made.parent, made.name, made.value = None, name, value
        value.parent = made
        return made

    def put(self, token: JToken | None) -> None:
        if not _unchanged(self.value, token):
            adopted = _adopted(token, self)
            self.value.parent = None
            self.value = adopted

    def replace(self, child: JToken, token: JToken | None) -> None:
        self.put(token)

    def discard(self, child: JToken) -> None:
        raise CSharpException(
            "Newtonsoft.Json.JsonException", "Cannot add or remove items from Newtonsoft.Json.Linq.JProperty."
        )

    def clone(self) -> "JProperty":
        return JProperty(self.name, self.value.clone())

    def children(self) -> list[JToken]:
        return [self.value]

    def write(self, indent: str | None = None, newline: str = "\r\n", level: int = 0) -> str:
        separator = ":" if indent is None else ": "
        return f"{quoted(self.name)}{separator}{self.value.write(indent, newline, level)}"


class JObject(JToken):
    __slots__ = ("_later", "_properties")
    kind = "Object"

    def __init__(self) -> None:
        super().__init__()
        self._properties: dict[str, JProperty] = ChangingDict()
        self._later: Callable[[], Iterable[tuple[str, JToken]]] | None = None

    @property
    def properties(self) -> dict[str, JProperty]:
        if self._later is not None:
            later, self._later = self._later, None
            self.take(later())
        return self._properties

    def take_later(self, members: Callable[[], Iterable[tuple[str, JToken]]]) -> None:
        """Members that are made when somebody looks: of a large text, most are never looked at."""
        self._later = members

    @property
    def members(self) -> dict[str, JToken]:
        """Values by name."""
        return {name: part.value for name, part in self.properties.items()}

    def get(self, name: str) -> JToken | None:
        found = self.properties.get(name)
        return None if found is None else found.value

    def set(self, name: str, token: JToken | None) -> None:
        found = self.properties.get(name)
        if found is None:
            self.add(JProperty(name, token))
        else:
            found.put(token)

    def take(self, members: Iterable[tuple[str, JToken]]) -> None:
        """Values that belong to nobody yet, into a new object."""
        self._properties = ChangingDict((name, JProperty.taking(name, value)) for name, value in members)
        for part in self._properties.values():
            part.parent = self

    def add(self, part: JProperty) -> None:
        """
        Raises:
            CSharpException: ArgumentException, there is one of this name.
        """
        if part.name in self.properties:
            raise CSharpException(
                "System.ArgumentException",
                f"Can not add property {part.name} to Newtonsoft.Json.Linq.JObject. "
                "Property with the same name already exists on object.",
            )
        adopted = _adopted(part, self)
        assert isinstance(adopted, JProperty)
        self.properties[part.name] = adopted

    def replace(self, child: JToken, token: JToken | None) -> None:
        raise NotImplementedError("JProperty.Replace")

    def discard(self, child: JToken) -> None:
        assert isinstance(child, JProperty)
        del self.properties[child.name]
        child.parent = None

    def children(self) -> list[JToken]:
        return list(self.properties.values())

    def clone(self) -> "JObject":
        copy = JObject()
        for part in self.properties.values():
            copy.add(part.clone())
        return copy

    def write(self, indent: str | None = None, newline: str = "\r\n", level: int = 0) -> str:
        if not self.properties:
            return "{}"
        if indent is None:
            return "{" + ",".join(part.write() for part in self.properties.values()) + "}"
        inner = newline + indent * (level + 1)
        parts = [inner + part.write(indent, newline, level + 1) for part in self.properties.values()]
        return "{" + ",".join(parts) + newline + indent * level + "}"


def _index(items: list[JToken], child: JToken) -> int:
    return next(n for n, item in enumerate(items) if item is child)


def _unchanged(current: JToken, token: JToken | None) -> bool:
    """Whether a replacement would change nothing: then the token that is there stays."""
    if not isinstance(current, JValue):
        return False
    if token is None:
        return current.kind == "Null"
    return current is token


def _adopted(token: JToken | None, parent: JToken) -> JToken:
    """The token itself if it belongs to nobody and is not what it is put into, else a copy; null becomes a null value.

    Raises:
        CSharpException: ArgumentException, a property is in an object only.
    """
    token = JValue(None) if token is None else token
    if isinstance(token, JProperty) and not isinstance(parent, JObject):
        place = parent.__class__.__name__
        raise CSharpException(
            "System.ArgumentException", f"Can not add Newtonsoft.Json.Linq.JProperty to Newtonsoft.Json.Linq.{place}."
        )
    root = parent
    while root.parent is not None:
        root = root.parent
    if token.parent is not None or token is root or token is parent:
        token = token.clone()
    token.parent = parent
    return token


def deep_equals(one: JToken | None, two: JToken | None) -> bool:
    """`JToken.DeepEquals`."""
    if one is None or two is None:
        return one is two
    match one, two:
        case JValue(), JValue():
            return one is two or (one.kind == two.kind and _same(one.value, two.value))
        case JArray(), JArray():
            return len(one.items) == len(two.items) and all(map(deep_equals, one.items, two.items))
        case JProperty(), JProperty():
            return one.name == two.name and deep_equals(one.value, two.value)
        case JObject(), JObject():
            return one.properties.keys() == two.properties.keys() and all(
                deep_equals(part.value, two.properties[name].value) for name, part in one.properties.items()
            )
        case _:
            return False


def _same(one: object, two: object) -> bool:
    if isinstance(one, float) != isinstance(two, float):
        raise NotImplementedError("the comparison of a double with another number in JSON")
    if isinstance(one, float) and isinstance(two, float):
        # MathUtils.ApproxEquals
        if one == two:
            return True
        limit = (abs(one) + abs(two) + 10.0) * 2.2204460492503131e-016
        return -limit < one - two < limit
    return one == two


def to_text(token: JToken) -> str:
    """`token.ToString()`: values without quotes, containers indented."""
    return token.text() if isinstance(token, JValue) else token.write("  ", NEWLINE.get())


def walk(token: JToken) -> Iterator[JToken]:
    """A token and all below it."""
    yield token
    for child in token.children():
        yield from walk(child)
