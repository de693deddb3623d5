"""Random bodies `@{ … }`: declarations, branches, loops, exceptions and functions around random expressions.

Every loop ends: its counter is changed by the loop alone. Now and then a body has a mistake that the compiler must find.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

from apim_policies.expressions.types import (
    BOOL,
    BYTE,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    GUID,
    INT,
    JARRAY,
    JOBJECT,
    JTOKEN,
    LONG,
    OBJECT,
    STRING,
    STRINGS,
    TIMESPAN,
    Type,
    array,
    element_of,
    generic,
    is_reference,
    nullable,
)
from fuzz.expressions import Expressions, usable
from fuzz.mistakes import MISTAKES
from fuzz.scope import Local, Scope

_LIST_OF_TEXTS, _LIST_OF_NUMBERS = generic("List", STRING), generic("List", INT)
_NUMBERS_BY_TEXT = generic("Dictionary", STRING, INT)
_BUILDER, _ELEMENT = Type("StringBuilder"), Type("XElement")
_HELD = (
    INT, INT, INT, INT, STRING, STRING, STRING, LONG, DOUBLE, DECIMAL, BOOL, BOOL, CHAR, BYTE, OBJECT, OBJECT,
    nullable(INT), nullable(INT), nullable(BOOL), nullable(LONG), nullable(DOUBLE), STRINGS, array(INT), _LIST_OF_TEXTS,
    _LIST_OF_NUMBERS, _NUMBERS_BY_TEXT, JOBJECT, JTOKEN, JARRAY, DATETIME, TIMESPAN, GUID, _BUILDER, _ELEMENT,
)  # fmt: skip
"""Types of locals, the usual ones more than once."""
_WIDENED: dict[Type, tuple[Type, ...]] = {
    INT: (CHAR, BYTE),
    LONG: (INT, CHAR),
    DOUBLE: (INT, LONG),
    DECIMAL: (INT, LONG),
    OBJECT: (INT, STRING, LONG, DOUBLE, BOOL, CHAR, JTOKEN, nullable(INT), DATETIME, STRINGS, DECIMAL, BYTE),
    nullable(INT): (INT, CHAR),
    nullable(LONG): (INT, LONG, nullable(INT)),
    nullable(DOUBLE): (INT, DOUBLE, nullable(LONG)),
    nullable(BOOL): (BOOL,),
    JTOKEN: (STRING, INT, BOOL, DOUBLE, JOBJECT, JARRAY),
}
"""What converts to a type by itself."""
_CHANGED_BY: dict[Type, tuple[tuple[str, Type], ...]] = {
    INT: (
        *((f"{sign}=", INT) for sign in ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>")),
        ("+=", CHAR),
    ),
    LONG: (("+=", INT), ("-=", LONG), ("*=", INT), ("/=", LONG), ("%=", INT), ("<<=", INT), ("&=", LONG)),
    DOUBLE: (("+=", DOUBLE), ("-=", INT), ("*=", DOUBLE), ("/=", LONG)),
    DECIMAL: (("+=", DECIMAL), ("*=", INT), ("-=", DECIMAL)),
    STRING: (("+=", STRING), ("+=", INT), ("+=", CHAR), ("+=", OBJECT), ("+=", BOOL), ("+=", DOUBLE), ("+=", JTOKEN)),
    BOOL: (("&=", BOOL), ("|=", BOOL), ("^=", BOOL)),
    CHAR: (("+=", CHAR),),
    BYTE: (("+=", BYTE), ("^=", BYTE), ("<<=", INT)),
    nullable(INT): (("+=", INT), ("*=", nullable(INT)), ("-=", INT)),
    nullable(BOOL): (("&=", BOOL), ("|=", nullable(BOOL))),
    DATETIME: (("+=", TIMESPAN), ("-=", TIMESPAN)),
    TIMESPAN: (("+=", TIMESPAN), ("-=", TIMESPAN)),
}
"""Compound assignment by the type of its target."""
_LABELS: dict[Type, tuple[str, ...]] = {
    INT: ("0", "1", "2", "7", "-1", "42", "int.MaxValue"),
    STRING: ('"a"', '"abc"', '""', '"POST"', '"12"', "null"),
    CHAR: ("'a'", "'Z'", "','", "'0'"),
    BOOL: ("true", "false"),
    LONG: ("0", "1L", "5000000000"),
    nullable(INT): ("null", "5", "0"),
}
_INTERPOLATED = {INT: (",4", ":D3", ":X2"), DOUBLE: (":F1", ",8:0.00", ":E2"), DATETIME: (":yyyy-MM-dd", ":HHmm"),
                 DECIMAL: (":N2", ""), TIMESPAN: (":c", ""), GUID: (":N", ""), LONG: (":N0", ",-3")}  # fmt: skip
_PARSED = {
    "int": INT,
    "long": LONG,
    "double": DOUBLE,
    "bool": BOOL,
    "DateTime": DATETIME,
    "Guid": GUID,
    "decimal": DECIMAL,
}
_FUNCTIONS = (INT, STRING, BOOL, LONG, DOUBLE, CHAR)
_LONGEST = 1500


class Place(NamedTuple):
    """Where a statement stands: what it may jump out of, and what it returns there (None is anything)."""

    loop: bool = False
    returns: Type | None = None
    nested: int = 0
    """How many loops there are around it: what they do together must end soon."""


Declared = tuple[str, Scope]
"""A statement and what it adds to the scope."""


class Statements:
    """Makes random bodies. The same chance makes the same ones."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.expressions = Expressions(chance)
        self.pick = self.expressions.pick
        self._names = 0
        self._kinds: tuple[tuple[int, Callable[[Scope, int, Place], Declared]], ...] = (
            (10, self._declaration),
            (8, self._assignment),
            (5, self._mutation),
            (6, self._if),
            (4, self._for),
            (4, self._foreach),
            (3, self._while),
            (4, self._switch),
            (4, self._try),
            (4, self._lambda),
            (4, self._function),
            (4, self._out),
            (3, self._pattern),
            (3, self._nullable),
            (2, self._using),
            (2, self._anonymous),
            (2, self._closures),
            (3, self._interpolation),
            (2, self._jump),
        )

    def body(self, depth: int) -> str:
        """A whole body, `@{ }`."""
        while True:
            self._names = 0
            scope: Scope = ()
            lines: list[str] = []
            for _ in range(self.chance.randrange(2, 4)):
                text, declared = self._declaration(scope, depth, Place())
                lines.append(text)
                scope += declared
            more, scope = self._block(scope, depth, Place())
            lines += more
            if self.chance.random() < 0.12:
                lines.insert(self.chance.randrange(len(lines) + 1), self._mistake(scope))
            lines.append(self._result(scope))
            text = "@{ " + " ".join(lines) + " }"
            if usable(text, _LONGEST):
                return text

    def _block(self, scope: Scope, depth: int, place: Place) -> tuple[list[str], Scope]:
        lines: list[str] = []
        for _ in range(self.chance.randrange(1, 4)):
            text, declared = self._statement(scope, depth, place)
            lines.append(text)
            scope += declared
        return lines, scope

    def _braced(self, scope: Scope, depth: int, place: Place) -> str:
        return "{ " + " ".join(self._block(scope, depth - 1, place)[0]) + " }"

    def _statement(self, scope: Scope, depth: int, place: Place) -> Declared:
        weights, kinds = zip(*self._kinds, strict=True)
        if depth <= 0:
            kinds, weights = kinds[:3], weights[:3]
        (kind,) = self.chance.choices(kinds, weights)
        return kind(scope, depth, place)

    def _name(self, start: str = "v") -> str:
        self._names += 1
        return f"{start}{self._names}"

    def _value(self, type_: Type, scope: Scope, depth: int = 2) -> str:
        """An expression that can be assigned to a type."""
        if type_ in _WIDENED and self.chance.random() < 0.3:
            type_ = self.pick(_WIDENED[type_])
        return self.expressions.make(type_, self.chance.randrange(depth + 1), scope)

    def _exact(self, type_: Type, scope: Scope, depth: int = 2) -> str:
        return self.expressions.make(type_, self.chance.randrange(depth + 1), scope)

    def _test(self, scope: Scope) -> str:
        return self._exact(BOOL, scope)

    def _changeable(self, scope: Scope, types: object = None) -> Local | None:
        found = [local for local in scope if local.mutable and (types is None or local.type in types)]  # type: ignore[operator]
        return self.pick(found) if found else None

    def _declaration(self, scope: Scope, depth: int, place: Place) -> Declared:
        type_, name = self.pick(_HELD), self._name()
        here = (Local(name, type_, mutable=True),)
        match self.chance.randrange(12):
            case 0:
                ways = f"if ({self._test(scope)}) {name} = {self._value(type_, scope)}; else {name} = {self._value(type_, scope)};"
                return f"{type_} {name}; {ways}", here
            case 1 if type_ in (INT, STRING, BOOL, LONG):
                texts = {INT: "7 * 6 - 1", STRING: '"k" + "v"', BOOL: "1 < 2", LONG: "1L << 33"}
                return f"const {type_} {name} = {texts[type_]};", (Local(name, type_),)
            case 2 if type_ == INT:
                other = self._name()
                text = f"int {name} = {self._value(INT, scope)}, {other} = {self._value(INT, (*scope, *here))};"
                return text, (*here, Local(other, INT, mutable=True))
            case n if n < 7:
                return f"var {name} = {self._exact(type_, scope)};", here
            case _:
                return f"{type_} {name} = {self._value(type_, scope)};", here

    def _assignment(self, scope: Scope, depth: int, place: Place) -> Declared:
        local = self._changeable(scope)
        if local is None:
            return self._declaration(scope, depth, place)
        if local.type in (INT, LONG, DOUBLE, CHAR, BYTE, nullable(INT), DECIMAL) and self.chance.random() < 0.3:
            return self.pick(("{}++;", "{}--;", "++{};", "--{};")).format(local.name), ()
        if local.type in _CHANGED_BY and self.chance.random() < 0.6:
            operator, given = self.pick(_CHANGED_BY[local.type])
            return f"{local.name} {operator} {self._exact(given, scope)};", ()
        return f"{local.name} = {self._value(local.type, scope)};", ()

    def _mutation(self, scope: Scope, depth: int, place: Place) -> Declared:
        """Something that is held is changed, not what holds it."""
        ways: dict[Type, Callable[[str], str]] = {
            STRINGS: lambda name: f"{name}[{self._index()}] {self.pick(('=', '+='))} {self._exact(STRING, scope)};",
            array(INT): lambda name: (
                f"{name}[{self._index()}] {self.pick(('=', '+=', '*=', '-='))} {self._exact(INT, scope)};"
                if self.chance.random() < 0.7
                else f"{name}[{self._index()}]{self.pick(('++', '--'))};"
            ),
            _LIST_OF_TEXTS: lambda name: self.pick(
                (
                    f"{name}.Add({self._exact(STRING, scope)});",
                    f"{name}.Insert({self._index()}, {self._exact(STRING, scope)});",
                    f"{name}.RemoveAt({self._index()});",
                    f"{name}[{self._index()}] = {self._exact(STRING, scope)};",
                )
            ),
            _LIST_OF_NUMBERS: lambda name: self.pick(
                (
                    f"{name}.Add({self._exact(INT, scope)});",
                    f"{name}[{self._index()}] += {self._exact(INT, scope)};",
                    f"{name}.Clear();",
                    f"{name}.Remove({self._exact(INT, scope)});",
                )
            ),
            _NUMBERS_BY_TEXT: lambda name: self.pick(
                (
                    f"{name}[{self._exact(STRING, scope)}] = {self._exact(INT, scope)};",
                    f'{name}["k"] {self.pick(("+=", "-=", "*="))} {self._exact(INT, scope)};',
                    f'{name}["k"]++;',
                    f"{name}.Add({self._exact(STRING, scope)}, 1);",
                    f'{name}.Remove("k");',
                )
            ),
            JOBJECT: lambda name: self.pick(
                (
                    f'{name}["k"] = {self._value(JTOKEN, scope)};',
                    f'{name}.Add("n{self.chance.randrange(3)}", {self._value(JTOKEN, scope)});',
                    f'{name}.Remove("a");',
                )
            ),
            JARRAY: lambda name: self.pick(
                (f"{name}.Add({self._value(JTOKEN, scope)});", f"{name}[0] = {self._value(JTOKEN, scope)};")
            ),
            _ELEMENT: lambda name: self.pick(
                (
                    f"{name}.Add({self._exact(self.pick((_ELEMENT, Type('XAttribute'), STRING, INT)), scope)});",
                    f'{name}.SetAttributeValue("k", {self._exact(self.pick((STRING, INT, BOOL)), scope)});',
                    f"{name}.Value = {self._exact(STRING, scope)};",
                )
            ),
            _BUILDER: lambda name: self.pick(
                (
                    f"{name}.Append({self._exact(self.pick((STRING, INT, CHAR, BOOL)), scope)});",
                    f"{name}.Length = {self._index()};",
                    f"{name}.Append(\"x\").Append({self._exact(INT, scope)}).Append('y');",
                )
            ),
        }
        local = self._changeable(scope, ways)
        if local is None:
            return self._assignment(scope, depth, place)
        return ways[local.type](local.name), ()

    def _index(self) -> str:
        return self.pick(("0", "0", "1", "2"))

    def _if(self, scope: Scope, depth: int, place: Place) -> Declared:
        text = f"if ({self._test(scope)}) {self._braced(scope, depth, place)}"
        while self.chance.random() < 0.3:
            text += f" else if ({self._test(scope)}) {self._braced(scope, depth, place)}"
        if self.chance.random() < 0.6:
            text += f" else {self._braced(scope, depth, place)}"
        return text, ()

    def _loop(self, scope: Scope, depth: int, place: Place) -> str:
        return self._braced(scope, depth, Place(True, place.returns, place.nested + 1))

    def _for(self, scope: Scope, depth: int, place: Place) -> Declared:
        if place.nested > 1:
            return self._assignment(scope, depth, place)
        name, most = self._name("i"), self.chance.randrange(1, 5)
        inner = (*scope, Local(name, INT))
        head = self.pick(
            (
                f"int {name} = 0; {name} < {most}; {name}++",
                f"int {name} = {most}; {name} > 0; {name} -= 2",
                f"int {name} = 0, n{name} = {most}; {name} < n{name}; ++{name}",
                f"var {name} = {most}; {name}-- > 0;",
            )
        )
        return f"for ({head}) {self._loop(inner, depth, place)}", ()

    def _foreach(self, scope: Scope, depth: int, place: Place) -> Declared:
        if place.nested > 1:
            return self._assignment(scope, depth, place)
        kind = self.pick(
            (STRINGS, array(INT), _LIST_OF_TEXTS, _LIST_OF_NUMBERS, STRING, _NUMBERS_BY_TEXT, JARRAY, JOBJECT)
        )
        name, element = self._name("e"), element_of(kind)
        assert element is not None
        source = self._exact(kind, scope)
        if element in (STRING, INT) and self.chance.random() < 0.4:
            source = f"({source}).Take(3)"
        shown = str(element) if self.chance.random() < 0.4 else "var"
        inner: Scope = (*scope, Local(name, element))
        before = ""
        if element.name == "KeyValuePair":
            held = self._name()
            before = f"{element.args[1]} {held} = {name}.Value; "
            inner = (*scope, Local(held, element.args[1], mutable=True))
        block = self._loop(inner, depth, place)
        return f"foreach ({shown} {name} in {source}) {{ {before}{block[2:]}", ()

    def _while(self, scope: Scope, depth: int, place: Place) -> Declared:
        if place.nested > 1:
            return self._assignment(scope, depth, place)
        name = self._name("w")
        start, test = f"int {name} = 0;", f"{name} < {self.chance.randrange(1, 4)}"
        if self.chance.random() < 0.4:
            test = f"{test} && {self._test(scope)}"
        block = self._loop((*scope, Local(name, INT)), depth, place)
        counted = f"{{ {name}++; {block[2:]}"
        here = (Local(name, INT),)
        if self.chance.random() < 0.3:
            return f"{start} do {counted} while ({test});", here
        if self.chance.random() < 0.3:
            return f"{start} while (true) {{ if (!({test})) break; {name}++; {block[2:]}", here
        return f"{start} while ({test}) {counted}", here

    def _switch(self, scope: Scope, depth: int, place: Place) -> Declared:
        type_ = self.pick(list(_LABELS))
        labels = self.chance.sample(_LABELS[type_], min(len(_LABELS[type_]), self.chance.randrange(1, 4)))
        text = f"switch ({self._exact(type_, scope)}) {{"
        # What a break leaves here is the switch.
        inner = Place(False, place.returns, place.nested)
        for label in labels:
            text += f" case {label}:"
            if self.chance.random() < 0.75 or label == labels[-1]:
                text += f" {' '.join(self._block(scope, depth - 1, inner)[0]) if depth > 1 else self._braced(scope, 1, inner)} break;"
        if self.chance.random() < 0.6:
            text += f" default: {self._braced(scope, depth, inner)} {self._leave(scope, place)}"
        return text + " }", ()

    def _leave(self, scope: Scope, place: Place) -> str:
        ways = ["break;", "break;", self._return(scope, place), "throw new Exception();"]
        return self.pick([*ways, "continue;"] if place.loop else ways)

    def _try(self, scope: Scope, depth: int, place: Place) -> Declared:
        name = self._name("x")
        risky = self.pick(
            (
                f"var {self._name()} = int.Parse({self._exact(STRING, scope)});",
                f"var {self._name()} = ({self._exact(STRING, scope)}).Substring({self._exact(INT, scope)});",
                f"if ({self._test(scope)}) throw new Exception({self._exact(STRING, scope)});",
                f"var {self._name()} = ({self._exact(STRINGS, scope)})[{self._index()}].Length;",
                "",
            )
        )
        text = f"try {{ {risky} {self._braced(scope, depth, place)[2:]}"
        ends = self.chance.randrange(6)
        if ends != 5:
            caught = self.pick(("catch", "catch (Exception)", f"catch (Exception {name})"))
            if "(" in caught and self.chance.random() < 0.2:
                caught += f" when ({self._test(scope)})"
            shown = f"{self._texts(scope)} += {name}.GetType().Name; " if name in caught and self._texts(scope) else ""
            again = self.pick(("", "", "", "throw; "))
            block = self._braced(scope, depth, place)
            text += f" {caught} {{ {shown}{block[2:-2]} {again}}}"
        if ends > 3:
            # A finally block may not be left by a jump.
            text += f" finally {{ {self._assignment(scope, 0, place)[0]} }}"
        return text, ()

    def _texts(self, scope: Scope) -> str:
        """A local that text can be added to."""
        return next((local.name for local in scope if local.mutable and local.type == STRING), "")

    def _lambda(self, scope: Scope, depth: int, place: Place) -> Declared:
        takes = tuple(self.pick(_FUNCTIONS) for _ in range(self.chance.randrange(3)))
        gives = self.pick(_FUNCTIONS)
        names = [self._name("p") for _ in takes]
        inner = (*scope, *map(Local, names, takes))
        name = self._name("f")
        type_ = generic("Func", *takes, gives)
        if self.chance.random() < 0.3:
            body = f"{{ {self._returning(inner, depth, gives)} }}"
        else:
            body = self._value(gives, inner)
        shown = names[0] if len(names) == 1 and self.chance.random() < 0.7 else f"({', '.join(names)})"
        return f"{type_} {name} = {shown} => {body};", (Local(name, type_),)

    def _function(self, scope: Scope, depth: int, place: Place) -> Declared:
        takes = tuple(self.pick(_FUNCTIONS) for _ in range(self.chance.randrange(3)))
        gives = self.pick(_FUNCTIONS)
        names = [self._name("p") for _ in takes]
        inner = (*scope, *(Local(name, type_, mutable=True) for name, type_ in zip(names, takes, strict=True)))
        name = self._name("F")
        params = ", ".join(f"{type_} {held}" for held, type_ in zip(names, takes, strict=True))
        here = (Local(name, generic("Func", *takes, gives)),)
        if self.chance.random() < 0.2:
            count = self._name("p")
            counted = (*scope, Local(count, INT))
            recursive = (
                f"{count} <= 0 ? {self._exact(INT, scope, 1)} : {self._exact(INT, counted, 1)} + {name}({count} - 1)"
            )
            shown = f"int {name}(int {count}) => {recursive};"
            called = self._name()
            return f"{shown} var {called} = {name}({self.chance.randrange(5)});", (Local(called, INT, mutable=True),)
        if self.chance.random() < 0.4:
            return f"{gives} {name}({params}) => {self._value(gives, inner)};", here
        return f"{gives} {name}({params}) {{ {self._returning(inner, depth, gives)} }}", here

    def _returning(self, scope: Scope, depth: int, gives: Type) -> str:
        """Statements of a function, which end with a value."""
        lines, inner = self._block(scope, min(depth - 1, 1), Place(False, gives, 2))
        return " ".join([*lines, f"return {self._value(gives, inner)};"])

    def _out(self, scope: Scope, depth: int, place: Place) -> Declared:
        name = self._name("o")
        if self.chance.random() < 0.3:
            call, type_ = (
                f"({self._exact(_NUMBERS_BY_TEXT, scope)}).TryGetValue({self._exact(STRING, scope)}, out ",
                INT,
            )
        else:
            shown, type_ = self.pick(list(_PARSED.items()))
            call = f"{shown}.TryParse({self._exact(STRING, scope)}, out "
        inner = (*scope, Local(name, type_, mutable=True))
        here = (Local(name, type_, mutable=True),)
        match self.chance.randrange(4):
            case 0:
                return f"{type_} {name}; var {self._name()} = {call}{name});", here
            case 1:
                return f"if ({call}var {name})) {self._braced(inner, depth, place)}", here
            case 2:
                return f"if (!{call}{type_} {name})) {{ {name} = {self._value(type_, scope)}; }}", here
            case _:
                tested = self._name()
                text = f"bool {tested} = {call}var {name}) && {self._test(inner)};"
                return text, (*here, Local(tested, BOOL, mutable=True))

    def _pattern(self, scope: Scope, depth: int, place: Place) -> Declared:
        name, type_ = self._name("k"), self.pick((INT, STRING, LONG, BOOL, DOUBLE, JOBJECT, JTOKEN))
        inner = (*scope, Local(name, type_, mutable=True))
        match self.chance.randrange(3):
            case 0 if is_reference(type_):
                text = f"var {name} = ({self._exact(OBJECT, scope)}) as {type_};"
                return text, (Local(name, type_, mutable=True),)
            case 1:
                both = f"({self._exact(OBJECT, scope)}) is {type_} {name} && {self._test(inner)}"
                return f"if ({both}) {self._braced(inner, depth, place)}", ()
            case _:
                return f"if (({self._exact(OBJECT, scope)}) is {type_} {name}) {self._braced(inner, depth, place)}", ()

    def _nullable(self, scope: Scope, depth: int, place: Place) -> Declared:
        name = self._name()
        texts = (
            (INT, f"({self._exact(nullable(INT), scope)} ?? {self._exact(INT, scope)})"),
            (INT, f"({self._exact(STRING, scope)})?.Length ?? -1"),
            (STRING, f"({self._exact(nullable(INT), scope)})?.ToString() ?? {self._exact(STRING, scope)}"),
            (STRING, f"({self._exact(STRING, scope)})?.Trim()?.ToUpper()"),
            (BOOL, f"({self._exact(nullable(INT), scope)}).HasValue"),
            (INT, f"({self._exact(nullable(INT), scope)}).GetValueOrDefault({self.pick(('', '9'))})"),
            (BOOL, f"{self._exact(nullable(LONG), scope)} {self.pick(('==', '<', '!=', '>='))} {self._exact(INT, scope)}"),
            (nullable(INT), f"{self._exact(BOOL, scope)} ? {self._exact(INT, scope)} : (int?)null"),
            (JTOKEN, f"({self._exact(JOBJECT, scope)})[\"b\"]?[\"c\"]"),
            (STRING, f"{self._exact(STRING, scope)} ?? throw new Exception()"),
            (INT, f"({self._exact(STRINGS, scope)})?[0]?.Length ?? 0"),
        )  # fmt: skip
        type_, text = self.pick(texts)
        return f"{self.pick((str(type_), 'var'))} {name} = {text};", (Local(name, type_, mutable=True),)

    def _using(self, scope: Scope, depth: int, place: Place) -> Declared:
        name, held = self._name("u"), self._name()
        algorithm = self.pick(("SHA256", "MD5", "SHA1"))
        target = f"var {held} = Convert.ToBase64String({name}.ComputeHash(Encoding.UTF8.GetBytes({self._exact(STRING, scope)})));"
        inner = (*scope, Local(held, STRING, mutable=True))
        return f"using (var {name} = {algorithm}.Create()) {{ {target} {self._braced(inner, depth, place)[2:]}", ()

    def _anonymous(self, scope: Scope, depth: int, place: Place) -> Declared:
        name, first, second = self._name("a"), self.pick(_FUNCTIONS), self.pick(_FUNCTIONS)
        texts = [self._name(), self._name(), self._name()]
        made = f"var {name} = new {{ A = {self._exact(first, scope)}, B = {self._exact(second, scope)} }};"
        taken = f"var {texts[0]} = {name}.A; var {texts[1]} = {name}.B; var {texts[2]} = {name}.ToString();"
        return f"{made} {taken}", (
            Local(texts[0], first, mutable=True), Local(texts[1], second, mutable=True), Local(texts[2], STRING, mutable=True),
        )  # fmt: skip

    def _closures(self, scope: Scope, depth: int, place: Place) -> Declared:
        """Functions that are called after the loop in which they were made: which variable do they see?"""
        name, made, at = self._name("fs"), self._name(), self._name("i")
        loop = self.pick((f"for (var {at} = 0; {at} < 3; {at}++)", f"foreach (var {at} in new[] {{1, 2, 3}})"))
        inner = (*scope, Local(at, INT))
        body = f"{self.pick(('', f'var c{at} = {at} * 2; '))}{name}.Add(() => {self._exact(INT, inner)} + {at});"
        text = f"var {name} = new List<Func<int>>(); {loop} {{ {body} }}"
        return f'{text} var {made} = string.Join(",", {name}.Select(f => f()));', (Local(made, STRING, mutable=True),)

    def _interpolation(self, scope: Scope, depth: int, place: Place) -> Declared:
        name, parts = self._name(), []
        for _ in range(self.chance.randrange(1, 4)):
            type_ = self.pick((INT, STRING, DOUBLE, BOOL, DATETIME, DECIMAL, TIMESPAN, GUID, LONG, nullable(INT), CHAR))
            local = [local.name for local in scope if local.type == type_]
            hole = self.pick(local) if local else self.expressions.make(type_, 1, scope)
            parts.append(f"{{({hole}){self.pick(_INTERPOLATED.get(type_, ('', ',6', ',-6')))}}}")
        return f'var {name} = $"{self.pick(("", "[", "{{ ", "}}"))}{"|".join(parts)}";', (
            Local(name, STRING, mutable=True),
        )

    def _jump(self, scope: Scope, depth: int, place: Place) -> Declared:
        ways = [self._return(scope, place), f"throw new Exception({self._exact(STRING, scope)});"]
        if place.loop:
            ways += ["break;", "continue;"] * 2
        return f"if ({self._test(scope)}) {self.pick(ways)}", ()

    def _return(self, scope: Scope, place: Place) -> str:
        return f"return {self._value(place.returns or self.pick(_HELD), scope)};"

    def _mistake(self, scope: Scope) -> str:
        names = [local.name for local in scope if local.type == INT and local.mutable]
        return self.pick(MISTAKES).format(name=self._name("z"), number=self.pick(names) if names else "num")

    def _result(self, scope: Scope) -> str:
        """What the body gives: what its locals hold at the end."""
        shown = [local.name for local in scope if local.type.name != "Func" and local.type != _BUILDER]
        shown += [f"{local.name}.ToString()" for local in scope if local.type == _BUILDER]
        if not shown or self.chance.random() < 0.1:
            return self._return(scope, Place())
        kept = self.chance.sample(shown, min(len(shown), 6))
        if self.chance.random() < 0.3:
            joined = ' + "|" + '.join(kept)
            return f"return {joined};"
        return f"return new object[] {{ {', '.join(kept)} }};"
