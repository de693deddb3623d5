"""What binding starts from: errors, variables, types, conversions, and the values that it makes."""

from collections.abc import Callable, Mapping
from typing import Any

from apim_policies.expressions.binding import conversions
from apim_policies.expressions.code import Code, Constant, shallow
from apim_policies.expressions.dotnet import ALLOWED, GENERIC, MODELS, NAMES
from apim_policies.expressions.dotnet.registry import Model
from apim_policies.expressions.objects import boxing
from apim_policies.expressions.syntax.tree import Node, Source
from apim_policies.expressions.types import (
    BOOL,
    CHAR,
    DECIMAL,
    FLOAT,
    INT,
    INTEGRAL,
    NULL,
    VOID,
    Type,
    array,
    is_reference,
    nullable,
)
from apim_policies.expressions.values.failures import ExpressionError

CONTEXT, PROFILE, FIRST_LOCAL = 0, 1, 2
"""Where things are in the environment: local variables come last."""

_PREDEFINED = {"string", "bool", "char", "byte", "sbyte", "short", "ushort", "int", "uint", "long", "ulong", "float",
               "double", "decimal", "object"}  # fmt: skip
_ALIASES = {
    "String": "string", "Boolean": "bool", "Char": "char", "Byte": "byte", "Int32": "int", "Int64": "long",
    "Double": "double", "Object": "object", "UInt32": "uint", "UInt64": "ulong", "Int16": "short", "Decimal": "decimal",
    "SByte": "sbyte", "UInt16": "ushort", "Single": "float",
}  # fmt: skip


class Value:
    """A bound expression."""

    __slots__ = ("constant", "literal", "run", "type")

    def __init__(self, type: Type, run: Code, constant: Any = None, *, literal: bool = False) -> None:
        self.type, self.constant = type, constant
        self.run = shallow(run) if constant is None else Constant(constant)
        self.literal = literal
        """Whether it is a number as it is written, without a sign."""


Extension = Callable[..., Value]
"""Binds a call of what LINQ adds to a sequence: binder, node, target, type of its elements, type arguments."""


class TypeName:
    """A name that turned out to be a type."""

    __slots__ = ("type",)

    def __init__(self, type: Type) -> None:
        self.type = type


class Return:
    """A return statement, whose conversion is known once all returns of its lambda are."""

    __slots__ = ("convert", "pos", "value")

    def __init__(self, pos: int, value: "Value | None") -> None:
        self.pos, self.value = pos, value
        self.convert: Code = value.run if value is not None else Constant(None)


class Capture:
    """What a lambda uses of the variables around it. If it may run later (LINQ is lazy), it keeps those that are
    new in each round of a loop as they were, and shares those that there is only one of."""

    def __init__(self, pos: int, first: int) -> None:
        self.pos, self.first = pos, first
        self.slots: set[int] = set()
        self.copies = False

    def environment(self, env: list[Any]) -> list[Any]:
        return env.copy() if self.copies else env


class Scope:
    """Names and types of one expression while it is bound. `expr` finds the method for a kind of node by its name."""

    def __init__(self, source: Source, extensions: Mapping[str, Extension]) -> None:
        self.source = source
        self.extensions = extensions
        """What can be called as if it were a method of a sequence, by name."""
        self.members: set[str] = set()
        self.slots = FIRST_LOCAL
        self.scopes: list[dict[str, tuple[Type, int]]] = [{}]
        self.closed: list[set[str]] = [set()]
        """Of each scope: names that scopes in it declared, which it cannot declare any more."""
        self.hole: Value | None = None
        self.unassigned: frozenset[int] = frozenset()
        """Slots of variables that may hold nothing yet (C# specification, definite assignment)."""
        self.rounds = 0
        """How many loops and lambdas there are around this place: what they declare is new in each round."""
        self.fresh: set[int] = set()
        self.reassigned: set[int] = set()
        self.readonly: set[int] = set()
        """Slots of constants, and of the variables of foreach and using."""
        self.constants: dict[int, Any] = {}
        """Values of constants by their slots."""
        self.captures: list[Capture] = []
        self.lambdas: list[Capture] = []
        self.functions: dict[str, Any] = {}
        """Local functions by name."""
        self.deferred = 0
        """How many local functions there are around this place."""
        self.outside = 0
        """Slots below belong to variables around the local function of this place."""
        self.checks = False
        """Whether overflows throw here: in checked."""
        self.wraps = False
        """Whether constants may overflow here: in unchecked()."""
        self.unsure = False
        """Whether something is never reached, where all variables count as assigned, or perhaps, by a switch on a
        constant: that is not looked at here."""
        self.around: list[str] = []
        """What jumps leave or cannot leave: each loop, switch, finally, lambda and function around this place."""
        self.later: list[set[str]] = []
        """Of each block around this place: the locals that it declares, also those that come later."""
        self.returns: list[Return] | None = None
        """The return statements of the lambda or function that is being bound."""

    # -- errors
    def error(self, pos: int, message: str, code: str = "") -> ExpressionError:
        return self.source.error(pos, message, "compile", code)

    def not_modelled(self, pos: int, feature: str) -> ExpressionError:
        return self.source.not_modelled(pos, feature)

    # -- variables
    def enter(self) -> None:
        self.scopes.append({})
        self.closed.append(set())

    def leave(self) -> None:
        names = self.closed.pop() | self.scopes.pop().keys()
        self.closed[-1] |= names

    def declare(self, pos: int, name: str, type: Type) -> int:
        if name == "context":
            raise self.error(pos, "a local variable cannot be named 'context': the expression has that name", "CS0136")
        if name in self.scopes[-1]:
            raise self.error(pos, f"a local variable named '{name}' is already defined here", "CS0128")
        if any(name in scope for scope in self.scopes) or name in self.closed[-1]:
            raise self.error(pos, f"'{name}' is the name of another variable around or in this block", "CS0136")
        slot, self.slots = self.slots, self.slots + 1
        self.scopes[-1][name] = (type, slot)
        if self.rounds:
            self.fresh.add(slot)
        return slot

    def hidden(self) -> int:
        """A slot for what has no name."""
        slot, self.slots = self.slots, self.slots + 1
        return slot

    def read(self, pos: int, name: str, slot: int) -> None:
        """A variable's value is used here.

        Raises:
            ExpressionError: it may have none.
        """
        if slot in self.unassigned and self.deferred:
            raise self.not_modelled(pos, f"'{name}' in a local function before it has a value")
        if slot in self.unassigned:
            code = "" if self.unsure else "CS0165"
            raise self.error(pos, f"use of unassigned local variable '{name}'", code)
        for capture in self.lambdas:
            if slot < capture.first:
                capture.slots.add(slot)

    def assigned(self, pos: int, slot: int) -> None:
        """A variable that exists gets another value.

        Raises:
            ExpressionError: it cannot.
        """
        if slot in self.readonly:
            if slot in self.constants:
                raise self.error(pos, "a constant cannot be assigned", "CS0131")
            raise self.error(pos, "the variable of foreach or using cannot be assigned", "CS1656")
        if self.deferred and slot < self.outside and slot in self.unassigned:
            # It is assigned where the function is called.
            raise self.not_modelled(pos, "a variable to which a local function gives its first value")
        self.unassigned -= {slot}
        self.reassigned.add(slot)
        for capture in self.lambdas:
            if slot < capture.first:
                capture.slots.add(slot)

    def settle_captures(self) -> None:
        """Now that all assignments are known: decide which lambdas keep the variables of their round.

        Raises:
            ExpressionError: one needs some variables as they were and some as they are.
        """
        for capture in self.captures:
            capture.copies = bool(capture.slots & self.fresh)
            if capture.copies and capture.slots & self.reassigned:
                raise self.not_modelled(
                    capture.pos, "a lambda that runs later, with variables of a loop and variables that change"
                )

    def variable(self, name: str) -> tuple[Type, int] | None:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    # -- types
    def type(self, node: Node) -> Type:
        if node.kind == "tarray":
            return array(self.type(node.a))
        if node.kind == "tname":
            name = str(node.a)
            found = self.named_type(name, tuple(self.type(argument) for argument in node.b or []))
            if found is None:
                raise self.unknown_type(node.pos, name)
            return found
        if node.kind == "tnullable":
            inner = self.type(node.a)
            if is_reference(inner) or inner.name == "Nullable":
                raise self.error(node.pos, f"'{inner}' is no type that '?' can follow", "CS0453")
            return nullable(inner)
        raise self.not_modelled(node.pos, f"the type {node.kind}")

    def named_type(self, name: str, args: tuple[Type, ...] = ()) -> Type | None:
        namespace, _, short = name.rpartition(".")
        short = _ALIASES.get(short, short)
        if short in _PREDEFINED:
            return Type(short)
        if short in NAMES and (not namespace or NAMES[short] == namespace):
            if short in GENERIC and len(args) != GENERIC[short]:
                return None
            return Type(short, args)
        if namespace in {"", "System"} and ((short == "Func" and args) or short == "Action"):
            return Type(short, args)
        return None

    def unknown_type(self, pos: int, name: str) -> ExpressionError:
        short = name.rpartition(".")[2]
        if short in ALLOWED or name in NAMESPACES or short in MODELS or short in {"Func", "Action", "Authorization"}:
            return self.not_modelled(pos, f"the type {name}")
        message = f"API Management does not allow the type {name}, or there is none of this name"
        return self.source.error(pos, message, "refused", "", name)

    # -- values
    def condition(self, node: Node) -> Code:
        value = self.rvalue(node)
        return value.run if value.type == BOOL else self.convert(value, BOOL, node.pos)

    def rvalue(self, node: Node, expected: Type | None = None) -> Value:
        """A value: not a type, not nothing."""
        value = self.expr(node, expected)
        if isinstance(value, TypeName):
            raise self.error(node.pos, f"'{value.type}' is a type but is used like a value", "CS0119")
        if value.type == VOID:
            raise self.error(node.pos, "a call that returns nothing is used as a value", "CS0029")
        return value

    def expr(self, node: Node, expected: Type | None = None) -> Value | TypeName:
        handler = getattr(self, f"_e_{node.kind}", None)
        if handler is None:
            raise self.not_modelled(node.pos, f"the expression '{node.kind}'")
        if node.kind in {"tern", "paren", "lambda"}:
            return handler(node, expected)
        return handler(node)

    def convert(self, value: Value, wanted: Type, pos: int) -> Code:
        """An implicit conversion.

        Raises:
            ExpressionError: there is none.
        """
        run = conversions.implicit(value.run, value.type, wanted, value.constant)
        if run is not None:
            return run
        if value.type == NULL:
            known = wanted in boxing.NUMERIC or wanted == BOOL
            raise (
                self.error(pos, f"cannot convert null to '{wanted}'", "CS0037")
                if known
                else self.not_modelled(pos, f"null as '{wanted}'")
            )
        if not (conversions.plain(value.type) and conversions.plain(wanted)):
            raise self.not_modelled(pos, f"a conversion of '{value.type}' to '{wanted}'")
        cast = conversions.explicit(value.run, value.type, wanted, value.constant)
        constant = value.constant is not None and value.type == INT and wanted in INTEGRAL and wanted != CHAR
        code = "CS0031" if constant else "CS0029" if cast is None else "CS0266"
        if value.literal and wanted in (FLOAT, DECIMAL):
            code = "CS0664"
        raise self.error(pos, f"cannot implicitly convert type '{value.type}' to '{wanted}'", code)

    def branching(self, node: Node, outer: str | None = None) -> tuple[Code, frozenset[int], frozenset[int]]:
        """A condition, and what may be unassigned when it holds and when it does not."""
        inner = node
        while inner.kind == "paren":
            inner = inner.a
        if inner.kind == "un" and inner.a == "!":
            run, when_true, when_false = self.branching(inner.b)
            return Code("not {0}", run), when_false, when_true
        if inner.kind == "bin" and inner.a in {"&&", "||"}:
            left, left_true, left_false = self.branching(inner.b, inner.a)
            self.unassigned = left_true if inner.a == "&&" else left_false
            right, right_true, right_false = self.branching(inner.c, inner.a)
            if inner.a == "&&":
                return shallow(Code("{0} and {1}", left, right)), right_true, left_false | right_false
            return shallow(Code("{0} or {1}", left, right)), left_true | right_true, right_false
        if inner.kind == "isdecl":
            run, slot = self.declared_test(inner)
            return run, self.unassigned - {slot}, self.unassigned | {slot}
        if inner.kind == "bool":
            # Where a constant condition never leads, everything counts as assigned (C# specification).
            run, everything = self.condition(node), frozenset[int]()
            return (run, self.unassigned, everything) if inner.a else (run, everything, self.unassigned)
        if outer is not None:
            value = self.rvalue(node)
            if value.type != BOOL:
                plain = conversions.plain(value.type) and value.type.name != "Nullable"
                message = f"operator '{outer}' cannot be applied to '{value.type}'"
                raise self.error(node.pos, message, "CS0019") if plain else self.not_modelled(node.pos, message)
            return value.run, self.unassigned, self.unassigned
        run = self.condition(node)
        return run, self.unassigned, self.unassigned

    def declared_test(self, node: Node) -> tuple[Code, int]:
        raise NotImplementedError

    # -- models
    def model(self, type_: Type) -> Model | None:
        return MODELS.get(type_.name)

    def substituted(self, type_: Type, receiver: Type) -> Type:
        if type_.name in {"T0", "T1"}:
            return receiver.args[int(type_.name[1])]
        if type_.args:
            return Type(type_.name, tuple(self.substituted(argument, receiver) for argument in type_.args))
        return type_

    def used(self, type_: Type, member: str) -> None:
        self.members.add(f"{type_.name}.{member}")


NAMESPACES = {
    prefix
    for namespace in NAMES.values()
    for prefix in (".".join(namespace.split(".")[: n + 1]) for n in range(namespace.count(".") + 1))
}
