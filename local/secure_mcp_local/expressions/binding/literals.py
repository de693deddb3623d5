"""Binding of literals and interpolated strings."""

import re
from decimal import Decimal

from secure_mcp_local.expressions import conversions, decimals
from secure_mcp_local.expressions.binding.scope import Run, Scope, Value
from secure_mcp_local.expressions.formats import aligned, formatted
from secure_mcp_local.expressions.numbers import single
from secure_mcp_local.expressions.operands import known
from secure_mcp_local.expressions.syntax.tree import Node
from secure_mcp_local.expressions.types import (
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
        return Value(type_, known(number), number)

    def _e_real(self, node: Node) -> Value:
        text = str(node.a).replace("_", "").lower()
        if text.endswith("m"):
            exact = decimals.fit(Decimal(text[:-1]))
            return Value(DECIMAL, lambda env: exact, exact)
        if text.endswith("f"):
            near = single(float(text[:-1]))
            return Value(FLOAT, lambda env: near)
        number = float(text.rstrip("d"))
        if number == float("inf"):
            raise self.error(node.pos, "floating-point constant is outside the range of type 'double'", "CS0594")
        return Value(DOUBLE, known(number), number, literal=True)

    def _e_nameof(self, node: Node) -> Value:
        """The name of something that must exist; a variable may have no value yet."""
        if node.b.kind != "name" or self.variable(node.b.a) is None:
            self.expr(node.b)
        constant = str(node.a)
        return Value(STRING, known(constant), constant)

    def _e_bool(self, node: Node) -> Value:
        constant = bool(node.a)
        return Value(BOOL, known(constant), constant)

    def _e_null(self, node: Node) -> Value:
        return Value(NULL, lambda env: None)

    def _e_string(self, node: Node) -> Value:
        constant = str(node.a)
        return Value(STRING, known(constant), constant)

    def _e_char(self, node: Node) -> Value:
        constant = int(node.a)
        return Value(CHAR, known(constant), constant)

    def _e_interp(self, node: Node) -> Value:
        parts: list[Run] = []
        for part in node.a:
            if isinstance(part, str):
                parts.append(lambda env, text=part: text)
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
        return Value(STRING, lambda env: "".join([part(env) for part in parts]))

    def formatted(self, value: Value, width: int, form: str | None) -> Run:
        run = conversions.to_object(value.run, value.type)
        return lambda env: aligned(formatted(run(env), form), width)
