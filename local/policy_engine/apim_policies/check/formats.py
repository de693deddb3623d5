"""Reports for machines."""

import json

from apim_policies.check.finding import Finding, Report

# https://docs.github.com/actions/reference/workflow-commands: what would end a message or a property.
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def as_json(report: Report, *, strict: bool) -> str:
    """The report as one JSON value."""
    return json.dumps(
        {
            "ok": not report.failed(strict=strict),
            "documents": report.documents,
            "errors": report.count("error"),
            "warnings": report.count("warning"),
            "notes": list(report.notes),
            "findings": [
                {
                    "file": one.file,
                    "line": one.line,
                    "column": one.column,
                    "rendered": one.rendered,
                    "document": one.document,
                    "level": one.rule.level,
                    "rule": one.rule.name,
                    "message": one.message,
                    "why": one.rule.why,
                    "source": one.rule.source,
                    "fix": one.rule.fix,
                    "excerpt": one.excerpt,
                }
                for one in report.findings
            ],
        }
    )


def as_github(report: Report) -> str:
    """Annotations of GitHub Actions: one line for each finding."""
    return "\n".join(_annotation(one) for one in report.findings)


def _annotation(finding: Finding) -> str:
    properties = {"title": finding.rule.name}
    message = f"{finding.message}\n{finding.rule.why}\n{finding.rule.fix}"
    if finding.rendered:
        # There is no such file to annotate.
        message = f"{finding.place}: {message}"
    else:
        properties = {"file": finding.file, **properties}
        if finding.line:
            properties |= {"line": str(finding.line), "col": str(finding.column)}
    shown = ",".join(f"{name}={value.translate(_PROPERTY)}" for name, value in properties.items())
    return f"::{finding.rule.level} {shown}::{message.translate(_DATA)}"
