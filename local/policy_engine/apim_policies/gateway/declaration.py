"""What the stack declares about its gateway: service, APIs, operations, policies, fragments, named values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from apim_policies.documents.document import Element, parse, substitute
from apim_policies.elements.builder import Builder
from apim_policies.elements.cors import Cors
from apim_policies.elements.flow import Fragment
from apim_policies.elements.schema import check_fragment, check_policies
from apim_policies.errors import DocumentError, ExplainedError, NotModelled
from apim_policies.expressions.context import Api, Operation
from apim_policies.gateway.routing import DeclaredApi, DeclaredOperation
from apim_policies.pipeline.disclosure import Disclosure
from apim_policies.pipeline.sections import Base, Placed, Policy, Scope
from apim_policies.pipeline.values import Compile, Source
from secure_mcp_local.keyvault import KeyVaults
from secure_mcp_local.recording import Recording, Resource

_MODULE = "azure-native:apimanagement:"
_LARGEST = 512 * 1024
"""Bytes of a policy document on the v2 tiers."""
_LONGEST_NAMED_VALUE = 4096

# The policy of the whole service that a new one has.
_GLOBAL = """<policies>
    <inbound />
    <backend>
        <forward-request />
    </backend>
    <outbound />
    <on-error />
</policies>"""


@dataclass(frozen=True)
class Declaration:
    service_urn: str
    service_id: str
    service_name: str
    gateway_url: str
    hosts: frozenset[tuple[str, int]]
    """Host names and ports that it answers for."""
    apis: Sequence[DeclaredApi]
    """Those with the longest paths first."""
    secrets: Sequence[str]
    disclosure: Disclosure
    """What traces may show."""

    @classmethod
    def from_recording(cls, recording: Recording, compile: Compile) -> "Declaration":
        """Parses, checks and compiles everything.

        Raises:
            DocumentError, ExplainedError: what Azure would refuse, or what is not modelled.
        """
        service = recording.one(_MODULE + "ApiManagementService")
        url = str(service.get("gatewayUrl"))
        named_values, secrets = _named_values(recording, KeyVaults(recording, service))
        hidden = {value: name for name, value in named_values.items() if value in secrets}
        disclosure = Disclosure(hidden, [url, *named_values.values()])
        documents = _Documents(recording, named_values, compile, disclosure)
        outermost = Scope("global", documents.sections(_service_policy(recording), "service.xml", ()))
        apis = [_api(recording, documents, resource, outermost) for resource in recording.all(_MODULE + "Api")]
        paths = [declared.api.path.lower() for declared in apis]
        if len(set(paths)) != len(paths):
            raise ExplainedError(f"two APIs have the same path; the paths are {', '.join(repr(p) for p in paths)}")
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        hosts = {(str(parts.hostname), port)}
        for custom in service.get("hostnameConfigurations") or []:
            hosts.add((str(custom["hostName"]).lower(), 443))
        for host, number in hosts:
            disclosure.learn(f"{host}:{number}")
        name = str(service.get("name"))
        apis.sort(key=lambda declared: -len(declared.api.path))
        return cls(service.urn, service.id, name, url, frozenset(hosts), apis, secrets, disclosure)


class _Documents:
    """Policy documents of the stack, with what they refer to."""

    def __init__(
        self, recording: Recording, named_values: Mapping[str, str], compile: Compile, disclosure: Disclosure
    ) -> None:
        self._named_values, self._compile = named_values, compile
        self.disclosure = disclosure
        self._fragments: dict[str, tuple[Element, Source]] = {}
        for resource in recording.all(_MODULE + "PolicyFragment"):
            id = str(resource.get("id"))
            document = f"fragments/{id}.xml"
            root = self._root(resource, document)
            check_fragment(root, document)
            self._fragments[id] = (root, Source(document, compile, disclosure))
        self.reads: set[str] = set()

    def sections(self, resource: Resource | None, document: str, outer: Sequence[Scope]) -> dict[str, list[Placed]]:
        """The policies of a document, and in `reads` which bodies its expressions read."""
        root = self._root(resource, document)
        check_policies(root, document)
        builder = Builder(Source(document, self._compile, self.disclosure), self._fragments, outer)
        sections = builder.sections(root)
        self.reads = builder.reads
        return sections

    def _root(self, resource: Resource | None, document: str) -> Element:
        if resource is None:
            return parse(_GLOBAL, document)
        if resource.get("format") != "rawxml":
            raise NotModelled(f"{document}: the policy format {resource.get('format')!r} is not modelled; use rawxml")
        text = str(resource.get("value"))
        if len(text.encode()) > _LARGEST:
            raise DocumentError(f"the document is larger than {_LARGEST} bytes", document=document)
        return parse(substitute(text, self._named_values, document), document)


def _named_values(recording: Recording, vaults: KeyVaults) -> tuple[dict[str, str], list[str]]:
    values: dict[str, str] = {}
    secrets: list[str] = []
    for resource in recording.all(_MODULE + "NamedValue"):
        name, value = str(resource.get("displayName")), resource.get("value")
        if reference := resource.get("keyVault"):
            value = vaults.read(name, reference)
        if not isinstance(value, str):
            raise ExplainedError(f"named value {name}: give it a value or a keyVault, not {value!r}")
        if not value or len(value) > _LONGEST_NAMED_VALUE:
            raise ExplainedError(
                f"named value {name} has {len(value)} characters; 1 to {_LONGEST_NAMED_VALUE} are allowed"
            )
        values[name] = value
        if resource.get("secret") and value != "none":
            secrets.append(value)
    return values, secrets


def _service_policy(recording: Recording) -> Resource | None:
    found = recording.all(_MODULE + "Policy")
    return found[0] if found else None


def _api(recording: Recording, documents: _Documents, resource: Resource, outermost: Scope) -> DeclaredApi:
    id = str(resource.get("apiId"))
    if resource.get("subscriptionRequired") is not False:
        raise NotModelled(f"API {id}: subscription keys are not modelled; set subscriptionRequired to false")
    api = Api(id, str(resource.get("displayName")), str(resource.get("path") or ""))

    def policy(type: str, **which: str) -> Resource | None:
        found = [
            candidate
            for candidate in recording.all(_MODULE + type)
            if all(candidate.get(key) == value for key, value in which.items())
        ]
        return found[0] if found else None

    scopes = [outermost]
    reads: set[str] = set()
    own = policy("ApiPolicy", apiId=id)
    if own is not None:
        scopes.append(Scope("api", documents.sections(own, f"apis/{id}/api.xml", scopes[:])))
        reads |= documents.reads
    operations: list[DeclaredOperation] = []
    for declared in recording.all(_MODULE + "ApiOperation"):
        if declared.get("apiId") != id:
            continue
        operation = Operation(
            str(declared.get("operationId")),
            str(declared.get("displayName")),
            str(declared.get("method")),
            str(declared.get("urlTemplate")),
        )
        innermost, used = scopes[:], set(reads)
        document = policy("ApiOperationPolicy", apiId=id, operationId=operation.id)
        if document is not None:
            sections = documents.sections(document, f"apis/{id}/{operation.id}.xml", scopes[:])
            innermost.append(Scope("operation", sections))
            used |= documents.reads
        operations.append(
            DeclaredOperation(operation, innermost, "request" in used, "response" in used, _cors(innermost))
        )
    service_url = resource.get("serviceUrl")
    for text in (id, api.path, service_url, *(o.operation.url_template for o in operations)):
        documents.disclosure.learn(str(text or ""))
    return DeclaredApi(api, str(service_url) if service_url else None, operations)


def _cors(scopes: Sequence[Scope]) -> list[Cors]:
    """The cors policies that requests meet, in order: those that stand directly in inbound, or in a fragment there."""
    if not scopes:
        return []

    def among(policies: Sequence[Placed]) -> list[Cors]:
        return [found for placed in policies for found in look(placed.policy)]

    def look(policy: Policy) -> list[Cors]:
        if isinstance(policy, Cors):
            return [policy]
        if isinstance(policy, Base):
            return _cors(scopes[:-1])
        if isinstance(policy, Fragment):
            return among(policy.policies)
        return []

    return among(scopes[-1].sections.get("inbound", []))
