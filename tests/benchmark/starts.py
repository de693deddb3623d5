"""How long the commands take to start, against the imports that nobody can do without."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmark.processes import Run, finished, ready
from benchmark.table import Row
from secure_mcp_local.recording import record

PORT = 18080
ROUNDS = 5
COMMAND = str(Path(sys.executable).with_name("secure-mcp"))


def imports(root: Path) -> str:
    """A program that imports the SDK and touches every resource class that the stack declares, and nothing else."""
    packages = {
        "pulumi": "pulumi",
        "azure-native": "pulumi_azure_native",
        "azuread": "pulumi_azuread",
        "random": "pulumi_random",
    }
    lines = ["import pulumi"]
    for type in sorted({resource.type for resource in record(root, "dev") if resource.custom}):
        package, module, name = type.split(":")
        if package == "azure-native":
            lines.append(f"from pulumi_azure_native import {module}; {module}.{name}")
        else:
            lines.append(f"import {packages[package]}; {packages[package]}.{name}")
    return "\n".join(lines)


def rows(root: Path) -> Iterator[Row]:
    program = imports(root)
    bare: list[Run] = []
    plan: list[Run] = []
    local: list[Run] = []
    # One after the other in each round, so that what else the machine does hits all alike.
    for _ in range(ROUNDS):
        bare.append(finished([sys.executable, "-c", program]))
        plan.append(finished([COMMAND, "plan", "--json"], cwd=root))
        # The same port each time, as for users: it stands in an expression, which would be another one.
        with ready([COMMAND, "local", "--port", str(PORT), "--json"], cwd=root) as (line, run, _):
            json.loads(line)
            local.append(run)
    base = _middle(bare)
    yield _row("start: imports alone", base, "")
    for name, runs in (("start: secure-mcp plan", plan), ("start: secure-mcp local, ready", local)):
        run = _middle(runs)
        ratio = f"{run.seconds / base.seconds:.2f} x imports, processor {run.processor / base.processor:.2f} x"
        yield _row(name, run, ratio)


def _row(name: str, run: Run, ratio: str) -> Row:
    return Row(name, f"{run.seconds:.2f} s, processor {run.processor:.2f} s", ratio, f"{run.memory:.0f} MB")


def _middle(runs: list[Run]) -> Run:
    return Run(
        median(run.seconds for run in runs), median(run.memory for run in runs), median(run.processor for run in runs)
    )
