"""From the syntax tree to a Python function: every expression gets a static type, every member is looked up by it."""

from collections.abc import Callable, Sequence
from typing import Any

from secure_mcp_local.expressions import conversions, operators
from secure_mcp_local.expressions.dotnet import MODELS, NAMES, REFUSED
from secure_mcp_local.expressions.dotnet.linq import EXTENSIONS
from secure_mcp_local.expressions.dotnet.registry import Method, Model
from secure_mcp_local.expressions.failing import null_reference
from secure_mcp_local.expressions.failures import CSharpException, ExpressionError
from secure_mcp_local.expressions.syntax import Node, Source
from secure_mcp_local.expressions.types import (
    BOOL,
    CHAR,
    DOUBLE,
    EXCEPTION,
    INT,
    INTEGRAL,
    LONG,
    NULL,
    OBJECT,
    STRING,
    VOID,
    Type,
    array,
    element_of,
    is_reference,
)

Run = Callable[[list[Any]], Any]
"""Evaluates with the environment: context, profile, the value to return, then local variables."""

CONTEXT, PROFILE, RESULT, FIRST_LOCAL = 0, 1, 2, 3

_PREDEFINED = {"string", "bool", "char", "byte", "int", "long", "double", "object", "uint", "ulong", "short", "decimal"}
_ALIASES = {
    "String": "string", "Boolean": "bool", "Char": "char", "Byte": "byte", "Int32": "int", "Int64": "long",
    "Double": "double", "Object": "object", "UInt32": "uint", "UInt64": "ulong", "Int16": "short", "Decimal": "decimal",
}  # fmt: skip


class Signal:
    """How a statement ended, if not by reaching its end."""

    def __init__(self, name: str) -> None:
        self.name = name


RETURN, BREAK, CONTINUE = Signal("return"), Signal("break"), Signal("continue")
Statement = Callable[[list[Any]], Signal | None]


class Value:
    """A bound expression."""

    __slots__ = ("constant", "run", "type")

    def __init__(self, type: Type, run: Run, constant: Any = None) -> None:
        self.type, self.run, self.constant = type, run, constant


class TypeName:
    """A name that turned out to be a type."""

    __slots__ = ("type",)

    def __init__(self, type: Type) -> None:
        self.type = type


class Binder:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.members: set[str] = set()
        self.slots = FIRST_LOCAL
        self.scopes: list[dict[str, tuple[Type, int]]] = [{}]
        self.hole: Value | None = None
        self.unassigned: frozenset[int] = frozenset()
        """Slots of variables that may hold nothing yet (C# specification, definite assignment)."""

    # -- errors
    def error(self, pos: int, message: str, code: str = "") -> ExpressionError:
        return self.source.error(pos, message, "compile", code)

    def not_modelled(self, pos: int, feature: str) -> ExpressionError:
        return self.source.not_modelled(pos, feature)

    # -- variables
    def declare(self, pos: int, name: str, type: Type) -> int:
        if any(name in scope for scope in self.scopes):
            raise self.error(pos, f"a local variable named '{name}' is already defined here", "CS0128")
        slot, self.slots = self.slots, self.slots + 1
        self.scopes[-1][name] = (type, slot)
        return slot

    def variable(self, name: str) -> tuple[Type, int] | None:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    # -- types
    def type(self, node: Node) -> Type:
        if node.kind == "tarray":
            return array(self.type(node.a))
        if node.kind == "tname":
            name = str(node.a)
            found = self.named_type(name, tuple(self.type(argument) for argument in node.b or []))
            if found is None:
                raise self.unknown_type(node.pos, name)
            return found
        raise self.not_modelled(node.pos, f"the type {node.kind}")

    def named_type(self, name: str, args: tuple[Type, ...] = ()) -> Type | None:
        namespace, _, short = name.rpartition(".")
        short = _ALIASES.get(short, short)
        if short in _PREDEFINED:
            return Type(short)
        if short in NAMES and (not namespace or NAMES[short] == namespace):
            return Type(short, args)
        return None

    def unknown_type(self, pos: int, name: str) -> ExpressionError:
        short = name.rpartition(".")[2]
        if short in REFUSED:
            return self.source.error(pos, f"API Management does not allow the type {name}", "refused", "", name)
        return self.not_modelled(pos, f"the type {name}")

    # -- statements
    def root(self, node: Node) -> Run:
        if node.kind == "return":
            value = self.rvalue(node.a)
            return conversions.to_object(value.run, value.type)
        body = self.statement(node)
        if self.completes(node):
            raise self.error(node.pos, "not all code paths return a value", "CS1643")

        def run(env: list[Any]) -> Any:
            body(env)
            return env[RESULT]

        return run

    def statement(self, node: Node) -> Statement:
        handler = getattr(self, f"_s_{node.kind}", None)
        if handler is None:
            raise self.not_modelled(node.pos, f"the statement '{node.kind}'")
        return handler(node)

    def completes(self, node: Node) -> bool:
        """Whether the end of a statement can be reached."""
        match node.kind:
            case "return" | "throw" | "continue" | "break":
                return False
            case "block":
                return all(self.completes(child) for child in node.a)
            case "if":
                return node.c is None or self.completes(node.b) or self.completes(node.c)
            case "try":
                return self.completes(node.a) or any(self.completes(clause[3]) for clause in node.b)
            case "using":
                return self.completes(node.b)
            case "while":
                return not (node.a.kind == "bool" and node.a.a) or _breaks(node.b)
            case "switch":
                labels = [label for section in node.b for label in section[0]]
                ends = any(_breaks(statement) for section in node.b for statement in section[1])
                return None not in labels or ends
            case _:
                return True

    def _s_block(self, node: Node) -> Statement:
        self.scopes.append({})
        statements = tuple(self.statement(child) for child in node.a)
        self.scopes.pop()
        if len(statements) == 1:
            return statements[0]

        def run(env: list[Any]) -> Signal | None:
            for statement in statements:
                signal = statement(env)
                if signal is not None:
                    return signal
            return None

        return run

    def _s_expr(self, node: Node) -> Statement:
        if node.a.kind not in {"assign", "call", "post", "un", "cond", "new"}:
            raise self.error(node.pos, "only assignment, call, increment and new can be used as a statement", "CS0201")
        value = self.expr(node.a)
        if isinstance(value, TypeName):
            raise self.error(node.pos, "a type is not a statement", "CS0118")
        action = value.run

        def run(env: list[Any]) -> None:
            action(env)

        return run

    def _s_return(self, node: Node) -> Statement:
        if node.a is None:
            raise self.error(node.pos, "an expression must return a value", "CS0126")
        value = self.rvalue(node.a)
        boxed = conversions.to_object(value.run, value.type)

        def run(env: list[Any]) -> Signal:
            env[RESULT] = boxed(env)
            return RETURN

        return run

    def _s_throw(self, node: Node) -> Statement:
        if node.a is None:
            raise self.not_modelled(node.pos, "throw without an exception")
        value = self.rvalue(node.a)
        if value.type != EXCEPTION:
            raise self.error(node.pos, "only an Exception can be thrown", "CS0155")

        def run(env: list[Any]) -> None:
            raise value.run(env)

        return run

    def _s_break(self, node: Node) -> Statement:
        return lambda env: BREAK

    def _s_continue(self, node: Node) -> Statement:
        return lambda env: CONTINUE

    def _s_local(self, node: Node) -> Statement:
        actions: list[tuple[int, Run]] = []
        for name, initial, pos in node.b:
            if node.a.kind == "tvar":
                if initial is None:
                    raise self.error(pos, "an implicitly typed variable must be initialized", "CS0818")
                value = self.rvalue(initial)
                if value.type in (NULL, VOID):
                    raise self.error(pos, f"cannot assign {value.type} to an implicitly typed variable", "CS0815")
                slot = self.declare(pos, name, value.type)
                actions.append((slot, value.run))
                continue
            declared = self.type(node.a)
            if initial is None:
                self.unassigned |= {self.declare(pos, name, declared)}
                continue
            value = self.array_initial(initial, declared) if initial.kind == "init" else self.rvalue(initial)
            run = self.convert(value, declared, pos)
            actions.append((self.declare(pos, name, declared), run))

        def run_all(env: list[Any]) -> None:
            for slot, initial in actions:
                env[slot] = initial(env)

        return run_all

    def _s_if(self, node: Node) -> Statement:
        condition, when_true, when_false = self.branching(node.a)
        self.unassigned = when_true
        then = self.nested(node.b)
        after_then = self.unassigned if self.completes(node.b) else None
        self.unassigned = when_false
        other = self.nested(node.c) if node.c is not None else None
        after_else = self.unassigned if node.c is None or self.completes(node.c) else None
        self.unassigned = _either(after_then, after_else)

        def run(env: list[Any]) -> Signal | None:
            if condition(env):
                return then(env)
            return other(env) if other is not None else None

        return run

    def nested(self, node: Node) -> Statement:
        self.scopes.append({})
        statement = self.statement(node)
        self.scopes.pop()
        return statement

    def branching(self, node: Node) -> tuple[Run, frozenset[int], frozenset[int]]:
        """A condition, and what may be unassigned when it holds and when it does not."""
        inner = node
        while inner.kind == "paren":
            inner = inner.a
        if inner.kind == "un" and inner.a == "!":
            run, when_true, when_false = self.branching(inner.b)
            return (lambda env: not run(env)), when_false, when_true
        if inner.kind == "bin" and inner.a in {"&&", "||"}:
            left, left_true, left_false = self.branching(inner.b)
            self.unassigned = left_true if inner.a == "&&" else left_false
            right, right_true, right_false = self.branching(inner.c)
            if inner.a == "&&":
                return (lambda env: left(env) and right(env)), right_true, left_false | right_false
            return (lambda env: left(env) or right(env)), left_true | right_true, right_false
        run = self.condition(node)
        return run, self.unassigned, self.unassigned

    def _s_while(self, node: Node) -> Statement:
        condition, when_true, when_false = self.branching(node.a)
        self.unassigned = when_true
        body = self.nested(node.b)
        self.unassigned = when_false

        def run(env: list[Any]) -> Signal | None:
            while condition(env):
                signal = body(env)
                if signal is BREAK:
                    break
                if signal is RETURN:
                    return signal
            return None

        return run

    def _s_for(self, node: Node) -> Statement:
        self.scopes.append({})
        initial = [self.statement(child) for child in node.a]
        condition = self.condition(node.b) if node.b is not None else (lambda env: True)
        before = self.unassigned
        updates = [self.statement(child) for child in node.c]
        self.unassigned = before
        body = self.nested(node.d)
        self.unassigned = before
        self.scopes.pop()

        def run(env: list[Any]) -> Signal | None:
            for statement in initial:
                statement(env)
            while condition(env):
                signal = body(env)
                if signal is BREAK:
                    break
                if signal is RETURN:
                    return signal
                for statement in updates:
                    statement(env)
            return None

        return run

    def _s_foreach(self, node: Node) -> Statement:
        items = self.rvalue(node.c)
        element = element_of(items.type)
        if element is None:
            raise self.error(node.pos, f"foreach cannot operate on {items.type}", "CS1579")
        self.scopes.append({})
        declared = element if node.a.kind == "tvar" else self.type(node.a)
        slot = self.declare(node.b[1], node.b[0], declared)
        given: list[Any] = [None]
        turned = self.convert(Value(element, lambda env: given[0]), declared, node.pos)
        before = self.unassigned
        body = self.nested(node.d)
        self.unassigned = before
        self.scopes.pop()
        source = items.run
        iterate = conversions.iterate
        same = element == declared

        def run(env: list[Any]) -> Signal | None:
            for item in iterate(source(env)):
                if same:
                    env[slot] = item
                else:
                    given[0] = item
                    env[slot] = turned(env)
                signal = body(env)
                if signal is BREAK:
                    break
                if signal is RETURN:
                    return signal
            return None

        return run

    def _s_try(self, node: Node) -> Statement:
        if node.c is not None:
            raise self.not_modelled(node.pos, "finally")
        before = self.unassigned
        body = self.nested(node.a)
        after_body = self.unassigned if self.completes(node.a) else None
        self.unassigned = before
        if len(node.b) != 1:
            raise self.not_modelled(node.pos, "several catch clauses")
        type_, name, when, handler_node, pos = node.b[0]
        if when is not None:
            raise self.not_modelled(pos, "catch ... when")
        if type_ is not None and self.type(type_) != EXCEPTION:
            raise self.not_modelled(pos, "catching other types than Exception")
        self.scopes.append({})
        slot = self.declare(pos, name, EXCEPTION) if name else None
        handler = self.nested(handler_node)
        self.scopes.pop()
        self.unassigned = _either(after_body, self.unassigned if self.completes(handler_node) else None)

        def run(env: list[Any]) -> Signal | None:
            try:
                return body(env)
            except CSharpException as error:
                if slot is not None:
                    env[slot] = error
                return handler(env)

        return run

    def _s_using(self, node: Node) -> Statement:
        self.scopes.append({})
        resource = self.statement(node.a)
        body = self.nested(node.b)
        self.scopes.pop()

        def run(env: list[Any]) -> Signal | None:
            resource(env)
            return body(env)

        return run

    def _s_switch(self, node: Node) -> Statement:
        value = self.rvalue(node.a)
        if value.type != STRING and value.type not in INTEGRAL:
            raise self.not_modelled(node.pos, f"switch on {value.type}")
        table: dict[Any, Statement] = {}
        default: Statement | None = None
        for labels, statements, pos in node.b:
            if self.completes(Node("block", pos, statements)) and not any(_breaks(s) for s in statements):
                raise self.error(pos, "control cannot fall through from one case label to another", "CS0163")
            before = self.unassigned
            section = self._s_block(Node("block", pos, statements))
            # As if the section might not have run: stricter than C#, never laxer.
            self.unassigned = before
            for label in labels:
                if label is None:
                    default = section
                    continue
                constant = self.rvalue(label)
                if constant.constant is None:
                    raise self.error(pos, "a constant value is expected", "CS0150")
                self.convert(constant, value.type, pos)
                if constant.constant in table:
                    raise self.error(pos, f"the label {constant.constant!r} is there twice", "CS0152")
                table[constant.constant] = section
        subject = value.run

        def run(env: list[Any]) -> Signal | None:
            chosen = table.get(subject(env), default)
            signal = chosen(env) if chosen is not None else None
            return None if signal is BREAK else signal

        return run

    # -- expressions
    def condition(self, node: Node) -> Run:
        value = self.rvalue(node)
        if value.type != BOOL:
            raise self.error(node.pos, f"cannot implicitly convert type '{value.type}' to 'bool'", "CS0029")
        return value.run

    def rvalue(self, node: Node, expected: Type | None = None) -> Value:
        """A value: not a type, not nothing."""
        value = self.expr(node, expected)
        if isinstance(value, TypeName):
            raise self.error(node.pos, f"'{value.type}' is a type but is used like a value", "CS0119")
        if value.type == VOID:
            raise self.error(node.pos, "a call that returns nothing is used as a value", "CS0029")
        return value

    def expr(self, node: Node, expected: Type | None = None) -> Value | TypeName:
        handler = getattr(self, f"_e_{node.kind}", None)
        if handler is None:
            raise self.not_modelled(node.pos, f"the expression '{node.kind}'")
        if node.kind in {"tern", "paren"}:
            return handler(node, expected)
        return handler(node)

    def convert(self, value: Value, wanted: Type, pos: int) -> Run:
        """An implicit conversion.

        Raises:
            ExpressionError: there is none.
        """
        run = conversions.implicit(value.run, value.type, wanted, value.constant)
        if run is None:
            raise self.error(pos, f"cannot implicitly convert type '{value.type}' to '{wanted}'", "CS0029")
        return run

    def _e_paren(self, node: Node, expected: Type | None = None) -> Value | TypeName:
        return self.expr(node.a, expected)

    def _e_name(self, node: Node) -> Value | TypeName:
        found = self.variable(node.a)
        if found is not None:
            type_, slot = found
            if slot in self.unassigned:
                raise self.error(node.pos, f"use of unassigned local variable '{node.a}'", "CS0165")
            return Value(type_, lambda env: env[slot])
        if node.a == "context":
            return Value(Type("IProxyRequestContext"), lambda env: env[CONTEXT])
        args = tuple(self.type(argument) for argument in node.b) if node.b else ()
        type_ = self.named_type(node.a, args)
        if type_ is not None:
            return TypeName(type_)
        if node.a in _NAMESPACES:
            return TypeName(Type(f"namespace {node.a}"))
        if node.a in REFUSED:
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
        return Value(type_, run, run([None] * FIRST_LOCAL) if value.constant is not None else None)

    def _e_post(self, node: Node) -> Value:
        return self.increment(node, prefix=False)

    def increment(self, node: Node, *, prefix: bool) -> Value:
        target = node.b
        found = self.variable(target.a) if target.kind == "name" else None
        if found is None or found[0] not in INTEGRAL:
            raise self.not_modelled(node.pos, f"'{node.a}' on anything but an integer variable")
        type_, slot = found
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
            right = self.rvalue(node.c)
            bound = operators.binary(
                operator[:-1], type_, lambda env: env[slot], None, right.type, right.run, right.constant
            )
            if bound is None:
                raise self.error(
                    node.pos, f"operator '{operator}' cannot be applied to '{type_}' and '{right.type}'", "CS0019"
                )
            narrowed = conversions.explicit(bound[1], bound[0], type_, None)
            if narrowed is None:
                raise self.error(node.pos, f"cannot convert '{bound[0]}' to '{type_}'", "CS0029")
            run = narrowed

        self.unassigned -= {slot}

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

    # -- members
    def model(self, type_: Type) -> Model | None:
        return MODELS.get(type_.name)

    def substituted(self, type_: Type, receiver: Type) -> Type:
        if type_.name in {"T0", "T1"}:
            return receiver.args[int(type_.name[1])]
        if type_.args:
            return Type(type_.name, tuple(self.substituted(argument, receiver) for argument in type_.args))
        return type_

    def used(self, type_: Type, member: str) -> None:
        self.members.add(f"{type_.name}.{member}")

    def _e_member(self, node: Node) -> Value | TypeName:
        target = self.expr(node.a)
        name = node.b
        if isinstance(target, TypeName):
            return self.static_member(node, target.type, name)
        model = self.model(target.type)
        found = model.properties.get(name) if model is not None else None
        for base in conversions.bases(target.type) if found is None else ():
            base_model = MODELS.get(base)
            found = base_model.properties.get(name) if base_model is not None else None
            if found is not None:
                break
        if found is None:
            raise self.unknown_member(node.pos, target.type, name)
        self.used(target.type, name)
        type_ = self.substituted(found.type, target.type)
        get, inner = found.get, target.run
        if not is_reference(target.type):
            return Value(type_, lambda env: get(inner(env)))

        def run(env: list[Any]) -> Any:
            owner = inner(env)
            if owner is None:
                raise null_reference()
            return get(owner)

        return Value(type_, run)

    def static_member(self, node: Node, type_: Type, name: str) -> Value | TypeName:
        if type_.name.startswith("namespace "):
            full = f"{type_.name.removeprefix('namespace ')}.{name}"
            if full in _NAMESPACES:
                return TypeName(Type(f"namespace {full}"))
            args = tuple(self.type(argument) for argument in node.c) if node.c else ()
            found = self.named_type(full, args)
            if found is None:
                raise self.unknown_type(node.pos, full)
            return TypeName(found)
        model = self.model(type_)
        constant = model.static_properties.get(name) if model is not None else None
        if constant is None:
            raise self.unknown_member(node.pos, type_, name)
        self.used(type_, name)
        get = constant.get
        if constant.env:
            return Value(constant.type, get)
        fixed = get()
        return Value(constant.type, lambda env: fixed, fixed if isinstance(fixed, str | int) else None)

    def unknown_member(self, pos: int, type_: Type, name: str) -> ExpressionError:
        return self.not_modelled(pos, f"{type_}.{name}")

    def _e_cond(self, node: Node) -> Value:
        target = self.rvalue(node.a)
        if not is_reference(target.type):
            raise self.error(node.pos, f"operator '?' cannot be applied to '{target.type}'", "CS0023")
        slot, self.slots = self.slots, self.slots + 1
        before, self.hole = self.hole, Value(target.type, lambda env: env[slot])
        chain = self.expr(node.b)
        self.hole = before
        assert isinstance(chain, Value)
        if not is_reference(chain.type) and chain.type != VOID:
            raise self.not_modelled(node.pos, f"'?.' with a result of the value type {chain.type}")
        inner, rest = target.run, chain.run

        def run(env: list[Any]) -> Any:
            env[slot] = owner = inner(env)
            return None if owner is None else rest(env)

        return Value(chain.type, run)

    def _e_hole(self, node: Node) -> Value:
        assert self.hole is not None, node
        return self.hole

    def _e_index(self, node: Node) -> Value:
        target = self.rvalue(node.a)
        model = self.model(target.type)
        if model is None or model.indexer is None:
            raise self.error(node.pos, f"cannot apply indexing with [] to '{target.type}'", "CS0021")
        self.used(target.type, "Item")
        if len(node.b) != 1:
            raise self.not_modelled(node.pos, "several indexes")
        indexer = model.indexer
        key = self.convert(self.rvalue(node.b[0].a), self.substituted(indexer.params[0], target.type), node.pos)
        type_, get, inner = self.substituted(indexer.returns, target.type), indexer.run, target.run

        def run(env: list[Any]) -> Any:
            owner = inner(env)
            if owner is None:
                raise null_reference()
            return get(owner, key(env))

        return Value(type_, run)

    # -- calls
    def _e_call(self, node: Node) -> Value:
        callee = node.a
        if callee.kind != "member":
            raise self.not_modelled(node.pos, "a call of anything but a method")
        target = self.expr(callee.a)
        name, type_args = callee.b, [self.type(argument) for argument in callee.c or []]
        if isinstance(target, TypeName):
            model = self.model(target.type)
            methods = model.statics.get(name, []) if model is not None else []
            if not methods:
                raise self.unknown_member(callee.pos, target.type, name)
            self.used(target.type, name)
            return self.invoke(node, methods, None, target.type, name)
        return self.instance_call(node, target, name, type_args)

    def instance_call(self, node: Node, target: Value, name: str, type_args: list[Type]) -> Value:
        for owner in (target.type.name, *conversions.bases(target.type), "object"):
            model = MODELS.get(owner)
            if model is None:
                continue
            if type_args and name in model.generics and len(type_args) == 1:
                self.used(Type(owner), name)
                return self.invoke(node, [model.generics[name](type_args[0])], target, target.type, name)
            if not type_args and name in model.methods:
                self.used(Type(owner), name)
                methods = model.methods[name]
                if self.fitting(methods, node.b, target.type) or name not in EXTENSIONS:
                    return self.invoke(node, methods, target, target.type, name)
        element = element_of(target.type)
        if element is not None and name in EXTENSIONS:
            self.members.add(f"Enumerable.{name}")
            return EXTENSIONS[name](self, node, target, element, type_args)
        raise self.unknown_member(node.pos, target.type, name)

    def fitting(self, methods: Sequence[Method], arguments: list[Node], receiver: Type) -> list[Method]:
        """Overloads that the number of arguments allows."""
        count = len(arguments)
        return [
            method
            for method in methods
            if len(method.params) - len(method.optional) <= count
            and (count <= len(method.params) or method.rest is not None)
        ]

    def invoke(self, node: Node, methods: Sequence[Method], target: Value | None, receiver: Type, name: str) -> Value:
        candidates = self.fitting(methods, node.b, receiver)
        bound = [argument for argument in node.b]
        values = [None if argument.c == "out" else self.rvalue_or_lambda(argument.a) for argument in bound]
        best: tuple[int, Method, list[Run | None]] | None = None
        for method in candidates:
            matched = self.match(method, bound, values, receiver)
            if matched is not None and (best is None or matched[0] < best[0]):
                best = (matched[0], method, matched[1])
        if best is None:
            found = ", ".join("out" if v is None else str(v.type) for v in values)
            raise self.not_modelled(node.pos, f"{receiver}.{name}({found})")
        _, method, runs = best
        return self.called(node, method, runs, target, receiver)

    def rvalue_or_lambda(self, node: Node) -> Value:
        if node.kind == "lambda":
            raise self.not_modelled(node.pos, "a lambda for this method")
        return self.rvalue(node)

    def match(
        self, method: Method, arguments: list[Node], values: Sequence[Value | None], receiver: Type
    ) -> tuple[int, list[Run | None]] | None:
        """How well an overload fits (0 is exact) and its converted arguments."""
        score = 0
        placed: list[Run | None] = [None] * len(method.params)
        given = [False] * len(method.params)
        rest: list[Run] = []
        for index, (argument, value) in enumerate(zip(arguments, values, strict=True)):
            at = index
            if argument.b is not None:
                if argument.b not in method.names:
                    return None
                at = method.names.index(argument.b)
            if at < len(method.params):
                wanted = self.substituted(method.params[at], receiver)
                given[at] = True
                if (wanted.name == "out") != (value is None):
                    return None
                if value is None:
                    continue
            elif method.rest is not None and value is not None:
                wanted = method.rest
                score += 2
            else:
                return None
            run = conversions.implicit(value.run, value.type, wanted, value.constant)
            if run is None:
                return None
            score += 0 if value.type == wanted else 1 if wanted != OBJECT else 3
            if at < len(method.params):
                placed[at] = run
            else:
                rest.append(run)
        for at, present in enumerate(given):
            if not present:
                missing = len(method.params) - at
                if missing > len(method.optional):
                    return None
                default = method.optional[len(method.optional) - missing]
                placed[at] = lambda env, default=default: default
        if method.rest is not None:
            placed.append(lambda env: [run(env) for run in rest])
        return score, placed

    def called(self, node: Node, method: Method, runs: list[Run | None], target: Value | None, receiver: Type) -> Value:
        slot: int | None = None
        for argument, placed in zip(node.b, runs, strict=False):
            if placed is None:
                slot = self.out_slot(argument, self.substituted(method.params[runs.index(None)], receiver).args[0])
        arguments = tuple(placed for placed in runs if placed is not None)
        function, with_env = method.run, method.env
        inner = target.run if target is not None else None
        nullable = target is not None and is_reference(target.type)
        type_ = self.substituted(method.returns, receiver)

        def run(env: list[Any]) -> Any:
            if inner is None:
                values = [argument(env) for argument in arguments]
            else:
                owner = inner(env)
                if owner is None and nullable:
                    raise null_reference()
                values = [owner, *[argument(env) for argument in arguments]]
            result = function(env, *values) if with_env else function(*values)
            if slot is not None:
                result, env[slot] = result
            return result

        return Value(type_, run)

    def out_slot(self, argument: Node, type_: Type) -> int:
        target = argument.a
        if target.kind == "outvar":
            declared = type_ if target.a.kind == "tvar" else self.type(target.a)
            if declared != type_:
                raise self.error(argument.pos, f"cannot convert from 'out {declared}' to 'out {type_}'", "CS1503")
            return self.declare(argument.pos, target.b, declared)
        found = self.variable(target.a) if target.kind == "name" else None
        if found is None:
            raise self.error(argument.pos, "an out argument must be a variable", "CS1510")
        if found[0] != type_:
            raise self.error(argument.pos, f"cannot convert from 'out {found[0]}' to 'out {type_}'", "CS1503")
        self.unassigned -= {found[1]}
        return found[1]

    # -- construction
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
        if model.indexer is None or model.set_indexer is None:
            raise self.not_modelled(init.pos, f"an initializer of {created.type}")
        key_type, value_type = (
            self.substituted(t, created.type) for t in (model.indexer.params[0], model.indexer.returns)
        )
        entries: list[tuple[Run, Run]] = []
        for item in init.a:
            if item.kind != "initindex" or len(item.a) != 1:
                raise self.not_modelled(item.pos, "an initializer other than [key] = value")
            key = self.convert(self.rvalue(item.a[0].a), key_type, item.pos)
            entries.append((key, self.convert(self.rvalue(item.b, value_type), value_type, item.pos)))
        make, setter = created.run, model.set_indexer

        def run(env: list[Any]) -> Any:
            made = make(env)
            for key, value in entries:
                setter(made, key(env), value(env))
            return made

        return Value(created.type, run)

    def _e_newarray(self, node: Node) -> Value:
        type_ = self.type(node.a)
        if node.c is not None:
            return self.array_initial(node.c, type_)
        size = self.convert(self.rvalue(node.b), INT, node.pos)
        return Value(type_, conversions.new_array(size, type_.args[0]))

    def array_initial(self, init: Node, type_: Type) -> Value:
        if type_.name != "[]":
            raise self.not_modelled(init.pos, f"an initializer of {type_}")
        items = [self.convert(self.rvalue(item), type_.args[0], item.pos) for item in init.a]
        make: Callable[[list[Any]], Any] = bytearray if type_.args[0].name == "byte" else list
        return Value(type_, lambda env: make([item(env) for item in items]))

    def _e_newimplicit(self, node: Node) -> Value:
        items = [self.rvalue(item) for item in node.a.a]
        if not items or any(item.type != items[0].type for item in items):
            raise self.not_modelled(node.pos, "new[] of different types")
        return self.array_initial(node.a, array(items[0].type))

    # -- lambdas, for the extension methods
    def function(self, node: Node, parameters: Sequence[Type]) -> tuple[Type, Callable[..., Any]]:
        """A lambda whose parameter types the receiver gives: its result type, and a function of env and arguments."""
        if node.kind != "lambda" or len(node.a) != len(parameters):
            raise self.not_modelled(node.pos, "anything but a lambda with these parameters here")
        if node.c:
            raise self.not_modelled(node.pos, "a lambda with a block")
        self.scopes.append({})
        before = self.unassigned
        slots = [
            self.declare(node.pos, name, self.type(type_) if type_ is not None else given)
            for (type_, name), given in zip(node.a, parameters, strict=True)
        ]
        body = self.rvalue(node.b)
        self.unassigned = before
        self.scopes.pop()
        inner = body.run
        if len(slots) == 1:
            slot = slots[0]

            def one(env: list[Any], argument: Any) -> Any:
                env[slot] = argument
                return inner(env)

            return body.type, one

        def several(env: list[Any], *arguments: Any) -> Any:
            for slot, argument in zip(slots, arguments, strict=True):
                env[slot] = argument
            return inner(env)

        return body.type, several


_NAMESPACES = {
    prefix
    for namespace in NAMES.values()
    for prefix in (".".join(namespace.split(".")[: n + 1]) for n in range(namespace.count(".") + 1))
}


def _either(one: frozenset[int] | None, two: frozenset[int] | None) -> frozenset[int]:
    """What may be unassigned where two ways meet; None is a way that does not get there."""
    return (one or frozenset()) | (two or frozenset())


def _breaks(node: Node) -> bool:
    """Whether a statement has a break that leaves the switch or loop around it."""
    match node.kind:
        case "break":
            return True
        case "block":
            return any(_breaks(child) for child in node.a)
        case "if":
            return _breaks(node.b) or (node.c is not None and _breaks(node.c))
        case "try":
            return _breaks(node.a) or any(_breaks(clause[3]) for clause in node.b)
        case "using":
            return _breaks(node.b)
        case _:
            return False
