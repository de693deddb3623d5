"""Newtonsoft.Json.Linq.JArray."""

from apim_policies.expressions.dotnet.json.content import array_of, no_property, put_content
from apim_policies.expressions.dotnet.json.places import child_named, item_at, remove, set_item
from apim_policies.expressions.dotnet.json.tokens import made_from, parsed
from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.newtonsoft.tokens import JArray, JToken
from apim_policies.expressions.types import (
    BOOL,
    INT,
    JARRAY,
    JTOKEN,
    OBJECT,
    STRING,
    VOID,
    array,
)
from apim_policies.expressions.values.failing import argument_null, out_of_range


def _copy(other: JArray | None) -> JArray:
    if other is None:
        raise argument_null("other")
    return other.clone()


def _remove_item(array: JArray, item: JToken | None) -> bool:
    found = next((each for each in array.items if each is item), None)
    if found is None:
        return False
    array.discard(found)
    return True


def _remove_at(array: JArray, index: int) -> None:
    array.discard(item_at(array, index))


def _insert(array: JArray, index: int, token: JToken | None) -> None:
    if not 0 <= index <= len(array.items):
        raise out_of_range("index")
    array.insert(index, token)


_MODEL = Model(
    methods={
        "Add": [
            Method((JTOKEN,), VOID, lambda array, token: array.add(no_property(token) if token is not None else None)),
            Method((OBJECT,), VOID, put_content),
        ],
        "Insert": [Method((INT, JTOKEN), VOID, _insert)],
        "RemoveAt": [Method((INT,), VOID, _remove_at)],
        "Remove": [Method((JTOKEN,), BOOL, _remove_item), Method((), VOID, remove)],
        "Clear": [Method((), VOID, lambda token: token.items.clear())],
    },
    properties={"Count": Property(INT, lambda token: len(token.items))},
    statics={
        "Parse": [Method((STRING,), JARRAY, parsed("JArray"))],
        "FromObject": [Method((OBJECT,), JARRAY, made_from(JArray))],
    },
    constructors=[
        Method((JARRAY,), JARRAY, _copy),
        Method((array(OBJECT),), JARRAY, array_of),
        Method((), JARRAY, array_of, rest=OBJECT),
    ],
    indexer=Method((INT,), JTOKEN, item_at),
    second_indexer=Method((STRING,), JTOKEN, child_named),
    set_indexer=set_item,
)


MODELS: dict[str, Model] = {"JArray": _MODEL}
NAMES = {"JArray": "Newtonsoft.Json.Linq"}
