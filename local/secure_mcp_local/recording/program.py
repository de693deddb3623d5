"""Runs a program with the monitor that records, as the language host does. It relies on internals of the SDK, whose version is pinned."""

import asyncio
import contextvars
import logging
import os
import runpy
import sys
import threading
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import pulumi.resource
from pulumi import RunError
from pulumi.runtime import mocks, resource, settings
from pulumi.runtime.config import CONFIG, set_all_config
from pulumi.runtime.proto import resource_pb2, source_pb2
from pulumi.runtime.stack import run_in_stack

import secure_mcp
from secure_mcp_local.errors import ExplainedError, LocalCloudError
from secure_mcp_local.mistakes import Mistake
from secure_mcp_local.recording.monitor import Callbacks, Monitor
from secure_mcp_local.recording.project import Project, heard
from secure_mcp_local.recording.registration import Environment
from secure_mcp_local.recording.resources import Recording

_LIBRARY = secure_mcp.__name__
"""Ours, which a program has in its own folder where it is developed together with it."""
_LOOK, _UNWIND = 0.1, 2.0
"""Seconds between two looks whether anybody still waits for a program, and those that one which is stopped has to end."""
_TIMEOUT = 120
"""Seconds; a program that never ends waits for an output that never comes."""


class Asked(dict[str, Any]):
    """A stack's configuration as the SDK looks things up in it, with what the program asked for."""

    def __init__(self, config: Mapping[str, str], asked: set[str]) -> None:
        super().__init__(config)
        self._asked = asked

    def __contains__(self, key: object) -> bool:
        self._asked.add(str(key))
        return super().__contains__(key)


def run(project: Project, stack: str, environment: Environment, others: Sequence[Recording] = ()) -> Recording:
    """Runs the program as the language host does, in a thread and a context of its own, so that runs never share state
    and a caller may be in an event loop.

    Raises:
        LocalCloudError: the program failed; its own message.
    """
    monitor = Monitor(environment, project.config, others)
    result: list[BaseException | None] = [None]
    asked: set[str] = set()

    def go() -> None:
        try:
            contextvars.Context().run(_run, project, stack, monitor, asked)
        except BaseException as error:
            result[0] = error

    # One that never ends must not keep the process, which is told to stop or waits for another edit.
    thread = threading.Thread(target=go, name="pulumi-program", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_LOOK)
        if environment.over():
            _stop(thread)
            raise LocalCloudError(f"The program {project.main} was stopped.")
    if (error := result[0]) is not None:
        raise _explained(error, project) from error
    heard(project, asked)
    return Recording(
        project=project.name,
        stack=stack,
        resources=tuple(monitor.recorded.values()),
        outputs=monitor.stack_outputs,
        output_secrets=frozenset(monitor.stack_secrets),
        output_unknowns=frozenset(key.partition(".")[0].partition("[")[0] for key in monitor.stack_unknowns),
        folders={project.name: project.main.parent},
        refers={project.name: frozenset(monitor.refers)},
        tenant=monitor.tenant,
        filled=project.filled,
    )


def _stop(thread: threading.Thread) -> None:
    """Lets a program end where it is, if that is in Python: what it waits for outside, it still waits for."""
    import ctypes  # noqa: PLC0415  (hardly ever needed)

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
    thread.join(_UNWIND)


def _run(project: Project, stack: str, monitor: Monitor, asked: set[str]) -> None:
    _lighten()
    logger = logging.Logger("pulumi")
    outputs: set[asyncio.Future[Any]] = set()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    monitor.callbacks = Callbacks(monitor, loop)
    _answer_at_once(loop, monitor.callbacks)
    # Every output downstream of a failure repeats it; the first one is raised.
    loop.set_exception_handler(lambda *_: None)
    try:
        mock = mocks.MockSettings(
            monitor=monitor,
            monitor_features={
                resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
            },
            engine=mocks.MockEngine(logger),
            project=project.name,
            stack=stack,
            organization="organization",
            dry_run=False,
            callbacks=monitor.callbacks,
            legacy_apply_enabled=False,
            root_directory=str(project.main.parent),
            parallel=None,
            outputs=outputs,
            lock=threading.Lock(),
            package_refs={},
            base_providers_by_ref={},
        )
        settings.ROOT.set(None)
        settings.configure(mock)
        set_all_config(dict(project.config), [])
        CONFIG.set(Asked(CONFIG.get(), asked))
        with _in_its_folder(project.main.parent):
            loop.run_until_complete(asyncio.wait_for(run_in_stack(_program(project.main, outputs)), _TIMEOUT))
    finally:
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        asyncio.set_event_loop(None)
        loop.close()


def _lighten() -> None:
    """Takes from the SDK the work whose results only an engine reads. It takes as long as all else that the SDK does.

    - Names that a resource would have had under its old types, some two thousand, also for children that may want to
      inherit them: there is no former state here that a name could be looked up in.
    - Where in the program a resource was made: engines show it beside their own messages.
    - Four messages for each resource that only `pulumi up --debug` shows.
    - A thread for each question, see `_answer_at_once`.
    """

    async def no_aliases(*_: object) -> list[Any]:
        return []

    pulumi.resource.collapse_alias_to_urn = lambda *_: ""  # pyright: ignore[reportPrivateImportUsage]
    resource.prepare_aliases = no_aliases
    pulumi.log.debug = lambda *_, **__: None
    resource._get_stack_trace = source_pb2.StackTrace  # pyright: ignore[reportPrivateUsage]
    resource.wrap_with_context = _Question  # pyright: ignore[reportPrivateImportUsage]


class _Question:
    """What the SDK asks the engine. It has it called in another thread, and in its own context there."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self.ask = ask
        self._context = contextvars.copy_context()

    def __call__(self) -> Any:
        return self._context.run(self.ask)


def _answer_at_once(loop: asyncio.AbstractEventLoop, callbacks: Callbacks) -> None:
    """Lets the monitor answer where it is asked: it waits for nobody, unless the program has transforms, which run in this loop."""
    elsewhere = loop.run_in_executor

    def run(executor: Any, work: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        if not isinstance(work, _Question) or callbacks.any:
            return elsewhere(executor, work, *args)
        answer: asyncio.Future[Any] = loop.create_future()
        try:
            answer.set_result(work.ask())
        except Exception as error:
            answer.set_exception(error)
        return answer

    loop.run_in_executor = run  # pyright: ignore[reportAttributeAccessIssue]


@contextmanager
def _in_its_folder(folder: Path) -> Generator[None]:
    """As Pulumi starts programs: in their own folder, which modules are imported from, and nothing that they print is a result.

    Afterwards modules of that folder are forgotten: the next program has its own of the same name, or the same ones, edited.
    """
    # Whoever runs the program may have loaded the same modules for itself, perhaps before an edit.
    own = _modules(folder)
    if shared := _LIBRARY in own and _unedited(folder / _LIBRARY):
        own.remove(_LIBRARY)
    aside = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in own}
    before, modules = _here(), set(sys.modules)
    sys.path.insert(0, str(folder))
    os.chdir(folder)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        if before is not None:
            os.chdir(before)
        sys.path.remove(str(folder))
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None)
            if shared and name.partition(".")[0] == _LIBRARY:
                continue
            if name.partition(".")[0] in own or (file and folder in Path(file).parents and "site-packages" not in file):
                del sys.modules[name]
        sys.modules.update(aside)


def _here() -> Path | None:
    """The present folder; none where somebody has removed it, as git and a new clone do."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def _unedited(package: Path) -> bool:
    """Whether the library in a program's folder is the one that this process has loaded, which then serves the program as an installed one
    would: to load it once more takes a fifth of a short run."""
    loaded = getattr(sys.modules.get(package.name), "__file__", None)
    return loaded == str(package / "__init__.py") and _first_seen(package) == _seen(package)


@cache
def _first_seen(package: Path) -> dict[str, tuple[int, int, int]]:
    """As it was when the first program ran, before anything of it was loaded that is loaded by now."""
    return _seen(package)


def _seen(package: Path) -> dict[str, tuple[int, int, int]]:
    each = ((str(file), file.stat()) for file in package.rglob("*.py"))
    return {name: (status.st_mtime_ns, status.st_ctime_ns, status.st_size) for name, status in each}


def _modules(folder: Path) -> set[str]:
    """Names of the modules and packages that a program imports from its folder."""
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return packages | {path.stem for path in folder.glob("*.py")} - {"__main__"}


def _program(main: Path, outputs: set[asyncio.Future[Any]]) -> Callable[[], Coroutine[Any, Any, None]]:
    async def go() -> None:
        runpy.run_path(str(main), run_name="__main__")
        # The SDK, which waits next, goes through all that is left again each time that one is done.
        while pending := {output for output in outputs if not output.done()}:
            await asyncio.wait(pending)

    return go


def _explained(error: BaseException, project: Project) -> BaseException:
    """The error as a user should see it, with their own line on top."""
    main = project.main
    if isinstance(error, ExplainedError):
        return error
    if isinstance(error, RunError):
        return LocalCloudError(str(error))
    if isinstance(error, TimeoutError):
        return LocalCloudError(f"{main} did not end within {_TIMEOUT} seconds: an output never resolved")
    return LocalCloudError(f"{Mistake.of(error).told(project.root)}\nThe program {main} failed.")
