"""Blob bindings of tools, as Microsoft's samples have them: what the host reads and writes, as whom, and what it refuses."""

from pathlib import Path
from typing import Any

import pytest

from secure_mcp_local.azure.functions.blobs import BlobBinding
from secure_mcp_local.azure.functions.process import FunctionFailed
from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import Recording

ROOT = Path(__file__).parents[4]
ROLE = "azure-native:authorization:RoleAssignment"
CODE = """
import json
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
STORE = {"connection": "AzureWebJobsStorage"}
NAME = json.dumps([{"propertyName": "name", "propertyType": "string", "description": "Its name."}])


@app.generic_trigger(arg_name="context", type="mcpToolTrigger", toolName="get", description="One.", toolProperties=NAME)
@app.generic_input_binding(arg_name="file", type="blob", path="notes/{mcptoolargs.name}.txt", **STORE)
def get(file: func.InputStream, context) -> str:
    return "none" if file is None else file.read().decode()


@app.generic_trigger(arg_name="context", type="mcpToolTrigger", toolName="put", description="One.", toolProperties=NAME)
@app.generic_output_binding(arg_name="file", type="blob", path="notes/{mcptoolargs.name}.txt", **STORE)
def put(file: func.Out[str], context) -> str:
    text = json.loads(context)["arguments"].get("text")
    if text is not None:
        file.set(text)
    if text == "raise":
        raise ValueError("after it was set")
    return "put"


@app.mcp_tool()
@app.mcp_tool_property(arg_name="name", description="Its name.")
@app.blob_input(arg_name="file", path="%FOLDER%/{mcptoolargs.name}.txt", connection="AzureWebJobsStorage")
@app.blob_output(arg_name="copy", path="notes/{mcptoolargs.name}-copy.txt", connection="AzureWebJobsStorage")
async def duplicate(file: func.InputStream, copy: func.Out[bytes], name: str) -> str:
    \"\"\"Duplicates a note.\"\"\"
    copy.set(file.read() + b" (copy)")
    return f"duplicated {name}"
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "function_app.py").write_text(CODE)
    (tmp_path / "host.json").write_text((ROOT / "function_app" / "host.json").read_text())
    return tmp_path


def with_folder(recording: Recording) -> Recording:
    site = recording.one("azure-native:web:WebApp")
    entries = [*site.inputs["siteConfig"]["appSettings"], {"name": "FOLDER", "value": "notes"}]
    return recording.changed(site.urn, siteConfig={**site.inputs["siteConfig"], "appSettings": entries})


def said(answer: dict[str, Any]) -> str:
    return answer["result"]["content"][0]["text"]


async def test_a_tool_reads_and_writes_blobs(run: Any, code: Path) -> None:
    async with run(with_folder, code) as app:
        assert said(await app.call("get", {"name": "first"})) == "none", "a blob that is not there is None"
        assert said(await app.call("put", {"name": "first", "text": "h\u00e9"})) == "put"
        assert said(await app.call("get", {"name": "first"})) == "h\u00e9"
        assert said(await app.call("duplicate", {"name": "first"})) == "duplicated first"
        assert said(await app.call("get", {"name": "first-copy"})) == "h\u00e9 (copy)"


async def test_what_a_path_may_hold(run: Any, code: Path) -> None:
    """The name is one path segment of a request to the account, whatever is in it."""
    names = ["a b", "100%", "x?y=1", "a#b", "\u00fc/\u00df", "..", "a/b", "a&b;c", "\u65e5\u672c"]
    async with run(with_folder, code) as app:
        for name in names:
            assert said(await app.call("put", {"name": name, "text": name})) == "put", name
        for name in names:
            assert said(await app.call("get", {"name": name})) == name


async def test_nothing_is_written_if_the_function_does_not_set_it_or_fails(run: Any, code: Path) -> None:
    async with run(with_folder, code) as app:
        assert said(await app.call("put", {"name": "unset"})) == "put"
        assert said(await app.call("get", {"name": "unset"})) == "none"
        assert (await app.call("put", {"name": "failed", "text": "raise"}))["result"]["isError"]
        assert said(await app.call("get", {"name": "failed"})) == "none"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({}, "no value for {mcptoolargs.name}"),
        ({"name": None}, "no value for {mcptoolargs.name}"),
        ({"name": "x" * 1021}, "is no name of a blob (1 to 1024 characters are needed)"),
        ({"name": "a\\\\b"}, "is no name of a blob (a backslash is not allowed)"),
        ({"name": "../other/a"}, "is no name of a blob (a segment of dots leads elsewhere)"),
    ],
    ids=["missing", "null", "long", "backslash", "another container"],
)
async def test_a_call_that_makes_no_path_fails_and_says_why(
    run: Any, code: Path, caplog: pytest.LogCaptureFixture, arguments: dict[str, Any], why: str
) -> None:
    async with run(with_folder, code) as app:
        answer = await app.call("get", arguments)
        assert answer["result"] == {
            "content": [{"type": "text", "text": "An error occurred invoking 'get'."}],
            "isError": True,
        }
    assert why in caplog.text


async def test_without_a_role_the_host_may_not(run: Any, code: Path, caplog: pytest.LogCaptureFixture) -> None:
    def change(recording: Recording) -> Recording:
        return with_folder(recording).without(lambda r: r.type == ROLE and "storageAccounts" in str(r.inputs["scope"]))

    async with run(change, code) as app:
        for call in (app.call("get", {"name": "a"}), app.call("put", {"name": "a", "text": "b"})):
            assert (await call)["result"]["isError"]
    assert caplog.text.count("the account answered 403 AuthorizationPermissionMismatch") == 2


async def test_a_connection_that_no_setting_explains(run: Any, code: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = (
        (code / "function_app.py").read_text().replace('"connection": "AzureWebJobsStorage"', '"connection": "Other"')
    )
    (code / "function_app.py").write_text(source)
    async with run(with_folder, code) as app:
        assert (await app.call("get", {"name": "a"}))["result"]["isError"]
    assert "no app setting Other__blobServiceUri" in caplog.text


async def test_a_setting_in_a_path_must_be_there(run: Any, code: Path) -> None:
    with pytest.raises(LocalCloudError, match=r"function duplicate: the blob binding 'file' names %FOLDER%"):
        async with run(code=code):
            pass


@pytest.mark.parametrize(
    ("changes", "error", "why"),
    [
        ({"path": "notes"}, LocalCloudError, "must be CONTAINER/BLOB"),
        ({"path": "notes/{queueTrigger}"}, NotModelled, "{queueTrigger}"),
        ({"path": "notes/{mcptoolcontext.name}"}, NotModelled, "{mcptoolcontext.name}"),
        ({"direction": "inout"}, NotModelled, "inout"),
        ({"name": "$return"}, NotModelled, "the answer of the tool"),
    ],
)
def test_a_binding_that_does_not_start(changes: dict[str, str], error: type[Exception], why: str) -> None:
    declared = {"type": "blob", "name": "file", "direction": "IN", "path": "notes/a", **changes}
    with pytest.raises(error) as caught:
        BlobBinding.of("get", declared, {})
    assert why in str(caught.value)


def test_what_a_path_may_name() -> None:
    def address(path: str, **context: Any) -> tuple[str, str]:
        return BlobBinding.of("get", {"name": "f", "direction": "in", "path": path}, {}).address(context)

    assert address("c/{mcptoolargs.n}-{mcpsessionid}", arguments={"n": 1}, sessionid="s") == ("c", "1-s")
    assert address("c/{mcptoolargs.b}", arguments={"b": True}) == ("c", "True")
    assert address("c/{rand-guid}") != address("c/{rand-guid}")
    with pytest.raises(FunctionFailed, match="must not end with a dot"):
        address("c/{mcptoolargs.n}", arguments={"n": "a."})


async def test_other_bindings_are_refused_by_name(run: Any, code: Path) -> None:
    source = (code / "function_app.py").read_text()
    (code / "function_app.py").write_text(source.replace('type="blob"', 'type="cosmosDB"', 1))
    with pytest.raises(NotModelled, match=r"function get: .* not the binding type 'cosmosDB'"):
        async with run(with_folder, code):
            pass
