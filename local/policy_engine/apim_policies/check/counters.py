"""Counters that several limits share without wanting to."""

from collections.abc import Iterable, Iterator

from apim_policies.check.document import Document, Placed
from apim_policies.check.finding import Finding, Rule

SHARED = Rule(
    "shared-counter",
    "warning",
    "Counters go by their key alone, for all scopes: two limits with one key count each other's calls, and each of them "
    "refuses too early.",
    'Put a name in front of the key, such as @("token:" + context.Request.IpAddress).',
)

_LIMITS = ("rate-limit-by-key", "quota-by-key")


def shared(documents: Iterable[Document]) -> Iterator[Finding]:
    """Limits with the key of an earlier one that allows another number of calls, or in another time."""
    first: dict[tuple[str, str], tuple[Document, Placed]] = {}
    for document in documents:
        for placed in document.named(*_LIMITS):
            key = placed.element.attributes.get("counter-key")
            if key is None:
                continue
            name = (placed.element.name, "".join(key.text.split()))
            earlier, other = first.setdefault(name, (document, placed))
            if _allowance(other) != _allowance(placed) and not (earlier is document and _alternatives(other, placed)):
                message = f"the counter is that of {earlier.name}, line {other.element.line}, which allows other calls"
                yield Finding(SHARED, message, document.name, key.line, key.column)


def _alternatives(one: Placed, other: Placed) -> bool:
    """Whether two policies stand in different branches of one choose: only one of them runs."""
    for outer, inner, also in zip(one.parents, one.parents[1:], other.parents[1:], strict=False):
        if inner is not also:
            return outer.name == "choose"
    return False


def _allowance(placed: Placed) -> list[str]:
    given = (placed.element.attributes.get(name) for name in ("calls", "renewal-period", "bandwidth"))
    return [value.text if value is not None else "" for value in given]
