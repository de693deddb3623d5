"""What API Management looks up by names: headers, queries, variables, claims."""

from typing import Any

from apim_policies.errors import NotModelled
from apim_policies.expressions.context import Headers, Jwt, Url
from apim_policies.expressions.dotnet.dictionaries import missing_key
from apim_policies.expressions.dotnet.registry import Method, Model, Property, out
from apim_policies.expressions.objects.boxing import tester
from apim_policies.expressions.objects.converting import default as default_of
from apim_policies.expressions.objects.reflection import name_of
from apim_policies.expressions.types import (
    BOOL,
    INT,
    OBJECT,
    STRING,
    STRINGS,
    Type,
    generic,
    holds_null,
)
from apim_policies.expressions.values.failing import argument_null, invalid_cast, null_reference
from apim_policies.expressions.values.sequences import Sequence
from apim_policies.expressions.values.text import utf16

_KEYS = generic("KeyCollection", STRING, STRINGS)
STRING_ENUMERABLE = generic("IEnumerable", STRING)


def inward(value: Any) -> Any:
    """A value that came from outside: ordinary text becomes UTF-16 units."""
    return utf16(value) if isinstance(value, str) else value


_ABSENT = object()


def _not_null(name: str | None) -> str:
    if name is None:
        raise argument_null("key")
    return name


def _try_header(headers: Headers, name: str | None) -> tuple[bool, list[str] | None]:
    values = headers.get_all(_not_null(name))
    return (True, [utf16(value) for value in values]) if values else (False, None)


def _try_query(url: Url, name: str | None) -> tuple[bool, list[str] | None]:
    wanted = _not_null(name).lower()
    for key, values in url.query().items():
        if utf16(key).lower() == wanted:
            return True, [utf16(value) for value in values]
    return False, None


def _header(headers: Headers, name: str | None, default: str | None) -> str | None:
    found = headers.get(_not_null(name))
    return default if found is None else utf16(found)


def _query(url: Url, name: str | None, default: str | None) -> str | None:
    found, values = _try_query(url, name)
    return ",".join(values or []) if found else default


def _variable(variables: dict[str, Any], name: str | None) -> Any:
    value = variables.get(_not_null(name), _ABSENT)
    if value is _ABSENT:
        raise missing_key(name)
    return inward(value)


def _typed_variable(type_: Type) -> Method:
    matches = tester(type_)
    if matches is None:
        raise NotModelled(f"Variables.GetValueOrDefault<{type_}> is not modelled by the local cloud")

    def get(variables: dict[str, Any], name: str | None, default: Any) -> Any:
        if _not_null(name) not in variables:
            return default
        value = inward(variables[name])  # type: ignore[index]
        if value is None:
            if holds_null(type_):
                return None
            raise null_reference()
        if not matches(value):
            raise invalid_cast(name_of(value), str(type_))
        return value

    return Method((STRING, type_), type_, get, optional=(default_of(type_),))


def _header_values(headers: Headers, name: str | None) -> list[str]:
    found, values = _try_header(headers, name)
    if not found:
        raise missing_key(name)
    return values or []


def _query_values(url: Url, name: str | None) -> list[str]:
    found, values = _try_query(url, name)
    if not found:
        raise missing_key(name)
    return values or []


def _try_variable(variables: dict[str, Any], name: str | None) -> tuple[bool, Any]:
    present = _not_null(name) in variables
    return present, inward(variables[name]) if present else None  # type: ignore[index]


def parameter_of(values: dict[str, str], name: str | None, default: str | None) -> str | None:
    return values.get(_not_null(name), default)


def _claim_values(jwt: Jwt, name: str | None) -> list[str]:
    values = jwt.claims.get(_not_null(name))
    if values is None:
        raise missing_key(name)
    return [utf16(value) for value in values]


def _try_claim(jwt: Jwt, name: str | None) -> tuple[bool, list[str] | None]:
    values = jwt.claims.get(_not_null(name))
    return (False, None) if values is None else (True, [utf16(value) for value in values])


def _claim(jwt: Jwt, name: str | None, default: str | None) -> str | None:
    values = jwt.claims.get(_not_null(name))
    return default if values is None else utf16(",".join(values))


def _claims(jwt: Jwt, name: str | None, default: list[str] | None) -> list[str] | None:
    found, values = _try_claim(jwt, name)
    return values if found else default


HEADERS = Type("Headers")
QUERY = Type("Query")
VARIABLES = Type("Variables")
CLAIMS = Type("Claims")
STRING_MAP = generic("IReadOnlyDictionary", STRING, STRING)
MODELS: dict[str, Model] = {
    "Headers": Model(
        methods={
            "TryGetValue": [Method((STRING, out(STRINGS)), BOOL, _try_header)],
            "GetValueOrDefault": [Method((STRING, STRING), STRING, _header, optional=(None,))],
            "ContainsKey": [Method((STRING,), BOOL, lambda headers, name: _not_null(name) in headers)],
        },
        properties={
            "Keys": Property(
                STRING_ENUMERABLE,
                lambda headers: Sequence(lambda: [utf16(name) for name, _ in headers.groups()], STRING, _KEYS),
            ),
            "Count": Property(INT, len),
        },
        indexer=Method((STRING,), STRINGS, _header_values),
    ),
    "Query": Model(
        methods={
            "TryGetValue": [Method((STRING, out(STRINGS)), BOOL, _try_query)],
            "GetValueOrDefault": [Method((STRING, STRING), STRING, _query, optional=(None,))],
            "ContainsKey": [Method((STRING,), BOOL, lambda url, name: _try_query(url, name)[0])],
        },
        properties={
            "Keys": Property(
                STRING_ENUMERABLE, lambda url: Sequence(lambda: [utf16(name) for name in url.query()], STRING, _KEYS)
            ),
            "Count": Property(INT, lambda url: len(url.query())),
        },
        indexer=Method((STRING,), STRINGS, _query_values),
    ),
    "Variables": Model(
        methods={
            "ContainsKey": [Method((STRING,), BOOL, lambda variables, name: _not_null(name) in variables)],
            "TryGetValue": [Method((STRING, out(OBJECT)), BOOL, _try_variable)],
        },
        properties={
            "Count": Property(INT, len),
            "Keys": Property(
                STRING_ENUMERABLE,
                lambda variables: Sequence(lambda: list(variables), STRING, generic("KeyCollection", STRING, OBJECT)),
            ),
        },
        indexer=Method((STRING,), OBJECT, _variable),
        generics={"GetValueOrDefault": _typed_variable},
        inferred=frozenset({"GetValueOrDefault"}),
    ),
    "Claims": Model(
        methods={
            "GetValueOrDefault": [
                Method((STRING, STRING), STRING, _claim, optional=(None,)),
                Method((STRING, STRINGS), STRINGS, _claims),
            ],
            "ContainsKey": [Method((STRING,), BOOL, lambda jwt, name: _not_null(name) in jwt.claims)],
            "TryGetValue": [Method((STRING, out(STRINGS)), BOOL, _try_claim)],
        },
        properties={
            "Keys": Property(
                STRING_ENUMERABLE, lambda jwt: Sequence(lambda: [utf16(name) for name in jwt.claims], STRING, _KEYS)
            ),
            "Count": Property(INT, lambda jwt: len(jwt.claims)),
        },
        indexer=Method((STRING,), STRINGS, _claim_values),
    ),
}
NAMES: dict[str, str] = {}
