"""The code's process: what it sees, what it reaches, and what happens when it fails."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from secure_mcp_local.azure.functions import process
from secure_mcp_local.azure.functions.code import Code
from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import Recording

SITE = "azure-native:web:WebApp"
ROLE = "azure-native:authorization:RoleAssignment"


def text_of(answer: dict[str, Any]) -> str:
    return answer["result"]["content"][0]["text"]


def without_setting(name: str) -> Callable[[Recording], Recording]:
    def change(recording: Recording) -> Recording:
        site = recording.one(SITE)
        entries = site.inputs["siteConfig"]["appSettings"]
        kept = [entry for entry in entries if entry["name"] != name]
        assert len(kept) < len(entries)
        return recording.changed(site.urn, siteConfig={**site.inputs["siteConfig"], "appSettings": kept})

    return change


def no_storage_role(recording: Recording) -> Recording:
    return recording.without(lambda r: r.type == ROLE and "storageAccounts" in str(r.inputs["scope"]))


def no_identity(recording: Recording) -> Recording:
    return recording.changed(recording.one(SITE).urn, identity={"type": "None"})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (no_storage_role, "AuthorizationPermissionMismatch"),
        # What Entra ID says of it, the oldest azure-identity that is allowed leaves out.
        (no_identity, "CredentialUnavailableError: App Service managed identity"),
        (without_setting("AzureWebJobsStorage__clientId"), "AzureWebJobsStorage__clientId"),
        (without_setting("AzureWebJobsStorage__blobServiceUri"), "AzureWebJobsStorage__blobServiceUri"),
    ],
    ids=["role", "identity", "client id", "address"],
)
async def test_without_one_declared_thing_snippets_fail_and_the_rest_works(
    run: Any, change: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with run(change) as app:
        assert "Hello" in text_of(await app.call("hello_mcp"))
        answer = await app.call("list_snippets")
        assert answer["result"]["isError"]
        assert text_of(answer) == "An error occurred invoking 'list_snippets'."
    assert reason in caplog.text


async def test_a_container_that_is_not_declared_does_not_exist(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    def change(recording: Recording) -> Recording:
        site = recording.one(SITE)
        entries = [
            {"name": entry["name"], "value": "other"} if entry["name"] == "SNIPPETS_CONTAINER" else entry
            for entry in site.inputs["siteConfig"]["appSettings"]
        ]
        return recording.changed(site.urn, siteConfig={**site.inputs["siteConfig"], "appSettings": entries})

    async with run(change) as app:
        assert (await app.call("get_snippet", {"name": "x"}))["result"]["isError"]
    assert "ContainerNotFound" in caplog.text


async def test_the_code_sees_declared_settings_and_nothing_of_this_process(
    run: Any, code_with: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_DEVELOPER", "x")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    async with run(code=code_with("return json.dumps([dict(os.environ), sys.path])")) as app:
        seen, path = json.loads(text_of(await app.call("tool")))
        declared = {e["name"] for e in app.recording.one(SITE).inputs["siteConfig"]["appSettings"]}
    assert declared <= seen.keys()
    assert not {"SECRET_OF_THE_DEVELOPER", "PYTHONPATH", "HOME"} & seen.keys()
    assert "/nowhere" not in path
    platform = {"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "WEBSITE_SITE_NAME", "WEBSITE_HOSTNAME"}
    assert platform <= seen.keys()


REACH = """
import urllib.request, urllib.error
def reach(url):
    try:
        return str(urllib.request.urlopen(url, timeout=10).status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except OSError as error:
        return str(error)
return json.dumps(await asyncio.gather(*(asyncio.to_thread(reach, url) for url in {urls!r})))
"""


async def test_the_code_reaches_hosts_of_the_stack_only(run: Any, code_with: Any, recording: Recording) -> None:
    account = recording.one("azure-native:storage:StorageAccount", "mcp-storage-st").inputs["accountName"]
    urls = [
        f"https://{account}.blob.core.windows.net/snippets/x",
        "https://other.blob.core.windows.net/snippets/x",
        "https://example.com/",
        f"https://{account}.blob.core.windows.net:444/",
    ]
    async with run(code=code_with(REACH.replace("{urls!r}", repr(urls)))) as app:
        first, *others = json.loads(text_of(await app.call("tool")))
    assert first == "401"
    assert all("not a host of this stack" in other.lower() for other in others), others


async def test_tokens_are_for_the_apps_own_code(run: Any, code_with: Any) -> None:
    body = """
    import urllib.request, urllib.error
    def ask(secret, query):
        url = os.environ["IDENTITY_ENDPOINT"] + "?api-version=2019-08-01&resource=https://storage.azure.com" + query
        request = urllib.request.Request(url, headers={"X-IDENTITY-HEADER": secret})
        try:
            return json.load(urllib.request.urlopen(request))["token_type"]
        except urllib.error.HTTPError as error:
            return error.code
    own, client = os.environ["IDENTITY_HEADER"], "&client_id=" + os.environ["AzureWebJobsStorage__clientId"]
    cases = [(own, client), ("x", client), (own, ""), (own, "&client_id=x"), (own, "&mi_res_id=x")]
    return json.dumps([await asyncio.to_thread(ask, *case) for case in cases])
    """
    async with run(code=code_with(body)) as app:
        assert json.loads(text_of(await app.call("tool"))) == ["Bearer", 401, 400, 400, 400]


async def test_snippets_work_after_the_clock_has_moved_by_days(run: Any) -> None:
    async with run() as app:
        await app.call("save_snippet", {"name": "old", "content": "x"})
        for _ in range(3):
            app.clock.advance(20 * 3600)
            assert text_of(await app.call("get_snippet", {"name": "old"})) == "x"
        await app.call("delete_snippet", {"name": "old"})


async def test_what_the_code_prints_is_not_an_answer(run: Any, code_with: Any) -> None:
    body = 'print("x" * 100_000); os.write(1, b"raw"); sys.stdout.flush(); return "done"'
    async with run(code=code_with(body)) as app:
        assert text_of(await app.call("tool")) == "done"


async def test_output_is_a_file_as_elsewhere_and_a_line_is_told_as_far_as_it_can_be_shown(
    run: Any, code_with: Any, caplog: pytest.LogCaptureFixture
) -> None:
    body = """
    import subprocess
    sys.stdout.buffer.write(b"bytes \\xff\\n")
    subprocess.run([sys.executable, "-c", "print('from a child')"], stdout=sys.stdout, check=True)
    for _ in range(50_000):
        print("é", end="")
    print("\\udcff", file=sys.stderr)
    return sys.stdout.encoding
    """
    caplog.set_level("INFO", logger="secure_mcp_local")
    async with run(code=code_with(body)) as app:
        assert text_of(await app.call("tool")) == "utf-8"
    said = [record.message for record in caplog.records]
    assert "bytes \\xff" in said
    assert "from a child" in said
    assert "\\udcff" in said
    assert f"{'é' * 10_000} … (only the first 10000 characters are shown)" in said


async def test_what_cannot_be_logged_is_said_in_one_line(
    run: Any, code_with: Any, caplog: pytest.LogCaptureFixture
) -> None:
    body = "import logging\nlogging.getLogger('mine').warning('got %d', 'one')\nreturn 'well'"
    caplog.set_level("INFO", logger="secure_mcp_local")
    async with run(code=code_with(body)) as app:
        assert text_of(await app.call("tool")) == "well"
    assert "WARNING mine: 'got %d' at function_app.py:9 does not fit its arguments: %d format: " in caplog.text
    assert "Traceback" not in caplog.text


FAILURES = """
import subprocess
class Mute(Exception):
    def __str__(self):
        raise ValueError
match context["arguments"]["how"]:
    case "mute": raise Mute
    case "cancelled": raise asyncio.CancelledError
    case "exit": sys.exit("enough")
    case "keyboard": raise KeyboardInterrupt
    case "input": return input()
    case "child": return "read: " + subprocess.run(["cat"], stdout=subprocess.PIPE, text=True).stdout
    case "killed": os._exit(3)
    case "crashed": os.kill(os.getpid(), 11)
return "well"
"""


async def test_whatever_a_function_does_its_call_ends_and_the_next_one_works(
    run: Any, code_with: Any, caplog: pytest.LogCaptureFixture
) -> None:
    reasons = {
        "mute": "Mute: <exception str() failed>",
        "cancelled": "CancelledError",
        "exit": "SystemExit: enough",
        "keyboard": "KeyboardInterrupt",
        "input": "EOFError: EOF when reading a line",
        "killed": "the worker ended with exit code 3",
        "crashed": "the worker ended, killed by SIGSEGV",
    }
    async with run(code=code_with(FAILURES)) as app, asyncio.timeout(60):
        for how, reason in reasons.items():
            assert text_of(await app.call("tool", {"how": how})) == "An error occurred invoking 'tool'."
            assert reason in caplog.text
            assert text_of(await app.call("tool", {"how": "not"})) == "well"
        # What the host says to the worker is not for processes that the code starts.
        assert text_of(await app.call("tool", {"how": "child"})) == "read: "


async def test_a_function_may_fork(run: Any, code_with: Any, caplog: pytest.LogCaptureFixture) -> None:
    body = """
    import multiprocessing
    child = multiprocessing.get_context("fork").Process(target=print, args=("from a fork",))
    child.start()
    await asyncio.to_thread(child.join)
    return str(child.exitcode)
    """
    caplog.set_level("INFO", logger="secure_mcp_local")
    async with run(code=code_with(body)) as app, asyncio.timeout(30):
        assert text_of(await app.call("tool")) == "0"
    assert "from a fork" in caplog.text


async def test_what_is_no_result_is_told(run: Any, code_with: Any, caplog: pytest.LogCaptureFixture) -> None:
    file = code_with("return 'a text'") / "function_app.py"
    trigger = "@app.mcp_tool_trigger(arg_name='context', tool_name='tool', description='', use_result_schema=True)"
    file.write_text(file.read_text().replace("@app.mcp_tool()", trigger).replace(": func.MCPToolContext", ""))
    async with run(code=file.parent) as app:
        assert (await app.call("tool"))["result"]["isError"]
    assert "tool: what it returned is no result as the host reads it" in caplog.text


async def test_an_app_of_tools_alone_starts_without_a_warning_that_nobody_can_heed(
    run: Any, code_with: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """And what its own code logs while it is loaded is heard, the same words included."""
    words = "Auth level is not applied to non http function app"
    caplog.set_level("INFO", logger="secure_mcp_local")
    async with run():
        pass
    assert words not in caplog.text
    caplog.clear()
    file = code_with("return ''") / "function_app.py"
    file.write_text(f"import logging\nlogging.warning({words + ', says mine'!r})\n{file.read_text()}")
    async with run(code=file.parent):
        pass
    assert f"WARNING root: {words}, says mine" in caplog.text
    assert caplog.text.count(words) == 1


async def test_calls_do_not_wait_for_each_other(run: Any, code_with: Any) -> None:
    body = """
    global arrived
    arrived = globals().get("arrived", 0) + 1
    while arrived < 3:
        await asyncio.sleep(0.01)
    return str(arrived)
    """
    async with run(code=code_with(body)) as app, asyncio.timeout(20):
        answers = await asyncio.gather(*(app.call("tool") for _ in range(3)))
    assert [text_of(answer) for answer in answers] == ["3"] * 3


async def test_a_worker_that_dies_is_replaced(run: Any, code_with: Any) -> None:
    async with run(code=code_with("if 'x' in context.get('arguments', {}): os._exit(3)\nreturn 'alive'")) as app:
        assert (await app.call("tool", {"x": 1}))["result"]["isError"]
        assert text_of(await app.call("tool")) == "alive"
        app.host._worker._process.kill()
        await app.host._worker._process.wait()
        assert text_of(await app.call("tool")) == "alive"


async def test_it_is_gone_afterwards(run: Any) -> None:
    async with run() as app:
        pid = app.host._worker._process.pid
    assert not psutil.pid_exists(pid)


async def test_it_is_gone_even_if_it_does_not_want_to(run: Any, code_with: Any) -> None:
    code = code_with("time.sleep(60)")
    async with run(code=code) as app:
        pid = app.host._worker._process.pid
        task = asyncio.create_task(app.call("tool"))
        await asyncio.sleep(0.2)
    answer = await task
    assert answer["result"]["isError"]
    assert not psutil.pid_exists(pid)


async def test_it_is_gone_even_if_nobody_waits_for_its_end(tmp_path: Path) -> None:
    """As when the local cloud ends while it reads an edit: what still runs is cancelled, once and once more."""
    (tmp_path / "function_app.py").write_text("print('begun')\nwhile True: pass\n")
    begun = asyncio.Event()
    worker = process.Worker(Code.of(tmp_path), process.machine(), lambda *_: begun.set())
    starting = asyncio.create_task(worker.start())
    await begun.wait()
    assert worker._process is not None
    pid = worker._process.pid
    starting.cancel()
    stopping = asyncio.create_task(worker.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    await asyncio.wait([starting, stopping])
    for _ in range(100):
        if not psutil.pid_exists(pid):
            break
        await asyncio.sleep(0.05)
    assert not psutil.pid_exists(pid)


async def test_so_is_what_it_has_started(run: Any, code_with: Any) -> None:
    body = "import subprocess\nreturn str(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)']).pid)"
    async with run(code=code_with(body)) as app:
        pid = int(text_of(await app.call("tool")))
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_code_that_is_loaded_for_ever_is_said_with_its_line(
    run: Any, code_with: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_START", 1)
    file = code_with("pass") / "function_app.py"
    file.write_text("while True: pass\n")
    expected = r"function_app\.py:1: TimeoutError: the code does not load within 1 s; this is where it is\n    while True: pass"
    with pytest.raises(LocalCloudError, match=expected):
        async with run(code=file.parent):
            pass


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nonsense_module", "nonsense_module"),
        ("this is no Python", "SyntaxError"),
        ("import os; os._exit(1)", "the worker of the function app ended with exit code 1"),
        ("import sys; sys.exit('on purpose')", "on purpose"),
        ("x = 1", "it has 0"),
        ("import azure.functions as f\na = f.FunctionApp()\nb = f.FunctionApp()", "it has 2"),
        (None, "function_app"),
    ],
)
async def test_code_that_cannot_be_loaded_is_said_at_once(
    run: Any, code_with: Any, source: str | None, reason: str
) -> None:
    code: Path = code_with("pass")
    if source is None:
        (code / "function_app.py").unlink()
    else:
        (code / "function_app.py").write_text(source)
    with pytest.raises(LocalCloudError, match=reason):
        async with run(code=code):
            pass


async def test_other_triggers_are_refused(run: Any, code_with: Any) -> None:
    code: Path = code_with("pass")
    (code / "function_app.py").write_text(
        "import azure.functions as func\napp = func.FunctionApp()\n"
        "@app.timer_trigger(arg_name='t', schedule='0 * * * * *')\ndef tick(t: func.TimerRequest): pass\n"
    )
    with pytest.raises(NotModelled, match=r"tick.*timerTrigger"):
        async with run(code=code):
            pass


_BUNDLE = "Microsoft.Azure.Functions.ExtensionBundle"


@pytest.mark.parametrize(
    ("host_json", "error", "reason"),
    [
        ({}, LocalCloudError, "version"),
        ({"version": "2.0"}, LocalCloudError, "MCP triggers come from it"),
        ({"version": "2.0", "extensionBundle": {"id": _BUNDLE}}, LocalCloudError, "older ones"),
        (
            {"version": "2.0", "extensionBundle": {"id": _BUNDLE, "version": "[3.3.0, 4.0.0)"}},
            LocalCloudError,
            "older ones",
        ),
        ({"version": "2.0", "extensionBundle": {"id": f"{_BUNDLE}.Preview"}}, NotModelled, "Preview"),
        ({"version": "2.0", "extensionBundle": {"id": f"{_BUNDLE}.Experimental"}}, NotModelled, "Experimental"),
    ],
)
async def test_a_host_json_without_mcp(
    run: Any, code_with: Any, host_json: dict[str, Any], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        async with run(code=code_with("pass", host_json)):
            pass


async def test_a_site_that_is_no_python_function_app(run: Any) -> None:
    def other(recording: Recording) -> Recording:
        return recording.changed(recording.one(SITE).urn, functionAppConfig={"runtime": {"name": "node"}})

    with pytest.raises(NotModelled, match="node"):
        async with run(other):
            pass


async def test_a_worker_that_ends_before_it_is_told_what_to_load_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "worker.py").write_text("import sys; sys.exit('no memory left')")
    monkeypatch.setattr(process, "_SCRIPT", tmp_path / "worker.py")
    # More than a pipe holds.
    worker = process.Worker(Code.of(tmp_path), {"LARGE": "x" * 1_000_000})
    try:
        with pytest.raises(LocalCloudError, match="no memory left"):
            await worker.start()
    finally:
        await worker.stop()
