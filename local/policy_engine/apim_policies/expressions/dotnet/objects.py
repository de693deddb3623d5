"""System's Object, Nullable and Exception."""

from typing import Any

from apim_policies.expressions.dotnet.registry import T0, Method, Model, Property
from apim_policies.expressions.objects.converting import default
from apim_policies.expressions.objects.reflection import equal, text_of
from apim_policies.expressions.types import (
    BOOL,
    EXCEPTION,
    OBJECT,
    STRING,
    Type,
)
from apim_policies.expressions.values.failing import (
    invalid_operation,
)
from apim_policies.expressions.values.failures import CSharpException


def _exception(message: str | None = None, inner: CSharpException | None = None) -> CSharpException:
    text = "Exception of type 'System.Exception' was thrown." if message is None else message
    return CSharpException("System.Exception", text, inner)


_TOLD = frozenset({
    "System.Exception", "System.NullReferenceException", "System.DivideByZeroException", "System.IndexOutOfRangeException",
    "System.Collections.Generic.KeyNotFoundException",
})  # fmt: skip
"""Exceptions whose messages are known; others depend on the version of .NET."""


def _message(error: CSharpException) -> str:
    plain = error.message == "Input string was not in a correct format."
    if error.type not in _TOLD and not plain:
        raise NotImplementedError(f"the message of a {error.type}")
    return error.message


def _valued(value: Any) -> Any:
    if value is None:
        raise invalid_operation("Nullable object must have a value.")
    return value


def _or_default(value: Any, other: Any) -> Any:
    return other if value is None else value


def _or_zero(type: Type, value: Any) -> Any:
    return default(type) if value is None else value


_NULLABLE = Model(
    methods={"GetValueOrDefault": [Method((T0,), T0, _or_default), Method((), T0, _or_zero, typed=True)]},
    properties={"HasValue": Property(BOOL, lambda value: value is not None), "Value": Property(T0, _valued)},
)


MODELS: dict[str, Model] = {
    "object": Model(
        methods={
            "ToString": [Method((), STRING, text_of)],
            "Equals": [Method((OBJECT,), BOOL, equal)],
        },
        statics={
            "Equals": [Method((OBJECT, OBJECT), BOOL, equal)],
        },
    ),
    "Nullable": _NULLABLE,
    "Exception": Model(
        properties={
            "Message": Property(STRING, _message),
            "InnerException": Property(EXCEPTION, lambda error: error.inner),
        },
        constructors=[
            Method((STRING,), EXCEPTION, _exception),
            Method((), EXCEPTION, _exception),
            Method((STRING, EXCEPTION), EXCEPTION, _exception),
        ],
    ),
}
NAMES = {"Exception": "System"}
