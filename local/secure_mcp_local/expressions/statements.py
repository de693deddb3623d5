"""Binding of statements, with C#'s rules of definite assignment and of what can be reached."""

from collections.abc import Callable
from typing import Any

from secure_mcp_local.expressions import conversions
from secure_mcp_local.expressions.calls import Calls
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.scope import RESULT, Run, TypeName
from secure_mcp_local.expressions.syntax import Node
from secure_mcp_local.expressions.types import (
    EXCEPTION,
    INTEGRAL,
    NULL,
    STRING,
    VOID,
    element_of,
)


class Signal:
    """How a statement ended, if not by reaching its end."""

    def __init__(self, name: str) -> None:
        self.name = name


RETURN, BREAK, CONTINUE = Signal("return"), Signal("break"), Signal("continue")
Statement = Callable[[list[Any]], Signal | None]


class Statements(Calls):
    """A statement becomes a function that says how it ended."""

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

        if node.c:
            self.readonly.update(slot for slot, _ in actions)

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

    def round(self, node: Node) -> Statement:
        """The body of a loop."""
        self.rounds += 1
        body = self.nested(node)
        self.rounds -= 1
        return body

    def _s_while(self, node: Node) -> Statement:
        condition, when_true, when_false = self.branching(node.a)
        self.unassigned = when_true
        body = self.round(node.b)
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
        body = self.round(node.d)
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
        self.rounds += 1
        slot = self.declare(node.b[1], node.b[0], declared)
        self.readonly.add(slot)
        self.rounds -= 1
        given: list[Any] = [None]
        # The variable's type is an explicit conversion of the element.
        turned = conversions.explicit(lambda env: given[0], element, declared, None)
        if turned is None:
            raise self.error(node.pos, f"cannot convert type '{element}' to '{declared}'", "CS0030")
        before = self.unassigned
        body = self.round(node.d)
        self.unassigned = before
        self.scopes.pop()
        source = items.run
        iterate = conversions.iterator(items.type)
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
        before = self.slots
        resource = self.statement(node.a)
        if node.a.kind == "local":
            self.readonly.update(range(before, self.slots))
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
