"""Whether the tools that a server's policy guards are those that its code has. The code is read, not run."""

import ast
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from apim_policies.check.finding import Rule
from secure_mcp_local.recording import Recording, Resource

UNKNOWN_TOOL = Rule(
    "unknown-tool",
    "warning",
    "A tool that the configuration names and the code does not have guards nothing: the one that was meant is open to everybody who may "
    "use the server, or gets no token of its user.",
    "Name it as the code does: the name of the function for mcp_tool, tool_name or toolName for the triggers.",
    "https://learn.microsoft.com/azure/azure-functions/functions-bindings-mcp-trigger",
)
_OPTIONS = {
    "toolScope": "toolScopes",
    "toolRole": "toolRoles",
    "toolCaller": "toolCallers",
    "tokenApi": "userTokenScopes",
}
"""Variables of the policy, and the options whose tools each is about."""
_GUARD = re.compile(rf'<set-variable name="({"|".join(_OPTIONS)})" value="@{{\s*switch\b(.*?)\bdefault:', re.DOTALL)
_CASE = re.compile(r'\bcase "([^"\\]*)":')
_TRIGGERS = {"mcp_tool": "", "mcp_tool_trigger": "tool_name", "generic_trigger": "toolName"}
"""Decorators that make a tool, and the argument that names it; "": the function's name is the tool's."""


def unknown(recording: Recording, site: Resource, folder: Path) -> Iterator[str]:
    """Tools that policies in front of a function app guard and its code does not have, as sentences.

    Args:
        recording: What the stack declares.
        site: The function app.
        folder: Its code, in Python.
    """
    guarded = _guarded(recording, site)
    tools = _tools(folder) if guarded else None
    if not tools:
        return
    by_name = {tool.lower(): tool for tool in tools}
    for name, options in guarded.items():
        if name not in by_name:
            close = get_close_matches(name, by_name, n=1)
            meant = f"; the nearest is {by_name[close[0]]}" if close else f"; it has {', '.join(sorted(tools))}"
            yield f"{' and '.join(options)} name the tool {name!r}, which the code does not have{meant}"


def _guarded(recording: Recording, site: Resource) -> Mapping[str, list[str]]:
    """Names of tools in lower case, as policies compare them, and the options that name each."""
    host = str(site.get("defaultHostName") or "").lower()
    apis = {
        (one.get("serviceName"), one.get("apiId"))
        for one in recording.all("azure-native:apimanagement:Api")
        if host and urlsplit(str(one.get("serviceUrl") or "")).hostname == host
    }
    found: dict[str, list[str]] = {}
    for policy in recording.all("azure-native:apimanagement:ApiPolicy"):
        if (policy.get("serviceName"), policy.get("apiId")) in apis:
            for variable, cases in _GUARD.findall(str(policy.get("value") or "")):
                for name in _CASE.findall(cases):
                    found.setdefault(name, []).append(_OPTIONS[variable])
    return found


def _tools(folder: Path) -> set[str] | None:
    """Names of the tools that the code declares; None if that cannot be told without running it."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            return None
        found = _tools_of(tree)
        if found is None:
            return None
        names |= found
    return names


def _tools_of(tree: ast.Module) -> set[str] | None:
    constants = {
        target.id: one.value
        for one in tree.body
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    names: set[str] = set()
    decorators: set[int] = set()
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for decorator in function.decorator_list:
            if not (isinstance(decorator, ast.Call) and (trigger := _trigger(decorator)) is not None):
                continue
            decorators.add(id(decorator))
            name = _named(decorator, trigger, function.name, constants)
            if name is None:
                return None
            names.add(name)
    # One that decorates no function here makes tools whose names are only known when it runs.
    made = any(
        isinstance(one, ast.Call) and id(one) not in decorators and _trigger(one) is not None for one in ast.walk(tree)
    )
    return None if made else names


def _trigger(call: ast.Call) -> str | None:
    """The argument that names the tool which a call declares; None if it declares none."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _TRIGGERS:
        return None
    if call.func.attr == "generic_trigger":
        type = _argument(call, "type", 1)
        if isinstance(type, ast.Constant) and type.value != "mcpToolTrigger":
            return None
    return _TRIGGERS[call.func.attr]


def _named(call: ast.Call, argument: str, function: str, constants: Mapping[str, ast.expr]) -> str | None:
    if not argument:
        return function
    # generic_trigger takes it by its name only.
    value = _argument(call, argument, 1 if argument == "tool_name" else None)
    if isinstance(value, ast.Name):
        value = constants.get(value.id)
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _argument(call: ast.Call, name: str, place: int | None) -> ast.expr | None:
    if place is not None and len(call.args) > place:
        return call.args[place]
    return next((one.value for one in call.keywords if one.arg == name), None)
