"""Namespaces Newtonsoft.Json and Newtonsoft.Json.Linq."""

from collections.abc import Callable, Iterable
from typing import Any

from secure_mcp_local.expressions import newtonsoft as json
from secure_mcp_local.expressions.containers import Dictionary
from secure_mcp_local.expressions.conversions import NUMERIC, boxed
from secure_mcp_local.expressions.converting import unwrapped
from secure_mcp_local.expressions.dotnet.registry import Method, Model, Property, out
from secure_mcp_local.expressions.dotnet.strings import same
from secure_mcp_local.expressions.failing import argument_null, out_of_range
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.jsonpath import select, selected
from secure_mcp_local.expressions.numbers import Char
from secure_mcp_local.expressions.runtime import name_of, type_of
from secure_mcp_local.expressions.sequences import Sequence
from secure_mcp_local.expressions.serializing import (
    deserialized,
    object_from,
    serialized,
    supported,
)
from secure_mcp_local.expressions.serializing import token_of as token_from
from secure_mcp_local.expressions.types import (
    BOOL,
    BYTES,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    GUID,
    INT,
    JARRAY,
    JOBJECT,
    JPROPERTY,
    JTOKEN,
    JVALUE,
    LONG,
    OBJECT,
    OFFSET,
    STRING,
    TIMESPAN,
    VOID,
    Type,
    generic,
)

PROFILE = 1
_FORMATTING, _KIND, _CONTAINER = Type("Formatting"), Type("JTokenType"), Type("JContainer")
_COMPARISON = Type("StringComparison")
_TOKENS, _PROPERTIES = generic("IEnumerable", JTOKEN), generic("IEnumerable", JPROPERTY)


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
    if name is None and isinstance(token, json.JObject | json.JArray):
        raise argument_null("key")
    if isinstance(token, json.JObject):
        return token.get(name or "")
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


def _set_item(array: json.JArray, index: int, value: json.JToken | None) -> None:
    _item(array, index)
    array.put(index, value)


def _set_place(token: json.JToken, index: int, value: json.JToken | None) -> None:
    _place(token, index)
    assert isinstance(token, json.JArray)
    token.put(index, value)


_PLAIN = {"string", "bool", "DateTime", "DateTimeOffset", "TimeSpan", "Guid"}


def token_of(value: Any) -> json.JToken:
    """What a container makes of an object that is put into it."""
    if isinstance(value, json.JToken):
        return value
    type_ = type_of(value)
    if isinstance(value, int) and not isinstance(value, Char) and not isinstance(value, bool):
        return json.JValue(int(value))
    if value is None or (
        type_ is not None and type_ != CHAR and (type_ in NUMERIC or type_.name in _PLAIN or type_ == BYTES)
    ):
        return json.JValue(value)
    raise CSharpException(
        "System.ArgumentException", f"Could not determine JSON object type for type {name_of(value)}."
    )


def _many(content: Any) -> bool:
    """Whether a container takes an object apart: sequences, but no tokens and strings (JContainer.IsMultiContent)."""
    return isinstance(content, Iterable) and not isinstance(content, str | json.JToken | bytearray)


def _elements(content: Any) -> Iterable[Any]:
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


def _array(contents: Iterable[Any] = ()) -> json.JArray:
    result = json.JArray()
    for content in contents:
        _put(result, content)
    return result


def _put(result: json.JArray, content: Any) -> None:
    """Sequences are put in one by one, at whatever depth (JContainer.AddInternal)."""
    if not _many(content):
        result.add(_no_property(token_of(content)))
        return
    for item in _elements(content):
        _put(result, item)


def _no_property(token: json.JToken) -> json.JToken:
    if isinstance(token, json.JProperty):
        raise CSharpException(
            "System.ArgumentException", "Can not add Newtonsoft.Json.Linq.JProperty to Newtonsoft.Json.Linq.JArray."
        )
    return token


def _object(contents: Iterable[Any] = ()) -> json.JObject:
    result = json.JObject()
    for content in contents:
        _put_member(result, content)
    return result


def _put_member(result: json.JObject, content: Any) -> None:
    if _many(content):
        for item in _elements(content):
            _put_member(result, item)
        return
    if content is None:
        raise NotImplementedError("null as the content of a JObject")
    token = content if isinstance(content, json.JToken) else token_of(content)
    if not isinstance(token, json.JProperty):
        raise CSharpException(
            "System.ArgumentException",
            f"Can not add Newtonsoft.Json.Linq.{token.__class__.__name__} to Newtonsoft.Json.Linq.JObject.",
        )
    result.add(token)


def _property(name: str | None, content: Any) -> json.JProperty:
    if name is None:
        raise argument_null("name")
    if _many(content):
        return json.JProperty(name, _array([content]))
    return json.JProperty(name, token_of(content))


def _property_of(name: str | None, contents: Any) -> json.JProperty:
    if name is None:
        raise argument_null("name")
    return json.JProperty(name, _array(contents) if len(contents) != 1 else token_of(contents[0]))


def _copy(other: json.JArray | None) -> json.JArray:
    if other is None:
        raise argument_null("other")
    return other.clone()


def _copy_object(other: json.JObject | None) -> json.JObject:
    if other is None:
        raise argument_null("other")
    return other.clone()


def _add_member(token: json.JObject, name: str | None, value: json.JToken | None) -> None:
    if name is None:
        raise argument_null("name")
    token.add(json.JProperty(name, value))


def _remove_member(token: json.JObject, name: str | None) -> bool:
    if name is None:
        raise argument_null("propertyName")
    found = token.properties.get(name)
    if found is None:
        return False
    token.discard(found)
    return True


def _try_member(token: json.JObject, name: str | None) -> tuple[bool, json.JToken | None]:
    found = token.get(name) if name is not None else None
    return found is not None, found


def _has(token: json.JObject, name: str | None) -> bool:
    if name is None:
        raise argument_null("propertyName")
    return name in token.properties


def _folded_member(token: json.JObject, name: str | None, comparison: str) -> json.JToken | None:
    """`GetValue(name, comparison)`: the same spelling first."""
    if name is None:
        return None
    found = token.get(name)
    if found is not None:
        return found
    return next((part.value for part in token.properties.values() if same(part.name, name, comparison)), None)


def _merged(token: json.JObject, other: Any) -> None:
    """`Merge` with the default settings: objects are merged, arrays appended."""
    if not isinstance(other, json.JObject):
        raise NotImplementedError("Merge of anything but objects")
    for name, part in other.properties.items():
        current = token.get(name)
        if current is None:
            token.add(json.JProperty(name, part.value))
        elif isinstance(current, json.JObject) and isinstance(part.value, json.JObject):
            _merged(current, part.value)
        elif isinstance(current, json.JArray) and isinstance(part.value, json.JArray):
            for item in part.value.items:
                current.add(item)
        elif not (isinstance(part.value, json.JValue) and part.value.value is None):
            token.set(name, part.value)


def _parent(token: json.JToken) -> json.JToken:
    if token.parent is None:
        raise CSharpException("System.InvalidOperationException", "The parent is missing.")
    return token.parent


def _removed(token: json.JToken) -> None:
    _parent(token).discard(token)


def _replaced(token: json.JToken, value: json.JToken | None) -> None:
    _parent(token).replace(token, value)


def _remove_item(array: json.JArray, item: json.JToken | None) -> bool:
    found = next((each for each in array.items if each is item), None)
    if found is None:
        return False
    array.discard(found)
    return True


def _remove_at(array: json.JArray, index: int) -> None:
    array.discard(_item(array, index))


def _insert(array: json.JArray, index: int, token: json.JToken | None) -> None:
    if not 0 <= index <= len(array.items):
        raise out_of_range("index")
    array.insert(index, token)


def _path(token: json.JToken) -> str:
    if token.parent is None:
        return ""
    steps: list[json.JToken] = []
    at: json.JToken | None = token
    while at is not None:
        steps.append(at)
        at = at.parent
    out = ""
    for parent, child in zip(steps[::-1], [*steps[::-1][1:], None], strict=True):
        if isinstance(parent, json.JProperty):
            simple = not any(unit in " .'/\"[]()\t\n\r\f\b\\\x85\u2028\u2029" for unit in parent.name)
            if not simple:
                raise NotImplementedError("the path of such a property")
            out += ("." if out else "") + parent.name
        elif isinstance(parent, json.JArray) and child is not None:
            out += f"[{next(n for n, item in enumerate(parent.items) if item is child)}]"
    return out


def _root(token: json.JToken) -> json.JToken:
    return token if token.parent is None else _root(token.parent)


def _only_container(token: json.JToken) -> list[json.JToken]:
    if isinstance(token, json.JValue):
        raise CSharpException(
            "System.InvalidOperationException", "Cannot access child value on Newtonsoft.Json.Linq.JValue."
        )
    return token.children()


def _edge(index: int) -> Callable[[json.JToken], json.JToken | None]:
    def get(token: json.JToken) -> json.JToken | None:
        children = _only_container(token)
        return children[index] if children else None

    return get


def _sibling(step: int) -> Callable[[json.JToken], json.JToken | None]:
    def get(token: json.JToken) -> json.JToken | None:
        siblings = token.parent.children() if token.parent is not None else [token]
        at = next(n for n, each in enumerate(siblings) if each is token) + step
        return siblings[at] if 0 <= at < len(siblings) else None

    return get


def _descendants(token: json.JToken) -> Iterable[json.JToken]:
    for child in token.children():
        yield child
        yield from _descendants(child)


def _value_at(type_: Type) -> list[Method]:
    def by_name(token: json.JToken, name: str | None) -> Any:
        return unwrapped(_member(token, name), type_)

    def by_place(token: json.JToken, index: int) -> Any:
        return unwrapped(_place(token, index), type_)

    return [
        Method((STRING,), type_, by_name),
        Method((INT,), type_, by_place),
        Method((), type_, lambda token: unwrapped(token, type_)),
    ]


def _to_object(type_: Type) -> Method:
    if not supported(type_) and type_.name not in {"decimal", "Guid", "DateTime", "Nullable"}:
        raise NotImplementedError(f"ToObject<{type_}>")
    return Method((), type_, lambda token: object_from(token, type_))


def _values_of(type_: Type) -> Method:
    def values(token: json.JToken) -> Sequence:
        return Sequence(lambda: [unwrapped(child, type_) for child in token.children()], type_)

    return Method((), generic("IEnumerable", type_), values)


def _selected(token: json.JToken, path: str | None, strict: bool = False) -> Sequence:
    if path is None:
        raise NotImplementedError("SelectTokens of null")
    return Sequence(lambda: selected(token, path, strict=strict), JTOKEN)


def _select(token: json.JToken, path: str | None, strict: bool = False) -> json.JToken | None:
    if path is None:
        raise NotImplementedError("SelectToken of null")
    return select(token, path, strict=strict)


def _children(token: json.JToken) -> Sequence:
    return Sequence(lambda: list(token.children()), JTOKEN, generic("JEnumerable", JTOKEN))


def _from_object(value: Any) -> json.JToken:
    if value is None:
        raise argument_null("o")
    token = token_from(value)
    return token.clone() if token is value else token


def _object_from(wanted: type[json.JToken]) -> Callable[[Any], Any]:
    def build(value: Any) -> Any:
        token = _from_object(value)
        if not isinstance(token, wanted):
            raise CSharpException(
                "System.ArgumentException",
                f"Object serialized to {token.kind}. {wanted.__name__} instance expected.",
            )
        return token

    return build


def _value_box(token: json.JValue) -> Any:
    value = token.value
    return boxed(value, LONG) if isinstance(value, int) and not isinstance(value, bool) else value


def _set_value(part: json.JProperty, value: json.JToken | None) -> None:
    part.put(value)


def _set_box(token: json.JValue, value: Any) -> None:
    made = token_of(value)
    if not isinstance(made, json.JValue):
        raise NotImplementedError("a JSON container as the Value of a JValue")
    token.value, token.null_kind = made.value, made.null_kind


_TOKEN = Model(
    methods={
        "ToString": [Method((_FORMATTING,), STRING, _written, env=True), Method((), STRING, _text, env=True)],
        "SelectToken": [Method((STRING,), JTOKEN, _select), Method((STRING, BOOL), JTOKEN, _select)],
        "SelectTokens": [Method((STRING,), _TOKENS, _selected), Method((STRING, BOOL), _TOKENS, _selected)],
        "DeepClone": [Method((), JTOKEN, lambda token: token.clone())],
        "Remove": [Method((), VOID, _removed)],
        "Replace": [Method((JTOKEN,), VOID, _replaced)],
        "Children": [Method((), generic("JEnumerable", JTOKEN), _children)],
    },
    properties={
        "Type": Property(_KIND, lambda token: token.kind),
        "Path": Property(STRING, _path),
        "Parent": Property(_CONTAINER, lambda token: token.parent),
        "Root": Property(JTOKEN, _root),
        "First": Property(JTOKEN, _edge(0)),
        "Last": Property(JTOKEN, _edge(-1)),
        "Next": Property(JTOKEN, _sibling(1)),
        "Previous": Property(JTOKEN, _sibling(-1)),
        "HasValues": Property(BOOL, lambda token: bool(token.children())),
    },
    statics={
        "Parse": [Method((STRING,), JTOKEN, _parsed("JToken"))],
        "FromObject": [Method((OBJECT,), JTOKEN, _from_object)],
        "DeepEquals": [Method((JTOKEN, JTOKEN), BOOL, json.deep_equals)],
    },
    indexer=Method((STRING,), JTOKEN, _member),
    second_indexer=Method((INT,), JTOKEN, _place),
    set_indexer=_set_member,
    set_second=_set_place,
    generics={"Value": _value_at, "ToObject": _to_object, "Values": _values_of},
)
_CONTAINED = Model(
    methods={"Descendants": [Method((), _TOKENS, lambda token: Sequence(lambda: _descendants(token), JTOKEN))]},
    properties={"Count": Property(INT, lambda token: len(token.children()))},
)
_OBJECT = Model(
    methods={
        "ContainsKey": [Method((STRING,), BOOL, _has)],
        "Properties": [
            Method((), _PROPERTIES, lambda token: Sequence(lambda: list(token.properties.values()), JPROPERTY)),
        ],
        "PropertyValues": [
            Method(
                (),
                generic("JEnumerable", JTOKEN),
                lambda token: Sequence(lambda: list(token.members.values()), JTOKEN, generic("JEnumerable", JTOKEN)),
            ),
        ],
        "Property": [
            Method((STRING,), JPROPERTY, lambda token, name: None if name is None else token.properties.get(name))
        ],
        "Add": [
            Method((STRING, JTOKEN), VOID, _add_member),
            Method((OBJECT,), VOID, _put_member),
        ],
        "Remove": [Method((STRING,), BOOL, _remove_member), Method((), VOID, _removed)],
        "RemoveAll": [Method((), VOID, lambda token: token.properties.clear())],
        "TryGetValue": [Method((STRING, out(JTOKEN)), BOOL, _try_member)],
        "GetValue": [
            Method((STRING,), JTOKEN, lambda token, name: None if name is None else token.get(name)),
            Method((STRING, _COMPARISON), JTOKEN, _folded_member),
        ],
        "Merge": [Method((OBJECT,), VOID, _merged)],
    },
    properties={"Count": Property(INT, lambda token: len(token.properties))},
    statics={
        "Parse": [Method((STRING,), JOBJECT, _parsed("JObject"))],
        "FromObject": [Method((OBJECT,), JOBJECT, _object_from(json.JObject))],
        "DeepEquals": _TOKEN.statics["DeepEquals"],
    },
    constructors=[Method((JOBJECT,), JOBJECT, _copy_object), Method((), JOBJECT, _object, rest=OBJECT)],
    indexer=_TOKEN.indexer,
    set_indexer=_set_member,
)
_ARRAY = Model(
    methods={
        "Add": [
            Method((JTOKEN,), VOID, lambda array, token: array.add(_no_property(token) if token is not None else None)),
            Method((OBJECT,), VOID, _put),
        ],
        "Insert": [Method((INT, JTOKEN), VOID, _insert)],
        "RemoveAt": [Method((INT,), VOID, _remove_at)],
        "Remove": [Method((JTOKEN,), BOOL, _remove_item), Method((), VOID, _removed)],
        "Clear": [Method((), VOID, lambda token: token.items.clear())],
    },
    properties={"Count": Property(INT, lambda token: len(token.items))},
    statics={
        "Parse": [Method((STRING,), JARRAY, _parsed("JArray"))],
        "FromObject": [Method((OBJECT,), JARRAY, _object_from(json.JArray))],
    },
    constructors=[Method((JARRAY,), JARRAY, _copy), Method((), JARRAY, _array, rest=OBJECT)],
    indexer=Method((INT,), JTOKEN, _item),
    second_indexer=Method((STRING,), JTOKEN, _member),
    set_indexer=_set_item,
)
_PROPERTY = Model(
    properties={
        "Name": Property(STRING, lambda token: token.name),
        "Value": Property(JTOKEN, lambda token: token.value, put=_set_value),
    },
    constructors=[
        Method((STRING, OBJECT), JPROPERTY, _property),
        Method((STRING,), JPROPERTY, _property_of, rest=OBJECT),
    ],
)


def _of_unit(unit: int) -> json.JValue:
    raise NotImplementedError("a JValue of a char")


_VALUE = Model(
    properties={"Value": Property(OBJECT, _value_box, put=_set_box)},
    constructors=[
        Method((CHAR,), JVALUE, _of_unit),
        *(
            Method((type_,), JVALUE, lambda value, type_=type_: json.JValue(value, "String"))
            for type_ in (STRING, LONG, DOUBLE, BOOL, DATETIME, OFFSET, TIMESPAN, GUID, DECIMAL)
        ),
    ],
    statics={"CreateNull": [Method((), JVALUE, lambda: json.JValue(None))], "CreateString": [Method((STRING,), JVALUE, lambda text: json.JValue(text, "String"))]},
)  # fmt: skip


def _deserializing(type_: Type) -> list[Method]:
    if not supported(type_):
        raise NotImplementedError(f"JsonConvert.DeserializeObject<{type_}>")
    return [Method((STRING,), type_, lambda text: deserialized(text, type_))]


def _serialize(env: list[Any], value: Any, formatting: str = "None") -> str:
    return serialized(value, formatting, env[PROFILE].newline)


_CONVERT = Model(
    statics={
        "SerializeObject": [
            Method((OBJECT,), STRING, _serialize, env=True),
            Method((OBJECT, _FORMATTING), STRING, _serialize, env=True),
        ],
        "DeserializeObject": [Method((STRING,), OBJECT, lambda text: deserialized(text, OBJECT))],
    },
    static_generics={"DeserializeObject": _deserializing},
)

MODELS: dict[str, Model] = {
    "JToken": _TOKEN,
    "JContainer": _CONTAINED,
    "JObject": _OBJECT,
    "JArray": _ARRAY,
    "JValue": _VALUE,
    "JProperty": _PROPERTY,
    "JsonConvert": _CONVERT,
}
NAMES = {name: "Newtonsoft.Json.Linq" for name in MODELS} | {"JsonConvert": "Newtonsoft.Json"}
