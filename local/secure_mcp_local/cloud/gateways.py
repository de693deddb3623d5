"""The gateways of a recording: each API Management service with what is declared on it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Environment, Recording, Resource
from secure_mcp_local.recording.models import create
from secure_mcp_local.recording.registration import Registration

_MODULE = "azure-native:apimanagement:"
_SERVICE = _MODULE + "ApiManagementService"


@dataclass(frozen=True)
class DeclaredGateway:
    service: str
    """Name of the API Management service."""
    recording: Recording
    """Everything but what is declared on other services."""
    url: str

    @property
    def servers(self) -> Mapping[str, str]:
        """Addresses of the APIs that have a backend, by their ids."""
        return {
            str(api.get("apiId")): f"{self.url}/{str(api.get('path') or '').strip('/')}".rstrip("/")
            for api in self.recording.all(_MODULE + "Api")
            if api.get("serviceUrl") or "serviceUrl" in api.unknowns
        }


def gateways(recording: Recording, url_of: Callable[[str], str]) -> list[DeclaredGateway]:
    """Every gateway, in the order of the programs; also those of which only APIs are declared, which are there already.

    Args:
        recording: The stacks.
        url_of: Address of the gateway of a service.
    """
    services = {str(one.get("serviceName") or one.get("name")): one for one in recording.all(_SERVICE)}
    names = dict.fromkeys([*services, *(name for one in recording.all(_MODULE + "Api") if (name := _service_of(one)))])
    found: list[DeclaredGateway] = []
    for name in names:
        kept = [one for one in recording if _service_of(one) in {"", name} and one not in services.values()]
        service = services.get(name) or _existing(recording, name, url_of)
        found.append(
            DeclaredGateway(name, replace(recording, resources=(service, *kept)), str(service.get("gatewayUrl")))
        )
    return found


def backends_of(recording: Recording) -> Iterator[tuple[Resource, str]]:
    """The APIs that have a backend, and its host."""
    for api in recording.all(_MODULE + "Api"):
        if api.get("serviceUrl"):
            yield api, urlsplit(str(api.get("serviceUrl"))).netloc.lower()


def with_backends(recording: Recording, backends: Mapping[str, str]) -> Recording:
    """The stacks, but with some APIs in front of other servers.

    Args:
        recording: The stacks.
        backends: Addresses by the id of an API, its name in the program or its display name; under an empty name: for the only one.

    Raises:
        LocalCloudError: there is no such API, or several.
    """
    servers = [
        api
        for api in recording.all(_MODULE + "Api")
        if api.get("serviceUrl") or any(path.startswith("serviceUrl") for path in api.unknowns)
    ]
    there = ", ".join(str(api.get("apiId")) for api in servers) or "none"
    for name, url in backends.items():
        wanted = [api for api in servers if not name or name in {api.get("apiId"), api.name, api.get("displayName")}]
        if not name and len(wanted) != 1:
            raise LocalCloudError(
                f"--backend URL is for a stack with one API that has a backend; there are: {there}. Say which: --backend NAME={url}"
            )
        if len(wanted) != 1:
            raise LocalCloudError(
                f"--backend {name}={url}: there is no API {name!r} with a backend; there are: {there}"
            )
        recording = recording.changed(wanted[0].urn, serviceUrl=url.rstrip("/"))
        recording = recording.made_known(wanted[0].urn, "serviceUrl")
    return recording


def _service_of(resource: Resource) -> str:
    if not resource.type.startswith(_MODULE) or resource.type == _SERVICE:
        return ""
    return str(resource.get("serviceName") or "")


def _existing(recording: Recording, name: str, url_of: Callable[[str], str]) -> Resource:
    """A service that no program declares: one without identities, that has what is declared on it."""
    owner = next(one for one in recording if _service_of(one) == name)
    urn = f"{owner.urn}|service"
    inputs = {"serviceName": name, "resourceGroupName": owner.get("resourceGroupName")}
    made = create(Registration(urn, _SERVICE, name, inputs, Environment(url_of)))
    return Resource(urn, _SERVICE, name, "", inputs, {**inputs, **made.outputs}, made.id, read=True, incomplete=True)
