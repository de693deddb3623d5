"""Binding of statements, with C#'s rules of definite assignment and of what can be reached."""

from collections.abc import Callable, Mapping
from typing import Any

from apim_policies.expressions.binding.calls import LocalFunction
from apim_policies.expressions.binding.flow import completes, declared, either, jumps
from apim_policies.expressions.binding.loops import Loops
from apim_policies.expressions.binding.scope import Extension, Return, TypeName
from apim_policies.expressions.code import Assignment, Choice, Code, Function, Later, Statement, Temporary
from apim_policies.expressions.syntax.tree import Node, Source
from apim_policies.expressions.types import (
    BOOL,
    ENUMERATIONS,
    EXCEPTION,
    INTEGRAL,
    NULL,
    OBJECT,
    STRING,
    VOID,
    Type,
    bases,
    underlying,
)
from apim_policies.expressions.values.failures import CSharpException


class Statements(Loops):
    """A statement becomes a function that says how it ended."""

    def __init__(self, source: Source, extensions: Mapping[str, Extension]) -> None:
        super().__init__(source, extensions)
        self.caught: list[int] = []
        """Slots of the exceptions of the catch clauses around this place."""

    def statement(self, node: Node) -> Statement:
        handler = getattr(self, f"_s_{node.kind}", None)
        if handler is None:
            raise self.not_modelled(node.pos, f"the statement '{node.kind}'")
        return handler(node)

    def _s_block(self, node: Node) -> Statement:
        self.enter()
        self.look_ahead(node.a)
        self.unsure |= not all(map(completes, node.a[:-1]))
        statements = tuple(self.statement(child) for child in node.a)
        self.look_back(node.a)
        self.leave()
        return statements[0] if len(statements) == 1 else Statement("{body}", body=statements)

    def look_ahead(self, nodes: list[Node]) -> None:
        """What a block declares is known in all of it: functions can be called there, variables hide others."""
        for child in nodes:
            if child.kind == "function":
                self.announce(child)
        self.later.append({name for child in nodes for name in declared(child)})

    def look_back(self, nodes: list[Node]) -> None:
        self.later.pop()
        for child in nodes:
            if child.kind == "function":
                del self.functions[child.a[1]]

    def announce(self, node: Node) -> None:
        """A local function can be called before it is declared."""
        returns, name = node.a
        if name in self.functions or self.variable(name) is not None:
            raise self.error(node.pos, f"a local function or variable named '{name}' is already defined here", "CS0128")
        parameters = [self.type(type_) for type_, _ in node.b]
        void = returns.kind == "tname" and returns.a == "void"
        self.functions[name] = LocalFunction(parameters, VOID if void else self.type(returns))

    def _s_function(self, node: Node) -> Statement:
        function: LocalFunction = self.functions[node.a[1]]
        self.enter()
        before, outer, self.returns = self.unassigned, self.returns, []
        self.deferred += 1
        outside, self.outside = self.outside, self.slots
        self.around.append("function")
        pairs = zip(node.b, function.parameters, strict=True)
        function.slots = [self.declare(node.pos, name, type_) for (_, name), type_ in pairs]
        captures = len(self.captures)
        if node.d:
            body = self.statement(node.c)
            if completes(node.c) and function.returns != VOID:
                raise self.error(node.pos, "not all code paths return a value", "" if self.unsure else "CS0161")
        elif function.returns == VOID:
            body = self._s_expr(Node("expr", node.pos, node.c))
        else:
            value = Return(node.pos, self.rvalue(node.c))
            self.returns.append(value)
            body = _returning(value)
        for each in self.returns:
            if function.returns == VOID and each.value is not None:
                raise self.error(each.pos, "a function that returns nothing returns a value", "CS0127")
            if each.value is None:
                if function.returns != VOID:
                    raise self.error(each.pos, "a function must return a value", "CS0126")
                continue
            each.convert = self.convert(each.value, function.returns, each.pos)
        if len(self.captures) > captures:
            raise self.not_modelled(node.pos, "a lambda that runs later in a local function")
        function.body, function.last = Function((), body), self.slots
        self.around.pop()
        self.deferred -= 1
        self.returns, self.unassigned, self.outside = outer, before, outside
        self.leave()
        return Statement("pass")

    def _s_expr(self, node: Node) -> Statement:
        if node.a.kind == "un" and node.a.a not in {"++", "--"}:
            raise self.error(node.pos, "only assignment, call, increment and new can be used as a statement", "CS0201")
        if node.a.kind not in {"assign", "call", "post", "un", "cond", "new"}:
            raise self.error(node.pos, "only assignment, call, increment and new can be used as a statement", "CS0201")
        # Nobody asks for the value from before.
        value = self.expr(node.a) if node.a.kind != "post" else self.increment(node.a, prefix=True)
        if isinstance(value, TypeName):
            raise self.error(node.pos, "a type is not a statement", "CS0118")
        return value.run.alone() if isinstance(value.run, Assignment) else Statement("{0}", value.run)

    def _s_return(self, node: Node) -> Statement:
        self.jump(node)
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
            return Statement(f"raise env[{self.caught[-1]}]")
        error = self.thrown(node)
        self.unassigned = frozenset()
        return Statement("raise {0}", error)

    def jump(self, node: Node, *ends: str) -> None:
        """
        Raises:
            ExpressionError: a jump has nothing to leave, or leaves a finally block.
        """
        for place in reversed(self.around):
            if place == "finally":
                raise self.error(node.pos, "control cannot leave the body of a finally clause", "CS0157")
            if place in ends:
                return
            if place == "lambda" and node.kind != "return" and set(ends) & set(self.around):
                raise self.error(node.pos, f"control cannot {node.kind} out of a lambda", "CS1632")
            if place in {"function", "lambda"}:
                break
        if node.kind != "return":
            raise self.error(node.pos, f"no enclosing loop out of which to {node.kind}", "CS0139")

    def _s_break(self, node: Node) -> Statement:
        self.jump(node, "loop", "switch")
        self.breaks[-1] |= self.unassigned
        self.unassigned = frozenset()
        return Statement("break")

    def _s_continue(self, node: Node) -> Statement:
        self.jump(node, "loop")
        self.continues[-1] |= self.unassigned
        self.unassigned = frozenset()
        return self.next_round()

    def _s_local(self, node: Node) -> Statement:
        actions: list[Assignment] = []
        constants: list[Any] = []
        for name, initial, pos in node.b:
            if node.a.kind == "tvar":
                if initial is None:
                    raise self.error(pos, "an implicitly typed variable must be initialized", "CS0818")
                value = self.expr(initial)
                if isinstance(value, TypeName):
                    value = self.rvalue(initial)
                if value.type in (NULL, VOID):
                    raise self.error(pos, f"cannot assign {value.type} to an implicitly typed variable", "CS0815")
                slot = self.declare(pos, name, value.type)
                actions.append(Assignment(slot, value.run))
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
                actions.append(Assignment(slot, run))
                continue
            value = self.array_initial(initial, declared) if initial.kind == "init" else self.rvalue(initial, declared)
            run = self.convert(value, declared, pos)
            constants.append(value.constant if value.type == declared or declared in INTEGRAL else None)
            actions.append(Assignment(self.declare(pos, name, declared), run))

        if node.c:
            self.readonly.update(action.slot for action in actions)
            for action, constant in zip(actions, constants, strict=True):
                if constant is None:
                    raise self.not_modelled(node.pos, "a constant of this value")
                self.constants[action.slot] = constant

        return Statement("{all}", all=tuple(action.alone() for action in actions))

    def _s_if(self, node: Node) -> Statement:
        condition, when_true, when_false = self.branching(node.a)
        self.unassigned = when_true
        then = self.nested(node.b)
        after_then = self.unassigned if completes(node.b) else None
        self.unassigned = when_false
        other = self.nested(node.c) if node.c is not None else None
        after_else = self.unassigned if node.c is None or completes(node.c) else None
        self.unassigned = either(after_then, after_else)
        return Choice(condition, then, other)

    def _s_try(self, node: Node) -> Statement:
        before, error = self.unassigned, Temporary()
        body = self.nested(node.a)
        after = self.unassigned if completes(node.a) else None
        handlers: list[tuple[int, Code | None, Statement]] = []
        for number, (type_, name, when, handler_node, pos) in enumerate(node.b):
            if type_ is not None and self.type(type_) != EXCEPTION:
                raise self.not_modelled(pos, "catching other types than Exception")
            if number + 1 < len(node.b) and type_ is None:
                raise self.error(pos, "no catch clause can follow one without a type", "CS1017" if when is None else "")
            if when is None and any(other[0] is not None for other in node.b[number + 1 :]):
                raise self.error(pos, "a previous catch clause catches all exceptions", "CS0160")
            self.unassigned = before
            self.enter()
            slot = self.declare(pos, name, EXCEPTION) if name else self.hidden()
            self.caught.append(slot)
            condition = self.condition(when) if when is not None else None
            handlers.append((slot, condition, self.nested(handler_node)))
            self.caught.pop()
            self.leave()
            after = either(after, self.unassigned) if completes(handler_node) else after
        self.unassigned = after if after is not None else frozenset()
        final = None
        if node.c is not None:
            after_all, self.unassigned = self.unassigned, before
            self.around.append("finally")
            final = self.nested(node.c)
            self.around.pop()
            self.unassigned &= after_all

        caught: Statement = Statement("raise")
        for slot, condition, handler in reversed(handlers):
            entered = Statement(f"env[{slot}] = {{error}}", error=error)
            if condition is None:
                caught = Statement("{entered}\n{handler}", entered=entered, handler=handler)
                continue
            holds = Code("{holds}({condition}, env)", holds=_holds, condition=Function((), condition))
            caught = Statement("{entered}\n{chosen}", entered=entered, chosen=Choice(holds, handler, caught))
        tried = body
        if handlers:
            tried = Statement(_TRY, body=body, exception=CSharpException, error=error, caught=caught)
        if final is None:
            return tried
        return Statement(_FINALLY, tried=tried, exception=CSharpException, failure=Exception, final=final)

    def _s_using(self, node: Node) -> Statement:
        self.enter()
        before = self.slots
        if node.a.kind == "local":
            resource = self.statement(node.a)
            held = [type_ for type_, slot in self.scopes[-1].values() if slot >= before]
            self.readonly.update(range(before, self.slots))
        else:
            value = self.rvalue(node.a.a)
            resource, held = Statement("{0}", value.run), [value.type]
        for type_ in held:
            if type_ != NULL and not _disposable(type_):
                raise self.error(node.pos, f"'{type_}' cannot be disposed of, as using does", "CS1674")
        body = self.nested(node.b)
        self.leave()
        return Statement("{resource}\n{body}", resource=resource, body=body)

    def _s_checkedblock(self, node: Node) -> Statement:
        before, self.checks = self.checks, node.b
        body = self.nested(node.a)
        self.checks = before
        return body

    def _s_switch(self, node: Node) -> Statement:
        value = self.rvalue(node.a)
        plain = underlying(value.type)
        if plain not in (STRING, BOOL) and plain not in INTEGRAL and plain.name not in ENUMERATIONS:
            raise self.not_modelled(node.pos, f"switch on {value.type}")
        self.unsure |= value.constant is not None
        known: set[Any] = set()
        sections: list[tuple[tuple[Any, ...], Statement]] = []
        default: Statement | None = None
        before = self.unassigned
        self.breaks.append(frozenset())
        self.enter()
        everything = [statement for _, statements, _ in node.b for statement in statements]
        left = Temporary() if any(_leaves(statements) for _, statements, _ in node.b) else None
        if left is not None:
            self.leaving.append(left)
        self.look_ahead(everything)
        self.around.append("switch")
        for labels, statements, pos in node.b:
            if completes(Node("block", pos, statements)) and not any(jumps(s, "break") for s in statements):
                raise self.error(pos, "control cannot fall through from one case label to another", "CS0163")
            self.unassigned = before
            section = self.section(statements)
            constants: list[Any] = []
            for label in labels:
                if label is None:
                    default = section
                    continue
                constant = self.rvalue(label)
                if constant.constant is None and constant.type != NULL:
                    raise self.error(pos, "a constant value is expected", "CS0150")
                self.convert(constant, value.type, pos)
                if constant.constant in known:
                    raise self.error(pos, f"the label {constant.constant!r} is there twice", "CS0152")
                known.add(constant.constant)
                constants.append(constant.constant)
            if constants and None not in labels:
                sections.append((tuple(constants), section))
        self.around.pop()
        if left is not None:
            self.leaving.pop()
        self.look_back(everything)
        self.leave()
        after = self.breaks.pop()
        self.unassigned = after | (before if default is None else frozenset())
        subject = Temporary()
        chosen = default
        for values, section in reversed(sections):
            chosen = Choice(Code("{subject} in {values}", subject=subject, values=values), section, chosen)
        body = Statement("{subject} = {0}\n{chosen}", value.run, subject=subject, chosen=chosen or ())
        if left is None:
            return body
        further = self.next_round() if any(jumps(statement, "continue") for statement in everything) else ()
        return Statement(_SWITCH, left=left, body=body, further=further)

    def section(self, nodes: list[Node]) -> Statement:
        """All sections of a switch share the names that they declare."""
        statements = tuple(self.statement(child) for child in nodes)
        # At the end there is nothing to leave.
        return Statement("{body}", body=statements[:-1] if nodes[-1].kind == "break" else statements)


_TRY = """\
try:
    {body}
except {exception} as {error}:
    {caught}"""
# What is not modelled ends everything: a finally block must not hide it.
_FINALLY = """\
{ended} = False
try:
    {tried}
except {exception}:
    raise
except {failure}:
    {ended} = True
    raise
finally:
    if not {ended}:
        {final}"""
# A loop of one round, which `break` leaves; `continue` leaves it, too, and goes on outside.
_SWITCH = """\
{left} = False
for {_} in (None,):
    {body}
if {left}:
    {further}"""


def _returning(each: Return) -> Statement:
    return Statement("return {0}", Later(lambda: each.convert))


def _leaves(section: list[Node]) -> bool:
    """Whether a section of a switch is left by a `break` that is not its end."""
    return any(jumps(each, "break") for each in (section[:-1] if section[-1].kind == "break" else section))


def _disposable(type_: Type) -> bool:
    """Of all that is modelled, what keys and random numbers are made with."""
    disposable = {"RNGCryptoServiceProvider", "RSA", "X509Certificate2"}
    return "HashAlgorithm" in (type_.name, *bases(type_)) or type_.name in disposable


def _holds(condition: Callable[..., Any], env: list[Any]) -> bool:
    """A filter that throws does not hold."""
    try:
        return condition(env)
    except CSharpException:
        return False
