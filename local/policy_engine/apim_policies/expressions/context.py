"""The objects behind `context`: plain Python that the gateway fills in, one instance per request.

Names follow API Management's reference of policy expressions. C# sees them through the types of `gateway_types`;
nothing here knows about C#.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


class Headers:
    """HTTP headers in order, names compared without case; a name may have several values."""

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, tuple[str, list[str]]] = {}
        for name, value in items:
            self.append(name, value)

    def append(self, name: str, value: str) -> None:
        self._values.setdefault(name.lower(), (name, []))[1].append(value)

    def set(self, name: str, values: str | Iterable[str]) -> None:
        """Replace all values of a header; no values remove it."""
        listed = [values] if isinstance(values, str) else list(values)
        if listed:
            self._values[name.lower()] = (name, listed)
        else:
            self.delete(name)

    def delete(self, name: str) -> None:
        self.drop(name.lower())

    def drop(self, key: str) -> None:
        """As `delete`, with the name in lower case."""
        self._values.pop(key, None)

    def get_all(self, name: str) -> list[str]:
        """All values of a header; empty when it is missing."""
        found = self._values.get(name.lower())
        return list(found[1]) if found else []

    def get(self, name: str, default: str | None = None) -> str | None:
        """The values of a header joined with commas, as `GetValueOrDefault` gives them."""
        found = self._values.get(name.lower())
        return ",".join(found[1]) if found else default

    def groups(self) -> Iterator[tuple[str, list[str]]]:
        """Each name once, as first spelled, with its values."""
        for name, values in self._values.values():
            yield name, list(values)

    def items(self) -> Iterator[tuple[str, str]]:
        """Each value with its name: what goes on the wire."""
        for name, values in self._values.values():
            for value in values:
                yield name, value

    def copy(self) -> "Headers":
        return Headers(self.items())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({list(self.items())!r})"


@dataclass
class Url:
    scheme: str
    host: str
    port: int
    path: str
    query_string: str = ""
    """With its leading `?`, or empty."""

    def query(self) -> dict[str, list[str]]:
        """Decoded parameters in order of first appearance; names are compared without case, as API Management
        does, and keep their first spelling."""
        names: dict[str, str] = {}
        values: dict[str, list[str]] = {}
        for part in self.query_string.removeprefix("?").split("&"):
            if part:
                name, _, value = part.partition("=")
                name = form_decode(name)
                name = names.setdefault(name.lower(), name)
                values.setdefault(name, []).append(form_decode(value))
        return values

    def __str__(self) -> str:
        default = {"http": 80, "https": 443}.get(self.scheme)
        port = "" if self.port in (default, -1) else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.path}{self.query_string}"


def form_decode(text: str) -> str:
    """`application/x-www-form-urlencoded` decoding as .NET's WebUtility does it: bad UTF-8 becomes U+FFFD."""
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")


class Body:
    """A message body. Reading it without `preserve` consumes it; reading it again is an error, as in APIM."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.consumed = False

    def __repr__(self) -> str:
        return f"Body({self.content!r}{', consumed' if self.consumed else ''})"


@dataclass
class Request:
    method: str
    url: Url
    original_url: Url
    headers: Headers = field(default_factory=Headers)
    body: Body | None = None
    ip_address: str = "127.0.0.1"
    matched_parameters: dict[str, str] = field(default_factory=dict[str, str])
    certificate: "Certificate | None" = None


@dataclass
class Response:
    status_code: int
    status_reason: str = ""
    headers: Headers = field(default_factory=Headers)
    body: Body | None = None


@dataclass
class LastError:
    source: str | None = None
    reason: str | None = None
    message: str | None = None
    scope: str | None = None
    section: str | None = None
    path: str | None = None
    policy_id: str | None = None
    http_error_code: int = 0


@dataclass
class Api:
    id: str
    name: str = ""
    path: str = ""
    revision: str = "1"
    version: str | None = None
    is_current_revision: bool = True
    protocols: list[str] = field(default_factory=lambda: ["https"])
    service_url: Url | None = None
    subscription_key_header: str = "Ocp-Apim-Subscription-Key"
    subscription_key_query: str = "subscription-key"


@dataclass
class Operation:
    id: str
    name: str = ""
    method: str = ""
    url_template: str = ""


@dataclass(frozen=True)
class Certificate:
    """A certificate that the gateway holds, or that a client showed."""

    certificate: x509.Certificate
    key: PrivateKeyTypes | None = None
    friendly_name: str = ""
    trusted: bool | None = True
    """What `Verify` says; None if nobody knows."""
    id: str = ""
    """The name of its resource."""


@dataclass
class Deployment:
    region: str = ""
    service_id: str = ""
    service_name: str = ""
    gateway_id: str = "managed"
    instance_id: str = "local"
    certificates: list[Certificate] = field(default_factory=list[Certificate])


@dataclass
class Group:
    id: str
    name: str = ""


@dataclass
class UserIdentity:
    id: str
    provider: str = ""


@dataclass
class User:
    id: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    note: str | None = None
    registration_date: datetime = datetime(1, 1, 1, tzinfo=UTC)
    groups: list[Group] = field(default_factory=list[Group])
    identities: list[UserIdentity] = field(default_factory=list[UserIdentity])


@dataclass
class Subscription:
    id: str
    name: str = ""
    key: str = ""
    primary_key: str = ""
    secondary_key: str = ""
    created_date: datetime = datetime(1, 1, 1, tzinfo=UTC)
    start_date: datetime | None = None
    end_date: datetime | None = None


@dataclass
class Product:
    id: str
    name: str = ""
    state: str = "Published"
    """`NotPublished` or `Published`."""
    approval_required: bool = False
    subscription_required: bool = False
    subscription_limit: int | None = None
    groups: list[Group] = field(default_factory=list[Group])
    apis: list[Api] = field(default_factory=list[Api])


def _no_time() -> timedelta:
    return timedelta()


def _no_trace(message: str) -> None:
    """Traces go nowhere unless the gateway listens."""


def _no_time_yet() -> datetime:
    return datetime.now(UTC)


@dataclass
class Workspace:
    id: str
    name: str = ""


@dataclass
class Backend:
    """The backend resource that the request goes to."""

    id: str
    type: str = "Single"
    azure_region: str | None = None


@dataclass
class Authorization:
    """What `get-authorization-context` leaves in a variable."""

    access_token: str
    claims: dict[str, object] = field(default_factory=dict[str, object])


@dataclass
class Context:
    request: Request
    api: Api
    operation: Operation
    response: Response | None = None
    variables: dict[str, object] = field(default_factory=dict[str, object])
    """Results of expressions, plain str, bool, int (C# int, or long when it does not fit), float, bytes, None,
    `Response` and `Request`."""
    last_error: LastError | None = None
    deployment: Deployment = field(default_factory=Deployment)
    request_id: uuid.UUID = field(default_factory=uuid.uuid4)
    timestamp: datetime = field(default_factory=_no_time_yet)
    """When the gateway received the request, aware UTC."""
    elapsed: Callable[[], timedelta] = _no_time
    trace: Callable[[str], None] = _no_trace
    tracing: bool = False
    product: Product | None = None
    user: User | None = None
    subscription: Subscription | None = None
    workspace: Workspace | None = None
    backend: Backend | None = None


@dataclass
class Jwt:
    """A parsed token: what `AsJwt` and `output-token-variable-name` give."""

    algorithm: str
    claims: dict[str, list[str]]
    """Every claim's values as text; what is no list is a list of one."""
    issuer: str | None = None
    subject: str | None = None
    id: str | None = None
    type: str | None = None
    audiences: list[str] = field(default_factory=list[str])
    expiration_time: datetime | None = None
    not_before: datetime | None = None
    issued_at: datetime | None = None
