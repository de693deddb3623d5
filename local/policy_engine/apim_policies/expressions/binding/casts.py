"""Binding of casts and of tests of types."""

from decimal import Decimal
from typing import Any

from apim_policies.expressions.binding import conversions, operators
from apim_policies.expressions.binding.operations import Operations, bare
from apim_policies.expressions.binding.scope import FIRST_LOCAL, Value
from apim_policies.expressions.code import Assignment, Code, Constant, Temporary
from apim_policies.expressions.objects import boxing
from apim_policies.expressions.objects.converting import default
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    BOOL,
    DECIMAL,
    DOUBLE,
    ENUMERATIONS,
    INT,
    INTEGRAL,
    OBJECT,
    Type,
    derives,
    holds_null,
    underlying,
)
from apim_policies.expressions.values.numbers import BOXES, unboxed

_SIZES = {"bool": 1, "byte": 1, "sbyte": 1, "char": 2, "short": 2, "ushort": 2, "int": 4, "uint": 4, "float": 4,
          "long": 8, "ulong": 8, "double": 8, "decimal": 16}  # fmt: skip


class Casts(Operations):
    """Where an expression names the type that it wants."""

    def _e_cast(self, node: Node) -> Value:
        wanted = self.type(node.a)
        if wanted.name in {"Func", "Action"} and bare(node.b).kind == "lambda":
            return self.rvalue(bare(node.b), wanted)
        value = self.rvalue(node.b)
        run = self.cast(node, value, wanted)
        if run is None:
            if not (conversions.plain(value.type) and conversions.plain(wanted)):
                raise self.not_modelled(node.pos, f"a cast of '{value.type}' to '{wanted}'")
            raise self.error(node.pos, f"cannot convert type '{value.type}' to '{wanted}'", "CS0030")
        constant = None
        if value.constant is not None and value.type in boxing.NUMERIC and wanted in boxing.NUMERIC:
            constant = self.cast_constant(node, value, wanted, run)
        return Value(wanted, run, constant)

    def cast(self, node: Node, value: Value, wanted: Type) -> Code | None:
        """A cast, which throws where a whole number is lost in checked."""
        run = conversions.explicit(value.run, value.type, wanted, value.constant)
        if not self.checks or value.constant is not None or underlying(wanted) not in INTEGRAL:
            return run
        if value.type in INTEGRAL and wanted in INTEGRAL:
            return operators.in_range(value.run, wanted)
        if underlying(value.type) in boxing.NUMERIC and value.type != wanted:
            raise self.not_modelled(node.pos, f"a checked cast of '{value.type}' to '{wanted}'")
        return run

    def cast_constant(self, node: Node, value: Value, wanted: Type, run: Code) -> Any:
        """A constant cast to another number must keep its value, but in unchecked()."""
        if wanted == DECIMAL and isinstance(value.constant, float) and not abs(value.constant) < 7.9e28:
            raise self.not_modelled(node.pos, f"a cast of {value.constant} to '{wanted}'")
        if wanted not in INTEGRAL:
            return run([None] * FIRST_LOCAL) if wanted in (DOUBLE, DECIMAL) else None
        low, high = INTEGRAL[wanted]
        if isinstance(value.constant, Decimal) and not low <= int(value.constant) <= high:
            raise self.not_modelled(node.pos, f"a cast of {value.constant} to '{wanted}'")
        if isinstance(value.constant, float) and not INTEGRAL[wanted][0] - 1 < value.constant < INTEGRAL[wanted][1] + 1:
            raise self.error(node.pos, f"constant value '{value.constant}' cannot be converted to '{wanted}'", "CS0221")
        constant = run([None] * FIRST_LOCAL)
        if not self.wraps and constant != int(value.constant):
            raise self.error(node.pos, f"constant value '{value.constant}' cannot be converted to '{wanted}'", "CS0221")
        return constant

    def _e_unchecked(self, node: Node) -> Value:
        wraps, checks = self.wraps, self.checks
        self.wraps, self.checks = True, False
        value = self.rvalue(node.a)
        self.wraps, self.checks = wraps, checks
        return value

    def _e_checked(self, node: Node) -> Value:
        wraps, checks = self.wraps, self.checks
        self.wraps, self.checks = False, True
        value = self.rvalue(node.a)
        self.wraps, self.checks = wraps, checks
        return value

    def _e_sizeof(self, node: Node) -> Value:
        type_ = self.type(node.a)
        size = _SIZES.get(type_.name)
        if size is None:
            raise self.not_modelled(node.pos, f"sizeof({type_})")
        return Value(INT, Constant(size), size)

    def _e_default(self, node: Node) -> Value:
        type_ = self.type(node.a)
        empty = default(type_)
        enumeration = type_.name in ENUMERATIONS
        if enumeration or type_.name in {"KeyValuePair", "JEnumerable"}:
            raise self.not_modelled(node.pos, f"default({type_})")
        constant = empty if type_ in INTEGRAL or type_ == BOOL else None
        return Value(type_, Constant(empty), constant)

    def _e_astype(self, node: Node) -> Value:
        value, wanted = self.rvalue(node.a), self.type(node.b)
        if not holds_null(wanted):
            raise self.error(node.pos, f"'as' needs a reference type, not '{wanted}'", "CS0077")
        matches = boxing.tester(wanted)
        if matches is None or underlying(wanted).name in ENUMERATIONS:
            raise self.not_modelled(node.pos, f"'as {wanted}'")
        if conversions.explicit(value.run, value.type, wanted, None) is None or (
            not derives(value.type, wanted) and value.type != OBJECT and not derives(wanted, value.type)
        ):
            raise self.not_modelled(node.pos, f"'{value.type} as {wanted}'")
        inner = conversions.to_object(value.run, value.type)
        number = underlying(wanted) in BOXES
        found = "{unboxed}({o})" if number else "{o}"
        return Value(
            wanted, Code(f"{found} if {{matches}}({{o}} := {{0}}) else None", inner, matches=matches, unboxed=unboxed)
        )

    def _e_istype(self, node: Node) -> Value:
        run = self.type_test(node)
        return Value(BOOL, run)

    def type_test(self, node: Node) -> Code:
        value, wanted = self.rvalue(node.a), self.type(node.b)
        matches = boxing.tester(wanted)
        if matches is None:
            raise self.not_modelled(node.pos, f"'is {wanted}'")
        inner = conversions.to_object(value.run, value.type)
        return Code("{matches}({0})", inner, matches=matches)

    def _e_isdecl(self, node: Node) -> Value:
        """`x is T name`: the name has a value where it holds."""
        run, when_true, when_false = self.branching(node)
        self.unassigned = when_true | when_false
        return Value(BOOL, run)

    def declared_test(self, node: Node) -> tuple[Code, int]:
        value = self.rvalue(node.a)
        if node.b.kind == "tvar":
            raise self.not_modelled(node.pos, "'is var'")
        wanted = self.type(node.b)
        matches = boxing.tester(wanted)
        if matches is None or wanted.name in ENUMERATIONS or wanted.name == "Nullable":
            raise self.not_modelled(node.pos, f"'is {wanted}'")
        inner = conversions.to_object(value.run, value.type)
        slot = self.declare(node.pos, node.c, wanted)

        given = Temporary()
        held = Assignment(slot, Code("{unboxed}({given})", unboxed=unboxed, given=given) if wanted in BOXES else given)
        return Code("{matches}({given} := {0}) and ({1}, True)[1]", inner, held, matches=matches, given=given), slot

    def _e_isconst(self, node: Node) -> Value:
        if node.b.kind in {"name", "member"} and (node.b.kind == "member" or self.variable(node.b.a) is None):
            # `x is Name` reads the same for a type and for a constant.
            if node.b.kind == "member":
                raise self.not_modelled(node.pos, "'is' with a member")
            return self._e_istype(Node("istype", node.pos, node.a, Node("tname", node.b.pos, node.b.a, node.b.b or [])))
        if node.b.kind == "null":
            inner = self.rvalue(node.a).run
            return Value(BOOL, Code("({o} := {0}) is None", inner))
        value, wanted = self.rvalue(node.a), self.rvalue(node.b)
        if wanted.constant is None or value.type not in (wanted.type, OBJECT):
            raise self.not_modelled(node.pos, "'is' with this constant")
        subject = conversions.to_object(value.run, value.type)
        constant = boxing.boxed(wanted.constant, wanted.type)
        same = "({o} := {0}).__class__ is {class_} and {o} == {constant}"
        return Value(BOOL, Code(same, subject, class_=constant.__class__, constant=constant))
