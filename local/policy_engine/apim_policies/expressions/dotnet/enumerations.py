"""Enumerations of all namespaces."""

from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.objects.formats import formatted
from apim_policies.expressions.objects.reflection import equal
from apim_policies.expressions.types import (
    BOOL,
    ENUMERATIONS,
    OBJECT,
    STRING,
    Type,
)
from apim_policies.expressions.values.containers import Enumeration


def _enumeration(name: str) -> Model:
    type_ = Type(name)
    return Model(
        methods={
            "ToString": [
                Method((), STRING, lambda value: value),
                Method((STRING,), STRING, lambda value, form: formatted(Enumeration(type_, value), form)),
            ],
            "Equals": [Method((OBJECT,), BOOL, lambda value, other: equal(Enumeration(type_, value), other))],
        },
        static_properties={member: Property(type_, lambda member=member: member) for member in ENUMERATIONS[name]},
    )


MODELS: dict[str, Model] = {name: _enumeration(name) for name in ENUMERATIONS}
NAMES = {
    **dict.fromkeys(
        ("StringComparison", "StringSplitOptions", "DateTimeKind", "MidpointRounding", "UriPartial", "DayOfWeek"),
        "System",
    ),
    "RegexOptions": "System.Text.RegularExpressions",
    "XmlNodeType": "System.Xml",
    "Formatting": "Newtonsoft.Json",
    "JTokenType": "Newtonsoft.Json.Linq",
}
