"""Binding of `new`: objects, arrays, anonymous types, initializers."""

from collections.abc import Callable
from typing import Any

from secure_mcp_local.expressions import conversions
from secure_mcp_local.expressions.binding.overloads import Overloads
from secure_mcp_local.expressions.binding.scope import Value
from secure_mcp_local.expressions.containers import Anonymous, Array
from secure_mcp_local.expressions.dotnet.registry import Model
from secure_mcp_local.expressions.syntax.tree import Node
from secure_mcp_local.expressions.types import (
    BYTE,
    INT,
    NULL,
    Type,
    array,
)


class Creations(Overloads):
    """What makes something new."""

    def _e_new(self, node: Node) -> Value:
        type_ = self.type(node.a)
        model = self.model(type_)
        if model is None or not model.constructors:
            raise self.not_modelled(node.pos, f"new {type_}")
        self.used(type_, ".ctor")
        created = self.invoke(Node("call", node.pos, None, node.b), model.constructors, None, type_, ".ctor")
        created = Value(type_, created.run)
        return self.initialized(created, node.c, model) if node.c is not None else created

    def initialized(self, created: Value, init: Node, model: Model) -> Value:
        """`new T(...) { ... }`: each item is added, or put at its key."""
        steps = [self.initial_step(created.type, item, model) for item in init.a]
        make = created.run

        def run(env: list[Any]) -> Any:
            made = make(env)
            for step in steps:
                step(env, made)
            return made

        return Value(created.type, run)

    def initial_step(self, type_: Type, item: Node, model: Model) -> Callable[[list[Any], Any], None]:
        if item.kind == "initindex":
            if model.indexer is None or model.set_indexer is None or len(item.a) != 1:
                raise self.not_modelled(item.pos, f"an initializer of {type_}")
            key_type, value_type = (
                self.substituted(t, type_) for t in (model.indexer.params[0], model.indexer.returns)
            )
            key = self.convert(self.rvalue(item.a[0].a), key_type, item.pos)
            if item.b.kind == "init":
                raise self.not_modelled(item.pos, "an initializer in an initializer")
            value = self.convert(self.rvalue(item.b, value_type), value_type, item.pos)
            setter = model.set_indexer
            return lambda env, made: setter(made, key(env), value(env))
        if item.kind == "initmember":
            found = model.properties.get(item.a)
            if found is None or found.put is None or item.b.kind == "init":
                raise self.not_modelled(item.pos, f"{type_}.{item.a} in an initializer")
            wanted = self.substituted(found.type, type_)
            content, put = self.convert(self.rvalue(item.b, wanted), wanted, item.pos), found.put
            return lambda env, made: put(made, content(env))
        methods = model.methods.get("Add")
        if methods is None:
            raise self.not_modelled(item.pos, f"an initializer of {type_}")
        cell: list[Any] = [None]
        arguments = item.a if item.kind == "init" else [item]
        call = Node("call", item.pos, None, [Node("arg", argument.pos, argument) for argument in arguments])
        added = self.invoke(call, methods, Value(type_, lambda env: cell[0]), type_, "Add").run

        def add(env: list[Any], made: Any) -> None:
            cell[0] = made
            added(env)

        return add

    def _e_newarray(self, node: Node) -> Value:
        type_ = self.type(node.a)
        if node.c is not None:
            return self.array_initial(node.c, type_, node.b)
        size = self.rvalue(node.b)
        if isinstance(size.constant, int) and size.constant < 0:
            raise self.error(node.pos, "an array cannot have a negative size", "CS0248")
        return Value(type_, conversions.new_array(self.convert(size, INT, node.pos), type_.args[0]))

    def array_initial(self, init: Node, type_: Type, size: Node | None = None) -> Value:
        if type_.name != "[]":
            raise self.not_modelled(init.pos, f"an initializer of {type_}")
        if size is not None and self.rvalue(size).constant != len(init.a):
            raise self.error(init.pos, "the initializer has not as many items as the array", "CS0847")
        items = [self.convert(self.rvalue(item, type_.args[0]), type_.args[0], item.pos) for item in init.a]
        if type_.args[0] == BYTE:
            return Value(type_, lambda env: bytearray([item(env) for item in items]))
        return Value(type_, lambda env: Array([item(env) for item in items], type_))

    def _e_newimplicit(self, node: Node) -> Value:
        items = [self.rvalue(item) for item in node.a.a]
        element = conversions.best_common(items)
        if element is None:
            raise self.not_modelled(node.pos, "new[] without one type for all items")
        return self.array_initial(node.a, array(element))

    def _e_anonymous(self, node: Node) -> Value:
        values = [self.rvalue(member) for _, member, _ in node.a]
        if any(value.type == NULL for value in values):
            raise self.error(node.pos, "cannot assign null to a member of an anonymous type", "CS0828")
        names = [name for name, _, _ in node.a]
        if len(set(names)) < len(names):
            raise self.error(node.pos, "an anonymous type cannot have two members of one name", "CS0833")
        type_ = Type(" ".join(["anonymous", *names]), tuple(value.type for value in values))
        runs = tuple(value.run for value in values)
        return Value(type_, lambda env: Anonymous(type_, tuple([run(env) for run in runs])))
