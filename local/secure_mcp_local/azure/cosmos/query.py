"""Queries: the part of Cosmos DB's SQL that picks fields of documents by simple conditions.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/
"""

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from secure_mcp_local.errors import NotModelled

Item = Mapping[str, Any]
_Value = Callable[[Item], object]

UNDEFINED = object()
"""What a path has that a document lacks: no comparison with it is true.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/null-undefined
"""
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>-?[0-9]+(?:\.[0-9]+)?)|(?P<parameter>@\w+)|(?P<word>[A-Za-z_]\w*)"""
    r"""|(?P<sign>!=|<>|<=|>=|[=<>(),.*\[\]]))""",
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<>": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_LITERALS = {"TRUE": True, "FALSE": False, "NULL": None}
_KEYWORDS = {"SELECT", "FROM", "WHERE", "AS", "AND", "OR"}


class Malformed(Exception):
    """Cosmos DB's parser would not take it."""


class Query:
    """`SELECT c.a, c["b"]["c"] AS d FROM c WHERE …`, with `AND`, `OR`, comparisons, `IS_DEFINED` and parameters.

    Raises:
        Malformed: no request for a query.
        NotModelled: a part of the language that is not here.
    """

    def __init__(self, body: bytes) -> None:
        try:
            request: object = json.loads(body)
        except (ValueError, RecursionError):
            request = None
        asked = cast("Mapping[str, Any]", request) if isinstance(request, dict) else {}
        text, parameters = asked.get("query"), asked.get("parameters", [])
        if not isinstance(text, str) or not isinstance(parameters, list):
            raise Malformed("The body must be an object with query, a text, and parameters, a list.")
        self._parameters = {str(one["name"]): one["value"] for one in cast("list[Mapping[str, Any]]", parameters)}
        self._tokens = _tokens(text)
        self._at = 0
        self._expect("SELECT")
        self._columns = [self._column()]
        while self._taken(","):
            self._columns.append(self._column())
        self._expect("FROM")
        self._alias = self._word()
        self._matches: _Value = self._either() if self._taken("WHERE") else lambda _: True
        if self._at < len(self._tokens):
            raise NotModelled(f"the local Cosmos DB does not model {self._tokens[self._at]} in a query")
        if wrong := {path[0] for _, path in self._columns} - {self._alias}:
            raise Malformed(f"Identifier {sorted(wrong)[0]} could not be resolved.")

    def matches(self, item: Item) -> bool:
        """Whether a document is meant."""
        return self._matches(item) is True

    def picked(self, item: Item) -> dict[str, object]:
        """What is asked for of a document; what it lacks is left out."""
        found = {name: _at(item, path[1:]) for name, path in self._columns}
        return {name: value for name, value in found.items() if value is not UNDEFINED}

    def _column(self) -> tuple[str, Sequence[str]]:
        path = ["*"] if self._taken("*") else self._path(self._word())
        if len(path) == 1:
            raise NotModelled("the local Cosmos DB models queries that name each field, not whole documents")
        return (self._word() if self._taken("AS") else path[-1]), path

    def _path(self, first: str) -> Sequence[str]:
        path = [first]
        while True:
            if self._taken("."):
                path.append(self._word())
            elif self._taken("["):
                path.append(str(json.loads(self._next())))
                self._expect("]")
            else:
                return path

    def _either(self) -> _Value:
        sides = [self._both()]
        while self._taken("OR"):
            sides.append(self._both())
        return lambda item: any(side(item) is True for side in sides)

    def _both(self) -> _Value:
        sides = [self._condition()]
        while self._taken("AND"):
            sides.append(self._condition())
        return lambda item: all(side(item) is True for side in sides)

    def _condition(self) -> _Value:
        if self._taken("("):
            inner = self._either()
            self._expect(")")
            return inner
        left = self._value()
        sign = self._tokens[self._at] if self._at < len(self._tokens) else ""
        if sign not in _COMPARISONS:
            return left
        self._at += 1
        compare, right = _COMPARISONS[sign], self._value()

        def compared(item: Item) -> object:
            a, b = left(item), right(item)
            if a is UNDEFINED or b is UNDEFINED:
                return UNDEFINED
            if type(a) is not type(b) and not (_is_number(a) and _is_number(b)):
                return compare is operator.ne
            return compare(a, b)

        return compared

    def _value(self) -> _Value:
        token = self._next()
        if token.startswith("@"):
            if token not in self._parameters:
                raise Malformed(f"Parameter {token} was not given.")
            value: object = self._parameters[token]
            return lambda _: value
        if token[0] == '"':
            text: object = json.loads(token)
            return lambda _: text
        if token[0] == "'" or not re.match(r"[\w-]", token):
            raise NotModelled(f"the local Cosmos DB does not model {token} in a query")
        if token[0].isdigit() or token[0] == "-":
            number: object = json.loads(token)
            return lambda _: number
        if token.upper() in _LITERALS:
            literal = _LITERALS[token.upper()]
            return lambda _: literal
        if self._taken("("):
            if token.upper() != "IS_DEFINED":
                raise NotModelled(f"the local Cosmos DB does not model {token} in a query")
            defined = self._value()
            self._expect(")")
            return lambda item: defined(item) is not UNDEFINED
        path = self._path(token)
        if token != self._alias:
            raise Malformed(f"Identifier {token} could not be resolved.")
        return lambda item: _at(item, path[1:])

    def _next(self) -> str:
        if self._at == len(self._tokens):
            raise Malformed("Syntax error: the query ends too early.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _word(self) -> str:
        word = self._next()
        if not re.fullmatch(r"[A-Za-z_]\w*", word) or word.upper() in _KEYWORDS:
            raise Malformed(f"Syntax error, incorrect syntax near {word!r}.")
        return word

    def _taken(self, token: str) -> bool:
        taken = self._at < len(self._tokens) and self._tokens[self._at].upper() == token
        self._at += taken
        return taken

    def _expect(self, token: str) -> None:
        if not self._taken(token):
            raise Malformed(f"Syntax error, {token} was expected.")


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Malformed(f"Syntax error, incorrect syntax near {text[at : at + 20]!r}.")
        tokens.append(match[0].strip())
        at = match.end()
    return tokens


def _at(item: Item, path: Sequence[str]) -> object:
    value: object = item
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return UNDEFINED
        value = cast("Mapping[str, object]", value)[name]
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
