"""Whether every operation of a gateway answers: by a policy, or by a backend."""

from collections.abc import Iterator, Mapping, Sequence

from apim_policies.check.document import Document
from apim_policies.check.finding import Finding, Rule
from apim_policies.documents.document import Element
from secure_mcp_local.recording import Recording

UNANSWERED = Rule(
    "unanswered",
    "error",
    "An operation that forwards to nowhere answers 500, and one that neither forwards nor answers says 200 with nothing in it.",
    "Give the API a serviceUrl, set a backend in its policy, or answer with return-response.",
    source="https://learn.microsoft.com/azure/api-management/forward-request-policy "
    "https://learn.microsoft.com/azure/api-management/return-response-policy",
)
_MODULE = "azure-native:apimanagement:"
_ANSWERS = frozenset({"return-response", "mock-response"})


def unanswered(recording: Recording, documents: Mapping[str, Document], file: str) -> Iterator[Finding]:
    """Operations of declared APIs that nothing answers.

    Args:
        recording: What the stack declares, of one gateway.
        documents: Policy documents by the URN of the resource that declares each.
        file: Path of the stack's file, for what has no document of its own.
    """
    by_name = {document.name: document for document in documents.values()}
    fragments = {document.fragment: document for document in documents.values() if document.fragment}
    whole = {one.name: _all_of(one, fragments) for one in by_name.values()}
    for api in recording.all(_MODULE + "Api"):
        if api.read or "serviceUrl" in api.unknowns or api.get("value"):
            continue
        id = api.get("apiId")
        outer = [by_name[name] for name in ("service.xml", f"apis/{id}/api.xml") if name in by_name]
        for operation in recording.all(_MODULE + "ApiOperation"):
            if operation.get("apiId") != id:
                continue
            own = by_name.get(f"apis/{id}/{operation.get('operationId')}.xml")
            chain = [*outer, own] if own is not None else outer
            names = set[str]().union(*(whole[one.name] for one in chain))
            where = f"{operation.name} ({operation.get('method')} {operation.get('urlTemplate')} of {api.name})"
            if _forwards(chain):
                # What answers before it forwards is not followed: a policy of its own that can answer is taken to do so.
                answers = _answers(chain, fragments)
                if not api.get("serviceUrl") and "set-backend-service" not in names and not answers:
                    yield Finding(
                        UNANSWERED, f"{where} forwards, and neither serviceUrl nor a policy says to where", file
                    )
            elif not _answers(chain, fragments):
                yield Finding(UNANSWERED, f"{where} has no policy that answers, and forwards nothing", file)


def _all_of(document: Document, fragments: Mapping[str, Document]) -> set[str]:
    """Names of all elements in a document and in the fragments that it includes."""
    names: set[str] = set()
    for placed in document.elements:
        names.add(placed.element.name)
        included = placed.element.attributes.get("fragment-id")
        if included is not None and included.text in fragments:
            names |= {one.element.name for one in fragments[included.text].elements}
    return names


def _forwards(chain: Sequence[Document]) -> bool:
    """Whether the innermost backend section, with what it inherits, has anything in it; without any, everything is forwarded."""
    for document in reversed(chain):
        backend = _section(document, "backend")
        if backend is None:
            continue
        names = {child.name for child in backend.children}
        if "base" not in names:
            return bool(names)
    return True


def _answers(chain: Sequence[Document], fragments: Mapping[str, Document]) -> bool:
    """Whether a policy of the chain answers: of the operation anywhere, of what is around it whatever the request is.

    An API's policy that answers some requests, such as those without a token, is no answer to the others.
    """
    if chain and chain[-1].scope == "operation" and _all_of(chain[-1], fragments) & _ANSWERS:
        return True
    for document in chain:
        for name in ("inbound", "outbound"):
            section = _section(document, name)
            for child in section.children if section is not None else ():
                if child.name in _ANSWERS:
                    return True
                included = (
                    fragments.get(child.attributes["fragment-id"].text) if "fragment-id" in child.attributes else None
                )
                if included is not None and any(one.name in _ANSWERS for one in _children(included)):
                    return True
    return False


def _section(document: Document, name: str) -> Element | None:
    return next((child for child in _children(document) if child.name == name), None)


def _children(document: Document) -> Sequence[Element]:
    return document.root.children if document.root is not None else ()
