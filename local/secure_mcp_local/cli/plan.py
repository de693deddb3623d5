"""What a stack declares, as JSON for scripts, and its policy documents."""

import json
from collections.abc import Mapping
from typing import Any

from secure_mcp_local.recording import Recording, Resource, models
from secure_mcp_local.rules.directory import rights
from secure_mcp_local.rules.rule import Stack
from secure_mcp_local.rules.table import broken

SECRET = "[secret]"  # noqa: S105

_DOCUMENTS = (
    "azure-native:apimanagement:Policy",
    "azure-native:apimanagement:ApiPolicy",
    "azure-native:apimanagement:ApiOperationPolicy",
    "azure-native:apimanagement:PolicyFragment",
)


def as_json(recording: Recording) -> str:
    """The plan as one JSON value."""
    return json.dumps(
        {
            "project": recording.project,
            "stack": recording.stack,
            "resources": [
                {
                    "urn": resource.urn,
                    "type": resource.type,
                    "name": resource.name,
                    "parent": resource.parent,
                    "inputs": masked(resource.inputs, resource.secrets),
                    "secrets": sorted(resource.secrets),
                    "unknowns": sorted(resource.unknowns),
                    "dependencies": sorted(resource.dependencies),
                    "modelled": not resource.custom or models.known(resource.type),
                }
                for resource in recording
            ],
            "outputs": masked(recording.outputs, recording.output_secrets),
            "unknownOutputs": sorted(recording.output_unknowns),
            "findings": [
                {"rule": one.rule.name, "level": one.rule.level, "urn": one.resource.urn, "message": one.said}
                for one in broken(Stack(recording, recording.outputs))
            ],
            "rights": rights(Stack(recording)),
        }
    )


def masked(value: Any, secrets: frozenset[str], path: str = "") -> Any:
    """A value with `[secret]` in the place of each secret in it."""
    if path and path in secrets:
        return SECRET
    if isinstance(value, Mapping):
        return {k: masked(v, secrets, f"{path}.{k}" if path else k) for k, v in value.items()}
    if isinstance(value, list):
        return [masked(v, secrets, f"{path}[{i}]") for i, v in enumerate(value)]
    return value


def policy_documents(recording: Recording) -> dict[str, str]:
    """Relative paths and texts of all policy documents: `apis/<api>/<operation>.xml`, `fragments/<id>.xml`."""
    return {_path(resource): resource.get("value") for resource in _documents(recording)}


def policy_files(recording: Recording) -> dict[str, str]:
    """The same for a folder that holds them all: with several gateways, each has a folder of its name."""
    found = _documents(recording)
    services = {_service(resource) for resource in found}
    return {
        f"{_service(resource)}/{_path(resource)}" if len(services) > 1 else _path(resource): resource.get("value")
        for resource in found
    }


def _documents(recording: Recording) -> list[Resource]:
    return sorted((one for type in _DOCUMENTS for one in recording.all(type)), key=_path)


def _path(resource: Resource) -> str:
    api, operation = resource.get("apiId"), resource.get("operationId")
    if resource.type.endswith("PolicyFragment"):
        return f"fragments/{resource.get('id')}.xml"
    if api is None:
        return "service.xml"
    return f"apis/{api}/{operation}.xml" if operation else f"apis/{api}/api.xml"


def _service(resource: Resource) -> str:
    """Name of the API Management that it is in."""
    return resource.id.partition("/service/")[2].partition("/")[0]
