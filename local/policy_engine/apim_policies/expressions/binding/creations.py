"""Binding of `new`: objects, arrays, anonymous types, initializers."""

from apim_policies.expressions.binding import conversions
from apim_policies.expressions.binding.overloads import Overloads
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.code import Assignment, Code, Variable, places
from apim_policies.expressions.dotnet.registry import Model
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    BYTE,
    INT,
    NULL,
    Type,
    array,
)
from apim_policies.expressions.values.containers import Anonymous, Array


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
        slot = self.hidden()
        steps = [self.initial_step(Value(created.type, Variable(slot)), item, model) for item in init.a]
        made = Code(f"({places(len(steps) + 1)}, env[{slot}])[-1]", Assignment(slot, created.run), *steps)
        return Value(created.type, made)

    def initial_step(self, made: Value, item: Node, model: Model) -> Code:
        type_ = made.type
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
            return Code("{setter}({0}, {1}, {2})", made.run, key, value, setter=setter)
        if item.kind == "initmember":
            found = model.properties.get(item.a)
            if found is None or found.put is None or item.b.kind == "init":
                raise self.not_modelled(item.pos, f"{type_}.{item.a} in an initializer")
            wanted = self.substituted(found.type, type_)
            content, put = self.convert(self.rvalue(item.b, wanted), wanted, item.pos), found.put
            return Code("{put}({0}, {1})", made.run, content, put=put)
        methods = model.methods.get("Add")
        if methods is None:
            raise self.not_modelled(item.pos, f"an initializer of {type_}")
        arguments = item.a if item.kind == "init" else [item]
        call = Node("call", item.pos, None, [Node("arg", argument.pos, argument) for argument in arguments])
        return self.invoke(call, methods, made, type_, "Add").run

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
        listed = f"[{places(len(items))}]"
        if type_.args[0] == BYTE:
            return Value(type_, Code(f"{{bytes}}({listed})", *items, bytes=bytearray))
        return Value(type_, Code(f"{{array}}({listed}, {{type}})", *items, array=Array, type=type_))

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
        runs = (value.run for value in values)
        members = f"{{tuple}}([{places(len(values))}])"
        made = Code(f"{{made}}({{type}}, {members})", *runs, made=Anonymous, type=type_, tuple=tuple)
        return Value(type_, made)
