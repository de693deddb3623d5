"""What is examined, and what the examination has got hold of so far."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from urllib.parse import urljoin, urlsplit

from secure_mcp_local.doctor import messages
from secure_mcp_local.doctor.client import Client, answer_of, text_of, texts_of
from secure_mcp_local.doctor.report import Failure, Skipped
from secure_mcp_local.doctor.server import Answer, Server, origin_of
from secure_mcp_local.doctor.sign_in import SignIn

T = TypeVar("T")

FOREIGN = "https://doctor.invalid"
"""An origin that no server can have (RFC 6761, section 6.4)."""
WEB_REDIRECT = f"{FOREIGN}/callback?tenant=a%20b"
"""A redirect URI of a web application, with a query of its own."""
ODD_NAME = "secure-mcp doctor <i>&\"'"
"""A client name that breaks pages which do not encode it."""
UNKNOWN_CLIENT = "00000000-0000-4000-8000-000000000000"
INSPECTOR = ("http://localhost:6274", "http://127.0.0.1:6274")


@dataclass(frozen=True)
class Options:
    """What the person who asks for the examination decides."""

    client_id: str = ""
    """Of a client that is registered already; "" to register one."""
    origins: tuple[str, ...] = ()
    """Browser origins that the server should allow."""
    tool: str = ""
    """A tool to call; "" to call none."""
    patience: float = 10
    """Seconds in which a key must have stopped working after its session ended."""


@dataclass
class Session:
    """One sign-in of the examination: what it gave, for which client."""

    client: Client
    answer: dict[str, str]
    """The parameters with which the browser was sent back."""
    tokens: dict[str, Any] = field(default_factory=dict[str, Any])
    """The token answer; empty until the code was exchanged."""
    exchange: Answer | None = None
    """How the exchange of the code was answered."""
    trouble: str = ""
    """Why there is no answer."""

    @property
    def code(self) -> str:
        """The code.

        Raises:
            Skipped: there is none, or it came with a state that is not ours.
        """
        if self.trouble:
            raise Skipped(self.trouble)
        if not self.answer.get("code") or self.answer.get("state") != self.client.state:
            raise Skipped(f"the sign-in gave no code with the right state: {self.answer.get('error', 'see sign-in')}")
        return self.answer["code"]

    @property
    def key(self) -> str:
        return text_of(self.tokens, "access_token")

    @property
    def refresh_token(self) -> str:
        return text_of(self.tokens, "refresh_token")


class Subject:
    """The server, with all that checks need more than once: read once, and remembered.

    What a check needs and cannot get raises Skipped: the check of that very thing says what is wrong with it.
    """

    def __init__(self, server: Server, sign_in: SignIn | None, options: Options) -> None:
        self.server, self.options = server, options
        self.left_behind: list[str] = []
        self.secrets: set[str] = set()
        """Whatever must not be in a report."""
        self._sign_in = sign_in
        self._known: dict[str, Any] = {}
        self._issued: list[tuple[Client, str]] = []
        self._asking: set[asyncio.Future[Answer]] = set()

    @property
    def url(self) -> str:
        return self.server.url

    async def send(self, method: str, url: str, **options: Any) -> Answer:
        """See Server.send."""
        return await self.server.send(method, url, **options)

    async def call(
        self,
        key: str | None,
        method: str = "ping",
        parameters: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One JSON-RPC request to the MCP endpoint."""
        sent = {"Accept": messages.ACCEPT} | (headers or {})
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        return await self.send("POST", self.url, headers=sent, value=messages.request(method, parameters))

    # What the server says about itself

    @property
    def resource_metadata_urls(self) -> tuple[str, ...]:
        """Where clients look for the metadata of the resource, the usual place first (RFC 9728, section 3.1)."""
        well_known = f"{self.server.origin}/.well-known/oauth-protected-resource"
        path = urlsplit(self.url).path.rstrip("/")
        return (well_known + path, well_known) if path else (well_known,)

    async def resource_metadata(self) -> dict[str, Any]:
        """The protected resource metadata (RFC 9728)."""
        return await self._once("resource metadata", self._resource_metadata)

    async def _resource_metadata(self) -> dict[str, Any]:
        for url in self.resource_metadata_urls:
            answer = await self.send("GET", url)
            if answer.status == 200:
                return answer.object()
        raise Failure("no protected resource metadata")

    async def issuer(self) -> str:
        """The authorization server that the resource names first."""
        named = texts_of(await self.resource_metadata(), "authorization_servers")
        if not named:
            raise Skipped("the resource metadata names no authorization server (see resource-metadata)")
        return named[0]

    async def metadata(self) -> dict[str, Any]:
        """The authorization server metadata (RFC 8414) of this server.

        Raises:
            Skipped: there is none, or sign-in is not with this server.
        """
        return await self._once("authorization server metadata", self._metadata)

    async def _metadata(self) -> dict[str, Any]:
        issuer = await self.issuer()
        if origin_of(issuer) != self.server.origin:
            raise Skipped(f"sign-in is with {issuer}, which is not this server")
        return (await self.send("GET", metadata_url(issuer))).object()

    async def endpoint(self, name: str) -> str:
        """The address of an endpoint, such as `token`."""
        url = text_of(await self.metadata(), f"{name}_endpoint")
        if not url:
            raise Skipped(f"the metadata has no {name}_endpoint")
        if origin_of(url) != self.server.origin:
            raise Skipped(f"the {name} endpoint is at {origin_of(url)}, which is not this server")
        return url

    async def scope(self) -> str:
        """The scopes to ask for: those of the challenge, else those of the resource metadata, else "" (MCP, scope selection)."""
        return await self._once("scope", self._scope)

    async def _scope(self) -> str:
        challenge = messages.challenge_of(await self.call(None)) or {}
        return challenge.get("scope") or " ".join(texts_of(await self.resource_metadata(), "scopes_supported"))

    # The clients of the examination

    async def register(self, **metadata: Any) -> Answer:
        """Dynamic registration. What it makes is taken back at the end where the server can (RFC 7592)."""
        answer = await self.send("POST", await self.endpoint("registration"), value=metadata)
        if answer.status in {200, 201}:
            made = answer.object()
            token, url = text_of(made, "registration_access_token"), text_of(made, "registration_client_uri")
            self.secrets |= {value for value in (token, text_of(made, "client_secret")) if value}
            if not token or origin_of(urljoin(self.url, url)) != self.server.origin:
                self.left_behind.append(f"registration {text_of(made, 'client_id')}")
            else:
                self._known.setdefault("registrations", []).append((url, token))
        return answer

    async def registration(self) -> Answer:
        """The answer to the examination's own registration, of a program on this computer."""
        return await self._once("registration", self._registration)

    async def _registration(self) -> Answer:
        return await self.register(
            client_name="secure-mcp doctor",
            redirect_uris=[self.redirect_uri],
            token_endpoint_auth_method="none",  # noqa: S106
        )

    async def client(self) -> Client:
        """The client that signs in, with a state and a verifier of its own each time."""
        client_id = self.options.client_id
        if not client_id:
            answer = await self.registration()
            client_id = text_of(answer.object(), "client_id") if answer.status in {200, 201} else ""
        if not client_id:
            raise Skipped("no client: registration was refused (see register), and no --client-id was given")
        return self._client(client_id, self.redirect_uri, await self.scope())

    async def web_registration(self) -> Answer:
        """The answer to the registration of a web application with an odd name."""
        return await self._once("web registration", self._web_registration)

    async def _web_registration(self) -> Answer:
        return await self.register(
            client_name=ODD_NAME,
            redirect_uris=[WEB_REDIRECT],
            client_uri="",
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            token_endpoint_auth_method="client_secret_basic",  # noqa: S106
        )

    async def web_client(self) -> Client:
        """Another client: a web application with an odd name, which nobody ever signs in to."""
        answer = await self.web_registration()
        client_id = text_of(answer.object(), "client_id") if answer.status in {200, 201} else ""
        if not client_id:
            raise Skipped("no second client: its registration was refused (see register-echo)")
        return self._client(client_id, WEB_REDIRECT, await self.scope())

    async def other_client(self) -> Client:
        """A client that is not the one that signs in: registered if possible, else one that nobody knows."""
        try:
            return await self.web_client()
        except Skipped:
            return self._client(UNKNOWN_CLIENT, WEB_REDIRECT, await self.scope())

    def _client(self, client_id: str, redirect_uri: str, scope: str) -> Client:
        return Client(client_id, redirect_uri, self.url, scope)

    @property
    def redirect_uri(self) -> str:
        return self._sign_in.redirect_uri if self._sign_in else "http://127.0.0.1:53682/callback"

    # Sign-ins

    async def sign_in(self, purpose: str, reason: str) -> Session:
        """The session of a purpose; somebody signs in when it is asked for the first time."""
        return await self._once(f"sign-in {purpose}", lambda: self._signed_in(reason))

    async def _signed_in(self, reason: str) -> Session:
        if self._sign_in is None:
            raise Skipped("nobody signs in (--anonymous)")
        client = await self.client()
        url = client.authorize_url(await self.endpoint("authorization"))
        try:
            session = Session(client, answer_of(await self._sign_in.finish(url, reason)))
        except Failure as failure:
            session = Session(client, {}, trouble=str(failure))
        if code := session.answer.get("code"):
            self.secrets.add(code)
        return session

    async def exchanged(self, session: Session) -> Answer:
        """How the exchange of the session's code was answered; done once."""
        if session.exchange is None:
            session.exchange = await self.token(session.client, session.client.exchange(session.code))
            if session.exchange.status == 200:
                session.tokens = session.exchange.object()
        return session.exchange

    async def exchange(self, session: Session) -> Session:
        """The session with its tokens: exchanges the code if nobody has.

        Raises:
            Skipped: the code gives none.
        """
        if not session.tokens:
            answer = await self.exchanged(session)
            if not session.tokens:
                raise Skipped(f"the code was not exchanged: {answer}, {answer.error or 'no error'}")
        return session

    async def token(self, client: Client, form: dict[str, str]) -> Answer:
        """One request to the token endpoint. Tokens that it gives are revoked at the end.

        It is not broken off halfway: a session that the server made and nobody here knows could not be ended.
        """
        asking = asyncio.ensure_future(self._token(client, form))
        self._asking.add(asking)
        return await asyncio.shield(asking)

    async def _token(self, client: Client, form: dict[str, str]) -> Answer:
        answer = await self.send("POST", await self.endpoint("token"), form=form)
        if answer.status == 200:
            tokens = answer.object()
            for name in ("access_token", "refresh_token", "id_token"):
                if token := text_of(tokens, name):
                    self.secrets.add(token)
            if token := text_of(tokens, "refresh_token") or text_of(tokens, "access_token"):
                self._issued.append((client, token))
        return answer

    async def clean_up(self) -> None:
        """Revokes every token and takes back every registration, as far as the server lets it."""
        await asyncio.gather(*self._asking, return_exceptions=True)
        for client, token in reversed(self._issued):
            try:
                answer = await self.send("POST", await self.endpoint("revocation"), form=client.revocation(token))
                ended = answer.status == 200
            except (Failure, Skipped):
                ended = False
            if not ended:
                self.left_behind.append(f"a session of client {client.client_id}")
        registrations = cast("list[tuple[str, str]]", self._known.get("registrations", []))
        for url, token in registrations:
            try:
                answer = await self.send("DELETE", url, headers={"Authorization": f"Bearer {token}"})
                ended = answer.status == 204
            except Failure:
                ended = False
            if not ended:
                self.left_behind.append(f"the registration at {urlsplit(url).path}")
        self.left_behind = list(dict.fromkeys(self.left_behind))

    def censored(self, text: str) -> str:
        """A text without any secret of this examination."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "[secret]")
        return text

    async def _once(self, name: str, read: Callable[[], Awaitable[T]]) -> T:
        if name not in self._known:
            try:
                self._known[name] = await read()
            except Failure as failure:
                # Whose check this is says FAIL; all others cannot be made.
                self._known[name] = Skipped(f"{name}: {failure}")
            except Skipped as skipped:
                self._known[name] = skipped
        known = self._known[name]
        if isinstance(known, Skipped):
            raise known
        return known


def metadata_url(issuer: str, kind: str = "oauth-authorization-server") -> str:
    """Where the metadata of an issuer is: the well-known part goes between host and path (RFC 8414, section 3.1)."""
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}/.well-known/{kind}{parts.path.rstrip('/')}"
