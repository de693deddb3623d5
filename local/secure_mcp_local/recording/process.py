"""Programs run in a process of their own: on another core, while the process that serves what they declare is still being loaded.

Both sides write pickled tuples. They are the same user's and the same installation's, and a program may do anything anyway.

* asked: the arguments of `record_together`, `(roots, stack, config, accept)`
* answered: any number of `("said", text)` and `("gateway", service)`, the latter answered by `(address, error)`, one of them None; at last
  `("recorded", recordings)` or `("failed", message)`
"""

import gc
import io
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self, cast

from secure_mcp_local.apart import APART, end
from secure_mcp_local.errors import ExplainedError, LocalCloudError
from secure_mcp_local.recording import record_together
from secure_mcp_local.recording.registration import Environment
from secure_mcp_local.recording.resources import Recording

_LOOK = 0.1
"""Seconds between two looks whether anybody still waits for an answer."""
_STOP = 2
"""Seconds for what a program wants to do when its process ends."""

_Asked = tuple[list[Path], str, dict[str, str], Collection[str] | None]


class ProgramProcess:
    """A process that runs programs when it is asked to, one after the other. As a context manager it ends with the block."""

    def __init__(
        self, roots: Sequence[Path], stack: str, config: Mapping[str, str], accept: Collection[str] | None
    ) -> None:
        """Begins at once with what will be asked for first: arguments of `record_together`."""
        self._lock = threading.Lock()
        self._process = _started()
        self._begun: _Asked | None = (list(roots), stack, dict(config), accept)
        # If it is gone already, whoever asks first is told.
        with suppress(OSError):
            self._send(self._begun)

    def record_together(
        self,
        roots: Sequence[Path],
        stack: str,
        config: Mapping[str, str] | None = None,
        environment: Environment = Environment(),  # noqa: B008  (frozen)
        accept: Collection[str] | None = (),
    ) -> list[Recording]:
        """As the function of that name. Of the environment, it takes the addresses of gateways. When that is over, the process ends.

        Raises:
            LocalCloudError: as there, or the program has ended its process.
        """
        answered = threading.Event()
        with self._lock:
            threading.Thread(target=self._end_when, args=(environment.over, answered), daemon=True).start()
            try:
                kind, value = self._ask((list(roots), stack, dict(config or {}), accept), environment)
            except (EOFError, OSError, ValueError, pickle.UnpicklingError):
                raise LocalCloudError(f"the program ended its own process: {_ended(self._process)}") from None
            finally:
                answered.set()
        if kind == "failed":
            raise LocalCloudError(value)
        return value

    def _end_when(self, over: Callable[[], bool], answered: threading.Event) -> None:
        while not answered.wait(_LOOK):
            if over():
                end(self._process)
                return

    def close(self) -> None:
        """Ends it and what programs have started, also while one runs."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        unheard = self._begun is not None or self._lock.locked()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0 if unheard else _STOP)
        end(self._process)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, asked: _Asked, environment: Environment) -> tuple[str, Any]:
        begun, self._begun = self._begun, None
        if begun is not None and begun != asked:
            self._answer(environment)
        if begun != asked:
            if self._process.poll() is not None:
                # The last program has ended it.
                self._process = _started()
            self._send(asked)
        return self._answer(environment)

    def _answer(self, environment: Environment) -> tuple[str, Any]:
        assert self._process.stdout is not None
        while True:
            kind, value = pickle.load(self._process.stdout)  # noqa: S301  (see above)
            if kind == "said":
                sys.stderr.write(value)
            elif kind == "gateway":
                self._send(_address(environment, value))
            else:
                return kind, value

    def _send(self, message: object) -> None:
        assert self._process.stdin is not None
        pickle.dump(message, self._process.stdin)
        self._process.stdin.flush()


def _started() -> subprocess.Popen[bytes]:
    # -P: nothing is imported from the folder that somebody happens to be in.
    command = [sys.executable, "-P", "-m", __name__]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **APART)  # noqa: S603  (nobody's input)
    return cast("subprocess.Popen[bytes]", process)


def _address(environment: Environment, service: str) -> tuple[str | None, str | None]:
    try:
        return environment.gateway_url(service), None
    except ExplainedError as error:
        return None, str(error)


def _ended(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(_STOP)
    except subprocess.TimeoutExpired:
        return "it answers no more"
    return f"exit code {code}" if code >= 0 else f"signal {-code}, {signal.strsignal(-code)}"


class _Answering:
    """The side of that process."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._questions, self._answers = questions, answers
        self._writing, self._asking = threading.Lock(), threading.Lock()

    def serve(self) -> None:
        """Until nobody asks any more."""
        while True:
            try:
                roots, stack, config, accept = pickle.load(self._questions)  # noqa: S301  (see above)
            except EOFError:
                return
            try:
                recordings = record_together(roots, stack, config, Environment(self._gateway_url), accept)
            except ExplainedError as error:
                self.send("failed", str(error))
            else:
                self.send("recorded", recordings)
            if not gc.isenabled():
                # The SDK's modules are a million objects that stay.
                gc.freeze()
                gc.enable()

    def send(self, kind: str, value: object) -> None:
        with self._writing:
            pickle.dump((kind, value), self._answers)
            self._answers.flush()

    def _gateway_url(self, service: str) -> str | None:
        with self._asking:
            self.send("gateway", service)
            url, error = pickle.load(self._questions)  # noqa: S301  (see above)
        if error is not None:
            raise LocalCloudError(error)
        return url


class _Said(io.TextIOBase):
    """What a program prints, told in the order of everything else that is."""

    def __init__(self, answering: _Answering) -> None:
        self._answering = answering

    def write(self, text: str, /) -> int:
        self._answering.send("said", text)
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """For the program's own processes, which write there themselves."""
        return 2


def _serve() -> None:
    gc.disable()
    # What a program reads and what its own processes print are no questions and no answers.
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    answering = _Answering(questions, answers)
    sys.stderr = _Said(answering)
    # Nobody is there any more.
    with suppress(BrokenPipeError):
        answering.serve()


if __name__ == "__main__":
    _serve()
