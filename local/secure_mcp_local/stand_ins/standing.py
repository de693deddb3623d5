"""What stands in for Azure while `pulumi` runs: the provider plugins, and servers for what the program itself calls.

The program must not know: it asks Azure CLI for a token and speaks TLS with names of Azure. So all that the stand-ins give it are
an `az` on `PATH`, a proxy in `HTTPS_PROXY` and a certificate authority in `REQUESTS_CA_BUNDLE`, as companies set them, too.
"""

import asyncio
import functools
import os
import secrets
import tempfile
import threading
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import certifi
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import Receive, Scope, Send

from apim_policies.clock import Clock
from apim_policies.listener import Listener, bind
from secure_mcp.azure.propagation import WAIT
from secure_mcp_local.azure.entra import TokenIssuer
from secure_mcp_local.azure.functions.certificates import Certificates
from secure_mcp_local.azure.functions.proxy import NoWay, Proxy
from secure_mcp_local.recording.models import DEPLOYER, SUBSCRIPTION, TENANT
from secure_mcp_local.stand_ins import az, faults, plugins
from secure_mcp_local.stand_ins.publishing import ARM, DeploymentEndpoints
from secure_mcp_local.stand_ins.store import Store

_AZURE = (
    ".azure.com",
    ".azurewebsites.net",
    ".windows.net",
    ".microsoftonline.com",
    ".azure-api.net",
    ".microsoft.com",
)
"""Nothing of Azure is reached from under the stand-ins."""
_LIFETIME = 3600
_ROLE_WAIT = "0.1"
"""Seconds until a role is in force: here it is at once, unless a fault makes it late, and then at the next try."""


@contextmanager
def standing(
    store: Path, gateway_url: str | None, rules: str, base: Mapping[str, str], accepted: Collection[str] = ()
) -> Generator[dict[str, str]]:
    """The environment variables under which `pulumi` uses the stand-ins, which run as long as the block lasts.

    Args:
        store: Folder for the resources; made if it is not there.
        gateway_url: Address that the deployed gateway will be served at, or none.
        rules: Faults, as `faults.parsed` reads them.
        base: Environment to start from.
        accepted: Types that are not modelled, may decide who gets in, and are passed by all the same.

    Raises:
        LocalCloudError: a wrong fault, or the folder cannot be written to.
    """
    environment = plugins.environment(store, gateway_url, rules, base, accepted)
    servers = _Servers(Store(store.resolve()), faults.parsed(rules), base)
    with servers:
        # Lower-case names would win over these, and gRPC would send the engine's own calls through them.
        kept = {name: value for name, value in environment.items() if name.lower() not in {"https_proxy", "no_proxy"}}
        yield {WAIT: _ROLE_WAIT, **kept, **servers.environment}


class _Servers:
    """Servers in a thread of their own."""

    environment: dict[str, str]

    def __init__(self, store: Store, rules: tuple[faults.Rule, ...], base: Mapping[str, str]) -> None:
        self._store, self._rules, self._base = store, rules, base
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="stand-ins", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        issuer = TokenIssuer("https://login.microsoftonline.com", TENANT, Clock())
        endpoints = DeploymentEndpoints(self._store, issuer, self._rules)
        path = f"/{secrets.token_urlsafe(24)}"
        tls_port, tls_sockets = bind(0)
        tokens_port, tokens_sockets = bind(0)

        def way(host: str) -> tuple[str, int]:
            if endpoints.knows(host):
                return "127.0.0.1", tls_port
            if host.endswith(_AZURE):
                raise NoWay(f"{host} is no host that the stand-ins know")
            return host, 443

        with tempfile.TemporaryDirectory(prefix="secure-mcp-tls-") as folder:
            made = Certificates.make([ARM, "*.scm.azurewebsites.net"], Path(folder))
            bundle = await asyncio.to_thread(_trusting, made.authority, self._base, Path(folder, "bundle.pem"))
            async with (
                Listener(endpoints, tls_sockets, certificate=(made.certificate, made.key)),
                Listener(functools.partial(_tokens, path, issuer), tokens_sockets),
                Proxy(way) as proxy,
            ):
                self.environment = {
                    az.TOKENS: f"http://127.0.0.1:{tokens_port}{path}",
                    "HTTPS_PROXY": proxy.url,
                    "NO_PROXY": ",".join(filter(None, [self._base.get("NO_PROXY", ""), "localhost,127.0.0.1,::1"])),
                    "REQUESTS_CA_BUNDLE": str(bundle),
                    # Whoever is signed in here as somebody real is not meant.
                    **{name: "" for name in os.environ if name.startswith("ARM_")},
                }
                self._ready.set()
                await self._over.wait()


def _trusting(authority: Path, base: Mapping[str, str], bundle: Path) -> Path:
    """A file with an authority besides those that are trusted anyway."""
    trusted = Path(base.get("REQUESTS_CA_BUNDLE") or certifi.where())
    bundle.write_bytes(trusted.read_bytes() + b"\n" + authority.read_bytes())
    return bundle


async def _tokens(path: str, issuer: TokenIssuer, scope: Scope, receive: Receive, send: Send) -> None:
    """What `az account get-access-token` prints."""
    request = Request(scope, receive)
    resource = request.query_params.get("resource", "")
    if not secrets.compare_digest(request.url.path, path) or not resource:
        await PlainTextResponse("", 404)(scope, receive, send)
        return
    now = int(Clock().now())
    claims: dict[str, Any] = {
        "aud": resource,
        "iss": issuer.issuer,
        "iat": now,
        "nbf": now,
        "exp": now + _LIFETIME,
        "oid": DEPLOYER,
        "tid": TENANT,
        "ver": "1.0",
    }
    answer = {
        "accessToken": issuer.sign(claims),
        "expiresOn": datetime.fromtimestamp(now + _LIFETIME).isoformat(" "),
        "expires_on": now + _LIFETIME,
        "subscription": SUBSCRIPTION,
        "tenant": TENANT,
        "tokenType": "Bearer",
    }
    await JSONResponse(answer)(scope, receive, send)
