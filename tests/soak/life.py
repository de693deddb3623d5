"""The soak itself: weeks of steps, each of one client, drawn from a seed."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from actors.platform import ALICE, BOB, SERVERS, THREE, Platform
from actors.shaped import SHAPES, ShapedClient
from secure_mcp_local.testing import Person
from soak.client import SoakedClient
from soak.watch import Watch

DAY = 86400
APPROVALS = 15
"""The most remembered approvals in a browser (`policies/oauth/consent.xml`)."""
FAULTS = ("entra-down", "entra-error-page", "cosmos-503", "cosmos-429", "cosmos-lost", "functions-500", "functions-401", "functions-down", "identity-unavailable")  # fmt: skip


@dataclass
class Life:
    """Clients of every shape at the servers of one gateway."""

    platform: Platform
    seed: int
    faults: list[str] = field(default_factory=list[str])
    sizes: list[Counter[str]] = field(default_factory=list[Counter[str]])
    steps: int = 0

    def __post_init__(self) -> None:
        cloud = self.platform.cloud
        self.random, self.watch, self.began = Random(self.seed), Watch(cloud), cloud.clock.now()
        self.browsers = [Person(name, now=cloud.clock.now) for name in ("alice", "bob", "alice", "bob")]
        self.clients: list[SoakedClient] = []
        for number, shape in enumerate(SHAPES):
            path = THREE[number % len(THREE)]
            scope = shape["scope"].replace("mcp:tools", SERVERS[path]["mcp_scopes"][0])
            client = ShapedClient(cloud.gateway_url, path=f"/{path}", scope=scope, shape=shape)
            person = self.browsers[number % len(self.browsers)]
            self.clients.append(SoakedClient(client, person, self.watch, Random(self.random.random())))

    @property
    def days(self) -> float:
        return (self.platform.cloud.clock.now() - self.began) / DAY

    async def live(self, refreshes: int, calls: int) -> None:
        """Steps until there were so many refreshes and calls."""
        done = self.watch.looked_at
        async with self.watch.listening():
            while done["refreshes"] < refreshes or done["calls"] < calls:
                self.steps += 1
                await self._step(calls / max(refreshes, 1))
                self.watch.look()
                if self.days > len(self.sizes):
                    self.sizes.append(self._measured())
            await self._afterwards()

    async def _step(self, calls: float) -> None:
        cloud, random = self.platform.cloud, self.random
        cloud.clock.advance(random.choice((30, 300, 1200, 2400, 5400)))
        client = random.choice(self.clients)
        cloud.gateway.cache.delay = random.choice((0, 0, 0, 1, 5))
        match random.choices(
            ("nothing", "forget", "restart", "disabled", "operator", "fault"), (78, 6, 1, 0.5, 1.5, 13)
        )[0]:
            case "forget":
                cloud.gateway.cache.clear()
                self.watch.looked_at["caches emptied"] += 1
            case "restart":
                self.watch.look()
                await asyncio.to_thread(cloud.restart_gateway)
                self.watch.looked_at["restarts"] += 1
            case "disabled":
                # An administrator signs somebody out everywhere: each session ends when it next asks.
                cloud.entra.revoke(cloud.entra.user(client.person.name))
                self._cause("Entra ID ended the sign-in", client.person.name)
                self.watch.looked_at["users signed out in Entra ID"] += 1
            case "operator":
                await self._operate(client)
            case "fault":
                await self._with_fault(client)
            case _:
                pass
        await self._one(client, round(calls) + random.randrange(3))

    async def _one(self, client: SoakedClient, calls: int) -> None:
        random, now = self.random, self.platform.cloud.clock.now
        if not client.tokens:
            if random.random() < 0.1:
                # Some clients register anew at each sign-in.
                client.client.client_id = ""
            deny, twice = random.random() < 0.05, random.random() < 0.05
            how = await client.sign_in(deny=deny, twice=twice)
            self.watch.looked_at[f"sign-ins: {how}"] += 1
            if not client.tokens:
                return
        elif client.expires <= now() + 60 or random.random() < 0.3:
            match random.choices(("plain", "race", "lost", "late", "reuse"), (78, 10, 8, 1, 3))[0]:
                case "race":
                    await client.refresh(at_once=random.choice((2, 3, 4)))
                case "lost":
                    await client.refresh(lose=1)
                    self.platform.cloud.clock.advance(random.randrange(1, 90))
                    await client.refresh()
                case "late":
                    # Too late for the grace: nobody can tell the client from a thief.
                    await client.refresh(lose=1)
                    self.platform.cloud.clock.advance(301)
                    client.causes.add("refresh token reused")
                    await client.refresh()
                case "reuse" if client.old[:-1]:
                    await client.reuse()
                    await client.refresh()
                case _:
                    await client.refresh()
        if client.tokens and client.expires > now():
            await client.call(calls, at_once=random.choice((1, 1, 4)))
        if client.tokens and random.random() < 0.02:
            await client.revoke()

    async def _with_fault(self, client: SoakedClient) -> None:
        """What a client does while something is down ends nothing; afterwards it goes on with what it has."""
        name = self.random.choice(FAULTS)
        self.faults.append(name)
        active = self.platform.cloud.network.faults.active
        active.add(name)
        refreshing = False
        try:
            if not client.tokens:
                await client.sign_in()
            elif self.random.random() < 0.5 or client.expires <= self.platform.cloud.clock.now():
                refreshing = True
                await client.refresh()
            else:
                await client.call(2, at_once=1)
        finally:
            active.discard(name)
        if refreshing and client.tokens:
            # As clients do: again, with what they have.
            await client.refresh()

    def _cause(self, reason: str, person: str = "", client_id: str = "") -> None:
        """Notes that the sessions of a person or of a client may end now."""
        for client in self.clients:
            if client.tokens and (client.person.name == person or client.client.client_id == client_id):
                client.causes.add(reason)

    async def _operate(self, client: SoakedClient) -> None:
        """An operator ends all sessions of a user or of a client."""
        cloud = self.platform.cloud
        form = {"client": client.client.client_id or "none"}
        if self.random.random() < 0.3:
            form = {"user": ALICE if client.person.name == "alice" else BOB}
        self._cause("by an operator", client.person.name if "user" in form else "", form.get("client", ""))
        async with httpx.AsyncClient(trust_env=False) as http:
            challenge = (await http.post(cloud.gateway_url + "/sessions/end")).headers["www-authenticate"]
            uri, resource = challenge.split('"')[1::2]
            token = (await http.get(f"{uri}/local/azure-cli/{resource}/alice")).json()["accessToken"]
            headers = {"Authorization": f"Bearer {token}"}
            answer = await http.post(cloud.gateway_url + "/sessions/end", data=form, headers=headers)
        assert answer.status_code == 200, answer.text
        self.watch.looked_at["sessions ended by an operator, of " + next(iter(form))] += 1
        cloud.clock.advance(61)

    def _measured(self) -> Counter[str]:
        """How much there is, and that it is no more than what happened lately can have left.

        Raises:
            AssertionError: something grows.
        """
        sizes, done = self.watch.measure(self.browsers), self.watch.looked_at
        begun = sum(number for what, number in done.items() if what.startswith("sign-ins: "))
        bounds = {
            "documents client": done["registrations"],
            "documents session": begun,
            "documents tx": 60,
            "documents ended": 2 + done["registrations"],
            "cache": 400,
            "cookies": APPROVALS + 2 * 60,
            "cookie bytes": 8192,
        }
        for kind, bound in bounds.items():
            assert sizes[kind] <= bound, f"after {self.days:.0f} days there are {sizes[kind]} {kind}, more than {bound}"
        return sizes

    async def _afterwards(self) -> None:
        """Whoever has a session still has it; and when nobody comes any more, nothing is left of anybody.

        Raises:
            AssertionError: a session is lost, or something stays for ever.
        """
        cloud = self.platform.cloud
        cloud.gateway.cache.delay = 0
        for client in self.clients:
            if client.tokens:
                await client.refresh()
            if client.tokens:
                await client.call(1, at_once=1)
        self.watch.look()
        self.sizes.append(self._measured())
        cloud.clock.advance(2 * 3600)
        assert cloud.gateway.cache.living == 0, "values stay in the cache"
        cloud.clock.advance(400 * DAY)
        left = {kind: number for kind, number in self.watch.measure(self.browsers).items() if number}
        assert not left, f"a year after the last step there are still {left}"

    def told(self) -> dict[str, Any]:
        """The counts, for people."""
        done, last = self.watch.looked_at, self.sizes[-1]
        return {
            "seed": self.seed,
            "clients": len(self.clients),
            "steps": self.steps,
            "days of the clock": round(self.days - 400, 1),
            "faults": f"{len(self.faults)}, in one of {self.steps / max(len(self.faults), 1):.0f} steps",
            **dict(sorted(done.items())),
            **{
                f"{kind}, at the end (most ever)": f"{last[kind]} ({self.watch.peaks[kind]})"
                for kind in sorted(self.watch.peaks)
            },
            "signed out without a reason": 0,
            "leaks": 0,
        }
