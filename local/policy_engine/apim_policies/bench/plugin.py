"""The pytest plugin: a fixture that loads policies, cases in YAML as tests, coverage of policies.

    def test_orders(policy_gateway):
        gateway = policy_gateway("policies")
        ...

`--policies-coverage=FILE` prints what was reached and writes a file: LCOV if it is called `.info`, Cobertura otherwise.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apim_policies.bench.cases import PATTERN, Case, Cases
from apim_policies.bench.coverage import Coverage
from apim_policies.bench.policy_gateway import PolicyGateway

_COVERAGE = pytest.StashKey[Coverage]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("apim-policies")
    group.addoption(
        "--policies-coverage",
        default="",
        help="file for the coverage of policies: Cobertura, or LCOV if it ends in .info",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_COVERAGE] = Coverage()


@pytest.fixture
def policy_gateway(request: pytest.FixtureRequest) -> Callable[..., PolicyGateway]:
    """Loads policies as a gateway: a folder, an APIops extract or an ARM export, from the test's own folder or absolute."""
    coverage = request.config.stash[_COVERAGE]

    def load(source: str | Path, **changes: Any) -> PolicyGateway:
        return PolicyGateway.of(request.path.parent / source, coverage, **changes)

    return load


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "CasesFile | None":
    return CasesFile.from_parent(parent, path=file_path) if file_path.match(PATTERN) else None


class CasesFile(pytest.File):
    """A file of cases."""

    def collect(self) -> Iterator["CaseItem"]:
        cases = Cases(self.path, self.config.stash[_COVERAGE])
        for case in cases:
            yield CaseItem.from_parent(self, name=case.name, cases=cases, case=case)


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, cases: Cases, case: Case, **rest: Any) -> None:
        super().__init__(**rest)
        self._cases, self._case = cases, case

    def runtest(self) -> None:
        problems = self._cases.run(self._case).problems
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    file = config.getoption("--policies-coverage")
    if file:
        coverage = config.stash[_COVERAGE]
        terminalreporter.section("coverage of policies")
        terminalreporter.write_line(coverage.table())
        coverage.write(Path(file))
