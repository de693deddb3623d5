"""System.Text.StringBuilder."""

from typing import Any

from apim_policies.expressions.dotnet.registry import PROVIDER, Method, Model, Property
from apim_policies.expressions.objects.boxing import boxed
from apim_policies.expressions.objects.formats import composite
from apim_policies.expressions.objects.reflection import text_of
from apim_policies.expressions.types import (
    BOOL,
    CHAR,
    DECIMAL,
    DOUBLE,
    INT,
    INTEGRAL,
    OBJECT,
    STRING,
    Type,
    array,
)
from apim_policies.expressions.values.containers import within
from apim_policies.expressions.values.failing import argument_null, out_of_range
from apim_policies.expressions.values.failures import CSharpException

PROFILE = 1
_BUILDER = Type("StringBuilder")


class Builder:
    type = _BUILDER

    def __init__(self, content: str | None = "") -> None:
        self.content = content or ""

    def text(self) -> str:
        return self.content

    def append(self, text: str | None) -> "Builder":
        self.content += text or ""
        return self

    def insert(self, index: int, text: str | None) -> "Builder":
        if not 0 <= index <= len(self.content):
            raise out_of_range("index")
        self.content = self.content[:index] + (text or "") + self.content[index:]
        return self

    def remove(self, start: int, length: int) -> "Builder":
        if start < 0 or length < 0 or start + length > len(self.content):
            raise out_of_range("index")
        self.content = self.content[:start] + self.content[start + length :]
        return self

    def replace(self, old: str | None, new: str | None) -> "Builder":
        if old is None:
            raise argument_null("oldValue")
        if old == "":
            raise CSharpException("System.ArgumentException", "Empty name is not legal. (Parameter 'oldValue')")
        self.content = self.content.replace(old, new or "")
        return self

    def clear(self) -> "Builder":
        self.content = ""
        return self

    def unit(self, index: int) -> int:
        if not 0 <= index < len(self.content):
            raise CSharpException("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
        return ord(self.content[index])

    def set_length(self, length: int) -> None:
        if length < 0:
            raise out_of_range("value")
        self.content = self.content[:length].ljust(within(length), "\0")


def _sized(capacity: int) -> Builder:
    if capacity < 0:
        raise out_of_range("capacity")
    within(capacity)
    return Builder()


def _line(env: list[Any], builder: Builder, text: str | None = None) -> Builder:
    return builder.append((text or "") + env[PROFILE].newline)


def _repeated(builder: Builder, unit: int, count: int) -> Builder:
    if count < 0:
        raise out_of_range("repeatCount")
    return builder.append(chr(unit) * within(count))


def _part(builder: Builder, text: str | None, start: int, count: int) -> Builder:
    if text is None or start < 0 or count < 0 or start + count > len(text):
        raise NotImplementedError("StringBuilder.Append of this part")
    return builder.append(text[start : start + count])


def _inserted(builder: Builder, at: int, text: str | None, count: int) -> Builder:
    if count < 0:
        raise out_of_range("count")
    return builder.insert(at, (text or "") * within(count))


def _units(builder: Builder, units: Any, start: int, count: int) -> Builder:
    if units is None or start < 0 or count < 0 or start + count > len(units):
        raise NotImplementedError("StringBuilder.Append of this part")
    return builder.append("".join(map(chr, units[start : start + count])))


def _cut(builder: Builder, start: int, length: int) -> str:
    if start < 0 or length < 0 or start + length > len(builder.content):
        raise out_of_range("startIndex")
    return builder.content[start : start + length]


def _joined(builder: Builder, separator: str | None, items: Any) -> Builder:
    return builder.append((separator or "").join([text_of(item) for item in items]))


_APPENDED = (*INTEGRAL, DOUBLE, DECIMAL, BOOL, OBJECT)
_STRING_BUILDER = Model(
    methods={
        "Append": [
            Method((STRING,), _BUILDER, Builder.append),
            *(
                Method((type,), _BUILDER, lambda builder, value, type=type: builder.append(text_of(boxed(value, type))))
                for type in _APPENDED
            ),
            Method((array(CHAR),), _BUILDER, lambda builder, units: builder.append("".join(map(chr, units or [])))),
            Method((CHAR, INT), _BUILDER, _repeated),
            Method((STRING, INT, INT), _BUILDER, _part),
            Method((array(CHAR), INT, INT), _BUILDER, _units),
        ],
        "AppendLine": [Method((), _BUILDER, _line, env=True), Method((STRING,), _BUILDER, _line, env=True)],
        "AppendFormat": [
            Method(
                (STRING, array(OBJECT)), _BUILDER, lambda builder, form, items: builder.append(composite(form, items))
            ),
            Method(
                (STRING,), _BUILDER, lambda builder, form, items: builder.append(composite(form, items)), rest=OBJECT
            ),
            Method(
                (PROVIDER, STRING),
                _BUILDER,
                lambda builder, culture, form, items: builder.append(composite(form, items)),
                rest=OBJECT,
            ),
        ],
        "Insert": [
            Method((INT, STRING), _BUILDER, Builder.insert),
            *(
                Method(
                    (INT, type),
                    _BUILDER,
                    lambda builder, at, value, type=type: builder.insert(at, text_of(boxed(value, type))),
                )
                for type in (*INTEGRAL, DOUBLE, DECIMAL, BOOL, OBJECT)
            ),
            Method(
                (INT, array(CHAR)),
                _BUILDER,
                lambda builder, at, units: builder.insert(at, "".join(map(chr, units or []))),
            ),
            Method((INT, STRING, INT), _BUILDER, _inserted),
        ],
        "Remove": [Method((INT, INT), _BUILDER, Builder.remove)],
        "Replace": [
            Method((STRING, STRING), _BUILDER, Builder.replace),
            Method((CHAR, CHAR), _BUILDER, lambda builder, old, new: builder.replace(chr(old), chr(new))),
        ],
        "Clear": [Method((), _BUILDER, Builder.clear)],
        "ToString": [Method((), STRING, Builder.text), Method((INT, INT), STRING, _cut)],
    },
    properties={"Length": Property(INT, lambda builder: len(builder.content), put=Builder.set_length)},
    constructors=[
        Method((), _BUILDER, Builder),
        Method((STRING,), _BUILDER, Builder),
        Method((INT,), _BUILDER, _sized),
        Method((STRING, INT), _BUILDER, lambda text, capacity: _sized(capacity).append(text)),
    ],
    indexer=Method((INT,), CHAR, Builder.unit),
)


MODELS: dict[str, Model] = {"StringBuilder": _STRING_BUILDER}
NAMES = {"StringBuilder": "System.Text"}
