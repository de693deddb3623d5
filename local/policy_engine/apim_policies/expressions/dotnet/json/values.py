"""Newtonsoft.Json.Linq's JValue and JProperty."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.dotnet.json.content import property_of, property_with, token_of
from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.newtonsoft.tokens import JProperty, JToken, JValue
from apim_policies.expressions.objects.serializing import whole
from apim_policies.expressions.types import (
    BOOL,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    FLOAT,
    GUID,
    JPROPERTY,
    JTOKEN,
    JVALUE,
    LONG,
    OBJECT,
    OFFSET,
    STRING,
    TIMESPAN,
    ULONG,
    Type,
)
from apim_policies.expressions.values.failing import null_reference
from apim_policies.expressions.values.uris import Uri


def _value_box(token: JValue) -> Any:
    value = token.value
    return whole(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _set_value(part: JProperty, value: JToken | None) -> None:
    part.put(value)


def _set_box(token: JValue, value: Any) -> None:
    made = token_of(value)
    if not isinstance(made, JValue):
        raise NotImplementedError("a JSON container as the Value of a JValue")
    token.value, token.null_kind = made.value, made.null_kind


_PROPERTY = Model(
    properties={
        "Name": Property(STRING, lambda token: token.name),
        "Value": Property(JTOKEN, lambda token: token.value, put=_set_value),
    },
    constructors=[
        Method((STRING, OBJECT), JPROPERTY, property_with),
        Method((STRING,), JPROPERTY, property_of, rest=OBJECT),
    ],
)


def _refused(type: Type) -> Callable[[Any], JValue]:
    def build(value: Any) -> JValue:
        raise NotImplementedError(f"a JValue of a {type}")

    return build


def _of_object(value: Any) -> JValue:
    if isinstance(value, JToken):
        raise NotImplementedError("a JValue of a token that is called an object")
    made = token_of(value)
    assert isinstance(made, JValue)
    return made


def _of_other(other: JValue | None) -> JValue:
    if other is None:
        raise null_reference()
    return other.clone()


_VALUE = Model(
    properties={"Value": Property(OBJECT, _value_box, put=_set_box)},
    constructors=[
        *(Method((type_,), JVALUE, _refused(type_)) for type_ in (CHAR, ULONG, FLOAT)),
        *(
            Method((type_,), JVALUE, lambda value, type_=type_: JValue(value, "String"))
            for type_ in (STRING, LONG, DOUBLE, BOOL, DATETIME, OFFSET, TIMESPAN, GUID, DECIMAL)
        ),
        Method((Uri.type,), JVALUE, lambda value: JValue(value, "Null" if value is None else "Uri")),
        Method((OBJECT,), JVALUE, _of_object),
        Method((JVALUE,), JVALUE, _of_other),
    ],
    statics={"CreateNull": [Method((), JVALUE, lambda: JValue(None))], "CreateString": [Method((STRING,), JVALUE, lambda text: JValue(text, "String"))]},
)  # fmt: skip


MODELS: dict[str, Model] = {"JValue": _VALUE, "JProperty": _PROPERTY}
NAMES = dict.fromkeys(MODELS, "Newtonsoft.Json.Linq")
