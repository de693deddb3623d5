"""What the worker reaches: the hosts of the stack and its identity endpoint, nothing else.

The code must run here as it runs in Azure, so nothing in it knows of the local cloud, and nothing is patched. All it gets are
environment variables that every platform may set: IDENTITY_ENDPOINT and IDENTITY_HEADER, as App Service does, and HTTPS_PROXY
with a certificate authority, as companies do. Behind the proxy, `https://<account>.blob.core.windows.net` is the local network.
Code that ignores proxies finds a host that does not know it, or nothing.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from apim_policies.listener import Listener, bind
from apim_policies.network import Network
from secure_mcp_local.azure.functions.certificates import Certificates
from secure_mcp_local.azure.functions.identity import PATH, IdentityEndpoint
from secure_mcp_local.azure.functions.proxy import NoWay, Proxy
from secure_mcp_local.running import Running

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "proxy-connection", "te", "upgrade", "expect"}


class Outbound(Running):
    """The servers that a worker needs; use as an asynchronous context manager."""

    environment: dict[str, str]
    """What the worker's environment must say."""

    def __init__(self, network: Network, identity: IdentityEndpoint) -> None:
        super().__init__()
        self._network, self._identity = network, identity

    async def _start(self) -> None:
        folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="secure-mcp-tls-")))
        hosts = frozenset(host for host in self._network.hosts if ":" not in host)
        certificates = await asyncio.to_thread(Certificates.make, hosts or {"localhost"}, folder)
        client = await self._resources.enter_async_context(self._network.client())

        async def forward(scope: Scope, receive: Receive, send: Send) -> None:
            response = await _forward(client, Request(scope, receive))
            await response(scope, receive, send)

        tls_port, sockets = bind(0)
        listener = Listener(forward, sockets, certificate=(certificates.certificate, certificates.key))
        await self._resources.enter_async_context(listener)
        identity_port, sockets = bind(0)
        await self._resources.enter_async_context(Listener(self._identity, sockets))

        def way(host: str) -> tuple[str, int]:
            if host not in hosts:
                raise NoWay(f"{host} is not a host of this stack (its hosts: {', '.join(sorted(hosts)) or 'none'})")
            return "127.0.0.1", tls_port

        proxy = await self._resources.enter_async_context(Proxy(way))
        local = "localhost,127.0.0.1,::1"
        self.environment = {
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{identity_port}{PATH}",
            "IDENTITY_HEADER": self._identity.secret,
            "HTTPS_PROXY": proxy.url,
            "https_proxy": proxy.url,
            "NO_PROXY": local,
            "no_proxy": local,
            "REQUESTS_CA_BUNDLE": str(certificates.authority),
            "SSL_CERT_FILE": str(certificates.authority),
        }


async def _forward(client: httpx.AsyncClient, request: Request) -> Response:
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    host = request.headers.get("host", "").removesuffix(":443")
    headers = [(name, value) for name, value in request.headers.raw if name.decode("latin-1") not in _HOP_BY_HOP]
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    try:
        url = httpx.URL(f"https://{host}").copy_with(raw_path=path + (b"?" + query if query else b""))
        answer = await client.send(
            client.build_request(request.method, url, headers=headers, content=_body(request) if has_body else None),
            stream=True,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return PlainTextResponse(f"{error}\n", 502)
    kept = {name: value for name, value in answer.headers.items() if name not in _HOP_BY_HOP}
    return StreamingResponse(answer.aiter_raw(), answer.status_code, kept, background=BackgroundTask(answer.aclose))


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk
