"""The MCP endpoint with a session key."""

from typing import Any, cast

from secure_mcp_local.doctor.check import Section
from secure_mcp_local.doctor.checks.access import challenge_problems
from secure_mcp_local.doctor.checks.session import first_session
from secure_mcp_local.doctor.messages import ACCEPT, VERSION, error_code, message_of, request, result_of
from secure_mcp_local.doctor.report import Failure, Skipped, settled
from secure_mcp_local.doctor.subject import Session, Subject

SECTION = Section("Calls with a session key", signed_in=True)

NEWEST = "2026-07-28"
"""The first version of MCP without `initialize`."""


async def _session(subject: Subject) -> Session:
    return await subject.exchange(await first_session(subject))


class _Connection:
    """An MCP client's connection: the headers that go with every request after the first."""

    def __init__(self, subject: Subject, key: str) -> None:
        self._subject, self._key = subject, key
        self.headers: dict[str, str] = {}
        self.server = ""

    async def open(self) -> None:
        """`initialize`, or nothing at all for a server that speaks only versions without it."""
        parameters = {
            "protocolVersion": VERSION,
            "capabilities": {},
            "clientInfo": {"name": "secure-mcp-doctor", "version": "1"},
        }
        answer = await self._subject.call(self._key, "initialize", parameters)
        if error_code(answer) in {"JSON-RPC error -32601", "JSON-RPC error -32022"}:
            self.headers = {"MCP-Protocol-Version": NEWEST}
            return
        result = result_of(answer)
        version, info = result.get("protocolVersion"), result.get("serverInfo")
        self.headers = {"MCP-Protocol-Version": version if isinstance(version, str) else VERSION}
        if session_id := answer.headers.get("mcp-session-id"):
            self.headers["Mcp-Session-Id"] = session_id
        name = cast("dict[str, Any]", info).get("name") if isinstance(info, dict) else None
        self.server = name if isinstance(name, str) else ""
        headers = {"Accept": ACCEPT, "Authorization": f"Bearer {self._key}", **self.headers}
        message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        told = await self._subject.send("POST", self._subject.url, headers=headers, value=message)
        if told.status not in {200, 202, 204}:
            raise Failure(f"notifications/initialized: {told}")

    async def ask(self, method: str, parameters: dict[str, Any] | None = None, name: str = "") -> dict[str, Any]:
        """The result of a request."""
        newest = {"Mcp-Method": method, **({"Mcp-Name": name} if name else {})}
        headers = self.headers | (newest if self.headers.get("MCP-Protocol-Version") == NEWEST else {})
        return result_of(await self._subject.call(self._key, method, parameters, headers))

    async def close(self) -> None:
        """Ends the session that the server made for this connection, if any."""
        if "Mcp-Session-Id" in self.headers:
            headers = {"Authorization": f"Bearer {self._key}", **self.headers}
            await self._subject.send("DELETE", self._subject.url, headers=headers)


@SECTION.check(
    "tools",
    "M27",
    "A client with a key can initialize and list the tools",
    why="This is what all the rest is for.",
    fix="502: the server behind refuses the gateway (its identity, audience or network). 404: the backend's address is wrong. No tools: "
    "the code did not start; secure-mcp check (no-functions), and the traces in Application Insights.",
)
async def tools(subject: Subject) -> str:
    connection = _Connection(subject, (await _session(subject)).key)
    try:
        await connection.open()
        listed = (await connection.ask("tools/list")).get("tools")
    finally:
        await connection.close()
    if not isinstance(listed, list):
        raise Failure("tools/list: no list of tools")
    if not listed:
        raise Failure("tools/list: the server has no tools")
    version = connection.headers["MCP-Protocol-Version"]
    return f"{len(cast('list[Any]', listed))} tools, version {version}{f', {connection.server}' if connection.server else ''}"


@SECTION.check(
    "tool-call",
    "M27",
    "A tool can be called",
    why="A server that lists tools and cannot run them is of no use.",
    fix="Look into the server's own log; with Functions, at the identity's rights on storage.",
)
async def tool_call(subject: Subject) -> str:
    tool = subject.options.tool
    if not tool:
        raise Skipped("no tool is called unasked: name one that needs no arguments with --call")
    connection = _Connection(subject, (await _session(subject)).key)
    try:
        await connection.open()
        result = await connection.ask("tools/call", {"name": tool, "arguments": {}}, tool)
    finally:
        await connection.close()
    return settled([f"{tool} answers with an error"] if result.get("isError") else [], f"{tool} answers")


@SECTION.check(
    "discover",
    "M29",
    "Newer clients find out how to talk to this server",
    why="They ask `server/discover` first; 202, 401, 403 and 5xx make them give up instead of falling back.",
    fix="Answer it, or refuse it with 400 and JSON-RPC error -32022 or -32601.",
)
async def discover(subject: Subject) -> str:
    key = (await _session(subject)).key
    headers = {"MCP-Protocol-Version": NEWEST, "Mcp-Method": "server/discover"}
    problems: list[str] = []
    for what, sent in (("with the newest version", headers), ("without a version", {})):
        answer = await subject.call(key, "server/discover", {}, sent)
        if answer.status in {202, 401, 403} or answer.status >= 500:
            problems.append(f"{what}: {answer}")
    return settled(problems, "answered, or refused so that clients fall back")


@SECTION.check(
    "protocol-version",
    "S10",
    "A version of MCP that nobody speaks is refused, with those that are spoken",
    why="A client that hears which versions are spoken can choose; one that hears nothing guesses.",
    fix="400 with JSON-RPC error -32022 and data.supported (policies/mcp/api.xml).",
)
async def protocol_version(subject: Subject) -> str:
    answer = await subject.call((await _session(subject)).key, headers={"MCP-Protocol-Version": "1999-01-01"})
    if answer.status != 400:
        raise Failure(str(answer))
    error = message_of(answer).get("error")
    data = cast("dict[str, Any]", error).get("data") if isinstance(error, dict) else None
    supported = cast("dict[str, Any]", data).get("supported") if isinstance(data, dict) else None
    if not isinstance(supported, list) or not supported:
        raise Failure("400, but not which versions are supported")
    return f"400, supported: {', '.join(str(version) for version in cast('list[Any]', supported))}"


def tampered(key: str) -> dict[str, str]:
    """A key with one thing changed, by what it is."""
    places = {"first": 0, "second": 1, "middle": len(key) // 2, "near the end": -8, "last": -1}
    changed: dict[str, str] = {}
    for what, place in places.items():
        position = place % len(key)
        other = "A" if key[position] != "A" else "B"
        changed[f"the {what} character changed"] = key[:position] + other + key[position + 1 :]
    changed |= {
        "a character more": key + "A",
        "a character less": key[:-1],
        "padding": key + "=",
        "case": key.swapcase(),
    }
    return changed


@SECTION.check(
    "tampered-key",
    "M23",
    "A key with anything changed opens nothing",
    why="What can be changed without notice can be forged: another user, another time of expiry.",
    fix="Check the tag over all bytes before decrypting, and accept the one canonical text only (policies/fragments/unseal.xml).",
)
async def tampered_key(subject: Subject) -> str:
    key = (await _session(subject)).key
    if not key:
        raise Skipped("there is no key (see token-answer)")
    variants = tampered(key)
    subject.secrets |= set(variants.values())
    problems: list[str] = []
    for what, variant in variants.items():
        problems += challenge_problems(await subject.call(variant), what, token_sent=True)
    return settled(problems, f"401 for {len(variants)} changes")


@SECTION.check(
    "key-places",
    "M23",
    "Only the session key opens the server, and only in the Authorization header",
    why="A refresh token that works as a key lives for weeks; a key in an address ends up in logs.",
    fix="Seal each kind of token for its purpose, and read the key from the Authorization header alone, which comes once.",
)
async def key_places(subject: Subject) -> str:
    session = await _session(subject)
    problems = challenge_problems(await subject.call(session.refresh_token), "a refresh token", token_sent=True)
    url = f"{subject.url}?access_token={session.key}"
    answer = await subject.send("POST", url, headers={"Accept": ACCEPT}, value=request("ping"))
    problems += challenge_problems(answer, "in the address", token_sent=False)
    twice = [("Authorization", f"Bearer {session.key}")] * 2
    answer = await subject.send("POST", subject.url, headers=twice, value=request("ping"))
    if answer.status not in {400, 401}:
        problems.append(f"two Authorization headers: {answer}")
    return settled(problems, "refused elsewhere")


_GATEWAYS_OWN = ("x-mcp-user-token", "X-MCP-USER-TOKEN", "x_mcp_user_token", "x-mcp-caller", "x-mcp-user-oid")
_MADE_UP = "secure-mcp-doctor-made-up"


@SECTION.check(
    "gateway-headers",
    "U3",
    "Headers that only the gateway sets change nothing when a client sends them, and nobody gets them back",
    why="Servers believe them: a token or a user that a client made up would act for somebody else.",
    fix="Delete them in every spelling before the call goes on (policies/mcp/api.xml).",
)
async def gateway_headers(subject: Subject) -> str:
    key = (await _session(subject)).key
    plain = await subject.call(key)
    problems: list[str] = []
    for name in _GATEWAYS_OWN:
        answer = await subject.call(key, headers={name: _MADE_UP})
        if answer.status != plain.status:
            problems.append(f"with {name}: {answer}, without it {plain.status}")
        elif _MADE_UP in answer.text + str(dict(answer.headers)):
            problems.append(f"with {name}: the answer repeats it")
    anonymous = await subject.call(None, headers={_GATEWAYS_OWN[0]: _MADE_UP})
    if anonymous.status != 401:
        problems.append(f"with {_GATEWAYS_OWN[0]} and no key: {anonymous}")
    return settled(problems, f"{plain.status} as without them, and 401 without a key")
