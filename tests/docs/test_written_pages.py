"""What a page says of something that is declared or counted elsewhere is written by a command, which the page names, and is as that writes it."""

import re
from pathlib import Path

import pytest

from secure_mcp_local.pages import SECTIONS, write, written

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "local" / "policy_engine").glob("*.md")])
MARK = re.compile(r"^<!-- (?P<text>.*?) -->$", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
TARGETS = set(re.findall(r"^([\w-]+):(?!=)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
# What `make snapshots` counts, and the tests that hold it.
COUNTED = {
    "costs": "contract/test_costs.py",
    "policies": "infra/test_deployed_costs.py",
    "steps": "infra/test_deployed_costs.py",
}


def marks(page: str) -> list[str]:
    return [one["text"] for one in MARK.finditer(FENCE.sub("", page))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_mark_names_the_command_that_writes_what_follows(path: Path) -> None:
    found = marks(path.read_text("utf-8"))
    opening, closing = found[::2], found[1::2]
    assert [f"end of {one.partition(':')[0]}" for one in opening] == closing
    for one in opening:
        name, _, target = one.partition(": written by make ")
        assert target in TARGETS, f"<!-- {one} -->: there is no make {target!r}"
        if target == "pages":
            assert name in SECTIONS[path.name]
        else:
            assert target == "snapshots"
            assert f'hold(DOCUMENT, "{name}"' in (ROOT / "tests" / COUNTED[name]).read_text("utf-8")
            assert f"tests/{COUNTED[name]}" in (ROOT / "Makefile").read_text("utf-8")


def test_every_whole_page_that_is_written_names_its_command() -> None:
    found = {
        path.stem: said[1]
        for path in PAGES
        if (said := re.search(r"^Written by `make ([\w-]+)`", path.read_text("utf-8"), re.MULTILINE))
    }
    assert set(found.values()) <= TARGETS
    assert found == {
        "commands": "options",
        "components": "options",
        "deployment-log": "deployment-log",
        "expression-members": "pages",
        "mutants": "mutants",
        "options": "options",
        "scorecard": "scorecard",
    }


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_page_is_as_it_is_written(name: str) -> None:
    page = (DOCS / name).read_text("utf-8")
    assert written(name, page) == page, "run: make pages"


def test_the_command_writes_what_is_missing(tmp_path: Path) -> None:
    for name in SECTIONS:
        emptied = re.sub(
            r"(?<=: written by make pages -->\n).*?(?=^<!-- end of )",
            "",
            (DOCS / name).read_text("utf-8"),
            flags=re.MULTILINE | re.DOTALL,
        )
        (tmp_path / name).write_text(emptied, "utf-8")
        assert written(name, emptied) != emptied
    write(tmp_path)
    for name in SECTIONS:
        assert (tmp_path / name).read_text("utf-8") == (DOCS / name).read_text("utf-8")


@pytest.mark.parametrize(
    "page",
    [
        "no marks",
        "<!-- checks: written by make pages -->\n",
        "<!-- end of checks -->\n<!-- checks: written by make pages -->\n",
        "<!-- checks: written by make pages -->\n<!-- checks: written by make pages -->\n<!-- end of checks -->\n",
    ],
)
def test_a_page_that_lost_a_mark_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="end of checks"):
        written("preflight.md", page)
