"""Real C#: what .NET answers to expressions.

The oracle is a folder with `setup.sh`, run once, and `run.py CASES OUT`, which compiles and runs cases with Roslyn and CoreCLR.
It is not part of this repository: ORACLE=path names it.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_NEXT_DOOR = Path(__file__).parents[3] / "shared" / "tools" / "csharp-oracle"


def folder() -> Path | None:
    """Where the oracle is; None if it is not here."""
    path = Path(os.environ["ORACLE"]) if "ORACLE" in os.environ else _NEXT_DOOR
    return path if (path / "run.py").is_file() else None


def answers(cases: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What .NET answers to cases `{"id", "text", "ctx"}`, by id: `result`, `exception` or `compile_error`.

    Raises:
        SystemExit: the oracle is not there or fails.
    """
    path = folder()
    if path is None:
        sys.exit("The oracle is not here: name its folder with ORACLE=path (see docs/expressions.md).")
    with tempfile.TemporaryDirectory() as work:
        source, target = Path(work, "cases.jsonl"), Path(work, "answers.jsonl")
        with source.open("w", encoding="utf-8") as file:
            for case in cases:
                kind = "single" if case["text"].startswith("@(") else "multi"
                line = {"id": case["id"], "kind": kind, "text": case["text"], "ctx": case.get("ctx") or {}}
                file.write(json.dumps(line) + "\n")
        subprocess.run(["bash", str(path / "setup.sh")], check=True, stdout=subprocess.DEVNULL)
        run = subprocess.run(
            [sys.executable, str(path / "run.py"), str(source), str(target)],
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode or not target.exists():
            sys.exit(f"The oracle failed:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
        lines = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    return {line.pop("id"): line for line in lines}
