"""One request on its way through the gateway: what policies read, change and leave behind."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from apim_policies.clock import Clock
from apim_policies.expressions import Profile
from apim_policies.expressions.context import Authorization, Certificate, Context, Headers, Response
from apim_policies.network import Network
from apim_policies.network.messages import Answer
from apim_policies.pipeline.backends import Backends, DeclaredBackend
from apim_policies.pipeline.cache import Asked, Cache, ResponseCache, SemanticCache
from apim_policies.pipeline.counters import Counters
from apim_policies.pipeline.identities import Identities
from apim_policies.pipeline.incoming import Incoming
from apim_policies.pipeline.openid import OpenIdMetadata
from apim_policies.pipeline.trace import RequestTrace


class Failure(Exception):
    """A policy failed: what `context.LastError` will say."""

    def __init__(self, reason: str, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.reason, self.message, self.status = reason, message, status
        self.source = ""
        """Name of the policy, set where it ran."""
        self.policy_id: str | None = None
        self.section = ""
        self.scope = ""
        self.path: tuple[str, ...] = ()
        """The policies around the one that failed, outermost first."""


class Returned(Exception):
    """`return-response`: nothing that follows runs."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@dataclass(frozen=True)
class Event:
    """An event that a policy sent to an event hub."""

    logger: str
    content: str
    partition: str = ""


@dataclass(frozen=True)
class Services:
    """What the gateway as a whole has."""

    network: Network
    identities: Identities
    clock: Clock
    cache: Cache
    counters: Counters
    openid: OpenIdMetadata
    profile: Profile
    backends: Backends = field(default_factory=lambda: Backends({}, Clock()))
    """The backend resources of the gateway."""
    responses: ResponseCache = field(default_factory=lambda: ResponseCache(Clock()))
    """Whole answers that were kept."""
    semantic: SemanticCache = field(default_factory=lambda: SemanticCache(Clock()))
    """Answers of models, by what was asked."""
    certificates: Sequence[Certificate] = ()
    """Certificates that the gateway holds."""
    authorizations: Mapping[tuple[str, str], Authorization] = field(
        default_factory=dict[tuple[str, str], Authorization]
    )
    """Connections of the credential manager, by provider and connection."""
    events: list[Event] = field(default_factory=list[Event])
    """What was sent to event hubs."""
    running: Counter[str] = field(default_factory=Counter[str])
    """Requests inside `limit-concurrency`, by key."""


@dataclass
class Call:
    context: Context
    services: Services
    trace: RequestTrace
    incoming: Incoming
    service_url: str | None
    """Base address of the API's backend."""
    backend_path: str
    """What is appended to it: the request's path below the API's."""
    reads_response: bool = False
    """Whether an expression may read the backend's answer, so that it cannot be passed on as it comes."""
    backend_response: Answer | None = None
    """The backend's answer, whose body has not been read."""
    cors_headers: Headers = field(default_factory=Headers)
    """What the cors policy adds to whatever answer there will be."""
    limit_headers: Headers = field(default_factory=Headers)
    """What limits tell the client, with whatever answer there will be."""
    afterwards: list[Callable[[], object]] = field(default_factory=list[Callable[[], object]])
    """What limits count when the answer is known."""
    counted: dict[str, int] = field(default_factory=dict[str, int])
    """What the quotas with a key have counted for this request."""
    section: str = ""
    scope: str = ""
    backend: DeclaredBackend | None = None
    """The backend resource that a policy has chosen."""
    client_certificate: str = ""
    """Thumbprint of the certificate that the gateway shows to the backend."""
    keeping: Callable[[Response, float], None] | None = None
    """What `cache-lookup` said about how to keep the answer."""
    asked: Asked | None = None
    """What a model was asked, if the semantic cache had no answer."""

    @property
    def response(self) -> Response:
        """The answer so far; policies may begin one before there is any."""
        if self.context.response is None:
            self.context.response = Response(200, "OK")
        return self.context.response

    async def drop_backend_response(self) -> None:
        """Ends the backend's answer, which nobody will read."""
        if self.backend_response is not None:
            await self.backend_response.stream.aclose()
            self.backend_response = None
