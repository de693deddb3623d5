"""Binding of names, literals, operators, conversions and assignments."""

from typing import Any

from secure_mcp_local.expressions import conversions, operators
from secure_mcp_local.expressions.dotnet import ALLOWED, REFUSED
from secure_mcp_local.expressions.failing import null_reference
from secure_mcp_local.expressions.scope import CONTEXT, FIRST_LOCAL, NAMESPACES, Run, Scope, TypeName, Value
from secure_mcp_local.expressions.syntax import Node
from secure_mcp_local.expressions.types import (
    BOOL,
    CHAR,
    DOUBLE,
    INT,
    INTEGRAL,
    LONG,
    NULL,
    OBJECT,
    STRING,
    Type,
    is_reference,
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
        raise self.error(node.pos, f"the name '{node.a}' does not exist in the current context", "CS0103")

    def _e_predefined(self, node: Node) -> TypeName:
        return TypeName(self.type(node.a))

    def _e_int(self, node: Node) -> Value:
        text = str(node.a).replace("_", "").lower()
        digits = text.rstrip("ul")
        suffix = text[len(digits) :]
        number = int(digits, 0) if digits.startswith(("0x", "0b")) else int(digits)
        type_ = LONG if "l" in suffix or number > INTEGRAL[INT][1] else INT
        if "u" in suffix or number > INTEGRAL[LONG][1]:
            raise self.not_modelled(node.pos, f"the number {node.a}")
        return Value(type_, lambda env: number, number)

    def _e_real(self, node: Node) -> Value:
        text = str(node.a).lower()
        if text.endswith(("f", "m")):
            raise self.not_modelled(node.pos, f"the number {node.a}")
        number = float(text.rstrip("d"))
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
            if alignment is not None or form is not None:
                raise self.not_modelled(node.pos, "alignment or format in an interpolated string")
            value = self.rvalue(inner)
            parts.append(conversions.to_text(value.run, value.type))
        return Value(STRING, lambda env: "".join([part(env) for part in parts]))

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
            raise self.error(node.pos, message, "CS0019")
        type_, run = bound
        constant = None
        if node.a in {"/", "%"} and type_ in INTEGRAL and right.constant == 0:
            raise self.error(node.pos, "division by constant zero", "CS0020")
        if left.constant is not None and right.constant is not None and type_ != OBJECT:
            constant = run([None] * FIRST_LOCAL)
            exact = operators.exact(node.a, left.constant, right.constant) if type_ in INTEGRAL else None
            if exact is not None and exact != constant:
                raise self.error(node.pos, "the operation overflows at compile time in checked mode", "CS0220")
        return Value(type_, run, constant)

    def _e_un(self, node: Node) -> Value:
        if node.a in {"++", "--"}:
            return self.increment(node, prefix=True)
        value = self.rvalue(node.b)
        bound = operators.unary(node.a, value.type, value.run)
        if bound is None:
            raise self.error(node.pos, f"operator '{node.a}' cannot be applied to '{value.type}'", "CS0023")
        type_, run = bound
        constant = run([None] * FIRST_LOCAL) if value.constant is not None else None
        if node.a == "-" and type_ in INTEGRAL and isinstance(value.constant, int) and constant != -value.constant:
            raise self.error(node.pos, "the operation overflows at compile time in checked mode", "CS0220")
        return Value(type_, run, constant)

    def _e_post(self, node: Node) -> Value:
        return self.increment(node, prefix=False)

    def increment(self, node: Node, *, prefix: bool) -> Value:
        target = node.b
        found = self.variable(target.a) if target.kind == "name" else None
        if found is None or found[0] not in INTEGRAL:
            raise self.not_modelled(node.pos, f"'{node.a}' on anything but an integer variable")
        type_, slot = found
        self.read(node.pos, target.a, slot)
        self.assigned(node.pos, slot)
        step = 1 if node.a == "++" else -1

        def run(env: list[Any]) -> int:
            before = env[slot]
            env[slot] = operators.wrap(before + step, type_)
            return env[slot] if prefix else before

        return Value(type_, run)

    def _e_cast(self, node: Node) -> Value:
        wanted = self.type(node.a)
        value = self.rvalue(node.b)
        run = conversions.explicit(value.run, value.type, wanted, value.constant)
        if run is None:
            raise self.error(node.pos, f"cannot convert type '{value.type}' to '{wanted}'", "CS0030")
        constant = run([None] * FIRST_LOCAL) if value.constant is not None and wanted in INTEGRAL else None
        if isinstance(value.constant, float) and constant is not None and constant != int(value.constant):
            raise self.error(node.pos, f"constant value '{value.constant}' cannot be converted to '{wanted}'", "CS0221")
        if constant is not None and value.type in INTEGRAL and constant != value.constant:
            raise self.error(node.pos, f"constant value '{value.constant}' cannot be converted to '{wanted}'", "CS0221")
        return Value(wanted, run, constant)

    def _e_astype(self, node: Node) -> Value:
        value, wanted = self.rvalue(node.a), self.type(node.b)
        if not is_reference(wanted):
            raise self.error(node.pos, f"'as' needs a reference type, not '{wanted}'", "CS0077")
        matches = conversions.tester(wanted)
        if matches is None:
            raise self.not_modelled(node.pos, f"'as {wanted}'")
        inner = value.run

        def run(env: list[Any]) -> Any:
            found = inner(env)
            return found if matches(found) else None

        return Value(wanted, run)

    def _e_istype(self, node: Node) -> Value:
        value, wanted = self.rvalue(node.a), self.type(node.b)
        matches = conversions.tester(wanted)
        if matches is None:
            raise self.not_modelled(node.pos, f"'is {wanted}'")
        inner = conversions.to_object(value.run, value.type)
        return Value(BOOL, lambda env: matches(inner(env)))

    def _e_isconst(self, node: Node) -> Value:
        if node.b.kind == "name" and self.variable(node.b.a) is None:
            # `x is Name` reads the same for a type and for a constant.
            return self._e_istype(Node("istype", node.pos, node.a, Node("tname", node.b.pos, node.b.a, node.b.b or [])))
        if node.b.kind != "null":
            raise self.not_modelled(node.pos, "'is' with a constant other than null")
        inner = self.rvalue(node.a).run
        return Value(BOOL, lambda env: inner(env) is None)

    def _e_assign(self, node: Node) -> Value:
        operator, target = node.a, node.b
        if target.kind == "index" and operator == "=":
            return self.assign_index(node)
        found = self.variable(target.a) if target.kind == "name" else None
        if found is None:
            raise self.not_modelled(node.pos, "assignment to anything but a local variable or an element")
        type_, slot = found
        if operator == "=":
            run = self.convert(self.rvalue(node.c, type_), type_, node.pos)
        else:
            self.read(node.pos, target.a, slot)
            right = self.rvalue(node.c)
            bound = operators.binary(
                operator[:-1], type_, lambda env: env[slot], None, right.type, right.run, right.constant
            )
            if bound is None:
                raise self.error(
                    node.pos, f"operator '{operator}' cannot be applied to '{type_}' and '{right.type}'", "CS0019"
                )
            narrowed = conversions.explicit(bound[1], bound[0], type_, None)
            shift = operator in {"<<=", ">>="}
            fits = conversions.implicit(right.run, right.type, type_, right.constant) is not None
            if narrowed is None or not (bound[0] == type_ or shift or fits):
                raise self.error(node.pos, f"cannot convert '{bound[0]}' to '{type_}'", "CS0029")
            run = narrowed

        self.assigned(node.pos, slot)

        def assign(env: list[Any]) -> Any:
            env[slot] = value = run(env)
            return value

        return Value(type_, assign)

    def assign_index(self, node: Node) -> Value:
        target = self.rvalue(node.b.a)
        model = self.model(target.type)
        if model is None or model.indexer is None or model.set_indexer is None or len(node.b.b) != 1:
            raise self.not_modelled(node.pos, f"assignment to an element of {target.type}")
        key_type, value_type = (
            self.substituted(t, target.type) for t in (model.indexer.params[0], model.indexer.returns)
        )
        key = self.convert(self.rvalue(node.b.b[0].a), key_type, node.pos)
        value = self.convert(self.rvalue(node.c, value_type), value_type, node.pos)
        setter, receiver = model.set_indexer, target.run

        def run(env: list[Any]) -> Any:
            owner = receiver(env)
            if owner is None:
                raise null_reference()
            at, content = key(env), value(env)
            setter(owner, at, content)
            return content

        return Value(value_type, run)
