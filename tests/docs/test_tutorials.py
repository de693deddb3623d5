"""The tutorials, followed: each block of a page is done as a reader does it, in an empty folder.

* `sh`: commands, one after the other. Titled `Terminal 1`: what serves until Ctrl-C, beside all that follows.
* `text`: what the commands before it printed, or what the terminal in its title prints: these lines, in this order, with anything between them;
  `…` is anything within a line.
* Any other language has a title, the file that it is written to; `FILE, at the end` is appended.

A block of any other kind fails, so that nothing on a page is only looked at. Ports are replaced: 8080 may be somebody's.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from actors.terminal import Terminal, environment, port, shown
from samples import TUTORIALS

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
BLOCK = re.compile(
    r'^```(?P<language>\w*)(?: title="(?P<title>[^"\n]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)
APPENDED = ", at the end"
# Somebody at the browser that the client opens: Alice, who allows it, and whose browser then calls the client.
BROWSER = """
import asyncio, sys, urllib.request
from secure_mcp_local.testing import Person
end = asyncio.run(Person("alice").sign_in(sys.argv[1]))
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(end).read()
"""

pytestmark = pytest.mark.timeout(600)


@dataclass
class Reader:
    """Somebody who does what a page says."""

    folder: Path
    environment: dict[str, str]
    terminals: dict[str, Terminal] = field(default_factory=dict[str, Terminal])
    printed: str = ""
    """By the last commands."""
    last: str | None = None
    """The terminal of the last commands."""

    def do(self, language: str, title: str | None, text: str) -> None:
        if language == "sh" and title:
            self.serve(title, text)
        elif language == "sh":
            self.run(text)
        elif language == "text":
            if title or self.last:
                self.terminals[title or self.last or ""].says(text)
            else:
                assert shown(text, self.printed) is not None, f"not printed:\n{text}\nbut:\n{self.printed}"
        else:
            assert title, f"a block of {language or 'no language'} says not which file it is:\n{text}"
            file = self.folder / title.removesuffix(APPENDED)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text((f"{file.read_text()}\n\n" if title.endswith(APPENDED) else "") + text)

    def run(self, commands: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{commands}\npwd >.where"],
            cwd=self.folder, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=500, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{commands}ends with {done.returncode}:\n{done.stdout}"
        # The page may have gone elsewhere: the last folder has the mark.
        *_, mark = sorted(self.folder.rglob(".where"), key=lambda path: path.stat().st_mtime_ns)
        self.folder = Path(mark.read_text().strip())
        mark.unlink()
        self.printed, self.last = done.stdout, None

    def serve(self, name: str, command: str) -> None:
        self.terminals[name] = Terminal.opened(["bash", "-c", f"exec {command}"], self.folder, self.environment)
        self.last = name

    def leave(self) -> None:
        """Ctrl-C in each terminal, which ends well."""
        for terminal in self.terminals.values():
            terminal.leave()


def blocks(page: str) -> list[tuple[str, str | None, str]]:
    found = [(one["language"], one["title"], one["text"]) for one in BLOCK.finditer(page)]
    assert len(found) * 2 == len(re.findall(r"^ *(?:```|~~~)", page, re.MULTILINE)), "a fence is of no known kind"
    return found


@contextmanager
def reader(folder: Path) -> Iterator[Reader]:
    browser = folder.parent / "browser.py"
    browser.write_text(BROWSER)
    somebody = Reader(folder, environment() | {"BROWSER": f"{sys.executable} {browser} %s &"})
    try:
        yield somebody
        somebody.leave()
    finally:
        for terminal in somebody.terminals.values():
            terminal.kill()


@TUTORIALS
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_who_follows_it_gets_there(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("8080", str(port()))
    (tmp_path / "work").mkdir()
    with reader(tmp_path / "work") as somebody:
        for language, title, block in blocks(text):
            somebody.do(language, title, block)


def test_what_a_page_says_wrongly_is_noticed(tmp_path: Path) -> None:
    with reader(tmp_path) as somebody:
        somebody.do("sh", None, "mkdir there\ncd there\necho one\necho two\n")
        assert somebody.folder == tmp_path / "there"
        somebody.do("text", None, "one\ntw…\n")
        for wrong in ("three\n", "two\none\n"):
            with pytest.raises(AssertionError):
                somebody.do("text", None, wrong)
        with pytest.raises(AssertionError):
            somebody.do("sh", None, "false\necho two\n")
        with pytest.raises(AssertionError):
            somebody.do("python", None, "1 / 0\n")
