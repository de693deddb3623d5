"""Binding of literals and interpolated strings."""

import re
from decimal import Decimal

from apim_policies.expressions.binding import conversions
from apim_policies.expressions.binding.scope import Scope, Value
from apim_policies.expressions.code import Code, Constant, places
from apim_policies.expressions.objects.formats import aligned, formatted
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import (
    BOOL,
    CHAR,
    DECIMAL,
    DOUBLE,
    FLOAT,
    INT,
    INTEGRAL,
    LONG,
    NULL,
    STRING,
    UINT,
    ULONG,
)
from apim_policies.expressions.values import decimals
from apim_policies.expressions.values.numbers import single


class Literals(Scope):
    """Each literal has the type that C# gives it, and is a constant."""

    def _e_int(self, node: Node) -> Value:
        text = str(node.a).replace("_", "").lower()
        digits = text.rstrip("ul") if not text.startswith("0x") else re.sub("[ul]+$", "", text)
        suffix = text[len(digits) :]
        number = int(digits, 0) if digits.startswith(("0x", "0b")) else int(digits)
        # The first of these types that holds the number (C# specification, integer literals).
        order = {"": (INT, UINT, LONG, ULONG), "u": (UINT, ULONG), "l": (LONG, ULONG)}.get(suffix, (ULONG,))
        type_ = next((type for type in order if number <= INTEGRAL[type][1]), None)
        if type_ is None:
            raise self.error(node.pos, "integral constant is too large", "CS1021")
        return Value(type_, Constant(number), number)

    def _e_real(self, node: Node) -> Value:
        text = str(node.a).replace("_", "").lower()
        if text.endswith("m"):
            exact = decimals.fit(Decimal(text[:-1]))
            return Value(DECIMAL, Constant(exact), exact)
        if text.endswith("f"):
            near = single(float(text[:-1]))
            return Value(FLOAT, Constant(near))
        number = float(text.rstrip("d"))
        if number == float("inf"):
            raise self.error(node.pos, "floating-point constant is outside the range of type 'double'", "CS0594")
        return Value(DOUBLE, Constant(number), number, literal=True)

    def _e_nameof(self, node: Node) -> Value:
        """The name of something that must exist; a variable may have no value yet."""
        if node.b.kind != "name" or self.variable(node.b.a) is None:
            self.expr(node.b)
        constant = str(node.a)
        return Value(STRING, Constant(constant), constant)

    def _e_bool(self, node: Node) -> Value:
        constant = bool(node.a)
        return Value(BOOL, Constant(constant), constant)

    def _e_null(self, node: Node) -> Value:
        return Value(NULL, Constant(None))

    def _e_string(self, node: Node) -> Value:
        constant = str(node.a)
        return Value(STRING, Constant(constant), constant)

    def _e_char(self, node: Node) -> Value:
        constant = int(node.a)
        return Value(CHAR, Constant(constant), constant)

    def _e_interp(self, node: Node) -> Value:
        parts: list[Code] = []
        for part in node.a:
            if isinstance(part, str):
                parts.append(Constant(part))
                continue
            inner, alignment, form = part
            value = self.rvalue(inner)
            if alignment is None and form is None:
                parts.append(conversions.to_text(value.run, value.type))
                continue
            width = self.rvalue(alignment).constant if alignment is not None else 0
            if not isinstance(width, int) or abs(width) > 10_000:
                raise self.not_modelled(node.pos, "this alignment in an interpolated string")
            parts.append(self.formatted(value, width, form))
        return Value(STRING, Code(f"''.join([{places(len(parts))}])", *parts))

    def formatted(self, value: Value, width: int, form: str | None) -> Code:
        run = conversions.to_object(value.run, value.type)
        return Code(
            f"{{aligned}}({{formatted}}({{0}}, {{form}}), {width})",
            run,
            aligned=aligned,
            formatted=formatted,
            form=form,
        )
