"""A tool's author, in a terminal: mistakes are one message each, what is printed is shown with its call, who is signed in stays."""

import asyncio
import json
import re
import sys
from pathlib import Path

import httpx
import pytest

from actors.terminal import Terminal, port, serving
from samples import AUTHOR, TERMINAL
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.cloud.keeping import Kept
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.new_project import write
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[3]

CODE = "server/function_app.py"


@AUTHOR
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("app = func.FunctionApp()", "app = func.FunctionApp(", "SyntaxError: '(' was never closed"),
        ("import json\n", "import json\nimport azure.storage.blob\n", "add the line 'azure-storage-blob' to"),
        # The new project has locked nothing yet, so its package has nothing but the platform's own, whatever is installed here.
        ("import json\n", "import json\nimport yaml\n", "add the line 'PyYAML' to"),
        ("import json\n", "import json\nimport azure.identity\n", "add the line 'azure-identity' to"),
    ],
    ids=["syntax", "within a namespace", "package", "namespace"],
)
async def test_a_mistake_that_is_there_at_the_start_is_one_message_with_the_authors_line_on_top(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    write("word-counter", tmp_path / "word-counter")
    file = tmp_path / "word-counter" / CODE
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")
    number = file.read_text("utf-8").splitlines().index(new.splitlines()[-1]) + 1
    with pytest.raises(LocalCloudError) as told:
        async with LocalCloud.open(tmp_path / "word-counter", port=0):
            pass
    first, line, *_ = str(told.value).splitlines()
    assert f"{CODE}:{number}: " in first
    assert expected in first
    assert line.strip() == new.splitlines()[-1]
    assert "Traceback" not in str(told.value)


@AUTHOR
async def test_code_asks_for_modules_as_where_they_are_not_installed_and_its_own_errors_name_its_own_files(
    tmp_path: Path,
) -> None:
    """An optional dependency is looked for in more than one way; a folder of the code may be a link."""
    write("word-counter", tmp_path / "word-counter")
    file = tmp_path / "word-counter" / CODE
    text = file.read_text("utf-8")
    look = "import importlib.metadata, importlib.util\nassert importlib.util.find_spec('yaml') is None\n"
    look += "assert importlib.metadata.version('azure-functions')\ntry:\n    import yaml\nexcept ImportError:\n    yaml = None\n"
    file.write_text(text.replace("import json\n", f"import json\n{look}", 1), "utf-8")
    file.parent.rename(tmp_path / "elsewhere")
    file.parent.symlink_to(tmp_path / "elsewhere")
    told: list[str] = []
    cloud = LocalCloud.open(tmp_path / "word-counter", port=0, watched=True)
    cloud.announce = told.append
    async with cloud, asyncio.timeout(60):
        await asyncio.sleep(1)  # Until it is watched.
        (tmp_path / "elsewhere" / "words.py").write_text("", "utf-8")
        file.write_text(text.replace("import json\n", "import json\nfrom words import count\n", 1), "utf-8")
        while not told:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert "ImportError: cannot import name 'count' from 'words'" in told[0]
    assert f"({tmp_path / 'elsewhere' / 'words.py'})" in told[0]


async def test_a_package_that_waits_to_be_locked_is_said_so(tmp_path: Path) -> None:
    write("word-counter", tmp_path / "word-counter")
    file = tmp_path / "word-counter" / CODE
    file.write_text(f"import yaml\n{file.read_text('utf-8')}", "utf-8")
    file.with_name("requirements.in").write_text("azure-functions\npyyaml\n", "utf-8")
    with pytest.raises(
        LocalCloudError, match=r"requirements.in has 'PyYAML', which is not locked: secure-mcp package --lock "
    ):
        async with LocalCloud.open(tmp_path / "word-counter", port=0):
            pass


@pytest.mark.parametrize("kept", ['{"format": 1, "kept": {"entra": 3}}', '{"format": 1, "kept": [1]}'])
async def test_what_an_earlier_run_cannot_have_kept_is_said_with_the_way_to_forget_it(
    tmp_path: Path, kept: str
) -> None:
    write("word-counter", tmp_path / "word-counter")
    keeping = Kept(tmp_path / "word-counter", "dev")
    file = tmp_path / "word-counter" / ".secure-mcp" / "dev" / "state.json"
    file.write_text(kept, "utf-8")
    try:
        with pytest.raises(LocalCloudError) as told:
            async with LocalCloud.open(tmp_path / "word-counter", port=0, kept=keeping):
                pass
    finally:
        keeping.release()
    assert str(told.value).startswith(f"{file} is not what an earlier run can have kept (")
    assert str(told.value).endswith("; secure-mcp local --fresh forgets it")


def local(first: int, *options: str) -> list[str]:
    return [sys.executable, "-m", "secure_mcp_local", "local", "--port", str(first), *options]


async def shows(terminal: Terminal, text: str) -> str:
    return await asyncio.to_thread(terminal.says, text)


def text_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text.partition("data: ")[2])["result"]["content"][0]["text"]


MINE = """    print(f"printed of {text}")
    logging.getLogger("mine").warning("logged of %s", text)
    return f"{len(text.split())} in all,"""


@TERMINAL
@pytest.mark.timeout(400)  # A terminal says something within two minutes, also beside other work.
async def test_who_edits_a_tool_reads_in_the_terminal_what_it_says_and_whose_call_it_was(tmp_path: Path) -> None:
    write("word-counter", tmp_path / "word-counter")
    file, first = tmp_path / "word-counter" / CODE, port()
    application = Application(f"http://localhost:{first}")

    async def counted(text: str) -> str:
        call = {"name": "count_words", "arguments": {"text": text}}
        return text_of(await application.call(key, "tools/call", call))

    with serving(local(first), tmp_path / "word-counter") as terminal:
        await shows(terminal, "The stack dev runs.")
        key = (await application.tokens(Person("alice")))["access_token"]
        assert await counted("one two") == "2 words, Alice Adams."
        await shows(terminal, "count_words … | counting for Alice Adams")

        edited = file.read_text("utf-8").replace('    return f"{len(text.split())} words,', MINE)
        edited = edited.replace("import json\n", "import json\nimport logging\n")
        file.write_text(edited, "utf-8")
        await shows(terminal, f"Served anew after {CODE}")
        assert await asyncio.gather(counted("red"), counted("green")) == ["1 in all, Alice Adams."] * 2
        said = "".join([await shows(terminal, "count_words … | … of …") for _ in range(4)])
        lines = re.findall(r"^count_words (\w{8}) \| (.+) of (\w+)$", said, re.MULTILINE)
        assert sorted(line[1:] for line in lines) == [
            *(("WARNING mine: logged", text) for text in ("green", "red")),
            *(("printed", text) for text in ("green", "red")),
        ]
        calls = {(call, text) for call, _, text in lines}
        assert len(calls) == len({call for call, _ in calls}) == 2, said

        failing = edited.replace("    return f", "    return 1 / 0 or f")
        file.write_text(failing, "utf-8")
        await shows(terminal, f"Served anew after {CODE}")
        assert await counted("one two") == "An error occurred invoking 'count_words'."
        file.write_text(edited, "utf-8")
        said = await shows(terminal, f"Served anew after {CODE}")
        number = next(number for number, line in enumerate(failing.splitlines(), 1) if "1 / 0" in line)
        assert re.search(
            rf"^count_words \w{{8}} \| {CODE}:{number}: ZeroDivisionError: division by zero$", said, re.MULTILINE
        )
        assert "Traceback" not in said

        broken = edited.replace("app = func.FunctionApp()", "app = func.FunctionApp(")
        file.write_text(broken, "utf-8")
        said = await shows(terminal, "what was served goes on being served")
        number = broken.splitlines().index("app = func.FunctionApp(") + 1
        assert f"\n{CODE}:{number}: SyntaxError: '(' was never closed\n    app = func.FunctionApp(\n" in said
        assert said.count("SyntaxError") == 1
        assert "Traceback" not in said
        assert await counted("one two") == "2 in all, Alice Adams."

        file.write_text(edited.replace("in all", "after all"), "utf-8")
        await shows(terminal, f"Served anew after {CODE}")
        assert await counted("one two") == "2 after all, Alice Adams."


@TERMINAL
@pytest.mark.timeout(400)  # A terminal says something within two minutes, also beside other work.
async def test_who_is_signed_in_stays_so_over_a_restart_and_not_when_it_is_to_be_fresh(tmp_path: Path) -> None:
    for name in ("infra", "policies", "function_app", "Pulumi.yaml", "Pulumi.dev.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    first = port()
    application = Application(f"http://localhost:{first}")
    with serving(local(first), tmp_path) as terminal:
        await shows(terminal, "The stack dev runs.")
        tokens = await application.tokens(Person("alice"))
        save = {"name": "save_snippet", "arguments": {"name": "kept", "content": "for later"}}
        text_of(await application.call(tokens["access_token"], "tools/call", save))
        with pytest.raises(LocalCloudError, match="another secure-mcp local"):
            Kept(tmp_path, "dev")
    for kept in ("", "state.json"):
        assert (tmp_path / ".secure-mcp" / "dev" / kept).stat().st_mode & 0o077 == 0
    with serving(local(first), tmp_path) as terminal:
        await shows(terminal, "The stack dev runs.")
        get = {"name": "get_snippet", "arguments": {"name": "kept"}}
        assert text_of(await application.call(tokens["access_token"], "tools/call", get)) == "for later"
        refreshed = await application.refresh(tokens["refresh_token"])
        assert refreshed.status_code == 200, refreshed.text
        # Registered once, and for good.
        assert await application.code(Person("bob"))
        assert (await application.call(refreshed.json()["access_token"])).status_code == 200
    with serving(local(first, "--fresh"), tmp_path) as terminal:
        await shows(terminal, "The stack dev runs.")
        assert (await application.call(refreshed.json()["access_token"])).status_code == 401
        forgotten = await application.refresh(refreshed.json()["refresh_token"])
        assert (forgotten.status_code, forgotten.json()["error"]) == (401, "invalid_client")
