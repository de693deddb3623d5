"""Policies under test: a gateway, whom it calls, what time it is, and what each request did."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from apim_policies.bench.coverage import Coverage
from apim_policies.bench.mocks import Mock, Mocks, Recorded, mock_of
from apim_policies.bench.sources import load
from apim_policies.bench.tokens import TokenMint
from apim_policies.clock import Clock
from apim_policies.expressions import to_python
from apim_policies.gateway import Declaration, Gateway
from apim_policies.pipeline.cache import Cache
from apim_policies.pipeline.call import Call, Event
from apim_policies.pipeline.trace import Journal, RequestTrace


class BenchIdentities:
    """The gateway's managed identities: each gets a token that says for what, and nothing else."""

    def token(self, resource: str, client_id: str | None) -> str:
        """A text like a token of the system-assigned identity, or of the one with a client id."""
        claims = json.dumps({"aud": resource, "appid": client_id or "system"}, separators=(",", ":")).encode()
        return "bench." + base64.urlsafe_b64encode(claims).rstrip(b"=").decode() + ".token"


@dataclass(frozen=True)
class Outcome:
    """What came of one request."""

    answer: httpx.Response
    calls: list[Recorded]
    """What policies sent to others for it, in order."""
    trace: RequestTrace
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The context variables at the end, as plain Python; what has no such form is its type's name."""
    metrics: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    events: list[Event] = field(default_factory=list[Event])
    """What was sent to event hubs."""

    @property
    def status(self) -> int:
        """The answer's status code."""
        return self.answer.status_code

    @property
    def headers(self) -> httpx.Headers:
        """The answer's headers, whose names have no case."""
        return self.answer.headers

    @property
    def text(self) -> str:
        """The answer's body as text."""
        return self.answer.text

    def json(self) -> Any:
        """The answer's body as JSON."""
        return self.answer.json()

    @property
    def steps(self) -> list[str]:
        """The policies that ran, such as `inbound api set-header x-a`; for snapshots: nothing in it changes by itself."""
        return [
            " ".join(
                filter(
                    None,
                    [
                        step.section,
                        step.scope,
                        *step.place.path[:-1],
                        step.place.element,
                        step.place.label,
                        "failed" if step.failed else "",
                    ],
                )
            )
            for step in self.trace.steps
        ]


class PolicyGateway:
    """A gateway in a test.

    Args:
        declaration: What it is: plain values, or what `load` made of a folder or an export.
        coverage: What notes how much of the policies ran. None: one of its own.
    """

    def __init__(self, declaration: Declaration, coverage: Coverage | None = None) -> None:
        self.declaration, self.clock, self.network = declaration, Clock(), Mocks()
        self.coverage = coverage or Coverage()
        self.mint = TokenMint(self.network, self.clock)
        self._journal = Journal(always=True)
        self._calls: list[Call] = []
        self.gateway = Gateway.of(
            declaration, self.network, self.clock, BenchIdentities(), self.coverage.compile, self._journal
        )
        self.coverage.learn(self.gateway)
        self.coverage.files.update(declaration.files)
        self.coverage.written.update(declaration.documents)
        self.gateway.listening.append(self._calls.append)

    @classmethod
    def of(cls, source: Path | str, coverage: Coverage | None = None, **changes: Any) -> "PolicyGateway":
        """The gateway of a folder of policies, an APIops extract or an ARM export; see `sources.load`."""
        return cls(load(Path(source), **changes), coverage)

    @property
    def cache(self) -> Cache:
        """The cache of values: it can be emptied, made slow, or filled."""
        return self.gateway.cache

    def mock(self, url: str, **answer: Any) -> Mock:
        """Lets somebody answer at an address; arguments as those of `mock_of`."""
        return self.network.add(mock_of(url, **answer))

    def token(self, claims: Mapping[str, Any] | None = None, *, expires_in: float = 3600, **more: Any) -> str:
        """A signed token of an issuer whose OpenID configuration policies can ask for."""
        return self.mint.token({**(claims or {}), **more}, expires_in=expires_in)

    async def send(
        self,
        method: str = "GET",
        path: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        text: str | bytes | None = None,
        form: Mapping[str, str] | None = None,
        claims: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Outcome:
        """Sends a request through the policies.

        Args:
            method: Such as `GET`.
            path: With its query.
            headers: Of the request.
            json: A body as JSON.
            text: A body as it is.
            form: A body as a form.
            claims: Claims of a token that goes along as `Authorization: Bearer`.
            key: Key of a subscription.
        """
        given = dict(headers or {})
        if claims is not None:
            given["Authorization"] = f"Bearer {self.token(claims)}"
        if key is not None:
            given["Ocp-Apim-Subscription-Key"] = key
        before, events = len(self.network.calls), len(self.gateway.services.events)
        self._calls.clear()
        transport = httpx.ASGITransport(self.gateway.app)
        async with httpx.AsyncClient(transport=transport, base_url=self.declaration.url, timeout=None) as client:  # noqa: S113  (the clock is the test's)
            answer = await client.request(method, path, headers=given, json=json, content=text, data=form)
        trace = self.gateway.traces[-1]
        self.coverage.add(trace)
        variables = self._calls[-1].context.variables if self._calls else {}
        return Outcome(
            answer,
            self.network.calls[before:],
            trace,
            {name: _plain(value) for name, value in variables.items()},
            trace.metrics,
            self.gateway.services.events[events:],
        )


def _plain(value: object) -> Any:
    try:
        return to_python(value)
    except Exception:
        return type(value).__name__
