"""How often: rate-limit-by-key, quota-by-key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from apim_policies.documents.document import Element
from apim_policies.elements.model import (
    ANY,
    INBOUND,
    LITERAL,
    LITERAL_BOOL,
    NEEDED,
    NEEDED_LITERAL_NUMBER,
    NEEDED_NUMBER,
    NUMBER,
    Declared,
    Model,
    PolicyElement,
)
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source

FIRST_PERIOD = datetime(1, 1, 1, tzinfo=UTC).timestamp()
"""From when the periods of a quota are counted, unless it says otherwise."""


@dataclass(frozen=True)
class Report:
    """Where a limit tells what it knows: names of response headers and variables."""

    retry_after_header: str = "Retry-After"
    retry_after_variable: str | None = None
    remaining_header: str | None = None
    remaining_variable: str | None = None
    total_header: str | None = None


@dataclass(frozen=True)
class Increment:
    """Whether, when and by how much a request is counted."""

    condition: Compiled | None
    count: Compiled
    after_response: bool

    def apply(self, call: Call, count: Callable[[int], None]) -> int:
        """Counts now, or when the answer is known if that decides. Returns what was counted now."""

        def counted() -> int:
            if self.condition is not None and not self.condition.boolean(call):
                return 0
            amount = int(self.count.number(call))
            count(amount)
            return amount

        later = self.after_response or self.count.reads_response
        if later or (self.condition is not None and self.condition.reads_response):
            call.afterwards.append(counted)
            return 0
        return counted()


class RateLimitByKey:
    """A sliding window for each key.

    https://learn.microsoft.com/azure/api-management/rate-limit-by-key-policy
    """

    def __init__(self, calls: Compiled, period: Compiled, key: Compiled, increment: Increment, report: Report) -> None:
        self._calls, self._period, self._key = calls, period, key
        self._increment, self._report = increment, report

    def run(self, call: Call) -> None:
        limit, period, report = int(self._calls.number(call)), self._period.number(call), self._report
        counters, key = call.services.counters, f"rate {self._key.text(call)}"
        remaining, wait = counters.left(key, limit, period)
        if not wait:
            counted = self._increment.apply(call, lambda amount: counters.count(key, amount))
            remaining = max(0, remaining - counted)
        if report.remaining_variable:
            call.context.variables[report.remaining_variable] = remaining
        headers: list[tuple[str | None, int]] = [(report.remaining_header, remaining), (report.total_header, limit)]
        if wait:
            if report.retry_after_variable:
                call.context.variables[report.retry_after_variable] = wait
            headers.append((report.retry_after_header, wait))
        for name, value in headers:
            if name:
                call.limit_headers.set(name, str(value))
        if wait:
            raise Failure("RateLimitExceeded", f"Rate limit is exceeded. Try again in {wait} seconds.", 429)


def _rate_limit(source: Source, element: Element) -> Policy:
    return RateLimitByKey(
        source.attribute(element, "calls"),
        source.attribute(element, "renewal-period"),
        source.attribute(element, "counter-key"),
        _increment(source, element),
        Report(
            source.literal(element, "retry-after-header-name") or "Retry-After",
            source.literal(element, "retry-after-variable-name"),
            source.literal(element, "remaining-calls-header-name"),
            source.literal(element, "remaining-calls-variable-name"),
            source.literal(element, "total-calls-header-name"),
        ),
    )


RATE_LIMIT_BY_KEY = PolicyElement(
    "rate-limit-by-key",
    Model(
        {
            "calls": NEEDED_NUMBER,
            "renewal-period": NEEDED_NUMBER,
            "counter-key": NEEDED,
            "increment-condition": ANY,
            "increment-count": NUMBER,
            "increment-after-response": LITERAL_BOOL,
            "retry-after-header-name": LITERAL,
            "retry-after-variable-name": LITERAL,
            "remaining-calls-header-name": LITERAL,
            "remaining-calls-variable-name": LITERAL,
            "total-calls-header-name": LITERAL,
        },
        sections=INBOUND,
        beyond=frozenset({"flexible-retry-window"}),
    ),
    _rate_limit,
)


class QuotaByKey:
    """So many calls in each period; 0 seconds: for ever.

    https://learn.microsoft.com/azure/api-management/quota-by-key-policy
    """

    def __init__(self, calls: int, period: int, start: float, key: Compiled, increment: Increment) -> None:
        self._calls, self._period, self._start = calls, period, start
        self._key, self._increment = key, increment

    def run(self, call: Call) -> None:
        counters, key = call.services.counters, f"quota {self._key.text(call)}"
        spent, wait = counters.spent(key, self._period, self._start)
        if spent - call.counted.get(key, 0) < self._calls:
            # Several policies with a key count a request once.
            if key not in call.counted:
                call.counted[key] = self._increment.apply(
                    call, lambda amount: counters.spend(key, amount, self._period, self._start)
                )
            return
        if not self._period:
            raise Failure("QuotaExceeded", "Out of call volume quota.", 403)
        call.limit_headers.set("Retry-After", str(wait))
        hours, rest = divmod(wait, 3600)
        when = f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
        raise Failure("QuotaExceeded", f"Out of call volume quota. Quota will be replenished in {when}.", 403)


def _quota(source: Source, element: Element) -> Policy:
    start, text = FIRST_PERIOD, source.literal(element, "first-period-start")
    if text is not None:
        try:
            start = datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError):
            raise source.error(element, f"first-period-start={text!r} is no time; write 2026-01-31T00:00:00Z") from None
    return QuotaByKey(
        int(source.literal(element, "calls") or ""),
        int(source.literal(element, "renewal-period") or ""),
        start,
        source.attribute(element, "counter-key"),
        _increment(source, element),
    )


QUOTA_BY_KEY = PolicyElement(
    "quota-by-key",
    Model(
        {
            "calls": NEEDED_LITERAL_NUMBER,
            "renewal-period": NEEDED_LITERAL_NUMBER,
            "counter-key": NEEDED,
            "increment-condition": ANY,
            "increment-count": NUMBER,
            "first-period-start": LITERAL,
        },
        sections=INBOUND,
        beyond=frozenset({"bandwidth"}),
    ),
    _quota,
)


def _increment(source: Source, element: Element) -> Increment:
    return Increment(
        source.optional(element, "increment-condition"),
        source.attribute(element, "increment-count", "1"),
        after_response=source.flag(element, "increment-after-response"),
    )


ELEMENTS: Sequence[Declared] = (
    RATE_LIMIT_BY_KEY,
    QUOTA_BY_KEY,
)
