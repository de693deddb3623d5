"""One client of the soak: what it holds, what it does, and what may end its session."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from actors.shaped import ShapedClient
from secure_mcp_local.testing import Person, answer_of
from soak.watch import Watch


class SignedOut(AssertionError):
    """A client lost its session, and the audit log does not say why."""


@dataclass
class SoakedClient:
    """Signs in when it has no session, refreshes when its key has expired, and calls."""

    client: ShapedClient
    person: Person
    watch: Watch
    random: Random
    tokens: dict[str, Any] = field(default_factory=dict[str, Any])
    old: list[str] = field(default_factory=list[str])
    """Refresh tokens that were replaced, oldest first."""
    expires: float = 0
    began_at: int = 0
    """How many audit events there were when the session began."""
    causes: set[str] = field(default_factory=set[str])
    """Reasons for which the session may end, because of what was done to it."""

    @property
    def name(self) -> str:
        return f"{self.client.shape['name']} of {self.person.name} at {self.client.path}"

    async def register(self) -> None:
        registration = await self.client.register()
        self.watch.answered(registration, self.client.secret)
        self.count("registrations")

    async def sign_in(self, *, deny: bool = False, twice: bool = False) -> str:
        """Signs in and says how it ended: in, denied, later (something did not answer), or unknown (registers next time)."""
        if not self.client.client_id:
            await self.register()
            if not self.client.client_id:
                return "later"
        self.person.answer = "deny" if deny else "allow"
        self.person.visited.clear()
        site = self.random.choice(("none", "cross-site"))
        end = await self.person.sign_in(self.client.authorize_url(), headers={"Sec-Fetch-Site": site})
        for response in self.person.visited:
            self.watch.answered(response)
        if not isinstance(end, str):
            if end.status_code == 400 and "not registered" in end.text:
                self.client.client_id = ""
                return "unknown"
            assert end.status_code in {429, 503}, f"{self.name}: the sign-in ended with {end.status_code}: {end.text}"
            return "later"
        answer = answer_of(end)
        if "code" not in answer:
            expected = {"access_denied"} if deny else {"temporarily_unavailable", "server_error"}
            assert answer["error"] in expected, f"{self.name}: {answer}"
            return "denied" if deny else "later"
        self.watch.ours.add(answer["code"])
        self.watch.look()
        self.began_at = len(self.watch.events)
        if twice:
            self.causes |= {"code replayed", "code presented twice at once"}
        answers = await asyncio.gather(*(self.client.exchange(answer["code"]) for _ in range(2 if twice else 1)))
        for one in sorted(answers, key=lambda answer: answer.status_code):
            self.took(one)
        if twice and not self.tokens:
            # Two parties hold the code, so nobody keeps what it gave.
            self.count("codes presented at once")
        return "in" if self.tokens else "later"

    def took(self, answer: httpx.Response) -> None:
        """Keeps what an answer of /token gives, or finds out why it gives nothing."""
        if answer.status_code == 200:
            given = answer.json()
            self.watch.answered(answer, given["access_token"], given["refresh_token"])
            if self.tokens and given["refresh_token"] != self.tokens["refresh_token"]:
                self.old.append(self.tokens["refresh_token"])
            self.tokens = given
            self.expires = self.watch.cloud.clock.now() + given["expires_in"]
            return
        self.watch.answered(answer)
        if answer.status_code in {429, 503}:
            self.count("answers that said later")
            return
        assert answer.json()["error"] in {"invalid_grant", "invalid_client"}, f"{self.name}: {answer.text}"
        self.ended(answer.text)

    def ended(self, how: str) -> None:
        """The session is over: the audit log says why.

        Raises:
            SignedOut: it does not.
        """
        self.watch.look()
        since = self.watch.events[self.began_at :]
        reasons = [
            event["reason"]
            for event in since
            if (event["event"], event["outcome"], event.get("client")) == ("session", "revoked", self.client.client_id)
        ]
        if not reasons and "by an operator" in self.causes:
            # On calls it is simply over; who ended it, and whose, is an event of its own.
            reasons = [
                "by an operator" for event in since if (event["event"], event["outcome"]) == ("sessions", "ended")
            ]
        if not reasons:
            told = [event for event in since if event.get("client") == self.client.client_id][-5:]
            raise SignedOut(f"{self.name} was signed out ({how}) and nothing says why; last events: {told}")
        if reasons[-1] not in self.causes:
            raise SignedOut(f"{self.name} was signed out ({how}): {reasons[-1]!r}; what was done to it: {self.causes}")
        self.count(f"sessions ended: {reasons[-1]}")
        self.forget()

    def forget(self) -> None:
        self.tokens, self.old, self.expires, self.causes = {}, [], 0, set()

    def count(self, what: str, number: int = 1) -> None:
        self.watch.looked_at[what] += number

    async def refresh(self, at_once: int = 1, *, lose: int = 0) -> None:
        """Refreshes, several times at once with the same token; of the answers the first `lose` never arrive."""
        token = self.tokens["refresh_token"]
        answers = await asyncio.gather(*(self.client.refresh(token) for _ in range(at_once)))
        self.count("refreshes", at_once)
        if at_once > 1:
            self.count("races of refreshes")
            # Whoever comes at once gets the same, or is told to come again.
            given = {answer.json()["refresh_token"] for answer in answers if answer.status_code == 200}
            assert len(given) <= 1 or len({len(one) for one in given}) == 1, f"{self.name}: {len(given)} successors"
        for answer in answers[lose:]:
            if self.tokens:
                self.took(answer)
        for answer in answers[:lose]:
            self.count("answers lost")
            if answer.status_code == 200:
                self.watch.answered(answer, answer.json()["access_token"], answer.json()["refresh_token"])

    async def reuse(self) -> None:
        """Somebody comes with a refresh token of long ago."""
        self.count("refresh tokens reused")
        self.causes.add("refresh token reused")
        answer = await self.client.refresh(self.old[0])
        self.watch.answered(answer)
        if answer.status_code == 503:
            return
        assert answer.status_code == 400, f"{self.name}: an old refresh token gave {answer.status_code}"

    async def revoke(self) -> None:
        """Signs out, as a user who disconnects."""
        kind = self.random.choice(("access_token", "refresh_token"))
        form = {"token": self.tokens[kind], "client_id": self.client.client_id}
        if "secret" in self.client.shape:
            form["client_secret"] = self.client.secret
        answer = await self.client.send("POST", "/revoke", data=form)
        self.watch.answered(answer)
        assert answer.status_code in {200, 503}, f"{self.name}: /revoke answered {answer.status_code}: {answer.text}"
        if answer.status_code == 200:
            self.count("revocations")
            self.causes.add("by the client")
            self.ended("by itself")

    async def call(self, number: int, at_once: int) -> None:
        """Calls, some at once; the answers say whether the session still is."""
        methods = ("tools/list", "tools/call", "ping")
        for first in range(0, number, at_once):
            width = min(at_once, number - first)
            key = self.tokens["access_token"]
            answers = await asyncio.gather(*(self._call(key, self.random.choice(methods)) for _ in range(width)))
            self.count("calls", width)
            for answer in answers:
                self.watch.answered(answer)
                if answer.status_code in {429, 502, 503, 504}:
                    self.count("answers that said later")
                    continue
                assert answer.status_code in {200, 401}, f"{self.name}: a call got {answer.status_code}: {answer.text}"
                if answer.status_code == 401 and self.tokens:
                    if self.expires > self.watch.cloud.clock.now():
                        self.ended("a call")
                    return

    async def _call(self, key: str, method: str) -> httpx.Response:
        params = {"name": "list", "arguments": {"text": "x"}} if method == "tools/call" else None
        return await self.client.call(key, method, params)
