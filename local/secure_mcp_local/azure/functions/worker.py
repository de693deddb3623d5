"""The Python worker: a process of its own that loads the function app's code and runs its functions.

Run as a script in isolated mode and without what is installed, this package included: the code sees the modules that the platform's
worker would show it, and the environment that the host gives it. Speaks frames on standard input and output: four bytes of length,
then JSON. The first says what to load: the folder of the code, the folder of the packages that it brings (null: none), whether the
interpreter is one that these are for (`own`), the environment, and the seconds that loading may take.
"""

import asyncio
import base64
import contextlib
import contextvars
import importlib
import importlib.abc
import inspect
import io
import json
import logging
import os
import site
import struct
import sys
import threading
import time
import traceback
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">I")
_CALL: contextvars.ContextVar[int] = contextvars.ContextVar("call", default=0)
"""Number of the call that runs; 0: none."""
_ONE_AT_A_TIME = threading.Lock()
_PLATFORM = ("azure.functions", "werkzeug", "markupsafe", "__main__")
"""What the platform brings if the package does not: its library, and what that needs."""
_LONGEST = 10_000
"""Characters of a line that are passed on."""
_KEPT = 4 * (_LONGEST + 1)
"""Bytes of a line that are looked at for these: one character more, to know whether there are more."""


def _write(output: BinaryIO, message: dict[str, Any]) -> None:
    content = json.dumps(message).encode()
    with _ONE_AT_A_TIME:
        output.write(_LENGTH.pack(len(content)) + content)
        output.flush()


def _read(source: BinaryIO) -> dict[str, Any] | None:
    """The next message, or None when the host is gone."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return json.loads(source.read(_LENGTH.unpack(head)[0]))


class _Said(io.RawIOBase):
    """What is below standard output or error of the code: each line goes to the host, with the call that printed it."""

    def __init__(self, output: BinaryIO, descriptor: int, name: str) -> None:
        """`descriptor`: where other processes of the code write."""
        self._output, self._descriptor, self.name = output, descriptor, name
        self._begun: dict[int, bytearray] = {}

    def text(self) -> io.TextIOWrapper:
        """As the code knows it. What cannot be encoded is shown all the same."""
        return io.TextIOWrapper(self, "utf-8", "backslashreplace", newline="\n", write_through=True)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, content: Any, /) -> int:
        call = _CALL.get()
        first, *others = bytes(content).split(b"\n")
        lines: list[bytes] = []
        with _ONE_AT_A_TIME:
            begun = self._begun.setdefault(call, bytearray())
            # No more than can be told, or a line that never ends fills the memory.
            begun += first[: max(0, _KEPT - len(begun))]
            if others:
                lines = [bytes(begun), *others[:-1]]
                self._begun[call] = bytearray(others[-1])
        for line in lines:
            said(self._output, _told(line))
        return len(content)

    def finish(self) -> None:
        """The call is over: what it has not ended with a line break is a line, too."""
        with _ONE_AT_A_TIME:
            rest = self._begun.pop(_CALL.get(), b"")
        if rest:
            said(self._output, _told(rest))


def _told(line: bytes | bytearray) -> str:
    return line[:_KEPT].decode(errors="backslashreplace")


class _Logged(logging.Handler):
    """What the code logs, as what it prints."""

    def __init__(self, output: BinaryIO) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        try:
            for line in self.format(record).split("\n"):
                said(self._output, line)
        except Exception as error:  # a message that cannot be formatted
            place = f"{record.filename}:{record.lineno}"
            said(
                self._output,
                f"{record.levelname} {record.name}: {record.msg!r} at {place} does not fit its arguments: {error}",
            )


def said(output: BinaryIO, line: str) -> None:
    """Tells the host one line of the call that runs."""
    with contextlib.suppress(OSError, ValueError):  # it is gone
        _write(output, {"said": _cut(line.rstrip("\r")), "call": _CALL.get()})


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} … (only the first {_LONGEST} characters are shown)"


class _OnlyPackaged(importlib.abc.MetaPathFinder):
    """Hides what is installed on this machine and not in the package: in Azure it would not be there either."""

    def __init__(self, code: Path, packages: Path, finders: Sequence[Any]) -> None:
        """`finders`: which find what is not hidden."""
        self._folders, self._finders = (code, packages), finders

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        """What the others find, or nothing."""
        parts = fullname.split(".")
        known = parts[0] in sys.stdlib_module_names or fullname.startswith(_PLATFORM) or fullname == "azure"
        if not known and not any(_holds(folder, parts) for folder in self._folders):
            return None
        found = (finder.find_spec(fullname, path, target) for finder in self._finders)
        return next((spec for spec in found if spec is not None), None)

    def find_distributions(self, *context: Any) -> Generator[Any]:
        """What is known of packages (importlib.metadata): of all that are installed."""
        for finder in self._finders:
            if hasattr(finder, "find_distributions"):
                yield from finder.find_distributions(*context)

    def invalidate_caches(self) -> None:
        for finder in self._finders:
            if hasattr(finder, "invalidate_caches"):
                finder.invalidate_caches()


def _holds(folder: Path, parts: Sequence[str]) -> bool:
    """Whether a module can come from a folder. Below a package that is no namespace everything is the package's own affair."""
    for part in parts:
        inside = folder / part
        if (inside / "__init__.py").is_file():
            return True
        if not inside.is_dir():
            return any(folder.glob(f"{part}.*"))
        folder = inside
    return True


def _loaded(wanted: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What the host wants, as `_load` gives it."""
    os.environ.clear()
    os.environ.update(wanted["environment"])
    if hasattr(time, "tzset"):
        time.tzset()
    os.chdir(wanted["code"])
    if not wanted["own"]:
        # What is installed here, which stands in for packages that are for another interpreter.
        site.main()
    packages = wanted["packages"]
    return _load(Path(wanted["code"]), Path(packages) if packages else None, own=wanted["own"])


def _load(folder: Path, packages: Path | None, *, own: bool) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The functions of the app as the host indexes them, and what to call.

    https://github.com/Azure/azure-functions-python-worker (loader.index_function_app)
    """
    sys.path.insert(0, str(folder))
    if packages is not None:
        # Packages are for one platform and one Python. On another one, what is installed here goes before them: of theirs the
        # compiled parts could not be loaded.
        sys.path.append(str(packages))
        if not own:
            sys.meta_path[:] = [_OnlyPackaged(folder, packages, list(sys.meta_path))]
    import azure.functions as func  # noqa: PLC0415  (the app's own, from its path)

    module = importlib.import_module("function_app")
    apps = [
        value for value in vars(module).values() if isinstance(value, func.decorators.function_app.FunctionRegister)
    ]
    if len(apps) != 1:
        raise ValueError(f"function_app.py must have one FunctionApp at its top level; it has {len(apps)}")
    described: list[dict[str, Any]] = []
    callables: dict[str, Any] = {}
    with _unwarned():
        functions = apps[0].get_functions()
    for function in functions:
        name = str(function.get_function_name())
        described.append({"name": name, "bindings": json.loads(function.get_function_json())["bindings"]})
        callables[name] = function.get_user_function()
    return described, callables


def _avoidable(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("Auth level is not applied to non http function app")


@contextlib.contextmanager
def _unwarned() -> Generator[None, None, None]:
    """Without the one warning that no author can heed: `get_functions` of azure-functions gives it to each app without an HTTP trigger, as one of
    MCP tools is, whatever the app says of its level (azure/functions/decorators/function_app.py, 1.26 and 2.3)."""
    root = logging.getLogger()
    root.addFilter(_avoidable)
    try:
        yield
    finally:
        root.removeFilter(_avoidable)


def _placed(frame: traceback.FrameSummary) -> list[Any]:
    return [frame.filename, frame.lineno or 0, frame.line or ""]


def _failure(error: BaseException) -> dict[str, Any]:
    """An exception as the host explains it: where, what, and the whole of it."""
    lines = [_placed(frame) for frame in traceback.extract_tb(error.__traceback__)]
    try:
        message = str(error)
    except Exception:  # the code's own exceptions may be anything
        message = "<exception str() failed>"
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        lines.append([error.filename, error.lineno, error.text or ""])
        message = error.msg
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    mistake = {"kind": type(error).__name__, "message": message, "lines": lines, "missing": missing}
    return {"error": "".join(traceback.format_exception(error)), "mistake": mistake}


def _blob(content: str | None) -> Any:
    """A blob as functions read it; None: there is none."""
    import azure.functions.blob as converter  # noqa: PLC0415  (the app's own, from its path)

    return None if content is None else converter.InputStream(data=base64.b64decode(content))


def _outputs(names: Sequence[str]) -> dict[str, Any]:
    """What functions set by parameters."""
    import azure.functions as func  # noqa: PLC0415

    class Out(func.Out[Any]):
        value: Any = None

        def set(self, val: Any) -> None:
            self.value = val

        def get(self) -> Any:
            return self.value

    return {name: Out() for name in names}


def _written(value: Any) -> str:
    """A value that was set, as azure.functions encodes it for a blob.

    Raises:
        NotImplementedError: it is no text, no bytes and no file.
    """
    import azure.functions.blob as converter  # noqa: PLC0415

    content = converter.BlobConverter.encode(value, expected_type=None).value
    return base64.b64encode(content.encode() if isinstance(content, str) else content).decode()


async def _answer(function: Any, message: dict[str, Any]) -> dict[str, Any]:
    outputs = _outputs(message["outputs"])
    blobs = {name: _blob(content) for name, content in message["blobs"].items()}
    result = await _invoke(function, {**message["arguments"], **blobs, **outputs})
    written = {name: _written(out.get()) for name, out in outputs.items() if out.get() is not None}
    return {"result": result, "written": written}


async def _invoke(function: Any, arguments: dict[str, Any]) -> str:
    if inspect.iscoroutinefunction(function):
        result = await function(**arguments)
    else:
        result = await asyncio.to_thread(function, **arguments)
    # As azure.functions encodes what a trigger function returns.
    return "" if result is None else str(result)


async def _serve(source: BinaryIO, output: BinaryIO, callables: dict[str, Any], streams: Sequence[_Said]) -> None:
    running: set[asyncio.Task[None]] = set()

    async def answer(message: dict[str, Any]) -> None:
        _CALL.set(message["id"])
        ended = False
        try:
            reply = await _answer(callables[message["function"]], message)
        except BaseException as error:  # the function's own failure, whatever it is
            if over:
                raise
            # The platform's worker catches what is an Exception; these two end it.
            # https://github.com/Azure/azure-functions-python-worker (dispatcher._handle__invocation_request)
            ended = isinstance(error, SystemExit | KeyboardInterrupt)
            reply = _failure(error)
        for stream in streams:
            stream.finish()
        _write(output, {"id": message["id"], "ended": ended, **reply})
        if ended:
            os._exit(1)

    over = False
    while (message := await asyncio.to_thread(_read, source)) is not None:
        task = asyncio.create_task(answer(message))
        running.add(task)
        task.add_done_callback(running.discard)
    over = True


def main() -> None:
    """Serve until the host closes standard input."""
    # Standard input and output are the host's: the code, and processes that it starts, find nothing to read. What the code prints is
    # told line by line; what others write past Python, to the descriptors, goes to standard error.
    source, output = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    streams = (_Said(output, 1, "<stdout>"), _Said(output, 2, "<stderr>"))
    sys.stdout, sys.stderr = (stream.text() for stream in streams)
    handler = _Logged(output)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    wanted = _read(source)
    if wanted is None:
        return
    patience = threading.Timer(wanted["patience"], _give_up, [output, wanted["patience"]])
    patience.daemon = True
    patience.start()
    try:
        described, callables = _loaded(wanted)
    except BaseException as error:  # anything: it is the app's code that runs here
        _write(output, _failure(error))
        return
    finally:
        patience.cancel()
    _write(output, {"functions": described})
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(_serve(source, output, callables, streams))


def _give_up(output: BinaryIO, seconds: float) -> None:
    """The code is still being loaded, and most likely always will be: says where."""
    frame = sys._current_frames()[threading.main_thread().ident or 0]  # pyright: ignore[reportPrivateUsage] (it is documented)
    error = TimeoutError(f"the code does not load within {seconds:g} s; this is where it is")
    failure = _failure(error)
    failure["mistake"]["lines"] = [_placed(frame) for frame in traceback.extract_stack(frame)]
    _write(output, failure)
    os._exit(1)


if __name__ == "__main__":
    main()
    # Threads of the code must not keep the process.
    os._exit(0)
