"""How checks are declared: each names its line of the contract, and what to do when it fails."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from secure_mcp_local.doctor.subject import Subject

Examine = Callable[[Subject], Awaitable[str]]


@dataclass(frozen=True)
class Check:
    name: str
    line: str
    title: str
    """What holds when it passes."""
    why: str
    fix: str
    examine: Examine
    """Returns what was seen; raises Failure or Skipped."""


@dataclass
class Section:
    """Checks that belong together, in the order in which they are made."""

    title: str
    signed_in: bool = False
    """Whether they need somebody to sign in."""
    checks: list[Check] = field(default_factory=list[Check])

    def check(self, name: str, line: str, title: str, *, why: str, fix: str) -> Callable[[Examine], Examine]:
        """Declares a check of this section."""

        def declare(examine: Examine) -> Examine:
            self.checks.append(Check(name, line, title, why, fix, examine))
            return examine

        return declare
