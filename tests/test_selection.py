"""What the gate leaves out is said, is the same for one seed, and is nothing without `--sample`."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import samples
from selection import NEEDS

pytest_plugins = ["pytester"]

Run = Callable[..., tuple[str, list[str]]]

TESTS = """
import pytest

@pytest.mark.sampled(keep=3, why="many of one kind")
@pytest.mark.parametrize("number", range(20))
def test_slow(number):
    pass

CELL = pytest.mark.sampled(keep=2, why="cells", of="cell")

@pytest.fixture(params=[pytest.param(letter, marks=CELL) for letter in "abcdef"])
def cell(request):
    return request.param

def test_one(cell):
    pass

def test_other(cell):
    pass

@pytest.mark.needs("schemas")
def test_schemas():
    raise AssertionError("is not run")

def test_always():
    pass
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    pytester.makepyfile(TESTS)
    pytester.makeini(
        "[pytest]\naddopts = -p selection -p no:secure-mcp -p no:apim-policies -p no:asyncio -p no:hypothesispytest -p no:cacheprovider -v --strict-markers"
    )

    def run(*arguments: str) -> tuple[str, list[str]]:
        """Output of a run, and the names of the tests that ran."""
        for variable in ("TEST_SAMPLE", *(need.variable for need in NEEDS.values())):
            monkeypatch.delenv(variable, raising=False)
        result = pytester.runpytest_subprocess(*arguments) if "-n" in arguments else pytester.runpytest(*arguments)
        assert result.ret == 0
        output = result.stdout.str()
        return output, sorted(set(re.findall(r"::(test_[^ ]+)", output)))

    yield run
    monkeypatch.delenv("TEST_SAMPLE", raising=False)


def test_a_plain_run_runs_all_and_says_what_it_cannot(run: Run) -> None:
    output, names = run()
    assert len(names) == 20 + 6 + 6 + 1
    assert "sample: none, every test runs" in output
    assert f"1 tests need {NEEDS['schemas'].what}" in output
    assert "skipped" not in output


@pytest.mark.parametrize("processes", [(), ("-n", "2")])
def test_a_sample_is_named_and_the_same_for_its_seed(run: Run, processes: tuple[str, ...]) -> None:
    output, names = run("--sample", "7", *processes)
    assert len([name for name in names if "slow" in name]) == 3
    assert "3 of 20" in output
    assert "4 of 12  cells" in output
    assert "25 tests in all were left out" in output
    assert "make test SEED=7" in output
    assert "make test FULL=1" in output
    assert run("--sample", "7")[1] == names
    assert run("--sample", "8")[1] != names
    # The same cells for both tests, and what bears no mark.
    cells = [{name[-2] for name in names if test in name} for test in ("one", "other")]
    assert cells[0] == cells[1]
    assert "test_always" in names


@pytest.mark.parametrize("processes", [(), ("-n", "2")])
def test_a_random_seed_is_printed(run: Run, processes: tuple[str, ...]) -> None:
    output, names = run("--sample", "random", *processes)
    seed = re.findall(r"sampled by seed (\d+)", output)[0]
    assert run("--sample", seed)[1] == names


def test_what_is_given_must_be_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NEEDS["schemas"].variable, str(tmp_path))
    with pytest.raises(pytest.UsageError, match=r"AZURE_SCHEMAS is .* which has no tools/validate_arm.py"):
        NEEDS["schemas"].folder()


def test_what_is_sampled_stands_in_one_table() -> None:
    """Who asks what the gate leaves out reads `samples.py`, and no two groups share a name."""
    here = Path(__file__).parent
    elsewhere = [
        path.name
        for path in here.rglob("*.py")
        if "mark.sampled(" in path.read_text(encoding="utf-8") and path.name not in {"samples.py", "test_selection.py"}
    ]
    assert elsewhere == []
    names = [mark.kwargs["why"] for mark in vars(samples).values() if isinstance(mark, pytest.MarkDecorator)]
    assert names
    assert len(names) == len(set(names))
