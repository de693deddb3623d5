"""How often: rate-limit, quota, rate-limit-by-key, quota-by-key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from apim_policies.documents.document import Element
from apim_policies.elements.model import (
    ANY,
    INBOUND,
    LITERAL,
    LITERAL_BOOL,
    LITERAL_NUMBER,
    NEEDED,
    NEEDED_LITERAL_NUMBER,
    NEEDED_NUMBER,
    NUMBER,
    Attribute,
    Child,
    Declared,
    Model,
    Part,
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

    def tell(self, call: Call, remaining: int, limit: int, wait: int) -> None:
        """Says what is left, and how long to wait if nothing is.

        Raises:
            Failure: nothing is.
        """
        if self.remaining_variable:
            call.context.variables[self.remaining_variable] = remaining
        headers: list[tuple[str | None, int]] = [(self.remaining_header, remaining), (self.total_header, limit)]
        if wait:
            if self.retry_after_variable:
                call.context.variables[self.retry_after_variable] = wait
            headers.append((self.retry_after_header, wait))
        for name, value in headers:
            if name:
                call.limit_headers.set(name, str(value))
        if wait:
            raise Failure("RateLimitExceeded", f"Rate limit is exceeded. Try again in {wait} seconds.", 429)


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
        report.tell(call, remaining, limit, wait)


def _report(source: Source, element: Element) -> Report:
    return Report(
        source.literal(element, "retry-after-header-name") or "Retry-After",
        source.literal(element, "retry-after-variable-name"),
        source.literal(element, "remaining-calls-header-name"),
        source.literal(element, "remaining-calls-variable-name"),
        source.literal(element, "total-calls-header-name"),
    )


def _rate_limit(source: Source, element: Element) -> Policy:
    return RateLimitByKey(
        source.attribute(element, "calls"),
        source.attribute(element, "renewal-period"),
        source.attribute(element, "counter-key"),
        _increment(source, element),
        _report(source, element),
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

    def __init__(
        self, calls: int | None, kilobytes: int | None, period: int, start: float, key: Compiled, increment: Increment
    ) -> None:
        self._calls, self._kilobytes, self._period, self._start = calls, kilobytes, period, start
        self._key, self._increment = key, increment

    def run(self, call: Call) -> None:
        counters, key = call.services.counters, f"quota {self._key.text(call)}"
        if self._kilobytes is not None:
            spend(call, key, None, self._kilobytes, self._period)
        if self._calls is None:
            return
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
        int(calls) if (calls := source.literal(element, "calls")) is not None else None,
        int(size) if (size := source.literal(element, "bandwidth")) is not None else None,
        int(source.literal(element, "renewal-period") or ""),
        start,
        source.attribute(element, "counter-key"),
        _increment(source, element),
    )


QUOTA_BY_KEY = PolicyElement(
    "quota-by-key",
    Model(
        {
            "calls": Attribute("refused", required=True, number=True, unless=frozenset({"bandwidth"})),
            "bandwidth": LITERAL_NUMBER,
            "renewal-period": NEEDED_LITERAL_NUMBER,
            "counter-key": NEEDED,
            "increment-condition": ANY,
            "increment-count": NUMBER,
            "first-period-start": LITERAL,
        },
        sections=INBOUND,
    ),
    _quota,
)


def _increment(source: Source, element: Element) -> Increment:
    return Increment(
        source.optional(element, "increment-condition"),
        source.attribute(element, "increment-count", "1"),
        after_response=source.flag(element, "increment-after-response"),
    )


class RateLimit:
    """A sliding window for each subscription; requests without one are not limited.

    https://learn.microsoft.com/azure/api-management/rate-limit-policy
    """

    def __init__(self, own: "_Allowance", apis: Sequence["_Allowance"], report: Report) -> None:
        self._own, self._apis, self._report = own, apis, report

    def run(self, call: Call) -> None:
        subscription = call.context.subscription
        if subscription is None:
            return
        allowance = self._own
        for api in self._apis:
            if api.names(call.context.api.id, call.context.api.name):
                allowance = next(
                    (
                        one
                        for one in api.operations
                        if one.names(call.context.operation.id, call.context.operation.name)
                    ),
                    api,
                )
        if allowance.calls is None or allowance.period is None:
            return
        counters, key = call.services.counters, f"rate subscription {subscription.id} {allowance.name}"
        remaining, wait = counters.left(key, allowance.calls, allowance.period)
        if not wait:
            counters.count(key, 1)
            remaining -= 1
        self._report.tell(call, remaining, allowance.calls, wait)


@dataclass(frozen=True)
class _Allowance:
    """How many calls of an API or operation there may be."""

    id: str = ""
    name: str = ""
    calls: int | None = None
    period: int | None = None
    bandwidth: int | None = None
    operations: Sequence["_Allowance"] = ()

    def names(self, id: str, name: str) -> bool:
        return self.id == id or (not self.id and self.name == name)


def _allowance(source: Source, element: Element) -> _Allowance:
    def number(name: str) -> int | None:
        text = source.literal(element, name)
        return int(text) if text is not None else None

    return _Allowance(
        source.literal(element, "id") or "",
        source.literal(element, "name") or source.literal(element, "id") or "",
        number("calls"),
        number("renewal-period"),
        number("bandwidth"),
        [_allowance(source, child) for child in element.children if child.name == "operation"],
    )


def _rate_limit_of_subscription(source: Source, element: Element) -> Policy:
    apis = [_allowance(source, child) for child in element.children if child.name == "api"]
    return RateLimit(_allowance(source, element), apis, _report(source, element))


_REPORTS = {
    "retry-after-header-name": LITERAL,
    "retry-after-variable-name": LITERAL,
    "remaining-calls-header-name": LITERAL,
    "remaining-calls-variable-name": LITERAL,
    "total-calls-header-name": LITERAL,
}

RATE_LIMIT = PolicyElement(
    "rate-limit",
    Model(
        {"calls": NEEDED_LITERAL_NUMBER, "renewal-period": NEEDED_LITERAL_NUMBER, **_REPORTS},
        (Child("api"), Child("operation")),
        INBOUND,
    ),
    _rate_limit_of_subscription,
)


class Quota:
    """So many calls, and so many bytes, of each subscription in each period.

    https://learn.microsoft.com/azure/api-management/quota-policy
    """

    def __init__(self, own: _Allowance, apis: Sequence[_Allowance]) -> None:
        self._own, self._apis = own, apis

    def run(self, call: Call) -> None:
        subscription = call.context.subscription
        if subscription is None:
            return
        matching = [api for api in self._apis if api.names(call.context.api.id, call.context.api.name)]
        for allowance in (self._own, *matching):
            period = allowance.period if allowance.period is not None else self._own.period or 0
            key = f"quota subscription {subscription.id} {allowance.name}"
            spend(call, key, allowance.calls, allowance.bandwidth, period)


def spend(call: Call, key: str, calls: int | None, kilobytes: int | None, period: int) -> None:
    """Counts a call, and when the answer is known its bytes, in a period that began with the first.

    Raises:
        Failure: nothing is left.
    """
    counters = call.services.counters
    for name, most in (("calls", calls), ("bytes", kilobytes * 1024 if kilobytes is not None else None)):
        if most is None:
            continue
        spent, wait = counters.spent(f"{key} {name}", period, FIRST_PERIOD)
        if spent >= most:
            what = "call volume" if name == "calls" else "bandwidth"
            if period:
                call.limit_headers.set("Retry-After", str(wait))
            raise Failure("QuotaExceeded", f"Out of {what} quota.", 403)
    if calls is not None:
        counters.spend(f"{key} calls", 1, period, FIRST_PERIOD)
    if kilobytes is not None:

        def count() -> None:
            request, response = call.context.request, call.context.response
            size = sum(
                len(message.body.content)
                if message.body is not None
                else int(message.headers.get("Content-Length") or 0)
                for message in (request, response)
                if message is not None
            )
            counters.spend(f"{key} bytes", size, period, FIRST_PERIOD)

        call.afterwards.append(count)


def _quota_of_subscription(source: Source, element: Element) -> Policy:
    if not element.attributes.keys() & {"calls", "bandwidth"}:
        raise source.error(element, "<quota> needs calls or bandwidth")
    return Quota(_allowance(source, element), [_allowance(source, child) for child in element.children])


QUOTA = PolicyElement(
    "quota",
    Model(
        {"calls": LITERAL_NUMBER, "bandwidth": LITERAL_NUMBER, "renewal-period": NEEDED_LITERAL_NUMBER},
        (Child("api"),),
        INBOUND,
    ),
    _quota_of_subscription,
)

_OF_API = {
    "id": LITERAL, "name": LITERAL, "calls": LITERAL_NUMBER, "renewal-period": LITERAL_NUMBER, "bandwidth": LITERAL_NUMBER,
    **_REPORTS,
}  # fmt: skip

ELEMENTS: Sequence[Declared] = (
    RATE_LIMIT,
    QUOTA,
    Part("api", Model(_OF_API, (Child("operation"),))),
    Part("operation", Model(_OF_API)),
    RATE_LIMIT_BY_KEY,
    QUOTA_BY_KEY,
)
