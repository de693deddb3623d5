"""Whether the policy documents that API Management has are those that the program renders.

An edit of a policy has been reported that `pulumi up` did not see as a change (pulumi-azure-native#3620), and whoever may write to
API Management can change a document beside Pulumi.
"""

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from apim_policies.documents.document import Element, Value, parse
from apim_policies.errors import DocumentError
from secure_mcp_local.drift.neighbours import Declared, server_path
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording, Resource
from secure_mcp_local.resource_manager import Refused, ResourceManager

MODULE = "azure-native:apimanagement:"
SERVICE = MODULE + "ApiManagementService"
VERSION = "2024-05-01"
"""Of Microsoft.ApiManagement."""
_NOT_FOUND = 404
_POLICIES = ("Policy", "ApiPolicy", "ApiOperationPolicy")
_APIS = ("Api", "ApiOperation")
_FRAGMENT = "PolicyFragment"
# What a new service has at its own scope, without anybody having written it.
# https://learn.microsoft.com/azure/api-management/set-edit-policies
_DEFAULT = {"policies", "inbound", "backend", "outbound", "on-error", "forward-request"}


class Outcome(StrEnum):
    SAME = "same"
    DIFFERS = "differs"
    MISSING = "missing"
    """The program declares it, API Management has none."""
    FOREIGN = "foreign"
    """API Management has it where only the program's belong."""
    ELSEWHERE = "elsewhere"
    """It is of a server that another stack puts on this gateway: that stack's doctor compares it."""
    UNKNOWN = "unknown"
    """What it should say comes from something that only Azure knows."""


@dataclass(frozen=True)
class Comparison:
    """What was found about one document."""

    document: str
    """Its path in the service, such as `apis/mcp/policies/policy`; with several services, the name of its own before it."""
    outcome: Outcome
    seen: str = ""
    """Where the first difference is."""

    @property
    def holds(self) -> bool:
        return self.outcome in {Outcome.SAME, Outcome.UNKNOWN, Outcome.ELSEWHERE}

    def as_json(self) -> dict[str, str]:
        return {"document": self.document, "outcome": self.outcome, "seen": self.seen}


def compare(recording: Recording, deployed: Mapping[str, str], azure: ResourceManager) -> Iterator[Comparison]:
    """Asks for every document, reading only.

    Args:
        recording: What the programs declare, with the outputs that the stacks have which they refer to.
        deployed: ARM ids of what the stack has deployed in API Management, by URN.
        azure: Azure Resource Manager.

    Raises:
        LocalCloudError: a service is not deployed yet.
        Refused: Azure does not let these be read.
        AzureError: it does not answer.
    """
    found: dict[str, dict[str, Resource]] = {}
    for resource in recording:
        if resource.type.removeprefix(MODULE) in {*_POLICIES, *_APIS, _FRAGMENT}:
            id = _service(resource.id)
            found.setdefault(id, {})[resource.id[len(id) + 1 :]] = resource
    services: dict[str, dict[str, Resource]] = {}
    made: set[str] = set()
    for id, resources in found.items():
        declared = recording.by_id(id)
        own = declared is not None and declared.type == SERVICE and not declared.read
        # A service that was there already is in no state, and its subscription is not the local one: what was put into it tells.
        owners = [declared.urn] if declared is not None and own else [one.urn for one in resources.values()]
        service = next((_service(deployed[urn]) for urn in owners if urn in deployed), "")
        if not service:
            raise LocalCloudError(
                f"the stack {recording.stack} has deployed nothing to its API Management yet: pulumi up"
            )
        # One stack makes it, and others put servers on it.
        services.setdefault(service, {}).update(resources)
        if own:
            made.add(service)
    for service, resources in services.items():
        documents = {
            path: one for path, one in resources.items() if one.type.removeprefix(MODULE) in {*_POLICIES, _FRAGMENT}
        }
        if documents:
            of = f"{service.rpartition('/')[2]}/" if len(services) > 1 else ""
            for one in _of_program(service, documents, azure):
                yield replace(one, document=f"{of}{one.document}")
            for one in _of_others(service, documents, _declared(resources), azure, whole=service in made):
                yield replace(one, document=f"{of}{one.document}")


def _service(id: str) -> str:
    """The ARM id of the service that a resource is in, or is."""
    group, kind, path = id.partition("/service/")
    return group + kind + path.partition("/")[0]


def _computed(urn: str) -> bool:
    """Whether what comes from a resource is known to Azure only. What another stack says of itself is in its state."""
    return urn.split("::")[2] != "pulumi:pulumi:StackReference"


def _declared(resources: Mapping[str, Resource]) -> Declared:
    operations: dict[str, tuple[str, ...]] = {}
    for path, one in resources.items():
        if one.type == MODULE + "ApiOperation":
            api = path.split("/")[1]
            operations[api] = (*operations.get(api, ()), str(one.get("urlTemplate")))
    return Declared(
        {
            path.split("/")[1]: str(one.get("path") or "")
            for path, one in resources.items()
            if one.type == MODULE + "Api"
        },
        operations,
        frozenset(path.split("/")[1] for path, one in resources.items() if one.type == MODULE + _FRAGMENT),
    )


def _of_program(service: str, documents: Mapping[str, Resource], azure: ResourceManager) -> Iterator[Comparison]:
    for path, resource in sorted(documents.items()):
        if any(map(_computed, resource.sources.get("value", ()))) or "value" in resource.unknowns:
            yield Comparison(path, Outcome.UNKNOWN, "what it says depends on outputs")
            continue
        text = _document(azure, f"{service}/{path}")
        if text is None:
            yield Comparison(path, Outcome.MISSING)
        elif seen := difference(str(resource.get("value")), text):
            yield Comparison(path, Outcome.DIFFERS, seen)
        else:
            yield Comparison(path, Outcome.SAME)


def _of_others(
    service: str, documents: Mapping[str, Resource], declared: Declared, azure: ResourceManager, *, whole: bool
) -> Iterator[Comparison]:
    """What runs with ours or instead of ours: in our APIs, and everywhere in a service that the stack made.

    A policy that others have in a service that we made has our service's identity and named values. So it is theirs only if it
    is of a server whose metadata our own fragment answers, which no other API of theirs includes.
    """
    known = {path.lower() for path in documents}
    paths = {
        str(one["name"]): str((one.get("properties") or {}).get("path") or "")
        for one in azure.pages(f"{service}/apis", VERSION)
    }
    ours = {name.lower() for name in declared.apis} | {path.split("/")[1] for path in known if path.startswith("apis/")}
    for name in sorted(set(paths) - declared.apis.keys()):
        if name.lower() not in ours and (address := declared.taken(paths[name])):
            yield Comparison(f"apis/{name}", Outcome.FOREIGN, f"it gets the requests to {address}")
    if whole:
        texts = {"policies/policy": _document(azure, f"{service}/policies/policy")}
        for one in azure.pages(f"{service}/policyFragments", VERSION):
            path = f"policyFragments/{one['name']}"
            texts[path] = None if path.lower() in known else _document(azure, f"{service}/{path}")
    else:
        texts = dict[str, str | None]()
        paths = {name: path for name, path in paths.items() if name.lower() in ours}
    for name in paths:
        texts |= {
            path: _document(azure, f"{service}/{path}")
            for path in _places(service, name, azure)
            if path.lower() not in known
        }
    servers = {
        server
        for name, path in paths.items()
        if name.lower() not in ours
        and (server := server_path(path))
        and not declared.taken(path)
        and any(declared.includes_answer(text) for at, text in texts.items() if text and at.startswith(f"apis/{name}/"))
    }
    for path, text in texts.items():
        if text is None or path.lower() in known or _is_default(path, text):
            continue
        name = path.split("/")[1]
        at = paths.get(name, "") if path.startswith("apis/") and name.lower() not in ours else ""
        server = at if at in servers else server_path(at)
        if server in servers and not declared.taken(at):
            yield Comparison(path, Outcome.ELSEWHERE, f"declared by another stack, for its server at /{server}")
        else:
            yield Comparison(path, Outcome.FOREIGN)


def _places(service: str, api: str, azure: ResourceManager) -> Iterator[str]:
    """Where an API may have policy documents."""
    yield f"apis/{api}/policies/policy"
    try:
        operations = list(azure.pages(f"{service}/apis/{api}/operations", VERSION))
    except Refused as refused:
        if refused.status != _NOT_FOUND:
            raise
        return
    for one in operations:
        yield f"apis/{api}/operations/{one['name']}/policies/policy"


def _document(azure: ResourceManager, id: str) -> str | None:
    try:
        answer = azure.get(id, VERSION, format="rawxml")
    except Refused as refused:
        if refused.status == _NOT_FOUND:
            return None
        raise
    return str((answer.get("properties") or {}).get("value") or "")


def difference(rendered: str, deployed: str) -> str:
    """Where a deployed document first says something else; empty if nowhere.

    What API Management rewrites is no difference: ends of lines become CRLF, blanks at the end go, indentation may become tabs,
    and entities stand where there were none, although rawxml is asked for (azure-rest-api-specs#21835, #25306;
    terraform-provider-azurerm#23388, #29521). So blanks in a row count as one, entities as what they mean, and comments not at all.
    """
    wanted = parse(rendered, "rendered")
    try:
        return _difference(wanted, parse(deployed, "deployed"), "")
    except DocumentError as error:
        return f"it cannot be read: {error}"


def _difference(wanted: Element, found: Element, path: str) -> str:
    path = f"{path}/{wanted.name}"
    if wanted.name != found.name:
        return f"{path}: <{found.name}> stands there, in line {found.line}"
    for name in dict.fromkeys([*wanted.attributes, *found.attributes]):
        if _normal(wanted.attributes.get(name)) != _normal(found.attributes.get(name)):
            return f"{path}: {name} is another, in line {found.line}"
    if (_normal(wanted.text) or "") != (_normal(found.text) or ""):
        return f"{path}: the text is another, in line {found.line}"
    for one, other in zip(wanted.children, found.children, strict=False):
        if said := _difference(one, other, path):
            return said
    if len(wanted.children) < len(found.children):
        more = found.children[len(wanted.children)]
        return f"{path}: <{more.name}> is not ours, in line {more.line}"
    if len(wanted.children) > len(found.children):
        return f"{path}: <{wanted.children[len(found.children)].name}> is not there"
    return ""


def _normal(value: Value | None) -> str | None:
    """A value as it is compared."""
    return None if value is None else " ".join(html.unescape(value.text).split())


def _is_default(path: str, text: str) -> bool:
    if path != "policies/policy":
        return False
    try:
        return _names(parse(text, path)) <= _DEFAULT
    except DocumentError:
        return False


def _names(element: Element) -> set[str]:
    return {element.name}.union(*(_names(child) for child in element.children))
