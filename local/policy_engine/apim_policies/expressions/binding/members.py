"""Binding of members and indexes."""

from decimal import Decimal

from apim_policies.expressions.binding import conversions
from apim_policies.expressions.binding.assignments import Assignments
from apim_policies.expressions.binding.receivers import called, element, existing, stamped
from apim_policies.expressions.binding.scope import NAMESPACES, TypeName, Value
from apim_policies.expressions.code import Assignment, Code, Constant, Variable
from apim_policies.expressions.dotnet import MODELS
from apim_policies.expressions.dotnet.json.places import child_of
from apim_policies.expressions.dotnet.surface import lacks
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    JTOKEN,
    OBJECT,
    STRING,
    VOID,
    Type,
    bases,
    holds_null,
    is_reference,
    nullable,
    underlying,
)
from apim_policies.expressions.values.failures import ExpressionError


class Members(Assignments):
    """Members are looked up in the tables of `dotnet`."""

    def _e_member(self, node: Node) -> Value | TypeName:
        target = self.expr(node.a)
        name = node.b
        if isinstance(target, TypeName):
            return self.static_member(node, target.type, name)
        if target.type.name.startswith("anonymous "):
            return self.anonymous_member(node, target)
        model = self.model(target.type)
        found = model.properties.get(name) if model is not None else None
        owner_name = target.type.name
        for base in bases(target.type) if found is None else ():
            base_model = MODELS.get(base)
            found = base_model.properties.get(name) if base_model is not None else None
            if found is not None:
                owner_name = base
                break
        if found is None:
            raise self.unknown_member(node.pos, target.type, name)
        self.used(Type(owner_name), name)
        type_ = self.substituted(found.type, target.type)
        if found.env:
            return Value(type_, Code("{get}(env, {0})", target.run, get=found.get))
        owner = existing(target.run) if is_reference(target.type) else target.run
        if found.attribute:
            run = Code(f"{{0}}.{found.attribute}", owner)
            run.exists = found.exists
            return Value(type_, run)
        return Value(type_, stamped(Code("{get}({0})", owner, get=found.get), type_))

    def anonymous_member(self, node: Node, target: Value) -> Value:
        names = target.type.name.split(" ")[1:]
        if node.b not in names:
            raise self.error(node.pos, f"an anonymous type has no member '{node.b}'", "CS1061")
        at = names.index(node.b)
        return Value(target.type.args[at], Code(f"{{0}}.values[{at}]", existing(target.run)))

    def static_member(self, node: Node, type_: Type, name: str) -> Value | TypeName:
        if type_.name.startswith("namespace "):
            full = f"{type_.name.removeprefix('namespace ')}.{name}"
            if full in NAMESPACES:
                return TypeName(Type(f"namespace {full}"))
            args = tuple(self.type(argument) for argument in node.c) if node.c else ()
            found = self.named_type(full, args)
            if found is None:
                raise self.unknown_type(node.pos, full)
            return TypeName(found)
        model = self.model(type_)
        constant = model.static_properties.get(name) if model is not None else None
        if constant is None:
            raise self.unknown_member(node.pos, type_, name, static=True)
        self.used(type_, name)
        get = constant.get
        if constant.env:
            return Value(constant.type, Code("{get}(env)", get=get))
        fixed = get()
        known = isinstance(fixed, str | int | float | Decimal) and constant.type != STRING
        return Value(constant.type, Constant(fixed), fixed if known else None)

    def unknown_member(self, pos: int, type_: Type, name: str, *, static: bool = False) -> ExpressionError:
        if lacks(type_.name, name, static=static):
            return self.error(pos, f"'{type_}' has no member '{name}'", "CS0117" if static else "CS1061")
        return self.not_modelled(pos, f"{type_}.{name}")

    def _e_cond(self, node: Node) -> Value:
        target = self.rvalue(node.a)
        if not holds_null(target.type):
            raise self.error(node.pos, f"operator '?' cannot be applied to '{target.type}'", "CS0023")
        slot = self.hidden()
        before, self.hole = self.hole, Value(underlying(target.type), Variable(slot))
        chain = self.expr(node.b)
        self.hole = before
        assert isinstance(chain, Value)
        if not holds_null(chain.type) and chain.type != VOID:
            chain = Value(nullable(chain.type), chain.run)
        return Value(chain.type, Code("None if {0} is None else {1}", Assignment(slot, target.run), chain.run))

    def _e_hole(self, node: Node) -> Value:
        assert self.hole is not None, node
        return self.hole

    def _e_index(self, node: Node) -> Value:
        if node.a.kind == "newarray" and node.a.c is None:
            raise self.error(node.pos, "invalid rank specifier", "CS0178")
        target = self.rvalue(node.a)
        model = self.model(target.type)
        if model is None or model.indexer is None:
            if not conversions.plain(target.type) or target.type.name in {"HashSet", "Match"}:
                raise self.not_modelled(node.pos, f"an index of {target.type}")
            raise self.error(node.pos, f"cannot apply indexing with [] to '{target.type}'", "CS0021")
        self.used(target.type, "Item")
        if len(node.b) != 1:
            raise self.not_modelled(node.pos, "several indexes")
        indexer, given = model.indexer, self.rvalue(node.b[0].a)
        if model.second_indexer is not None and given.type == model.second_indexer.params[0]:
            indexer = model.second_indexer
        wanted = self.substituted(indexer.params[0], target.type)
        if target.type.name.startswith("J") and given.type == OBJECT:
            return Value(JTOKEN, called(child_of, target.run, given.run))
        if target.type.name.startswith("J") and given.type != wanted:
            raise self.not_modelled(node.pos, f"an index of {given.type} into {target.type}")
        key = self.convert(given, wanted, node.pos)
        type_ = self.substituted(indexer.returns, target.type)
        if target.type.name == "[]":
            return Value(type_, element(target.run, key))
        return Value(type_, stamped(called(indexer.run, target.run, key), type_))
