"""Python source of what an expression does: put together piece by piece while it is bound, and compiled as one function.

No text of a policy gets into the source but as a literal of Python: variables are numbers, members are objects.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

_DEEPEST = 30
"""Pieces within pieces, of one function. Python allows 200 parentheses within each other."""
_FLAT, _INDENT = 100, 41
"""Fewer parentheses in a line, and no more blanks before it, are nothing that Python refuses: it allows 20 blocks within each other,
of which ours are indented by four."""


class Code:
    """Python that is evaluated with the environment, `env`.

    In the template `{0}` is a part by its position, evaluated there. `{name}` is an object by its keyword or a further
    part; without a keyword it is a variable of the function, of this piece alone.
    """

    __slots__ = ("_function", "depth", "exists", "fields", "parts", "template")

    def __init__(self, template: str, *parts: "Code", **fields: Any) -> None:
        self.template, self.parts, self.fields = template, parts, fields
        within = (*parts, *fields.values())
        self.depth = 1 + max((part.depth for part in within if isinstance(part, Code)), default=0)
        self.exists = False
        """Whether it is known not to be null."""
        self._function: Callable[[list[Any]], Any] | None = None

    def __call__(self, env: list[Any]) -> Any:
        return self.compiled()(env)

    def compiled(self) -> Callable[[list[Any]], Any]:
        """What it is as a function."""
        if self._function is None:
            self._function = compiled(self)
        return self._function

    def written(self, module: "Module") -> str:
        """The source, with parentheses where it needs them."""
        return f"({self.line(self.template, {}, module)})"

    def line(self, template: str, names: dict[str, str], module: "Module") -> str:
        """A filled template; `names` are those of the piece's own variables."""
        text: list[str] = []
        for between, field in _pieces(template):
            text.append(between)
            if isinstance(field, int):
                text.append(self.parts[field].written(module))
            elif field in self.fields:
                given = self.fields[field]
                text.append(given.written(module) if isinstance(given, Code) else module.named(given))
            elif field:
                if field not in names:
                    names[field] = module.variable()
                text.append(names[field])
        return "".join(text)


_LITERALS = (str, int, bool, type(None))


class Constant(Code):
    """A value that is known."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        super().__init__("")
        self.value = value
        self.depth, self.exists = 0, value is not None

    def written(self, module: "Module") -> str:
        value: Any = self.value
        kind = value.__class__
        if kind not in _LITERALS and not (kind is float and math.isfinite(value)):
            return module.named(value)
        text = repr(value)
        return f"({text})" if text[0] == "-" else text


class Variable(Code):
    """A variable of the environment."""

    __slots__ = ("slot",)

    def __init__(self, slot: int) -> None:
        super().__init__("")
        self.slot = slot
        self.depth = 0

    def written(self, module: "Module") -> str:
        return f"env[{self.slot}]"


class Assignment(Code):
    """A variable of the environment gets a value, which is that of the whole."""

    __slots__ = ("slot",)

    def __init__(self, slot: int, value: Code) -> None:
        super().__init__(f"{{put}}(env, {slot}, {{0}})", value, put=put)
        self.slot = slot

    def alone(self) -> "Statement":
        """The same as a statement."""
        return Statement(f"env[{self.slot}] = {{0}}", *self.parts)


def put(env: list[Any], slot: int, value: Any) -> Any:
    """Gives a variable its value within an expression."""
    env[slot] = value
    return value


class Temporary(Code):
    """A variable of the function that several pieces share, within one that gives it its value. It is never part of a
    value that is bound: that may become a function of its own."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("")
        self.depth = 0

    def written(self, module: "Module") -> str:
        return module.shared(self)


class Later(Code):
    """A piece that is known once all is bound."""

    __slots__ = ("find",)

    def __init__(self, find: Callable[[], Code]) -> None:
        super().__init__("")
        self.find = find

    def written(self, module: "Module") -> str:
        return self.find().written(module)


class Apart(Code):
    """A piece that becomes a function of its own, because it is too deep for one."""

    __slots__ = ("run",)

    def __init__(self, piece: Code) -> None:
        super().__init__("")
        # At once: what is deeper still is built from this one, not through it.
        self.depth, self.run = 0, piece.compiled()

    def written(self, module: "Module") -> str:
        return f"{module.named(self.run)}(env)"


class Statement(Code):
    """Lines of Python. A line that is only `{name}` stands for statements within this one."""

    __slots__ = ()

    def lines(self, module: "Module") -> Iterator[str]:
        names: dict[str, str] = {}
        for line in self.template.split("\n"):
            bare = line.strip()
            within = self.fields.get(bare[1:-1]) if bare[:1] == "{" and bare[-1:] == "}" else None
            if isinstance(within, Statement | tuple):
                indent = line[: len(line) - len(bare)]
                yield from (indent + each for each in block(within, module))
            else:
                yield self.line(line, names, module)


class Choice(Statement):
    """`if`, and what is done otherwise."""

    __slots__ = ("condition", "other", "then")

    def __init__(self, condition: Code, then: Statement, other: Statement | None) -> None:
        super().__init__("")
        self.condition, self.then, self.other = condition, then, other

    def lines(self, module: "Module") -> Iterator[str]:
        choice: Statement | None = self
        word = "if"
        while isinstance(choice, Choice):
            yield f"{word} {choice.condition.written(module)}:"
            yield from (f"    {line}" for line in block(choice.then, module))
            choice, word = choice.other, "elif"
        if choice is not None:
            yield "else:"
            yield from (f"    {line}" for line in block(choice, module))


def block(statements: "Statement | tuple[Statement, ...]", module: "Module") -> list[str]:
    """Lines of statements, at least one."""
    each = statements if isinstance(statements, tuple) else (statements,)
    return [line for statement in each for line in statement.lines(module)] or ["pass"]


class Function:
    """A function of the environment and of arguments, which become variables of the environment."""

    def __init__(self, slots: Sequence[int], body: Code) -> None:
        self.slots, self.body = slots, body
        self._function: Callable[..., Any] | None = None

    def __call__(self, env: list[Any], *arguments: Any) -> Any:
        return self.compiled()(env, *arguments)

    def compiled(self) -> Callable[..., Any]:
        if self._function is None:
            self._function = compiled(self.body, self.slots)
        return self._function


class Module:
    """What the source of one function names."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {"__builtins__": {}}
        self._names: dict[int, str] = {}
        self._shared: dict[Temporary, str] = {}
        self._variables = 0

    def named(self, thing: Any) -> str:
        """The name of an object."""
        if id(thing) not in self._names:
            name = self._names[id(thing)] = f"o{len(self._names)}"
            self.objects[name] = thing.compiled() if isinstance(thing, Function) else thing
            # As long as the module is there: the place in memory is its key.
            self.objects[f"{name}_given"] = thing
        return self._names[id(thing)]

    def variable(self) -> str:
        self._variables += 1
        return f"v{self._variables}"

    def shared(self, temporary: Temporary) -> str:
        if temporary not in self._shared:
            self._shared[temporary] = self.variable()
        return self._shared[temporary]


def compiled(body: Code, slots: Sequence[int] = ()) -> Callable[..., Any]:
    """The function of the environment, and of values for variables, that a piece is.

    Raises:
        NotImplementedError: it is nested deeper than Python allows.
    """
    return _defined(*_source(body, slots))


def compiled_later(body: Code) -> Callable[[], Callable[[list[Any]], Any]]:
    """Gives the function of the environment that a piece is: Python compiles it when it is asked for, as most expressions of a gateway
    never run. What Python might refuse is compiled at once.

    Raises:
        NotImplementedError: it is nested deeper than Python allows.
    """
    text, objects = _source(body, ())
    if all(line.count("(") < _FLAT and line[:_INDENT].strip() for line in text.split("\n")):
        return lambda: _defined(text, objects)
    run = _defined(text, objects)
    return lambda: run


def _source(body: Code, slots: Sequence[int]) -> tuple[str, dict[str, Any]]:
    """A function of Python, and the objects that it names."""
    module = Module()
    arguments = [f"a{slot}" for slot in slots]
    lines = [f"env[{slot}] = a{slot}" for slot in slots]
    lines += block(body, module) if isinstance(body, Statement) else [f"return {body.written(module)}"]
    return "\n ".join([f"def run({', '.join(['env', *arguments])}):", *lines]), module.objects


def _defined(text: str, objects: dict[str, Any]) -> Callable[..., Any]:
    try:
        exec(compile(text, "<expression>", "exec"), objects)  # noqa: S102 - nothing of a policy is in it
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise NotImplementedError(f"an expression nested this deep ({error})") from error
    return objects["run"]


def shallow(run: Code) -> Code:
    """The same, in a function of its own if it is too deep to be part of another piece."""
    return Apart(run) if run.depth > _DEEPEST else run


def places(count: int) -> str:
    """`{0}, {1}, ...` of a template: its first parts."""
    return ", ".join(f"{{{n}}}" for n in range(count))


def simple(run: Code) -> bool:
    """Whether it makes no difference when it is evaluated."""
    return isinstance(run, Constant | Variable)


@cache
def _pieces(template: str) -> tuple[tuple[str, int | str], ...]:
    """Text and the field after it, which is empty at the end."""
    found: list[tuple[str, int | str]] = []
    rest = template
    while "{" in rest:
        between, _, after = rest.partition("{")
        field, _, rest = after.partition("}")
        found.append((between, int(field) if field.isdigit() else field))
    return (*found, (rest, ""))
