"""What noticed the mutants of a stack: for people, and as a page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from secure_mcp_local.mutants.equivalents import EQUIVALENTS
from secure_mcp_local.mutants.judgement import Verdict, counts


@dataclass(frozen=True)
class Run:
    stack: str
    total: int
    """Mutants that there are."""
    seed: int | None
    """Of the sample; none: all were judged."""
    lived: bool
    """Whether the local cloud was asked where `check` is silent."""
    verdicts: Sequence[Verdict]

    @property
    def judged(self) -> int:
        return len(self.verdicts)

    @property
    def killed(self) -> int:
        return sum(one.killed for one in self.verdicts)

    @property
    def equivalent(self) -> int:
        return sum(not one.killed and one.equivalent is not None for one in self.verdicts)

    @property
    def survivors(self) -> list[Verdict]:
        return [one for one in self.verdicts if not one.killed and one.equivalent is None]

    @property
    def score(self) -> float:
        """Of 100 that are not equivalent, how many are killed."""
        rest = self.judged - self.equivalent
        return 100 * self.killed / rest if rest else 100.0

    def __str__(self) -> str:
        how = "all of them" if self.seed is None else f"seed {self.seed}"
        return (
            f"{self.stack}: {self.judged} of {self.total} mutants ({how}): {self.killed} noticed, {self.equivalent} equivalent, "
            f"{len(self.survivors)} not noticed: {self.score:.1f} of 100"
        )


def lines(run: Run) -> list[str]:
    """By type, by what noticed it, and every survivor."""
    found = [f"{'type':<62} mutants noticed equivalent"]
    for type, (every, killed, same) in counts(list(run.verdicts)).items():
        found.append(f"{type.removeprefix('azure-native:'):<62} {every:>7} {killed:>7} {same:>10}")
    found.append("")
    found += [
        f"{number:>6} by {by}" for by, number in Counter(one.by for one in run.verdicts if one.killed).most_common()
    ]
    if run.survivors:
        found += ["", "Not noticed:", *(f"  {one.mutant}" for one in run.survivors)]
    return [*found, "", str(run)]


def _how(run: Run) -> str:
    if not run.lived:
        return "By `check` alone."
    alive = sum(one.by == "local" for one in run.verdicts)
    silent = len(run.survivors) + alive
    return (
        f"`check` is silent on {silent} of them; the local cloud, with a sign-in and calls, noticed {alive} of those."
    )


def page(runs: Sequence[Run]) -> str:
    """`docs/mutants.md`."""
    today = datetime.now(UTC).date().isoformat()
    text = [
        "# Mutants",
        "",
        f"Written by `make mutants` on {today}. Every resource of a stack by every single mistake: it or an input of it is dropped or empty,",
        "a reference leads to another resource of its kind or to somebody else's, a value is a weaker one, a dependency is missing. They are",
        "made from what the program declares and the types of the provider's SDK. For each, `secure-mcp check` is asked, and where that is",
        "silent and it is asked for (`--local`), the local cloud with a sign-in and calls. A mutant counts as noticed only if what is said",
        "names the resource, or what it no longer leads to. Inputs that are not given are not mutated.",
        "",
        "| stack | mutants | judged | noticed | equivalent | not noticed | of 100 |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        how = "all" if run.seed is None else f"{run.judged} (seed {run.seed})"
        text.append(
            f"| {run.stack} | {run.total} | {how} | {run.killed} | {run.equivalent} | {len(run.survivors)} | {run.score:.1f} |"
        )
    for run in runs:
        text += ["", f"## {run.stack}", "", _how(run), ""]
        text += ["| type | mutants | noticed | equivalent |", "|---|---|---|---|"]
        for type, (every, killed, same) in counts(list(run.verdicts)).items():
            text.append(f"| `{type.removeprefix('azure-native:')}` | {every} | {killed} | {same} |")
        by = Counter(one.by for one in run.verdicts if one.killed).most_common()
        text += ["", "Noticed by: " + ", ".join(f"{name} {number}" for name, number in by) + "."]
        if run.survivors:
            kinds = Counter(
                f"{one.mutant.type.rpartition(':')[2]} {one.mutant.kind}" for one in run.survivors
            ).most_common()
            text += ["", "Not noticed: " + ", ".join(f"{name} {number}" for name, number in kinds) + "."]
    text += [
        "",
        "## Equivalents",
        "",
        "| type | input | mistake | why it changes nothing | source |",
        "|---|---|---|---|---|",
    ]
    for one in EQUIVALENTS:
        cells = (f"`{one.types}`", f"`{one.path}`", ", ".join(sorted(one.kinds)), one.reason, one.source)
        text.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*text, ""])
