"""What Azure would refuse, or what the local cloud cannot run, in one policy document: all of it, without running anything."""

from collections.abc import Callable, Iterator, Mapping

from secure_mcp_local.apim.builder import Builder
from secure_mcp_local.apim.document import Element, parse, substitute, undeclared
from secure_mcp_local.apim.schema import problems_of_fragment, problems_of_policies
from secure_mcp_local.apim.values import Compile, Source
from secure_mcp_local.errors import DocumentError
from secure_mcp_local.expressions import compile_expression

LARGEST = 512 * 1024
"""Bytes of a policy document or fragment on the classic and v2 tiers."""


def check_document(
    text: str,
    document: str,
    *,
    named_values: Mapping[str, str] | None = None,
    fragments: Mapping[str, str] | None = None,
    compile: Compile = compile_expression,
) -> list[DocumentError]:
    """Everything that is wrong with a `<policies>` or `<fragment>` document in the `rawxml` format, in order.

    Errors that are `DocumentNotModelled`, or `ExpressionError` of the kind "not modelled", are none in Azure.

    Args:
        text: The document.
        document: Its name in what is found.
        named_values: Declared named values. None: not known here, so every name is one.
        fragments: Texts of the declared fragments by id. None: not known here, so every id is one.
        compile: Compiles expressions.
    """
    problems: list[DocumentError] = []
    if (size := len(text.encode())) > LARGEST:
        problems.append(DocumentError(f"the document has {size} bytes; {LARGEST} are allowed", document=document))
    problems += undeclared(text, named_values, document)
    if undeclared(text, None, document):
        # What is no name at all cannot be replaced.
        return problems
    try:
        root = parse(substitute(text, _Values(named_values), document), document)
    except DocumentError as error:
        return [*problems, error]
    if root.name == "fragment":
        problems += problems_of_fragment(root, document)
    else:
        problems += problems_of_policies(root, document)
    problems += _problems_of_expressions(root, document, compile)
    if not problems:
        problems += _problems_of_policies(root, document, fragments, named_values, compile)
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


class _Values(dict[str, str]):
    """The declared values; for a name that is not declared, zeros, which are a number, and a text between quotes."""

    def __init__(self, declared: Mapping[str, str] | None) -> None:
        super().__init__(declared or {})

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        # As long as {{name}}, so that places stay right.
        return "0" * (len(name) + 4)


def _problems_of_expressions(root: Element, document: str, compile: Compile) -> Iterator[DocumentError]:
    for element in _elements(root):
        for value in [*element.attributes.values(), *([element.text] if element.text else [])]:
            if value.expression:
                try:
                    compile(value.text, document=document, line=value.line, column=value.column)
                except DocumentError as error:
                    yield error


def _problems_of_policies(
    root: Element,
    document: str,
    fragments: Mapping[str, str] | None,
    named_values: Mapping[str, str] | None,
    compile: Compile,
) -> Iterator[DocumentError]:
    """What only shows when the policies are built: fragments in the wrong section, values that do not fit together."""
    known: dict[str, tuple[Element, Source]] = {}
    includes = [element for element in _elements(root) if element.name == "include-fragment"]
    for id in {element.attributes["fragment-id"].text for element in includes}:
        if fragments is None:
            known[id] = Element("fragment", 1, 1), Source(id, compile)
        elif id in fragments:
            name = f"fragments/{id}.xml"
            try:
                known[id] = parse(substitute(fragments[id], _Values(named_values), name), name), Source(name, compile)
                continue
            except DocumentError:
                # A finding of that document, not of this one.
                known[id] = Element("fragment", 1, 1), Source(name, compile)
    builder = Builder(Source(document, compile), known)
    build: Callable[[], object] = (
        (lambda: builder.policies(root.children)) if root.name == "fragment" else (lambda: builder.sections(root))
    )
    try:
        build()
    except DocumentError as error:
        yield error


def _elements(root: Element) -> Iterator[Element]:
    yield root
    for child in root.children:
        yield from _elements(child)
