"""Which tests a run takes. Nothing is left out silently: the end of the run says what, why, and how to run it.

* A test that is slow and rarely breaks bears `sampled`: the gate (`--sample SEED`) takes some of those that share one `why`, by the
  seed that it prints; without `--sample` all run. The whole is run weekly. With `of="name"` it is values of that parameter that
  are taken, the same ones for all tests that have it.
* A test that needs what is not part of this repository bears `needs`. Where that is not given, the test is not one of this run.

Beside a JUnit report lies a file of the same name in JSON, which says what was run: commit, Python, system, seed, and what was left out.
"""

import json
import os
import platform
import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SEED = "sample_seed"
LEFT_OUT = pytest.StashKey["LeftOut"]()


@dataclass(frozen=True)
class Need:
    """Something that an environment variable names, and a file that it has."""

    variable: str
    file: str
    what: str

    def folder(self) -> Path | None:
        given = os.environ.get(self.variable, "")
        folder = Path(given) if given else None
        if folder is not None and not (folder / self.file).exists():
            raise pytest.UsageError(f"{self.variable} is {given}, which has no {self.file}")
        return folder


NEEDS = {
    "schemas": Need("AZURE_SCHEMAS", "tools/validate_arm.py", "Azure's published schemas, and what reads them"),
    "sample": Need("MCP_SAMPLE", "infra", "a checkout of Azure-Samples/remote-mcp-apim-functions-python"),
}


@dataclass
class LeftOut:
    """Numbers of tests, by the reason of their mark, and by the name of a need."""

    sampled: dict[str, tuple[int, int]]
    needing: Counter[str]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sample",
        metavar="SEED",
        default=os.environ.get("TEST_SAMPLE") or None,
        help="take only some of the tests that are slow and rarely break: a number, or `random`",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sampled(keep, why, of=None): slow and rarely breaks; see tests/selection.py")
    config.addinivalue_line("markers", "needs(name): needs what is not part of this repository; see tests/selection.py")
    # Processes of pytest-xdist must choose the same tests. They may read the command line again, where it says `random`.
    if config.getoption("--sample") == "random":
        drawn = str(random.SystemRandom().randrange(10**6))
        config.option.sample = os.environ.get("TEST_SAMPLE", drawn) if hasattr(config, "workerinput") else drawn
    if config.getoption("--sample"):
        os.environ["TEST_SAMPLE"] = config.option.sample


def pytest_report_header(config: pytest.Config) -> str:
    seed = config.getoption("--sample")
    return f"sample: seed {seed}" if seed else "sample: none, every test runs"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left = LeftOut({}, Counter())
    gone: set[pytest.Item] = set()
    for item in items:
        for mark in item.iter_markers("needs"):
            if NEEDS[mark.args[0]].folder() is None:
                left.needing[mark.args[0]] += 1
                gone.add(item)
                break
    seed = config.getoption("--sample")
    if seed:
        for group in _groups([item for item in items if item not in gone]):
            choice = group.left_out(seed)
            left.sampled[group.name] = (len(group.items) - len(choice), len(group.items))
            gone.update(choice)
    if gone:
        config.hook.pytest_deselected(items=[item for item in items if item in gone])
        items[:] = [item for item in items if item not in gone]
    config.stash[LEFT_OUT] = left


@dataclass
class Group:
    """Tests that share one reason."""

    name: str
    keep: int
    items: list[pytest.Item]
    values: list[str]
    """What is sampled, one for each test: the test itself, or the value of a parameter."""

    def left_out(self, seed: str) -> list[pytest.Item]:
        every = sorted(set(self.values))
        # The name too: else the same places would be taken in every group.
        kept = set(random.Random(f"{seed} {self.name}").sample(every, min(self.keep, len(every))))
        return [item for item, value in zip(self.items, self.values, strict=True) if value not in kept]


def _groups(items: list[pytest.Item]) -> Iterator[Group]:
    groups: dict[str, Group] = {}
    for item in items:
        mark = item.get_closest_marker("sampled")
        if mark is None:
            continue
        of = mark.kwargs.get("of")
        name = mark.kwargs["why"]
        value = repr(getattr(item, "callspec").params[of]) if of else item.nodeid  # noqa: B009
        group = groups.setdefault(name, Group(name, mark.kwargs["keep"], [], []))
        group.items.append(item)
        group.values.append(value)
    yield from groups.values()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of pytest-xdist hands on what it left out."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    left = session.config.stash.get(LEFT_OUT, None)
    if output is not None and left is not None:
        output["left_out"] = (left.sampled, dict(left.needing))
    report = session.config.getoption("xmlpath", None)
    if output is None and report:
        facts = Path(report).with_suffix(".json")
        facts.parent.mkdir(parents=True, exist_ok=True)
        facts.write_text(json.dumps(_facts(session.config), indent=1), encoding="utf-8")


def _facts(config: pytest.Config) -> dict[str, Any]:
    """What a report does not say of its run."""
    left = config.stash.get(LEFT_OUT, None)
    return {
        "commit": _git("rev-parse", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "coverage": bool(config.getoption("cov_source", None)),
        "seed": config.getoption("--sample"),
        "sampled": left.sampled if left else {},
        "needing": dict(left.needing) if left else {},
    }


def _git(*arguments: str) -> str:
    """Empty where this is no checkout."""
    try:
        return subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=60, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    given = getattr(node, "workeroutput", {}).get("left_out")
    if given is not None:
        # Each process left out the same.
        sampled = {name: (numbers[0], numbers[1]) for name, numbers in given[0].items()}
        node.config.stash[LEFT_OUT] = LeftOut(sampled, Counter(given[1]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left = config.stash.get(LEFT_OUT, None)
    if left is None or not (left.sampled or left.needing):
        return
    terminalreporter.section("left out of this run")
    if left.sampled:
        seed = config.getoption("--sample")
        terminalreporter.line(
            f"Slow and rarely broken, sampled by seed {seed} (again: make test SEED={seed}; all: make test FULL=1):"
        )
        for name, (kept, of) in sorted(left.sampled.items()):
            terminalreporter.line(f"  {kept} of {of}  {name}")
        kept, of = (sum(numbers) for numbers in zip(*left.sampled.values(), strict=True))
        terminalreporter.line(f"  {of - kept} tests in all were left out")
    for name, number in sorted(left.needing.items()):
        need = NEEDS[name]
        terminalreporter.line(f"{number} tests need {need.what}: {need.variable}=FOLDER make test")
