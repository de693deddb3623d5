"""Recorded answers against real C#, all of them.

    make recorded                 # shows every answer that C# no longer gives
    make recorded ARGS=--write    # and records what it gives

reads each tests/policy_engine/expressions/*-cases.jsonl. Where time or chance is in an expression (`varies`), only the type of its value
is compared. The exit code is 1 if there is a difference.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzz.comparison import kept
from fuzz.lines import read, written
from fuzz.oracle import OracleError, answers

FOLDER = Path(__file__).parents[1] / "policy_engine" / "expressions"


def cases(lines: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The lines of a file that have an answer, each with the case that the oracle is asked.

    In policy-cases.jsonl the first line holds the contexts, and a text is that of the line before where it is left out.
    """
    contexts: list[dict[str, Any]] = []
    text = ""
    for line in lines:
        if "contexts" in line:
            contexts = line["contexts"]
            continue
        text = line.get("text", text)
        changes = contexts[line["context"]] if "context" in line else line.get("ctx") or {}
        yield line, {"id": line["id"], "text": text, "ctx": changes}


def same(line: dict[str, Any], real: dict[str, Any]) -> bool:
    """Whether a recorded answer is what C# gives."""
    recorded, given = kept(line["expect"]), kept(real)
    if "varies" in line and "result" in recorded and "result" in given:
        return recorded["result"]["type"] == given["result"]["type"]
    return recorded == given and line["expect"].get("bases") in (None, real.get("bases"))


def check(path: Path, *, write: bool) -> int:
    """Compare a file's answers, and print and count the differences; `write` puts them right."""
    lines = read(path)
    asked = list(cases(lines))
    real = answers(case for _, case in asked)
    differ = [(line, case) for line, case in asked if not same(line, real[case["id"]])]
    for line, case in differ:
        given = real[case["id"]]
        print(
            f"{case['id']}: {case['text']}\n  recorded {json.dumps(line['expect'])}\n  C# gives {json.dumps(given)}",
            flush=True,
        )
        if "failure" not in given:
            line["expect"] = kept(given)
    if write and differ:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(map(written, lines))
    print(f"{path.name}: {len(asked)} answers, {len(differ)} differ", flush=True)
    return len(differ)


def main() -> None:
    options = argparse.ArgumentParser(
        prog="fuzz.recorded", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--write", action="store_true", help="record the answers that differ")
    given = options.parse_args()
    try:
        differences = sum(check(path, write=given.write) for path in sorted(FOLDER.glob("*-cases.jsonl")))
    except OracleError as error:
        sys.exit(str(error))
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
