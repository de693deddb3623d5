"""Tools that the configuration guards, and the code does not have."""

from pathlib import Path
from typing import Any

import pytest

from samples import WHOLE_STACKS
from secure_mcp_local.check import check_stack
from secure_mcp_local.new_project import write

CLIENT = {"id": "job", "name": "Job", "workload": True, "secret": "0123456789abcdef0123456789abcdef"}
HEAD = "import azure.functions as func\napp = func.FunctionApp()\n"


def options(option: str, tool: str) -> dict[str, Any]:
    return {
        "toolScopes": {"mcp_scopes": ["mcp:tools", "more"], "tool_scopes": {tool: "more"}},
        "toolRoles": {"tool_roles": {tool: "A.B"}},
        "toolCallers": {"clients": [CLIENT], "workloads": [{"client": "job"}], "tool_callers": {tool: "users"}},
        "userTokenScopes": {"user_token_scopes": [{"scopes": ["User.Read"], "tools": [tool]}]},
    }[option]


def said(folder: Path, given: dict[str, Any], code: str = "") -> list[str]:
    write("mine", folder)
    program = folder / "__main__.py"
    text = program.read_text()
    program.write_text(text.replace('"code": "server",', f'"code": "server", **{given!r},'))
    if code:
        (folder / "server" / "function_app.py").write_text(HEAD + code)
    report = check_stack(folder, "dev", {})
    assert not {"configuration", "plan"} & {one.rule.name for one in report.findings}, report.findings
    return [one.message.partition(": ")[2] for one in report.findings if one.rule.name == "unknown-tool"]


@WHOLE_STACKS
@pytest.mark.parametrize("option", ["toolScopes", "toolRoles", "toolCallers", "userTokenScopes"])
def test_a_tool_that_the_code_has_not_is_named_with_the_nearest(tmp_path: Path, option: str) -> None:
    code = "@app.mcp_tool()\ndef delete_snippet(context): ...\n"
    [message] = said(tmp_path, options(option, "delete_snipet"), code)
    assert (
        message
        == f"{option} name the tool 'delete_snipet', which the code does not have; the nearest is delete_snippet"
    )


@WHOLE_STACKS
@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("@app.mcp_tool()\ndef purge(context): ...\n", False),
        ("@app.mcp_tool()\ndef Purge(context): ...\n", False),
        ("if app:\n    @app.mcp_tool()\n    def purge(context): ...\n", False),
        ("@app.mcp_tool_trigger(arg_name='context', tool_name='purge')\ndef run(context): ...\n", False),
        ("NAME = 'purge'\n@app.mcp_tool_trigger('context', NAME)\ndef run(context): ...\n", False),
        ("@app.generic_trigger(arg_name='c', type='mcpToolTrigger', toolName='purge')\ndef run(c): ...\n", False),
        # Only known when it runs.
        ("@app.mcp_tool_trigger(arg_name='c', tool_name='pur' + 'ge'.lower())\ndef run(c): ...\n", False),
        ("def run(context): ...\napp.mcp_tool()(run)\n", False),
        # The function's name counts for mcp_tool alone, and other triggers make no tools.
        ("@app.mcp_tool_trigger(arg_name='context', tool_name='run')\ndef purge(context): ...\n", True),
        ("@app.mcp_tool()\ndef run(c): ...\n@app.generic_trigger(arg_name='c', type='x', toolName='purge')\ndef f(c): ...\n", True),
    ],
)  # fmt: skip
def test_names_are_read_as_the_host_reads_them(tmp_path: Path, code: str, found: bool) -> None:
    assert bool(said(tmp_path, options("toolRoles", "purge"), code)) == found


def test_the_server_of_a_new_project_is_read(tmp_path: Path) -> None:
    [message] = said(tmp_path, options("toolRoles", "something_else"))
    assert "the code does not have; it has " in message
