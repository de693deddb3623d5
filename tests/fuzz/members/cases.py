"""The cases: every member that an expression can use, with what .NET answers, and what is modelled of them here."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from apim_policies.expressions.trial.answers import Answerer
from apim_policies.expressions.trial.samples import SAMPLE
from fuzz.lines import read
from fuzz.members.expressions import expressions
from fuzz.members.signatures import Signature, signatures

FILE = Path(__file__).parents[2] / "policy_engine" / "expressions" / "surface-cases.jsonl"

_CHANCE = re.compile(r"\b(UtcNow|Now|Today|NewGuid|RNGCryptoServiceProvider|new Random\(\)|\.Key\b|GetHashCode)")
"""What gives another value each time, or in each version of .NET."""


def asked() -> Iterator[tuple[Signature, dict[str, Any]]]:
    """Cases for the oracle, each with its signature."""
    answerer = Answerer(SAMPLE)
    for number, signature in enumerate(signatures()):
        for letter, text in zip("abcdef", expressions(signature), strict=False):
            shown = _shown(text, answerer)
            line: dict[str, Any] = {
                "id": f"surface-{number:04}{letter}",
                "member": f"{signature.full}: {signature.text}",
                "text": shown,
            }
            if found := _CHANCE.findall(text):
                line["varies"] = sorted(set(found))
            yield signature, line


def _shown(text: str, answerer: Answerer) -> str:
    """An object that has no form as JSON is only looked at: whether it is there."""
    answer = str(answerer.answer(text, {}).get("unsupported", ""))
    if text.startswith("@(") and answer.startswith(("a result of the type", "a sequence of items")):
        return f"@(({text[2:-1]}) != null)"
    return text


def recorded() -> list[dict[str, Any]]:
    """The cases as they were recorded."""
    return read(FILE)


def expected(case: Mapping[str, Any]) -> dict[str, Any]:
    """What .NET answered to a recorded case, without messages."""
    answer = case["expect"]
    return next({key: answer[key]} for key in ("result", "exception", "compile_error") if key in answer)
