"""`apim-policies test`: runs cases, and prints what is wrong and how much of the policies they reached."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console as Terminal

from apim_policies.bench.cases import PATTERN, Cases
from apim_policies.bench.coverage import Coverage
from apim_policies.errors import ExplainedError


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files of cases among files and folders.

    Raises:
        ExplainedError: there are none.
    """
    files = [file for path in paths for file in (sorted(path.rglob(PATTERN)) if path.is_dir() else [path])]
    if not files:
        raise ExplainedError(f"there are no cases: no {PATTERN} in {', '.join(map(str, paths))}")
    return files


def run_cases(paths: Sequence[Path], coverage: Path | None) -> bool:
    """Runs all cases of files and folders.

    Args:
        paths: Files of cases, and folders with such files in them.
        coverage: File for the coverage; None: it is printed only.

    Returns:
        Whether all passed.

    Raises:
        ExplainedError: there are none, or a file cannot be read.
    """
    terminal, reached = Terminal(soft_wrap=True, highlight=False), Coverage()
    failed = total = 0
    for file in files_of(paths):
        cases = Cases(file, reached)
        for case in cases:
            problems = cases.run(case).problems
            total, failed = total + 1, failed + bool(problems)
            said = "FAILED" if problems else "passed"
            terminal.print(f"{said}  {file.name}: {case.name}", style="red" if problems else "green", markup=False)
            for problem in problems:
                terminal.print("  " + problem.replace("\n", "\n  "), markup=False)
    terminal.print(f"\n{reached.table()}\n", markup=False)
    terminal.print(f"{total - failed} of {total} cases passed")
    if coverage is not None:
        reached.write(coverage)
    return not failed
