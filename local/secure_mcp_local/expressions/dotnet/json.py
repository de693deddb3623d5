"""Namespaces Newtonsoft.Json and Newtonsoft.Json.Linq."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from secure_mcp_local.expressions import newtonsoft as json
from secure_mcp_local.expressions.conversions import name_of
from secure_mcp_local.expressions.dotnet.registry import Method, Model, Property
from secure_mcp_local.expressions.failing import argument_null, out_of_range
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.moments import Moment
from secure_mcp_local.expressions.numbers import Char
from secure_mcp_local.expressions.types import (
    BOOL,
    INT,
    JARRAY,
    JOBJECT,
    JPROPERTY,
    JTOKEN,
    OBJECT,
    STRING,
    VOID,
    Type,
    generic,
)

PROFILE = 1
_FORMATTING, _KIND = Type("Formatting"), Type("JTokenType")
_KINDS = ("None", "Object", "Array", "Constructor", "Property", "Comment", "Integer", "Float", "String", "Boolean",
          "Null", "Undefined", "Date", "Raw", "Bytes", "Guid", "Uri", "TimeSpan")  # fmt: skip


def _written(env: list[Any], token: json.JToken, formatting: str) -> str:
    return token.write() if formatting == "None" else token.write("  ", env[PROFILE].newline)


def _text(env: list[Any], token: json.JToken) -> str:
    return token.text() if isinstance(token, json.JValue) else token.write("  ", env[PROFILE].newline)


def _parsed(kind: str) -> Any:
    def parse(text: str | None) -> json.JToken:
        if text is None:
            raise argument_null("s")
        return json.parse(text, kind)

    return parse


def _member(token: json.JToken, name: str | None) -> json.JToken | None:
    if name is None:
        raise argument_null("propertyName")
    if isinstance(token, json.JObject):
        return token.get(name)
    if isinstance(token, json.JArray):
        message = "Accessed JArray values with invalid key value. Int32 array index expected."
        raise CSharpException("System.ArgumentException", message)
    raise CSharpException(
        "System.InvalidOperationException", f"Cannot access child value on Newtonsoft.Json.Linq.{type(token).__name__}."
    )


def _set_member(token: json.JToken, name: str | None, value: json.JToken | None) -> None:
    if name is None:
        raise argument_null("name")
    if not isinstance(token, json.JObject):
        raise CSharpException("System.InvalidOperationException", "Cannot set child value.")
    token.set(name, value)


def _item(array: json.JArray, index: int) -> json.JToken:
    if not 0 <= index < len(array.items):
        raise out_of_range("index")
    return array.items[index]


def _place(token: json.JToken, index: int) -> json.JToken:
    """`token[0]` of any token."""
    if isinstance(token, json.JArray):
        return _item(token, index)
    if isinstance(token, json.JObject):
        message = f"Accessed JObject values with invalid key value: {index}. Object property name expected."
        raise CSharpException("System.ArgumentException", message)
    raise CSharpException(
        "System.InvalidOperationException", f"Cannot access child value on Newtonsoft.Json.Linq.{type(token).__name__}."
    )


def token_of(value: Any) -> json.JToken:
    """What a JArray makes of an object that is put into it."""
    if isinstance(value, json.JToken):
        return value
    if value is None or (isinstance(value, bool | str | int | float) and not isinstance(value, Char)):
        return json.JValue(value)
    if isinstance(value, UUID | Moment | bytearray):
        raise NotImplementedError(f"a JSON value of {name_of(value)}")
    raise CSharpException(
        "System.ArgumentException", f"Could not determine JSON object type for type {name_of(value)}."
    )


def _array(contents: Iterable[Any] = ()) -> json.JArray:
    result = json.JArray()
    for content in contents:
        _put(result, content)
    return result


def _put(result: json.JArray, content: Any) -> None:
    """Sequences are put in one by one, at whatever depth (JContainer.AddInternal); tokens and strings are none."""
    if isinstance(content, str | json.JToken | bytearray) or not isinstance(content, Iterable):
        result.add(token_of(content))
        return
    for item in content:
        _put(result, item)


def _copy(other: json.JArray | None) -> json.JArray:
    if other is None:
        raise argument_null("other")
    return other.clone()


_TOKEN = Model(
    methods={
        "ToString": [Method((_FORMATTING,), STRING, _written, env=True), Method((), STRING, _text, env=True)],
    },
    properties={"Type": Property(_KIND, lambda token: token.kind)},
    statics={"Parse": [Method((STRING,), JTOKEN, _parsed("JToken"))]},
    indexer=Method((STRING,), JTOKEN, _member),
    second_indexer=Method((INT,), JTOKEN, _place),
    set_indexer=_set_member,
)
_OBJECT = Model(
    methods={
        "ContainsKey": [Method((STRING,), BOOL, lambda token, name: name in token.members)],
        "Properties": [
            Method(
                (),
                generic("IEnumerable", JPROPERTY),
                lambda token: [json.JProperty(n, v) for n, v in token.members.items()],
            )
        ],
        **_TOKEN.methods,
    },
    properties={"Count": Property(INT, lambda token: len(token.members)), **_TOKEN.properties},
    statics={"Parse": [Method((STRING,), JOBJECT, _parsed("JObject"))]},
    constructors=[Method((), JOBJECT, json.JObject)],
    indexer=_TOKEN.indexer,
    set_indexer=_set_member,
)
_ARRAY = Model(
    methods={
        "Add": [Method((JTOKEN,), VOID, lambda token, item: token.add(item))],
        **_TOKEN.methods,
    },
    properties={"Count": Property(INT, lambda token: len(token.items)), **_TOKEN.properties},
    statics={"Parse": [Method((STRING,), JARRAY, _parsed("JArray"))]},
    constructors=[Method((JARRAY,), JARRAY, _copy), Method((), JARRAY, _array, rest=OBJECT)],
    indexer=Method((INT,), JTOKEN, _item),
)

MODELS: dict[str, Model] = {
    "JToken": _TOKEN,
    "JContainer": Model(properties=_TOKEN.properties),
    "JObject": _OBJECT,
    "JArray": _ARRAY,
    "JValue": Model(methods=_TOKEN.methods, properties=_TOKEN.properties),
    "JProperty": Model(
        properties={
            "Name": Property(STRING, lambda token: token.name),
            "Value": Property(JTOKEN, lambda token: token.value),
            **_TOKEN.properties,
        }
    ),
    "Formatting": Model(static_properties={n: Property(_FORMATTING, lambda n=n: n) for n in ("None", "Indented")}),
    "JTokenType": Model(static_properties={n: Property(_KIND, lambda n=n: n) for n in _KINDS}),
}
NAMES = {name: "Newtonsoft.Json.Linq" for name in MODELS} | {"Formatting": "Newtonsoft.Json"}
