"""How often: rate-limit-by-key, quota-by-key."""

from dataclasses import dataclass

from secure_mcp_local.apim.call import Call, Failure
from secure_mcp_local.apim.values import Compiled


@dataclass(frozen=True)
class Report:
    """Where a limit tells what it knows: names of response headers and variables."""

    retry_after_header: str | None = None
    retry_after_variable: str | None = None
    remaining_header: str | None = None
    remaining_variable: str | None = None
    total_header: str | None = None


class RateLimitByKey:
    """A sliding window for each key.

    https://learn.microsoft.com/azure/api-management/rate-limit-by-key-policy
    """

    def __init__(self, calls: Compiled, period: Compiled, key: Compiled, report: Report) -> None:
        self._calls, self._period, self._key, self._report = calls, period, key, report

    async def run(self, call: Call) -> None:
        limit, period, report = int(self._calls.number(call)), self._period.number(call), self._report
        wait, remaining = call.services.counters.admit(f"rate {self._key.text(call)}", limit, period)
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


class QuotaByKey:
    """So many calls in a period that begins with the first of them; 0 seconds: for ever.

    https://learn.microsoft.com/azure/api-management/quota-by-key-policy
    """

    def __init__(self, calls: Compiled, period: Compiled, key: Compiled) -> None:
        self._calls, self._period, self._key = calls, period, key

    async def run(self, call: Call) -> None:
        limit, period = int(self._calls.number(call)), self._period.number(call)
        wait = call.services.counters.spend(f"quota {self._key.text(call)}", limit, period)
        if wait is None:
            return
        hours, rest = divmod(wait, 3600)
        when = f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
        if period:
            call.limit_headers.set("Retry-After", str(wait))
        message = f"Out of call volume quota. Quota will be replenished in {when}." if period else "Out of quota."
        raise Failure("QuotaExceeded", message, 403)
