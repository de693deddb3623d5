"""What the Pulumi CLI does before it starts a program: the project's schema and the stack's file become configuration.

The rules are those of `pkg/workspace/config.go` and `project.go` of Pulumi.
"""

import difflib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
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
    root: Path
    """Folder with Pulumi.yaml."""
    config: Mapping[str, str]
    """Full keys (`project:key`) and their text, as programs receive them."""
    filled: tuple[str, ...] = ()
    """Keys of its own that a deployment needs and the stack does not set: `NOBODY` stands there."""
    declared: tuple[str, ...] = ()
    """Keys of its own that it declares."""
    undeclared: Mapping[str, str] = field(default_factory=dict[str, str])
    """Keys of its own that are given and that it does not declare, each with the name of the stack's file; empty: with --config."""


class UnknownKey(LocalCloudError):
    """A key of the stack's configuration that is nobody's."""


NOBODY = "nobody@localhost"
"""Stands where an e-mail address must be given and is not: Azure writes to such addresses, the local cloud writes to nobody."""


def load_project(root: Path, stack: str, overrides: Mapping[str, str]) -> Project:
    """Reads `Pulumi.yaml` and `Pulumi.<stack>.yaml`.

    What must be given and is not is an error, but for e-mail addresses (strings whose key ends in email): nothing here writes to
    them, so that `NOBODY` does, and `filled` says where. Who is about to deploy looks at it.

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
        stack_file,
        f"unknown stack {stack!r}: there is no {stack_file.name}; known stacks: {', '.join(known) or 'none'}",
    )
    name = _name(project, root)
    _python(project, root)
    declared = {
        _full(name, key): _declaration(name, key, value) for key, value in (project.get("config") or {}).items()
    }
    given = {_full(name, key) for key in overrides}
    values: dict[str, Any] = {}
    undeclared: dict[str, str] = {}
    for key, value in (settings.get("config") or {}).items():
        if isinstance(value, dict) and set(value) == {"secure"} and _full(name, key) not in given:
            raise LocalCloudError(
                f"{stack_file.name}: {key} is encrypted and cannot be read here; give a value with --config {key}=..."
            )
        full = _full(name, key)
        if full.startswith(f"{name}:") and full not in declared:
            undeclared[full.removeprefix(f"{name}:")] = stack_file.name
        values[full] = value
    for key, text in overrides.items():
        full = _full(name, key)
        if full.startswith(f"{name}:") and full not in declared:
            undeclared[full.removeprefix(f"{name}:")] = ""
        values[full] = _parsed(declared.get(full, {}).get("type", "string"), text)
    missing: list[str] = []
    filled: list[str] = []
    for key, declaration in declared.items():
        if key not in values:
            preset = declaration.get("default", declaration.get("value"))
            if preset is not None:
                values[key] = preset
            elif key.startswith(f"{name}:") and _is_email(key, declaration):
                values[key] = NOBODY
                filled.append(key.removeprefix(f"{name}:"))
            elif key.startswith(f"{name}:"):
                missing.append(key.removeprefix(f"{name}:"))
        if key in values and "type" in declaration and not _fits(declaration, values[key]):
            raise LocalCloudError(
                f"configuration {key.removeprefix(name + ':')} = {values[key]!r}: must be of type {declaration['type']}"
            )
    own = _own(name, declared)
    if missing:
        first = missing[0]
        for key, where in undeclared.items():
            if meant := difflib.get_close_matches(key, missing, 1, _NEAR):
                raise _unknown(key, where, meant[0], own)
        raise LocalCloudError(
            f"stack {stack!r} needs a value for {', '.join(missing)}; set it in {stack_file.name} or with --config {first}=..."
        )
    entry = root / project.get("main", ".")
    main = entry / "__main__.py" if entry.is_dir() else entry
    if not main.is_file():
        raise LocalCloudError(f"Pulumi.yaml: main is {project.get('main', '.')!r}, but there is no {main}")
    config = {key: _text(value) for key, value in values.items()}
    return Project(name, main, root, config, tuple(filled), tuple(own), undeclared)


_NEAR = 0.8
"""How alike two names are of which one is the other misspelt, as `difflib` counts."""


def heard(project: Project, asked: Collection[str]) -> None:
    """Raises if a key was given that nobody has heard of.

    Pulumi looks at the keys that `Pulumi.yaml` declares and lets all others through; one that may be left out cannot even be declared
    without a default (`pkg/workspace/config.go`, `mergeConfig`). So what the project does not declare is fine if its program asks for
    it. If nobody asks, it is a mistake where it is on the command line, to which it was given for an effect; in the stack's file, where it
    may wait for another branch of the program, only if its name is nearly that of a key that there is.

    Args:
        project: Of which the program has run.
        asked: Full keys that the program asked for.

    Raises:
        UnknownKey: names the key that was meant, or those that there are.
    """
    own = {key.removeprefix(f"{project.name}:") for key in asked if key.startswith(f"{project.name}:")}
    known = sorted({*project.declared, *own})
    for key, where in project.undeclared.items():
        if key in own:
            continue
        near = difflib.get_close_matches(key, known, 1, _NEAR)
        if near or (not where and project.declared):
            raise _unknown(key, where, near[0] if near else None, project.declared)


def _unknown(key: str, where: str, meant: str | None, declared: Sequence[str]) -> UnknownKey:
    place = f"{where}: " if where else ""
    hint = f"did you mean {meant}? " if meant else "the program does not ask for it. "
    rest = f"Pulumi.yaml declares: {', '.join(declared)}" if declared else "Pulumi.yaml declares none"
    return UnknownKey(f"{place}unknown configuration key {key!r}; {hint}{rest}")


def stood_in(filled: Sequence[str]) -> str:
    """What is told where a stack runs or is shown without them."""
    return f"Not set: {', '.join(filled)}. {NOBODY} stands in, on this machine only; pulumi up needs an address."


def needed(filled: Sequence[str], stack: str) -> str:
    """What is to be set before a stack is deployed, as a sentence."""
    commands = ", ".join(f"pulumi config set --stack {stack} {key} ADDRESS" for key in filled)
    return f"Azure needs a value for {', '.join(filled)}, an address that somebody reads; set it with {commands}"


def name_of(root: Path) -> str:
    """The name of the project in a folder.

    Raises:
        LocalCloudError: there is none.
    """
    path = root / "Pulumi.yaml"
    return _name(_read(path, f"{root} has no Pulumi.yaml: name a Pulumi project with --cwd"), root)


def program_folder(root: Path) -> Path:
    """Where the program of the project in a folder runs."""
    entry = root / str(_read(root / "Pulumi.yaml", f"{root} has no Pulumi.yaml").get("main", "."))
    return entry if entry.is_dir() else entry.parent


def shared_out(config: Mapping[str, str], roots: Sequence[Path]) -> dict[str, dict[str, str]]:
    """By project: those values of `config` that are for it. A key without a namespace is for each project that declares it.

    Raises:
        LocalCloudError: a key is for none of them.
    """
    given: dict[str, dict[str, str]] = {}
    left = set(config)
    for root in roots:
        project = _read(root / "Pulumi.yaml", f"{root} has no Pulumi.yaml")
        name = _name(project, root)
        own = {_full(name, key) for key in project.get("config") or {}}
        taken = {
            key: value
            for key, value in config.items()
            if _full(name, key) in own or key.startswith(f"{name}:") or (":" in key and key.split(":")[0] not in given)
        }
        given[name] = taken
        left -= taken.keys()
    if left:
        raise LocalCloudError(
            f"unknown configuration key {sorted(left)[0]!r}: none of the projects declares it; give PROJECT:KEY for one that its program asks for"
        )
    return given


def _name(project: Mapping[str, Any], root: Path) -> str:
    name = project.get("name")
    if not isinstance(name, str) or not name:
        raise LocalCloudError(f"{root / 'Pulumi.yaml'} has no name")
    return name


def _python(project: Mapping[str, Any], root: Path) -> None:
    """Raises if the program is not in Python.

    Raises:
        LocalCloudError: says how it can be run all the same.
    """
    runtime = project.get("runtime")
    name = runtime.get("name") if isinstance(runtime, dict) else runtime
    if name != "python":
        raise LocalCloudError(
            f"{root / 'Pulumi.yaml'}: the runtime is {name}, and only Python programs are run without an engine. With the real one: "
            "secure-mcp stand-ins pulumi up, then secure-mcp local --from-state .stand-ins"
        )


def _read(path: Path, missing: str) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  (it is a safe one)
    except FileNotFoundError:
        raise LocalCloudError(missing) from None
    except OSError as error:
        raise LocalCloudError(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise LocalCloudError(f"{path.name} is not UTF-8: {error}; save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise LocalCloudError(f"{path.name} is not YAML: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise LocalCloudError(f"{path.name} must hold a mapping")
    if not isinstance(content.get("config") or {}, dict):
        raise LocalCloudError(f"{path.name}: config must be a mapping of keys to values")
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


def _is_email(key: str, declaration: Mapping[str, Any]) -> bool:
    return key.lower().endswith("email") and declaration.get("type", "string") == "string"


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
