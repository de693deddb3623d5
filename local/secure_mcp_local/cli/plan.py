"""What a stack declares, as a tree for people and as JSON for scripts."""

import json
import re
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.tree import Tree

from secure_mcp_local.recording import Recording, Resource

SECRET = "[secret]"  # noqa: S105

# What tells resources of a kind apart, in the order in which it is looked for.
_KEY_INPUTS = (
    "urlTemplate",
    "method",
    "path",
    "serviceUrl",
    "displayName",
    "scope",
    "subject",
    "sku",
    "kind",
    "fragmentId",
)
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
                }
                for resource in recording
            ],
            "outputs": masked(recording.outputs, recording.output_secrets),
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


def print_tree(recording: Recording) -> None:
    """The plan as a tree of components and what is in them."""
    console = Console()
    tree = Tree(f"{recording.project} [bold]{recording.stack}[/bold]")
    branches: dict[str, Tree] = {}
    children: dict[str, list[Resource]] = {}
    for resource in recording:
        children.setdefault(resource.parent, []).append(resource)

    def grow(parent: str, branch: Tree) -> None:
        for resource in sorted(children.get(parent, []), key=lambda r: (r.custom, r.type, r.name)):
            branches[resource.urn] = branch.add(_line(resource))
            grow(resource.urn, branches[resource.urn])

    grow("", tree)
    console.print(tree)
    count = sum(resource.custom for resource in recording)
    console.print(f"\n{count} resources in {len(recording.resources) - count} components")
    for name, value in sorted(masked(recording.outputs, recording.output_secrets).items()):
        console.print(f"  {name}: ", end="", highlight=False)
        console.print(str(value).split("\n")[0], markup=False, highlight=False, soft_wrap=True)


def _line(resource: Resource) -> str:
    inputs = masked(resource.inputs, resource.secrets)
    shown = [f"{key}={_short(inputs[key])}" for key in _KEY_INPUTS if inputs.get(key)][:3]
    short_type = resource.type.replace("azure-native:", "").replace(":index:", ":")
    short_type = re.sub(r":index/\w+:", ":", short_type)
    style = "bold" if not resource.custom else ""
    name = f"[{style}]{resource.name}[/{style}]" if style else resource.name
    return f"{name} [dim]{short_type}[/dim] {' '.join(shown)}".replace("[secret]", "\\[secret]")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    text = text.replace("[", "\\[")
    return text if len(text) <= 60 else "..." + text[-57:]


def policy_documents(recording: Recording) -> dict[str, str]:
    """Relative paths and texts of all policy documents: `apis/<api>/<operation>.xml`, `fragments/<id>.xml`."""
    documents: dict[str, str] = {}
    for type in _DOCUMENTS:
        for resource in recording.all(type):
            api, operation = resource.get("apiId"), resource.get("operationId")
            if type.endswith("PolicyFragment"):
                path = f"fragments/{resource.get('id')}.xml"
            elif api is None:
                path = "service.xml"
            else:
                path = f"apis/{api}/{operation}.xml" if operation else f"apis/{api}/api.xml"
            documents[path] = resource.get("value")
    return dict(sorted(documents.items()))
