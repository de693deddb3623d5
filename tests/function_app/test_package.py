"""What is deployed: the host's settings and the pinned dependencies."""

import ast
import json
import re
import sys
from pathlib import Path

PINNED = re.compile(r"^([a-z0-9-]+)==[0-9.]+(?= (?:; .*)?\\$)", re.MULTILINE)
PROVIDES = {
    "azure.core": "azure-core",
    "azure.functions": "azure-functions",
    "azure.identity": "azure-identity",
    "azure.storage.blob": "azure-storage-blob",
}


def requirements(code: Path) -> dict[str, str]:
    return {match[1]: match[0] for match in PINNED.finditer((code / "requirements.txt").read_text())}


def test_the_lock_holds_all_that_the_app_names(code: Path) -> None:
    named = [line for line in (code / "requirements.in").read_text().splitlines() if line and line[0] != "#"]
    assert set(named) <= set(requirements(code)), "run: make lock"


def test_what_the_app_imports_is_installed_with_it(code: Path) -> None:
    own = {path.stem for path in code.glob("*.py")}
    imported = set()
    for path in code.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
    foreign = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names | own}
    for name in foreign:
        packages = [package for module, package in PROVIDES.items() if f"{name}.".startswith(f"{module}.")]
        assert packages, name
        assert packages[0] in requirements(code), name


def test_the_versions_are_those_that_are_tested(code: Path) -> None:
    lines = (code.parent / "constraints.txt").read_text().splitlines()
    tested = {line.partition(" ; ")[0] for line in lines}
    pinned = {match[0] for match in PINNED.finditer((code / "requirements.txt").read_text())}
    assert len(pinned) > len(requirements(code)), "one of them is another on Python 3.13"
    assert pinned <= tested


def test_the_host_uses_the_released_bundle_and_leaves_admission_to_the_component(code: Path) -> None:
    host = json.loads((code / "host.json").read_text())
    assert host["extensionBundle"] == {
        "id": "Microsoft.Azure.Functions.ExtensionBundle",
        "version": "[4.0.0, 5.0.0)",
    }
    assert "system" not in host["extensions"]["mcp"]
