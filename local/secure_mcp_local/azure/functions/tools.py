"""MCP tool triggers: what tools/list shows of them, and what a call hands to the function.

Source: Azure/azure-functions-mcp-extension 1.6, McpToolTriggerBinding, McpToolExtensions, ToolReturnValueBinder.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from secure_mcp_local.azure.functions import blobs
from secure_mcp_local.azure.functions.blobs import BlobBinding
from secure_mcp_local.azure.functions.site import mapping
from secure_mcp_local.errors import LocalCloudError, NotModelled


@dataclass(frozen=True)
class Tool:
    """One tool of the server."""

    name: str
    description: str
    input_schema: Mapping[str, Any]
    function: str
    """Name of the function."""
    parameter: str
    """Name of the function's parameter for the trigger."""
    result_schema: bool
    """Whether the function returns an object that describes content, instead of text."""
    blobs: tuple[BlobBinding, ...] = ()
    """Its other parameters."""

    def listed(self) -> dict[str, Any]:
        """The tool as tools/list shows it."""
        return {"name": self.name, "description": self.description, "inputSchema": dict(self.input_schema)}

    def missing(self, arguments: Mapping[str, Any]) -> list[str]:
        """Names of required arguments that are absent or null. Nothing else is checked before the function runs."""
        return [name for name in self.input_schema["required"] if arguments.get(name) is None]

    def result(self, returned: str) -> dict[str, Any]:
        """The result of a call, from what the function returned.

        Raises:
            ValueError: not what was announced.
        """
        if not self.result_schema:
            return {"content": [{"type": "text", "text": returned}]}
        answer = mapping(json.loads(returned))
        content: Any = json.loads(answer["content"])
        if answer["type"] == "call_tool_result":
            return dict(mapping(content))
        result: dict[str, Any] = {"content": content if answer["type"] == "multi_content_result" else [content]}
        if answer.get("structuredContent") is not None:
            result["structuredContent"] = json.loads(answer["structuredContent"])
        return result


def tools_of(functions: Iterable[Mapping[str, Any]], settings: Mapping[str, str]) -> dict[str, Tool]:
    """The tools of an app by name in lower case, from its indexed functions and its settings.

    Raises:
        LocalCloudError: a tool's name is taken, or a binding is one that the host refuses.
        NotModelled: a trigger or binding of another kind.
    """
    tools: dict[str, Tool] = {}
    for function in functions:
        triggers: list[Mapping[str, Any]] = []
        parameters: list[BlobBinding] = []
        for binding in map(mapping, function["bindings"]):
            match binding.get("type"):
                case "mcpToolTrigger":
                    triggers.append(binding)
                case blobs.TYPE:
                    parameters.append(BlobBinding.of(function["name"], binding, settings))
                case other:
                    raise NotModelled(
                        f"function {function['name']}: the local cloud models MCP tool triggers and blob bindings, "
                        f"not the binding type {other!r}"
                    )
        if len(triggers) != 1:
            raise LocalCloudError(f"function {function['name']} has {len(triggers)} triggers; it must have one")
        [trigger] = triggers
        tool = Tool(
            name=trigger["toolName"],
            description=trigger.get("description") or "",
            input_schema=_schema(json.loads(trigger.get("toolProperties") or "[]")),
            function=function["name"],
            parameter=trigger["name"],
            result_schema=trigger.get("useResultSchema") is True,
            blobs=tuple(parameters),
        )
        if (other := tools.get(tool.name.lower())) is not None:
            raise LocalCloudError(
                f"function {tool.function}: there is a tool named {other.name!r} already, of the function {other.function}; "
                "case makes no difference"
            )
        tools[tool.name.lower()] = tool
    return tools


def _schema(properties: list[Mapping[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any] = {}
    for declared in properties:
        kind = {"type": declared["propertyType"]}
        if declared.get("enumValues"):
            kind["enum"] = declared["enumValues"]
        shape = {"type": "array", "items": kind} if declared.get("isArray") else kind
        described[declared["propertyName"]] = {**shape, "description": declared.get("description") or ""}
    required = [declared["propertyName"] for declared in properties if declared.get("isRequired")]
    return {"type": "object", "properties": described, "required": required}
