"""What an examination found, line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How one check ended."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    SKIP = "SKIP"


@dataclass(frozen=True)
class Finding:
    """One line of the report. Never holds a token, code or key."""

    name: str
    """Of the check, as `--only` takes it."""
    line: str
    """Number in the contract, such as `M2`."""
    section: str
    title: str
    outcome: Outcome
    seen: str
    """What the server did; for SKIP why it was not looked at."""
    why: str = ""
    """For FAIL: why it matters."""
    fix: str = ""
    """For FAIL: what to do."""


@dataclass(frozen=True)
class Report:
    url: str
    findings: tuple[Finding, ...]
    left_behind: tuple[str, ...] = ()
    """What the examination made and could not take back."""

    def count(self, outcome: Outcome) -> int:
        """How many lines ended so."""
        return sum(finding.outcome is outcome for finding in self.findings)

    @property
    def holds(self) -> bool:
        """Nothing that was looked at is wrong."""
        return self.count(Outcome.FAIL) == 0

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON values, keys in a fixed order."""
        return {
            "url": self.url,
            "holds": self.holds,
            "summary": {outcome.value.lower(): self.count(outcome) for outcome in Outcome},
            "checks": [
                {
                    "name": finding.name,
                    "line": finding.line,
                    "section": finding.section,
                    "title": finding.title,
                    "outcome": finding.outcome.value,
                    "seen": finding.seen,
                    "why": finding.why,
                    "fix": finding.fix,
                }
                for finding in self.findings
            ],
            "leftBehind": list(self.left_behind),
        }


class DoctorError(Exception):
    """No examination is possible: names what is wrong and what to do."""


class Failure(Exception):
    """A check found that the contract does not hold; the text says what was seen."""


class Skipped(Exception):
    """A check cannot be made; the text says why."""


def settled(problems: Sequence[str], fine: str) -> str:
    """What a check returns after it has looked at several things.

    Raises:
        Failure: there are problems.
    """
    if problems:
        shown = [*problems[:4], *([f"and {len(problems) - 4} more"] if len(problems) > 4 else [])]
        raise Failure("; ".join(shown))
    return fine
