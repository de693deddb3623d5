"""Azure Resource Manager for API Management's APIs, operations and policies, in front of a local cloud.

Answers follow the examples of the published REST specification (Azure/azure-rest-api-specs,
apimanagement/resource-manager/Microsoft.ApiManagement, CreateOrUpdateApi, CreateOrUpdateOperation, CreateOrUpdatePolicy, GetService).
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apim_policies.errors import ExplainedError
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording import Recording
from secure_mcp_local.recording import Resource as Recorded

_SERVICE = "azure-native:apimanagement:ApiManagementService"
_PLACE = re.compile(
    r"(?P<service>/subscriptions/.+/service/[^/]+)(?:/apis/(?P<api>[^/]+))?(?:/operations/(?P<operation>[^/]+))?(?P<policy>/policies/policy)?"
    r"(?:/policyFragments/(?P<fragment>[^/]+))?(?:/(?P<list>apis|operations|policyFragments))?"
)


@dataclass
class ResourceManager:
    """Its `app` changes what the gateway of a local cloud runs."""

    cloud: LocalCloud
    units: int = 1
    fail_deletes: bool = False
    broken: str = ""
    """Id of an operation whose policy is refused, whatever it says."""
    requests: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def __post_init__(self) -> None:
        self.before = self.cloud.recording
        self.service = self.cloud.recording.one(_SERVICE)
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "PUT", "DELETE"])])

    async def _answer(self, request: Request) -> Response:
        self.requests.append((request.method, request.url.path))
        if request.headers.get("authorization") != "Bearer token-for-https://management.azure.com":
            return _error(401, "AuthenticationFailed", "Authentication failed.")
        if not request.query_params.get("api-version"):
            return _error(
                400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required."
            )
        place = _PLACE.fullmatch(request.url.path)
        if place is None or place["service"].lower() != self.service.id.lower():
            return _error(404, "ResourceNotFound", f"The Resource '{request.url.path}' was not found.")
        match request.method:
            case "GET" if place["list"]:
                return JSONResponse({"value": [self._entry(place, name) for name in self._listed(place)]})
            case "GET" if place["policy"] or place["fragment"]:
                return self._document(request)
            case "GET" if not place["api"]:
                return JSONResponse(self._service())
            case "PUT" | "DELETE" if place["fragment"]:
                return await self._fragment(request, place)
            case "PUT" if place["api"]:
                return self._put(place, (await request.json())["properties"])
            case "DELETE" if place["api"]:
                if self.fail_deletes:
                    return _error(403, "AuthorizationFailed", "The client does not have authorization to delete.")
                self._keep(self._others(place["api"]))
                return Response(status_code=200)
            case _:
                return _error(405, "MethodNotAllowed", "The resource doesn't support specified Http Verb.")

    def _listed(self, place: re.Match[str]) -> list[str]:
        """Names of the members of a collection."""
        prefix = f"{place['service']}{'/apis/' + place['api'] if place['api'] else ''}/{place['list']}/".lower()
        ids = [one.id for one in self.cloud.recording if one.id.lower().startswith(prefix)]
        return [id[len(prefix) :] for id in ids if "/" not in id[len(prefix) :]]

    def _entry(self, place: re.Match[str], name: str) -> dict[str, Any]:
        """A member of a collection; of APIs with their paths."""
        found = self.cloud.recording.by_id(f"{place['service']}/{place['list']}/{name}")
        properties = {"path": found.get("path") or ""} if found is not None and place["list"] == "apis" else {}
        return {"name": name, "properties": properties}

    def _document(self, request: Request) -> Response:
        """A policy as it is given back: ends of lines, indentation and the end are not what was sent.

        Azure/azure-rest-api-specs#21835, #25306; hashicorp/terraform-provider-azurerm#23388
        """
        found = self.cloud.recording.by_id(request.url.path)
        if found is None:
            return _error(404, "ResourceNotFound", "Policy not found.")
        if request.query_params.get("format") != "rawxml":
            return _error(400, "ValidationError", "The document would be in another format than it was sent in.")
        lines = str(found.get("value")).strip().split("\n")
        text = "\r\n".join("\t" * ((len(line) - len(line.lstrip(" "))) // 4) + line.lstrip(" ") for line in lines)
        return JSONResponse({"id": found.id, "properties": {"value": text}})

    def _service(self) -> dict[str, Any]:
        return {
            "id": self.service.id,
            "name": self.service.id.rpartition("/")[2],
            "type": "Microsoft.ApiManagement/service",
            "properties": {"provisioningState": "Succeeded", "gatewayUrl": self.cloud.gateway_url},
            "sku": {"name": "StandardV2", "capacity": self.units},
            "location": "Sweden Central",
        }

    def _others(self, api: str) -> Recording:
        return replace(
            self.cloud.recording, resources=tuple(one for one in self.cloud.recording if one.get("apiId") != api)
        )

    async def _fragment(self, request: Request, place: re.Match[str]) -> Response:
        kept = tuple(one for one in self.cloud.recording if one.id != place[0])
        if request.method == "DELETE":
            found = len(kept) < len(self.cloud.recording.resources)
            self._keep(replace(self.cloud.recording, resources=kept))
            return Response(status_code=200) if found else _error(404, "ResourceNotFound", "Fragment not found.")
        values: dict[str, Any] = {**(await request.json())["properties"], "id": place["fragment"]}
        urn = f"urn:pulumi:test::test::PolicyFragment::{place['fragment']}"
        made = Recorded(urn, "azure-native:apimanagement:PolicyFragment", urn, "", values, values, place[0])
        self._keep(replace(self.cloud.recording, resources=(*kept, made)))
        return JSONResponse({"id": place[0], "properties": values}, 201)

    def _put(self, place: re.Match[str], properties: dict[str, Any]) -> Response:
        api, operation = place["api"], place["operation"]
        kind = ("ApiOperation" if operation else "Api") + ("Policy" if place["policy"] else "")
        values: dict[str, Any] = {**properties, "apiId": api, **({"operationId": operation} if operation else {})}
        urn = f"urn:pulumi:test::test::{kind}::{api}-{operation}"
        made = Recorded(urn, f"azure-native:apimanagement:{kind}", urn, "", values, values, place[0])
        kept = tuple(one for one in self.cloud.recording if one.urn != urn)
        if place["policy"] and operation and operation == self.broken:
            return _error(400, "ValidationError", "One or more fields contain incorrect values:")
        try:
            self._keep(replace(self.cloud.recording, resources=(*kept, made)))
        except ExplainedError as error:
            return _error(400, "ValidationError", str(error)[:500])
        return JSONResponse({"id": place[0], "properties": properties}, 201)

    def _keep(self, recording: Recording) -> None:
        before, self.cloud.recording = self.cloud.recording, recording
        try:
            self.cloud.restart_gateway()
        except ExplainedError:
            self.cloud.recording = before
            raise


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, "details": None}}, status)
