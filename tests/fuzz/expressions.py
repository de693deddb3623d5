"""A differential fuzzer: typed expressions over everything that is modelled, evaluated here and by real C#.

    python tests/fuzz/expressions.py --rounds 10 --seed 1 [--save]

Each round makes a batch of expressions from the library's own tables (types, constructors, methods, properties, operators,
LINQ) and asks the oracle (see `oracle`) for the answers. Another answer than C#'s is a fault: it is printed, `--save` keeps it
as a regression test in tests/local/expressions/fuzz-cases.jsonl, and the exit code is 1. What is refused here is counted only.
"""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))

import oracle  # noqa: E402

from secure_mcp_local.expressions.answers import Answerer  # noqa: E402
from secure_mcp_local.expressions.dotnet import MODELS  # noqa: E402
from secure_mcp_local.expressions.dotnet.registry import Method  # noqa: E402
from secure_mcp_local.expressions.samples import SAMPLE  # noqa: E402
from secure_mcp_local.expressions.types import (  # noqa: E402
    BOOL,
    BYTE,
    BYTES,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    ENUMERATIONS,
    GUID,
    INT,
    JARRAY,
    JOBJECT,
    JPROPERTY,
    JTOKEN,
    JVALUE,
    LONG,
    OBJECT,
    OFFSET,
    STRING,
    STRINGS,
    TIMESPAN,
    Type,
    array,
    bases,
    element_of,
    generic,
    nullable,
)

TARGET = TESTS / "local" / "expressions" / "fuzz-cases.jsonl"

_LITERALS: dict[Type, tuple[str, ...]] = {
    STRING: (
        '""', '"a"', '"abc"', '"A b,C;d"', '" x "', '"a=1&b=2"', '"12"', '"-5"', '"1.50"', '"true"', '"é😀z"', '"a\\nb"', '"{\\"a\\":1}"',
        '"[1,2]"', '"YWJj"', '"2024-02-29T01:02:03Z"', '"2024-02-29"', '"https://h.example/p?q=1#f"', '"aXbXc"', "(string)null",
        '"6f9619ff-8b86-d011-b42d-00cf4fc964ff"', '"01:02:03"', '"0.5"', '"ff"', "string.Empty", 'context.Request.Method',
        'context.Request.Headers.GetValueOrDefault("Cookie", "")', '(string)context.Variables["str"]', 'context.Request.Url.Path',
        '"%41+b%20"', '"<a&b>"', '"&lt;&amp;"', '"aabbcc"',
    ),
    INT: ("0", "1", "-1", "2", "3", "7", "10", "100", "int.MaxValue", "int.MinValue", '(int)context.Variables["num"]', "255", "-7"),
    LONG: ("0L", "1L", "-1L", "5000000000", "long.MaxValue", "1700000000L", '(long)context.Variables["big"]'),
    DOUBLE: ("0.0", "1.5", "-2.5", "0.1", "1e10", "3.0", "2.675", "1234.5678", "1e-7", '(double)context.Variables["pi"]'),
    DECIMAL: ("0m", "1.10m", "-2.5m", "100m", "0.333m", "12345.6789m"),
    BOOL: ("true", "false", '(bool)context.Variables["flag"]'),
    CHAR: ("'a'", "'Z'", "' '", "'0'", "','", "'é'", "'x'"),
    BYTE: ("(byte)0", "(byte)255", "(byte)65"),
    BYTES: ("new byte[] {1, 2, 255}", "new byte[0]", '(byte[])context.Variables["bytes"]', 'Encoding.UTF8.GetBytes("abc")'),
    STRINGS: ('"a,b,,c".Split(\',\')', 'new string[] {"b", "a", "B"}', "new string[0]", 'new string[] {null, "x"}', '"k=v".Split(\'=\')'),
    array(INT): ("new int[] {3, 1, 2}", "new int[0]", "new[] {5, 5, -1}"),
    array(DOUBLE): ("new double[] {1.5, 2}", "new[] {0.1, 0.2, 0.3}"),
    array(CHAR): ("\"abc\".ToCharArray()", "new char[] {'x', ','}"),
    generic("List", STRING): ('new List<string> {"x", "y", "x"}', "new List<string>()"),
    generic("List", INT): ("new List<int> {4, 2, 9}", "new List<int>()"),
    generic("Dictionary", STRING, STRING): ('new Dictionary<string, string> { {"a", "1"}, {"b", null} }', "new Dictionary<string, string>()"),
    generic("Dictionary", STRING, INT): ('new Dictionary<string, int> { ["k"] = 5, ["m"] = -1 }',),
    generic("HashSet", STRING): ('new HashSet<string> {"p", "q"}',),
    JTOKEN: (
        'JToken.Parse("{\\"a\\":[1,{\\"b\\":null}],\\"c\\":\\"x\\"}")', 'JToken.Parse("1.5")', 'JToken.Parse("\\"12\\"")', 'JToken.Parse("null")',
        'JToken.Parse("true")', '((JObject)context.Variables["jobj"])["b"]', '((JObject)context.Variables["jobj"])["d"]', 'JToken.Parse("[3]")',
        '((JObject)context.Variables["jobj"])["nope"]', 'JToken.Parse("-7")',
    ),
    JOBJECT: ('JObject.Parse("{\\"a\\":1,\\"b\\":{\\"c\\":\\"x\\"},\\"n\\":null}")', "new JObject()", '(JObject)context.Variables["jobj"]', 'new JObject(new JProperty("k", 2))'),
    JARRAY: ('JArray.Parse("[1,\\"a\\",null,{\\"k\\":2}]")', "new JArray()", '(JArray)context.Variables["jarr"]', 'new JArray(1, "x", true)'),
    JVALUE: ('new JValue("v")', "new JValue(5L)", "new JValue(1.5)", "new JValue(true)"),
    JPROPERTY: ('new JProperty("p", 1)', 'JObject.Parse("{\\"z\\":[1]}").Property("z")'),
    OBJECT: ("(object)1", '(object)"s"', "(object)null", '(object)2L', "(object)1.5", "(object)true", '(object)\'c\'', 'context.Variables["num"]', 'context.Variables["str"]'),
    DATETIME: ("new DateTime(2024, 2, 29, 13, 5, 9)", "new DateTime(2020, 12, 31)", "DateTime.MinValue", "context.Timestamp", "new DateTime(2024, 1, 2, 3, 4, 5, DateTimeKind.Utc)"),
    OFFSET: ("new DateTimeOffset(2024, 1, 2, 3, 4, 5, TimeSpan.Zero)", "new DateTimeOffset(2024, 1, 2, 3, 4, 5, TimeSpan.FromHours(-5))", "DateTimeOffset.FromUnixTimeSeconds(1700000000)"),
    TIMESPAN: ("TimeSpan.FromSeconds(90)", "TimeSpan.Zero", "new TimeSpan(1, 2, 3)", "new TimeSpan(-1, 2, 3, 4, 5)", "TimeSpan.FromMinutes(1.5)", "context.Elapsed"),
    GUID: ("Guid.Empty", 'Guid.Parse("6f9619ff-8b86-d011-b42d-00cf4fc964ff")', '(Guid)context.Variables["guid"]'),
    nullable(INT): ("(int?)null", "(int?)5", "context.User?.Id.Length"),
    Type("Uri"): ('new Uri("https://h.example:8443/a/b?c=d#e")', 'new Uri("http://localhost")', 'new Uri("mcp://cb/x")'),
    Type("Match"): ('Regex.Match("key=val;k2=v2", @"(?<k>\\w+)=(\\w+)")', 'Regex.Match("x", "y")'),
    Type("Regex"): ('new Regex(@"[a-c]+")', 'new Regex("B", RegexOptions.IgnoreCase)', 'new Regex(@"(\\d)(x)?")'),
    Type("StringBuilder"): ('new StringBuilder("abc")', "new StringBuilder()"),
    Type("Encoding"): ("Encoding.UTF8", "Encoding.ASCII", "Encoding.Unicode"),
    Type("StringComparer"): ("StringComparer.Ordinal", "StringComparer.OrdinalIgnoreCase"),
    Type("StringComparison"): ("StringComparison.Ordinal", "StringComparison.OrdinalIgnoreCase"),
    Type("StringSplitOptions"): ("StringSplitOptions.None", "StringSplitOptions.RemoveEmptyEntries"),
    Type("RegexOptions"): ("RegexOptions.None", "RegexOptions.IgnoreCase", "RegexOptions.IgnoreCase | RegexOptions.Singleline"),
    Type("Random"): ("new Random(5)",),
    Type("Jwt"): ('context.Request.Headers.GetValueOrDefault("Authorization", "").AsJwt()',),
    Type("Claims"): ('context.Request.Headers.GetValueOrDefault("Authorization", "").AsJwt().Claims',),
    Type("Headers"): ("context.Request.Headers",),
    Type("Query"): ("context.Request.Url.Query",),
    Type("IUrl"): ("context.Request.Url", "context.Request.OriginalUrl"),
    Type("IApi"): ("context.Api",),
    Type("IUser"): ("context.User",),
    Type("IProduct"): ("context.Product",),
    Type("ISubscription"): ("context.Subscription",),
    Type("IRequest"): ("context.Request",),
    Type("IResponse"): ("context.Response",),
    Type("IDeployment"): ("context.Deployment",),
}  # fmt: skip
_RECEIVERS = {"Regex", "Encoding", "StringComparer", "Random", "Jwt", "Claims", "Headers", "Query", "IUrl", "IApi", "IUser",
              "IProduct", "ISubscription", "IRequest", "IResponse", "IDeployment"}  # fmt: skip
"""Types whose objects have no text of their own: only what their members give is compared."""
_FORMATS = ('"D3"', '"N2"', '"F1"', '"X2"', '"0.00"', '"#,##0.#"', '"P1"', '"G"', '"E2"', '"000"', '"yyyy-MM-dd"', '"o"', '"R"', '"s"', '"HH:mm:ss.fff"', '"c"', '"N"', '"u"')  # fmt: skip
_PATTERNS = ('@"\\d+"', '"[a-c]"', '"(a)(b)?"', '"x*"', '@"\\s"', '"a|b"', '"^.?"', '","', '"(?<n>[A-Z])"', '"$"')
_VARYING = ("Now", "Today", "NewGuid", "RNGCrypto", "GetBytes(", "Sort", "Trace")
_NUMBERS = (INT, LONG, DOUBLE, DECIMAL)
_SEQUENCES = (
    STRINGS,
    array(INT),
    generic("List", STRING),
    generic("List", INT),
    array(DOUBLE),
    array(CHAR),
    STRING,
    BYTES,
)
_CLOSED = {
    "[]": (STRINGS, array(INT), array(CHAR), BYTES),
    "List": (generic("List", STRING), generic("List", INT)),
    "Dictionary": (generic("Dictionary", STRING, STRING), generic("Dictionary", STRING, INT)),
    "HashSet": (generic("HashSet", STRING),),
    "Nullable": (nullable(INT),),
}
"""Generic types with the arguments that they get here."""


def _closed(type_: Type, receiver: Type) -> Type:
    if type_.name in {"T0", "T1"}:
        return receiver.args[int(type_.name[1])]
    return Type(type_.name, tuple(_closed(part, receiver) for part in type_.args)) if type_.args else type_


class Maker:
    """Makes random expressions of wanted types."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.producers: dict[Type, list[Callable[[int, list[tuple[str, Type]]], str]]] = {}
        for name, model in MODELS.items():
            for receiver in _CLOSED.get(name, (Type(name),)):
                self.instance(receiver, model)
            if name in {"[]", "Nullable"} or name in _CLOSED:
                continue
            for member, methods in model.statics.items():
                for method in methods:
                    self.add_static(name, member, method)
            for member, found in model.static_properties.items():
                if member not in _VARYING and not found.env:
                    self.add(found.type, lambda depth, scope, text=f"{name}.{member}": text)
            for method in model.constructors:
                if method.rest is None and name not in {"Random", "RNGCryptoServiceProvider"}:
                    self.add_static(name, None, method)

    def add(self, type_: Type, make: Callable[[int, list[tuple[str, Type]]], str]) -> None:
        self.producers.setdefault(type_, []).append(make)

    def instance(self, receiver: Type, model: Any) -> None:
        owners = [owner for owner in _LITERALS if owner == receiver or receiver.name in bases(owner)]
        for owner in owners:
            for member, found in model.properties.items():
                type_ = _closed(found.type, owner)
                self.add(type_, lambda depth, scope, o=owner, m=member: f"({self.make(o, depth - 1, scope)}).{m}")
            for member, methods in model.methods.items():
                if member in _VARYING:
                    continue
                for method in methods:
                    params = tuple(_closed(param, owner) for param in method.params)
                    if not self.possible(params):
                        continue
                    self.add(
                        _closed(method.returns, owner),
                        lambda depth, scope, o=owner, m=member, p=params, k=method: (
                            f"({self.make(o, depth - 1, scope)}).{m}({self.given(m, p, k, depth, scope)})"
                        ),
                    )
            if model.indexer is not None:
                key = _closed(model.indexer.params[0], owner)
                self.add(
                    _closed(model.indexer.returns, owner),
                    lambda depth, scope, o=owner, k=key: (
                        f"({self.make(o, depth - 1, scope)})[{self.make(k, depth - 1, scope)}]"
                    ),
                )

    def add_static(self, name: str, member: str | None, method: Method) -> None:
        if not self.possible(method.params) or member in _VARYING or method.env:
            return
        start = f"new {name}" if member is None else f"{name}.{member}"
        self.add(
            method.returns,
            lambda depth, scope: f"{start}({self.given(member or '', method.params, method, depth, scope)})",
        )

    def possible(self, params: tuple[Type, ...]) -> bool:
        return all(
            param in _LITERALS
            or param.name in ENUMERATIONS
            or (param.name in {"Func", "IEnumerable"} and param.args[0] in _LITERALS)
            for param in params
        )

    def given(
        self, member: str, params: tuple[Type, ...], method: Method, depth: int, scope: list[tuple[str, Type]]
    ) -> str:
        count = len(params) - self.chance.randrange(len(method.optional) + 1)
        texts = [self.argument(member, param, depth, scope) for param in params[:count]]
        if method.rest is not None and method.rest in _LITERALS:
            texts += [self.make(method.rest, depth - 1, scope) for _ in range(self.chance.randrange(3))]
        return ", ".join(texts)

    def argument(self, member: str, param: Type, depth: int, scope: list[tuple[str, Type]]) -> str:
        if param.name == "Func":
            return self.function(param.args[0], param.args[-1], depth, scope)
        if param.name == "IEnumerable":
            choices = [type_ for type_ in _LITERALS if type_ != STRING and element_of(type_) == param.args[0]]
            return self.make(self.chance.choice(choices), depth - 1, scope) if choices else f"new {param.args[0]}[0]"
        if param == STRING and member == "ToString":
            return self.chance.choice(_FORMATS)
        if (
            param == STRING
            and member in {"IsMatch", "Match", "Matches", "Replace", "Split"}
            and self.chance.random() < 0.5
        ):
            return self.chance.choice(_PATTERNS)
        return self.make(param, depth - 1, scope)

    def function(self, takes: Type, gives: Type, depth: int, scope: list[tuple[str, Type]]) -> str:
        name = f"x{len(scope)}"
        return f"{name} => {self.make(gives, depth - 1, [*scope, (name, takes)])}"

    def make(self, type_: Type, depth: int, scope: list[tuple[str, Type]]) -> str:
        """An expression of a type; `scope` has the parameters of the lambdas around it."""
        here = [name for name, held in scope if held == type_]
        if here and self.chance.random() < 0.5:
            return self.chance.choice(here)
        if depth <= 0 or self.chance.random() < 0.1:
            return self.literal(type_)
        choices = list(self.producers.get(type_, ()))
        special = self.operations(type_)
        if special and (not choices or self.chance.random() < 0.35):
            return self.chance.choice(special)(depth, scope)
        if not choices:
            return self.literal(type_)
        return self.chance.choice(choices)(depth, scope)

    def literal(self, type_: Type) -> str:
        if type_ in _LITERALS:
            return self.chance.choice(_LITERALS[type_])
        if type_.name in ENUMERATIONS:
            return f"{type_}.{self.chance.choice(list(ENUMERATIONS[type_.name]))}"
        return f"default({type_})"

    def operations(self, type_: Type) -> list[Callable[[int, list[tuple[str, Type]]], str]]:
        """Operators, conditions, casts, interpolation and LINQ."""
        chance, make = self.chance, self.make

        def binary(operators: tuple[str, ...], *types: Type) -> Callable[[int, list[tuple[str, Type]]], str]:
            def build(depth: int, scope: list[tuple[str, Type]]) -> str:
                left, right = chance.choice(types), chance.choice(types)
                return f"({make(left, depth - 1, scope)} {chance.choice(operators)} {make(right, depth - 1, scope)})"

            return build

        def conditional(depth: int, scope: list[tuple[str, Type]]) -> str:
            return (
                f"({make(BOOL, depth - 1, scope)} ? {make(type_, depth - 1, scope)} : {make(type_, depth - 1, scope)})"
            )

        def cast(*sources: Type) -> Callable[[int, list[tuple[str, Type]]], str]:
            return lambda depth, scope: f"(({type_}){make(chance.choice(sources), depth - 1, scope)})"

        found: list[Callable[[int, list[tuple[str, Type]]], str]] = []
        if type_ not in {GUID} and type_ in _LITERALS:
            found.append(conditional)
        if type_ in _NUMBERS or type_ == BYTE:
            found.append(cast(*_NUMBERS, CHAR, OBJECT, JTOKEN))
        if type_ in (INT, LONG):
            found += [binary(("+", "-", "*", "/", "%", "&", "|", "^"), type_), binary(("<<", ">>"), INT)] if type_ == INT else [
                binary(("+", "-", "*", "/", "%"), LONG, INT, LONG)
            ]  # fmt: skip
        if type_ in (DOUBLE, DECIMAL):
            found.append(binary(("+", "-", "*", "/"), type_))
        if type_ == STRING:
            parts = (
                STRING,
                INT,
                BOOL,
                CHAR,
                DOUBLE,
                OBJECT,
                DATETIME,
                TIMESPAN,
                nullable(INT),
                GUID,
                JTOKEN,
                DECIMAL,
                LONG,
            )
            found += [
                binary(("+",), STRING),
                lambda depth, scope: f"({make(STRING, depth - 1, scope)} + {make(chance.choice(parts), depth - 1, scope)})",
                lambda depth, scope: f'$"<{{{make(chance.choice(parts), 0, [])}}}|{{{make(INT, 0, [])},5}}|{{{make(DOUBLE, 0, [])}:F2}}>"',
                lambda depth, scope: f'string.Format("{{0}}-{{1,6}}", {make(chance.choice(parts), depth - 1, scope)}, {make(chance.choice(parts), depth - 1, scope)})',
                lambda depth, scope: f"({make(STRING, depth - 1, scope)} ?? {make(STRING, depth - 1, scope)})",
                lambda depth, scope: f"((string){make(JTOKEN, depth - 1, scope)})",
                lambda depth, scope: f"({make(STRING, depth - 1, scope)})?.{chance.choice(('Trim()', 'ToUpper()', 'Substring(1)', 'ToString()'))}",
                lambda depth, scope: f"({make(JOBJECT, depth - 1, scope)}).ToString(Formatting.None)",
            ]  # fmt: skip
        if type_ == BOOL:
            found += [
                binary(("==", "!=", "<", ">", "<=", ">="), *_NUMBERS[:3], CHAR),
                binary(("==", "!="), STRING),
                binary(("&&", "||", "&", "|", "^"), BOOL),
                binary(("==", "<", ">"), DATETIME),
                binary(("==", "<", "!="), nullable(INT), INT),
                lambda depth, scope: f"(!{make(BOOL, depth - 1, scope)})",
                lambda depth, scope: f"({make(OBJECT, depth - 1, scope)} is {chance.choice(('int', 'string', 'long', 'bool', 'double', 'JObject', 'object'))})",
                lambda depth, scope: f"({make(JTOKEN, depth - 1, scope)} == null)",
            ]  # fmt: skip
        if type_ == TIMESPAN:
            found += [binary(("-",), DATETIME), binary(("+", "-"), TIMESPAN)]
        if type_ == nullable(INT):
            found += [
                binary(("+", "*", "-"), nullable(INT), INT),
                lambda depth, scope: f"({make(STRING, depth - 1, scope)})?.Length",
            ]
        found += self.queries(type_)
        return found

    def queries(self, type_: Type) -> list[Callable[[int, list[tuple[str, Type]]], str]]:
        """LINQ that gives a type."""
        chance, make = self.chance, self.make

        def source(depth: int, scope: list[tuple[str, Type]], *, of: Type | None = None) -> tuple[str, Type]:
            kinds = [kind for kind in _SEQUENCES if of is None or element_of(kind) == of]
            kind = chance.choice(kinds)
            element = element_of(kind)
            assert element is not None
            text = f"({make(kind, depth - 2, scope)})"
            if chance.random() < 0.5:
                step = chance.choice(("Where", "Skip", "Take", "Distinct", "Reverse", "OrderBy", "Concat"))
                if kind in (generic("List", STRING), generic("List", INT)) and step == "Reverse":
                    step = "Skip"
                argument = {
                    "Where": lambda: self.function(element, BOOL, depth - 1, scope),
                    "Skip": lambda: make(INT, 0, []),
                    "Take": lambda: make(INT, 0, []),
                    "OrderBy": lambda: self.function(element, chance.choice((INT, element)), 1, scope),
                    "Concat": lambda: make(kind, 0, []),
                }.get(step, lambda: "")()
                text += f".{step}({argument})"
            return text, element

        found: list[Callable[[int, list[tuple[str, Type]]], str]] = []
        sized = (STRING, INT, CHAR, DOUBLE, BYTE)
        if type_ in sized:

            def one(depth: int, scope: list[tuple[str, Type]]) -> str:
                text, _ = source(depth, scope, of=type_)
                end = chance.choice(
                    ("First()", "Last()", "FirstOrDefault()", "LastOrDefault()", "ElementAt(1)", "Single()")
                )
                return f"{text}.{end}"

            found.append(one)
        if type_ == INT:

            def count(depth: int, scope: list[tuple[str, Type]]) -> str:
                text, element = source(depth, scope)
                predicate = self.function(element, BOOL, depth - 1, scope) if chance.random() < 0.4 else ""
                return f"{text}.Count({predicate})"

            def total(depth: int, scope: list[tuple[str, Type]]) -> str:
                text, element = source(depth, scope)
                return f"{text}.{chance.choice(('Sum', 'Max', 'Min'))}({self.function(element, INT, depth - 1, scope)})"

            found += [count, total]
        if type_ == BOOL:

            def test(depth: int, scope: list[tuple[str, Type]]) -> str:
                text, element = source(depth, scope)
                return f"{text}.{chance.choice(('Any', 'All'))}({self.function(element, BOOL, depth - 1, scope)})"

            found.append(test)
        if type_ == STRING:

            def joined(depth: int, scope: list[tuple[str, Type]]) -> str:
                text, element = source(depth, scope)
                return f'string.Join("|", {text}.Select({self.function(element, chance.choice((STRING, INT, BOOL, CHAR)), depth - 1, scope)}))'

            found.append(joined)
        if type_ == STRINGS:

            def many(depth: int, scope: list[tuple[str, Type]]) -> str:
                text, element = source(depth, scope)
                return f"{text}.Select({self.function(element, STRING, depth - 1, scope)}).ToArray()"

            found.append(many)
        return found

    def expression(self, depth: int) -> str:
        types = [
            *(type_ for type_ in _LITERALS if type_.name not in _RECEIVERS),
            *(type_ for type_ in self.producers if type_.name in ENUMERATIONS),
        ]
        while True:
            text = self.make(self.chance.choice(types), depth, [])
            if len(text) < 400 and not any(
                word in text for word in ("UtcNow", "NewGuid", "DateTime.Now", "DateTime.Today", "DateTimeOffset.Now")
            ):
                return f"@({text})"


def wrong(ours: dict[str, Any], real: dict[str, Any]) -> bool:
    """Whether an answer is another than C#'s: what is refused is none."""
    (kind,) = ours
    if kind == "unsupported":
        return False
    if kind == "compile_error":
        return "compile_error" not in real or not set(ours[kind]) <= set(real[kind])
    return ours[kind] != real.get(kind)


_HUGE = "characters or items at once"


def evaluated(answerer: Answerer, text: str) -> dict[str, Any]:
    """Our answer; `fault` if the local cloud itself fails."""
    try:
        return answerer.answer(text, {})
    except Exception as error:
        return {"fault": repr(error)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else "")
    options.add_argument("--rounds", type=int, default=5, help="batches to make")
    options.add_argument("--batch", type=int, default=800, help="expressions in a batch")
    options.add_argument("--depth", type=int, default=3, help="how deep expressions are nested")
    options.add_argument(
        "--seed", type=int, default=None, help="the first batch's seed; each next batch has the next number"
    )
    options.add_argument("--save", action="store_true", help="keep what is found as regression tests")
    given = options.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    counts: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    faults: list[dict[str, Any]] = []
    answerer = Answerer(SAMPLE)
    for number in range(given.rounds):
        maker = Maker(random.Random(seed + number))
        texts = list(dict.fromkeys(maker.expression(1 + n % given.depth) for n in range(given.batch)))
        mine = {f"fuzz-{seed + number}-{n}": (text, evaluated(answerer, text)) for n, text in enumerate(texts)}
        # What is refused for its size could exhaust the oracle's memory.
        cases = [{"id": name, "text": text} for name, (text, ours) in mine.items() if _HUGE not in str(ours)]
        answers = oracle.answers(cases)
        for case in cases:
            real, ours = answers[case["id"]], mine[case["id"]][1]
            (kind,) = ours
            counts[kind] += 1
            if kind == "unsupported":
                if "compile_error" not in real:
                    refusals[str(ours[kind])[:60]] += 1
                continue
            if kind != "fault" and not wrong(ours, real):
                continue
            kept = {key: real[key] for key in ("result", "exception", "compile_error", "message") if key in real}
            faults.append({"id": case["id"], "text": case["text"], "ctx": {}, "expect": kept})
            print(f"{case['text']}\n  ours {json.dumps(ours)[:300]}\n  real {json.dumps(kept)[:300]}", flush=True)
    print(f"seeds {seed} to {seed + given.rounds - 1}: {dict(counts)}, {len(faults)} wrong")
    for what, times in refusals.most_common(25):
        print(f"  {times:4} refused: {what}")
    if given.save and faults:
        with TARGET.open("a", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(fault, ensure_ascii=False) + "\n" for fault in faults)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
