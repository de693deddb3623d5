"""What users run says nothing that only one system understands: read from the code, because most runs are on Linux.

Pyright knows from typeshed what a system lacks, too, and is run weekly for Windows and macOS (`basedpyright --pythonplatform Windows`); this is
asked at each change.
"""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = [
    file
    for folder in ("infra", "local", "provider", "function_app", "examples", ".ci")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if "node_modules" not in file.parts
]
# https://docs.python.org/3/library/os.html and its neighbours: "Availability: Unix" or "not Windows".
MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty", "msvcrt", "winreg", "_winapi"}
NAMES = {
    "os": {"chown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg", "getpgid", "getuid", "killpg", "mkfifo", "nice",
           "openpty", "sched_getaffinity", "setsid", "startfile", "uname", "wait", "waitid"},
    "signal": {"CTRL_BREAK_EVENT", "CTRL_C_EVENT", "ITIMER_REAL", "SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1",
               "SIGUSR2", "SIGWINCH", "alarm", "pause", "setitimer", "sigwait"},
    "socket": {"AF_UNIX", "SO_EXCLUSIVEADDRUSE", "SO_REUSEADDR", "SO_REUSEPORT", "socketpair"},
    "time": {"tzset"},
}  # fmt: skip
OPTIONS = {"creationflags", "pass_fds", "preexec_fn", "process_group", "start_new_session"}
ASKS = re.compile(r"sys\.platform|os\.name|NotImplementedError")
MODES = {"open": 1, "fdopen": 1, "NamedTemporaryFile": 0, "TemporaryFile": 0}
"""What opens files as text or as bytes, and the place of the argument that says so."""
RUNS = {"run", "Popen", "check_output", "check_call", "call", "getoutput", "getstatusoutput"}


def by_the_machine(tree: ast.AST) -> Iterator[str]:
    """Calls whose text is read or written in whatever encoding the machine has: on Windows not UTF-8."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        named = {one.arg: one.value for one in node.keywords}
        if name in RUNS:
            if named.keys() & {"text", "universal_newlines"} and "encoding" not in named:
                yield f"{node.lineno}: {name}(text=…) without encoding"
            if isinstance(shell := named.get("shell"), ast.Constant) and shell.value:
                yield f"{node.lineno}: {name}(shell=True)"
        if name in {"read_text", "write_text"}:
            text = len(node.args) <= (name == "write_text")
        else:
            text = name in MODES and "b" not in _mode(node, name, named)
        if text and "encoding" not in named:
            yield f"{node.lineno}: {name} without encoding"


def _mode(node: ast.Call, name: str, named: Mapping[str | None, ast.expr]) -> str:
    """As Python reads it; bytes for what is called alike and opens no file, such as a connection."""
    owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    method = name == "open" and owner not in {"", "io"}
    if name == "open" and owner in {"os", "tarfile"}:
        return "rb"
    places = node.args[0 if method else MODES[name] :]
    mode = named.get("mode", places[0] if places else None)
    if isinstance(mode, ast.Constant) and re.fullmatch("[rwaxbt+]+", str(mode.value)):
        return str(mode.value)
    return "rb" if method or name not in {"open", "fdopen"} else "r"


def of_one_system(tree: ast.AST) -> Iterator[str]:
    """Modules, names and options that not every system has."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (f"{node.lineno}: {one.name}" for one in node.names if one.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.lineno}: {node.module}" for _ in range(node.module in MODULES))
            lacking = NAMES.get(node.module or "", set())
            yield from (f"{node.lineno}: {node.module}.{one.name}" for one in node.names if one.name in lacking)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in NAMES.get(node.value.id, ()):
                yield f"{node.lineno}: {node.value.id}.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg in OPTIONS:
            yield f"{node.value.lineno}: {node.arg}="


def found(file: Path) -> list[str]:
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    one = [] if ASKS.search(text) else list(of_one_system(tree))
    return [f"{file.relative_to(ROOT).as_posix()}:{each}" for each in [*by_the_machine(tree), *one]]


def test_what_users_run_is_for_every_system() -> None:
    assert len(CODE) > 300
    assert not [each for file in CODE for each in found(file)]


@pytest.mark.parametrize(
    "line",
    [
        "path.read_text()",
        "path.write_text(content)",
        "open(path)",
        "open(path, 'w')",
        "path.open('w')",
        "os.fdopen(handle, 'w')",
        "tempfile.NamedTemporaryFile('w')",
        "subprocess.run(command, text=True)",
        "subprocess.run(command, shell=True)",
    ],
)
def test_text_of_the_machine_is_seen(line: str) -> None:
    assert list(by_the_machine(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "path.read_text('utf-8')",
        "path.write_text(content, encoding='utf-8')",
        "open(path, 'rb')",
        "open(path, encoding='utf-8')",
        "os.open(path, os.O_RDWR)",
        "LocalCloud.open(roots)",
        "tempfile.NamedTemporaryFile()",
        "subprocess.run(command, capture_output=True)",
        "subprocess.run(command, encoding='utf-8')",
    ],
)
def test_other_text_is_not(line: str) -> None:
    assert not list(by_the_machine(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "import fcntl",
        "from signal import SIGALRM",
        "os.killpg(1, 2)",
        "socket.AF_UNIX",
        "run(command, start_new_session=True)",
    ],
)
def test_what_a_system_lacks_is_seen(line: str) -> None:
    assert list(of_one_system(ast.parse(line)))


def test_every_system_can_check_the_repository_out() -> None:
    """Windows and macOS have no two names that differ by case alone, Windows not every name, and lines end as they were written."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    listed = subprocess.run(
        ["git", "ls-files", "--eol", "-z"], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60, check=True
    ).stdout.split("\0")
    ends = {name: about.split()[0] for about, _, name in (line.partition("\t") for line in listed if line)}
    assert len(ends) > 900
    assert not [name for name, count in Counter(map(str.lower, ends)).items() if count > 1]
    # https://learn.microsoft.com/windows/win32/fileio/naming-a-file
    refused = re.compile(r'[:*?"<>|\\]|[. ](/|$)|(^|/)(con|prn|aux|nul|com\d|lpt\d)([./]|$)', re.IGNORECASE)
    assert not [name for name in ends if refused.search(name)]
    assert not [name for name, end in ends.items() if end in {"i/crlf", "i/mixed"}]
    assert "* text=auto eol=lf" in (ROOT / ".gitattributes").read_text("utf-8").splitlines()
