"""How the policy engine gets on with folders of policy files, none of which belong here.

    python -m corpus FOLDER... [--refused FILE] [--list WHAT]

Each document is checked as the `check` command does, and each of its policies runs once, in order and in every branch, against
services that answer anything with JSON. What a document comes to is one of:

- runnable: no error, everything is modelled, and no policy broke the engine;
- refused: an error of a rule; rightly, if the file of judgements names it;
- not modelled: refused by name;
- crashed: the engine failed, or a file took more than a second.

The file of judgements (`--refused`) has one line for each document that API Management refuses, too: its path as it is printed
here, and why. What it does not name counts as a false error, which is the careful way round.
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from corpus.measuring import Outcome, files_of, measure

_WIDEST = 150


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--refused", type=Path, help="documents that API Management refuses as well, one a line")
    parser.add_argument("--list", default="", help="print the findings whose rule or text matches this pattern")
    given = parser.parse_args(arguments)
    judged = _judged(given.refused)
    outcomes = [measure(file, folder) for folder in given.folders for file in files_of(folder)]
    print_table(outcomes, judged)
    if given.list:
        _list(outcomes, re.compile(given.list))
    return int(any(outcome.kind(judged) in {"false error", "crashed"} for outcome in outcomes))


def _judged(path: Path | None) -> frozenset[str]:
    lines = path.read_text().splitlines() if path is not None else []
    return frozenset(line.split(" ", 1)[0] for line in lines if line.strip() and not line.startswith("#"))


def print_table(outcomes: Sequence[Outcome], judged: frozenset[str]) -> None:
    """Counts of documents, of expressions, of what is missing and of what is found."""
    kinds = Counter(outcome.kind(judged) for outcome in outcomes)
    total = len(outcomes) or 1
    print(f"{total} documents")
    for kind in ("runnable", "refused", "false error", "not modelled", "crashed"):
        print(f"  {kind:14}{kinds[kind]:6}  {100 * kinds[kind] / total:5.1f} %")
    texts = {text: compiles for outcome in outcomes for text, compiles in outcome.expressions.items()}
    print(
        f"{len(texts)} different expressions, {sum(texts.values())} compile ({100 * sum(texts.values()) / max(1, len(texts)):.1f} %)"
    )
    slowest = max(outcomes, key=lambda outcome: outcome.seconds, default=None)
    if slowest is not None:
        print(
            f"{sum(outcome.seconds for outcome in outcomes):.1f} s together, {slowest.seconds:.2f} s at most ({slowest.name})"
        )
    by_rule: dict[str, set[str]] = defaultdict(set)
    for outcome in outcomes:
        for rule, level, _ in outcome.findings:
            by_rule[f"{level} {rule}"].add(outcome.name)
    print("\nfiles by rule")
    for rule, names in sorted(by_rule.items()):
        print(f"  {rule:40}{len(names):6}  {len([name for name in names if name in judged]):4} judged")
    missing: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for outcome in outcomes:
        wanted = outcome.missing
        missing.update(wanted)
        if len(wanted) == 1 and outcome.kind(judged) == "not modelled":
            alone.update(wanted)
    print("\nnot modelled: files, and as the only thing")
    for what, count in missing.most_common():
        print(f"  {count:5}{alone[what]:5}  {what[:_WIDEST]}")


def _list(outcomes: Sequence[Outcome], pattern: re.Pattern[str]) -> None:
    print()
    for outcome in outcomes:
        for broken in outcome.broke:
            if pattern.search("crashed"):
                print(f"{outcome.name}: crashed: {broken}")
        for rule, level, message in outcome.findings:
            if pattern.search(f"{level} {rule} {message}"):
                print(f"{outcome.name}: {level}: {message} [{rule}]")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
