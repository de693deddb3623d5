"""LINQ."""

from typing import TYPE_CHECKING

from apim_policies.expressions.types import (
    BOOL,
    BYTE,
    CHAR,
    DOUBLE,
    INT,
    STRING,
    STRINGS,
    Type,
    array,
    element_of,
    generic,
)
from fuzz.literals import SEQUENCES
from fuzz.scope import Make, Scope

if TYPE_CHECKING:
    from fuzz.expressions import Expressions

_STEPS = ("Where", "Skip", "Take", "Distinct", "Reverse", "OrderBy", "OrderByDescending", "Concat")
_ENDS = ("First()", "Last()", "FirstOrDefault()", "LastOrDefault()", "ElementAt(1)", "Single()")


def queries(maker: "Expressions", type_: Type) -> list[Make]:
    """Queries that give a type."""
    found: list[Make] = []
    if type_ in (STRING, INT, CHAR, DOUBLE, BYTE):
        found.append(lambda depth, scope: f"{_source(maker, depth, scope, of=type_)[0]}.{maker.pick(_ENDS)}")
    if type_ == INT:
        found += [_ended(maker, ("Sum", "Max", "Min"), INT), _count(maker)]
    if type_ == BOOL:
        found.append(_ended(maker, ("Any", "All"), BOOL))
    if type_ == STRING:
        found += [_joined(maker), _grouped(maker), _anonymous(maker)]
    if type_ == STRINGS:
        found.append(_ended(maker, ("Select",), STRING, ".ToArray()"))
    if type_ == array(INT):
        found.append(_ended(maker, ("Select",), INT, ".ToArray()"))
    if type_ in (generic("List", STRING), generic("List", INT)):
        found.append(_ended(maker, ("Select",), type_.args[0], ".ToList()"))
    if type_ == generic("Dictionary", STRING, INT):
        found.append(_dictionary(maker))
    return found


def _source(maker: "Expressions", depth: int, scope: Scope, *, of: Type | None = None) -> tuple[str, Type]:
    """A sequence, half of the time after a step or two, and the type of its items."""
    kind = maker.pick([kind for kind in SEQUENCES if of is None or element_of(kind) == of])
    element = element_of(kind)
    assert element is not None
    text = f"({maker.make(kind, depth - 2, scope)})"
    while maker.chance.random() < 0.4:
        step = maker.pick(_STEPS)
        if step == "Reverse" and kind.name == "List" and text.endswith(")") and "." not in text[-12:]:
            step = "Skip"  # List.Reverse gives nothing.
        text += f".{step}({_argument(maker, step, kind, element, depth, scope)})"
    return text, element


def _argument(maker: "Expressions", step: str, kind: Type, element: Type, depth: int, scope: Scope) -> str:
    match step:
        case "Where":
            return maker.function(element, BOOL, depth - 1, scope)
        case "Skip" | "Take":
            return maker.make(INT, 0, scope)
        case "OrderBy" | "OrderByDescending":
            return maker.function(element, maker.pick((INT, element)), 1, scope)
        case "Concat":
            return maker.make(kind, 0, scope)
        case _:
            return ""


def _ended(maker: "Expressions", ends: tuple[str, ...], gives: Type, after: str = "") -> Make:
    def make(depth: int, scope: Scope) -> str:
        text, element = _source(maker, depth, scope)
        return f"{text}.{maker.pick(ends)}({maker.function(element, gives, depth - 1, scope)}){after}"

    return make


def _count(maker: "Expressions") -> Make:
    def make(depth: int, scope: Scope) -> str:
        text, element = _source(maker, depth, scope)
        predicate = maker.function(element, BOOL, depth - 1, scope) if maker.chance.random() < 0.4 else ""
        return f"{text}.Count({predicate})"

    return make


def _joined(maker: "Expressions") -> Make:
    def make(depth: int, scope: Scope) -> str:
        text, element = _source(maker, depth, scope)
        gives = maker.pick((STRING, INT, BOOL, CHAR))
        return f'string.Join("|", {text}.Select({maker.function(element, gives, depth - 1, scope)}))'

    return make


def _grouped(maker: "Expressions") -> Make:
    def make(depth: int, scope: Scope) -> str:
        text, element = _source(maker, depth, scope)
        key = maker.function(element, maker.pick((INT, BOOL, CHAR)), 1, scope)
        name = f"g{len(scope)}"
        return f'string.Join(";", {text}.GroupBy({key}).Select({name} => {name}.Key + ":" + {name}.Count()))'

    return make


def _anonymous(maker: "Expressions") -> Make:
    """Objects of an anonymous type, ordered by one of their members."""

    def make(depth: int, scope: Scope) -> str:
        text, element = _source(maker, depth, scope)
        members = maker.function(element, STRING, depth - 1, scope).split(" => ", 1)
        number = maker.function(element, INT, depth - 1, scope).split(" => ", 1)[1]
        order = maker.pick(("OrderBy", "OrderByDescending"))
        made = f"{text}.Select({members[0]} => new {{ A = {members[1]}, B = {number} }})"
        return f'string.Join(",", {made}.{order}(o => o.B).Select(o => {maker.pick(("o.A", "o.B + o.A", "o"))}))'

    return make


def _dictionary(maker: "Expressions") -> Make:
    def make(depth: int, scope: Scope) -> str:
        text, _ = _source(maker, depth, scope, of=STRING)
        name = f"x{len(scope)}"
        value = maker.function(STRING, INT, depth - 1, scope)
        return f'{text}.ToDictionary({name} => {name} + "", {value})'

    return make
