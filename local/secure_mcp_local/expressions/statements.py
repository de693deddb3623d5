"""Binding of statements, with C#'s rules of definite assignment and of what can be reached."""

from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

from secure_mcp_local.expressions import conversions
from secure_mcp_local.expressions.calls import Calls, LocalFunction
from secure_mcp_local.expressions.failing import null_reference
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.scope import RESULT, Return, Run, TypeName
from secure_mcp_local.expressions.syntax import Node, Source
from secure_mcp_local.expressions.types import (
    BOOL,
    ENUMERATIONS,
    EXCEPTION,
    INTEGRAL,
    NULL,
    OBJECT,
    STRING,
    UNTYPED,
    VOID,
    element_of,
)


class Signal:
    """How a statement ended, if not by reaching its end."""

    def __init__(self, name: str) -> None:
        self.name = name


RETURN, BREAK, CONTINUE = Signal("return"), Signal("break"), Signal("continue")
Statement = Callable[[list[Any]], Signal | None]

_MOST_ROUNDS = 10_000_000
"""Of one loop; they take some seconds."""


class Statements(Calls):
    """A statement becomes a function that says how it ended."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.caught: list[int] = []
        """Slots of the exceptions of the catch clauses around this place."""
        self.breaks: list[frozenset[int]] = []
        """Of each loop and switch around this place: what may be unassigned where a break leaves it."""

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
            case "if" if node.a.kind == "bool":
                chosen = node.b if node.a.a else node.c
                return chosen is None or self.completes(chosen)
            case "if":
                return node.c is None or self.completes(node.b) or self.completes(node.c)
            case "try":
                ends = self.completes(node.a) or any(self.completes(clause[3]) for clause in node.b)
                return ends and (node.c is None or self.completes(node.c))
            case "using":
                return self.completes(node.b)
            case "while" | "do" | "for":
                condition, body = (node.b, node.d) if node.kind == "for" else (node.a, node.b)
                endless = condition is None or (condition.kind == "bool" and condition.a)
                return not endless or _jumps(body, "break")
            case "switch":
                labels = [label for section in node.b for label in section[0]]
                ends = any(_jumps(statement, "break") for section in node.b for statement in section[1])
                return None not in labels or ends
            case _:
                return True

    def _s_block(self, node: Node) -> Statement:
        self.enter()
        declared = [child for child in node.a if child.kind == "function"]
        for child in declared:
            self.announce(child)
        statements = tuple(self.statement(child) for child in node.a)
        for child in declared:
            del self.functions[child.a[1]]
        self.leave()
        if len(statements) == 1:
            return statements[0]

        def run(env: list[Any]) -> Signal | None:
            for statement in statements:
                signal = statement(env)
                if signal is not None:
                    return signal
            return None

        return run

    def announce(self, node: Node) -> None:
        """A local function can be called before it is declared."""
        returns, name = node.a
        if name in self.functions or self.variable(name) is not None:
            raise self.error(node.pos, f"a local function or variable named '{name}' is already defined here", "CS0128")
        parameters = [self.type(type_) for type_, _ in node.b]
        self.functions[name] = LocalFunction(parameters, self.type(returns))

    def _s_function(self, node: Node) -> Statement:
        function: LocalFunction = self.functions[node.a[1]]
        self.enter()
        before, outer, self.returns = self.unassigned, self.returns, []
        self.deferred += 1
        pairs = zip(node.b, function.parameters, strict=True)
        function.slots = [self.declare(node.pos, name, type_) for (_, name), type_ in pairs]
        captures = len(self.captures)
        if node.d:
            body = self.statement(node.c)
            if self.completes(node.c):
                raise self.error(node.pos, "not all code paths return a value", "CS0161")
        else:
            value = Return(node.pos, self.rvalue(node.c))
            self.returns.append(value)
            body = _returning(value)
        for each in self.returns:
            if each.value is None:
                raise self.error(each.pos, "a function must return a value", "CS0126")
            each.convert = self.convert(each.value, function.returns, each.pos)
        if len(self.captures) > captures:
            raise self.not_modelled(node.pos, "a lambda that runs later in a local function")
        function.body, function.last = body, self.slots
        self.deferred -= 1
        self.returns, self.unassigned = outer, before
        self.leave()
        return lambda env: None

    def _s_expr(self, node: Node) -> Statement:
        if node.a.kind == "un" and node.a.a not in {"++", "--"}:
            raise self.error(node.pos, "only assignment, call, increment and new can be used as a statement", "CS0201")
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
        if node.a is None and self.returns is not None:
            each = Return(node.pos, None)
            self.returns.append(each)
            return _returning(each)
        if node.a is None:
            raise self.error(node.pos, "an expression must return a value", "CS0126")
        value = self.rvalue(node.a, OBJECT if self.returns is None else None)
        each = Return(node.pos, value)
        if self.returns is None:
            each.convert = self.convert(value, OBJECT, node.pos)
        else:
            self.returns.append(each)
        # What follows cannot be reached: all counts as assigned there.
        self.unassigned = frozenset()
        return _returning(each)

    def _s_throw(self, node: Node) -> Statement:
        if node.a is None:
            if not self.caught:
                raise self.error(node.pos, "throw without an exception stands in a catch only", "CS0156")
            slot = self.caught[-1]

            def again(env: list[Any]) -> None:
                raise env[slot]

            return again
        value = self.rvalue(node.a)
        if value.type not in (EXCEPTION, NULL):
            raise self.error(node.pos, "only an Exception can be thrown", "CS0155")
        self.unassigned = frozenset()

        def run(env: list[Any]) -> None:
            error = value.run(env)
            if error is None:
                raise null_reference()
            raise error

        return run

    def _s_break(self, node: Node) -> Statement:
        if self.breaks:
            self.breaks[-1] |= self.unassigned
        self.unassigned = frozenset()
        return lambda env: BREAK

    def _s_continue(self, node: Node) -> Statement:
        self.unassigned = frozenset()
        return lambda env: CONTINUE

    def _s_local(self, node: Node) -> Statement:
        actions: list[tuple[int, Run]] = []
        constants: list[Any] = []
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
            if initial.kind == "lambda":
                # The variable exists in the lambda already, without a value.
                slot = self.declare(pos, name, declared)
                self.unassigned |= {slot}
                run = self.rvalue(initial, declared).run
                self.unassigned -= {slot}
                actions.append((slot, run))
                continue
            value = self.array_initial(initial, declared) if initial.kind == "init" else self.rvalue(initial, declared)
            run = self.convert(value, declared, pos)
            constants.append(value.constant if value.type == declared or declared in INTEGRAL else None)
            actions.append((self.declare(pos, name, declared), run))

        if node.c:
            self.readonly.update(slot for slot, _ in actions)
            for (slot, _), constant in zip(actions, constants, strict=True):
                if constant is None:
                    raise self.not_modelled(node.pos, "a constant of this value")
                self.constants[slot] = constant

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
        self.enter()
        statement = self.statement(node)
        self.leave()
        return statement

    def round(self, node: Node) -> Statement:
        """The body of a loop."""
        self.rounds += 1
        body = self.nested(node)
        self.rounds -= 1
        return body

    def looped(self, node: Node) -> tuple[Statement, frozenset[int]]:
        """The body of a loop, and what may be unassigned where a break leaves it."""
        self.breaks.append(frozenset())
        body = self.round(node)
        return body, self.breaks.pop()

    def _s_while(self, node: Node) -> Statement:
        condition, when_true, when_false = self.branching(node.a)
        self.unassigned = when_true
        body, left = self.looped(node.b)
        self.unassigned = when_false | left

        def run(env: list[Any]) -> Signal | None:
            for _ in _rounds():
                if not condition(env):
                    break
                signal = body(env)
                if signal is BREAK:
                    break
                if signal is RETURN:
                    return signal
            return None

        return run

    def _s_do(self, node: Node) -> Statement:
        before = self.unassigned
        body, left = self.looped(node.b)
        if _jumps(node.b, "continue"):
            self.unassigned = before
        condition, _, when_false = self.branching(node.a)
        self.unassigned = when_false | left

        def run(env: list[Any]) -> Signal | None:
            for _ in _rounds():
                signal = body(env)
                if signal is BREAK:
                    break
                if signal is RETURN:
                    return signal
                if not condition(env):
                    break
            return None

        return run

    def _s_for(self, node: Node) -> Statement:
        self.enter()
        initial = [self.statement(child) for child in node.a]
        condition, when_true, when_false = self.branching(node.b or Node("bool", node.pos, True))
        self.unassigned = when_true
        body, left = self.looped(node.d)
        if _jumps(node.d, "continue"):
            self.unassigned = when_true
        updates = [self.statement(child) for child in node.c]
        self.unassigned = when_false | left
        self.leave()

        def run(env: list[Any]) -> Signal | None:
            for statement in initial:
                statement(env)
            for _ in _rounds():
                if not condition(env):
                    break
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
        if element is None and not conversions.plain(items.type):
            raise self.not_modelled(node.pos, f"foreach of {items.type}")
        if element is None:
            raise self.error(node.pos, f"foreach cannot operate on {items.type}", "CS1579")
        self.enter()
        untyped = OBJECT if items.type.name in UNTYPED else element
        declared = untyped if node.a.kind == "tvar" else self.type(node.a)
        self.rounds += 1
        slot = self.declare(node.b[1], node.b[0], declared)
        self.readonly.add(slot)
        self.rounds -= 1
        given: list[Any] = [None]
        # The variable's type is an explicit conversion of the element.
        turned = conversions.explicit(lambda env: given[0], element, declared, None)
        if turned is None:
            raise self.not_modelled(node.pos, f"foreach of '{element}' as '{declared}'")
        before = self.unassigned
        body, _ = self.looped(node.d)
        self.unassigned = before
        self.leave()
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
        before = self.unassigned
        body = self.nested(node.a)
        after = self.unassigned if self.completes(node.a) else None
        handlers: list[tuple[int, Run | None, Statement]] = []
        for number, (type_, name, when, handler_node, pos) in enumerate(node.b):
            if type_ is not None and self.type(type_) != EXCEPTION:
                raise self.not_modelled(pos, "catching other types than Exception")
            if number + 1 < len(node.b) and when is None:
                raise self.error(pos, "a previous catch clause catches all exceptions", "CS0160")
            self.unassigned = before
            self.enter()
            slot = self.declare(pos, name, EXCEPTION) if name else self.hidden()
            self.caught.append(slot)
            condition = self.condition(when) if when is not None else None
            handlers.append((slot, condition, self.nested(handler_node)))
            self.caught.pop()
            self.leave()
            after = _either(after, self.unassigned) if self.completes(handler_node) else after
        self.unassigned = after if after is not None else frozenset()
        final = None
        if node.c is not None:
            after_all, self.unassigned = self.unassigned, before
            final = self.nested(node.c)
            self.unassigned &= after_all

        def run(env: list[Any]) -> Signal | None:
            try:
                return body(env)
            except CSharpException as error:
                for slot, condition, handler in handlers:
                    env[slot] = error
                    if condition is None or _holds(condition, env):
                        return handler(env)
                raise

        if final is None:
            return run
        last = final

        def run_final(env: list[Any]) -> Signal | None:
            try:
                signal = run(env)
            except CSharpException:
                last(env)
                raise
            result = env[RESULT]
            last(env)
            env[RESULT] = result
            return signal

        return run_final

    def hidden(self) -> int:
        """A slot for what has no name."""
        slot, self.slots = self.slots, self.slots + 1
        return slot

    def _s_using(self, node: Node) -> Statement:
        self.enter()
        before = self.slots
        resource = self.statement(node.a)
        if node.a.kind == "local":
            self.readonly.update(range(before, self.slots))
        body = self.nested(node.b)
        self.leave()

        def run(env: list[Any]) -> Signal | None:
            resource(env)
            return body(env)

        return run

    def _s_switch(self, node: Node) -> Statement:
        value = self.rvalue(node.a)
        if value.type not in (STRING, BOOL) and value.type not in INTEGRAL and value.type.name not in ENUMERATIONS:
            raise self.not_modelled(node.pos, f"switch on {value.type}")
        table: dict[Any, Statement] = {}
        default: Statement | None = None
        before = self.unassigned
        self.breaks.append(frozenset())
        self.enter()
        for labels, statements, pos in node.b:
            if self.completes(Node("block", pos, statements)) and not any(_jumps(s, "break") for s in statements):
                raise self.error(pos, "control cannot fall through from one case label to another", "CS0163")
            self.unassigned = before
            section = self.section(statements)
            for label in labels:
                if label is None:
                    default = section
                    continue
                constant = self.rvalue(label)
                if constant.constant is None and constant.type != NULL:
                    raise self.error(pos, "a constant value is expected", "CS0150")
                self.convert(constant, value.type, pos)
                if constant.constant in table:
                    raise self.error(pos, f"the label {constant.constant!r} is there twice", "CS0152")
                table[constant.constant] = section
        self.leave()
        after = self.breaks.pop()
        self.unassigned = after | (before if default is None else frozenset())
        subject = value.run

        def run(env: list[Any]) -> Signal | None:
            chosen = table.get(subject(env), default)
            signal = chosen(env) if chosen is not None else None
            return None if signal is BREAK else signal

        return run

    def section(self, nodes: list[Node]) -> Statement:
        """All sections of a switch share the names that they declare."""
        statements = tuple(self.statement(child) for child in nodes)

        def run(env: list[Any]) -> Signal | None:
            for statement in statements:
                signal = statement(env)
                if signal is not None:
                    return signal
            return None

        return run


def _returning(each: Return) -> Statement:
    def run(env: list[Any]) -> Signal:
        env[RESULT] = each.convert(env)
        return RETURN

    return run


def _holds(condition: Run, env: list[Any]) -> bool:
    """A filter that throws does not hold."""
    try:
        return condition(env)
    except CSharpException:
        return False


def _either(one: frozenset[int] | None, two: frozenset[int] | None) -> frozenset[int]:
    """What may be unassigned where two ways meet; None is a way that does not get there."""
    return (one or frozenset()) | (two or frozenset())


def _rounds() -> Iterator[None]:
    """The rounds of a loop. One without an end would stop the whole local cloud, which waits for no other request meanwhile."""
    yield from repeat(None, _MOST_ROUNDS)
    raise NotImplementedError(f"a loop of more than {_MOST_ROUNDS:,} rounds")


def _jumps(node: Node, kind: str) -> bool:
    """Whether a statement has a `break` or `continue` (the kind) that belongs to the loop, or for `break` the switch, around it."""
    if node.kind == kind:
        return True
    match node.kind:
        case "block":
            return any(_jumps(child, kind) for child in node.a)
        case "if":
            return _jumps(node.b, kind) or (node.c is not None and _jumps(node.c, kind))
        case "try":
            return _jumps(node.a, kind) or any(_jumps(clause[3], kind) for clause in node.b)
        case "using":
            return _jumps(node.b, kind)
        case "switch" if kind == "continue":
            return any(_jumps(statement, kind) for section in node.b for statement in section[1])
        case _:
            return False
