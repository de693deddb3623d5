"""Random expressions and bodies, evaluated here and by real C#.

    make fuzz ARGS='--rounds 10 --seed 1 --save'

Each round makes a batch of expressions from the library's own tables, and of bodies with statements, and asks the oracle (see
`fuzz.oracle`) for the answers. Another answer than C#'s is a fault: it is printed, `--save` keeps it as a regression test in
tests/policy_engine/expressions/fuzz-cases.jsonl, and the exit code is 1. What is refused here is counted only.
"""

import argparse
import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apim_policies.expressions.trial.answers import Answerer
from apim_policies.expressions.trial.samples import SAMPLE
from fuzz.batches import batch
from fuzz.comparison import evaluated, kept, too_large, wrong
from fuzz.lines import written
from fuzz.oracle import OracleError, answers

TARGET = Path(__file__).parents[1] / "policy_engine" / "expressions" / "fuzz-cases.jsonl"


class Search:
    """What was found so far."""

    def __init__(self) -> None:
        self.answerer = Answerer(SAMPLE)
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()

    def faults(self, texts: list[str]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """The cases, with their real answers, that are answered wrongly, and the wrong answers."""
        mine = {text: evaluated(self.answerer, text) for text in texts}
        asked = [text for text, ours in mine.items() if not too_large(ours)]
        real = answers({"id": text, "text": text} for text in asked)
        for text in asked:
            if "failure" in real[text]:
                self.counts["unanswered"] += 1
                print(f"{text}\n  .NET gives no answer: {real[text]['failure'][:300]}", flush=True)
                continue
            (kind,) = mine[text]
            self.counts[kind] += 1
            if kind == "unsupported" and "compile_error" not in real[text]:
                self.refusals[str(mine[text][kind])[:60]] += 1
            if kind == "fault" or wrong(mine[text], real[text]):
                name = f"fuzz-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
                yield {"id": name, "text": text, "ctx": {}, "expect": kept(real[text])}, mine[text]


def main() -> None:
    options = argparse.ArgumentParser(
        prog="fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=5, help="batches to make")
    options.add_argument("--batch", type=int, default=800, help="expressions in a batch")
    options.add_argument("--depth", type=int, default=3, help="how deep expressions and statements are nested")
    options.add_argument("--seed", type=int, help="of the first batch; each next batch has the next number")
    options.add_argument(
        "--statements", type=float, default=0.5, metavar="SHARE", help="how much of a batch is bodies with statements"
    )
    options.add_argument("--save", action="store_true", help="keep what is found as regression tests")
    given = options.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    search, found = Search(), 0
    for number in range(seed, seed + given.rounds):
        try:
            faults = list(search.faults(batch(number, given.batch, given.depth, given.statements)))
        except OracleError as error:
            sys.exit(f"seed {number}: {error}")
        for case, ours in faults:
            print(
                f"{case['text']}\n  ours {json.dumps(ours)[:300]}\n  real {json.dumps(case['expect'])[:300]}",
                flush=True,
            )
        if given.save:
            with TARGET.open("a", encoding="utf-8", newline="\n") as file:
                file.writelines(written(case) for case, _ in faults)
        found += len(faults)
    print(f"seeds {seed} to {seed + given.rounds - 1}: {dict(search.counts)}, {found} wrong")
    for what, times in search.refusals.most_common(25):
        print(f"  {times:4} refused: {what}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
