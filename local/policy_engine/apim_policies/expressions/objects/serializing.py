"""Newtonsoft's serializer: objects to JSON and back, for the types that expressions use."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from apim_policies.expressions.newtonsoft import reader
from apim_policies.expressions.newtonsoft.tokens import JArray, JObject, JToken, JValue, walk
from apim_policies.expressions.objects.boxing import boxed, number_of
from apim_policies.expressions.objects.converting import cast, castable
from apim_policies.expressions.objects.iteration import iterate
from apim_policies.expressions.objects.reflection import name_of, text_of, type_of
from apim_policies.expressions.types import (
    BYTE,
    INT,
    INTEGRAL,
    LONG,
    OBJECT,
    STRING,
    Type,
    array,
    generic,
    is_reference,
    underlying,
)
from apim_policies.expressions.values.containers import Anonymous, Array, Dictionary, Enumeration, List, Pair
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.moments import DateTime, DateTimeOffset, TimeSpan
from apim_policies.expressions.values.numbers import Char, Float
from apim_policies.expressions.values.sequences import Sequence
from apim_policies.expressions.values.uris import Uri


def whole(value: int) -> Any:
    """A whole number of JSON as an object: a long, or what is too large for one."""
    low, high = INTEGRAL[LONG]
    if not low <= value <= high:
        raise NotImplementedError(f"the whole number {value} in JSON as an object")
    return boxed(value, LONG)


def token_of(value: Any) -> JToken:
    """`JToken.FromObject`, and what SerializeObject writes.

    Raises:
        NotImplementedError: an object of this kind is not modelled.
    """
    match value:
        case None:
            return JValue(None)
        case JToken():
            return value
        case Char():
            return JValue(chr(value))
        case Enumeration():
            return JValue(number_of(value.type, value.name))
        case bool() | str() | UUID() | DateTime() | DateTimeOffset() | TimeSpan() | Decimal() | Float() | Uri():
            return JValue(value)
        case int():
            return JValue(int(value))
        case float():
            return JValue(float(value))
        case bytearray():
            return JValue(bytearray(value))
        case Anonymous():
            made = JObject()
            for name, part, type_ in zip(value.names, value.values, value.type.args, strict=True):
                made.set(name, token_of(boxed(part, type_)))
            return made
        case Dictionary():
            made = JObject()
            for key, item in value.pairs():
                name = boxed(key, value.type.args[0])
                if isinstance(name, DateTime | DateTimeOffset | float):
                    raise NotImplementedError("JSON of a dictionary with such keys")
                made.set(text_of(name), token_of(boxed(item, value.type.args[1])))
            return made
        case Pair():
            made = JObject()
            made.set("Key", token_of(value[0]))
            made.set("Value", token_of(value[1]))
            return made
        case Array() | Sequence():
            element = value.type.args[0] if isinstance(value, Array) else value.element
            if element is None:
                raise NotImplementedError("JSON of this sequence")
            items = JArray()
            for item in iterate(value):
                items.add(token_of(boxed(item, element)))
            return items
        case _:
            raise NotImplementedError(f"JSON of a {name_of(value)}")


def serialized(value: Any, formatting: str, newline: str) -> str:
    """`JsonConvert.SerializeObject`."""
    token = token_of(value)
    if isinstance(token, JValue) and isinstance(token.value, DateTime | DateTimeOffset | TimeSpan):
        return token.write()
    return token.write() if formatting == "None" else token.write("  ", newline)


def _failure(message: str) -> CSharpException:
    return CSharpException("Newtonsoft.Json.JsonSerializationException", message)


_LISTS = frozenset({"List", "IList", "IEnumerable", "ICollection", "IReadOnlyList", "IReadOnlyCollection"})
_MAPS = frozenset({"Dictionary", "IDictionary"})


def supported(type: Type) -> bool:
    """Whether the serializer can make a type, here."""
    if type.name in {"JObject", "JArray", "JToken", "JValue"} or type == OBJECT or _plain(type):
        return True
    if type.name == "[]" or type.name in _LISTS:
        return type.args[0] != BYTE and supported(type.args[0])
    return type.name in _MAPS and type.args[0] == STRING and supported(type.args[1])


def _plain(type: Type) -> bool:
    return underlying(type).name in {"string", "int", "long", "double", "bool"}


def made(token: JToken, type: Type) -> Any:
    """An object of a type from JSON.

    Raises:
        CSharpException: the JSON is of another form.
        NotImplementedError: how .NET would convert it is not modelled.
    """
    null = isinstance(token, JValue) and token.value is None
    if type == OBJECT:
        return _object(token)
    if type.name.startswith("J"):
        if type.name in ("JToken", token.__class__.__name__):
            return token
        if null:
            return None
        raise NotImplementedError(f"a {type} from a JSON {token.kind}")
    if null:
        if is_reference(type) or type.name == "Nullable":
            return None
        raise _failure(f"Error converting value {{null}} to type '{type}'.")
    if _plain(type):
        return _simple(token, underlying(type))
    if type.name in _MAPS:
        if not isinstance(token, JObject):
            raise _failure(f"Cannot deserialize the current JSON into type '{type}'.")
        entries = Dictionary(generic("Dictionary", *type.args))
        for name, part in token.members.items():
            entries.put(name, made(part, type.args[1]))
        return entries
    if not isinstance(token, JArray):
        raise _failure(f"Cannot deserialize the current JSON into type '{type}'.")
    items = [made(item, type.args[0]) for item in token.items]
    return Array(items, array(type.args[0])) if type.name == "[]" else List(items, generic("List", type.args[0]))


def _object(token: JToken) -> Any:
    if not isinstance(token, JValue):
        return token
    value = token.value
    return whole(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _simple(token: JToken, type: Type) -> Any:
    if not isinstance(token, JValue):
        raise CSharpException("Newtonsoft.Json.JsonReaderException", f"Error reading {type}. Unexpected token.")
    value, kind = token.value, token.kind
    match type, kind:
        case (Type("string"), "String"):
            return value
        case (Type("string"), "Integer"):
            return str(value)
        case (Type("string"), "Boolean"):
            # The reader gives it as it writes it.
            return "true" if value else "false"
        case (Type("int" | "long"), "Integer"):
            low, high = (-(2**31), 2**31 - 1) if type == INT else (-(2**63), 2**63 - 1)
            if not low <= int(value) <= high:  # type: ignore[call-overload]
                raise CSharpException(
                    "Newtonsoft.Json.JsonReaderException", f"JSON integer {value} is too large or small for an {type}."
                )
            return int(value)  # type: ignore[call-overload]
        case (Type("double"), "Integer" | "Float"):
            return float(value)  # type: ignore[arg-type]
        case (Type("bool"), "Boolean"):
            return value
        case _:
            raise NotImplementedError(f"a {type} from a JSON {kind}")


def deserialized(text: str | None, type: Type) -> Any:
    """`JsonConvert.DeserializeObject<T>`."""
    if text is None:
        raise argument_null("value")
    if not text.strip():
        if is_reference(type) or type.name == "Nullable":
            return None
        raise NotImplementedError(f"a {type} from empty JSON")
    try:
        token = reader.parse(text)
    except CSharpException:
        if reader.breaks_off(text):
            # Newtonsoft takes some of these as if they were whole.
            raise NotImplementedError("JsonConvert.DeserializeObject of JSON that breaks off") from None
        raise
    if any(isinstance(part, JValue) and part.kind == "Undefined" for part in walk(token)):
        raise NotImplementedError("'undefined' in JSON that becomes an object")
    if type.name in {"JObject", "JArray"} and type.name != token.__class__.__name__:
        if isinstance(token, JValue) and token.value is None:
            return None if type.name == "JObject" else _refused(type)
        found = type_of(token)
        raise CSharpException(
            "System.InvalidCastException",
            f"Unable to cast object of type 'Newtonsoft.Json.Linq.{found}' to type 'Newtonsoft.Json.Linq.{type}'.",
        )
    if type == STRING and isinstance(token, JValue) and isinstance(token.value, DateTime | float):
        raise NotImplementedError("a string from such JSON")
    return made(token, type)


def _refused(type: Type) -> Any:
    raise NotImplementedError(f"a {type} from null in JSON")


def object_from(token: JToken, type: Type) -> Any:
    """`ToObject<T>()` of a token."""
    return cast(token, type) if castable(type) else made(token, type)
