"""The worker process as the host sees it: started, asked, replaced when it is gone."""

import asyncio
import base64
import json
import logging
import os
import signal
import struct
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secure_mcp_local.apart import APART, end
from secure_mcp_local.azure.functions.code import Code
from secure_mcp_local.errors import LocalCloudError

_SCRIPT = Path(__file__).with_name("worker.py")
_LENGTH = struct.Struct(">I")
_START = 60
"""Seconds for loading the code: generous, for a busy machine."""
_STOP = 2
_RETIRE = 60.0
"""Seconds that calls which run already may still take when the code has been replaced."""

_log = logging.getLogger(__name__)

Hear = Callable[[str, str], None]
"""Takes the function that printed or logged a line, empty if none was running, and the line. Called in the context of the call."""


def unheard(function: str, line: str) -> None:
    """For workers that nobody listens to."""
    del function, line


@dataclass(frozen=True)
class Returned:
    """What a function gave back."""

    result: str
    written: Mapping[str, bytes]
    """By parameters that it has set."""


class FunctionFailed(Exception):
    """A function raised: its traceback, for logs only."""

    def __init__(self, traceback: str, told: str = "") -> None:
        super().__init__(traceback)
        self.told = told or traceback
        """The same as one message, with the line of the author's code on top."""


class Spare:
    """A worker process that begins before anybody knows what it is to load, for the first worker that there is."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await _begun()

    def take(self) -> asyncio.subprocess.Process | None:
        """The process, once."""
        process, self._process = self._process, None
        return process if process is not None and process.returncode is None else None

    async def stop(self) -> None:
        """Ends it if nobody took it."""
        if (process := self.take()) is not None:
            process.kill()
            await process.wait()


class Worker:
    """One worker process with the code of one function app."""

    def __init__(
        self,
        code: Code,
        environment: Mapping[str, str],
        hear: Hear = unheard,
        loading: asyncio.Event | None = None,
        spare: "Spare | None" = None,
    ) -> None:
        """Nothing runs yet.

        Args:
            code: What it loads.
            environment: All that the code sees of ours.
            hear: Takes what it says.
            loading: To be set once its process loads the code.
            spare: A process that may have begun before.
        """
        self._code, self._hear, self._loading = code, hear, loading or asyncio.Event()
        self._spare = spare
        self._environment = dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._calls: dict[int, tuple[str, Context]] = {}
        self._last = 0
        self._ending = False
        self._said: deque[str] = deque(maxlen=20)

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process is not None and self._process.returncode is None and not self._ending

    async def start(self) -> list[dict[str, Any]]:
        """Starts it and returns its functions, each with `name` and `bindings` (as in function.json).

        Raises:
            LocalCloudError: the code cannot be loaded.
        """
        self._process = (self._spare.take() if self._spare else None) or await _begun()
        assert self._process.stdin is not None
        wanted = {
            "code": str(self._code.folder),
            "packages": str(self._code.packages) if self._code.packages else None,
            "own": self._code.fits,
            "environment": self._environment,
            "patience": _START,
        }
        # If it is gone already, what it said is the error below.
        with suppress(BrokenPipeError, ConnectionResetError):
            await _send(self._process.stdin, wanted)
        self._loading.set()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        listener = asyncio.create_task(self._listen(self._process.stderr))
        self._tasks = [listener]
        try:
            async with asyncio.timeout(_START + _STOP):
                while "said" in (first := await _receive(self._process.stdout)):
                    self._heard(first)
        except TimeoutError:
            raise LocalCloudError(f"the code of the function app does not load within {_START} s") from None
        except asyncio.IncompleteReadError:
            await asyncio.wait([listener], timeout=_STOP)
            said = "\n".join(["", *self._said])
            raise LocalCloudError(f"the worker of the function app ended{await _how(self._process)}{said}") from None
        if "error" in first:
            raise LocalCloudError(
                f"{self._code.told(first['mistake'])}\nThe code of the function app cannot be loaded."
            )
        self._tasks.insert(0, asyncio.create_task(self._receive_answers(self._process)))
        return first["functions"]

    async def invoke(
        self,
        function: str,
        arguments: Mapping[str, Any],
        blobs: Mapping[str, bytes | None] | None = None,
        outputs: Sequence[str] = (),
    ) -> Returned:
        """Runs a function.

        Args:
            arguments: By parameter, what a trigger hands over.
            blobs: By parameter, blobs that it reads; None: there is none.
            outputs: Parameters that it sets.

        Raises:
            FunctionFailed: it raised, or the worker ended meanwhile.
        """
        if self._process is None or not self.alive:
            raise FunctionFailed("the worker does not run")
        assert self._process.stdin is not None
        self._last += 1
        id = self._last
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[id] = future
        self._calls[id] = (function, copy_context())
        try:
            read = {
                name: None if blob is None else base64.b64encode(blob).decode() for name, blob in (blobs or {}).items()
            }
            message = {
                "id": id,
                "function": function,
                "arguments": dict(arguments),
                "blobs": read,
                "outputs": list(outputs),
            }
            await _send(self._process.stdin, message)
            answer = await future
        except (BrokenPipeError, ConnectionResetError):
            raise FunctionFailed("the worker ended") from None
        finally:
            self._waiting.pop(id, None)
            self._calls.pop(id, None)
        if "mistake" in answer:
            raise FunctionFailed(answer["error"], self._code.told(answer["mistake"]))
        if "error" in answer:
            raise FunctionFailed(answer["error"])
        written = {name: base64.b64decode(blob) for name, blob in answer["written"].items()}
        return Returned(answer["result"], written)

    async def retire(self) -> None:
        """Ends it when the calls that run in it are done."""
        try:
            if self._waiting:
                await asyncio.wait(list(self._waiting.values()), timeout=_RETIRE)
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Ends it; nothing to do if it does not run."""
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.stdin is not None
        process.stdin.close()
        try:
            await _ended(process)
        finally:
            end(process)
        await _ended(process)
        # A process that the code has started and that nothing ends may hold the output for ever.
        _, waiting = await asyncio.wait(self._tasks, timeout=_STOP) if self._tasks else (set(), set())
        for task in waiting:
            task.cancel()

    async def _receive_answers(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            while True:
                answer = await _receive(process.stdout)
                if "said" in answer:
                    self._heard(answer)
                    # Or code that prints much would leave nothing to anybody else: what has come already is not waited for.
                    await asyncio.sleep(0)
                    continue
                self._ending = answer["ended"]
                future = self._waiting.get(answer["id"])
                if future is not None and not future.done():
                    future.set_result(answer)
        except asyncio.IncompleteReadError:
            self._ending = True
            error = f"the worker ended{await _how(process)}"
            for future in self._waiting.values():
                if not future.done():
                    future.set_result({"error": error})

    def _heard(self, message: Mapping[str, Any]) -> None:
        function, context = self._calls.get(message["call"], ("", None))
        self._said.append(message["said"])
        _log.info("%s", message["said"])
        if context is None:
            self._hear(function, message["said"])
        else:
            context.run(self._hear, function, message["said"])

    async def _listen(self, errors: asyncio.StreamReader) -> None:
        """What is written past Python."""
        pending = b""
        # Not by lines: a reader has a limit for them.
        while chunk := await errors.read(65536):
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                self._said.append(text)
                _log.info("%s", text)
                self._hear("", text)


def machine() -> dict[str, str]:
    """Of this machine's environment, what a process needs to start, and what its code may see."""
    return {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMPDIR") if name in os.environ}


async def _begun() -> asyncio.subprocess.Process:
    """A worker process, which waits for what it is to load."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", "-X", "utf8", str(_SCRIPT)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # The app's own comes with its code.
        env=machine(),
        # Ctrl-C in a terminal is for the host, which ends it by closing its input.
        **APART,
    )


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Waits until it is gone, some seconds at most: with some Pythons that takes as long as anybody holds its output."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP):
            await process.wait()


async def _how(process: asyncio.subprocess.Process) -> str:
    """How it ended, to be said after that it did."""
    await _ended(process)
    code = process.returncode
    if code is None:
        return ""
    return f" with exit code {code}" if code >= 0 else f", killed by {signal.Signals(-code).name}"


async def _send(input: asyncio.StreamWriter, message: Mapping[str, Any]) -> None:
    content = json.dumps(message).encode()
    input.write(_LENGTH.pack(len(content)) + content)
    await input.drain()


async def _receive(output: asyncio.StreamReader) -> dict[str, Any]:
    (length,) = _LENGTH.unpack(await output.readexactly(_LENGTH.size))
    return json.loads(await output.readexactly(length))
