"""From checked elements to policies that run."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from apim_policies.documents.document import Element
from apim_policies.elements import flow, guards, leaves
from apim_policies.elements.schema import check_section
from apim_policies.pipeline.sections import Base, Placed, Policy, Scope
from apim_policies.pipeline.trace import Place
from apim_policies.pipeline.values import Compiled, Source


class Builder:
    """Builds the policies of one document.

    Args:
        source: Compiles its values.
        fragments: Checked fragments by id, each with the source that compiles its values.
        outer: The scopes around the document's, outermost first.
    """

    def __init__(
        self, source: Source, fragments: Mapping[str, tuple[Element, Source]], outer: Sequence[Scope] = ()
    ) -> None:
        self._source, self._fragments, self._outer = source, fragments, outer
        self._section = ""
        self._path: tuple[str, ...] = ()
        self.reads: set[str] = set()

    def sections(self, root: Element) -> dict[str, list[Placed]]:
        """The policies of a `<policies>` document by section."""
        built: dict[str, list[Placed]] = {}
        for section in root.children:
            self._section = section.name
            built[section.name] = self.policies(section.children)
        self.reads |= self._source.reads
        return built

    def policies(self, elements: Sequence[Element]) -> list[Placed]:
        """The policies of a list of elements, such as those of a fragment."""
        return [self._placed(element, elements) for element in elements]

    def _placed(self, element: Element, siblings: Sequence[Element]) -> Placed:
        path = self._path
        own = self._builders.get(element.name)
        with self._inside(element, siblings):
            policy = own(self, element) if own else _LEAVES[element.name](self._source, element)
        id = self._source.literal(element, "id")
        return Placed(policy, Place(element.name, self._source.document, element.line, path, self._label(element)), id)

    def _label(self, element: Element) -> str:
        """What tells a policy from others of its kind: the first of its attributes that can."""
        for name in _TELLING:
            value = element.attributes.get(name)
            if value is not None and not value.expression:
                return self._source.disclosure.source(value.text)
        return ""

    @contextmanager
    def _inside(self, element: Element, siblings: Sequence[Element]) -> Generator[None]:
        """While the policies in an element are built: several of a name are numbered from 1."""
        same = [sibling for sibling in siblings if sibling.name == element.name]
        number = next(index for index, sibling in enumerate(same, 1) if sibling is element)
        before, self._path = self._path, (*self._path, f"{element.name}[{number}]" if len(same) > 1 else element.name)
        try:
            yield
        finally:
            self._path = before

    def _base(self, element: Element) -> Policy:
        del element
        return Base(self._section, self._outer)

    def _fragment(self, element: Element) -> Policy:
        id = element.attributes["fragment-id"].text
        if id not in self._fragments:
            raise self._source.error(
                element, f"the policy fragment {id!r} is not declared; declare a PolicyFragment with this id"
            )
        fragment, source = self._fragments[id]
        check_section(fragment, self._section, source.document)
        inner = Builder(source, {}, ())
        inner._section, inner._path = self._section, self._path
        policies = inner.policies(fragment.children)
        self.reads |= source.reads
        return flow.Fragment(policies)

    def _choose(self, element: Element) -> Policy:
        branches: list[tuple[Compiled, list[Placed]]] = []
        otherwise: list[Placed] = []
        for branch in element.children:
            with self._inside(branch, element.children):
                policies = self.policies(branch.children)
            if branch.name == "when":
                branches.append((self._source.attribute(branch, "condition"), policies))
            else:
                otherwise = policies
        return flow.Choose(branches, otherwise)

    def _retry(self, element: Element) -> Policy:
        if "max-interval" in element.attributes and "delta" not in element.attributes:
            # The documentation says what all three, or interval with or without delta, mean.
            raise self._source.not_modelled(element, "max-interval but no delta")
        return flow.Retry(
            self._source.attribute(element, "condition"),
            self._source.attribute(element, "count"),
            flow.Intervals(
                self._source.attribute(element, "interval"),
                self._source.optional(element, "delta"),
                self._source.optional(element, "max-interval"),
                self._source.attribute(element, "first-fast-retry", "false"),
            ),
            self.policies(element.children),
        )

    def _wait(self, element: Element) -> Policy:
        return flow.Wait(self.policies(element.children), all=self._source.literal(element, "for") == "all")

    def _limit_concurrency(self, element: Element) -> Policy:
        most = int(self._source.literal(element, "max-count") or "")
        return flow.LimitConcurrency(self._source.attribute(element, "key"), most, self.policies(element.children))

    def _return_response(self, element: Element) -> Policy:
        return flow.ReturnResponse(
            self._source.literal(element, "response-variable-name"),
            [placed.policy for placed in self.policies(element.children)],
        )

    _builders: ClassVar[Mapping[str, Callable[[Any, Element], Policy]]] = {
        "base": _base,
        "include-fragment": _fragment,
        "choose": _choose,
        "retry": _retry,
        "return-response": _return_response,
        "wait": _wait,
        "limit-concurrency": _limit_concurrency,
    }


_TELLING = (
    "fragment-id", "name", "response-variable-name", "variable-name", "output-token-variable-name", "source", "id",
)  # fmt: skip
"""Attributes that tell policies of one kind apart, first those that do so best."""

_LEAVES: Mapping[str, Callable[[Source, Element], Policy]] = {
    "set-status": leaves.set_status,
    "set-variable": leaves.set_variable,
    "set-header": leaves.set_header,
    "set-query-parameter": leaves.set_query_parameter,
    "set-body": leaves.set_body,
    "set-method": leaves.set_method,
    "rewrite-uri": leaves.rewrite_uri,
    "set-backend-service": leaves.set_backend_service,
    "mock-response": leaves.mock_response,
    "send-request": leaves.send_request,
    "forward-request": leaves.forward_request,
    "cache-lookup-value": leaves.cache_lookup,
    "cache-store-value": leaves.cache_store,
    "cache-remove-value": leaves.cache_remove,
    "trace": leaves.trace,
    "emit-metric": leaves.emit_metric,
    "rate-limit-by-key": guards.rate_limit,
    "quota-by-key": guards.quota,
    "check-header": guards.check_header,
    "ip-filter": guards.ip_filter,
    "cors": guards.cors_policy,
    "authentication-managed-identity": guards.managed_identity,
    "validate-jwt": guards.validate_jwt,
    "validate-azure-ad-token": guards.validate_azure_ad_token,
}
"""How the policies that hold no others are built."""
