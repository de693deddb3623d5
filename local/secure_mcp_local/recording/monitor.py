"""A Pulumi resource monitor that records. It relies on internals of the SDK, whose version is pinned."""

import asyncio
import contextvars
import logging
import os
import runpy
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pulumi.resource
from google.protobuf import json_format
from pulumi import RunError
from pulumi.runtime import mocks, resource, settings
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import resource_pb2, source_pb2
from pulumi.runtime.stack import run_in_stack

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import arguments, models
from secure_mcp_local.recording.model import Recording, Resource
from secure_mcp_local.recording.models import Environment
from secure_mcp_local.recording.project import Project
from secure_mcp_local.recording.wire import plain, secret, struct

_STACK = "pulumi:pulumi:Stack"
_TIMEOUT = 120
"""Seconds; a program that never ends waits for an output that never comes."""


class Monitor(mocks.MockMonitor):
    """Sees the raw registrations, answers them with the resource models and keeps both."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(_NoMocks())
        self._environment = environment
        self._lock = threading.Lock()
        self.recorded: dict[str, Resource] = {}
        self.stack_outputs: dict[str, Any] = {}
        self.stack_secrets: set[str] = set()

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The engine's rule; the SDK's mocks keep only the last parent's type."""
        chain = parent.split("::")[2] if parent else ""
        qualified = type_ if chain in {"", _STACK} else f"{chain}${type_}"
        return f"urn:pulumi:{settings.get_stack()}::{settings.get_project()}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        secrets: set[str] = set()
        unknowns: set[str] = set()
        raw = json_format.MessageToDict(request.object)
        inputs = plain(raw, secrets, unknowns)
        created = models.Created("", {})
        if request.custom:
            arguments.refuse(request.type, request.name, inputs, unknowns)
            created = models.create(models.Registration(urn, request.type, request.name, inputs, self._environment))
        parent = request.parent if not request.parent.split("::")[2].endswith(_STACK) else ""
        registered = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=parent,
            inputs=inputs,
            outputs={**inputs, **created.outputs},
            id=created.id,
            custom=request.custom,
            secrets=frozenset(secrets),
            unknowns=frozenset(unknowns),
            dependencies=frozenset(request.dependencies),
            deleted_with=request.deletedWith,
            retained=request.retainOnDelete,
        )
        with self._lock:
            if urn in self.recorded:
                raise LocalCloudError(f"two resources have the URN {urn}; give one of them another name")
            self.recorded[urn] = registered
        answer = {**raw}
        for name, value in created.outputs.items():
            hidden = name in created.secrets or name in request.additionalSecretOutputs
            answer[name] = secret(value) if hidden else value
        return resource_pb2.RegisterResourceResponse(urn=urn, id=created.id, object=struct(answer))

    def RegisterResourceOutputs(self, request: Any) -> Any:
        if request.urn.split("::")[2].endswith(_STACK):
            self.stack_outputs = plain(json_format.MessageToDict(request.outputs), self.stack_secrets, set())
        return super().RegisterResourceOutputs(request)

    def ReadResource(self, request: Any) -> Any:
        raise LocalCloudError(
            f"{request.type} {request.name} is read from Azure (get): the local cloud has only what a stack declares"
        )

    def Invoke(self, request: Any) -> Any:
        arguments = plain(json_format.MessageToDict(request.args), set(), set())
        answer = struct(dict(models.invoke(request.tok, arguments)))
        return resource_pb2.ResourceInvokeResponse(**{"return": answer})  # pyright: ignore[reportArgumentType]


class _NoMocks(mocks.Mocks):
    """Never asked: the monitor answers itself."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise AssertionError(args.typ)


class _NoHooks:
    """Takes hooks and runs none: nothing is deployed. The SDK's own would be a server that nobody calls."""

    def register_resource_hook(self, hook: object) -> None:
        del hook

    def register_error_hook(self, hook: object) -> None:
        del hook


def run(project: Project, stack: str, environment: Environment) -> Recording:
    """Runs the program as the language host does, in a thread and a context of its own, so that runs never share state
    and a caller may be in an event loop.

    Raises:
        LocalCloudError: the program failed; its own message.
    """
    monitor = Monitor(environment)
    result: list[BaseException | None] = [None]

    def go() -> None:
        try:
            contextvars.Context().run(_run, project, stack, monitor)
        except BaseException as error:
            result[0] = error

    thread = threading.Thread(target=go, name="pulumi-program")
    thread.start()
    thread.join()
    if (error := result[0]) is not None:
        raise _explained(error, project.main) from error
    return Recording(
        project=project.name,
        stack=stack,
        resources=tuple(monitor.recorded.values()),
        outputs=monitor.stack_outputs,
        output_secrets=frozenset(monitor.stack_secrets),
    )


def _run(project: Project, stack: str, monitor: Monitor) -> None:
    _lighten()
    logger = logging.Logger("pulumi")
    outputs: set[asyncio.Future[Any]] = set()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # Every output downstream of a failure repeats it; the first one is raised.
    loop.set_exception_handler(lambda *_: None)
    try:
        mock = mocks.MockSettings(
            monitor=monitor,
            monitor_features={
                resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
            },
            engine=mocks.MockEngine(logger),
            project=project.name,
            stack=stack,
            organization="organization",
            dry_run=False,
            callbacks=_NoHooks(),
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
    """

    async def no_aliases(*_: object) -> list[Any]:
        return []

    pulumi.resource.collapse_alias_to_urn = lambda *_: ""  # pyright: ignore[reportPrivateImportUsage]
    resource.prepare_aliases = no_aliases
    resource._get_stack_trace = source_pb2.StackTrace  # pyright: ignore[reportPrivateUsage]


def _program(main: Path, outputs: set[asyncio.Future[Any]]) -> Callable[[], Coroutine[Any, Any, None]]:
    async def go() -> None:
        folder = str(main.parent)
        sys.path.insert(0, folder)
        before = os.getcwd()
        # Pulumi starts programs in their own folder.
        os.chdir(folder)
        try:
            runpy.run_path(str(main), run_name="__main__")
        finally:
            os.chdir(before)
            sys.path.remove(folder)
        # The SDK, which waits next, goes through all that is left again each time that one is done.
        while pending := {output for output in outputs if not output.done()}:
            await asyncio.wait(pending)

    return go


def _explained(error: BaseException, main: Path) -> BaseException:
    """The error as a user should see it."""
    if isinstance(error, LocalCloudError | KeyboardInterrupt):
        return error
    if isinstance(error, RunError):
        return LocalCloudError(str(error))
    if isinstance(error, TimeoutError):
        return LocalCloudError(f"{main} did not end within {_TIMEOUT} seconds: an output never resolved")
    return LocalCloudError(f"{main} failed: {type(error).__name__}: {error}")
