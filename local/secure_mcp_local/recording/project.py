"""What the Pulumi CLI does before it starts a program: the project's schema and the stack's file become configuration.

The rules are those of `pkg/workspace/config.go` and `project.go` of Pulumi.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from secure_mcp_local.errors import LocalCloudError

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same in C, where PyYAML was built with it: ten times faster."""


@dataclass(frozen=True)
class Project:
    name: str
    main: Path
    """File that is run."""
    config: Mapping[str, str]
    """Full keys (`project:key`) and their text, as programs receive them."""


def load_project(root: Path, stack: str, overrides: Mapping[str, str]) -> Project:
    """Reads `Pulumi.yaml` and `Pulumi.<stack>.yaml`.

    Args:
        root: Folder of the project.
        stack: Name of the stack.
        overrides: Values that win, as `pulumi up --config` gives them: text, JSON for lists and objects.

    Raises:
        LocalCloudError: no such project or stack, a missing or wrong value; names the key and the fix.
    """
    project = _read(
        root / "Pulumi.yaml", f"{root} has no Pulumi.yaml: run this in a Pulumi project, or name one with --cwd"
    )
    stack_file = root / f"Pulumi.{stack}.yaml"
    known = sorted(path.name.split(".")[1] for path in root.glob("Pulumi.*.yaml"))
    settings = _read(
        stack_file, f"unknown stack {stack!r}: there is no {stack_file.name}; known stacks: {', '.join(known)}"
    )
    name = project["name"]
    declared = {
        _full(name, key): _declaration(name, key, value) for key, value in (project.get("config") or {}).items()
    }
    given = {_full(name, key) for key in overrides}
    values: dict[str, Any] = {}
    for key, value in (settings.get("config") or {}).items():
        if isinstance(value, dict) and set(value) == {"secure"} and _full(name, key) not in given:
            raise LocalCloudError(
                f"{stack_file.name}: {key} is encrypted and cannot be read here; give a value with --config {key}=..."
            )
        values[_full(name, key)] = value
    for key, text in overrides.items():
        full = _full(name, key)
        if full.startswith(f"{name}:") and full not in declared:
            raise LocalCloudError(
                f"unknown configuration key {key!r}; Pulumi.yaml declares: {', '.join(_own(name, declared))}"
            )
        values[full] = _parsed(declared.get(full, {}).get("type", "string"), text)
    missing: list[str] = []
    for key, declaration in declared.items():
        if key not in values:
            preset = declaration.get("default", declaration.get("value"))
            if preset is not None:
                values[key] = preset
            elif key.startswith(f"{name}:"):
                missing.append(key.removeprefix(f"{name}:"))
        if key in values and "type" in declaration and not _fits(declaration, values[key]):
            raise LocalCloudError(
                f"configuration {key.removeprefix(name + ':')} = {values[key]!r}: must be of type {declaration['type']}"
            )
    if missing:
        first = missing[0]
        raise LocalCloudError(
            f"stack {stack!r} needs a value for {', '.join(missing)}; set it in {stack_file.name} or with --config {first}=..."
        )
    entry = root / project.get("main", ".")
    main = entry / "__main__.py" if entry.is_dir() else entry
    if not main.is_file():
        raise LocalCloudError(f"Pulumi.yaml: main is {project.get('main', '.')!r}, but there is no {main}")
    return Project(name, main, {key: _text(value) for key, value in values.items()})


def _read(path: Path, missing: str) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  (it is a safe one)
    except FileNotFoundError:
        raise LocalCloudError(missing) from None
    except yaml.YAMLError as error:
        raise LocalCloudError(f"{path.name} is not YAML: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise LocalCloudError(f"{path.name} must hold a mapping")
    return content


def _full(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _own(project: str, declared: Mapping[str, Any]) -> list[str]:
    return sorted(key.removeprefix(f"{project}:") for key in declared if key.startswith(f"{project}:"))


def _declaration(project: str, key: str, value: Any) -> dict[str, Any]:
    own = _full(project, key).startswith(f"{project}:")
    if not isinstance(value, dict):
        return {"default": value} if own else {"value": value}
    if not own and ("type" in value or "default" in value):
        raise LocalCloudError(f"Pulumi.yaml: {key} belongs to another namespace: only value is allowed")
    return value


def _parsed(kind: str, text: str) -> Any:
    if kind in {"array", "object"}:
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return text


def _fits(declaration: Mapping[str, Any], value: Any) -> bool:
    match declaration["type"]:
        case "string":
            return isinstance(value, str)
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, str) and value.lstrip("+-").isdigit()
            )
        case "boolean":
            return isinstance(value, bool) or value in {"true", "false"}
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list) and all(
                _fits(declaration.get("items", {"type": "string"}), v) for v in value
            )
        case other:
            raise LocalCloudError(f"Pulumi.yaml: {other!r} is no configuration type")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value)
