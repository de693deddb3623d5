"""Binding of assignments to variables, elements and properties."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apim_policies.expressions.binding import conversions, operators
from apim_policies.expressions.binding.casts import Casts
from apim_policies.expressions.binding.scope import Value
from apim_policies.expressions.code import Assignment, Code, Temporary, Variable
from apim_policies.expressions.objects import boxing
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    CHAR,
    INT,
    INTEGRAL,
    Type,
    underlying,
)
from apim_policies.expressions.values.failing import null_reference


class Assignments(Casts):
    """What changes a variable or something that a variable holds."""

    def _e_assign(self, node: Node) -> Value:
        operator, target = node.a, node.b
        if target.kind in {"index", "member"}:
            return self.assign_place(node)
        found = self.variable(target.a) if target.kind == "name" else None
        if found is None:
            raise self.not_modelled(node.pos, "assignment to anything but a local variable, an element or a property")
        type_, slot = found
        if operator == "=":
            run = self.convert(self.rvalue(node.c, type_), type_, node.pos)
        else:
            self.read(node.pos, target.a, slot)
            run = self.compound(node, type_, Variable(slot))

        self.assigned(node.pos, slot)
        return Value(type_, Assignment(slot, run))

    def compound(self, node: Node, type_: Type, current: Code) -> Code:
        """The new value of `x += y`."""
        operator, right = node.a, self.rvalue(node.c)
        bound = self.operation(node, operator[:-1], Value(type_, current), right)
        if bound is None:
            known = conversions.plain(type_) and conversions.plain(right.type)
            if not known or "Nullable" in (type_.name, right.type.name):
                raise self.not_modelled(node.pos, f"the operator '{operator}' of '{type_}' and '{right.type}'")
            raise self.error(
                node.pos, f"operator '{operator}' cannot be applied to '{type_}' and '{right.type}'", "CS0019"
            )
        result, constant = bound[0], right.constant
        narrowed = self.cast(node, Value(result, bound[1]), type_)
        shift = operator in {"<<=", ">>="}
        fits = conversions.implicit(right.run, right.type, type_, constant) is not None
        widened = conversions.implicit(bound[1], result, type_) is not None
        if narrowed is None or not (widened or shift or fits):
            code = (
                "CS0029"
                if narrowed is None
                else "CS0031"
                if isinstance(constant, int) and right.type == INT and type_ != CHAR
                else "CS0266"
            )
            raise self.error(node.pos, f"cannot convert '{result}' to '{type_}'", code)
        return narrowed

    def assign_place(self, node: Node) -> Value:
        place = self.place(node.b, writing=True)
        key, get, put = place.key, place.get, place.put
        if node.a == "=":
            value = self.convert(self.rvalue(node.c, place.type), place.type, node.pos)
            return Value(place.type, Code("{put}({0}, {1})", key, value, put=put))
        slot = self.hidden()
        run = self.compound(node, place.type, Code("{get}({0})", Variable(slot), get=get))
        return Value(place.type, Code("{put}({0}, {1})", Assignment(slot, key), run, put=put))

    def place(self, target: Node, *, writing: bool = False) -> "Place":
        """What stands left of an assignment, when it is an element or a property."""
        if target.kind == "member":
            return self.property_place(target)
        owner = self.rvalue(target.a)
        model = self.model(owner.type)
        if model is None or model.indexer is None or model.set_indexer is None or len(target.b) != 1:
            raise self.not_modelled(target.pos, f"assignment to an element of {owner.type}")
        indexer, setter = model.indexer, model.set_indexer
        given = self.rvalue(target.b[0].a)
        if model.second_indexer is not None and given.type == model.second_indexer.params[0]:
            if model.set_second is None:
                raise self.not_modelled(target.pos, f"assignment to an element of {owner.type}")
            indexer, setter = model.second_indexer, model.set_second
        key_type = self.substituted(indexer.params[0], owner.type)
        type_ = self.substituted(indexer.returns, owner.type)
        index, get = self.convert(given, key_type, target.pos), indexer.run

        def put_element(at: Any, value: Any) -> Any:
            setter(_existing(at[0]), at[1], value)
            return value

        key = Code("({0}, {1})", owner.run, index)
        return Place(type_, key, lambda at: get(_existing(at[0]), at[1]), put_element)

    def property_place(self, target: Node) -> "Place":
        owner = self.rvalue(target.a)
        model = self.model(owner.type)
        found = model.properties.get(target.b) if model is not None else None
        if found is None or found.put is None:
            raise self.not_modelled(target.pos, f"assignment to {owner.type}.{target.b}")
        self.used(owner.type, target.b)
        type_, get, change = self.substituted(found.type, owner.type), found.get, found.put

        def put_property(at: Any, value: Any) -> Any:
            change(_existing(at), value)
            return value

        return Place(type_, owner.run, lambda at: get(_existing(at)), put_property)

    def _e_un(self, node: Node) -> Value:
        return self.increment(node, prefix=True) if node.a in {"++", "--"} else super()._e_un(node)

    def _e_post(self, node: Node) -> Value:
        return self.increment(node, prefix=False)

    def increment(self, node: Node, *, prefix: bool) -> Value:
        target = node.b
        found = self.variable(target.a) if target.kind == "name" else None
        step = 1 if node.a == "++" else -1
        fitting, before = operators.in_range if self.checks else conversions.wrapped, Temporary()
        if found is None and target.kind in {"index", "member"}:
            place = self.place(target)
            if place.type not in INTEGRAL:
                raise self.not_modelled(node.pos, f"'{node.a}' on '{place.type}'")
            at = Temporary()
            get = Code("{before} := {get}({at} := {0})", place.key, before=before, get=place.get, at=at)
            after = fitting(Code(f"{{0}} + {step}", get), place.type)
            # The place is known once the value that it had is.
            stepped = Code("({after} := {0}, {put}({at}, {after}))[1]", after, put=place.put, at=at)
            return Value(place.type, stepped if prefix else Code("({0}, {before})[1]", stepped, before=before))
        if found is None or underlying(found[0]) not in boxing.NUMERIC:
            raise self.not_modelled(node.pos, f"'{node.a}' on anything but a number")
        type_, slot = found
        if type_ not in INTEGRAL:
            # As `+= 1`, which other numbers and nullable ones have.
            one = Node("int", node.pos, "1")
            changed = self._e_assign(Node("assign", node.pos, f"{node.a[0]}=", target, one))
            return changed if prefix else Value(type_, Code("({0}, {1})[0]", Variable(slot), changed.run))
        self.read(node.pos, target.a, slot)
        self.assigned(node.pos, slot)
        if prefix:
            return Value(type_, Assignment(slot, fitting(Code(f"{{0}} + {step}", Variable(slot)), type_)))
        after = fitting(Code(f"({{before}} := env[{slot}]) + {step}", before=before), type_)
        return Value(type_, Code("({0}, {before})[1]", Assignment(slot, after), before=before))


def _existing(owner: Any) -> Any:
    """What holds a place. C# looks only when it reads or writes there: what is assigned is evaluated before."""
    if owner is None:
        raise null_reference()
    return owner


@dataclass
class Place:
    """Something that can be read and written, once it is known where."""

    type: Type
    key: Code
    get: Callable[[Any], Any]
    put: Callable[[Any, Any], Any]
    """Returns the value."""
