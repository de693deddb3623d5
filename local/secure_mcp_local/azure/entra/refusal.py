"""Entra ID's refusals: an AADSTS number, an OAuth error, and what to change in the stack.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import uuid
from dataclasses import dataclass, field

from apim_policies.clock import Clock
from apim_policies.pipeline import refusals


@dataclass(eq=False)
class Refusal(Exception):
    """Shown as a page, in a redirect or as JSON, depending on who can be told."""

    code: int
    """The number after `AADSTS`."""
    message: str
    error: str
    """The OAuth error code."""
    status: int = 400
    hint: str = ""
    """What to change, for the person at this machine; Entra ID would not say it."""
    subcode: str = ""
    """`error_subcode` of a redirect."""
    suberror: str = ""
    """What of the error can be acted on: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow"""
    claims: str = ""
    """JSON of the claims that a sign-in would have to bring."""
    expected: str = ""
    """What would have been let through."""
    declared: str = ""
    """What the stack declares instead."""
    trace_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __str__(self) -> str:
        return f"AADSTS{self.code}: {self.message}"

    @property
    def advice(self) -> str:
        """What the person at this machine is told beside Entra ID's own words."""
        return self.hint or (f"declared: {self.declared}" if self.declared else "")

    def explained(self, *, asked: str = "", answered: str = "") -> refusals.Refusal:
        """For the person at this machine. `asked`, `answered`: the addresses that a browser came by and is sent on to."""
        return refusals.Refusal(
            service="Entra ID",
            code=f"AADSTS{self.code}",
            message=self.message,
            expected=self.expected,
            declared=self.declared,
            remedy=self.hint,
            asked=asked,
            answered=answered,
        )

    def json(self, clock: Clock) -> dict[str, object]:
        """The body of a token endpoint error."""
        timestamp = timestamp_of(clock)
        correlation = str(uuid.uuid4())
        body: dict[str, object] = {
            "error": self.error,
            "error_description": (
                f"{self} Trace ID: {self.trace_id} Correlation ID: {correlation} Timestamp: {timestamp}"
            ),
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": self.trace_id,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
        body |= {name: value for name, value in (("suberror", self.suberror), ("claims", self.claims)) if value}
        return {**body, "local_hint": self.advice} if self.advice else body


def timestamp_of(clock: Clock) -> str:
    """Now, as Entra ID writes it."""
    return clock.utcnow().strftime("%Y-%m-%d %H:%M:%SZ")


def missing(parameter: str) -> Refusal:
    """A parameter that must be there."""
    message = f"The request body must contain the following parameter: '{parameter}'."
    return Refusal(900144, message, "invalid_request")


def foreign_resource() -> Refusal:
    """The `resource` parameter of RFC 8707, which version 2.0 endpoints do not know."""
    message = "The resource parameter provided in the request doesn't match with the requested scopes."
    hint = "the gateway must not forward the client's resource parameter"
    return Refusal(9010010, message, "invalid_target", hint=hint)
