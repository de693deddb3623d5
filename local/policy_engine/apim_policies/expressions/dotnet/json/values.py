"""Newtonsoft.Json.Linq's JValue and JProperty."""

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
    GUID,
    JPROPERTY,
    JTOKEN,
    JVALUE,
    LONG,
    OBJECT,
    OFFSET,
    STRING,
    TIMESPAN,
)


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


def _of_unit(unit: int) -> JValue:
    raise NotImplementedError("a JValue of a char")


_VALUE = Model(
    properties={"Value": Property(OBJECT, _value_box, put=_set_box)},
    constructors=[
        Method((CHAR,), JVALUE, _of_unit),
        *(
            Method((type_,), JVALUE, lambda value, type_=type_: JValue(value, "String"))
            for type_ in (STRING, LONG, DOUBLE, BOOL, DATETIME, OFFSET, TIMESPAN, GUID, DECIMAL)
        ),
    ],
    statics={"CreateNull": [Method((), JVALUE, lambda: JValue(None))], "CreateString": [Method((STRING,), JVALUE, lambda text: JValue(text, "String"))]},
)  # fmt: skip


MODELS: dict[str, Model] = {"JValue": _VALUE, "JProperty": _PROPERTY}
NAMES = dict.fromkeys(MODELS, "Newtonsoft.Json.Linq")
