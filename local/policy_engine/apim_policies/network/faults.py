"""Faults: what the services around the gateway do on a bad day, switched on and off by name.

They hit requests through the local network. A browser reaches Entra ID's sign-in page beside it, as before.
"""

import json
from collections.abc import Iterable, Iterator, MutableSet
from dataclasses import dataclass, field
from typing import Literal

from apim_policies.errors import ExplainedError

Kind = Literal["entra", "cosmos", "functions", "identity"]
"""Which service a host belongs to. `identity` is the managed identity endpoint, which has no host."""


@dataclass(frozen=True)
class Fault:
    """One way for a service to fail. Exactly one of the effects below, in this order, if several are set."""

    name: str
    kind: Kind
    description: str
    refuse: bool = False
    """The connection is refused."""
    delay: float = 0.0
    """Seconds until the service answers as usual. A caller with less patience times out."""
    lose_answer: bool = False
    """The service does what it was asked, and the answer never arrives."""
    drop: bool = False
    """The connection breaks in the middle of the answer's body."""
    status: int = 0
    """This answer comes instead of the service's own; the service never sees the request."""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


_HTML = ("content-type", "text/html; charset=utf-8")
_JSON = ("content-type", "application/json")

_ENTRA_ERROR_PAGE = """<!DOCTYPE html>
<html><head><title>Service Unavailable</title></head>
<body><h2>Our services aren't available right now</h2>
<p>We're working to restore all services as soon as possible. Please check back soon.</p></body></html>
"""

FAULTS = {
    fault.name: fault
    for fault in (
        Fault("entra-slow", "entra", "Entra ID answers the gateway after 60 seconds.", delay=60),
        Fault(
            "entra-down",
            "entra",
            "The gateway's connections to Entra ID are refused.",
            refuse=True,
        ),
        Fault(
            "entra-error-page",
            "entra",
            "Entra ID's front door answers the gateway 503 with an HTML page.",
            status=503,
            headers=(_HTML,),
            body=_ENTRA_ERROR_PAGE,
        ),
        Fault(
            "cosmos-429",
            "cosmos",
            "Cosmos DB throttles every request: 429 with x-ms-retry-after-ms.",
            status=429,
            headers=(_JSON, ("x-ms-retry-after-ms", "1000"), ("x-ms-substatus", "3200")),
            body=json.dumps(
                {
                    "code": "429",
                    "message": "Request rate is large. More Request Units may be needed.",
                }
            ),
        ),
        Fault(
            "cosmos-503",
            "cosmos",
            "Cosmos DB is unavailable: 503.",
            status=503,
            headers=(_JSON,),
            body=json.dumps(
                {"code": "ServiceUnavailable", "message": "Service is currently unavailable, please retry."}
            ),
        ),
        Fault("cosmos-timeout", "cosmos", "Cosmos DB answers after 120 seconds.", delay=120),
        Fault(
            "cosmos-lost",
            "cosmos",
            "Cosmos DB does what it is asked, but its answer never arrives.",
            lose_answer=True,
        ),
        Fault(
            "functions-cold",
            "functions",
            "The function app starts: each answer takes 10 seconds longer.",
            delay=10,
        ),
        Fault("functions-down", "functions", "Nobody answers at the function app's address.", refuse=True),
        Fault(
            "functions-401",
            "functions",
            "The function app refuses the gateway: 401.",
            status=401,
            headers=(("www-authenticate", 'Bearer realm="the-function-app"'),),
            body="You do not have permission to view this directory or page.",
        ),
        Fault(
            "functions-500",
            "functions",
            "The function app answers 500 with details that are nobody's business.",
            status=500,
            headers=(("content-type", "text/plain; charset=utf-8"),),
            body="Traceback (most recent call last): secret-of-the-backend\n",
        ),
        Fault(
            "functions-drop",
            "functions",
            "The function app's connection breaks in the middle of an answer.",
            drop=True,
        ),
        Fault(
            "identity-unavailable",
            "identity",
            "The gateway gets no token for its managed identity.",
            refuse=True,
        ),
    )
}
"""Every fault by name."""


class ActiveFaults(MutableSet[str]):
    """Names of the faults that are switched on. Unknown names are refused."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names: set[str] = set()
        for name in names:
            self.add(name)

    def add(self, value: str) -> None:
        """Switch a fault on.

        Raises:
            ExplainedError: there is no such fault.
        """
        if value not in FAULTS:
            raise ExplainedError(f"there is no fault {value!r}; there are: {', '.join(FAULTS)}")
        self._names.add(value)

    def discard(self, value: str) -> None:
        """Switch a fault off."""
        self._names.discard(value)

    def __contains__(self, value: object) -> bool:
        return value in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"ActiveFaults({sorted(self._names)})"


@dataclass
class Faults:
    """Which faults are on. The network asks for each request, the managed identities for each token."""

    active: ActiveFaults = field(default_factory=ActiveFaults)
    time_scale: float = 1.0
    """Real seconds for one second of a fault's delay, and of the caller's patience meanwhile: 1 is what a
    person sees; 0.01 lets a minute pass in 0.6 seconds for a test. Requests without a timeout wait in real
    time."""

    def of(self, kind: Kind | None) -> list[Fault]:
        """The active faults of one kind of service."""
        return [FAULTS[name] for name in self.active if kind is not None and FAULTS[name].kind == kind]
