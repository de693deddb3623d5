"""Checks of a stack, with all that it declares."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pulumi import RunError

from apim_policies.check import counters, inspection
from apim_policies.check.document import Document
from apim_policies.check.finding import Finding, Report, Rule
from apim_policies.check.inspection import examined, quoted, report
from apim_policies.check.inspection import shown as shown_path
from apim_policies.errors import DocumentError
from apim_policies.gateway.compilation import Compilation
from secure_mcp_local.azure.api_management import describe, known
from secure_mcp_local.check import code, plan
from secure_mcp_local.check.gateway import documents_of, gateways
from secure_mcp_local.check.templates import Templates
from secure_mcp_local.errors import ExplainedError, NotModelled
from secure_mcp_local.recording import Recording, models, record_together
from secure_mcp_local.recording.project import UnknownKey, load_project, name_of, needed, shared_out
from secure_mcp_local.recording.unmodelled import passed, passed_by, refused, unused

RULES: Mapping[str, Rule] = {**inspection.RULES, **{rule.name: rule for rule in (*plan.RULES, *code.RULES)}}
"""Every rule by its name."""


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
        LocalCloudError: there is no such project or stack, or a type is accepted that is not declared.
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
            return report([plan.failed(str(error), file, shown_path(file), configuration=True)], 0, ignore)
    file = roots[0] / f"Pulumi.{stack}.yaml"
    shown = shown_path(file)
    try:
        recordings = record_together(roots, stack, config, accept=None)
        recording = Recording.together(recordings)
    except NotModelled as error:
        return report([Finding(RULES["not-modelled"], str(error), shown)], 0, ignore)
    except ExplainedError as error:
        configuration = isinstance(error, UnknownKey) or isinstance(error.__cause__, RunError)
        return report([plan.failed(str(error), file, shown, configuration=configuration)], 0, ignore)
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
    shown = shown_path(root / f"Pulumi.{recording.stack}.yaml")
    findings = [Finding(plan.PASSED_BY, str(one), shown) for one in refused(recording, accept)]
    if recording.filled:
        findings.append(Finding(plan.CONFIGURATION, needed(recording.filled, recording.stack), shown))
    findings += plan.declared(recording, shown)
    findings += code.findings(recording, shown)
    count = 0
    templates = Templates(root / "policies")
    for gateway in gateways(recording):
        documents = documents_of(gateway)
        count += len(documents)
        by_name = {document.name: document for document in documents.values()}
        findings += [
            _traced(quoted(finding, by_name), by_name, templates) for finding in _of_gateway(gateway, documents, shown)
        ]
    by_us = passed(recording)
    others = sum(one.custom and not one.read and models.modelled(one.type) for one in recording) - count
    rest = [one for one in by_us if not one.reason or one.resource.type in accept]
    found = report(findings, count, ignore)
    return Report.of(found.findings, count, others, [*passed_by(rest), *plan.notes(recording)])


def _of_gateway(recording: Recording, documents: Mapping[str, Document], file: str) -> list[Finding]:
    """The findings about one gateway; what has no document of its own is in the stack's file."""
    named_values = {
        # Secrets have no place in what is printed, and what the program cannot know yet has no value.
        str(resource.get("displayName")): None if resource.get("secret") else resource.get("value")
        for resource in recording.all(plan.MODULE + "NamedValue")
    }
    fragments = {document.fragment: document.text for document in documents.values() if document.fragment}
    findings = [*examined(documents.values(), named_values, fragments, known().compile)]
    declared_here = len(recording.all(plan.MODULE + "ApiManagementService")) == 1
    if declared_here and not any(finding.rule.level == "error" for finding in findings):
        # The rest of what the gateway looks at when it starts.
        try:
            Compilation.of(describe(recording), known().compile)
        except DocumentError:
            pass
        except NotModelled as error:
            findings.append(Finding(RULES["not-modelled"], str(error), file))
        except ExplainedError as error:
            findings.append(Finding(plan.PLAN, str(error), file))
    known().keep()
    return [*findings, *counters.shared(documents.values()), *plan.findings(recording, documents, file)]


def _traced(finding: Finding, documents: Mapping[str, Document], templates: Templates) -> Finding:
    """The finding at the line of the template that its line was rendered from, if that is known."""
    document = documents.get(finding.file)
    if document is None:
        return finding
    origin = templates.origin(document.text, finding.line, finding.column)
    if origin is None:
        return replace(finding, rendered=True)
    return replace(
        finding, file=shown_path(origin.file), line=origin.line, column=origin.column, document=document.name
    )
