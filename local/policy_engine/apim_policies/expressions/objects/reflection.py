"""What an object says of itself while an expression runs: its type, its names, its text, whether it equals another."""

import math
from decimal import Decimal
from typing import Any
from uuid import UUID

from apim_policies.expressions.context import Authorization, Certificate, Jwt, Request, Response, Url
from apim_policies.expressions.newtonsoft import tokens
from apim_policies.expressions.newtonsoft.texts import number_text
from apim_policies.expressions.newtonsoft.tokens import JArray, JObject, JProperty, JToken, JValue, deep_equals
from apim_policies.expressions.types import (
    BOOL,
    BYTES,
    CHAR,
    DECIMAL,
    DOUBLE,
    EXCEPTION,
    GUID,
    JARRAY,
    JOBJECT,
    JPROPERTY,
    JVALUE,
    NULL,
    STRING,
    Type,
    underlying,
)
from apim_policies.expressions.values.containers import Anonymous, Dictionary, Enumeration, Pair
from apim_policies.expressions.values.decimals import CalculatedZero
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.moments import DateTime, DateTimeOffset, TimeSpan
from apim_policies.expressions.values.numbers import TYPES, Char
from apim_policies.expressions.xml.nodes import XObject
from apim_policies.expressions.xml.writer import written

CLASSES: dict[type, Type] = {
    **TYPES,
    str: STRING,
    bool: BOOL,
    float: DOUBLE,
    Decimal: DECIMAL,
    CalculatedZero: DECIMAL,
    bytearray: BYTES,
    UUID: GUID,
    type(None): NULL,
    JObject: JOBJECT,
    JArray: JARRAY,
    JProperty: JPROPERTY,
    JValue: JVALUE,
    CSharpException: EXCEPTION,
    Response: Type("IResponse"),
    Request: Type("IRequest"),
    Jwt: Type("Jwt"),
    Url: Type("IUrl"),
    Authorization: Type("Authorization"),
    Certificate: Type("X509Certificate2"),
}
"""Types by class, where all objects of a class are of one."""


def type_of(value: object) -> Type | None:
    """The type of an object; None if it cannot be told."""
    found = CLASSES.get(value.__class__)
    return found if found is not None else getattr(value, "type", None)


_NAMES = {
    "string": "System.String", "bool": "System.Boolean", "char": "System.Char", "byte": "System.Byte",
    "sbyte": "System.SByte", "short": "System.Int16", "ushort": "System.UInt16", "int": "System.Int32",
    "uint": "System.UInt32", "long": "System.Int64", "ulong": "System.UInt64", "float": "System.Single",
    "double": "System.Double", "decimal": "System.Decimal", "object": "System.Object", "Guid": "System.Guid",
    "DateTime": "System.DateTime", "DateTimeOffset": "System.DateTimeOffset", "TimeSpan": "System.TimeSpan",
    "List": "System.Collections.Generic.List", "Dictionary": "System.Collections.Generic.Dictionary",
    "HashSet": "System.Collections.Generic.HashSet", "Queue": "System.Collections.Generic.Queue",
    "Stack": "System.Collections.Generic.Stack", "KeyValuePair": "System.Collections.Generic.KeyValuePair",
    "XElement": "System.Xml.Linq.XElement", "XDocument": "System.Xml.Linq.XDocument", "XText": "System.Xml.Linq.XText",
    "XAttribute": "System.Xml.Linq.XAttribute", "XName": "System.Xml.Linq.XName",
    "Uri": "System.Uri", "Exception": "System.Exception", "Random": "System.Random",
    **{name: f"Newtonsoft.Json.Linq.{name}" for name in ("JToken", "JObject", "JArray", "JValue", "JProperty")},
}  # fmt: skip


def full_name(type: Type) -> str:
    """What `GetType().ToString()` says.

    Raises:
        NotImplementedError: it is not known.
    """
    if type.name == "[]":
        return full_name(type.args[0]) + "[]"
    if type.name not in _NAMES:
        raise NotImplementedError(f"the full name of {type}")
    name = _NAMES[type.name]
    if not type.args:
        return name
    return f"{name}`{len(type.args)}[{','.join(map(full_name, type.args))}]"


def name_of(value: object) -> str:
    """A .NET type name for messages."""
    type_ = type_of(value)
    try:
        return full_name(type_) if type_ is not None else value.__class__.__name__
    except NotImplementedError:
        return str(type_)


def text_of(value: object) -> str:
    """`ToString()` with the invariant culture; null is empty.

    Raises:
        NotImplementedError: the text is one that is not modelled.
    """
    match value:
        case None:
            return ""
        case bool():
            return "True" if value else "False"
        case str():
            return value
        case int() if TYPES.get(value.__class__, NULL).name == "char":
            return chr(value)
        case int() | float() | Decimal():
            return number_text(value)
        case JToken():
            return tokens.to_text(value)
        case XObject():
            return written(value)
        case UUID() | Url():
            return str(value)
        case DateTime() | DateTimeOffset() | TimeSpan():
            return value.text()
        case Enumeration():
            return value.name
        case Pair():
            return pair_text(value)
        case Anonymous():
            parts = [
                f"{name} = {text_of(Char(part) if type_ == CHAR and part is not None else part)}"
                for name, part, type_ in zip(value.names, value.values, map(underlying, value.type.args), strict=True)
            ]
            return "{ " + ", ".join(parts) + " }"
        case bytearray():
            return "System.Byte[]"
        case _:
            text = getattr(value, "text", None)
            if callable(text):
                return str(text())
            type_ = type_of(value)
            if type_ is None or (type_.name != "[]" and not isinstance(value, list | Dictionary)):
                raise NotImplementedError(f"the text of a {type_ or value.__class__.__name__}")
            return full_name(type_)


def pair_text(pair: tuple[Any, Any]) -> str:
    return f"[{text_of(pair[0])}, {text_of(pair[1])}]"


def _nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def equal(one: Any, two: Any) -> bool:
    """`object.Equals(one, two)`, for objects whose kind of equality is known.

    Raises:
        NotImplementedError: it is not known.
    """
    if one is None or two is None:
        return one is two
    if isinstance(one, JToken) and not isinstance(one, JValue):
        return one is two
    if isinstance(one, JValue):
        if one is two:
            return True
        if isinstance(two, JValue):
            return deep_equals(one, two)
        return False
    type_ = type_of(one)
    if type_ is None:
        raise NotImplementedError(f"the equality of a {one.__class__.__name__}")
    if type_.name in {"[]", "List", "Dictionary", "HashSet", "Queue", "Stack", "Exception"}:
        return one is two
    return type_ == type_of(two) and (one == two or (_nan(one) and _nan(two)))
