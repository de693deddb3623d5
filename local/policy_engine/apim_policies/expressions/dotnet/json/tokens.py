"""Newtonsoft.Json.Linq's JToken and JContainer: what all tokens can do."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.dotnet.json.places import (
    child_at,
    child_named,
    descendants,
    edge,
    path_of,
    remove,
    replace_token,
    root_of,
    set_child_at,
    set_child_named,
    sibling,
)
from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.newtonsoft import reader
from apim_policies.expressions.newtonsoft.jsonpath import select, selected
from apim_policies.expressions.newtonsoft.tokens import JToken, JValue, deep_equals
from apim_policies.expressions.objects.converting import unwrapped
from apim_policies.expressions.objects.serializing import (
    object_from,
    supported,
)
from apim_policies.expressions.objects.serializing import token_of as token_from
from apim_policies.expressions.types import (
    BOOL,
    INT,
    JTOKEN,
    OBJECT,
    STRING,
    VOID,
    Type,
    generic,
)
from apim_policies.expressions.values.failing import argument_null, invalid_operation
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.sequences import Sequence

PROFILE = 1
FORMATTING = Type("Formatting")
_KIND = Type("JTokenType")
_CONTAINER = Type("JContainer")
_TOKENS = generic("IEnumerable", JTOKEN)


def _written(env: list[Any], token: JToken, formatting: str) -> str:
    return token.write() if formatting == "None" else token.write("  ", env[PROFILE].newline)


def _text(env: list[Any], token: JToken) -> str:
    return token.text() if isinstance(token, JValue) else token.write("  ", env[PROFILE].newline)


def parsed(kind: str) -> Any:
    def parse(text: str | None) -> JToken:
        if text is None:
            raise argument_null("s")
        return reader.parse(text, kind)

    return parse


def _value_at(type_: Type) -> list[Method]:
    def by_name(token: JToken, name: str | None) -> Any:
        return unwrapped(child_named(token, name), type_)

    def by_place(token: JToken, index: int) -> Any:
        return unwrapped(child_at(token, index), type_)

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
    def values(token: JToken) -> Sequence:
        if isinstance(token, JValue):
            raise invalid_operation("Cannot access child value on Newtonsoft.Json.Linq.JValue.")
        return Sequence(lambda: [unwrapped(child, type_) for child in token.children()], type_)

    return Method((), generic("IEnumerable", type_), values)


def _selected(token: JToken, path: str | None, strict: bool = False) -> Sequence:
    if path is None:
        raise NotImplementedError("SelectTokens of null")
    return Sequence(lambda: selected(token, path, strict=strict), JTOKEN)


def _select(token: JToken, path: str | None, strict: bool = False) -> JToken | None:
    if path is None:
        raise NotImplementedError("SelectToken of null")
    return select(token, path, strict=strict)


def _children(token: JToken) -> Sequence:
    return Sequence(lambda: list(token.children()), JTOKEN, generic("JEnumerable", JTOKEN))


def _from_object(value: Any) -> JToken:
    if value is None:
        raise argument_null("o")
    token = token_from(value)
    return token.clone() if token is value else token


def made_from(wanted: type[JToken]) -> Callable[[Any], Any]:
    def build(value: Any) -> Any:
        token = _from_object(value)
        if not isinstance(token, wanted):
            raise CSharpException(
                "System.ArgumentException",
                f"Object serialized to {token.kind}. {wanted.__name__} instance expected.",
            )
        return token

    return build


TOKEN_MODEL = Model(
    methods={
        "ToString": [Method((FORMATTING,), STRING, _written, env=True), Method((), STRING, _text, env=True)],
        "SelectToken": [Method((STRING,), JTOKEN, _select), Method((STRING, BOOL), JTOKEN, _select)],
        "SelectTokens": [Method((STRING,), _TOKENS, _selected), Method((STRING, BOOL), _TOKENS, _selected)],
        "DeepClone": [Method((), JTOKEN, lambda token: token.clone())],
        "Remove": [Method((), VOID, remove)],
        "Replace": [Method((JTOKEN,), VOID, replace_token)],
        "Children": [Method((), generic("JEnumerable", JTOKEN), _children)],
    },
    properties={
        "Type": Property(_KIND, lambda token: token.kind),
        "Path": Property(STRING, path_of),
        "Parent": Property(_CONTAINER, lambda token: token.parent),
        "Root": Property(JTOKEN, root_of),
        "First": Property(JTOKEN, edge(0)),
        "Last": Property(JTOKEN, edge(-1)),
        "Next": Property(JTOKEN, sibling(1)),
        "Previous": Property(JTOKEN, sibling(-1)),
        "HasValues": Property(BOOL, lambda token: bool(token.children())),
    },
    statics={
        "Parse": [Method((STRING,), JTOKEN, parsed("JToken"))],
        "FromObject": [Method((OBJECT,), JTOKEN, _from_object)],
        "DeepEquals": [Method((JTOKEN, JTOKEN), BOOL, deep_equals)],
    },
    indexer=Method((STRING,), JTOKEN, child_named),
    second_indexer=Method((INT,), JTOKEN, child_at),
    set_indexer=set_child_named,
    set_second=set_child_at,
    generics={"Value": _value_at, "ToObject": _to_object, "Values": _values_of},
)


_CONTAINED = Model(
    methods={"Descendants": [Method((), _TOKENS, lambda token: Sequence(lambda: descendants(token), JTOKEN))]},
    properties={"Count": Property(INT, lambda token: len(token.children()))},
)


MODELS: dict[str, Model] = {"JToken": TOKEN_MODEL, "JContainer": _CONTAINED}
NAMES = dict.fromkeys(MODELS, "Newtonsoft.Json.Linq")
