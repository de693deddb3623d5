"""Test cases as YAML: requests, whom policies may call, and what must come of it.

```yaml
source: policies                  # a folder, an APIops extract, a JSON file of ARM; beside this file
named_values: {Key: k}
mocks:                            # for all cases
  - {url: "https://backend.example/*", json: {ok: true}}
cases:
  - name: without a token nobody gets in
    request: {method: GET, path: /orders/1}
    expect: {status: 401, calls: []}
  - name: with one the backend is asked
    request: {path: /orders/1, claims: {aud: orders, roles: [reader]}}
    mocks: [{url: "https://backend.example/orders/1", json: {id: 1}}]
    expect:
      status: 200
      headers: {Content-Type: application/json}
      json: {id: 1}
      calls: [{method: GET, url: "https://backend.example/orders/1", headers: {x-user: user}}]
      variables: {role: reader}
```
"""

import asyncio
import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from apim_policies.bench.coverage import Coverage
from apim_policies.bench.mocks import Recorded
from apim_policies.bench.policy_gateway import Outcome, PolicyGateway
from apim_policies.bench.sources import load
from apim_policies.errors import ExplainedError
from apim_policies.gateway import Declaration

PATTERN = "*.policies.yaml"
"""What files of cases are called."""

_KNOWN = {
    "file": {"source", "named_values", "mocks", "cases", "url"},
    "case": {"name", "request", "requests", "mocks", "expect", "after", "steps"},
    "expect": {"status", "headers", "json", "text", "calls", "variables", "metrics", "events", "steps"},
}


@dataclass(frozen=True)
class Case:
    """One case."""

    name: str
    said: Mapping[str, Any]
    file: Path


@dataclass
class Result:
    """What came of a case."""

    case: Case
    problems: list[str] = field(default_factory=list[str])


class Cases:
    """A file of cases.

    Args:
        file: The file.
        coverage: What notes how much of the policies runs.

    Raises:
        ExplainedError: it cannot be read, or says something that there is not.
    """

    def __init__(self, file: Path, coverage: Coverage | None = None) -> None:
        self.file, self.coverage = file, coverage or Coverage()
        try:
            said = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            raise ExplainedError(f"{file} cannot be read: {error}") from None
        if not isinstance(said, dict):
            raise ExplainedError(f"{file} has no cases: it begins with source: and cases:")
        _check(said, "file", str(file))
        self._said: Mapping[str, Any] = said

    def __iter__(self) -> Iterator[Case]:
        for number, one in enumerate(self._said.get("cases") or [], 1):
            name = str(one.get("name") or f"case {number}")
            _check(one, "case", f"{self.file}: {name}")
            _check(one.get("expect") or {}, "expect", f"{self.file}: {name}")
            yield Case(name, one, self.file)

    def declaration(self) -> Declaration:
        """The gateway of the cases.

        Raises:
            ExplainedError: its source cannot be read.
        """
        return load(
            self.file.parent / str(self._said.get("source") or "."),
            named_values={name: str(value) for name, value in (self._said.get("named_values") or {}).items()},
            url=self._said.get("url"),
        )

    def run(self, case: Case, declaration: Declaration | None = None, coverage: Coverage | None = None) -> Result:
        """Runs a case with a gateway of its own.

        Args:
            case: One of these cases.
            declaration: What the gateway is; None: as the source has it.
            coverage: What notes how much of it runs; None: that of these cases.
        """
        return asyncio.run(self._run(case, declaration or self.declaration(), coverage or self.coverage))

    async def _run(self, case: Case, declaration: Declaration, coverage: Coverage) -> Result:
        gateway = PolicyGateway(declaration, coverage)
        for mock in [*(self._said.get("mocks") or []), *(case.said.get("mocks") or [])]:
            gateway.mock(**mock)
        result = Result(case)
        # Several requests in a row: the answers of all but the last may be anything, unless they say so.
        requests = case.said.get("requests") or [case.said.get("request") or {}]
        for number, request in enumerate(requests, 1):
            given = dict(request)
            expected = given.pop("expect", None)
            if wait := given.pop("after", None):
                gateway.clock.advance(float(wait))
            outcome = await gateway.send(given.pop("method", "GET"), given.pop("path", "/"), **given)
            if number == len(requests):
                expected = {**(expected or {}), **(case.said.get("expect") or {})}
            where = f"request {number}: " if len(requests) > 1 else ""
            result.problems += [where + problem for problem in problems_of(outcome, expected or {})]
        return result


def problems_of(outcome: Outcome, expected: Mapping[str, Any]) -> Iterator[str]:
    """What is not as expected. Of objects only the members that are named are looked at; `~text` is a pattern."""
    if "status" in expected and outcome.status != expected["status"]:
        yield f"status is {outcome.status}, expected {expected['status']}; the answer is {outcome.text[:200]!r}"
    for name, value in (expected.get("headers") or {}).items():
        given = outcome.headers.get(name)
        if not _fits(given, value):
            yield f"header {name} is {given!r}, expected {value!r}"
    if "json" in expected:
        try:
            given = outcome.json()
        except ValueError:
            yield f"the answer is no JSON: {outcome.text[:200]!r}"
        else:
            if not _fits(given, expected["json"]):
                yield "the answer is another one:\n" + _difference(expected["json"], given)
    if "text" in expected and not _fits(outcome.text, expected["text"]):
        yield f"the answer is {outcome.text[:200]!r}, expected {expected['text']!r}"
    if "calls" in expected:
        yield from _calls(outcome.calls, expected["calls"] or [])
    for name, value in (expected.get("variables") or {}).items():
        given = outcome.variables.get(name)
        if not _fits(given, value):
            yield f"variable {name} is {given!r}, expected {value!r}"
    for what, given in (
        ("metrics", outcome.metrics),
        ("events", [{"logger": one.logger, "content": one.content} for one in outcome.events]),
        ("steps", outcome.steps),
    ):
        if what in expected and not _fits(given, expected[what]):
            yield f"the {what} are others:\n" + _difference(expected[what], given)


def _calls(calls: Sequence[Recorded], expected: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(calls) != len(expected):
        made = ", ".join(f"{one.method} {one.url}" for one in calls) or "none"
        yield f"{len(calls)} calls were made, expected {len(expected)}: {made}"
        return
    for number, (call, wanted) in enumerate(zip(calls, expected, strict=True), 1):
        given: dict[str, Any] = {"method": call.method, "url": call.url, "text": call.text}
        if "headers" in wanted:
            given["headers"] = {name: call.headers.get(name) for name in wanted["headers"]}
        if "json" in wanted:
            try:
                given["json"] = call.json()
            except ValueError:
                given["json"] = None
        for name, value in wanted.items():
            if name not in given:
                yield f"call {number}: there is no {name} of a call; there are method, url, headers, json and text"
            elif not _fits(given[name], value):
                yield f"call {number}: {name} is {given[name]!r}, expected {value!r}"


def _fits(given: Any, wanted: Any) -> bool:
    if isinstance(wanted, str) and wanted.startswith("~"):
        return given is not None and re.search(wanted[1:], str(given)) is not None
    if isinstance(wanted, dict):
        return isinstance(given, dict) and all(
            name in given and _fits(given[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(given, list) and len(given) == len(wanted) and all(map(_fits, given, wanted))
    return given == wanted


def _difference(wanted: Any, given: Any) -> str:
    texts = [json.dumps(one, indent=2, sort_keys=True, default=str).splitlines() for one in (wanted, given)]
    return "\n".join(difflib.unified_diff(texts[0], texts[1], "expected", "given", lineterm=""))


def _check(said: Mapping[str, Any], what: str, where: str) -> None:
    for name in said:
        if name not in _KNOWN[what]:
            raise ExplainedError(f"{where}: there is no {name!r}; there are {', '.join(sorted(_KNOWN[what]))}")
