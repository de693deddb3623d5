"""Which part of the tree may know which: read from the imports of every file, nothing is run.

What does not hold yet is an expected failure, strictly: the step that mends it takes its mark away.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGINE = ROOT / "local" / "policy_engine" / "apim_policies"
CLOUD = ROOT / "local" / "secure_mcp_local"
LIBRARY = ROOT / "infra" / "secure_mcp"

# From what is asked for to what it stands on: no import goes up.
ENGINE_FOLDERS = (
    "command",
    "bench",
    "gateway",
    "check",
    "console",
    "elements",
    "pipeline",
    "documents",
    "network",
    "expressions",
)


def imports(file: Path) -> Iterator[str]:
    """The modules that a file names, in functions and for types too; of relative ones the full name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def known(folder: Path, *packages: str) -> list[str]:
    """Imports of some packages, by file."""
    return [
        f"{file.relative_to(ROOT)}: {name}"
        for file in sorted(folder.rglob("*.py"))
        for name in imports(file)
        if name.split(".")[0] in packages
    ]


def test_the_engine_knows_nobody() -> None:
    assert not known(
        ENGINE, "secure_mcp", "secure_mcp_local", "pulumi", "pulumi_azure_native", "azure", "grpc", "tests"
    )


def words(pattern: str) -> list[str]:
    files = [file for ending in ("*.py", "*.html") for file in ENGINE.rglob(ending)]
    return [str(file.relative_to(ROOT)) for file in files if re.search(pattern, file.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("word", ["secure-mcp", "secure_mcp", "oauth2/v2.0", r"\b[Rr]ecordings?\b"])
def test_the_engine_is_about_policies_only(word: str) -> None:
    assert not words(word)


def test_the_engine_has_no_word_of_mcp() -> None:
    assert not words(r"(?i)\bmcp\b|Model Context Protocol")


def test_the_engine_knows_no_faults() -> None:
    assert not words("cosmos-|entra-")


def test_the_library_does_not_know_the_local_cloud() -> None:
    assert not known(LIBRARY, "apim_policies", "secure_mcp_local")


def test_the_server_knows_nothing_of_ours() -> None:
    assert not known(ROOT / "function_app", "secure_mcp", "secure_mcp_local", "apim_policies")


def test_the_provider_knows_the_library_only() -> None:
    assert not known(ROOT / "provider", "secure_mcp_local", "apim_policies")


def test_nothing_knows_the_tests() -> None:
    # But for the plugins of pytest, which pytest loads.
    found = known(ROOT / "local", "tests", "actors", "pytest")
    assert [line for line in found if "/plugin.py: pytest" not in line] == []


def test_only_what_runs_programs_knows_pulumi() -> None:
    # What a new project is made of is somebody else's program.
    may = {"recording", "stand_ins", "new_project"}
    found = [line for line in known(CLOUD, "pulumi") if line.split("/")[2] not in may]
    assert [line for line in found if "check/stack.py" not in line] == []


def test_the_doctor_knows_the_contract_only() -> None:
    folder = CLOUD / "doctor"
    names = {name for file in folder.rglob("*.py") for name in imports(file)}
    ours = {name for name in names if name.split(".")[0] in {"secure_mcp_local", "apim_policies", "secure_mcp"}}
    others = {name for name in ours if not name.startswith(("secure_mcp_local.doctor", "apim_policies.listener"))}
    assert others <= {"apim_policies.errors", "apim_policies.errors.ExplainedError"}


def upward(folders: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for file in sorted(ENGINE.rglob("*.py")):
        own = file.relative_to(ENGINE).parts[0]
        for name in imports(file):
            parts = name.split(".")
            if parts[0] != "apim_policies" or len(parts) < 2 or parts[1] == own:
                continue
            if own in folders and parts[1] in folders and folders.index(parts[1]) < folders.index(own):
                found.append(f"{file.relative_to(ENGINE)}: {name}")
    return found


def test_every_folder_of_the_engine_has_its_place() -> None:
    folders = {folder.name for folder in ENGINE.iterdir() if folder.is_dir() and folder.name != "__pycache__"}
    assert folders == set(ENGINE_FOLDERS)


def test_no_import_of_the_engine_goes_up() -> None:
    assert upward(ENGINE_FOLDERS) == []


EXPRESSIONS = {
    "syntax": ("types",),
    "values": ("objects", "newtonsoft", "xml", "dotnet", "binding", "linq", "code", "syntax", "trial"),
    "newtonsoft": ("objects", "xml", "dotnet", "binding", "linq", "code", "syntax", "trial"),
    "xml": ("objects", "dotnet", "binding", "linq", "code", "syntax", "trial"),
    "objects": ("dotnet", "binding", "linq", "code", "syntax", "trial"),
    "dotnet": ("binding", "linq", "trial"),
    "binding": ("linq", "trial"),
    "linq": ("trial",),
}


@pytest.mark.parametrize("stage", sorted(EXPRESSIONS))
def test_stages_of_the_language(stage: str) -> None:
    refused = tuple(f"apim_policies.expressions.{name}" for name in EXPRESSIONS[stage])
    found = [
        f"{file.name}: {name}"
        for file in (ENGINE / "expressions" / stage).rglob("*.py")
        for name in imports(file)
        if any(name == one or name.startswith(f"{one}.") for one in refused)
    ]
    assert not found


@pytest.mark.parametrize("package", [ENGINE, CLOUD, LIBRARY], ids=lambda package: package.name)
def test_modules_are_named_by_what_they_are(package: Path) -> None:
    vague = {"utils", "helpers", "common", "misc", "base", "manager", "managers", "shared"}
    assert not [str(file) for file in package.rglob("*.py") if file.stem in vague]


def named(file: Path) -> Iterator[str]:
    """The modules of the library that one of its files names, from its top."""
    own = file.relative_to(LIBRARY).parts[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = own[: len(own) - node.level + 1]
            module = ".".join((*above, *((node.module,) if node.module else ())))
            yield from (f"{module}.{name.name}".lstrip(".") for name in node.names)


@pytest.mark.parametrize(
    ("folder", "refused"),
    [
        # A gateway and a server are released apart: each knows the other by `reference.py` alone.
        ("gateway", ("server", "hosts", "secure_mcp_server")),
        ("server", ("gateway", "secure_mcp_server")),
        ("hosts", ("gateway", "server", "secure_mcp_server")),
        ("monitoring", ("server", "hosts", "secure_mcp_server")),
        ("apis", ("gateway", "server", "hosts", "monitoring", "secure_mcp_server")),
        ("azure", ("gateway", "server", "hosts", "monitoring", "apis", "secure_mcp_server")),
        ("options", ("gateway", "server", "hosts", "monitoring", "apis", "azure", "secure_mcp_server")),
    ],
)
def test_gateway_server_and_host_are_apart(folder: str, refused: tuple[str, ...]) -> None:
    # But for what writes every option down, and is run by `make options` only.
    files = [file for file in sorted((LIBRARY / folder).rglob("*.py")) if file.name != "written.py"]
    assert files
    found = [f"{file.name}: {name}" for file in files for name in named(file) if name.split(".")[0] in refused]
    assert not found


AZURE_SERVICES = {
    "api_management": {"entra", "key_vault"},
    "cosmos": {"entra"},
    "entra": set[str](),
    # A package is written to the app's container with its identity.
    "functions": {"entra", "storage"},
    "storage": {"entra"},
    "key_vault.py": set[str](),
    "microsoft_graph.py": {"entra"},
    "faults.py": set[str](),
    # Whoever deploys has Azure CLI, a token, and the deployment endpoints.
    "deployer.py": {"az", "entra", "functions"},
    "az.py": set[str](),
}
"""Each stand-in for a service, and the services that its own of Azure asks."""


def test_services_know_only_whom_azures_know() -> None:
    azure = CLOUD / "azure"
    found: list[str] = []
    for file in sorted(azure.rglob("*.py")):
        own = file.relative_to(azure).parts[0]
        if own == "__init__.py":
            continue
        for name in imports(file):
            parts = name.split(".")
            if parts[0] != "secure_mcp_local" or len(parts) < 2:
                continue
            if parts[1] in {"cloud", "check", "cli", "stand_ins", "doctor"} or (
                parts[1] == "azure"
                and len(parts) > 2
                and parts[2] not in {own.removesuffix(".py"), *AZURE_SERVICES[own]}
            ):
                found.append(f"{file.relative_to(azure)}: {name}")
    assert not found
