"""The fuzzer's generator: what it makes is the same for a seed, and is mostly C# that is modelled."""

from collections import Counter

import pytest

from apim_policies.expressions.trial.answers import Answerer
from apim_policies.expressions.trial.samples import SAMPLE
from fuzz.batches import batch
from fuzz.comparison import evaluated
from fuzz.mistakes import MISTAKES


def test_a_seed_always_makes_the_same_texts() -> None:
    first = batch(7, 120, 3, 0.5)
    assert batch(7, 120, 3, 0.5) == first
    assert batch(8, 120, 3, 0.5) != first


@pytest.mark.parametrize("start", ["@(", "@{"])
def test_most_texts_have_an_answer(start: str) -> None:
    """A generator that makes nothing but what is refused would find nothing, and say that all is well."""
    answerer = Answerer(SAMPLE)
    texts = batch(3, 300, 3, float(start == "@{"))
    assert all(text.startswith(start) for text in texts)
    kinds = Counter(next(iter(evaluated(answerer, text))) for text in texts)
    assert kinds["fault"] == 0
    assert kinds["result"] + kinds["exception"] > 0.6 * len(texts), kinds
    assert kinds["result"] > 0.25 * len(texts), kinds


def test_bodies_have_statements_of_all_kinds() -> None:
    texts = " ".join(batch(5, 300, 3, 1))
    for part in (
        "if (", "else if", "for (", "foreach (", "while (", "do {", "switch (", "default:", "try {", "catch (Exception", "finally {",
        "using (", "out var", " => {", "Func<", "new List<Func<int>>", "new { A", " += ", "++", " as ", " is ", "?? ", "?.", '$"', "throw ",
        "break;", "continue;", "const ", ".Select(", "GroupBy(",
    ):  # fmt: skip
        assert part in texts, part


@pytest.mark.parametrize("mistake", MISTAKES)
def test_no_mistake_is_a_fault(mistake: str) -> None:
    text = "@{ int n = 1; " + mistake.format(name="z", number="n") + " return n; }"
    assert "fault" not in evaluated(Answerer(SAMPLE), text)
