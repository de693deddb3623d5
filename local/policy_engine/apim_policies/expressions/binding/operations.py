"""Binding of names and operators."""

from typing import Any, Never

from apim_policies.expressions.binding import conversions, operators
from apim_policies.expressions.binding.literals import Literals
from apim_policies.expressions.binding.receivers import existing
from apim_policies.expressions.binding.scope import CONTEXT, FIRST_LOCAL, NAMESPACES, TypeName, Value
from apim_policies.expressions.code import Code, Constant, Variable
from apim_policies.expressions.dotnet import ALLOWED, REFUSED
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    BOOL,
    DECIMAL,
    DOUBLE,
    EXCEPTION,
    INT,
    INTEGRAL,
    LONG,
    NULL,
    OBJECT,
    THROW,
    Type,
    is_reference,
)
from apim_policies.expressions.values.failures import CSharpException


class Operations(Literals):
    """Operators are chosen by the types of their operands; constants are calculated."""

    def _e_paren(self, node: Node, expected: Type | None = None) -> Value | TypeName:
        return self.expr(node.a, expected)

    def _e_name(self, node: Node) -> Value | TypeName:
        found = self.variable(node.a)
        if found is not None:
            type_, slot = found
            self.read(node.pos, node.a, slot)
            if slot in self.constants:
                fixed = self.constants[slot]
                return Value(type_, Constant(fixed), fixed)
            return Value(type_, Variable(slot))
        if node.a == "context":
            context = Code(f"env[{CONTEXT}]")
            context.exists = True
            return Value(Type("IProxyRequestContext"), context)
        args = tuple(self.type(argument) for argument in node.b) if node.b else ()
        type_ = self.named_type(node.a, args)
        if type_ is not None:
            return TypeName(type_)
        if node.a in NAMESPACES:
            return TypeName(Type(f"namespace {node.a}"))
        if node.a in REFUSED | ALLOWED:
            raise self.unknown_type(node.pos, node.a)
        if node.a[:1].isupper() and not any(node.a in names for names in self.later):
            # A type of .NET that is not on the list, or nothing at all: an error, one way or the other.
            raise self.unknown_type(node.pos, node.a)
        if any(node.a in names for names in self.later):
            raise self.error(node.pos, f"the variable '{node.a}' is used before it is declared", "CS0841")
        raise self.error(node.pos, f"the name '{node.a}' does not exist in the current context", "CS0103")

    def _e_predefined(self, node: Node) -> TypeName:
        return TypeName(self.type(node.a))

    def _e_tern(self, node: Node, expected: Type | None = None) -> Value:
        condition, when_true, when_false = self.branching(node.a)
        self.unassigned = when_true
        left = self.value_or_throw(node.b, expected)
        after_left, self.unassigned = self.unassigned, when_false
        right = self.value_or_throw(node.c, expected)
        self.unassigned |= after_left
        type_ = conversions.common(left, right)
        if type_ is None:
            raise self.error(node.pos, f"no common type of '{left.type}' and '{right.type}'", "CS0173")
        yes, no = self.convert(left, type_, node.pos), self.convert(right, type_, node.pos)
        chosen = bare(node.a)
        alike = type_ in INTEGRAL or (left.type == right.type and type_ in (DECIMAL, DOUBLE))
        if chosen.kind == "bool" and left.constant is not None and right.constant is not None and alike:
            taken = left if chosen.a else right
            return Value(type_, taken.run, taken.constant)
        return Value(type_, Code("{0} if {1} else {2}", yes, condition, no))

    def value_or_throw(self, node: Node, expected: Type | None = None) -> Value:
        """`throw` stands for a value where another one gives the type."""
        if node.kind != "throwexpr":
            return self.rvalue(node, expected)
        error = self.thrown(node)
        self.unassigned = frozenset()
        return Value(THROW, Code("{throw}({0})", error, throw=_throw))

    def thrown(self, node: Node) -> Code:
        """What a throw statement or expression throws."""
        value = self.rvalue(node.a)
        if value.type not in (EXCEPTION, NULL):
            raise self.error(node.pos, "only an Exception can be thrown", "CS0155")
        return existing(value.run)

    def _e_throwexpr(self, node: Node) -> Value:
        raise self.not_modelled(node.pos, "a throw expression here")

    def _e_bin(self, node: Node) -> Value:
        if node.a in {"&&", "||"}:
            run, when_true, when_false = self.branching(node)
            self.unassigned = when_true | when_false
            return Value(BOOL, run)
        left = self.rvalue(node.b)
        before = self.unassigned
        right = self.value_or_throw(node.c) if node.a == "??" else self.rvalue(node.c)
        if node.a == "??":
            self.unassigned = before
        bound = self.operation(node, node.a, left, right)
        if bound is None:
            message = f"operator '{node.a}' cannot be applied to operands of type '{left.type}' and '{right.type}'"
            references = is_reference(left.type) and is_reference(right.type)
            known = conversions.plain(left.type) and conversions.plain(right.type)
            if not known or (references and node.a in {"==", "!="}) or "Nullable" in (left.type.name, right.type.name):
                raise self.not_modelled(node.pos, f"the operator '{node.a}' of '{left.type}' and '{right.type}'")
            raise self.error(node.pos, message, "CS0019")
        type_, run = bound
        constant = None
        whole = type_ in INTEGRAL or type_ == DECIMAL
        if node.a in {"/", "%"} and whole and right.constant == 0 and left.constant is not None:
            raise self.error(node.pos, "division by constant zero", "CS0020")
        if left.constant is not None and right.constant is not None and type_ == DECIMAL:
            constant = self.decimal_constant(node, run)
        elif left.constant is not None and right.constant is not None and type_ != OBJECT:
            constant = run([None] * FIRST_LOCAL)
            exact = operators.exact(node.a, left.constant, right.constant) if type_ in INTEGRAL else None
            if exact is not None and exact != constant:
                raise self.error(node.pos, "the operation overflows at compile time in checked mode", "CS0220")
        return Value(type_, run, constant)

    def operation(self, node: Node, operator: str, left: Value, right: Value) -> tuple[Type, Code] | None:
        """A binary operation, which throws where it overflows in checked."""
        bound = operators.binary(operator, left.type, left.run, left.constant, right.type, right.run, right.constant)
        if bound is None or not self.checks or operator not in operators.OVERFLOWING:
            return bound
        if bound[0].name == "Nullable":
            raise self.not_modelled(node.pos, f"checked '{operator}' of '{bound[0]}'")
        if bound[0] not in INTEGRAL:
            return bound
        return bound[0], operators.checked(operator, left.run, right.run, bound[0])

    def decimal_constant(self, node: Node, run: Code) -> Any:
        try:
            return run([None] * FIRST_LOCAL)
        except CSharpException as error:
            raise self.not_modelled(node.pos, f"a constant with {error.type}") from None

    def _e_un(self, node: Node) -> Value:
        value = self.lowest(node.b) if node.a == "-" else None
        if value is not None:
            return value
        value = self.rvalue(node.b)
        bound = operators.unary(node.a, value.type, value.run)
        if bound is None and not conversions.plain(value.type):
            raise self.not_modelled(node.pos, f"the operator '{node.a}' of '{value.type}'")
        if bound is None:
            raise self.error(node.pos, f"operator '{node.a}' cannot be applied to '{value.type}'", "CS0023")
        type_, run = bound
        if self.checks and node.a == "-" and type_ in INTEGRAL and value.constant is None:
            run = operators.checked("-", Constant(0), value.run, type_)
        elif self.checks and node.a == "-" and type_.name == "Nullable":
            raise self.not_modelled(node.pos, f"checked '-' of '{type_}'")
        constant = run([None] * FIRST_LOCAL) if value.constant is not None else None
        if node.a == "-" and type_ in INTEGRAL and isinstance(value.constant, int) and constant != -value.constant:
            raise self.error(node.pos, "the operation overflows at compile time in checked mode", "CS0220")
        return Value(type_, run, constant)

    def lowest(self, node: Node) -> Value | None:
        """`-2147483648` and `-9223372036854775808` are an int and a long, though the number alone is neither."""
        if node.kind != "int":
            return None
        text = str(node.a).replace("_", "").lower()
        for type_, suffixes in ((INT, ("",)), (LONG, ("", "l"))):
            low = INTEGRAL[type_][0]
            if any(text == f"{-low}{suffix}" for suffix in suffixes):
                return Value(type_, Constant(low), low)
        return None


def _throw(error: CSharpException) -> Never:
    raise error


def bare(node: Node) -> Node:
    while node.kind == "paren":
        node = node.a
    return node
