"""Binding of calls."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.binding import conversions
from apim_policies.expressions.binding.creations import Creations
from apim_policies.expressions.binding.receivers import called
from apim_policies.expressions.binding.scope import TypeName, Value
from apim_policies.expressions.code import Code, places
from apim_policies.expressions.dotnet import MODELS
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    JTOKEN,
    NULL,
    OBJECT,
    STRING,
    VOID,
    Type,
    bases,
    element_of,
)


class Calls(Creations):
    """Methods are looked up in the tables of `dotnet`, extension methods in those that the binder was given."""

    def _e_call(self, node: Node) -> Value:
        callee = node.a
        if callee.kind == "name" and (local := self.local_function(callee.a)) is not None:
            return self.call_function(node, local)
        if callee.kind != "member":
            return self.call_delegate(node)
        target = self.expr(callee.a)
        name, type_args = callee.b, [self.type(argument) for argument in callee.c or []]
        if isinstance(target, TypeName):
            return self.static_call(node, target.type, name, type_args)
        if name == "Invoke" and target.type.name in {"Func", "Action"}:
            return self.call_delegate(node, target)
        return self.instance_call(node, target, name, type_args)

    def static_call(self, node: Node, type_: Type, name: str, type_args: list[Type]) -> Value:
        model = self.model(type_)
        if type_.name == "Enumerable" and name in self.extensions and node.b:
            # An extension method called by its class.
            target = self.rvalue(node.b[0].a)
            element = element_of(target.type)
            if element is not None and node.b[0].b is None and target.type.name != "JObject":
                self.members.add(f"Enumerable.{name}")
                callee = Node("member", node.pos, None, name, None)
                return self.extensions[name](
                    self, Node("call", node.pos, callee, node.b[1:]), target, element, type_args
                )
        if model is not None and type_args and name in model.static_generics:
            made = model.static_generics[name](*type_args)
            methods = made if isinstance(made, list) else [made]
        else:
            methods = model.statics.get(name, []) if model is not None and not type_args else []
        if not methods:
            raise self.unknown_member(node.a.pos, type_, name, static=True)
        self.used(type_, name)
        return self.invoke(node, methods, None, type_, name)

    def local_function(self, name: str) -> "LocalFunction | None":
        return None if self.variable(name) is not None else self.functions.get(name)

    def call_function(self, node: Node, function: "LocalFunction") -> Value:
        if any(argument.b or argument.c for argument in node.b) or len(node.b) != len(function.parameters):
            raise self.not_modelled(node.pos, "a call of a local function with named, out or missing arguments")
        runs = [
            self.convert(self.rvalue(argument.a, wanted), wanted, argument.pos)
            for argument, wanted in zip(node.b, function.parameters, strict=True)
        ]
        return Value(function.returns, Code(f"{{run}}(env, [{places(len(runs))}])", *runs, run=function.run))

    def call_delegate(self, node: Node, target: Value | None = None) -> Value:
        """`f(x)` of a variable of type Func."""
        target = self.rvalue(node.a) if target is None else target
        if target.type.name not in {"Func", "Action"}:
            raise self.not_modelled(node.pos, "a call of anything but a method, a Func or an Action")
        *parameters, result = (*target.type.args, VOID) if target.type.name == "Action" else target.type.args
        if any(argument.b or argument.c for argument in node.b) or len(node.b) != len(parameters):
            raise self.error(node.pos, f"a {target.type} takes {len(parameters)} arguments", "CS1593")
        runs = [
            self.convert(self.rvalue(argument.a, wanted), wanted, argument.pos)
            for argument, wanted in zip(node.b, parameters, strict=True)
        ]
        return Value(result, called(_invoked, target.run, *runs))

    def instance_call(self, node: Node, target: Value, name: str, type_args: list[Type]) -> Value:
        callee = node.a
        if target.type.name == "Nullable" and name == "ToString" and not node.b and not type_args:
            self.used(target.type, name)
            return Value(STRING, conversions.to_text(target.run, target.type))
        owners = (
            target.type.name,
            *bases(target.type),
            *(() if target.type.name == "Nullable" else ("object",)),
        )
        for owner in owners:
            model = MODELS.get(owner)
            if model is None:
                continue
            if type_args and name in model.generics and len(type_args) == 1:
                self.used(Type(owner), name)
                made = model.generics[name](type_args[0])
                return self.invoke(node, made if isinstance(made, list) else [made], target, target.type, name)
            if not type_args and name in model.inferred:
                # The type argument is that of the last parameter's value.
                given = self.rvalue(node.b[-1].a) if len(node.b) == 2 else None
                self.used(Type(owner), name)
                # Without one, nothing says what it is but the dictionary: an object.
                made = model.generics[name](OBJECT if given is None or given.type == NULL else given.type)
                return self.invoke(node, made if isinstance(made, list) else [made], target, target.type, name)
            if not type_args and name in model.methods:
                self.used(Type(owner), name)
                methods = model.methods[name]
                if self.fitting(methods, node.b, target.type) or name not in self.extensions:
                    return self.invoke(node, methods, target, target.type, name)
        element = element_of(target.type)
        own = MODELS.get(target.type.name)
        if own is not None and name in own.statics:
            raise self.not_modelled(node.pos, f"{target.type}.{name} of an object")
        if element is not None and name in self.extensions:
            if target.type.name == "JObject" and name in {"Cast", "OfType"}:
                # To these it is a sequence of whatever it holds: properties.
                target, element = Value(Type("JContainer"), target.run), JTOKEN
            elif target.type.name == "JObject":
                # It is a sequence of two kinds of elements: C# cannot tell which is meant.
                raise self.error(callee.pos, f"'JObject' has no '{name}' without type arguments", "CS1061")
            if target.type.name == "GroupCollection" and name not in {"Cast", "OfType"}:
                raise self.not_modelled(callee.pos, f"GroupCollection.{name}")
            self.members.add(f"Enumerable.{name}")
            return self.extensions[name](self, node, target, element, type_args)
        if any(name in model.properties for owner in owners if (model := MODELS.get(owner)) is not None):
            raise self.error(callee.pos, f"'{target.type}.{name}' is no method", "CS1955")
        raise self.unknown_member(node.pos, target.type, name)


class LocalFunction:
    """A function declared in the block."""

    def __init__(self, parameters: list[Type], returns: Type) -> None:
        self.parameters, self.returns = parameters, returns
        self.slots: list[int] = []
        self.last = 0
        self.body: Callable[..., Any] = _unbound

    def run(self, env: list[Any], arguments: list[Any]) -> Any:
        first, last = self.slots[0] if self.slots else self.last, self.last
        held = env[first:last]
        try:
            for slot, argument in zip(self.slots, arguments, strict=True):
                env[slot] = argument
            return self.body(env)
        finally:
            env[first:last] = held


def _unbound(env: list[Any]) -> None:
    raise AssertionError("a local function runs before it is bound")


def _invoked(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)
