"""Policy documents: their form, where they stand, and what they name. What their elements and expressions say is `apim_policies.check`'s."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.gateway import service_of
from secure_mcp_local.rules.rule import ON_SAVE, Rule, Stack, text

_DOCUMENTS = frozenset(
    f"apimanagement:{kind}" for kind in ("Policy", "ApiPolicy", "ApiOperationPolicy", "ProductPolicy", "PolicyFragment")
)
_COMMENT = re.compile(r"\A\s*<!--\s*(?P<method>GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (?P<path>/[^\s:?]*)[\s:?]")


def _copied(fragment: Resource, stack: Stack) -> Iterator[str]:
    value = text(fragment, "value").strip()
    for other in stack.all("apimanagement:PolicyFragment"):
        if other is fragment or not value:
            break
        same = other.id.lower().rpartition("/")[0] == fragment.id.lower().rpartition("/")[0]
        if same and text(other, "value").strip() == value:
            yield f"it is the same as {other.name}, word for word"


def _misplaced(policy: Resource, stack: Stack) -> Iterator[str]:
    """A document that says at its beginning which request it answers stands at that operation."""
    said = _COMMENT.match(str(policy.inputs.get("value") or ""))
    operation = stack.at(re.sub(r"/policies/[^/]+$", "", policy.id))
    if said is None or operation is None:
        return
    method, template = text(operation, "method"), text(operation, "urlTemplate")
    path = said["path"]
    fits = template.startswith(path[:-3]) if path.endswith("...") else template.rstrip("/") == path.rstrip("/")
    if method.upper() != said["method"] or not fits:
        yield f"the document is that of {said['method']} {path}, and the operation is {method} {template}"


def _policy(policy: Resource, stack: Stack) -> Iterator[str]:
    del stack
    value = str(policy.inputs.get("value") or "")
    if not value.strip() and "value" not in policy.unknowns:
        yield "value is empty: there is no policy"
    form = policy.inputs.get("format")
    if form in {None, "", "xml"} and value and not _well_formed(value):
        yield f"format is {form or 'not given'!r}, and the document is not escaped as XML: it must be 'rawxml'"
    if form in {"xml-link", "rawxml-link"} and not value.startswith("https://"):
        yield f"format is {form!r}, and value is no address"


_NAMED = re.compile(r"\{\{([\w.-]+)\}\}")
_INCLUDED = re.compile(r'<include-fragment\s+fragment-id="([^"]+)"')
REFERENCES = "policy-reference"


def _references(policy: Resource, stack: Stack) -> Iterator[str]:
    service = service_of(policy, stack)
    if service is None or service.read or "value" in policy.unknowns:
        return
    value, prefix = str(policy.inputs.get("value") or ""), f"{service.id.lower()}/"
    for kind, names, key in (
        ("NamedValue", _NAMED.findall(value), "displayName"),
        ("PolicyFragment", _INCLUDED.findall(value), "id"),
    ):
        # Named values are found without case: Microsoft's own sample writes one in another case than it declares it.
        alike = str.lower if kind == "NamedValue" else str
        there = {
            alike(str(one.inputs.get(key)))
            for one in stack.all(f"apimanagement:{kind}")
            if one.id.lower().startswith(prefix)
        }
        for name in dict.fromkeys(names):
            if alike(name) not in there:
                yield f"the policy uses the {kind} {name!r}, which does not exist yet: let it depend on it"


def _well_formed(text: str) -> bool:
    try:
        ElementTree.fromstring(text)  # noqa: S314  (the program's own text)
    except ElementTree.ParseError:
        return False
    return True


RULES = (
    Rule(
        "copied-fragment",
        "warning",
        "Two fragments of a gateway are the same: one has the text of the other by mistake, or is not needed.",
        "Give it its own text, or include the other one.",
        "https://learn.microsoft.com/azure/api-management/policy-fragments",
        frozenset({"apimanagement:PolicyFragment"}),
        _copied,
    ),
    Rule(
        "policy-place",
        "warning",
        "A policy document says which request it answers, and stands at another operation: what that one should refuse may pass.",
        "Give each operation its own document; where the comment is wrong, correct it.",
        "https://learn.microsoft.com/azure/api-management/set-edit-policies#operation-scope",
        frozenset({"apimanagement:ApiOperationPolicy"}),
        _misplaced,
    ),
    Rule(
        "policy-format",
        "error",
        "Azure refuses a policy that is empty, or that is not in the form that it says.",
        "Give the document; rawxml is as it stands, xml is escaped.",
        "https://learn.microsoft.com/azure/api-management/set-edit-policies",
        _DOCUMENTS,
        _policy,
        ON_SAVE,
    ),
    Rule(
        REFERENCES,
        "error",
        "Azure refuses a policy whose named values and fragments are not there.",
        "Declare what is named, and let the policy depend on it.",
        "https://learn.microsoft.com/azure/api-management/policy-fragments",
        _DOCUMENTS,
        _references,
        ON_SAVE,
    ),
)
