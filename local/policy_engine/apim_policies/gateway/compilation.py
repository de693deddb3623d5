"""From a declared gateway to one whose policies can run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import urlsplit

from apim_policies.documents.document import Element, parse, substitute
from apim_policies.elements.builder import Builder
from apim_policies.elements.cors import Cors
from apim_policies.elements.flow import Fragment
from apim_policies.elements.schema import check_fragment, check_policies
from apim_policies.errors import DocumentError, ExplainedError
from apim_policies.expressions.context import Api, Operation
from apim_policies.gateway.declaration import (
    SERVICE,
    ApiDeclaration,
    Declaration,
    api_document,
    fragment_document,
    product_document,
)
from apim_policies.gateway.routing import DeclaredApi, DeclaredOperation
from apim_policies.pipeline.disclosure import Disclosure
from apim_policies.pipeline.sections import Base, Placed, Policy, Scope
from apim_policies.pipeline.values import Compile, Source

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


_EMPTY = "<policies><inbound><base /></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"


@dataclass(frozen=True)
class Compilation:
    """A declared gateway whose documents are parsed, checked and compiled."""

    id: str
    name: str
    url: str
    hosts: frozenset[tuple[str, int]]
    """Host names and ports that it answers for."""
    apis: Sequence[DeclaredApi]
    """Those with the longest paths first."""
    secrets: Sequence[str]
    disclosure: Disclosure
    """What traces may show."""

    @classmethod
    def of(cls, declaration: Declaration, compile: Compile) -> "Compilation":
        """Parses, checks and compiles everything.

        Raises:
            DocumentError, ExplainedError: what Azure would refuse, or what is not modelled.
        """
        named_values = {name: declared.value for name, declared in declaration.named_values.items()}
        for name, value in named_values.items():
            if not value or len(value) > _LONGEST_NAMED_VALUE:
                raise ExplainedError(
                    f"named value {name} has {len(value)} characters; 1 to {_LONGEST_NAMED_VALUE} are allowed"
                )
        hidden = {declared.value: name for name, declared in declaration.named_values.items() if declared.secret}
        disclosure = Disclosure(hidden, [declaration.url, *named_values.values()], declaration.vocabulary)
        documents = _Documents(declaration.fragments, named_values, compile, disclosure)
        outermost = Scope("global", documents.sections(declaration.policy or _GLOBAL, SERVICE, ()))
        products = [
            (one, Scope("product", documents.sections(one.policy or _EMPTY, product_document(one.id), [outermost])))
            for one in declaration.products
        ]
        apis: list[DeclaredApi] = []
        for one in declaration.apis:
            of_product = {
                product.id: _api(documents, one, [outermost, scope])
                for product, scope in products
                if one.id in product.apis
            }
            apis.append(replace(_api(documents, one, [outermost]), of_product=of_product))
        paths = [declared.api.path.lower() for declared in apis]
        if len(set(paths)) != len(paths):
            raise ExplainedError(f"two APIs have the same path; the paths are {', '.join(repr(p) for p in paths)}")
        parts = urlsplit(declaration.url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        hosts = {(str(parts.hostname), port), *((host.lower(), 443) for host in declaration.hosts)}
        for host, number in hosts:
            disclosure.learn(f"{host}:{number}")
        apis.sort(key=lambda declared: -len(declared.api.path))
        return cls(declaration.id, declaration.name, declaration.url, frozenset(hosts), apis, list(hidden), disclosure)


# Who edits a policy changes one document of fifty; the others are read no second time. Nothing changes an element.
_parsed = lru_cache(maxsize=256)(parse)


class _Documents:
    """Policy documents, with what they refer to."""

    def __init__(
        self, fragments: Mapping[str, str], named_values: Mapping[str, str], compile: Compile, disclosure: Disclosure
    ) -> None:
        self._named_values, self._compile = named_values, compile
        self.disclosure = disclosure
        self._fragments: dict[str, tuple[Element, Source]] = {}
        for id, text in fragments.items():
            document = fragment_document(id)
            root = self._root(text, document)
            check_fragment(root, document)
            self._fragments[id] = (root, Source(document, compile, disclosure))
        self._built: set[tuple[str, str]] = set()
        self.reads: set[str] = set()

    def sections(self, text: str, document: str, outer: Sequence[Scope]) -> dict[str, list[Placed]]:
        """The policies of a document, and in `reads` which bodies its expressions read."""
        root = self._root(text, document)
        check_policies(root, document)
        builder = Builder(Source(document, self._compile, self.disclosure), self._fragments, outer, self._built)
        sections = builder.sections(root)
        self.reads = builder.reads
        return sections

    def _root(self, text: str, document: str) -> Element:
        if len(text.encode()) > _LARGEST:
            raise DocumentError(f"the document is larger than {_LARGEST} bytes", document=document)
        return _parsed(substitute(text, self._named_values, document), document)


def _api(documents: _Documents, declared: ApiDeclaration, outer: Sequence[Scope]) -> DeclaredApi:
    api = Api(
        declared.id,
        declared.name,
        declared.path,
        declared.revision,
        declared.version,
        subscription_key_header=declared.key_header,
        subscription_key_query=declared.key_query,
    )
    scopes = list(outer)
    reads: set[str] = set()
    if declared.policy is not None:
        scopes.append(Scope("api", documents.sections(declared.policy, api_document(api.id), scopes[:])))
        reads |= documents.reads
    operations: list[DeclaredOperation] = []
    for one in declared.operations:
        innermost, used = scopes[:], set(reads)
        if one.policy is not None:
            sections = documents.sections(one.policy, api_document(api.id, one.id), scopes[:])
            innermost.append(Scope("operation", sections))
            used |= documents.reads
        operation = Operation(one.id, one.name, one.method, one.url_template)
        operations.append(
            DeclaredOperation(operation, innermost, "request" in used, "response" in used, _cors(innermost))
        )
    for text in (api.id, api.path, declared.service_url, *(one.url_template for one in declared.operations)):
        documents.disclosure.learn(text or "")
    return DeclaredApi(api, declared.service_url, operations, declared.subscription_required)


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
