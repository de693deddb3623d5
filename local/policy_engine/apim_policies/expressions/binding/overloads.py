"""The choice between overloads, and the call of the chosen one."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from apim_policies.expressions.binding import conversions
from apim_policies.expressions.binding.lambdas import Lambdas
from apim_policies.expressions.binding.receivers import called, stamped
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.code import Code, Constant, places
from apim_policies.expressions.dotnet.registry import Method
from apim_policies.expressions.dotnet.surface import extensions, surface
from apim_policies.expressions.objects.boxing import NUMERIC
from apim_policies.expressions.objects.converting import default
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    DECIMAL,
    DOUBLE,
    FLOAT,
    INT,
    LONG,
    NULL,
    OBJECT,
    SMALL,
    STRING,
    UINT,
    ULONG,
    Type,
    array,
    derives,
    element_of,
    holds_null,
    is_reference,
)
from apim_policies.expressions.values.containers import Array


class Overloads(Lambdas):
    """The overload whose parameters are nearest to the arguments; where that is not sure, none."""

    def invoke(self, node: Node, methods: Sequence[Method], target: Value | None, receiver: Type, name: str) -> Value:
        candidates = self.fitting(methods, node.b, receiver)
        if receiver == STRING and name in {"Join", "Concat"}:
            self.refuse_ambiguous(node)
        bound = [argument for argument in node.b]
        values = [self.argument(argument) for argument in bound]
        matches = [
            (matched[0], method, matched[1])
            for method in candidates
            if (matched := self.match(method, bound, values, receiver)) is not None
        ]
        least = min((score for score, _, _ in matches), default=0)
        nearest = [one for one in matches if one[0] == least]
        if len(nearest) > 1:
            nearest = [one for one in nearest if all(_narrower(one[1], other[1]) for other in nearest)] or nearest
        best, tied = (nearest[0] if nearest else None), len(nearest) > 1
        if best is None or tied:
            found = ", ".join(_described(value) for value in values)
            if tied and any(isinstance(value, Value) and value.type == NULL for value in values):
                raise self.error(node.pos, f"several overloads fit {receiver}.{name}({found})", "CS0121")
            if best is None and self.complete(methods, values, target, receiver, name):
                fits = any(len(method.params) == len(values) for method in methods)
                code = "CS1503" if fits else "CS1501"
                raise self.error(node.pos, f"{receiver}.{name} does not take ({found})", code)
            raise self.not_modelled(node.pos, f"{receiver}.{name}({found})")
        _, method, runs = best
        for at, (argument, value) in enumerate(zip(bound, values, strict=True)):
            if isinstance(value, Node):
                place = method.names.index(argument.b) if argument.b is not None else at
                wanted = self.substituted(method.params[place], receiver)
                runs[place] = self.rvalue(value, wanted).run
        return self.called(node, method, runs, target, receiver)

    def complete(
        self,
        methods: Sequence[Method],
        values: "Sequence[Value | Node | None]",
        target: Value | None,
        receiver: Type,
        name: str,
    ) -> bool:
        """Whether all overloads that .NET has of a method are here, and all conversions to their parameters."""
        known = surface(receiver.name)
        if known is None or name in extensions():
            return False
        overloads = (known.statics if target is None else known.members).get(name, 0)
        types = [value.type for value in values if isinstance(value, Value)]
        types += [parameter for method in methods for parameter in method.params]
        return (
            # More than .NET has: one of .NET's is several here, and which of them is whole cannot be told.
            0 < overloads == len(methods)
            and len([value for value in values if isinstance(value, Value)]) == len(values)
            and all(conversions.plain(type_) for type_ in types)
        )

    def fitting(self, methods: Sequence[Method], arguments: list[Node], receiver: Type) -> list[Method]:
        """Overloads that the number of arguments allows."""
        count = len(arguments)
        return [
            method
            for method in methods
            if len(method.params) - len(method.optional) <= count
            and (count <= len(method.params) or method.rest is not None)
        ]

    def refuse_ambiguous(self, node: Node) -> None:
        """An array of other objects than strings is an object[] as well as an IEnumerable<T>."""
        for argument in node.b[-1:]:
            given = self.rvalue(argument.a).type if argument.a.kind != "lambda" else OBJECT
            if given.name == "[]" and is_reference(given.args[0]) and given.args[0] not in (STRING, OBJECT):
                raise self.not_modelled(node.pos, f"string.{node.a.b} of {given}" if node.a else f"{given}")

    def argument(self, argument: Node) -> "Value | Node | None":
        """What is known of an argument before its parameter is: nothing of an `out`, and not the types of a lambda."""
        if argument.c == "out":
            return None
        inner = argument.a
        while inner.kind == "paren":
            inner = inner.a
        return inner if inner.kind == "lambda" else self.rvalue(argument.a)

    def match(
        self, method: Method, arguments: list[Node], values: "Sequence[Value | Node | None]", receiver: Type
    ) -> tuple[int, list[Code | None]] | None:
        """How well an overload fits (0 is exact) and its converted arguments."""
        # Where conversions are alike, a method without a params array and with fewer defaults is the better one.
        score = 10 if method.rest is not None else 0
        placed: list[Code | None] = [None] * len(method.params)
        given = [False] * len(method.params)
        rest: list[Code] = []
        for index, (argument, value) in enumerate(zip(arguments, values, strict=True)):
            at = index
            if method.inferred and isinstance(value, Value) and value.type == NULL:
                return None
            if argument.b is not None:
                if argument.b not in method.names:
                    return None
                at = method.names.index(argument.b)
            if at < len(method.params):
                wanted = self.substituted(method.params[at], receiver)
                given[at] = True
                if (wanted.name == "out") != (value is None):
                    return None
                if value is None:
                    continue
                if isinstance(value, Node):
                    if wanted.name not in {"Func", "Action"} or len(value.a) != len(wanted.args) - (
                        wanted.name == "Func"
                    ):
                        return None
                    continue
            elif method.rest is not None and isinstance(value, Value):
                wanted = method.rest
            else:
                return None
            run = conversions.implicit(value.run, value.type, wanted, value.constant)
            if run is None:
                return None
            score += 100 * _distance(value.type, wanted)
            if at < len(method.params):
                placed[at] = run
            else:
                rest.append(run)
        for at, present in enumerate(given):
            if not present:
                missing = len(method.params) - at
                if missing > len(method.optional):
                    return None
                default = method.optional[len(method.optional) - missing]
                placed[at] = Constant(default)
                score += 1
        if method.rest is not None:
            type_ = array(method.rest)
            # An array in the place of the parameters is the array itself.
            placed.append(Code(f"{{array}}([{places(len(rest))}], {{type}})", *rest, array=Array, type=type_))
        return score, placed

    def called(
        self, node: Node, method: Method, runs: list[Code | None], target: Value | None, receiver: Type
    ) -> Value:
        slot: int | None = None
        empty: Any = None
        for argument, placed in zip(node.b, runs, strict=False):
            if placed is None:
                given = self.substituted(method.params[runs.index(None)], receiver).args[0]
                slot = self.out_slot(argument, given)
                empty = None if holds_null(given) else default(given)
        arguments = tuple(placed for placed in runs if placed is not None)
        type_ = self.substituted(method.returns, receiver)
        function = partial(method.run, type_) if method.typed else method.run
        before = "env, " if method.env else ""
        if target is not None:
            checked = is_reference(target.type) and not method.null
            run = called(function, target.run, *arguments, before=before, checked=checked)
        else:
            run = Code(f"{{function}}({before}{places(len(arguments))})", *arguments, function=function)
        if slot is not None:
            run = Code(f"{{received}}(env, {slot}, {{empty}}, {{0}})", run, received=_received, empty=empty)
        return Value(type_, stamped(run, type_))

    def out_slot(self, argument: Node, type_: Type) -> int:
        target = argument.a
        if target.kind == "outvar":
            declared = type_ if target.a.kind == "tvar" else self.type(target.a)
            if declared != type_:
                raise self.error(argument.pos, f"cannot convert from 'out {declared}' to 'out {type_}'", "CS1503")
            return self.declare(argument.pos, target.b, declared)
        found = self.variable(target.a) if target.kind == "name" else None
        if found is None:
            raise self.error(argument.pos, "an out argument must be a variable", "CS1510")
        if found[0] != type_:
            raise self.error(argument.pos, f"cannot convert from 'out {found[0]}' to 'out {type_}'", "CS1503")
        self.assigned(argument.pos, found[1])
        return found[1]


def _narrower(one: Method, other: Method) -> bool:
    """Whether the parameters of one method convert to those of another: then C# prefers it. Not of `params`, which may be empty."""
    if one is other:
        return True
    if one.rest is not None or other.rest is not None or len(one.params) > len(other.params):
        return False
    pairs = zip(one.params, other.params, strict=False)
    return all(mine == their or derives(mine, their) for mine, their in pairs)


def _described(value: "Value | Node | None") -> str:
    return "out" if value is None else "lambda" if isinstance(value, Node) else str(value.type)


def _distance(given: Type, wanted: Type) -> int:
    """How much an argument is converted: C# prefers what is nearer."""
    if given == NULL and wanted != OBJECT:
        return 10
    if given == wanted:
        return 0
    if wanted == OBJECT:
        return 30
    if given in NUMERIC and wanted in NUMERIC:
        return 1 + [INT, UINT, LONG, ULONG, FLOAT, DOUBLE, DECIMAL, *SMALL].index(wanted)
    if wanted.args and given.args and given.name != "Nullable":
        return 5 if given.args[-1] == wanted.args[-1] else 12
    if wanted.args:
        return 5 if element_of(given) == wanted.args[-1] else 12
    return 10


def _received(env: list[Any], slot: int, empty: Any, both: tuple[Any, Any]) -> Any:
    """The result of a call with an `out` argument, whose variable gets its value."""
    result, given = both
    env[slot] = empty if given is None else given
    return result
