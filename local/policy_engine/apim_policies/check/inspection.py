"""Checks: of a stack with all that it declares, and of policy files of any project."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pulumi import RunError

from apim_policies.check import counters, structure
from apim_policies.check.document import Document
from apim_policies.check.document_check import check_document
from apim_policies.check.finding import Finding, Report, Rule
from apim_policies.check.lints import LINTS
from apim_policies.errors import DocumentError, ExplainedError, NotModelled
from apim_policies.expressions import compile_expression
from apim_policies.gateway.compilation import Compilation
from secure_mcp_local.azure.api_management import describe
from secure_mcp_local.check import plan
from secure_mcp_local.check.gateway import documents_of, gateways, included_by
from secure_mcp_local.check.templates import Templates
from secure_mcp_local.recording import Recording, models, record_together
from secure_mcp_local.recording.project import load_project, name_of, shared_out
from secure_mcp_local.recording.unmodelled import passed, passed_by, refused, unused

UNKNOWN_RULE = Rule(
    "unknown-rule",
    "warning",
    "A comment allows a rule that does not exist: it allows nothing.",
    "Correct the name.",
)
RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (*structure.RULES, *(lint.rule for lint in LINTS), counters.SHARED, *plan.RULES, UNKNOWN_RULE)
}
"""Every rule by its name."""

_ALLOWED = re.compile(r"<!--\s*secure-mcp:\s*allow\s+([\w-]+(?:\s*,\s*[\w-]+)*)\s*(?::.*?)?-->", re.DOTALL)
_LINT_RULES = frozenset(lint.rule.name for lint in LINTS)


def check_stack(
    roots: Path | Sequence[Path],
    stack: str,
    config: Mapping[str, str],
    ignore: Collection[str] = (),
    accept: Collection[str] = (),
) -> Report:
    """Everything that can be known about a stack before `pulumi up`.

    Args:
        roots: Folder of the Pulumi project, or folders of several whose stacks refer to each other.
        stack: Name of the stack.
        config: Configuration that wins over the stack's.
        ignore: Names of rules that are left out.
        accept: Types that are passed by although they are not modelled and may decide who gets in.

    Raises:
        ExplainedError: there is no such project or stack, or a type is accepted that is not declared.
    """
    roots = [roots] if isinstance(roots, Path) else list(roots)
    given = {name_of(root): config for root in roots} if len(roots) == 1 else shared_out(config, roots)
    for root in roots:
        file = root / f"Pulumi.{stack}.yaml"
        try:
            load_project(root, stack, given[name_of(root)])
        except ExplainedError as error:
            if not file.is_file():
                raise
            return _report([plan.failed(str(error), file, _shown(file), configuration=True)], 0, ignore)
    file = roots[0] / f"Pulumi.{stack}.yaml"
    shown = _shown(file)
    try:
        recordings = record_together(roots, stack, config, accept=None)
        recording = Recording.together(recordings)
    except NotModelled as error:
        return _report([Finding(RULES["not-modelled"], str(error), shown)], 0, ignore)
    except ExplainedError as error:
        configuration = isinstance(error.__cause__, RunError)
        return _report([plan.failed(str(error), file, shown, configuration=configuration)], 0, ignore)
    unused(recording, accept)
    return check_recording(recording, roots[0], ignore, accept)


def check_recording(
    recording: Recording, root: Path, ignore: Collection[str] = (), accept: Collection[str] = ()
) -> Report:
    """Everything that can be known about what a stack declares.

    Args:
        recording: What it declares.
        root: Folder of the Pulumi project, whose `policies` may hold the templates of its documents.
        ignore: Names of rules that are left out.
        accept: Types that are passed by although they are not modelled and may decide who gets in.
    """
    shown = _shown(root / f"Pulumi.{recording.stack}.yaml")
    findings = [Finding(plan.PASSED_BY, str(one), shown) for one in refused(recording, accept)]
    count = 0
    templates = Templates(root / "policies")
    for gateway in gateways(recording):
        documents = documents_of(gateway)
        count += len(documents)
        by_name = {document.name: document for document in documents.values()}
        findings += [
            _traced(_quoted(finding, by_name), by_name, templates) for finding in _of_gateway(gateway, documents, shown)
        ]
    by_us = passed(recording)
    others = sum(one.custom and not one.read and models.modelled(one.type) for one in recording) - count
    rest = [one for one in by_us if not one.reason or one.resource.type in accept]
    report = _report(findings, count, ignore)
    return Report.of(report.findings, count, others, passed_by(rest))


def _of_gateway(recording: Recording, documents: Mapping[str, Document], file: str) -> list[Finding]:
    """The findings about one gateway; what has no document of its own is in the stack's file."""
    named_values = {
        # Secrets have no place in what is printed, and what the program cannot know yet has no value.
        str(resource.get("displayName")): None if resource.get("secret") else resource.get("value")
        for resource in recording.all(plan.MODULE + "NamedValue")
    }
    fragments = {document.fragment: document.text for document in documents.values() if document.fragment}
    findings = [*_examined(documents.values(), named_values, fragments)]
    declared_here = len(recording.all(plan.MODULE + "ApiManagementService")) == 1
    if declared_here and not any(finding.rule.level == "error" for finding in findings):
        # The rest of what the gateway looks at when it starts.
        try:
            Compilation.of(describe(recording), compile_expression)
        except DocumentError:
            pass
        except NotModelled as error:
            findings.append(Finding(RULES["not-modelled"], str(error), file))
        except ExplainedError as error:
            findings.append(Finding(plan.PLAN, str(error), file))
    return [*findings, *counters.shared(documents.values()), *plan.findings(recording, documents, file)]


def check_files(
    paths: Sequence[Path],
    named_values: Collection[str] = (),
    ignore: Collection[str] = (),
    secrets: Collection[str] = (),
) -> Report:
    """Everything that can be known about policy files in the `rawxml` format.

    Fragments are known if there are any among the files, each by the name of its file; named values if any are given.

    Args:
        paths: Files, and folders whose `*.xml` are taken.
        named_values: Names of the declared named values; none: every name is taken for one.
        ignore: Names of rules that are left out.
        secrets: Names of the declared named values that are secret.

    Raises:
        ExplainedError: a file cannot be read.
    """
    documents = [_read(path, frozenset(secrets)) for path in _files(paths)]
    fragments = {document.fragment: document for document in documents if document.fragment}
    for document in documents:
        together = [fragments[id] for id in sorted(included_by([document])) if id in fragments]
        for one in (document, *together):
            one.company += [other for other in (document, *together) if other not in one.company]
    known = {name: None for name in (*named_values, *secrets)} or None
    texts = {id: document.text for id, document in fragments.items()} or None
    by_name = {document.name: document for document in documents}
    files = {f"fragments/{id}.xml": document.name for id, document in fragments.items()}
    findings = [
        _quoted(replace(finding, file=files.get(finding.file, finding.file)), by_name)
        for finding in (*_examined(documents, known, texts), *counters.shared(documents))
    ]
    return _report(findings, len(documents), ignore)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for path in paths:
        inside = sorted(path.rglob("*.xml")) if path.is_dir() else [path]
        if not inside:
            raise ExplainedError(f"{path} has no *.xml in it")
        for file in inside:
            if file not in seen:
                seen.add(file)
                yield file


def _read(path: Path, secrets: frozenset[str]) -> Document:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ExplainedError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ExplainedError(f"{path} is not UTF-8 text") from None
    document = Document(_shown(path), text, secrets=secrets)
    if document.root is not None and document.root.name == "fragment":
        document.fragment = path.stem
    return document


def _shown(path: Path) -> str:
    """The path as someone in this folder would write it."""
    full, here = path.resolve(), Path.cwd()
    return full.relative_to(here).as_posix() if full.is_relative_to(here) else os.fspath(path)


def _examined(
    documents: Iterable[Document], named_values: Mapping[str, str | None] | None, fragments: Mapping[str, str] | None
) -> Iterator[Finding]:
    for document in documents:
        yield from examine(document, named_values, fragments)


def examine(
    document: Document,
    named_values: Mapping[str, str | None] | None = None,
    fragments: Mapping[str, str] | None = None,
) -> Iterator[Finding]:
    """All findings about one document; arguments as those of `check_document`."""
    try:
        yield from _examine(document, named_values, fragments)
    except RecursionError:
        rule = RULES["well-formed"]
        yield Finding(rule, "elements or brackets are nested too deeply to be read", document.name, 1, 1)


def _examine(
    document: Document, named_values: Mapping[str, str | None] | None, fragments: Mapping[str, str] | None
) -> Iterator[Finding]:
    explained: set[tuple[int, int]] = set()
    found: list[Finding] = []
    for lint in LINTS:
        for one in lint.look(document):
            found.append(Finding(lint.rule, one.message, document.name, one.line, one.column))
            explained |= one.explains
    allowed = list(_allowances(document))
    for start, end, names in allowed:
        found += [
            Finding(UNKNOWN_RULE, f"{name} is no rule that can be allowed", document.name, *start)
            for name in names
            if name not in _LINT_RULES
        ]
        found = [one for one in found if one.rule.name not in names or not start <= (one.line, one.column) < end]
    yield from found
    for problem in check_document(document.text, document.name, named_values=named_values, fragments=fragments):
        place = (problem.line, problem.column)
        if problem.document != document.name or place not in explained or problem.rule not in _EXPLAINABLE:
            yield Finding(RULES[problem.rule], problem.message, problem.document, *place)


_EXPLAINABLE = frozenset({"not-modelled", "expression-type"})


def _allowances(document: Document) -> Iterator[tuple[tuple[int, int], tuple[int, int], list[str]]]:
    """From where to where which rules are allowed: from the comment to the end of the element behind it."""
    for match in _ALLOWED.finditer(document.text):
        line = document.text.count("\n", 0, match.start()) + 1
        start = (line, match.start() - document.text.rfind("\n", 0, match.start()))
        behind = [one for one in document.elements if (one.element.line, one.element.column) > start]
        end = (1 << 60, 0)
        for one in behind[1:]:
            if behind[0].element not in one.parents:
                end = (one.element.line, one.element.column)
                break
        yield start, end, [name.strip() for name in match[1].split(",")]


def _quoted(finding: Finding, documents: Mapping[str, Document]) -> Finding:
    """The finding with the line that it is about."""
    document = documents.get(finding.file)
    lines = document.text.split("\n") if document is not None else []
    if not 1 <= finding.line <= len(lines):
        return finding
    return replace(finding, excerpt=lines[finding.line - 1].rstrip("\r"), column_of_excerpt=finding.column)


def _traced(finding: Finding, documents: Mapping[str, Document], templates: Templates) -> Finding:
    """The finding at the line of the template that its line was rendered from, if that is known."""
    document = documents.get(finding.file)
    if document is None:
        return finding
    origin = templates.origin(document.text, finding.line, finding.column)
    if origin is None:
        return replace(finding, rendered=True)
    return replace(finding, file=_shown(origin.file), line=origin.line, column=origin.column, document=document.name)


def _report(findings: Iterable[Finding], documents: int, ignore: Collection[str]) -> Report:
    return Report.of((finding for finding in findings if finding.rule.name not in ignore), documents)
