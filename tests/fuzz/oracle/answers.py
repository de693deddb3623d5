"""Expressions compiled and run: one assembly and one process for all of them."""

import json
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from apim_policies.expressions.trial.samples import SAMPLE, merged
from fuzz.oracle.failure import OracleError
from fuzz.oracle.installation import Dotnet, install
from fuzz.oracle.source import mistakes, program

_SOURCES = Path(__file__).with_name("csharp")
_MOST_FAILURES = 5
"""How many expressions of one call may end the program; more are no accident."""


def answers(cases: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What .NET answers to cases `{"id", "text", "ctx"}`, by id.

    An answer has `result`, or `exception` with its `bases` and `message`, or `compile_error` (codes) with a `message`; and
    `traces` if something was traced. One that has no end, or ends .NET itself, has `failure` instead. `ctx` is what differs from
    the sample request.

    Raises:
        OracleError: .NET cannot be installed, or gives no answer.
    """
    given = dict(enumerate(cases))
    dotnet = install()
    with tempfile.TemporaryDirectory() as work:
        errors = _compile(dotnet, {number: case["text"] for number, case in given.items()}, Path(work))
        ran = _run(dotnet, {number: case for number, case in given.items() if number not in errors}, Path(work))
    refused = {
        number: {"compile_error": sorted({code for code, _ in said}), "message": said[0][1]}
        for number, said in errors.items()
    }
    return {case["id"]: refused.get(number) or ran[number] for number, case in given.items()}


def _compile(dotnet: Dotnet, texts: dict[int, str], work: Path) -> dict[int, list[tuple[str, str]]]:
    """Make `oracle.dll`, and tell what is wrong with the expressions that are not in it.

    A mistake in grammar hides those in meaning, and these hide missing returns: it takes a few rounds.
    """
    source = work / "Cases.cs"
    options = ["-nologo", "-noconfig", "-nostdlib", "-langversion:7", "-warn:0", "-preferreduilang:en-US"]
    references = [f"-r:{path}" for path in dotnet.references]
    command = [dotnet.program, dotnet.compiler, *options, *references, f"-out:{work / 'oracle.dll'}", str(source)]
    command += [str(path) for path in sorted(_SOURCES.glob("*.cs"))]
    errors: dict[int, list[tuple[str, str]]] = {}
    while True:
        source.write_text(program({number: text for number, text in texts.items() if number not in errors}), "utf-8")
        run = subprocess.run(command, env=dotnet.environment, capture_output=True, text=True, check=False)
        if run.returncode == 0:
            return errors
        found = mistakes(run.stdout)
        if not found:
            raise OracleError(
                f"the C# compiler failed, and no expression is the cause:\n{run.stdout[:3000]}{run.stderr[:1000]}"
            )
        errors |= found


def _run(dotnet: Dotnet, cases: dict[int, dict[str, Any]], work: Path) -> dict[int, dict[str, Any]]:
    """Run `oracle.dll`, again for the rest after an expression that ended it."""
    framework = {"name": "Microsoft.NETCore.App", "version": dotnet.version}
    settings = {"runtimeOptions": {"tfm": "netcoreapp3.1", "framework": framework}}
    (work / "oracle.runtimeconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    (work / "Newtonsoft.Json.dll").symlink_to(dotnet.newtonsoft)
    source, target = work / "contexts.json", work / "answers.jsonl"
    command = [dotnet.program, str(work / "oracle.dll"), str(source), str(target)]
    found: dict[int, dict[str, Any]] = {}
    failures: list[str] = []
    while len(found) < len(cases):
        left = {number: case for number, case in cases.items() if number not in found}
        source.write_text(contexts(left), encoding="utf-8")
        target.unlink(missing_ok=True)
        run = subprocess.run(command, env=dotnet.environment, capture_output=True, text=True, check=False)
        lines = target.read_text(encoding="utf-8").splitlines() if target.exists() else []
        found |= {int(line.pop("case")): line for line in map(json.loads, lines)}
        at = next((number for number in left if number not in found), None)
        if at is not None:
            said = run.stderr[-1000:].strip() or f"exit code {run.returncode} without an answer"
            found[at] = {"failure": said}
            failures.append(f"{cases[at]['text']}\n  {said}")
        if len(failures) > _MOST_FAILURES:
            raise OracleError(f"the C# program failed at {len(failures)} expressions, the last time at {failures[-1]}")
    return found


def contexts(cases: dict[int, dict[str, Any]]) -> str:
    """The program's input: different contexts, and by the number of each case which one it gets."""
    places: dict[str, int] = {}
    at = {
        number: places.setdefault(json.dumps(merged(SAMPLE, case.get("ctx") or {})), len(places))
        for number, case in cases.items()
    }
    return f'{{"contexts": [{", ".join(places)}], "cases": {json.dumps(at)}}}'
