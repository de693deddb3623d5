"""Code that the platform would start without functions, and without an error."""

from pathlib import Path

import pytest

from samples import WHOLE_STACKS
from secure_mcp_local.check import check_stack
from secure_mcp_local.check.code import problems
from secure_mcp_local.new_project import write

GOOD = """\
import asyncio
import azure.functions as func
from tools import name
app = func.FunctionApp()
@app.mcp_tool()
async def hello(context: func.MCPToolContext) -> str:
    return name
"""
LIBRARY = "class FunctionApp:\n    def mcp_tool(self): ...\nclass MCPToolContext: ...\n"


def made(folder: Path, **files: str) -> Path:
    library = folder / ".python_packages" / "lib" / "site-packages" / "azure" / "functions"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text(LIBRARY)
    for name, text in {"function_app": GOOD, "tools": "name = 'x'\n", **files}.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_code_that_starts(tmp_path: Path) -> None:
    folder = made(tmp_path)
    assert list(problems(folder, "3.13", isolated=False)) == []
    assert list(problems(folder, "3.12", isolated=True)) == []


def test_the_worker_of_python_3_12_knows_no_tools(tmp_path: Path) -> None:
    found = list(problems(made(tmp_path), "3.12", isolated=False))
    assert found == [
        f"function_app.py:{line} uses {name} of azure-functions 1.25, and the worker of Python 3.12 brings 1.24.0"
        for line, name in ((5, "mcp_tool"), (6, "MCPToolContext"))
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"tools": "import requests\nname = 1\n"}, "tools.py:1 imports requests, which is not in the package"),
        ({"tools": "from azure.storage.blob import X\nname = 1\n"}, "tools.py:1 imports azure.storage.blob"),
        ({"function_app": GOOD.replace("app.mcp_tool()", "app.mcp_tol()")}, "function_app.py:5 uses mcp_tol, which the packaged"),
        ({"function_app": "import azure.functions as func\napp = func.FunctionApp()\n"}, "decorates no function"),
        ({"function_app": "def f(:\n"}, "function_app.py cannot be read"),
    ],
)  # fmt: skip
def test_what_would_not_start_is_said(tmp_path: Path, files: dict[str, str], said: str) -> None:
    [found] = problems(made(tmp_path, **files), "3.13", isolated=False)
    assert said in found


def test_without_an_entry_there_is_nothing(tmp_path: Path) -> None:
    assert list(problems(tmp_path, "3.13", isolated=False)) == [
        "there is neither function_app.py nor a folder with a function.json"
    ]
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / "function.json").write_text("{}")
    assert list(problems(tmp_path, "3.13", isolated=False)) == []


def test_optional_imports_are_no_problem(tmp_path: Path) -> None:
    folder = made(tmp_path, tools="try:\n    import orjson\nexcept ImportError:\n    pass\nname = 1\n")
    assert list(problems(folder, "3.13", isolated=False)) == []


BUNDLE = "Microsoft.Azure.Functions.ExtensionBundle"


@WHOLE_STACKS
@pytest.mark.parametrize(
    ("host", "rule", "said"),
    [
        ("{", "host-json", "host.json is not JSON"),
        ('{"version": "1.0"}', "host-json", "host.json: version must be '2.0'"),
        ('{"version": "2.0"}', "host-json", "host.json: extensionBundle.id is '' and must be"),
        (
            f'{{"version": "2.0", "extensionBundle": {{"id": "{BUNDLE}", "version": "[3.3.0, 4.0.0)"}}}}',
            "host-json",
            "host.json: extensionBundle.version is '[3.3.0, 4.0.0)'",
        ),
        (
            f'{{"version": "2.0", "extensionBundle": {{"id": "{BUNDLE}.Experimental", "version": "[4.*, 5.0.0)"}}}}',
            "unreleased-bundle",
            f"host.json: extensionBundle.id is '{BUNDLE}.Experimental'",
        ),
    ],
    ids=["no JSON", "version", "no bundle", "old bundle", "experimental bundle"],
)
def test_a_host_json_without_the_triggers(tmp_path: Path, host: str, rule: str, said: str) -> None:
    write("mine", tmp_path)
    (tmp_path / "server" / "host.json").write_text(host)
    found = [one for one in check_stack(tmp_path, "dev", {}).findings if one.rule.name == rule]
    assert [one.message.partition(": ")[2][: len(said)] for one in found] == [said]
