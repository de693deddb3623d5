"""Enumerations of all namespaces."""

from secure_mcp_local.expressions.containers import Enumeration
from secure_mcp_local.expressions.dotnet.registry import Method, Model, Property
from secure_mcp_local.expressions.formats import formatted
from secure_mcp_local.expressions.runtime import equal
from secure_mcp_local.expressions.types import (
    BOOL,
    ENUMERATIONS,
    OBJECT,
    STRING,
    Type,
)


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
