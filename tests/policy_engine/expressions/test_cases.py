"""Held to real C#: expressions with what .NET answered. An expression gives the same answer or is refused, never another."""

import json
from pathlib import Path
from typing import Any

import pytest

from apim_policies.expressions.trial.answers import Answerer
from apim_policies.expressions.trial.samples import SAMPLE

HERE = Path(__file__).parent
FILES = (
    "csharp-cases.jsonl",
    "dotnet-cases.jsonl",
    "members-cases.jsonl",
    "xml-cases.jsonl",
    "forms-cases.jsonl",
    "kinds-cases.jsonl",
    "functions-cases.jsonl",
    "jumps-cases.jsonl",
    "fuzz-cases.jsonl",
    "zones-cases.jsonl",
)
CASES = [
    json.loads(line)
    for name in FILES
    if (HERE / name).exists()
    for line in (HERE / name).read_text(encoding="utf-8").splitlines()
]
REFUSED = (HERE / "refused.txt").read_text(encoding="utf-8").split()
"""Ids of the cases that are not modelled. A case that begins to work must leave the list."""


def expected(case: dict[str, Any]) -> dict[str, Any]:
    """What .NET answered, without messages, which no policy can rely on."""
    answer = case["expect"]
    return next({key: answer[key]} for key in ("result", "exception", "compile_error") if key in answer)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_as_csharp_or_refused(case: dict[str, Any]) -> None:
    answer = Answerer(SAMPLE).answer(case["text"], case.get("ctx") or {})
    wanted = expected(case)
    if "unsupported" in answer:
        # What C# refuses may be refused here for another reason.
        refused = "compile_error" not in wanted
    elif "compile_error" in answer and "compile_error" in wanted:
        # The compiler goes on after the first mistake; we do not.
        assert answer["compile_error"]
        assert set(answer["compile_error"]) <= set(wanted["compile_error"])
        refused = False
    else:
        assert answer == wanted
        refused = False
    assert refused == (case["id"] in REFUSED), answer


def test_every_refused_case_is_there() -> None:
    assert set(REFUSED) <= {case["id"] for case in CASES}
    assert len({case["id"] for case in CASES}) == len(CASES)
