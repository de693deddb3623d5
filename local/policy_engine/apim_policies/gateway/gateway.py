"""The gateway: all that is declared, ready to answer."""

import re
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from apim_policies.clock import Clock
from apim_policies.elements.cors import answer_preflight
from apim_policies.errors import ExplainedError
from apim_policies.expressions import CSharpException, Profile, compile_expression
from apim_policies.expressions.context import Context, Deployment, Headers, Request, Response, Url
from apim_policies.gateway.compilation import Compilation
from apim_policies.gateway.declaration import Declaration
from apim_policies.gateway.routing import Route, find_api, find_route
from apim_policies.gateway.subscriptions import Access, Subscriptions
from apim_policies.network import Network
from apim_policies.pipeline.backends import Backends
from apim_policies.pipeline.cache import Cache, ResponseCache, SemanticCache
from apim_policies.pipeline.call import Call, Failure, Returned, Services
from apim_policies.pipeline.counters import Counters
from apim_policies.pipeline.identities import Identities, NoIdentities
from apim_policies.pipeline.incoming import ClientGone, Incoming
from apim_policies.pipeline.messages import (
    QUERY_LIMIT,
    drop_hop_by_hop,
    send_response,
    status_message,
)
from apim_policies.pipeline.openid import OpenIdMetadata
from apim_policies.pipeline.sections import last_error, run_section
from apim_policies.pipeline.trace import Journal, RequestTrace, Variables
from apim_policies.pipeline.values import Compile

_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")


class Gateway:
    """Answers as API Management would with what is declared: nothing else is routed, known or trusted.

    `app` is the ASGI application. `cache` can be emptied and made slow. `traces` holds the last requests, policy by policy.
    """

    def __init__(
        self, compiled: Compilation, services: Services, journal: Journal, subscriptions: Subscriptions | None = None
    ) -> None:
        self._compiled, self._services, self._journal = compiled, services, journal
        self._subscriptions = subscriptions or Subscriptions((), ())
        self.services = services
        self.compiled = compiled
        self.listening: list[Callable[[Call], object]] = []
        """Who is told of each request that an API takes, before its policies run."""
        self._scheme = urlsplit(compiled.url).scheme
        self.cache = services.cache
        self.traces = journal.traces
        journal.secrets |= set(compiled.secrets)
        self.secrets = compiled.secrets
        """Values of secret named values: what must never be seen."""

    @classmethod
    def of(
        cls,
        declaration: Declaration,
        network: Network,
        clock: Clock,
        identities: Identities | None = None,
        compile: Compile = compile_expression,
        journal: Journal | None = None,
    ) -> "Gateway":
        """Compiles every declared policy.

        Args:
            declaration: What it is to be.
            network: Whom the gateway can reach.
            clock: What time it is.
            identities: Whose tokens it can get. None: nobody's.
            compile: Compiles expressions.
            journal: Where requests are traced. None: one of its own, with all values that may be shown.

        Raises:
            DocumentError: a policy that Azure would refuse to save, or that is not modelled; says where.
            ExplainedError: something else about it that Azure would refuse or that is not modelled.
        """
        compilation = Compilation.of(declaration, compile)
        services = Services(
            network=network,
            identities=identities or NoIdentities(),
            clock=clock,
            cache=Cache(clock),
            counters=Counters(clock),
            openid=OpenIdMetadata(network.client(), clock),
            profile=Profile(clock),
            backends=Backends({one.id: one for one in declaration.backends}, clock),
            responses=ResponseCache(clock),
            semantic=SemanticCache(clock),
            certificates=declaration.certificates,
            authorizations=declaration.authorizations,
        )
        subscriptions = Subscriptions(declaration.subscriptions, declaration.products)
        return cls(compilation, services, journal or Journal(always=True), subscriptions)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] != "http":
            return
        request, request_id = self._request(scope), uuid.uuid4()
        trace = RequestTrace(str(request_id), request, self._compiled.disclosure, detailed=self._journal.detailed)
        self._journal.begin(trace)
        call: Call | None = None
        try:
            refusal = self._refusal(request)
            if refusal is not None:
                response = refusal
            elif (preflight := self._preflight(request)) is not None:
                response = preflight
            elif (route := find_route(self._compiled.apis, request.method, request.original_url.path)) is None:
                response = status_message(404, "Resource not found")
            else:
                trace.api, trace.operation = route.api.api.id, route.operation.operation.id
                denied: Failure | None = None
                access = Access()
                try:
                    access = self._subscriptions.access(route.api, request)
                except Failure as failure:
                    denied = failure
                if access.product is not None and (of_product := route.api.of_product.get(access.product.id)):
                    at = route.api.operations.index(route.operation)
                    route = replace(route, api=of_product, operation=of_product.operations[at])
                call = self._call(request, request_id, route, trace, receive, access)
                for listener in self.listening:
                    listener(call)
                response = await self._answer(call, route, denied)
            trace.answered(response)
            self._journal.tell(trace)
            await send_response(send, str(scope["method"]), response, call)
        except ClientGone:
            return
        finally:
            if call is not None:
                await call.drop_backend_response()
                await call.incoming.close()
            trace.finish()
            self._journal.tell(trace)

    def _request(self, scope: Scope) -> Request:
        headers = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
        # Anything else is no host that this gateway has.
        host = _HOST.fullmatch(headers.get("Host", "") or "")
        # The path as it was sent: %2F is no slash.
        path = scope["raw_path"].decode("latin-1").partition("?")[0] or "/"
        query = scope["query_string"].decode("latin-1")
        url = Url(
            self._scheme,
            host["name"] if host else "",
            int(host["port"]) if host and host["port"] else {"http": 80, "https": 443}[self._scheme],
            path,
            f"?{query}" if query else "",
        )
        drop_hop_by_hop(headers)
        client = scope.get("client") or ("127.0.0.1", 0)
        original = Url(url.scheme, url.host, url.port, url.path, url.query_string)
        return Request(scope["method"], url, original, headers, None, client[0])

    def _refusal(self, request: Request) -> Response | None:
        """What never reaches a policy: other hosts, and what is too large for the v2 tiers."""
        if (request.original_url.host.lower(), request.original_url.port) not in self._compiled.hosts:
            return status_message(404, "Resource not found")
        if len(request.original_url.query_string) - 1 > QUERY_LIMIT:
            return status_message(414, f"The query string is longer than {QUERY_LIMIT} bytes")
        return None

    def _preflight(self, request: Request) -> Response | None:
        """Only the cors policy is asked about a preflight request, and only if no OPTIONS operation is declared."""
        headers = request.headers
        origin, method = headers.get("Origin"), headers.get("Access-Control-Request-Method")
        if request.method != "OPTIONS" or origin is None or method is None:
            return None
        path = request.original_url.path
        if find_api(self._compiled.apis, path) is None:
            return None
        if find_route(self._compiled.apis, "OPTIONS", path) is not None:
            return None
        route = find_route(self._compiled.apis, method, path)
        if route is None or not route.operation.cors:
            return None
        return answer_preflight(route.operation.cors, origin, method)

    def _call(
        self,
        request: Request,
        request_id: uuid.UUID,
        route: Route,
        trace: RequestTrace,
        receive: Receive,
        access: Access,
    ) -> Call:
        request.matched_parameters = route.parameters
        request.url.path = route.rest or "/"
        start = time.perf_counter()
        context = Context(
            request=request,
            api=route.api.api,
            operation=route.operation.operation,
            variables=Variables(trace),
            deployment=Deployment(
                "local", self._compiled.id, self._compiled.name, certificates=list(self._services.certificates)
            ),
            request_id=request_id,
            timestamp=self._services.clock.utcnow(),
            elapsed=lambda: timedelta(seconds=time.perf_counter() - start),
            product=access.product,
            user=access.user,
            subscription=access.subscription,
        )
        return Call(
            context,
            self._services,
            trace,
            Incoming(receive, has_body=_has_body(request.headers)),
            route.api.service_url,
            route.rest.rstrip("/"),
            route.operation.reads_response,
        )

    async def _answer(self, call: Call, route: Route, denied: Failure | None) -> Response:
        if route.operation.reads_body:
            # Before any policy runs: expressions cannot wait for it. Without such an expression it streams.
            call.context.request.body = await call.incoming.body()
        scopes = route.operation.scopes
        try:
            if denied is not None:
                raise denied
            for section in ("inbound", "backend", "outbound"):
                await run_section(call, section, scopes)
            response = call.response
            _add(call.limit_headers, response)
        except Returned as returned:
            await call.drop_backend_response()
            response = returned.response
        except Failure as failure:
            response = await self._fail(call, route, failure)
        except ClientGone:
            raise
        except ExplainedError as error:
            # The local cloud cannot stand in for Azure here; a policy must not get to hide that.
            print(f"error: {error}", file=sys.stderr)
            response = status_message(501, "Not modelled by the local cloud; its log says what")
        except Exception:
            traceback.print_exc()
            response = status_message(500, "Internal server error")
        if call.afterwards:
            _count(call, response)
        _add(call.cors_headers, response)
        return response

    async def _fail(self, call: Call, route: Route, failure: Failure) -> Response:
        """Runs on-error; what it leaves is the answer."""
        await call.drop_backend_response()
        call.context.last_error = last_error(failure)
        response = status_message(failure.status, failure.message if failure.status < 500 else "Internal server error")
        _add(call.limit_headers, response)
        call.context.response = response
        try:
            await run_section(call, "on-error", route.operation.scopes)
        except Returned as returned:
            return returned.response
        except Failure as second:
            call.trace.messages.append(
                {"source": "gateway", "severity": "error", "message": f"on-error failed: {second.source}"}
            )
            return status_message(500, "Internal server error")
        except Exception:
            traceback.print_exc()
            return status_message(500, "Internal server error")
        return call.response


def _count(call: Call, response: Response) -> None:
    """Lets limits count that wanted to know the answer first."""
    call.context.response = response
    for count in call.afterwards:
        try:
            count()
        except (CSharpException, Failure):
            # Nobody is left to be told; what cannot be decided is not counted.
            call.trace.messages.append(
                {"source": "gateway", "severity": "error", "message": "increment-condition or -count failed"}
            )


def _add(headers: Headers, response: Response) -> None:
    for name, values in headers.groups():
        # What a backend says about caches holds, too.
        kept = response.headers.get_all(name) if name == "Vary" else []
        response.headers.set(name, [*kept, *(value for value in values if value not in kept)])


def _has_body(headers: Headers) -> bool:
    return headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers
