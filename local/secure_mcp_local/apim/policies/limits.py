"""rate-limit-by-key."""

from secure_mcp_local.apim.call import Call, Failure
from secure_mcp_local.apim.values import Compiled


class RateLimitByKey:
    def __init__(
        self, calls: Compiled, period: Compiled, key: Compiled, header: str | None, variable: str | None
    ) -> None:
        self._calls, self._period, self._key = calls, period, key
        self._header, self._variable = header, variable

    async def run(self, call: Call) -> None:
        limit, period = int(self._calls.number(call)), self._period.number(call)
        wait = call.services.counters.admit(self._key.text(call), limit, period)
        if wait == 0:
            return
        if self._variable:
            call.context.variables[self._variable] = wait
        if self._header:
            call.response.headers.set(self._header, str(wait))
        raise Failure("RateLimitExceeded", f"Rate limit is exceeded. Try again in {wait} seconds.", 429)
