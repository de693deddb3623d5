"""Faults that a provider is told to have: an operation on one resource fails, stalls, or succeeds and its answer is lost."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from secure_mcp_local.azure.faults import PUBLISHING
from secure_mcp_local.errors import LocalCloudError

ENVIRONMENT_VARIABLE = "SECURE_MCP_STAND_IN_FAULTS"
"""Faults for the providers that `pulumi` starts, separated by semicolons."""

KINDS = ("fail", "stall", "lose", "late")
OPERATIONS = ("create", "read", "update", "delete")
LATE = (
    "ValidationError: Failed to fetch secret from Key Vault: Forbidden. Caller is not authorized to perform action on resource. "
    "If role assignments, deny assignments or role definitions were changed recently, please observe propagation time. "
    "ForbiddenByRbac"
)
"""What is said while a role is assigned and not yet in force; the words are Key Vault's.

https://learn.microsoft.com/azure/key-vault/general/rbac-guide
"""
_LATE_ATTEMPTS = 2
STALL = 600.0
"""Seconds; longer than anyone waits."""


class Late(LocalCloudError):
    """What the engine is told as long as a role is not in force."""


class Fault(LocalCloudError):
    """What the engine is told when an operation was made to fail."""


@dataclass(frozen=True)
class Rule:
    kind: str
    operation: str
    resource: str
    """A type token, a Pulumi name or a URN."""

    def meets(self, operation: str, urn: str) -> bool:
        type = urn.split("::")[2].rsplit("$", 1)[-1]
        return operation == self.operation and self.resource in {urn, type, urn.rsplit("::", 1)[-1]}


def parsed(text: str) -> tuple[Rule, ...]:
    """Rules such as `fail create mcp-apim; stall update azure-native:apimanagement:Api`.

    Raises:
        LocalCloudError: it is not KIND OPERATION RESOURCE.
    """
    rules: list[Rule] = []
    for item in filter(str.strip, text.split(";")):
        words = item.split()
        kinds = KINDS if len(words) == 3 and words[1] in OPERATIONS else tuple(PUBLISHING)
        if len(words) != 3 or words[0] not in kinds or words[1] not in {*OPERATIONS, "publish"}:
            raise LocalCloudError(
                f"fault {item.strip()!r} is not KIND OPERATION RESOURCE with one of {', '.join(KINDS)}, one of "
                f"{', '.join(OPERATIONS)}, and a type token, a Pulumi name or a URN; nor KIND publish FUNCTION-APP with one "
                f"of {', '.join(PUBLISHING)}"
            )
        rules.append(Rule(*words))
    return tuple(rules)


class Faults:
    """The rules of one provider process."""

    def __init__(self, rules: Sequence[Rule], stall: float = STALL) -> None:
        self._rules, self._stall = rules, stall
        self._cancelled = threading.Event()
        self._early: Counter[str] = Counter()
        """How often a resource came before its role."""

    def cancel(self) -> None:
        """Ends what stalls."""
        self._cancelled.set()

    def before(self, operation: str, urn: str) -> None:
        """Raises or waits before an operation is done, if a rule says so.

        Raises:
            Fault: the operation fails, or it stalled until it was cancelled or too late.
            Late: a role is not in force yet (two attempts).
        """
        if self._early[urn] < _LATE_ATTEMPTS and self._met("late", operation, urn):
            self._early[urn] += 1
            raise Late(LATE)
        if self._met("fail", operation, urn):
            raise Fault(f"{operation} was made to fail (fault: fail {operation})")
        if self._met("stall", operation, urn):
            self._cancelled.wait(self._stall)
            raise Fault(f"{operation} got no answer (fault: stall {operation})")

    def after(self, operation: str, urn: str) -> None:
        """Raises when an operation was done, if a rule says so.

        Raises:
            Fault: the answer is lost.
        """
        if self._met("lose", operation, urn):
            raise Fault(f"{operation} was done, its answer was lost (fault: lose {operation})")

    def _met(self, kind: str, operation: str, urn: str) -> bool:
        return any(rule.kind == kind and rule.meets(operation, urn) for rule in self._rules)
