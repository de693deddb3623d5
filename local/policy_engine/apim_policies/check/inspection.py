"""Checks of policy files, and of documents wherever they come from."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from apim_policies.check import counters, structure
from apim_policies.check.document import Document, included_by
from apim_policies.check.document_check import check_document
from apim_policies.check.finding import Finding, Report, Rule
from apim_policies.check.lints import LINTS
from apim_policies.errors import ExplainedError
from apim_policies.expressions import compile_expression
from apim_policies.pipeline.values import Compile

UNKNOWN_RULE = Rule(
    "unknown-rule",
    "warning",
    "A comment allows a rule that does not exist: it allows nothing.",
    "Correct the name.",
)
RULES: Mapping[str, Rule] = {
    rule.name: rule for rule in (*structure.RULES, *(lint.rule for lint in LINTS), counters.SHARED, UNKNOWN_RULE)
}
"""Every rule about policies by its name."""

_ALLOWED = re.compile(r"<!--\s*policy:\s*allow\s+([\w-]+(?:\s*,\s*[\w-]+)*)\s*(?::.*?)?-->", re.DOTALL)
_LINT_RULES = frozenset(lint.rule.name for lint in LINTS)


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
        quoted(replace(finding, file=files.get(finding.file, finding.file)), by_name)
        for finding in (*examined(documents, known, texts), *counters.shared(documents))
    ]
    return report(findings, len(documents), ignore)


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
    document = Document(shown(path), text, secrets=secrets)
    if document.root is not None and document.root.name == "fragment":
        document.fragment = path.stem
    return document


def shown(path: Path) -> str:
    """The path as someone in this folder would write it."""
    full, here = path.resolve(), Path.cwd()
    return full.relative_to(here).as_posix() if full.is_relative_to(here) else os.fspath(path)


def examined(
    documents: Iterable[Document],
    named_values: Mapping[str, str | None] | None,
    fragments: Mapping[str, str] | None,
    compile: Compile = compile_expression,
) -> Iterator[Finding]:
    """All findings about some documents; arguments as those of `check_document`."""
    for document in documents:
        yield from examine(document, named_values, fragments, compile)


def examine(
    document: Document,
    named_values: Mapping[str, str | None] | None = None,
    fragments: Mapping[str, str] | None = None,
    compile: Compile = compile_expression,
) -> Iterator[Finding]:
    """All findings about one document; arguments as those of `check_document`."""
    try:
        yield from _examine(document, named_values, fragments, compile)
    except RecursionError:
        rule = RULES["well-formed"]
        yield Finding(rule, "elements or brackets are nested too deeply to be read", document.name, 1, 1)


def _examine(
    document: Document,
    named_values: Mapping[str, str | None] | None,
    fragments: Mapping[str, str] | None,
    compile: Compile,
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
    for problem in check_document(
        document.text, document.name, named_values=named_values, fragments=fragments, compile=compile
    ):
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


def quoted(finding: Finding, documents: Mapping[str, Document]) -> Finding:
    """The finding with the line that it is about."""
    document = documents.get(finding.file)
    lines = document.text.split("\n") if document is not None else []
    if not 1 <= finding.line <= len(lines):
        return finding
    return replace(finding, excerpt=lines[finding.line - 1].rstrip("\r"), column_of_excerpt=finding.column)


def report(findings: Iterable[Finding], documents: int, ignore: Collection[str]) -> Report:
    """The report, without the rules that are left out."""
    return Report.of((finding for finding in findings if finding.rule.name not in ignore), documents)
