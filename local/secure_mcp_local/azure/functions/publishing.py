"""Where code is published to: the deployment endpoint of each function app, and what Resource Manager says of it.

Protocol and answers are those that Microsoft's tools meet on Flex Consumption. Sources: Azure/azure-dev
`cli/azd/pkg/azsdk/funcapp_host_client.go`, Azure/azure-functions-core-tools#4346 (which identity writes the package),
Azure/azure-dev#8026 (its role is not in force yet), Azure/azure-cli#33688 (415).
"""

import io
import uuid
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from secure_mcp_local.azure.entra import TokenIssuer, TokenRefused
from secure_mcp_local.azure.functions.site import SITE, mapping
from secure_mcp_local.azure.storage.access import WRITE_BLOB, Access
from secure_mcp_local.errors import ExplainedError, LocalCloudError
from secure_mcp_local.recording import Recording, Resource

ARM = "management.azure.com"
AUDIENCES = tuple(f"https://{host}{slash}" for host in (ARM, "management.core.windows.net") for slash in ("", "/"))
"""Of tokens for Resource Manager, which open the deployment endpoints too."""

_ENDPOINT = "azure-native:network:PrivateEndpoint"
_PLAN = "azure-native:web:AppServicePlan"
_UNDER_WAY = (0, 1, 2)
_FAILED, _SUCCESS = 3, 4
_PASSING = 2
"""Requests that a fault meets which passes by itself."""
_UNSUPPORTED = ("SCM_DO_BUILD_DURING_DEPLOYMENT", "ENABLE_ORYX_BUILD", "WEBSITE_RUN_FROM_PACKAGE")
"""Settings with which Flex Consumption fails a deployment. https://github.com/Azure/azure-functions-vs-build-sdk/pull/656"""


@dataclass
class _Deployment:
    id: str
    site: str
    message: str
    deployer: str
    status: int
    """How it ends."""
    text: str
    log: list[str] = field(default_factory=list[str])
    looks: int = 0

    def seen(self) -> dict[str, Any]:
        """It as the next look finds it: one step further each time."""
        status = _UNDER_WAY[self.looks] if self.looks < len(_UNDER_WAY) else self.status
        self.looks += 1
        ended = status not in _UNDER_WAY
        return {
            "id": self.id,
            "status": status,
            "status_text": self.text if ended else "",
            "message": self.message,
            "deployer": self.deployer,
            "author": "N/A",
            "author_email": "N/A",
            "remoteBuild": False,
            "progress": "",
            "complete": ended,
            "active": ended and status == _SUCCESS,
            "is_temp": False,
            "is_readonly": True,
            "site_name": self.site.rpartition("/")[2],
            "build_summary": {"errors": [], "warnings": []},
        }


class Apps(Protocol):
    """The function apps that code is published to."""

    def recording(self) -> Recording:
        """What is there now."""
        ...

    def functions(self, site: Resource) -> list[str]:
        """Names of the functions in an app's code."""
        ...

    async def publish(self, site: Resource, content: bytes) -> None:
        """Gives an app other code. Code that does not load is no failure, as in Azure: the app has no functions then.

        Raises:
            ExplainedError: it cannot have it.
        """
        ...

    def fault(self, kind: str, site: Resource) -> bool:
        """Whether an app has a fault of `PUBLISHING` now."""
        ...


class DeploymentEndpoints:
    """An ASGI app for the hosts of Resource Manager and of every app's deployment endpoint.

    Args:
        apps: Where the code goes.
        issuer: Signs the deployer's tokens.
    """

    def __init__(self, apps: Apps, issuer: TokenIssuer) -> None:
        self._apps, self._issuer = apps, issuer
        self._deployments: list[_Deployment] = []
        self._met: Counter[tuple[str, str]] = Counter()

    def knows(self, host: str) -> bool:
        """Whether a host name leads somewhere, now."""
        return host == ARM or ((site := self._site(host)) is not None and not self._fault("hide", site))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        host = request.headers.get("host", "").removesuffix(":443").lower()
        site = None if host == ARM else self._site(host)
        if site is not None and (refusal := self._closed(site)):
            return refusal
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            if scheme != "Bearer":
                raise TokenRefused("there is none")
            self._issuer.verify(token, AUDIENCES)
        except TokenRefused as refused:
            return JSONResponse(
                {"error": {"code": "InvalidAuthenticationToken", "message": f"The token: {refused}"}}, 401
            )
        if site is None:
            return self._resource_manager(request)
        path = request.url.path
        if path == "/api/publish" and request.method == "POST":
            return await self._publish(request, site)
        if path.startswith("/api/deployments/") and request.method == "GET":
            return self._deployment(path.removeprefix("/api/deployments/"), site)
        return PlainTextResponse("", 404)

    # Resource Manager

    def _resource_manager(self, request: Request) -> Response:
        id, _, child = request.url.path.partition("/functions")
        found = self._recording().by_id(id)
        if (
            request.method != "GET"
            or child
            or found is None
            or found.type != SITE
            or "api-version" not in request.query_params
        ):
            message = f"The Resource '{request.url.path}' was not found (or the stand-in does not model it)."
            return JSONResponse({"error": {"code": "ResourceNotFound", "message": message}}, 404)
        name = found.id.rpartition("/")[2]
        if not request.url.path.endswith("/functions"):
            return JSONResponse({"id": found.id, "name": name, "properties": {**found.inputs, **found.outputs}})
        names = [] if self._fault("empty", found) else self._apps.functions(found)
        return JSONResponse({"value": [{"id": f"{found.id}/functions/{f}", "name": f"{name}/{f}"} for f in names]})

    # The deployment endpoint

    async def _publish(self, request: Request, site: Resource) -> Response:
        content = await request.body()
        if request.headers.get("content-type") != "application/zip" or self._fault("retype", site):
            return PlainTextResponse("", 415)
        if self._passing("busy", site):
            return PlainTextResponse(
                "There is a deployment currently in progress. Please try again when it completes.", 409
            )
        if self._passing("unavailable", site):
            return HTMLResponse("<html><body>Site Unavailable</body></html>", 503)
        if self._passing("forbid", site):
            return HTMLResponse("<html><body>Error 403 - Forbidden</body></html>", 403)
        if refusal := self._storage_refusal(site):
            return JSONResponse({"error": {"code": "BadRequest", "message": refusal}}, 400)
        deployment = await self._deployed(request, site, content)
        self._deployments.append(deployment)
        if self._passing("lose", site, 1):
            return HTMLResponse("<html><body>Gateway Timeout</body></html>", 504)
        return JSONResponse(deployment.id, 202)

    async def _deployed(self, request: Request, site: Resource, content: bytes) -> _Deployment:
        query = request.query_params
        deployment = _Deployment(
            str(uuid.uuid4()),
            site.id,
            query.get("message", ""),
            query.get("Deployer", ""),
            _SUCCESS,
            "Deployment Successful",
        )
        try:
            if query.get("RemoteBuild", "false").lower() != "false":
                raise LocalCloudError("the stand-in builds nothing: publish with RemoteBuild=false")
            if self._fault("fail", site):
                raise LocalCloudError("the deployment was made to fail (fault: fail)")
            for name in _settings(site):
                if name in _UNSUPPORTED:
                    raise LocalCloudError(f"App setting {name} is not supported.")
            checked(content)
            await self._apps.publish(site, content)
        except ExplainedError as error:
            deployment.status, deployment.text = _FAILED, "Deployment Failed"
            deployment.log = ["Starting deployment pipeline.", f"[Error] {error}"]
        return deployment

    def _deployment(self, path: str, site: Resource) -> Response:
        id, _, rest = path.partition("/")
        own = [d for d in self._deployments if d.site == site.id and id in {"latest", d.id}]
        if not own or rest not in {"", "log"}:
            return JSONResponse({"Message": f"Deployment '{id}' not found."}, 404)
        deployment = own[-1]
        if rest == "log":
            return JSONResponse([{"message": line, "type": 0} for line in deployment.log])
        if deployment.looks == len(_UNDER_WAY) and self._passing("recycle", site, 1):
            self._deployments.remove(deployment)
            return JSONResponse({"Message": f"Deployment '{id}' not found."}, 404)
        seen = deployment.seen()
        return JSONResponse(seen, 200 if seen["complete"] else 202)

    def _closed(self, site: Resource) -> Response | None:
        """What the platform answers before anything else, if the site takes no code from here."""
        if site.get("publicNetworkAccess") == "Disabled" and not self._has_endpoint(site.id, "sites"):
            return HTMLResponse("<html><body>Error 403 - Forbidden: Ip Forbidden</body></html>", 403)
        plan = self._recording().by_id(str(site.get("serverFarmId")))
        if plan is None or plan.type != _PLAN or mapping(plan.get("sku")).get("tier") != "FlexConsumption":
            return PlainTextResponse("", 404)
        return None

    def _storage_refusal(self, site: Resource) -> str | None:
        """Why the platform cannot write the package to the deployment container with the app's identity, or none."""
        if self._passing("early", site):
            return _inaccessible("AuthorizationPermissionMismatch (fault: early)")
        recording = self._recording()
        storage = mapping(mapping(mapping(site.get("functionAppConfig")).get("deployment")).get("storage"))
        authentication = mapping(storage.get("authentication"))
        url = urlsplit(str(storage.get("value")))
        account = next(
            (
                found
                for found in recording.all("azure-native:storage:StorageAccount")
                if (url.hostname or "").partition(".")[0] == found.id.rpartition("/")[2].lower()
            ),
            None,
        )
        identity = recording.by_id(str(authentication.get("userAssignedIdentityResourceId")))
        if account is None or recording.by_id(f"{account.id}/blobServices/default/containers{url.path}") is None:
            return _inaccessible(f"there is no container {url.geturl()}")
        if authentication.get("type") != "UserAssignedIdentity" or identity is None:
            return _inaccessible("the stand-in models a user-assigned identity only, which has to be there")
        if identity.id.lower() not in {
            str(id).lower() for id in mapping(site.get("identity")).get("userAssignedIdentities") or ()
        }:
            return _inaccessible(f"the identity {identity.name} is not assigned to the app")
        if account.get("publicNetworkAccess") == "Disabled" and not self._has_endpoint(account.id, "blob"):
            return _inaccessible(
                f"AuthorizationFailure: {account.id.rpartition('/')[2]} has no private endpoint for blobs"
            )
        container = f"{account.id}/blobServices/default/containers{url.path}"
        if not Access.from_recording(recording).permits(str(identity.get("principalId")), WRITE_BLOB, container):
            return _inaccessible(f"AuthorizationPermissionMismatch: {identity.name} has no role on {url.geturl()}")
        return None

    def _has_endpoint(self, id: str, group: str) -> bool:
        for endpoint in self._recording().all(_ENDPOINT):
            for connection in map(mapping, endpoint.get("privateLinkServiceConnections") or ()):
                if (
                    str(connection.get("privateLinkServiceId")).lower() == id.lower()
                    and group in connection["groupIds"]
                ):
                    return True
        return False

    def _recording(self) -> Recording:
        return self._apps.recording()

    def _site(self, host: str) -> Resource | None:
        """The function app with a deployment endpoint at a host."""
        for site in self._recording().all(SITE):
            for state in map(mapping, site.get("hostNameSslStates") or ()):
                if state.get("hostType") == "Repository" and state.get("name") == host:
                    return site
        return None

    def _fault(self, kind: str, site: Resource) -> bool:
        return self._apps.fault(kind, site)

    def _passing(self, kind: str, site: Resource, times: int = _PASSING) -> bool:
        """Whether a fault meets this request that passes after some."""
        if not self._fault(kind, site):
            del self._met[kind, site.id]
            return False
        self._met[kind, site.id] += 1
        return self._met[kind, site.id] <= times


def _inaccessible(cause: str) -> str:
    return (
        "InaccessibleStorageException: Failed to access storage account for deployment: BlobUploadFailedException: Failed to "
        f"upload blob to storage account: Response status code does not indicate success: 403 ({cause})."
    )


def _settings(site: Resource) -> list[str]:
    entries: Any = mapping(site.get("siteConfig")).get("appSettings") or []
    return [str(mapping(entry).get("name")) for entry in entries]


def checked(content: bytes) -> None:
    """Raises if some bytes are no package of a function app.

    Raises:
        LocalCloudError: says what is wrong.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if "host.json" not in archive.namelist():
                raise LocalCloudError("the package is no function app: it has no host.json at its top")
    except zipfile.BadZipFile as error:
        raise LocalCloudError(f"the package is no zip: {error}") from None
