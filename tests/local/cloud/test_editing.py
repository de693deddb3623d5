"""Somebody works on a server while it runs: each edit is served, who is signed in stays, mistakes are named and change nothing."""

import asyncio
import json
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from secure_mcp_local.cloud import LocalCloud, watching
from secure_mcp_local.cloud.changes import refuse_other_places
from secure_mcp_local.cloud.watching import look, watch
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
"""Seconds; a machine that runs other things as well is slow."""


@dataclass
class Author:
    """Somebody with a project, and a client of it that is signed in."""

    root: Path
    cloud: LocalCloud
    application: Application
    key: str = ""
    told: list[str] = field(default_factory=list[str])
    heard: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    async def call(self, tool: str) -> str:
        answer = await self.application.call(self.key, "tools/call", {"name": tool})
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text.partition("data: ")[2])["result"]["content"][0]["text"]

    async def edit(self, file: str, change: Callable[[str], str]) -> str:
        """Changes a file; returns what is said of it."""
        path, before = self.root / file, len(self.told)
        text = path.read_text()
        assert change(text) != text
        # As most editors do: another file takes its place.
        (path.parent / f"{path.name}.new~").write_text(change(text))
        (path.parent / f"{path.name}.new~").replace(path)
        return await self._said(before)

    async def rename(self, file: str, name: str) -> str:
        """Gives a file another name beside the old one; returns what is said of it."""
        before = len(self.told)
        (self.root / file).rename((self.root / file).with_name(name))
        return await self._said(before)

    async def _said(self, before: int) -> str:
        await until(lambda: len(self.told) > before)
        return self.told[-1]


async def until(holds: Callable[[], bool]) -> None:
    """Waits for something that is about to hold."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "that does not come"
        await asyncio.sleep(0.02)


def copied(folder: Path) -> Path:
    """The project of this repository, somewhere else."""
    for name in ("infra", "policies", "function_app"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def opened(root: Path, **options: Any) -> LocalCloud:
    return LocalCloud.open(root, "dev", {"signInRateLimit": "100000", "mcpRateLimit": "100000"}, port=0, **options)


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Author]:
    root = copied(tmp_path_factory.mktemp("project"))
    # Code may ask storage while it is loaded, which at the start may be before storage listens.
    code = root / "function_app" / "function_app.py"
    code.write_text(f"{code.read_text()}\nFOUND = Snippets(container(), 'nobody').names()\nassert FOUND == []\n")
    cloud = opened(root, watched=True)
    told: list[str] = []
    heard: list[tuple[str, str, str]] = []
    cloud.announce = told.append
    cloud.hear = lambda said, request: heard.append((said.tool, said.line, request))
    async with cloud:
        author = Author(root, cloud, Application(cloud.gateway_url), told=told, heard=heard)
        author.key = (await author.application.tokens(Person("alice")))["access_token"]
        yield author


@pytest.fixture
def author(running: Author) -> Any:
    """Whose project is as it was before, afterwards: each test ends what it began."""
    return running


CODE = "function_app/function_app.py"


async def test_the_sample_greets_by_name(author: Author) -> None:
    assert (await author.call("hello_mcp")).startswith("Hello, Alice Adams!")


async def test_an_edit_of_the_code_is_served_and_the_session_stays(author: Author) -> None:
    told = await author.edit(CODE, lambda text: text.replace("Hello, ", "Good morning, "))
    assert told.startswith(f"Served anew after {CODE}")
    assert (await author.call("hello_mcp")).startswith("Good morning, Alice Adams!")
    await author.edit(CODE, lambda text: text.replace("Good morning, ", "Hello, "))


async def test_a_call_that_comes_while_an_edit_is_read_gets_what_was_saved(author: Author) -> None:
    """However many others call at the same time: those do not slow it down either."""
    with author.cloud.pause:
        calls = [asyncio.create_task(author.call("hello_mcp")) for _ in range(3)]
        assert (await asyncio.wait(calls, timeout=0.5))[0] == set()
    assert all(text.startswith("Hello, ") for text in await asyncio.gather(*calls))


async def test_a_call_does_not_wait_for_ever_for_an_edit(author: Author) -> None:
    with author.cloud.pause:
        longest, author.cloud.pause.longest = author.cloud.pause.longest, 0.01
        try:
            assert (await author.call("hello_mcp")).startswith("Hello, ")
        finally:
            author.cloud.pause.longest = longest


async def test_calls_wait_while_an_edit_is_read_and_not_afterwards(author: Author) -> None:
    waited = asyncio.Event()
    served = author.cloud._serve_again

    async def serve_again(files: set[Path]) -> bool:
        call = asyncio.create_task(author.call("hello_mcp"))
        assert (await asyncio.wait([call], timeout=0.3))[0] == set()
        call.add_done_callback(lambda _: waited.set())
        return await served(files)

    author.cloud._serve_again = serve_again  # type: ignore[method-assign]
    try:
        await author.edit(CODE, lambda text: text.replace("Hello, ", "Welcome, "))
    finally:
        author.cloud._serve_again = served  # type: ignore[method-assign]
    async with asyncio.timeout(PATIENCE):
        await waited.wait()
    assert (await author.call("hello_mcp")).startswith("Welcome, ")
    await author.edit(CODE, lambda text: text.replace("Welcome, ", "Hello, "))


async def test_a_syntax_error_in_the_code_is_one_message_with_the_line_on_top(author: Author) -> None:
    told = await author.edit(CODE, lambda text: text.replace("app = func.FunctionApp()", "app = func.FunctionApp("))
    first, text, *_ = told.splitlines()
    number = (author.root / CODE).read_text().splitlines().index("app = func.FunctionApp(") + 1
    assert first == f"{author.root / CODE}:{number}: SyntaxError: '(' was never closed"
    assert text.strip() == "app = func.FunctionApp("
    assert "Traceback" not in told
    assert "what was served goes on being served" in told
    assert (await author.call("hello_mcp")).startswith("Hello, ")
    await author.edit(CODE, lambda text: text.replace("app = func.FunctionApp(\n", "app = func.FunctionApp()\n"))


async def test_a_package_that_is_not_required_is_missing_as_in_azure(author: Author) -> None:
    told = await author.edit(CODE, lambda text: text.replace("import asyncio\n", "import asyncio\nimport yaml\n"))
    first = told.splitlines()[0]
    assert "ModuleNotFoundError: No module named 'yaml'" in first
    assert "add the line 'PyYAML' to" in first
    assert "requirements.in" in first
    await author.edit(CODE, lambda text: text.replace("import yaml\n", ""))
    assert (await author.call("hello_mcp")).startswith("Hello, ")


async def test_a_module_of_ones_own_that_is_gone_may_be_no_package(author: Author) -> None:
    told = await author.edit(CODE, lambda text: text.replace("import asyncio\n", "import asyncio\nimport greetings\n"))
    first = told.splitlines()[0]
    assert "ModuleNotFoundError: No module named 'greetings'" in first
    assert f"If it is a module of yours: {(author.root / CODE).with_name('greetings.py')} is not there." in first
    assert "If it is a package: add the line 'greetings' to" in first
    await author.edit(CODE, lambda text: text.replace("import greetings\n", ""))
    assert (await author.call("hello_mcp")).startswith("Hello, ")


async def test_functions_in_a_file_of_another_name_are_no_missing_package(author: Author) -> None:
    told = await author.rename(CODE, "tools.py")
    assert f"The Functions host looks for functions in {author.root / CODE}, which is not there." in told
    assert "add the line" not in told
    await author.rename(str(Path(CODE).with_name("tools.py")), Path(CODE).name)
    assert (await author.call("hello_mcp")).startswith("Hello, ")


async def test_what_a_tool_prints_and_logs_is_told_with_its_call(author: Author) -> None:
    body = '    print("from print")\n    logging.getLogger("mine").warning("from logging")\n    return f"Hello, '
    await author.edit(CODE, lambda text: text.replace('    return f"Hello, ', body))
    await author.call("hello_mcp")
    trace = [one for one in author.cloud.journal.traces if one.said][-1]
    assert trace.path == "/mcp"
    lines = [
        {"source": "hello_mcp", "line": "from print"},
        {"source": "hello_mcp", "line": "WARNING mine: from logging"},
    ]
    assert trace.as_dict()["said"] == lines
    assert author.heard[-2:] == [("hello_mcp", line["line"], trace.request_id) for line in lines]
    await author.edit(CODE, lambda text: text.replace(body, '    return f"Hello, '))


async def test_a_tool_that_fails_is_told_with_the_line_that_failed(author: Author) -> None:
    await author.edit(CODE, lambda text: text.replace('    return f"Hello, ', '    return 1 / 0 or f"Hello, '))
    assert "An error occurred" in await author.call("hello_mcp")
    told = [line for tool, line, _ in author.heard if tool == "hello_mcp"]
    number = next(n for n, line in enumerate((author.root / CODE).read_text().splitlines(), 1) if "1 / 0" in line)
    assert f"{author.root / CODE}:{number}: ZeroDivisionError: division by zero" in told
    await author.edit(CODE, lambda text: text.replace("1 / 0 or ", ""))


POLICY = "policies/mcp/api.xml"


async def test_an_edit_of_a_policy_is_served_and_the_session_stays(author: Author) -> None:
    header = '<outbound>\n        <set-header name="X-Edited" exists-action="override"><value>yes</value></set-header>'
    told = await author.edit(POLICY, lambda text: text.replace("<outbound>", header, 1))
    assert told.startswith(f"Served anew after {POLICY}")
    answer = await author.application.call(author.key, "ping")
    assert (answer.status_code, answer.headers["x-edited"]) == (200, "yes")
    await author.edit(POLICY, lambda text: text.replace(header, "<outbound>", 1))


async def test_a_mistake_in_a_policy_names_its_line(author: Author) -> None:
    told = await author.edit(
        POLICY, lambda text: text.replace("<outbound>", "<outbound>\n        <no-such-policy />", 1)
    )
    number = next(
        n for n, line in enumerate((author.root / POLICY).read_text().splitlines(), 1) if "no-such-policy" in line
    )
    assert told.startswith(f"{POLICY}:{number}:")
    assert (await author.application.call(author.key, "ping")).status_code == 200
    await author.edit(POLICY, lambda text: text.replace("\n        <no-such-policy />", "", 1))


async def test_a_mistake_in_a_template_names_its_line(author: Author) -> None:
    told = await author.edit(POLICY, lambda text: text.replace("<outbound>", "<outbound>\n        [% if %]", 1))
    number = next(n for n, line in enumerate((author.root / POLICY).read_text().splitlines(), 1) if "[% if %]" in line)
    assert told.startswith(f"{author.root / POLICY}:{number}: TemplateSyntaxError")
    await author.edit(POLICY, lambda text: text.replace("\n        [% if %]", "", 1))


PROGRAM = "infra/__main__.py"


async def test_an_edit_of_the_program_is_served_and_a_mistake_in_it_is_not(author: Author) -> None:
    told = await author.edit(PROGRAM, lambda text: text + "\nimport pulumi\npulumi.export('edited', 'yes')\n")
    assert told.startswith(f"Served anew after {PROGRAM}")
    assert author.cloud.recording.outputs["edited"] == "yes"
    told = await author.edit(PROGRAM, lambda text: text + "raise ValueError('mine')\n")
    number = len((author.root / PROGRAM).read_text().splitlines())
    assert told.splitlines()[0] == f"{author.root / PROGRAM}:{number}: ValueError: mine"
    assert author.cloud.recording.outputs["edited"] == "yes"
    told = await author.edit(PROGRAM, lambda text: text.replace("raise ValueError('mine')\n", "def broken(:\n"))
    assert told.splitlines()[0].startswith(f"{author.root / PROGRAM}:{number}: SyntaxError: ")
    await author.edit(PROGRAM, lambda text: text.replace("def broken(:\n", ""))
    assert (await author.application.call(author.key, "ping")).status_code == 200


async def test_a_mistake_in_the_projects_file_is_said_and_edits_are_served_after_it(author: Author) -> None:
    project = author.root / "Pulumi.yaml"
    text = project.read_text()
    told = await author.edit(project.name, lambda text: "{" + text)
    assert told.startswith("Pulumi.yaml is not YAML: ")
    project.write_text(text)
    told = await author.edit(PROGRAM, lambda text: text + "pulumi.export('edited', 'again')\n")
    assert told.startswith("Served anew after ")
    assert author.cloud.recording.outputs["edited"] == "again"


async def test_an_edit_of_the_library_is_served(author: Author) -> None:
    file = "infra/secure_mcp/gateway/__init__.py"
    await author.edit(file, lambda text: text + "\nraise ValueError('of the library')\n")
    assert "ValueError: of the library" in author.told[-1]
    await author.edit(file, lambda text: text.replace("\nraise ValueError('of the library')\n", ""))
    assert (await author.application.call(author.key, "ping")).status_code == 200


@pytest.mark.parametrize("file", [CODE, PROGRAM])
async def test_an_edit_that_never_ends_is_given_up_for_the_one_that_corrects_it(
    author: Author, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """And two seconds are not waited for here, which edits on a busy machine may take."""
    monkeypatch.setattr(watching, "_LONG", 0.2)
    path, change = author.root / file, "\n# Another edit\n"
    text = path.read_text()
    await author.edit(CODE, lambda text: text + change)  # After which the watch has the new time.
    before = len(author.told)
    path.write_text(f"{path.read_text()}\nwhile True:\n    pass\n")
    await until(lambda: author.cloud.pause.lasts)
    path.write_text(text)
    assert (await author._said(before)).startswith(f"Served anew after {file}")
    assert len(author.told) == before + 1
    assert (await author.call("hello_mcp")).startswith("Hello, ")
    if change in (author.root / CODE).read_text():
        await author.edit(CODE, lambda text: text.replace(change, ""))


async def test_a_program_that_never_ends_keeps_nobody_who_stops_waiting(tmp_path: Path) -> None:
    root = copied(tmp_path)
    program = f"import pathlib\npathlib.Path({str(tmp_path / 'begun')!r}).touch()\nwhile True:\n    pass\n"
    (root / PROGRAM).write_text(program)
    starting = asyncio.create_task(opened(root).__aenter__())
    await until((tmp_path / "begun").exists)
    starting.cancel()
    await asyncio.wait([starting])
    await until(lambda: "pulumi-program" not in {thread.name for thread in threading.enumerate()})


async def test_a_file_that_changes_nothing_is_served_without_a_word(author: Author) -> None:
    notes = author.root / "notes.md"
    notes.write_text("To be done")
    assert await author.cloud._serve_again({notes}) is False


async def test_a_mistake_in_host_json_names_the_authors_file(author: Author) -> None:
    file = "function_app/host.json"
    told = await author.edit(file, lambda text: "{" + text)
    assert told.startswith(f"{author.root / file} is not JSON: ")
    await author.edit(file, lambda text: text[1:])
    assert (await author.call("hello_mcp")).startswith("Hello, ")


async def test_code_without_tools_is_said(author: Author) -> None:
    await author.edit(CODE, lambda text: text.replace("@app.mcp_tool()", "@app.mcp_tool"))
    assert f"{author.root / CODE} declares no tool" in [line for _, line, _ in author.heard][-1]
    await author.edit(CODE, lambda text: text.replace("@app.mcp_tool\n", "@app.mcp_tool()\n"))
    assert (await author.call("hello_mcp")).startswith("Hello, ")


async def test_code_that_comes_from_another_folder_is_said_to(author: Author) -> None:
    """As after `git checkout` of a branch that has moved it."""
    program, before = author.root / PROGRAM, len(author.told)
    text = program.read_text()
    (author.root / "function_app").rename(author.root / "app")
    program.write_text(text.replace('"function_app"', '"app"'))
    told = await author._said(before)
    assert (
        f"code comes from another folder ({author.root / 'app'}): Ctrl-C and secure-mcp local again serves it" in told
    )
    (author.root / "app").rename(author.root / "function_app")
    program.write_text(text)
    assert (await author._said(len(author.told))).startswith("Served anew after ")
    assert (await author.call("hello_mcp")).startswith("Hello, ")


async def test_an_app_that_is_gone_is_no_code_from_another_folder(author: Author) -> None:
    recording = author.cloud.recording
    gone = recording.without(lambda resource: resource.code is not None or resource.type.endswith(":web:WebApp"))
    with pytest.raises(LocalCloudError, match=r"WebApp \S+ is gone: Ctrl-C"):
        refuse_other_places(recording, gone)


async def test_what_a_program_writes_anew_each_time_it_runs_is_no_edit(tmp_path: Path) -> None:
    """Or it would run again for ever."""
    taken: list[set[str]] = []

    async def take(files: set[Path]) -> None:
        (tmp_path / "made.json").write_text("{}")
        taken.append({file.name for file in files})

    def times(name: str) -> int:
        return sum(name in files for files in taken)

    following = asyncio.create_task(watch(lambda: [tmp_path], take))
    try:
        for number in (1, 2, 3):
            await asyncio.sleep(0.5)
            (tmp_path / "program.py").write_text(str(number))
            await until(partial(lambda wanted: times("program.py") == wanted, number))
    finally:
        following.cancel()
    # Once at most: nobody knew what it was before.
    assert times("made.json") <= 1


def test_what_is_logged_into_the_project_is_no_edit(tmp_path: Path) -> None:
    """Or a log of the local cloud itself would be served anew for ever. Nor is what editors write beside the file."""
    for name in ("local.log", "4913", "#__main__.py#", "__main__.py~", "__main__.py___jb_tmp___", "__main__.py"):
        (tmp_path / name).write_text("")
    assert [Path(path).name for path in look([tmp_path])] == ["__main__.py"]
