"""The policy documents of a stack, and which of them run together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from apim_policies.check.document import Document, included_by
from apim_policies.documents.document import Element
from secure_mcp_local.check.plan import MODULE
from secure_mcp_local.recording import Recording, Resource

_SCOPES = (("Policy", "service"), ("ApiPolicy", "api"), ("ApiOperationPolicy", "operation"))


def gateways(recording: Recording) -> Iterator[Recording]:
    """The recording once for each gateway of the stack, without what belongs to the others."""

    def service(resource: Resource) -> str:
        return str(resource.get("serviceName") or "") if resource.type.startswith(MODULE) else ""

    names = dict.fromkeys(name for resource in recording if (name := service(resource)))
    for name in names:
        kept = tuple(resource for resource in recording if service(resource) in {"", name})
        yield replace(recording, resources=kept)


def documents_of(recording: Recording) -> dict[str, Document]:
    """Every policy document by the URN of its resource, each with what it runs together with."""
    secrets = frozenset(
        str(resource.get("displayName")) for resource in recording.all(MODULE + "NamedValue") if resource.get("secret")
    )
    documents: dict[str, Document] = {}
    for resource in recording.all(MODULE + "PolicyFragment"):
        id = str(resource.get("id"))
        documents[resource.urn] = Document(f"fragments/{id}.xml", _text(resource), fragment=id, secrets=secrets)
    for kind, scope in _SCOPES:
        for resource in recording.all(MODULE + kind):
            api, operation = resource.get("apiId"), resource.get("operationId")
            name = f"apis/{api}/{operation or 'api'}.xml" if api else "service.xml"
            documents[resource.urn] = Document(name, _text(resource), scope=scope, api=str(api or ""), secrets=secrets)
    _join(documents.values(), recording)
    return documents


def _text(resource: Resource) -> str:
    return str(resource.get("value") or "")


def _join(documents: Iterable[Document], recording: Recording) -> None:
    by_name = {document.name: document for document in documents}
    chains: list[list[Document]] = []
    for api in recording.all(MODULE + "Api"):
        id = api.get("apiId")
        outer = [by_name[name] for name in ("service.xml", f"apis/{id}/api.xml") if name in by_name]
        operations = [one for one in recording.all(MODULE + "ApiOperation") if one.get("apiId") == id]
        options = tuple(
            str(one.get("operationId")) for one in operations if str(one.get("method")).upper() == "OPTIONS"
        )
        for document in by_name.values():
            if document.scope != "service" and document.api == id:
                document.options = options
        own = (by_name.get(f"apis/{id}/{one.get('operationId')}.xml") for one in operations)
        chains += [[*outer, document] if document is not None else outer for document in own]
    for chain in chains:
        included = [document for document in by_name.values() if document.fragment in included_by(chain)]
        called = _calls(chain)
        for document in (*chain, *included):
            document.complete = True
            document.called = bool(document.called) or called
            document.company += [one for one in (*chain, *included) if one not in document.company]


def _calls(chain: Sequence[Document]) -> bool:
    """Whether the backend section of the innermost document, with what it inherits, forwards requests."""
    for document in reversed(chain):
        backend = next((child for child in _sections(document) if child.name == "backend"), None)
        if backend is None:
            continue
        names = {child.name for child in backend.children}
        if "base" not in names:
            return bool(names)
    return True


def _sections(document: Document) -> list[Element]:
    return document.root.children if document.root is not None else []
