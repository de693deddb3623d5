"""What a gateway has stored of people and clients, and what these hold: all that must work on when the gateway becomes a newer one."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

_WHEN = 2**31
"""Seconds since 1970: sessions were begun then, in 2038, since a clock can be put forward only."""
_GATEWAY, _ENTRA = "https://gateway.example", "https://entra.example"
"""Stand for addresses that are others in each run."""
STORED = "stored.json"
WEB = "https://app.example.com/callback"


@asynccontextmanager
async def served(root: Path, **options: Any) -> AsyncIterator[LocalCloud]:
    """The project of `PROGRAM`, with a host that answers each call."""

    async def host(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}})(scope, receive, send)

    async with LocalCloud.open(root, port=0, **options) as cloud:
        cloud.network.serve("localhost:20", host, kind="functions")
        yield cloud


@dataclass
class Stored:
    """One person signed in with two applications: a program on their computer, and a web application with a secret."""

    program: dict[str, Any]
    """Tokens, and the client's id."""
    web: dict[str, Any]
    """The same, and its secret."""
    cookies: dict[str, str]
    """Of the person's browser for the gateway: an approval of the web application."""
    services: dict[str, Any]
    """What Entra ID and Cosmos DB know."""

    @classmethod
    async def made(cls, cloud: LocalCloud) -> Self:
        """Signs in, and reads what is stored then."""
        cloud.clock.advance(_WHEN - cloud.clock.now())
        person = Person(now=cloud.clock.now)
        program = Application(cloud.gateway_url, path="/notes", scope="notes offline_access")
        first = await program.tokens(person)
        web = Application(cloud.gateway_url, redirect_uri=WEB, path="/notes", scope="notes notes:write offline_access")
        secret = (await web.register(token_endpoint_auth_method="client_secret_post")).json()["client_secret"]
        second = (await web.exchange(await web.code(person), client_secret=secret)).json()
        return cls(
            first | {"client_id": program.client_id},
            second | {"client_id": web.client_id, "client_secret": secret},
            dict(person.jar("localhost")),
            # The key that tokens are signed with is private, and of no use to a gateway.
            {"entra": cloud.entra.kept() | {"key": None}, "cosmos": cloud.cosmos.kept()},
        )

    def write(self, file: Path, cloud: LocalCloud) -> None:
        text = json.dumps(asdict(self), indent=1, sort_keys=True)
        for address, name in ((cloud.gateway_url, _GATEWAY), (cloud.entra_url, _ENTRA)):
            text = text.replace(address, name)
        file.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def restored(cls, file: Path, cloud: LocalCloud) -> Self:
        """Puts what was stored into a cloud that has nothing yet, a minute after it was."""
        text = file.read_text(encoding="utf-8").replace(_GATEWAY, cloud.gateway_url).replace(_ENTRA, cloud.entra_url)
        stored = cls(**json.loads(text))
        cloud.clock.advance(_WHEN + 60 - cloud.clock.now())
        cloud.entra.restore(stored.services["entra"] | {"key": cloud.entra.issuer.kept()})
        cloud.cosmos.restore(stored.services["cosmos"])
        return stored

    def application(self, cloud: LocalCloud, held: dict[str, Any]) -> Application:
        """The application that holds something, at a cloud."""
        redirect = {"redirect_uri": WEB} if held is self.web else {}
        return Application(
            cloud.gateway_url, path="/notes", scope=held["scope"], client_id=held["client_id"], **redirect
        )

    def person(self, cloud: LocalCloud) -> Person:
        """Who signed in, with the same browser."""
        return Person(cookies={"localhost": dict(self.cookies)}, now=cloud.clock.now)
