"""Who sends what to whom: from the traces of a gateway, and from what a person's browser visited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import httpx

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person, answer_of

CLIENT, BROWSER, GATEWAY, ENTRA, STORE, SERVER = "Client", "Browser", "Gateway", "Entra ID", "Session store", "Server"
PARTIES = (CLIENT, BROWSER, GATEWAY, ENTRA, STORE, SERVER)
_STORE = {"GET": "read", "POST": "create", "PUT": "replace", "DELETE": "delete"}


@dataclass(frozen=True)
class Message:
    source: str
    target: str
    text: str
    note: str = ""
    """Said below it: by which identity, under which condition."""
    reply: bool = False


async def flows(cloud: LocalCloud) -> list[tuple[str, str, list[Message]]]:
    """Name, title and messages of the sign-in of a new client, of its first call, the next one, and of a refresh."""
    client, alice = Application(cloud.gateway_url), Person()
    told = _Flows(cloud)

    async def sign_in() -> dict[str, Any]:
        await client.call(None)
        await client.send("GET", f"/.well-known/oauth-protected-resource{client.path}")
        await client.send("GET", "/.well-known/oauth-authorization-server")
        (await client.register()).raise_for_status()
        end = await alice.sign_in(client.authorize_url())
        assert isinstance(end, str), end.text
        answer = answer_of(end)
        told.came_back = ", ".join(answer)
        return (await client.exchange(answer["code"])).raise_for_status().json()

    with cloud.journal.watched(lambda _: None):
        tokens = await sign_in()
        found = [("sign-in", "A new client signs a user in", told.since(alice))]
        for name, title in (
            ("call", "The first call with a session key"),
            ("next-call", "The calls after it, for a minute"),
        ):
            (await client.call(tokens["access_token"], "tools/list")).raise_for_status()
            found.append((name, title, told.since()))
        (await client.refresh(tokens["refresh_token"])).raise_for_status()
        found.append(("refresh", "A session key has expired", told.since()))
    return found


class _Flows:
    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._told = 0
        self.came_back = ""
        """Names of the parameters that the browser brought back to the client."""
        (self._gateway,) = cloud.gateways.values()
        self._applications = {
            str(one.get("clientId")): str(one.get("displayName"))
            for one in cloud.recording
            if one.type.endswith(":Application")
        }

    def since(self, person: Person | None = None) -> list[Message]:
        """What was sent since the last time; what a person's browser visited is told from what the client sent."""
        traces = list(self._gateway.traces)[self._told :]
        self._told += len(traces)
        visited = list(person.visited) if person else []
        messages: list[Message] = []
        own = [trace.as_dict() for trace in traces]
        for number, trace in enumerate(own):
            # What the gateway asks itself is a call of the request in which it does.
            if any(_within(trace, other) for other in own[:number]):
                continue
            browser = bool(visited) and urlsplit(str(visited[0].request.url)).path == trace["path"]
            if browser and not any(BROWSER in (one.source, one.target) for one in messages):
                messages.append(Message(CLIENT, BROWSER, "opens the sign-in"))
            messages += self._request(BROWSER if browser else CLIENT, trace, traces[number].location)
            if browser:
                del visited[0]
                while visited and self._party(str(visited[0].request.url)) != GATEWAY:
                    messages += self._elsewhere(visited.pop(0))
                if (location := traces[number].location) and self._party(location) == CLIENT:
                    messages.append(Message(BROWSER, CLIENT, self.came_back))
        return messages

    def _request(self, source: str, trace: Mapping[str, Any], location: str) -> list[Message]:
        # The same again and again is said once, with all answers.
        groups = (list(same) for _, same in groupby(self._calls(trace), key=lambda call: call[0][:2]))
        merged = [
            Message(GATEWAY, target, f"{text} ({', '.join(status for _, status in group)})", note)
            for group in groups
            for target, text, note in (group[0][0],)
        ]
        to = f" to {self._party(location)}" if location else ""
        return [
            Message(source, GATEWAY, f"{trace['method']} {trace['path']}"),
            *merged,
            Message(GATEWAY, source, f"{trace['status']}{to or _page(dict(trace['responseHeaders']))}", reply=True),
        ]

    def _calls(self, trace: Mapping[str, Any]) -> Sequence[tuple[tuple[str, str, str], str]]:
        found: list[tuple[tuple[str, str, str], str]] = []
        identity = ""
        for number, step in enumerate(trace["steps"]):
            if step["element"] == "authentication-managed-identity":
                resource = next(one["text"] for one in step["evaluations"] if one["name"] == "resource")
                identity = f"token for {self._applications.get(resource, resource.removeprefix('https://'))}"
            for call in (call for call in trace["calls"] if call["step"] == number):
                target = self._party(call["url"])
                condition = "if unchanged" if any(name.lower() == "if-match" for name, _ in call["headers"]) else ""
                asked = self._asked(call, target), " · ".join(filter(None, (condition, identity)))
                found.append(((target, *asked), str(call["status"])))
                # It is shown once: one token serves all calls of a request to the session store.
                identity = ""
        return found

    def _asked(self, call: Mapping[str, Any], target: str) -> str:
        path = urlsplit(call["url"]).path
        if target == STORE:
            return f"{_STORE[call['method']]} in {path.split('/')[4]}"
        return f"{call['method']} {_without_tenant(path) if target == ENTRA else path}"

    def _elsewhere(self, response: httpx.Response) -> list[Message]:
        """A page of somebody else's that the browser visited."""
        url = str(response.request.url)
        party = self._party(url)
        location = response.headers.get("location", "")
        to = f" to {self._party(location)}" if location else ""
        return [
            Message(BROWSER, party, f"{response.request.method} {_without_tenant(urlsplit(url).path)}"),
            Message(party, BROWSER, f"{response.status_code}{to or _page(response.headers)}", reply=True),
        ]

    def _party(self, url: str) -> str:
        host = urlsplit(url).netloc
        if host == urlsplit(self._cloud.gateway_url).netloc:
            return GATEWAY
        if "/oauth2/v2.0/" in urlsplit(url).path:
            return ENTRA
        if host in self._cloud.cosmos.hosts:
            return STORE
        return SERVER if host in self._cloud.network.hosts else CLIENT


def _within(inner: Mapping[str, Any], outer: Mapping[str, Any]) -> bool:
    """Whether a request was sent by the gateway itself, on behalf of another one."""
    sent = any(urlsplit(call["url"]).path == inner["path"] for call in outer["calls"])
    return sent and inner["began"] <= outer["began"] + outer["milliseconds"] / 1000


def _page(headers: Mapping[str, str]) -> str:
    return (
        ", a page" if any(name.lower() == "content-type" and "html" in value for name, value in headers.items()) else ""
    )


def _without_tenant(path: str) -> str:
    return f"/{path.split('/', 2)[2]}"
