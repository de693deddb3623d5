"""Versions of Azure's interfaces that end, or that are not there."""

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import NATIVE, ON_SAVE, Rule, Stack, lists

_NOTICE = timedelta(days=60)
"""How long before its end a version is more than a note."""


@dataclass(frozen=True)
class End:
    before: str
    """Versions before this one end."""
    on: date
    source: str


ENDS: Mapping[str, End] = {
    "microsoft.keyvault": End(
        "2026-02-01", date(2027, 2, 27), "https://learn.microsoft.com/azure/key-vault/general/migrate-api-version"
    ),
    "microsoft.apimanagement": End(
        "2021-08-01", date(2024, 6, 1), "https://learn.microsoft.com/azure/api-management/breaking-changes/api-version-retirement-sep-2023"
    ),
}  # fmt: skip
"""By namespace. Versions of other namespaces have no end that was published."""


def today() -> date:
    return datetime.now(UTC).date()


@cache
def version_of(type: str) -> str:
    """The API version that azure-native uses for a resource type; empty where it does not say."""
    package, _, rest = type.partition(":")
    module, _, name = rest.partition(":")
    if package != "azure-native":
        return ""
    if (match := re.search(r"/v(\d{4})(\d{2})(\d{2})(preview)?$", module)) is not None:
        return "-".join(match.groups()[:3]) + ("-preview" if match[4] else "")
    try:
        declared = getattr(importlib.import_module(f"pulumi_azure_native.{module.split('/')[0]}"), name)
        # The whole file, in which there is nothing else: to find the class in it takes the time of reading it as Python.
        documented = Path(inspect.getfile(declared)).read_text(encoding="utf-8")
    except (ImportError, AttributeError, OSError, TypeError):
        return ""
    found = re.search(r"Uses Azure REST API version (\d{4}-\d{2}-\d{2}(?:-preview)?)", documented)
    return found[1] if found else ""


def _namespace(resource: Resource) -> str:
    return resource.id.rpartition("/providers/")[2].partition("/")[0].lower()


def _used(resource: Resource) -> Iterator[tuple[str, str, str]]:
    """Namespace, version and what uses it."""
    if _namespace(resource) in ENDS and (version := version_of(resource.type)):
        yield _namespace(resource), version, resource.type.removeprefix(NATIVE)
    for one in lists(resource, "properties.template.resources"):
        yield str(one.get("type")).partition("/")[0].lower(), str(one.get("apiVersion") or ""), str(one.get("type"))


def _ends(resource: Resource, *, soon: bool) -> Iterator[str]:
    for namespace, version, what in _used(resource):
        end = ENDS.get(namespace)
        if end is not None and version and version < end.before and (today() >= end.on - _NOTICE) == soon:
            yield f"{what} is deployed with API version {version}, which ends on {end.on.isoformat()}"


def _retired(resource: Resource, stack: Stack) -> Iterator[str]:
    del stack
    yield from _ends(resource, soon=True)


def _retiring(resource: Resource, stack: Stack) -> Iterator[str]:
    del stack
    yield from _ends(resource, soon=False)


_VERSION = re.compile(r"20\d\d-[01]\d-[0-3]\d(?:-preview|-alpha|-beta)?")


def _template(deployment: Resource, stack: Stack) -> Iterator[str]:
    del stack
    template = (deployment.inputs.get("properties") or {}).get("template")
    linked = (deployment.inputs.get("properties") or {}).get("templateLink")
    if not template and not linked:
        yield "properties has neither template nor templateLink"
        return
    if (deployment.inputs.get("properties") or {}).get("mode") != "Incremental":
        yield f"properties.mode is {(deployment.inputs.get('properties') or {}).get('mode')!r}: whatever else is in the group would be deleted"
    if template:
        if not str(template.get("$schema", "")).startswith("https://schema.management.azure.com/schemas/"):
            yield f"properties.template.$schema is {template.get('$schema')!r}"
        if not template.get("contentVersion"):
            yield "properties.template.contentVersion is not given"
        if not template.get("resources"):
            yield "properties.template.resources is empty: nothing is deployed"
    names = {
        (str(one.get("type")).lower(), str(one.get("name")).lower())
        for one in lists(deployment, "properties.template.resources")
    }
    for one in lists(deployment, "properties.template.resources"):
        for key in ("type", "name", "apiVersion"):
            if not one.get(key):
                yield f"properties.template.resources has one without {key}"
        if one.get("apiVersion") and not _VERSION.fullmatch(str(one["apiVersion"])):
            yield f"properties.template.resources: apiVersion {one['apiVersion']!r} is none"
        # A child whose parent is in the same template waits for it only where it says so.
        for path, value in (("loggerId", str((one.get("properties") or {}).get("loggerId") or "")),):
            if "resourceId(" in value and value not in [str(dependency) for dependency in one.get("dependsOn") or ()]:
                yield f"properties.template.resources: {one.get('name')} names another one as {path} and does not depend on it"
        if str(one.get("type")).lower() == "microsoft.apimanagement/service/loggers" and not (
            one.get("properties") or {}
        ).get("loggerType"):
            yield f"properties.template.resources: {one.get('name')} has no loggerType"
        if str(one.get("type")).lower() == "microsoft.apimanagement/service/diagnostics" and not (
            one.get("properties") or {}
        ).get("loggerId"):
            yield f"properties.template.resources: {one.get('name')} has no loggerId"
    del names


RULES = (
    Rule(
        "retired-version",
        "warning",
        "Azure takes this version of its interface no longer, or soon no longer: the next deployment fails.",
        "Use a newer provider, or generate the module with: pulumi package add azure-native MODULE VERSION.",
        " ".join(end.source for end in ENDS.values()),
        frozenset(),
        _retired,
    ),
    Rule(
        "retiring-version",
        "note",
        "Azure will not take this version of its interface for ever.",
        "Use a newer provider before that day.",
        " ".join(end.source for end in ENDS.values()),
        frozenset(),
        _retiring,
    ),
    Rule(
        "template",
        "error",
        "Azure refuses the template, or it deploys nothing, or deletes what it does not name.",
        "Correct what is named.",
        "https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax",
        frozenset({"resources:Deployment"}),
        _template,
        ON_SAVE,
    ),
)
