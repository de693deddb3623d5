"""Binding of names, literals, operators, conversions and assignments."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from secure_mcp_local.expressions import conversions, decimals, operators
from secure_mcp_local.expressions.converting import default
from secure_mcp_local.expressions.dotnet import ALLOWED, REFUSED
from secure_mcp_local.expressions.failing import null_reference
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.formats import aligned, formatted
from secure_mcp_local.expressions.numbers import single
from secure_mcp_local.expressions.scope import CONTEXT, FIRST_LOCAL, NAMESPACES, Run, Scope, TypeName, Value
from secure_mcp_local.expressions.syntax import Node
from secure_mcp_local.expressions.types import (
    BOOL,
    CHAR,
    DECIMAL,
    DOUBLE,
    ENUMERATIONS,
    FLOAT,
    INT,
    INTEGRAL,
    LONG,
    NULL,
    OBJECT,
    STRING,
    UINT,
    ULONG,
    Type,
    holds_null,
    is_reference,
    underlying,
)


class Operands(Scope):
    """Everything but calls."""

    def _e_paren(self, node: Node, expected: Type | None = None) -> Value | TypeName:
        return self.expr(node.a, expected)

    def _e_name(self, node: Node) -> Value | TypeName:
        found = self.variable(node.a)
        if found is not None:
            type_, slot = found
            self.read(node.pos, node.a, slot)
            if slot in self.constants:
                constant = self.constants[slot]
                return Value(type_, lambda env: constant, constant)
            return Value(type_, lambda env: env[slot])
        if node.a == "context":
            return Value(Type("IProxyRequestContext"), lambda env: env[CONTEXT])
        args = tuple(self.type(argument) for argument in node.b) if node.b else ()
        type_ = self.named_type(node.a, args)
        if type_ is not None:
            return TypeName(type_)
        if node.a in NAMESPACES:
            return TypeName(Type(f"namespace {node.a}"))
        if node.a in REFUSED | ALLOWED:
            raise self.unknown_type(node.pos, node.a)
        if node.a[:1].isupper():
            # A type of .NET, perhaps.
            raise self.not_modelled(node.pos, f"the name {node.a}")
        raise self.error(node.pos, f"the name '{node.a}' does not exist in the current context", "CS0103")

    def _e_predefined(self, node: Node) -> TypeName:
        return TypeName(self.type(node.a))

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
        return Value(type_, lambda env: number, number)

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
        return Value(DOUBLE, lambda env: number, number)

    def _e_bool(self, node: Node) -> Value:
        constant = bool(node.a)
        return Value(BOOL, lambda env: constant, constant)

    def _e_null(self, node: Node) -> Value:
        return Value(NULL, lambda env: None)

    def _e_string(self, node: Node) -> Value:
        constant = str(node.a)
        return Value(STRING, lambda env: constant, constant)

    def _e_char(self, node: Node) -> Value:
        constant = int(node.a)
        return Value(CHAR, lambda env: constant, constant)

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

    def _e_tern(self, node: Node, expected: Type | None = None) -> Value:
        condition, when_true, when_false = self.branching(node.a)
        self.unassigned = when_true
        left = self.rvalue(node.b, expected)
        after_left, self.unassigned = self.unassigned, when_false
        right = self.rvalue(node.c, expected)
        self.unassigned |= after_left
        type_ = conversions.common(left, right)
        if type_ is None:
            raise self.error(node.pos, f"no common type of '{left.type}' and '{right.type}'", "CS0173")
        yes, no = self.convert(left, type_, node.pos), self.convert(right, type_, node.pos)
        chosen = _bare(node.a)
        if chosen.kind == "bool" and left.constant is not None and right.constant is not None and type_ in INTEGRAL:
            taken = left if chosen.a else right
            return Value(type_, lambda env: yes(env) if condition(env) else no(env), taken.constant)
        return Value(type_, lambda env: yes(env) if condition(env) else no(env))

    def _e_bin(self, node: Node) -> Value:
        if node.a in {"&&", "||"}:
            run, when_true, when_false = self.branching(node)
            self.unassigned = when_true | when_false
            return Value(BOOL, run)
        left = self.rvalue(node.b)
        before = self.unassigned
        right = self.rvalue(node.c)
        if node.a == "??":
            self.unassigned = before
        bound = operators.binary(node.a, left.type, left.run, left.constant, right.type, right.run, right.constant)
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

    def decimal_constant(self, node: Node, run: Run) -> Any:
        try:
            return run([None] * FIRST_LOCAL)
        except CSharpException as error:
            raise self.not_modelled(node.pos, f"a constant with {error.type}") from None

    def _e_un(self, node: Node) -> Value:
        if node.a in {"++", "--"}:
            return self.increment(node, prefix=True)
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
                return Value(type_, lambda env, low=low: low, low)
        return None

    def _e_post(self, node: Node) -> Value:
        return self.increment(node, prefix=False)

    def increment(self, node: Node, *, prefix: bool) -> Value:
        target = node.b
        found = self.variable(target.a) if target.kind == "name" else None
        step = 1 if node.a == "++" else -1
        if found is None and target.kind in {"index", "member"}:
            place = self.place(target)
            if place.type not in INTEGRAL:
                raise self.not_modelled(node.pos, f"'{node.a}' on '{place.type}'")

            def stepped(env: list[Any]) -> int:
                key = place.key(env)
                before = place.get(env, key)
                after = operators.wrap(before + step, place.type)
                place.put(env, key, after)
                return after if prefix else before

            return Value(place.type, stepped)
        if found is None or found[0] not in INTEGRAL:
            raise self.not_modelled(node.pos, f"'{node.a}' on anything but an integer variable")
        type_, slot = found
        self.read(node.pos, target.a, slot)
        self.assigned(node.pos, slot)

        def run(env: list[Any]) -> int:
            before = env[slot]
            env[slot] = operators.wrap(before + step, type_)
            return env[slot] if prefix else before

        return Value(type_, run)

    def _e_cast(self, node: Node) -> Value:
        wanted = self.type(node.a)
        if wanted.name in {"Func", "Action"} and _bare(node.b).kind == "lambda":
            return self.rvalue(_bare(node.b), wanted)
        value = self.rvalue(node.b)
        run = conversions.explicit(value.run, value.type, wanted, value.constant)
        if run is None:
            if not (conversions.plain(value.type) and conversions.plain(wanted)):
                raise self.not_modelled(node.pos, f"a cast of '{value.type}' to '{wanted}'")
            raise self.error(node.pos, f"cannot convert type '{value.type}' to '{wanted}'", "CS0030")
        constant = None
        if value.constant is not None and value.type in conversions.NUMERIC and wanted in conversions.NUMERIC:
            constant = self.cast_constant(node, value, wanted, run)
        return Value(wanted, run, constant)

    def cast_constant(self, node: Node, value: Value, wanted: Type, run: Run) -> Any:
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
        before, self.wraps = self.wraps, True
        value = self.rvalue(node.a)
        self.wraps = before
        return value

    def _e_default(self, node: Node) -> Value:
        type_ = self.type(node.a)
        empty = default(type_)
        enumeration = type_.name in ENUMERATIONS
        if enumeration or type_.name in {"KeyValuePair", "JEnumerable"}:
            raise self.not_modelled(node.pos, f"default({type_})")
        constant = empty if type_ in INTEGRAL or type_ == BOOL else None
        return Value(type_, lambda env: empty, constant)

    def _e_astype(self, node: Node) -> Value:
        value, wanted = self.rvalue(node.a), self.type(node.b)
        if not holds_null(wanted):
            raise self.error(node.pos, f"'as' needs a reference type, not '{wanted}'", "CS0077")
        matches = conversions.tester(wanted)
        if matches is None or underlying(wanted).name in ENUMERATIONS:
            raise self.not_modelled(node.pos, f"'as {wanted}'")
        if conversions.explicit(value.run, value.type, wanted, None) is None or (
            not conversions.derives(value.type, wanted)
            and value.type != OBJECT
            and not conversions.derives(wanted, value.type)
        ):
            raise self.not_modelled(node.pos, f"'{value.type} as {wanted}'")
        inner = conversions.to_object(value.run, value.type)

        def run(env: list[Any]) -> Any:
            found = inner(env)
            return found if matches(found) else None

        return Value(wanted, run)

    def _e_istype(self, node: Node) -> Value:
        run = self.type_test(node)
        return Value(BOOL, run)

    def type_test(self, node: Node) -> Run:
        value, wanted = self.rvalue(node.a), self.type(node.b)
        matches = conversions.tester(wanted)
        if matches is None:
            raise self.not_modelled(node.pos, f"'is {wanted}'")
        inner = conversions.to_object(value.run, value.type)
        return lambda env: matches(inner(env))

    def _e_isdecl(self, node: Node) -> Value:
        """`x is T name`: the name has a value where it holds."""
        run, when_true, when_false = self.branching(node)
        self.unassigned = when_true | when_false
        return Value(BOOL, run)

    def declared_test(self, node: Node) -> tuple[Run, int]:
        value = self.rvalue(node.a)
        if node.b.kind == "tvar":
            raise self.not_modelled(node.pos, "'is var'")
        wanted = self.type(node.b)
        matches = conversions.tester(wanted)
        if matches is None or wanted.name in ENUMERATIONS or wanted.name == "Nullable":
            raise self.not_modelled(node.pos, f"'is {wanted}'")
        inner = conversions.to_object(value.run, value.type)
        slot = self.declare(node.pos, node.c, wanted)

        def run(env: list[Any]) -> bool:
            found = inner(env)
            if not matches(found):
                return False
            env[slot] = found
            return True

        return run, slot

    def _e_isconst(self, node: Node) -> Value:
        if node.b.kind in {"name", "member"} and (node.b.kind == "member" or self.variable(node.b.a) is None):
            # `x is Name` reads the same for a type and for a constant.
            if node.b.kind == "member":
                raise self.not_modelled(node.pos, "'is' with a member")
            return self._e_istype(Node("istype", node.pos, node.a, Node("tname", node.b.pos, node.b.a, node.b.b or [])))
        if node.b.kind == "null":
            inner = self.rvalue(node.a).run
            return Value(BOOL, lambda env: inner(env) is None)
        value, wanted = self.rvalue(node.a), self.rvalue(node.b)
        if wanted.constant is None or value.type not in (wanted.type, OBJECT):
            raise self.not_modelled(node.pos, "'is' with this constant")
        subject = conversions.to_object(value.run, value.type)
        constant = conversions.boxed(wanted.constant, wanted.type)
        return Value(BOOL, lambda env: (found := subject(env)).__class__ is constant.__class__ and found == constant)

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
            run = self.compound(node, type_, lambda env: env[slot])

        self.assigned(node.pos, slot)

        def assign(env: list[Any]) -> Any:
            env[slot] = value = run(env)
            return value

        return Value(type_, assign)

    def compound(self, node: Node, type_: Type, current: Run) -> Run:
        """The new value of `x += y`."""
        operator, right = node.a, self.rvalue(node.c)
        bound = operators.binary(operator[:-1], type_, current, None, right.type, right.run, right.constant)
        if bound is None:
            if not (conversions.plain(type_) and conversions.plain(right.type)):
                raise self.not_modelled(node.pos, f"the operator '{operator}' of '{type_}' and '{right.type}'")
            raise self.error(
                node.pos, f"operator '{operator}' cannot be applied to '{type_}' and '{right.type}'", "CS0019"
            )
        result, constant = bound[0], right.constant
        narrowed = conversions.explicit(bound[1], result, type_, None)
        shift = operator in {"<<=", ">>="}
        fits = conversions.implicit(right.run, right.type, type_, constant) is not None
        widened = conversions.implicit(bound[1], result, type_) is not None
        if narrowed is None or not (widened or shift or fits):
            code = (
                "CS0029"
                if narrowed is None
                else "CS0031"
                if isinstance(constant, int) and right.type == INT
                else "CS0266"
            )
            raise self.error(node.pos, f"cannot convert '{result}' to '{type_}'", code)
        return narrowed

    def assign_place(self, node: Node) -> Value:
        place = self.place(node.b, writing=True)
        key, get, put = place.key, place.get, place.put
        if node.a == "=":
            value = self.convert(self.rvalue(node.c, place.type), place.type, node.pos)

            def assign(env: list[Any]) -> Any:
                at = key(env)
                content = value(env)
                put(env, at, content)
                return content

            return Value(place.type, assign)
        at_place: list[Any] = [None]
        run = self.compound(node, place.type, lambda env: get(env, at_place[0]))

        def change(env: list[Any]) -> Any:
            at = key(env)
            at_place[0] = at
            content = run(env)
            put(env, at, content)
            return content

        return Value(place.type, change)

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
        index, receiver, get = self.convert(given, key_type, target.pos), owner.run, indexer.run

        def key(env: list[Any]) -> Any:
            found = receiver(env)
            at = index(env)
            if found is None:
                raise null_reference()
            return found, at

        return Place(type_, key, lambda env, at: get(*at), lambda env, at, value: setter(at[0], at[1], value))

    def property_place(self, target: Node) -> "Place":
        owner = self.rvalue(target.a)
        model = self.model(owner.type)
        found = model.properties.get(target.b) if model is not None else None
        if found is None or found.put is None:
            raise self.not_modelled(target.pos, f"assignment to {owner.type}.{target.b}")
        self.used(owner.type, target.b)
        type_, receiver, get, put = self.substituted(found.type, owner.type), owner.run, found.get, found.put

        def key(env: list[Any]) -> Any:
            value = receiver(env)
            if value is None:
                raise null_reference()
            return value

        return Place(type_, key, lambda env, at: get(at), lambda env, at, value: put(at, value))


@dataclass
class Place:
    """Something that can be read and written, once it is known where."""

    type: Type
    key: Run
    get: Callable[[list[Any], Any], Any]
    put: Callable[[list[Any], Any, Any], None]


def _bare(node: Node) -> Node:
    while node.kind == "paren":
        node = node.a
    return node
