"""Every expression of the product's own policies, in several contexts: the answers of real .NET, recorded by fuzz.policies."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from apim_policies.expressions.trial.answers import Answerer
from apim_policies.expressions.trial.samples import SAMPLE

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "fuzz"))

import policies  # noqa: E402

LINES = [json.loads(line) for line in (HERE / "policy-cases.jsonl").read_text(encoding="utf-8").splitlines()]
CONTEXTS: list[dict[str, Any]] = LINES[0]["contexts"]


def expressions() -> dict[str, list[dict[str, Any]]]:
    """The recorded answers by expression."""
    found: dict[str, list[dict[str, Any]]] = {}
    text = ""
    for line in LINES[1:]:
        text = line.get("text", text)
        found.setdefault(text, []).append(line)
    return found


RECORDED = expressions()
CURRENT = policies.expressions()


def test_every_expression_is_recorded() -> None:
    missing = set(CURRENT) - RECORDED.keys()
    assert not missing, "run PYTHONPATH=tests python -m fuzz.policies"


@pytest.mark.parametrize("context", range(len(CONTEXTS)))
def test_every_expression_gives_what_csharp_gives(context: int) -> None:
    answerer = Answerer(SAMPLE)
    checked = refused = 0
    for text, lines in RECORDED.items():
        if text not in CURRENT:
            continue
        line = lines[context]
        answer, wanted = answerer.answer(text, CONTEXTS[context]), line["expect"]
        if str(answer.get("unsupported", "")).startswith("new Uri('mcp:tools')"):
            # A sample that no policy meets there: a resource that is no http URI. Refused by name, which is no wrong answer.
            refused += 1
            continue
        if "varies" in line and "result" in wanted:
            # Time and chance: only what kind of value it is can be compared.
            assert answer["result"]["type"] == wanted["result"]["type"], text
        else:
            assert answer == wanted, (line["id"], text)
        checked += 1
    assert checked > 250
    assert refused <= 3
