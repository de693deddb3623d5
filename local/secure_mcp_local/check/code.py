"""Whether the code of a function app would start with functions, and has those that are guarded. If it does not start, the platform says nothing."""

import ast
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from apim_policies.check.finding import Finding, Rule
from secure_mcp_local.azure.functions.code import code_of
from secure_mcp_local.azure.functions.site import host_json
from secure_mcp_local.check import tools
from secure_mcp_local.errors import ExplainedError, NotModelled
from secure_mcp_local.recording import Recording, Resource

NO_FUNCTIONS = Rule(
    "no-functions",
    "error",
    "An app whose code cannot be loaded starts without functions: the deployment succeeds, and there are no tools.",
    "Add what is missing to requirements.in and run make lock; Python 3.13 brings the app's own azure-functions, 3.12 needs the app "
    "setting PYTHON_ISOLATE_WORKER_DEPENDENCIES=1.",
    "https://github.com/Azure/azure-functions-python-worker/issues/1262",
)
HOST_JSON = Rule(
    "host-json",
    "error",
    "The Functions host stops, or has no MCP triggers, without a host.json that names the bundle of extensions.",
    "Give version 2.0 and the bundle that is named.",
    "https://learn.microsoft.com/azure/azure-functions/functions-host-json https://learn.microsoft.com/azure/azure-functions/extension-bundles",
)
UNRELEASED_BUNDLE = Rule(
    "unreleased-bundle",
    "warning",
    "A bundle that is a preview changes without notice and is not for production.",
    "Name Microsoft.Azure.Functions.ExtensionBundle, version [4.0.0, 5.0.0).",
    "https://learn.microsoft.com/azure/azure-functions/extension-bundles "
    "https://github.com/Azure-Samples/remote-mcp-functions-python/pull/23",
)
RULES = (NO_FUNCTIONS, HOST_JSON, UNRELEASED_BUNDLE, tools.UNKNOWN_TOOL)
_SITE = "azure-native:web:WebApp"
_PACKAGES = ".python_packages/lib/site-packages"
_ENTRY = "function_app.py"
_WORKERS = {"azure", "azure.functions"}
"""Modules that every worker brings itself."""
_ISOLATED = "PYTHON_ISOLATE_WORKER_DEPENDENCIES"
WORKER = "1.24.0"
"""azure-functions of the platform's worker up to Python 3.12, which comes before the app's own unless they are kept apart.

https://github.com/Azure/azure-functions-python-worker/blob/dev/workers/pyproject.toml
"""
SINCE: Mapping[str, str] = {"mcp_tool": "1.25", "mcp_tool_property": "1.25", "MCPToolContext": "1.25"}
"""Names of azure-functions that the worker's version has not yet, and the version that brought each.

https://github.com/Azure-Samples/remote-mcp-functions-python/issues/24
"""


def findings(recording: Recording, file: str) -> Iterator[Finding]:
    """What is wrong with the code of every Python function app that the stack deploys.

    Args:
        recording: What the stack declares.
        file: Path of the stack's file.
    """
    for site in recording.all(_SITE):
        runtime = _at(site.inputs, "functionAppConfig", "runtime")
        if runtime.get("name") != "python":
            continue
        with tempfile.TemporaryDirectory() as scratch:
            try:
                code = code_of(recording, site, Path(scratch))
            except ExplainedError:
                # Somebody else brings it.
                continue
            try:
                host_json(code.folder, {})
            except NotModelled as error:
                yield Finding(UNRELEASED_BUNDLE, f"{site.name}: {_within(code.folder, str(error))}", file)
            except ExplainedError as error:
                yield Finding(HOST_JSON, f"{site.name}: {_within(code.folder, str(error))}", file)
            version = str(runtime.get("version") or "")
            for problem in problems(code.folder, version, isolated=_isolated(site), packages=code.packages):
                yield Finding(NO_FUNCTIONS, f"{site.name}: {problem}", file)
            for problem in tools.unknown(recording, site, code.folder):
                yield Finding(tools.UNKNOWN_TOOL, f"{site.name}: {problem}", file)


def problems(folder: Path, python: str, *, isolated: bool, packages: Path | None = None) -> Iterator[str]:
    """Why code would not start, as sentences.

    Args:
        folder: With the code, and its dependencies as they are deployed.
        python: Version that it runs on, such as `3.13`.
        isolated: Whether its own libraries come before the worker's on Python 3.12 and older.
        packages: Folder of its dependencies. None: the one in the folder.
    """
    entry = folder / _ENTRY
    if not entry.is_file():
        if not any(folder.glob("*/function.json")):
            yield f"there is neither {_ENTRY} nor a folder with a function.json"
        return
    packages = packages or folder / _PACKAGES
    trees: dict[Path, ast.Module] = {}
    waiting, decorated = [entry], 0
    while waiting:
        path = waiting.pop()
        if path in trees:
            continue
        name = path.relative_to(folder).as_posix()
        try:
            tree = trees[path] = ast.parse(path.read_bytes(), name)
        except (SyntaxError, ValueError) as error:
            yield f"{name} cannot be read: {error}"
            continue
        for module, line in _imports(tree):
            own = _found(folder, module)
            if own is not None:
                waiting.append(own)
            elif not _there(packages, module):
                yield f"{name}:{line} imports {module}, which is not in the package; it is not in requirements.txt"
        decorated += sum(len(one.decorator_list) for one in ast.walk(tree) if isinstance(one, _FUNCTIONS))
    if not decorated and not _registers(trees.get(entry)):
        yield f"{_ENTRY} decorates no function, and registers none"
    if _version(python) <= (3, 12) and not isolated:
        for path, tree in trees.items():
            for used, line in _names(tree):
                if used in SINCE and _version(SINCE[used]) > _version(WORKER):
                    yield (
                        f"{path.relative_to(folder).as_posix()}:{line} uses {used} of azure-functions {SINCE[used]}, and the worker of "
                        f"Python {python} brings {WORKER}"
                    )
    else:
        yield from _unknown_names(trees, packages, folder)


def _within(folder: Path, message: str) -> str:
    return message.replace(f"{folder}{os.sep}", "")


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _unknown_names(trees: Mapping[Path, ast.Module], packages: Path, folder: Path) -> Iterator[str]:
    """Decorators that the packaged azure-functions has not."""
    source = packages / "azure" / "functions"
    if not source.is_dir():
        return
    known = {
        one.name
        for path in source.rglob("*.py")
        for one in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(one, (*_FUNCTIONS, ast.ClassDef))
    }
    for path, tree in trees.items():
        applications = _applications(tree)
        for one in ast.walk(tree):
            for decorator in one.decorator_list if isinstance(one, _FUNCTIONS) else ():
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if (
                    isinstance(called, ast.Attribute)
                    and isinstance(called.value, ast.Name)
                    and called.value.id in applications
                    and called.attr not in known
                ):
                    where = f"{path.relative_to(folder).as_posix()}:{decorator.lineno}"
                    yield f"{where} uses {called.attr}, which the packaged azure-functions has not"


def _applications(tree: ast.Module) -> set[str]:
    """Names of function apps and blueprints."""
    return {
        target.id
        for one in tree.body
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call)
        for target in one.targets
        if isinstance(target, ast.Name)
        and ast.unparse(one.value.func).rpartition(".")[2] in {"FunctionApp", "Blueprint"}
    }


def _registers(tree: ast.Module | None) -> bool:
    return tree is None or any(name in {"register_functions", "register_blueprint"} for name, _ in _names(tree))


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Modules that are imported whenever the file is: not within `try`, functions and conditions."""
    for one in tree.body:
        if isinstance(one, ast.Import):
            for alias in one.names:
                yield alias.name, one.lineno
        elif isinstance(one, ast.ImportFrom) and not one.level and one.module:
            yield one.module, one.lineno


def _found(folder: Path, module: str) -> Path | None:
    """A module of the app itself."""
    path = folder.joinpath(*module.split("."))
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)


def _there(packages: Path, module: str) -> bool:
    """Whether a module is Python's own, the worker's, or packaged."""
    first = module.partition(".")[0]
    if first in sys.stdlib_module_names or module in _WORKERS:
        return True
    # A namespace such as azure is shared: what counts is the part of it.
    path = packages.joinpath(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file() or any(path.parent.glob(f"{path.name}.*.so"))


def _names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for one in ast.walk(tree):
        if isinstance(one, ast.Attribute):
            yield one.attr, one.lineno
        elif isinstance(one, ast.Name):
            yield one.id, one.lineno


def _isolated(site: Resource) -> bool:
    settings = cast("list[Any]", _at(site.inputs, "siteConfig").get("appSettings") or [])
    return any(one.get("name") == _ISOLATED and str(one.get("value")) == "1" for one in settings)


def _at(value: object, *path: str) -> Mapping[str, Any]:
    for key in path:
        value = cast("Mapping[str, Any]", value).get(key) if isinstance(value, Mapping) else None
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
