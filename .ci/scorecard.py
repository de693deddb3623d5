#!/usr/bin/env python3
"""What holds, from one run of the tests: `make test FULL=1`, then `make scorecard`.

    python .ci/scorecard.py [--report .reports/tests.xml] [--page docs/scorecard.md]

Reads the report of the run (JUnit XML), the contract's lines in docs/security.md, the mutants' page and the recorded answers of C#.
Prints the page and writes it. Fails when a test of the run did not pass, or when a line of the contract has no test in it.
"""

import argparse
import json
import platform
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r"(?<=_)([MPSBCEWU]\d+)(?=_|\[|$)")
# In which order the contract has them.
KINDS = "MSBPCEWU"


def cases(report: Path) -> Iterator[tuple[str, str, str]]:
    """Module, name and outcome (passed, failed, skipped) of each test."""
    for case in ElementTree.parse(report).iter("testcase"):
        broken = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if broken else "skipped" if case.find("skipped") is not None else "passed"
        yield case.get("classname", ""), case.get("name", ""), outcome


def contract() -> list[tuple[str, str]]:
    """Lines of the contract with what each promises."""
    rows = re.findall(
        r"^\| ([MPSBCEWU]\d+) \| ([^|]+) \|", (ROOT / "docs" / "security.md").read_text("utf-8"), re.MULTILINE
    )
    return sorted(rows, key=lambda row: (KINDS.index(row[0][0]), int(row[0][1:])))


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


def page(report: Path) -> tuple[str, bool]:
    """The page, and whether all is well."""
    found = list(cases(report))
    day = re.findall(r'timestamp="(\d{4}-\d\d-\d\d)', report.read_text("utf-8"))
    outcomes = Counter(outcome for _, _, outcome in found)
    lines = {line: Counter[str]() for line, _ in contract()}
    for _, name, outcome in found:
        for line in LINE.findall(name.split("[")[0]):
            if line in lines:
                lines[line][outcome] += 1
    folders = Counter(([*module.split("."), ""])[1] for module, _, _ in found)
    answers, files = recorded()
    conformance = [(name, outcome) for _, name, outcome in found if "conformance" in name]
    bare = [line for line, count in lines.items() if not count["passed"]]
    text = [
        "# Scorecard",
        "",
        f"Written by `make scorecard` from one run of the tests on {day[0] if day else 'an unknown day'}, Python {platform.python_version()}.",
        "",
        f"**{outcomes['passed']} of {len(found)} tests passed**, {outcomes['failed']} failed, {outcomes['skipped']} were skipped.",
        "Tests that the run left out by sampling are not among them: `make test FULL=1` leaves out none.",
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
        "## Official conformance suites",
        "",
        *(f"* `{name}`: {outcome}" for name, outcome in conformance or [("none in this run", "not measured")]),
        "",
        "## Mutants of the declared infrastructure",
        "",
        *mutants(),
        "",
        "## Expressions against .NET",
        "",
        f"{answers} recorded answers of real .NET in {files} files are asked at every run. `make fuzz` asks new ones; how long it has run in all is not kept.",
        "",
        "## Not measured",
        "",
        "* Coverage of our Python code by the tests.",
        "* Anything on Azure: nothing was deployed to a subscription ([azure-unknowns.md](azure-unknowns.md)).",
        "* A user's own rights at another API (tokens for tools): not built.",
        "* Windows and macOS: the workflow has jobs, which have not run yet.",
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
