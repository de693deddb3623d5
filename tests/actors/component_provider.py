"""The engine's part in talking to a component provider: a real plugin process, with the recording monitor behind it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from secure_mcp_local.recording import Environment, Recording
from secure_mcp_local.recording.monitor import Monitor
from secure_mcp_local.recording.wire import struct

PROVIDER = Path(__file__).parents[2] / "provider"
PROJECT, STACK = "other", "dev"
ROOT = f"urn:pulumi:{STACK}::{PROJECT}::pulumi:pulumi:Stack::{PROJECT}-{STACK}"


class ComponentProvider:
    """A running provider. What its components declare is in `recording`."""

    def __init__(self, stub: provider_pb2_grpc.ResourceProviderStub, monitor: Monitor, address: str) -> None:
        self._stub = stub
        self._monitor = monitor
        self._address = address

    def schema(self) -> dict[str, Any]:
        return json.loads(self._stub.GetSchema(provider_pb2.GetSchemaRequest(version=0)).schema)

    def construct(
        self,
        component: str,
        name: str,
        inputs: Mapping[str, Any],
        dependencies: Mapping[str, list[str]] | None = None,
        preview: bool = False,
    ) -> dict[str, Any]:
        """Constructs a component as the engine does for a program; its outputs, as wire values.

        Args:
            dependencies: URNs that inputs come from, by input.

        Raises:
            grpc.RpcError: the component failed; `details` says why.
        """
        answer = self._stub.Construct(
            provider_pb2.ConstructRequest(
                project=PROJECT,
                stack=STACK,
                organization="organization",
                dryRun=preview,
                parallel=16,
                monitorEndpoint=self._address,
                type=f"secure-mcp:index:{component}",
                name=name,
                parent=ROOT,
                inputs=struct(inputs),
                inputDependencies={
                    key: provider_pb2.ConstructRequest.PropertyDependencies(urns=urns)
                    for key, urns in (dependencies or {}).items()
                },
                accepts_output_values=True,
            )
        )
        return json_format.MessageToDict(answer.state) | {"urn": answer.urn}

    @property
    def recording(self) -> Recording:
        return Recording(PROJECT, STACK, tuple(self._monitor.recorded.values()))


@contextmanager
def component_provider(
    program: Path = PROVIDER.parent, plugin: Path = PROVIDER, python: Path | str = sys.executable
) -> Iterator[ComponentProvider]:
    """Starts the provider as the language host does, and stops it.

    Args:
        program: Folder of the program that uses it: there the plugin runs.
        plugin: Its folder.
        python: With what it is installed in.
    """
    monitor = _NamedMonitor(Environment())
    with (
        _served(engine_pb2_grpc.add_EngineServicer_to_server, _Engine()) as engine,
        _served(resource_pb2_grpc.add_ResourceMonitorServicer_to_server, _MonitorService(monitor)) as address,
        subprocess.Popen([python, plugin, engine], cwd=program, stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            assert process.stdout
            port = process.stdout.readline().strip()
            assert port, "the provider did not start"
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield ComponentProvider(provider_pb2_grpc.ResourceProviderStub(channel), monitor, address)
        finally:
            process.terminate()


class _NamedMonitor(Monitor):
    """The recording monitor, whose project and stack are not those of a program in this process."""

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        chain = parent.split("::")[2] if parent else ""
        qualified = type_ if chain in {"", "pulumi:pulumi:Stack"} else f"{chain}${type_}"
        return f"urn:pulumi:{STACK}::{PROJECT}::{qualified}::{name}"


class _MonitorService(resource_pb2_grpc.ResourceMonitorServicer):
    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:
        info = self._monitor.GetDeploymentInfo(request)
        info.supportedFeatures.append(resource_pb2.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES)
        return info

    def RegisterResource(self, request: Any, context: Any) -> Any:
        return self._monitor.RegisterResource(request)

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:
        return self._monitor.RegisterResourceOutputs(request)

    def RegisterResourceHook(self, request: Any, context: Any) -> Any:
        return self._monitor.RegisterResourceHook(request)

    def RegisterErrorHook(self, request: Any, context: Any) -> Any:
        return self._monitor.RegisterErrorHook(request)

    def Invoke(self, request: Any, context: Any) -> Any:
        return self._monitor.Invoke(request)


class _Engine(engine_pb2_grpc.EngineServicer):
    def Log(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: Any) -> Any:
        return engine_pb2.GetRootResourceResponse(urn=ROOT)

    def SetRootResource(self, request: Any, context: Any) -> Any:
        return engine_pb2.SetRootResourceResponse()


@contextmanager
def _served(add: Any, servicer: Any) -> Iterator[str]:
    # One at a time: modules of the SDK that are loaded when they are needed are not made for several threads.
    server = grpc.server(futures.ThreadPoolExecutor(1))
    add(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None)
