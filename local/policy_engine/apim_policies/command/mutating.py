"""`apim-policies mutate`: which mistakes in policies the cases do not notice."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console as Terminal

from apim_policies.bench.cases import Cases
from apim_policies.bench.mutants import Mutant
from apim_policies.bench.survival import Survival, survival
from apim_policies.command.testing import files_of


def run_mutants(paths: Sequence[Path], least: float, *, as_json: bool) -> bool:
    """Runs all cases of files and folders with every mutant of their policies, and prints what survives, line by line.

    Args:
        paths: Files of cases, and folders with such files in them.
        least: Percent of the mutants that must be noticed.
        as_json: Whether one JSON value is printed, for scripts.

    Returns:
        Whether as many are noticed.

    Raises:
        ExplainedError: there are no cases, one fails as it is, or a file cannot be read.
    """
    terminal = Terminal(soft_wrap=True, highlight=False)
    found = Survival()
    for file in files_of(paths):
        cases = Cases(file)
        names = cases.declaration().files
        one = survival(cases)
        if not as_json:
            for mutant in sorted([*one.survivors, *one.unreached], key=lambda it: (it.document, it.line, it.column)):
                why = "no case notices" if mutant in one.survivors else "no case gets there"
                place = f"{names.get(mutant.document, mutant.document)}:{mutant.line}"
                terminal.print(f"{place}: {mutant.what}: {why} ({file.name})", markup=False)
        found.add(one)
    if as_json:
        kinds = {"survivors": found.survivors, "unreached": found.unreached}
        listed = {kind: [_plain(mutant) for mutant in some] for kind, some in kinds.items()}
        counts = {"noticed": len(found.noticed), "refused": len(found.refused), "share": round(found.share, 1)}
        print(json.dumps({**counts, **listed}, indent=2))
    else:
        total = len(found.noticed) + len(found.survivors) + len(found.unreached)
        terminal.print(
            f"\n{len(found.noticed)} of {total} mistakes are noticed ({found.share:.0f} %); {len(found.survivors)} survive, "
            f"{len(found.unreached)} are where no case gets, {len(found.refused)} more could not be saved"
        )
    return found.share >= least


def _plain(mutant: Mutant) -> dict[str, object]:
    return {"document": mutant.document, "line": mutant.line, "column": mutant.column, "what": mutant.what}
