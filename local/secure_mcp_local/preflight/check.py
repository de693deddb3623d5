"""How checks are declared: each asks one thing, and knows the command that mends it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secure_mcp_local.preflight.subject import Subject


class Outcome(StrEnum):
    """How one check ended."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    """It could not be asked: the right to read it is missing, or there is nothing of the kind in the stack."""


class Wrong(Exception):
    """Azure would refuse the stack, or break it: what is wrong, and the command that mends it."""

    def __init__(self, seen: str, remedy: str) -> None:
        super().__init__(seen)
        self.seen, self.remedy = seen, remedy


class Unknown(Exception):
    """It cannot be told; the text says why."""


Ask = Callable[["Subject"], str]


@dataclass(frozen=True)
class Check:
    name: str
    title: str
    """What holds when it is ok."""
    source: str
    """Where the rule and the call come from."""
    ask: Ask
    """Returns what was seen.

    Raises:
        Wrong, Unknown
    """


@dataclass(frozen=True)
class Line:
    """What a check found."""

    check: Check
    outcome: Outcome
    seen: str
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """Plain JSON values, keys in a fixed order."""
        return {
            "name": self.check.name,
            "title": self.check.title,
            "outcome": self.outcome.value,
            "seen": self.seen,
            "remedy": self.remedy,
            "source": self.check.source,
        }
