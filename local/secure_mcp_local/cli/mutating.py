"""`secure-mcp mutants`: which mistakes in a stack nothing would notice."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import typer

from apim_policies.command.progress import working
from secure_mcp_local.cli.memory import collected
from secure_mcp_local.cloud import Backends
from secure_mcp_local.mutants.generation import mutants
from secure_mcp_local.mutants.judgement import Judge, Verdict
from secure_mcp_local.mutants.living import Life
from secure_mcp_local.mutants.report import Run, lines, page
from secure_mcp_local.recording import Recording, record_together


@dataclass(frozen=True)
class Request:
    roots: Sequence[Path]
    stacks: Sequence[str]
    config: Mapping[str, str]
    accept: Sequence[str]
    backends: Backends
    """Of servers behind the gateway that the local cloud does not run itself."""
    sample: int
    """How many are judged; 0: all."""
    seed: int | None
    local: bool
    page: Path | None
    least: float
    """Of 100."""
    as_json: bool


def run(request: Request, aside: Callable[[], AbstractContextManager[None]]) -> int:
    """Judges the mutants and prints what is found: an exit code. `aside` keeps what programs print out of it."""
    seed = request.seed if request.seed is not None else random.SystemRandom().randrange(1_000_000)
    with aside():
        runs = [_run(request, stack, seed) for stack in request.stacks]
    if request.page is not None:
        request.page.write_text(page(runs), encoding="utf-8")
    if request.as_json:
        typer.echo(json.dumps([_json(one) for one in runs]))
    else:
        for one in runs:
            typer.echo("\n".join(lines(one)))
    return int(any(one.score < request.least for one in runs))


def _run(request: Request, stack: str, seed: int) -> Run:
    with working(f"Running the program of stack {stack}"):
        recording = Recording.together(record_together(request.roots, stack, request.config, accept=request.accept))
    collected()
    every = mutants(recording)
    chosen = every
    if request.sample and request.sample < len(every):
        typer.echo(f"A sample of {request.sample} of {len(every)} mutants: --seed {seed}", err=True)
        chosen = random.Random(seed).sample(every, request.sample)  # noqa: S311  (no secret)
    judge = Judge(recording)
    with working(f"Judging {len(chosen)} mutants"):
        verdicts = [judge.judged(mutant) for mutant in chosen]
    if request.local:
        verdicts = _lived(verdicts, Life(request.roots, stack, request.config, request.accept, request.backends))
    return Run(stack, len(every), seed if chosen is not every else None, request.local, verdicts)


def _lived(verdicts: list[Verdict], life: Life) -> list[Verdict]:
    """The same, after the stack was run with each mutant on which `check` is silent."""
    silent = sum(not one.killed and one.equivalent is None for one in verdicts)
    with working(f"Running stack {life.stack} {silent + 1} times"):
        life.expect()
        return [one if one.killed or one.equivalent is not None else life.lived(one) for one in verdicts]


def _json(run: Run) -> dict[str, object]:
    return {
        "stack": run.stack, "total": run.total, "seed": run.seed, "killed": run.killed, "equivalent": run.equivalent, "score": run.score,
        "mutants": [
            {"mutant": str(one.mutant), "by": one.by, "said": one.said, "equivalent": one.equivalent.reason if one.equivalent else ""}
            for one in run.verdicts
        ],
    }  # fmt: skip
