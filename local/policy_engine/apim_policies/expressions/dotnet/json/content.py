"""What containers make of the objects that are put into them."""

from collections.abc import Iterable
from typing import Any

from apim_policies.expressions.newtonsoft.tokens import JArray, JObject, JProperty, JToken, JValue
from apim_policies.expressions.objects.boxing import NUMERIC, boxed
from apim_policies.expressions.objects.reflection import name_of, type_of
from apim_policies.expressions.types import (
    BYTES,
    CHAR,
)
from apim_policies.expressions.values.containers import Dictionary
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.numbers import Char

_PLAIN = {"string", "bool", "DateTime", "DateTimeOffset", "TimeSpan", "Guid", "Uri"}


def token_of(value: Any) -> JToken:
    """What a container makes of an object that is put into it."""
    if isinstance(value, JToken):
        return value
    type_ = type_of(value)
    if isinstance(value, int) and not isinstance(value, Char) and not isinstance(value, bool):
        return JValue(int(value))
    if value is None or (
        type_ is not None and type_ != CHAR and (type_ in NUMERIC or type_.name in _PLAIN or type_ == BYTES)
    ):
        return JValue(value)
    raise CSharpException(
        "System.ArgumentException", f"Could not determine JSON object type for type {name_of(value)}."
    )


def is_multiple(content: Any) -> bool:
    """Whether a container takes an object apart: sequences, but no tokens and strings (JContainer.IsMultiContent)."""
    return isinstance(content, Iterable) and not isinstance(content, str | JToken | bytearray)


def elements_of(content: Any) -> Iterable[Any]:
    """The items of a sequence, as objects."""
    if isinstance(content, Dictionary):
        raise CSharpException(
            "System.ArgumentException", f"Could not determine JSON object type for type {name_of(content)}."
        )
    type_ = getattr(content, "type", None)
    element = type_.args[0] if type_ is not None else getattr(content, "element", None)
    if element is None:
        raise NotImplementedError("the items of this sequence as JSON")
    return [boxed(item, element) for item in content]


def array_of(contents: Iterable[Any] = ()) -> JArray:
    result = JArray()
    for content in contents:
        put_content(result, content)
    return result


def put_content(result: JArray, content: Any) -> None:
    """Sequences are put in one by one, at whatever depth (JContainer.AddInternal)."""
    if not is_multiple(content):
        result.add(no_property(token_of(content)))
        return
    for item in elements_of(content):
        put_content(result, item)


def no_property(token: JToken) -> JToken:
    if isinstance(token, JProperty):
        raise CSharpException(
            "System.ArgumentException", "Can not add Newtonsoft.Json.Linq.JProperty to Newtonsoft.Json.Linq.JArray."
        )
    return token


def object_of(contents: Iterable[Any] = ()) -> JObject:
    result = JObject()
    for content in contents:
        put_member(result, content)
    return result


def put_member(result: JObject, content: Any) -> None:
    if is_multiple(content):
        for item in elements_of(content):
            put_member(result, item)
        return
    if content is None:
        raise NotImplementedError("null as the content of a JObject")
    token = content if isinstance(content, JToken) else token_of(content)
    if not isinstance(token, JProperty):
        raise CSharpException(
            "System.ArgumentException",
            f"Can not add Newtonsoft.Json.Linq.{token.__class__.__name__} to Newtonsoft.Json.Linq.JObject.",
        )
    result.add(token)


def property_with(name: str | None, content: Any) -> JProperty:
    if name is None:
        raise argument_null("name")
    if is_multiple(content):
        return JProperty(name, array_of([content]))
    return JProperty(name, token_of(content))


def property_of(name: str | None, contents: Any) -> JProperty:
    if name is None:
        raise argument_null("name")
    return JProperty(name, array_of(contents) if len(contents) != 1 else token_of(contents[0]))
