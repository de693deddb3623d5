"""Binding of lambdas, and of methods where a function is wanted."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Never

from apim_policies.expressions.binding import conversions
from apim_policies.expressions.binding.flow import completes
from apim_policies.expressions.binding.members import Members
from apim_policies.expressions.binding.scope import Capture, TypeName, Value
from apim_policies.expressions.code import Code, Constant, Function, Statement
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    VOID,
    Type,
)


class Lambdas(Members):
    """A lambda gets the types of its parameters from where it stands."""

    def statement(self, node: Node) -> Statement:
        """What lambdas with a block need of `Statements`."""
        raise NotImplementedError

    def _e_lambda(self, node: Node, expected: Type | None = None) -> Value:
        """A lambda as an object: a Func."""
        if expected is None or expected.name not in {"Func", "Action"}:
            raise self.not_modelled(node.pos, "a lambda here")
        parameters = expected.args[:-1] if expected.name == "Func" else expected.args
        first = self.slots
        _, function, capture = self.lambda_function(node, parameters, expected)
        self.captures.append(capture)
        made = f"{{delegate}}({{function}}, {{environment}}(env), {first}, {self.slots})"
        return Value(expected, Code(made, delegate=_delegate, function=function, environment=capture.environment))

    def lazy_function(self, node: Node, parameters: Sequence[Type]) -> tuple[Type, Code]:
        """A lambda that runs after its expression, with the variables that it keeps."""
        if node.kind in {"name", "member"}:
            return self.method_group(node, parameters)
        type_, function, capture = self.lambda_function(node, parameters, None)
        self.captures.append(capture)
        return type_, bound(function, "{kept}(env)", kept=capture.environment)

    def function(self, node: Node, parameters: Sequence[Type]) -> tuple[Type, Code]:
        """A lambda whose parameter types the receiver gives: its result type, and what gives a function of Python."""
        if node.kind in {"name", "member"}:
            return self.method_group(node, parameters)
        type_, function, _ = self.lambda_function(node, parameters, None)
        return type_, bound(function)

    def lambda_function(
        self, node: Node, parameters: Sequence[Type], expected: Type | None
    ) -> tuple[Type, Function, Capture]:
        """A lambda as a function of the environment and its arguments."""
        if node.kind != "lambda" or len(node.a) != len(parameters):
            raise self.not_modelled(node.pos, "anything but a lambda with these parameters here")
        self.enter()
        before = self.unassigned
        capture = Capture(node.pos, self.slots)
        self.lambdas.append(capture)
        self.rounds += 1
        slots: list[int] = []
        for (type_, name), given in zip(node.a, parameters, strict=True):
            declared = self.type(type_) if type_ is not None else given
            if declared != given:
                raise self.error(node.pos, f"parameter '{name}' is of type '{given}'", "CS1678")
            slots.append(self.declare(node.pos, name, declared))
        body = self.block_body(node, expected) if node.c else self.lambda_body(node.b, expected)
        self.rounds -= 1
        self.lambdas.pop()
        self.unassigned = before
        self.leave()
        if expected is not None and expected.name == "Func":
            return expected.args[-1], Function(slots, self.convert(body, expected.args[-1], node.pos)), capture
        return body.type, Function(slots, body.run), capture

    def lambda_body(self, node: Node, expected: Type | None) -> Value:
        if expected is not None and expected.name == "Action":
            value = self.expr(node)
            if isinstance(value, Value):
                return value
        if node.kind == "throwexpr" and expected is not None and expected.name == "Func":
            return self.value_or_throw(node)
        return self.rvalue(node, expected.args[-1] if expected is not None and expected.name == "Func" else None)

    def block_body(self, node: Node, expected: Type | None) -> Value:
        """`=> { ... return x; }`: its type is the best common one of its returns."""
        outer, self.returns = self.returns, []
        self.around.append("lambda")
        body = self.statement(node.b)
        self.around.pop()
        returns, self.returns = self.returns, outer
        ends = completes(node.b)
        values = [each.value for each in returns if each.value is not None]
        if not values:
            if expected is None or expected.name != "Action" or not ends:
                raise self.not_modelled(node.pos, "a lambda that returns nothing")
            return Value(VOID, body)
        if ends or len(values) < len(returns):
            raise self.error(node.pos, "not all code paths return a value", "CS1643")
        type_ = (
            expected.args[-1] if expected is not None and expected.name == "Func" else conversions.best_common(values)
        )
        if type_ is None:
            raise self.not_modelled(node.pos, "a lambda without one type for all returns")
        for each, value in zip(returns, values, strict=True):
            each.convert = self.convert(value, type_, each.pos)

        return Value(type_, body)

    def method_group(self, node: Node, parameters: Sequence[Type]) -> tuple[Type, Code]:
        """`char.IsDigit` where a function is wanted, or a variable that holds one."""
        if node.kind == "name" and (found := self.variable(node.a)) is not None:
            type_, slot = found
            if type_.name != "Func" or type_.args[:-1] != tuple(parameters):
                raise self.not_modelled(node.pos, f"a {type_} as this argument")
            self.read(node.pos, node.a, slot)
            return type_.args[-1], Code(
                f"{{f}} if ({{f}} := env[{slot}]) is not None else {{missing}}()", missing=_no_function
            )
        if node.kind != "member" or node.c or not isinstance(owner := self.expr(node.a), TypeName):
            raise self.not_modelled(node.pos, "this method as an argument")
        model = self.model(owner.type)
        methods = [
            m for m in (model.statics.get(node.b, []) if model is not None else []) if m.params == tuple(parameters)
        ]
        if len(methods) != 1 or methods[0].env or methods[0].rest is not None:
            raise self.not_modelled(node.pos, f"{owner.type}.{node.b} as an argument")
        self.used(owner.type, node.b)
        return methods[0].returns, Constant(methods[0].run)


def bound(function: Function, environment: str = "env", **fields: Any) -> Code:
    """A function of its arguments alone."""
    return Code(f"{{partial}}({{function}}, {environment})", partial=partial, function=function, **fields)


def _no_function() -> Never:
    raise NotImplementedError("null as a function of LINQ")


def _delegate(function: Callable[..., Any], env: list[Any], first: int, last: int) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        # It may call itself: what it holds is put back afterwards.
        held = env[first:last]
        try:
            return function(env, *arguments)
        finally:
            env[first:last] = held

    return call
