"""Newtonsoft.Json.Linq.JObject."""

from typing import Any

from apim_policies.expressions.dotnet.comparisons import same
from apim_policies.expressions.dotnet.json.content import object_of, put_member
from apim_policies.expressions.dotnet.json.places import remove, set_child_named
from apim_policies.expressions.dotnet.json.tokens import TOKEN_MODEL, made_from, parsed
from apim_policies.expressions.dotnet.registry import Method, Model, Property, out
from apim_policies.expressions.newtonsoft.tokens import JArray, JObject, JProperty, JToken, JValue
from apim_policies.expressions.types import (
    BOOL,
    INT,
    JOBJECT,
    JPROPERTY,
    JTOKEN,
    OBJECT,
    STRING,
    VOID,
    Type,
    generic,
)
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.sequences import Sequence

_COMPARISON = Type("StringComparison")
_PROPERTIES = generic("IEnumerable", JPROPERTY)


def _copy_object(other: JObject | None) -> JObject:
    if other is None:
        raise argument_null("other")
    return other.clone()


def _add_member(token: JObject, name: str | None, value: JToken | None) -> None:
    if name is None:
        raise argument_null("name")
    token.add(JProperty(name, value))


def _remove_member(token: JObject, name: str | None) -> bool:
    found = token.properties.get(name) if name is not None else None
    if found is None:
        return False
    token.discard(found)
    return True


def _try_member(token: JObject, name: str | None) -> tuple[bool, JToken | None]:
    found = token.get(name) if name is not None else None
    return found is not None, found


def _has(token: JObject, name: str | None) -> bool:
    if name is None:
        raise argument_null("propertyName")
    return name in token.properties


def _folded_member(token: JObject, name: str | None, comparison: str) -> JToken | None:
    """`GetValue(name, comparison)`: the same spelling first."""
    if name is None:
        return None
    found = token.get(name)
    if found is not None:
        return found
    return next((part.value for part in token.properties.values() if same(part.name, name, comparison)), None)


def _merged(token: JObject, other: Any) -> None:
    """`Merge` with the default settings: objects are merged, arrays appended."""
    if not isinstance(other, JObject):
        raise NotImplementedError("Merge of anything but objects")
    for name, part in other.properties.items():
        current = token.get(name)
        if current is None:
            token.add(JProperty(name, part.value))
        elif isinstance(current, JObject) and isinstance(part.value, JObject):
            _merged(current, part.value)
        elif isinstance(current, JArray) and isinstance(part.value, JArray):
            for item in part.value.items:
                current.add(item)
        elif not (isinstance(part.value, JValue) and part.value.value is None):
            token.set(name, part.value)


_MODEL = Model(
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
            Method((OBJECT,), VOID, put_member),
        ],
        "Remove": [Method((STRING,), BOOL, _remove_member), Method((), VOID, remove)],
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
        "Parse": [Method((STRING,), JOBJECT, parsed("JObject"))],
        "FromObject": [Method((OBJECT,), JOBJECT, made_from(JObject))],
        "DeepEquals": TOKEN_MODEL.statics["DeepEquals"],
    },
    constructors=[Method((JOBJECT,), JOBJECT, _copy_object), Method((), JOBJECT, object_of, rest=OBJECT)],
    indexer=TOKEN_MODEL.indexer,
    set_indexer=set_child_named,
)


MODELS: dict[str, Model] = {"JObject": _MODEL}
NAMES = {"JObject": "Newtonsoft.Json.Linq"}
