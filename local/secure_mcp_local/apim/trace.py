"""What one request did, policy by policy: names, times and audit events, never a value that opens something."""

from dataclasses import dataclass, field


@dataclass
class Step:
    section: str
    scope: str
    element: str
    milliseconds: float
    failed: bool = False


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
            "variables": self.variables,
        }
