"""What is looked at after every step: audit events, secrets where they do not belong, and how much there is of everything."""

import json
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.cloud.addresses import LOGIN_HOSTS
from secure_mcp_local.testing import Person

_WORD = re.compile(r"[A-Za-z0-9_.~-]{40,}")
"""What opens something is long: every key, token, code and cookie here is one such word."""
_JWT = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}")
_SESSION_NAME = re.compile(r"\b(?:session|tx|client)-")
"""Names of documents are hashes of what opens something, behind a prefix."""


class Leak(AssertionError):
    """Something that opens something was seen where it does not belong."""


@dataclass
class Watch:
    """Hears what a local cloud says about itself."""

    cloud: LocalCloud
    events: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """Audit events, in the order in which they were written."""
    ours: set[str] = field(default_factory=set[str])
    """What the gateway gave to clients and browsers: right in their answers, wrong in traces and logs."""
    entras: set[str] = field(default_factory=set[str])
    """What Entra ID gave to the gateway: wrong everywhere but there."""
    looked_at: Counter[str] = field(default_factory=Counter[str])
    peaks: Counter[str] = field(default_factory=Counter[str])
    """The most there ever was, by kind."""
    _written: list[str] = field(default_factory=list[str])

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """While the block lasts, tokens of Entra ID are noted and logs are kept."""
        hosts = (*LOGIN_HOSTS, urlsplit(self.cloud.entra_url).netloc)
        handler = _Lines(self._written)
        root = logging.getLogger()
        root.addHandler(handler)
        for host in hosts:
            self.cloud.network.serve(host, self._noting(self.cloud.entra.app), kind="entra")
        try:
            yield
        finally:
            root.removeHandler(handler)
            for host in hosts:
                self.cloud.network.serve(host, self.cloud.entra.app, kind="entra")

    def _noting(self, app: ASGIApp) -> ASGIApp:
        async def noting(scope: Scope, receive: Receive, send: Send) -> None:
            parts: list[bytes] = []

            async def heard(message: Any) -> None:
                if message["type"] == "http.response.body":
                    parts.append(message.get("body", b""))
                await send(message)

            await app(scope, receive, heard)
            if scope["type"] == "http" and scope["path"].endswith("/oauth2/v2.0/token"):
                try:
                    answer = json.loads(b"".join(parts))
                except ValueError:
                    return
                kinds = ("access_token", "id_token", "refresh_token")
                self.entras |= {answer[kind] for kind in kinds if isinstance(answer.get(kind), str)}

        return noting

    def answered(self, response: httpx.Response, *given: str) -> None:
        """Looks at an answer that a client or a browser got; what it was given to keep is noted.

        Raises:
            Leak: there is something of Entra ID's in it.
        """
        self.ours |= {value for value in given if value}
        if str(response.request.url).startswith(self.cloud.entra_url):
            return
        self.looked_at["answers"] += 1
        text = "\n".join([response.text, *(f"{name}: {value}" for name, value in response.headers.items())])
        if found := _JWT.search(text) or self.entras.intersection(_words(text)):
            raise Leak(f"{response.request.method} {response.request.url}: something of Entra ID's came back ({found})")

    def look(self) -> None:
        """Takes the traces and logs since the last look.

        Raises:
            Leak: there is something in them that opens something.
        """
        traces = list(self.cloud.gateway.traces)
        self.cloud.gateway.traces.clear()
        for trace in traces:
            # Traces of the local cloud mask what they show; Azure's log has the events as they are.
            events = [dict(event) for event in trace.events("secure-mcp.audit")]
            self.events += events
            for event in events:
                self._secret_in(json.dumps(event), "audit event")
            self._secret_in(json.dumps(trace.as_dict(), default=str), "trace")
        lines, self._written[:] = list(self._written), []
        for line in lines:
            self._secret_in(line, "log")

    def _secret_in(self, text: str, where: str) -> None:
        self.looked_at[where + "s"] += 1
        if _JWT.search(text):
            raise Leak(f"a token is in a {where}: {text[:2000]}")
        if found := (self.ours | self.entras).intersection(_words(_SESSION_NAME.sub("", text))):
            raise Leak(f"{len(found)} secrets are in a {where}: {text[:2000]}")

    def measure(self, people: Iterable[Person]) -> Counter[str]:
        """How much there is now: documents by kind, values in the cache, cookies of one browser and their bytes."""
        sizes: Counter[str] = Counter({"documents " + kind: 0 for kind in ("client", "tx", "session", "ended")})
        for container in self.cloud.cosmos.containers:
            sizes.update("documents " + str(document["id"]).split("-")[0] for document in container.documents())
        sizes["cache"] = self.cloud.gateway.cache.living
        host = urlsplit(self.cloud.gateway_url).hostname or ""
        for person in people:
            jar = {name: value for name, value in person.jar(host).items() if name.startswith("__Host-")}
            sizes["cookies"] = max(sizes["cookies"], len(jar))
            sizes["cookie bytes"] = max(sizes["cookie bytes"], sum(len(n) + len(v) + 3 for n, v in jar.items()))
        for kind, size in sizes.items():
            self.peaks[kind] = max(self.peaks[kind], size)
        return sizes


class _Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.INFO)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        # The clients of the soak are in this process, too: what their own HTTP library logs is not the gateway's.
        if not record.name.startswith(("httpx", "httpcore")):
            self._lines.append(record.getMessage())


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text))
