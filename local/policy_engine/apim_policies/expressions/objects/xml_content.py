"""What content is made of: nodes, texts and attributes, and the texts of other objects."""

import math
from decimal import Decimal
from typing import Any
from uuid import UUID

from apim_policies.expressions.newtonsoft.texts import number_text
from apim_policies.expressions.objects.boxing import boxed
from apim_policies.expressions.objects.reflection import type_of
from apim_policies.expressions.types import DOUBLE
from apim_policies.expressions.values.containers import Array, Dictionary, HashSet, List
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.numbers import Char
from apim_policies.expressions.values.sequences import Sequence
from apim_policies.expressions.xml.nodes import (
    XAttribute,
    XNode,
)


def content_of(value: Any) -> Any:
    """What content is made of: nodes, texts and attributes as they are, other objects as texts, sequences as lists."""
    match value:
        case None | XNode() | XAttribute():
            return value
        case str():
            return value
        case Dictionary() | bytearray():
            raise NotImplementedError("this object as XML content")
        case Array() | List() | Sequence() | HashSet():
            type_ = getattr(value, "type", None)
            element = type_.args[0] if type_ is not None else value.element  # type: ignore[union-attr]
            if element is None:
                raise NotImplementedError("the items of this sequence as XML")
            return [boxed(item, element) for item in value]
        case _:
            return content_text(value)


def content_text(value: Any) -> str:
    """A number or the like as XML has it."""
    if value is None:
        raise argument_null("value")
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Char():
            return chr(value)
        case int() | Decimal() | UUID():
            return number_text(value)
        case float():
            if not math.isfinite(value) or type_of(value) != DOUBLE:
                raise NotImplementedError("this number as XML content")
            return number_text(value)
        case _:
            raise NotImplementedError(f"a {type_of(value) or value.__class__.__name__} as XML content")
