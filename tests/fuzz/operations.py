"""Expressions that the tables do not hold: operators, conditions, casts and interpolation."""

from typing import TYPE_CHECKING

from apim_policies.expressions.types import (
    BOOL,
    BYTE,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    GUID,
    INT,
    JOBJECT,
    JTOKEN,
    LONG,
    OBJECT,
    STRING,
    TIMESPAN,
    Type,
    nullable,
)
from fuzz.literals import LITERALS, NUMBERS
from fuzz.scope import Make, Scope

if TYPE_CHECKING:
    from fuzz.expressions import Expressions

_PARTS = (
    STRING, INT, BOOL, CHAR, DOUBLE, OBJECT, DATETIME, TIMESPAN, nullable(INT), GUID, JTOKEN, DECIMAL, LONG,
)  # fmt: skip
"""What is added to texts."""
_TESTED = ("int", "string", "long", "bool", "double", "JObject", "object")
_AFTER_TEXT = ("Trim()", "ToUpper()", "Substring(1)", "ToString()")


def operations(maker: "Expressions", type_: Type) -> list[Make]:
    """What gives a type."""
    found: list[Make] = []
    if type_ != GUID and type_ in LITERALS:
        found.append(_conditional(maker, type_))
    if type_ in NUMBERS or type_ == BYTE:
        found.append(_cast(maker, type_, (*NUMBERS, CHAR, OBJECT, JTOKEN)))
    if type_ == INT:
        found.append(_binary(maker, ("+", "-", "*", "/", "%", "&", "|", "^"), INT))
        found.append(_binary(maker, ("<<", ">>"), INT))
        found.append(_template(maker, "({} {} {})", nullable(INT), ("??",), INT))
        found.append(_template(maker, "({}{})", ("-", "~", "+"), INT))
    if type_ == LONG:
        found.append(_binary(maker, ("+", "-", "*", "/", "%"), LONG, INT, LONG))
        found.append(_template(maker, "({} {} {})", nullable(LONG), ("??",), INT))
    if type_ in (DOUBLE, DECIMAL):
        found.append(_binary(maker, ("+", "-", "*", "/"), type_))
    if type_ == STRING:
        found += _texts(maker)
    if type_ == BOOL:
        found += _tests(maker)
    if type_ == TIMESPAN:
        found += [_binary(maker, ("-",), DATETIME), _binary(maker, ("+", "-"), TIMESPAN)]
    if type_ == DATETIME:
        found.append(_template(maker, "({} {} {})", DATETIME, ("+", "-"), TIMESPAN))
    if type_.name == "Nullable":
        found += _nullables(maker, type_)
    if type_ == OBJECT:
        found.append(_template(maker, "(object)({})", (INT, STRING, LONG, DOUBLE, BOOL, CHAR, nullable(INT))))
    return found


def _texts(maker: "Expressions") -> list[Make]:
    def interpolated(depth: int, scope: Scope) -> str:
        hole = maker.make(maker.pick(_PARTS), 0, scope)
        return f'$"<{{{hole}}}|{{{maker.make(INT, 0, scope)},5}}|{{{maker.make(DOUBLE, 0, scope)}:F2}}>"'

    return [
        _binary(maker, ("+",), STRING),
        _template(maker, "({} + {})", STRING, _PARTS),
        _template(maker, "({} + {})", _PARTS, STRING),
        interpolated,
        _template(maker, 'string.Format("{{0}}-{{1,6}}", {}, {})', _PARTS, _PARTS),
        _template(maker, "({} ?? {})", STRING, STRING),
        _template(maker, "((string){})", JTOKEN),
        _template(maker, "({} as string)", OBJECT),
        _template(maker, "({})?.{}", STRING, _AFTER_TEXT),
        _template(maker, "({}).ToString(Formatting.None)", JOBJECT),
        _template(maker, "((string){})", (Type("XElement"), Type("XAttribute"))),
    ]


def _tests(maker: "Expressions") -> list[Make]:
    return [
        _binary(maker, ("==", "!=", "<", ">", "<=", ">="), *NUMBERS[:3], CHAR),
        _binary(maker, ("==", "!="), STRING),
        _binary(maker, ("&&", "||", "&", "|", "^"), BOOL),
        _binary(maker, ("==", "<", ">"), DATETIME),
        _binary(maker, ("==", "<", "!="), nullable(INT), INT),
        _binary(maker, ("==", "!=", ">="), nullable(LONG), nullable(DOUBLE), INT),
        _template(maker, "({} {} {})", nullable(BOOL), ("==", "!="), BOOL),
        _template(maker, "(!{})", BOOL),
        _template(maker, "({} is {})", OBJECT, _TESTED),
        _template(maker, "({} == null)", JTOKEN),
        _template(maker, "({} {} null)", nullable(INT), ("==", "!=")),
    ]


def _nullables(maker: "Expressions", type_: Type) -> list[Make]:
    found: list[Make] = []
    held = type_.args[0]
    if held in (INT, LONG, DOUBLE):
        found.append(_binary(maker, ("+", "*", "-", "/"), type_, held))
        found.append(_template(maker, "({} as {})", OBJECT, (f"{held}?",)))
        found.append(_template(maker, "({}{})", ("-", "+"), type_))
    if held == INT:
        found += [_template(maker, "({})?.Length", STRING), _template(maker, "({})?.IndexOf({})", STRING, STRING)]
    if held == BOOL:
        found += [_binary(maker, ("&", "|", "^"), type_, BOOL), _template(maker, "(!{})", type_)]
    if held == DATETIME:
        found.append(_template(maker, "({} {} {})", type_, ("+", "-"), TIMESPAN))
    return found


def _binary(maker: "Expressions", operators: tuple[str, ...], *types: Type) -> Make:
    return _template(maker, "({} {} {})", types, operators, types)


def _template(maker: "Expressions", text: str, *holes: Type | tuple[Type, ...] | tuple[str, ...]) -> Make:
    """A text with holes: an expression of a type or of one of several, or one of several texts."""

    def filled(hole: Type | tuple[Type, ...] | tuple[str, ...], depth: int, scope: Scope) -> str:
        chosen = hole if isinstance(hole, Type) else maker.pick(hole)
        return maker.make(chosen, depth - 1, scope) if isinstance(chosen, Type) else chosen

    return lambda depth, scope: text.format(*(filled(hole, depth, scope) for hole in holes))


def _conditional(maker: "Expressions", type_: Type) -> Make:
    return _template(maker, "({} ? {} : {})", BOOL, type_, type_)


def _cast(maker: "Expressions", type_: Type, sources: tuple[Type, ...]) -> Make:
    return _template(maker, f"(({type_}){{}})", sources)
