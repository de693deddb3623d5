"""What can be known about a stack's declared resources before any of them exists."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from apim_policies.check.document import Document
from apim_policies.check.finding import Finding, Rule
from apim_policies.documents.document import NAMED_VALUE
from secure_mcp_local.check import order
from secure_mcp_local.check.operations import UNANSWERED, unanswered
from secure_mcp_local.recording import Recording
from secure_mcp_local.rules import table
from secure_mcp_local.rules.documents import REFERENCES
from secure_mcp_local.rules.rule import Stack

CONFIGURATION = Rule(
    "configuration",
    "error",
    "The program refuses to run with this configuration, in pulumi up as here.",
    "Correct the value in the stack's file, or with pulumi config set.",
)
PLAN = Rule(
    "plan",
    "error",
    "The program declares something that Azure refuses, or it does not end.",
    "Correct the program where the message says.",
)
NAMED_VALUE_LIMITS = Rule(
    "named-value-limits",
    "error",
    "A named value has 1 to 4096 characters, and a name of its own of letters, digits, '.', '_' and '-'.",
    "Shorten it, split it in several, or correct the name.",
)
PLAIN_SECRET = Rule(
    "plain-secret",
    "error",
    "The program knows that the value is secret, and Azure shows it to everybody who can read the service.",
    "Declare the named value with secret=True.",
)
DEPENDENCY = Rule(
    "missing-dependency",
    "error",
    "Azure refuses a policy whose named values and fragments are not there yet: the deployment fails, or works only when "
    "run twice.",
    "Add the resource to depends_on of the policy.",
)
BODY_LOGGING = Rule(
    "body-logging",
    "error",
    "A diagnostic that logs bytes of a body holds the body back: streams stall, and tokens and messages end in the log.",
    "Set body.bytes to 0 for requests and responses, frontend and backend.",
)
TIER = Rule(
    "tier",
    "error",
    "The tier of API Management that the stack declares does not have this.",
    "Choose another sku, or another way.",
)
METRICS = Rule(
    "metrics-off",
    "warning",
    "<emit-metric> sends nothing unless a diagnostic of Application Insights has metrics on.",
    "Set metrics=True in the diagnostic.",
)
UNUSED = Rule(
    "unused-declaration",
    "warning",
    "Nothing uses this named value or fragment: it may be the rest of something, or a name with a mistake in it.",
    "Remove it, or use it.",
)
PASSED_BY = Rule(
    "passed-by",
    "error",
    "The local cloud does not model this, and it may decide who gets in: nothing that is said here about the stack is certain.",
    "See what it does, and accept its type by name: --accept TYPE.",
)
DECLARED = {
    rule.name: Rule(rule.name, rule.level, rule.why, rule.fix, rule.source)
    for rule in table.RULES
    if rule.level != "note"
}
"""The table's rules, as those of a check. What only people can know is a note of the report."""
RULES = (
    *DECLARED.values(),
    *order.RULES,
    CONFIGURATION,
    PLAN,
    PASSED_BY,
    NAMED_VALUE_LIMITS,
    PLAIN_SECRET,
    DEPENDENCY,
    BODY_LOGGING,
    TIER,
    METRICS,
    UNANSWERED,
    UNUSED,
)

MODULE = "azure-native:apimanagement:"
_LONGEST_VALUE, _LONGEST_NAME = 4096, 256
_LARGEST_IN_CONSUMPTION = 16 * 1024
_NOT_IN_CONSUMPTION = frozenset({"rate-limit-by-key", "quota-by-key", "proxy"})
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_INCLUDED = re.compile(r"""<include-fragment\s[^>]*?fragment-id\s*=\s*["']([^"']*)["']""")
_KEY = re.compile(r"configuration (\S+) = ")


def findings(recording: Recording, documents: Mapping[str, Document], file: str) -> Iterator[Finding]:
    """All findings about the plan of one gateway.

    Args:
        recording: What the stack declares.
        documents: Policy documents by the URN of the resource that declares each.
        file: Path of the stack's file, for what has no document of its own.
    """
    yield from without_documents(recording, documents, file)
    yield from _body_logging(recording, documents, file)
    yield from _tier(recording, documents)


def without_documents(recording: Recording, documents: Mapping[str, Document], file: str) -> Iterator[Finding]:
    """Those that need only the text of the documents, so that they are quick; arguments are those of `findings`."""
    yield from _named_values(recording, file)
    yield from _dependencies(recording, documents)
    yield from _unused(recording, documents, file)
    yield from _metrics(recording, documents)
    yield from unanswered(recording, documents, file)


def declared(recording: Recording, file: str, *, documents: bool = True) -> Iterator[Finding]:
    """What the table's rules say against everything that a stack declares.

    Args:
        recording: What the stack declares.
        file: Path of the stack's file.
        documents: Whether the policy documents are looked at besides: that says what they name, with the line.
    """
    for one in table.broken(Stack(recording, recording.outputs), "error", "warning"):
        if documents and one.rule.name == REFERENCES:
            continue
        yield Finding(DECLARED[one.rule.name], str(one), file)
    yield from order.findings(recording, file)


def notes(recording: Recording) -> list[str]:
    """What people have to do or to be allowed, which no check can know."""
    stack = Stack(recording, recording.outputs)
    return [str(one) for one in table.broken(stack, "note")]


def failed(message: str, file: Path, shown: str, *, configuration: bool) -> Finding:
    """The program did not run: a finding at the key in the stack's file, if it names one that is there."""
    rule = CONFIGURATION if configuration else PLAN
    key = _KEY.search(message)
    if key is not None and file.is_file():
        lines = file.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            match = re.match(rf"\s*(?:[\w-]+:)?({re.escape(key[1])})\s*:", line)
            if match is not None:
                return Finding(rule, message, shown, number, match.start(1) + 1)
    return Finding(rule, message, shown)


def _named_values(recording: Recording, file: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for resource in recording.all(MODULE + "NamedValue"):
        name, value = str(resource.get("displayName")), resource.get("value")
        if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
            yield Finding(NAMED_VALUE_LIMITS, f"{name!r} cannot be the name of a named value", file)
        if name.lower() in seen:
            yield Finding(NAMED_VALUE_LIMITS, f"two named values have the name {name}", file)
        seen.add(name.lower())
        if isinstance(value, str) and not 1 <= len(value) <= _LONGEST_VALUE:
            yield Finding(NAMED_VALUE_LIMITS, f"the named value {name} has {len(value)} characters", file)
        if "value" in resource.secrets and not resource.get("secret"):
            yield Finding(PLAIN_SECRET, f"the named value {name} holds a secret, and is not declared as one", file)


def _dependencies(recording: Recording, documents: Mapping[str, Document]) -> Iterator[Finding]:
    by_urn = {resource.urn: resource for resource in recording}
    named_values = {
        str(resource.get("displayName")).lower(): resource for resource in recording.all(MODULE + "NamedValue")
    }
    fragments = {str(resource.get("id")): resource for resource in recording.all(MODULE + "PolicyFragment")}
    for urn, document in documents.items():
        before, earlier = order.before(by_urn, urn), _earlier(recording, urn)
        used = {
            f"named value {match[1]}": named_values.get(match[1].lower())
            for match in NAMED_VALUE.finditer(document.text)
        }
        used |= {f"fragment {id}": fragments.get(id) for id in _INCLUDED.findall(document.text)}
        for what, resource in used.items():
            if resource is not None and resource.urn not in before and _project(resource.urn) not in earlier:
                message = f"the policy does not depend on the {what}, which it uses"
                yield Finding(DEPENDENCY, message, document.name)


def _project(urn: str) -> str:
    return urn.split("::")[1]


def _earlier(recording: Recording, urn: str) -> set[str]:
    """Projects whose stacks are deployed before that of a resource: its own refers to them, or one that it refers to does."""
    found: set[str] = set()
    waiting = [_project(urn)]
    while waiting:
        new = recording.refers.get(waiting.pop(), frozenset()) - found
        found |= new
        waiting += new
    return found


def _body_logging(recording: Recording, documents: Mapping[str, Document], file: str) -> Iterator[Finding]:
    streaming = {document.api for document in documents.values() if document.streams and document.api}
    for kind in ("Diagnostic", "ApiDiagnostic"):
        for resource in recording.all(MODULE + kind):
            if not streaming or (kind == "ApiDiagnostic" and resource.get("apiId") not in streaming):
                continue
            for side in ("frontend", "backend"):
                for message in ("request", "response"):
                    bytes = (((resource.get(side) or {}).get(message) or {}).get("body") or {}).get("bytes") or 0
                    if bytes:
                        text = f"the diagnostic {resource.name} logs {bytes} bytes of each {message} ({side})"
                        yield Finding(BODY_LOGGING, text, file)


def _tier(recording: Recording, documents: Mapping[str, Document]) -> Iterator[Finding]:
    tiers = {str((one.get("sku") or {}).get("name")) for one in recording.all(MODULE + "ApiManagementService")}
    if tiers != {"Consumption"}:
        return
    for document in documents.values():
        if (size := len(document.text.encode("utf-8", "surrogatepass"))) > _LARGEST_IN_CONSUMPTION:
            message = f"the document has {size} bytes; in the Consumption tier {_LARGEST_IN_CONSUMPTION} are allowed"
            yield Finding(TIER, message, document.name, 1, 1)
        for placed in document.elements:
            caching = placed.element.attributes.get("caching-type")
            if placed.element.name in _NOT_IN_CONSUMPTION:
                message = f"<{placed.element.name}> is not in the Consumption tier"
                yield Finding(TIER, message, document.name, placed.element.line, placed.element.column)
            elif caching is not None and caching.text == "internal":
                message = "the Consumption tier has no cache of its own"
                yield Finding(TIER, message, document.name, caching.line, caching.column)


def _metrics(recording: Recording, documents: Mapping[str, Document]) -> Iterator[Finding]:
    diagnostics = [one for kind in ("Diagnostic", "ApiDiagnostic") for one in recording.all(MODULE + kind)]
    if any(one.get("metrics") for one in diagnostics):
        return
    for document in documents.values():
        for placed in document.named("emit-metric"):
            element = placed.element
            off = ", ".join(f"metrics of {one.name} is {one.get('metrics')!r}" for one in diagnostics)
            message = f"no diagnostic has metrics on{': ' if off else ''}{off}"
            yield Finding(METRICS, message, document.name, element.line, element.column)


def _unused(recording: Recording, documents: Mapping[str, Document], file: str) -> Iterator[Finding]:
    # Named values are found without case.
    names = {match[1].lower() for document in documents.values() for match in NAMED_VALUE.finditer(document.text)}
    for resource in recording.all(MODULE + "NamedValue"):
        if (name := str(resource.get("displayName"))).lower() not in names:
            yield Finding(UNUSED, f"no policy uses the named value {name}", file)
    ids = {id for document in documents.values() for id in _INCLUDED.findall(document.text)}
    for resource in recording.all(MODULE + "PolicyFragment"):
        if (id := str(resource.get("id"))) not in ids:
            yield Finding(UNUSED, f"no policy includes the fragment {id}", file)
