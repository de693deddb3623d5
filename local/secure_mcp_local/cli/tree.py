"""What a stack declares, as a tree for people."""

import json
import re
from typing import Any

from rich.console import Console
from rich.tree import Tree

from secure_mcp_local.cli.plan import masked
from secure_mcp_local.recording import Recording, Resource
from secure_mcp_local.recording.project import stood_in
from secure_mcp_local.recording.unmodelled import passed, passed_by
from secure_mcp_local.rules.directory import rights
from secure_mcp_local.rules.rule import Stack
from secure_mcp_local.rules.table import broken

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
    for line in passed_by(passed(recording)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if recording.filled:
        console.print(stood_in(recording.filled), markup=False, highlight=False, soft_wrap=True)
    count = sum(resource.custom for resource in recording)
    console.print(f"\n{count} resources in {len(recording.resources) - count} components")
    for name, value in sorted(masked(recording.outputs, recording.output_secrets).items()):
        console.print(f"  {name}: ", end="", highlight=False)
        text = "(not known before it runs in Azure)" if name in recording.output_unknowns else str(value).split("\n")[0]
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    stack = Stack(recording, recording.outputs)
    for sentence in rights(stack):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    for one in broken(stack):
        style = {"error": "red", "warning": "yellow", "note": ""}[one.rule.level]
        console.print(
            f"{one.rule.level}: {one} [{one.rule.name}]", style=style, markup=False, highlight=False, soft_wrap=True
        )


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
