"""What one request did, policy by policy: names, times and audit events, never a value that opens something."""

from dataclasses import dataclass, field

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.expressions import to_python
from secure_mcp_local.expressions.context import Response


class Variables(dict[str, object]):
    """The variables of a request, which know which of them were set since somebody asked."""

    def __init__(self) -> None:
        super().__init__()
        self._set: list[str] = []

    def __setitem__(self, name: str, value: object) -> None:
        self._set.append(name)
        super().__setitem__(name, value)

    def news(self) -> dict[str, str]:
        """What was set since this was called last, described."""
        if not self._set:
            return {}
        names, self._set = self._set, []
        return {name: described(self[name]) for name in names}


@dataclass
class Step:
    """One policy that ran, in the order in which they began."""

    section: str
    scope: str
    element: str
    document: str = ""
    line: int = 0
    path: tuple[str, ...] = ()
    """The policies that it stands in, outermost first, such as `choose[3]` and `when[2]`."""
    milliseconds: float = 0.0
    failed: bool = False
    variables: dict[str, str] = field(default_factory=dict[str, str])
    """What it set: the type, and the value of what can only be a number or a truth value."""


@dataclass
class RequestTrace:
    request_id: str
    method: str
    path: str
    """Without the query string, which carries codes and states."""
    api: str = ""
    operation: str = ""
    status: int = 0
    milliseconds: float = 0.0
    steps: list[Step] = field(default_factory=list[Step])
    messages: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """One for each `trace` policy that ran: source, severity, message and its metadata."""

    metrics: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    """One for each `emit-metric` policy that ran: name, namespace, value and dimensions."""
    calls: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    """One for each request of the gateway's own: method, host, status (0: no answer), milliseconds."""
    variables: dict[str, str] = field(default_factory=dict[str, str])
    """Type of each variable at the end, and the value of those that can only be a number or a truth value."""

    def events(self, source: str) -> list[dict[str, str]]:
        """The metadata of every `trace` policy with a source."""
        return [message for message in self.messages if message["source"] == source]

    def as_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "requestId": self.request_id,
            "method": self.method,
            "path": self.path,
            "api": self.api,
            "operation": self.operation,
            "status": self.status,
            "milliseconds": self.milliseconds,
            "steps": [vars(step) for step in self.steps],
            "messages": self.messages,
            "metrics": self.metrics,
            "calls": self.calls,
            "variables": self.variables,
        }


def described(value: object) -> str:
    """A variable in a trace: tokens, codes and names of people are texts, and no text is shown."""
    try:
        plain = value if isinstance(value, Response) else to_python(value)
    except LocalCloudError:  # of a type that is none of Python's
        plain = value
    if plain is None or isinstance(plain, bool | int | float):
        return str(plain)
    return type(plain).__name__
