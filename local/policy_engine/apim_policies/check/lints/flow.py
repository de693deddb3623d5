"""What runs, what does not, and numbers that Azure does not take."""

from collections.abc import Iterator

from apim_policies.check.document import Document
from apim_policies.check.finding import Rule
from apim_policies.check.lint import Found, Lint, at
from apim_policies.documents.document import Element
from apim_policies.elements.model import SECTIONS

MISSING_BASE = Rule(
    "missing-base",
    "warning",
    "Without <base /> the policies of the API, the product and the whole service do not run in this section: their checks, "
    "limits and error handling are gone, silently.",
    "Add <base /> as the first policy of the section, or say why not in a comment: "
    "<!-- policy: allow missing-base: the reason -->.",
)
UNREACHABLE = Rule(
    "unreachable",
    "warning",
    "<return-response> and <mock-response> end the pipeline: what stands behind them never runs.",
    "Remove it, or put it in front.",
)
LIQUID = Rule(
    "liquid-in-return-response",
    "warning",
    "The documentation of set-body says that Liquid templates do not work in <return-response>. Many policies in use have "
    "them there: what Azure does is not known for sure, and here they are rendered.",
    "Build the body in an expression, or try the policy in Azure.",
)
RANGE = Rule(
    "value-range",
    "error",
    "Azure refuses to save the policy, or fails when it runs.",
    "Use a value in the range.",
    source="the page of each policy",
)

_RANGES = {
    ("rate-limit", "renewal-period"): (1, 300),
    ("rate-limit-by-key", "renewal-period"): (1, 300),
    ("retry", "count"): (1, 50),
    ("set-status", "code"): (100, 999),
    ("mock-response", "status-code"): (100, 999),
    ("cache-store-value", "duration"): (1, 2_147_483_647),
    ("validate-jwt", "failed-validation-httpcode"): (100, 999),
    ("validate-azure-ad-token", "failed-validation-httpcode"): (100, 999),
    ("check-header", "failed-check-httpcode"): (100, 999),
    ("limit-concurrency", "max-count"): (1, 2_147_483_647),
}
_ENDS = frozenset({"return-response", "mock-response"})


def forwarding(element: Element) -> bool:
    """Whether a policy forwards the request, or one in it does."""
    return element.name == "forward-request" or any(forwarding(child) for child in element.children)


def _missing_base(document: Document) -> Iterator[Found]:
    if document.fragment or document.scope == "service" or document.root is None or document.root.name != "policies":
        return
    sections = document.root.children
    inherits = {section.name: any(child.name == "base" for child in section.children) for section in sections}
    if not document.scope and not any(inherits.values()):
        # The policy of a whole service: it has nothing around it, and forwards by itself.
        backend = next((section for section in sections if section.name == "backend"), None)
        if backend is not None and any(forwarding(child) for child in backend.children):
            return
    for section in sections:
        forwards = section.name == "backend" and (
            not section.children
            or any(forwarding(child) or child.name == "include-fragment" for child in section.children)
        )
        # An empty backend says that nothing is called, and one that forwards replaces the forwarding around it.
        if not inherits[section.name] and not forwards:
            yield at(section, f"<{section.name}> has no <base />")
    for name in SECTIONS:
        if name not in inherits:
            yield at(document.root, f"there is no <{name}>, so no <base /> in it")


def _unreachable(document: Document) -> Iterator[Found]:
    for placed in document.elements:
        names = [child.name for child in placed.element.children]
        end = next((index for index, name in enumerate(names) if name in _ENDS), len(names))
        if placed.element.name in {"choose", "wait"} or end + 1 >= len(names):
            continue
        behind = placed.element.children[end + 1]
        yield at(behind, f"<{behind.name}> stands behind <{names[end]}>")


def _liquid(document: Document) -> Iterator[Found]:
    for placed in document.named("set-body"):
        template = placed.element.attributes.get("template")
        if template is not None and template.text == "liquid" and placed.inside("return-response"):
            yield at(template, "a liquid template in <return-response>")


def _ranges(document: Document) -> Iterator[Found]:
    for placed in document.elements:
        for name, value in placed.element.attributes.items():
            if value.expression or not value.text.strip().isdecimal() or document.named_values(value):
                continue
            given = int(value.text)
            least, most = _RANGES.get((placed.element.name, name), (given, given))
            if not least <= given <= most:
                yield at(value, f"{name}={value.text!r} of <{placed.element.name}>: use {least} to {most}")
            elif (placed.element.name, name) == ("quota-by-key", "renewal-period") and 0 < given < 300:
                yield at(value, f"{name}={value.text!r} of <quota-by-key>: use 300 or more, or 0 for ever")


LINTS = (
    Lint(MISSING_BASE, _missing_base),
    Lint(UNREACHABLE, _unreachable),
    Lint(LIQUID, _liquid),
    Lint(RANGE, _ranges),
)
