"""trace."""

from collections.abc import Sequence

from secure_mcp_local.apim.call import Call
from secure_mcp_local.apim.values import Compiled


class Trace:
    def __init__(
        self, source: str, severity: str, message: Compiled | None, metadata: Sequence[tuple[str, Compiled]]
    ) -> None:
        self._source, self._severity, self._message, self._metadata = source, severity, message, metadata

    async def run(self, call: Call) -> None:
        call.trace.messages.append(
            {
                "source": self._source,
                "severity": self._severity,
                "message": self._message.text(call) if self._message else "",
                **{name: value.text(call) for name, value in self._metadata},
            }
        )
