"""What whoever deploys from this machine is given instead of Azure: a login, and a way to the hosts that code is published to.

The program must not know: it asks Azure CLI for a token and speaks TLS with names of Azure. So all that it is given are an `az` on
`PATH`, a proxy in `HTTPS_PROXY` and a certificate authority in `REQUESTS_CA_BUNDLE`, as companies set them, too.
"""

import asyncio
import functools
import os
import secrets
import shlex
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import certifi
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import Receive, Scope, Send

from apim_policies.clock import Clock
from apim_policies.listener import Listener, bind
from secure_mcp_local.azure import az
from secure_mcp_local.azure.entra import TokenIssuer
from secure_mcp_local.azure.functions.certificates import Certificates
from secure_mcp_local.azure.functions.proxy import NoWay, Proxy
from secure_mcp_local.azure.functions.publishing import ARM, Apps, DeploymentEndpoints
from secure_mcp_local.recording.registration import DEPLOYER, SUBSCRIPTION
from secure_mcp_local.recording.resources import TENANT
from secure_mcp_local.running import Running

_AZURE = (
    ".azure.com",
    ".azurewebsites.net",
    ".windows.net",
    ".microsoftonline.com",
    ".azure-api.net",
    ".microsoft.com",
)
"""Nothing of Azure is reached but what is given here."""
_LIFETIME = 3600


class Deployer(Running):
    """Servers for whoever publishes code; use as an asynchronous context manager.

    Args:
        apps: Where code is published to.
        base: Environment to start from.
    """

    environment: dict[str, str]
    """What the environment of whoever publishes must say. Lower-case names of proxies would win over it: they must not be there."""

    def __init__(self, apps: Apps, base: Mapping[str, str]) -> None:
        super().__init__()
        self._apps, self._base = apps, base

    async def _start(self) -> None:
        issuer = TokenIssuer("https://login.microsoftonline.com", TENANT, Clock())
        endpoints = DeploymentEndpoints(self._apps, issuer)
        path = f"/{secrets.token_urlsafe(24)}"
        tls_port, tls_sockets = bind(0)
        tokens_port, tokens_sockets = bind(0)

        def way(host: str) -> tuple[str, int]:
            if endpoints.knows(host):
                return "127.0.0.1", tls_port
            if host.endswith(_AZURE):
                raise NoWay(f"{host} is no host that the stand-ins know")
            return host, 443

        enter = self._resources.enter_async_context
        folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="secure-mcp-tls-")))
        made = Certificates.make([ARM, "*.scm.azurewebsites.net"], folder)
        bundle = await asyncio.to_thread(_trusting, made.authority, self._base, folder / "bundle.pem")
        await enter(Listener(endpoints, tls_sockets, certificate=(made.certificate, made.key)))
        await enter(Listener(functools.partial(_tokens, path, issuer), tokens_sockets))
        proxy = await enter(Proxy(way))
        command = folder / "bin" / "az"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {az.__name__} "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        self.environment = {
            "PATH": f"{command.parent}{os.pathsep}{self._base.get('PATH', os.defpath)}",
            az.TOKENS: f"http://127.0.0.1:{tokens_port}{path}",
            "HTTPS_PROXY": proxy.url,
            "NO_PROXY": ",".join(filter(None, [self._base.get("NO_PROXY", ""), "localhost,127.0.0.1,::1"])),
            "REQUESTS_CA_BUNDLE": str(bundle),
            # Whoever is signed in here as somebody real is not meant.
            **{name: "" for name in self._base if name.startswith("ARM_")},
        }


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
