#!/usr/bin/env python3
"""What holds, from one run of the tests: `make test FULL=1 COVERAGE=1`, then `make scorecard`.

    python .ci/scorecard.py [--report .reports/tests.xml] [--page docs/scorecard.md]

Reads the report of the run (JUnit XML) with what lies beside it (`tests.json`: what was run; `coverage.json`, if COVERAGE=1 was given), the
contract's lines in docs/security.md, the mutants' page and the recorded answers of C#. Prints the page and writes it. Fails when a test of the run did not pass, or when a line of the contract has no test in it.
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r"(?<=_)([A-Z]\d+)(?=_|\[|$)")
RFC, MCP = "RFC 9700, {}", "MCP, {}"
# By which lines of the contract an attack is held. Sources: https://www.rfc-editor.org/rfc/rfc9700#section-4, whose 4.17 is about pages that
# hand codes over by postMessage, which ours do not;
# https://modelcontextprotocol.io/specification/2025-11-25/basic/security_best_practices and, for what it calls transports and authorization,
# the pages of these names beside it.
ATTACKS = (
    ("A redirect URI of the attacker's", RFC.format("4.1"), "M5 M8"),
    ("Keys and codes in addresses and logs", RFC.format("4.2, 4.3"), "M23 M31"),
    ("Mix-up of authorization servers", RFC.format("4.4"), "S2"),
    ("A stolen or injected code", RFC.format("4.5"), "M17"),
    ("A token of somebody else's sign-in", RFC.format("4.6"), "M16"),
    ("Forged requests across sites", RFC.format("4.7"), "M10 M14"),
    ("PKCE taken away or weakened", RFC.format("4.8"), "M18"),
    ("A key for one server at another", RFC.format("4.9"), "M11 P1 P6"),
    ("A stolen key", RFC.format("4.10"), "S8 S12 M38"),
    ("Open redirects", RFC.format("4.11"), "M9 M32"),
    ("A form that is sent on by a redirect", RFC.format("4.12"), "M32"),
    ("Headers that only a proxy may set", RFC.format("4.13"), "M24"),
    ("A stolen refresh token", RFC.format("4.14"), "M22 M35"),
    ("A client that passes for a user", RFC.format("4.15"), "W1 W2 W3"),
    ("Framed pages", RFC.format("4.16"), "M13"),
    ("Confused deputy", MCP.format("confused deputy"), "M13 M39 P3"),
    ("Tokens that are passed through", MCP.format("token passthrough"), "M23 M24"),
    ("A user's token of another API beyond its tool", MCP.format("authorization"), "U1 U2 U3"),
    ("Requests to inner addresses", MCP.format("server-side request forgery"), "S3 C1"),
    ("Session hijacking", MCP.format("session hijacking"), "S11"),
    ("Rights beyond what is needed", MCP.format("scope minimization"), "M30 B2"),
    ("Web pages that call servers of others", "MCP, transports", "M26 S1"),
    ("Messages that two readers understand in two ways, or that take too long", "", "M34"),
    ("Floods", "", "M40 S7"),
    ("Forged or repeated assertions", "RFC 7523, ID-JAG", "E2 C1"),
)


@dataclass(frozen=True)
class Case:
    """One test of the run."""

    module: str
    name: str
    outcome: str
    """passed, failed or skipped."""
    noted: Mapping[str, str]
    """What the test recorded of itself."""


def cases(report: Path) -> Iterator[Case]:
    for case in ElementTree.parse(report).iter("testcase"):
        broken = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if broken else "skipped" if case.find("skipped") is not None else "passed"
        noted = {one.get("name", ""): one.get("value", "") for one in case.iter("property")}
        yield Case(case.get("classname", ""), case.get("name", ""), outcome, noted)


def contract() -> list[tuple[str, str]]:
    """Lines of the contract with what each promises: kinds in the order of the page, numbers within one."""
    rows: list[tuple[str, str]] = re.findall(
        r"^\| ([A-Z]\d+) \| ([^|]+) \|", (ROOT / "docs" / "security.md").read_text("utf-8"), re.MULTILINE
    )
    kinds = list(dict.fromkeys(line[0] for line, _ in rows))
    return sorted(rows, key=lambda row: (kinds.index(row[0][0]), int(row[0][1:])))


def mutants() -> list[str]:
    """The table of docs/mutants.md, with the day on which it was made."""
    text = (ROOT / "docs" / "mutants.md").read_text("utf-8")
    [day] = re.findall(r"^Written by .* on (\d{4}-\d\d-\d\d)\.", text, re.MULTILINE)
    table = re.findall(r"^\|.*$", text.split("\n## ")[0], re.MULTILINE)
    return [f"Of {day}, by `secure-mcp check` alone; [mutants.md](mutants.md) has what was not noticed.", "", *table]


def recorded() -> tuple[int, int]:
    """How many answers of C# are recorded, and in how many files."""
    files = sorted((ROOT / "tests" / "policy_engine").rglob("*-cases.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    return sum("expect" in line for line in lines), len(files)


def facts(report: Path) -> Mapping[str, Any]:
    """What was run; empty where the run did not say."""
    beside = report.with_suffix(".json")
    return json.loads(beside.read_text("utf-8")) if beside.exists() else {}


def coverage(report: Path, told: Mapping[str, Any]) -> list[str]:
    """How much of each package's Python the run went through; empty where that was not measured in this run."""
    file = report.with_name("coverage.json")
    if not told.get("coverage") or not file.exists():
        return []
    count: dict[str, list[int]] = {}
    for name, one in json.loads(file.read_text("utf-8"))["files"].items():
        package = re.sub(r"^(?:infra|local/policy_engine|local)/", "", name.replace("\\", "/")).split("/")[0]
        both = count.setdefault(package, [0, 0])
        both[0] += one["summary"]["covered_lines"]
        both[1] += one["summary"]["num_statements"]
    return [
        "| package | lines | run by a test | of 100 |",
        "|---|---|---|---|",
        *(f"| `{name}` | {of} | {run} | {100 * run / max(of, 1):.1f} |" for name, (run, of) in sorted(count.items())),
    ]


def left_out(told: Mapping[str, Any]) -> str:
    """One sentence about the tests that are not in the report."""
    sampled = sum(of - kept for kept, of in told.get("sampled", {}).values())
    needing = sum(told.get("needing", {}).values())
    parts = [
        f"{sampled} were left out by sampling (seed {told.get('seed')}; `make test FULL=1` leaves out none)" if sampled else "none was left out by sampling",
        f"{needing} need what is not part of the repository" if needing else "",
    ]  # fmt: skip
    return f"Of all tests, {' and '.join(filter(None, parts))}." if told else "What was left out is not known."


def elsewhere(told: Mapping[str, Any]) -> str:
    """Systems of the workflow that this run was not on."""
    matrix = re.search(r"system: \[(.*?)\]", (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))
    others = matrix[1] if matrix else "none"
    return f"* Other systems: this run was on {told.get('system') or 'an unknown system'}; the workflow has jobs for {others}."


def beliefs() -> str:
    """What nobody has asked Azure."""
    rows = re.findall(r"^\|(?!---)", (ROOT / "docs" / "azure-unknowns.md").read_text("utf-8"), re.MULTILINE)
    tables = re.findall(r"^\|---", (ROOT / "docs" / "azure-unknowns.md").read_text("utf-8"), re.MULTILINE)
    return f"* Anything on Azure: this is a run on one machine. {len(rows) - len(tables)} beliefs about Azure are in [azure-unknowns.md](azure-unknowns.md)."


def page(report: Path) -> tuple[str, bool]:
    """The page, and whether all is well."""
    found, told = list(cases(report)), facts(report)
    day = re.findall(r'timestamp="(\d{4}-\d\d-\d\d)', report.read_text("utf-8"))
    outcomes = Counter(case.outcome for case in found)
    lines = {line: Counter[str]() for line, _ in contract()}
    of_line: dict[str, set[int]] = {line: set() for line in lines}
    for number, case in enumerate(found):
        for line in LINE.findall(case.name.split("[")[0]):
            if line in lines:
                lines[line][case.outcome] += 1
                of_line[line].add(number)
    attacks: list[tuple[str, str, str, Counter[str]]] = []
    for attack, source, names in ATTACKS:
        tests = set[int]().union(*(of_line.get(line, set()) for line in names.split()))
        attacks.append((attack, source, names, Counter(found[number].outcome for number in tests)))
    folders = Counter(([*case.module.split("."), ""])[1] for case in found)
    answers, files = recorded()
    suites = [case for case in found if "conformance_suite" in case.name]
    bare = [line for line, count in lines.items() if not count["passed"]]
    covered = coverage(report, told)
    commit = (
        f", commit `{told['commit'][:12]}`{' with changes' if told.get('changed') else ''}"
        if told.get("commit")
        else ""
    )
    text = [
        "# Scorecard",
        "",
        f"Written by `make scorecard` from one run of the tests on {day[0] if day else 'an unknown day'}, "
        f"Python {told.get('python', 'unknown')}{commit}.",
        "",
        f"**{outcomes['passed']} of {len(found)} tests passed**, {outcomes['failed']} failed, {outcomes['skipped']} were skipped.",
        left_out(told),
        "",
        "| folder | tests |",
        "|---|---|",
        *(f"| `tests/{folder}` | {count} |" for folder, count in sorted(folders.items())),
        "",
        "## The contract",
        "",
        "Tests whose names carry the line. [security.md](security.md#the-contract-line-by-line) says where each is kept.",
        "",
        "| line | promise | tests | passed |",
        "|---|---|---|---|",
        *(f"| {line} | {promise.strip()} | {lines[line].total()} | {lines[line]['passed']} |" for line, promise in contract()),
        "",
        "## Attacks held",
        "",
        "The attacks of RFC 9700 (section) and of MCP's security best practices, with the lines of the contract that hold them. A test counts once "
        "in a row. [security.md](security.md#what-the-original-sample-does-and-what-we-do-instead) has each defect of the original sample with its tests.",
        "",
        "| attack | source | lines | tests | passed |",
        "|---|---|---|---|---|",
        *(f"| {attack} | {source or 'our own'} | {names} | {count.total()} | {count['passed']} |" for attack, source, names, count in attacks),
        "",
        "## Official conformance suites",
        "",
        *(f"* `{case.name}`: {case.outcome}{', checks: ' + case.noted['checks'] if 'checks' in case.noted else ''}" for case in suites),
        *([] if suites else ["* none in this run: not measured"]),
        "",
        "## Mutants of the declared infrastructure",
        "",
        *mutants(),
        "",
        "## Expressions against .NET",
        "",
        f"{answers} recorded answers of real .NET in {files} files are asked at every run; `make recorded` asks .NET for them again. `make fuzz` asks new "
        "ones, and what it finds is recorded with them. For how many hours it has run is not kept: a workflow does weekly, each time with other seeds.",
        "",
        "## Coverage of our Python",
        "",
        *(covered or ["Not measured in this run: `make test FULL=1 COVERAGE=1` does."]),
        "",
        "## Not measured",
        "",
        beliefs(),
        elsewhere(told),
        "* Policies are not Python: `apim-policies test` measures their coverage ([policy-engine.md](policy-engine.md)).",
        "",
    ]  # fmt: skip
    if bare:
        text[5:5] = [f"**Lines of the contract without a passing test in this run:** {', '.join(bare)}.", ""]
    return "\n".join(text), not bare and not outcomes["failed"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--report", type=Path, default=ROOT / ".reports" / "tests.xml")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "scorecard.md")
    options = parser.parse_args()
    if not options.report.exists():
        print(f"{options.report}: there is no report of a run; `make test FULL=1` writes one", file=sys.stderr)
        return 2
    try:
        text, well = page(options.report)
    except ElementTree.ParseError as error:
        print(
            f"{options.report} is not the whole report of a run ({error}); `make test FULL=1` writes one",
            file=sys.stderr,
        )
        return 2
    options.page.write_text(text, encoding="utf-8")
    print(text)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
