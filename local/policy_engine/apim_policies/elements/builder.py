"""From checked elements to policies that run."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

from apim_policies.documents.document import Element
from apim_policies.elements.model import HoldingElement
from apim_policies.elements.schema import check_section
from apim_policies.elements.table import STANDALONE
from apim_policies.pipeline.sections import Placed, Scope
from apim_policies.pipeline.trace import Place
from apim_policies.pipeline.values import Source


class Builder:
    """Builds the policies of one document.

    Args:
        source: Compiles its values.
        fragments: Checked fragments by id, each with the source that compiles its values.
        outer: The scopes around the document's, outermost first.
        built: Fragments that have been built once, by id and section, in this document or in others with the same fragments: nothing is
            wrong with them, so that where they are included again they are built when a request comes there.
    """

    def __init__(
        self,
        source: Source,
        fragments: Mapping[str, tuple[Element, Source]],
        outer: Sequence[Scope] = (),
        built: set[tuple[str, str]] | None = None,
    ) -> None:
        self.source, self._fragments, self.outer = source, fragments, outer
        self._built = set[tuple[str, str]]() if built is None else built
        self.section = ""
        self._path: tuple[str, ...] = ()
        self.reads: set[str] = set()

    def sections(self, root: Element) -> dict[str, list[Placed]]:
        """The policies of a `<policies>` document by section."""
        built: dict[str, list[Placed]] = {}
        for section in root.children:
            self.section = section.name
            built[section.name] = self.policies(section.children)
        self.reads |= self.source.reads
        return built

    def policies(self, elements: Sequence[Element]) -> list[Placed]:
        """The policies of a list of elements, such as those of a fragment."""
        return [self._placed(element, elements) for element in elements]

    def _placed(self, element: Element, siblings: Sequence[Element]) -> Placed:
        path = self._path
        declared = STANDALONE[element.name]
        with self._inside(element, siblings):
            policy = (
                declared.build(self, element)
                if isinstance(declared, HoldingElement)
                else declared.build(self.source, element)
            )
        id = self.source.literal(element, "id")
        return Placed(policy, Place(element.name, self.source.document, element.line, path, self._label(element)), id)

    def _label(self, element: Element) -> str:
        """What tells a policy from others of its kind: the first of its attributes that can."""
        for name in _TELLING:
            value = element.attributes.get(name)
            if value is not None and not value.expression:
                return self.source.disclosure.source(value.text)
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

    def branch(self, branch: Element, parent: Element) -> list[Placed]:
        """The policies of one of the parts of an element, such as a `when`."""
        with self._inside(branch, parent.children):
            return self.policies(branch.children)

    def fragment(self, element: Element) -> Callable[[], list[Placed]]:
        """Builds the policies of the fragment that an element includes.

        Raises:
            DocumentError: it is not declared, or may not stand here.
        """
        id = element.attributes["fragment-id"].text
        if id not in self._fragments:
            raise self.source.error(
                element, f"the policy fragment {id!r} is not declared; declare a PolicyFragment with this id"
            )
        fragment, source = self._fragments[id]
        inner = Builder(source, {}, ())
        inner.section, inner._path = self.section, self._path
        if (id, self.section) in self._built:
            self.reads |= source.reads
            return lambda: inner.policies(fragment.children)
        check_section(fragment, self.section, source.document)
        policies = inner.policies(fragment.children)
        self._built.add((id, self.section))
        self.reads |= source.reads
        return lambda: policies


_TELLING = (
    "fragment-id", "name", "response-variable-name", "variable-name", "output-token-variable-name", "source", "id",
)  # fmt: skip
"""Attributes that tell policies of one kind apart, first those that do so best."""
