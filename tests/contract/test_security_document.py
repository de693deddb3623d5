"""docs/security.md is true: every line of the contract is there, and every test it names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = {row[0]: row[1] for row in re.findall(r"^\| ([MPSBCEWU]\d+) \|.*\| ([^|]+) \|$", TEXT, re.MULTILINE)}
COUNTS = {"M": 40, "P": 8, "C": 3, "S": 12, "B": 5}
"""How many lines of each kind the contract has; others have a row as soon as they hold."""
LINES = [f"{kind}{number}" for kind, count in COUNTS.items() for number in range(1, count + 1)]


@pytest.mark.parametrize("line", LINES)
def test_each_line_has_a_test_that_exists(line: str) -> None:
    named = re.findall(r"`([^`]+)`", ROWS[line])
    assert named, f"{line} names no test"
    for reference in named:
        assert named_tests(reference), f"{line}: no test is called {reference}"


def test_each_line_is_named_by_a_test_of_its_own() -> None:
    """A row may point at any test; one at least has the line in its name, so that whoever breaks the line reads it."""
    tests = ROOT / "tests"
    names = [
        name for file in tests.rglob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text("utf-8"))
    ]
    named = {line for name in names for line in re.findall(r"(?<=_)([MPSBCEWU]\d+)(?=_|$)", name)}
    assert not sorted(set(ROWS) - named), "no test is named after these lines"


def test_each_defect_of_the_sample_has_a_test_that_exists() -> None:
    table = TEXT[TEXT.index("## What the original sample does") : TEXT.index("## Rotating the key")]
    references = re.findall(r"`([\w./-]+\.py(?:::[\w*]+)?|\.\./infra)`", table)
    assert len(references) > 20
    for reference in references:
        assert named_tests(reference), f"no test is called {reference}"


def named_tests(reference: str) -> list[str]:
    """Names of the tests that a reference such as `test_token.py::test_M17_*` means."""
    file, _, pattern = reference.partition("::")
    path = (ROOT / "tests" / "contract" / file).resolve()
    if path.is_dir():
        return [found.name for found in path.glob("test_*.py")]
    if not path.is_file():
        return []
    names = re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    wanted = re.compile(re.escape(pattern).replace(r"\*", ".*") if pattern else ".*")
    return [name for name in names if wanted.fullmatch(name)]
