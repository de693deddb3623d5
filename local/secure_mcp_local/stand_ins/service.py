"""One provider over Pulumi's protocol (`pulumirpc.ResourceProvider`), for the types of one package."""

import json
import secrets
import threading
import time
from collections.abc import Collection, Generator, Mapping
from concurrent import futures
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Never

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from secure_mcp_local.errors import ExplainedError, LocalCloudError, NotModelled
from secure_mcp_local.recording import Resource, arguments, models, unmodelled
from secure_mcp_local.recording.azure_types import API_MANAGEMENT
from secure_mcp_local.recording.naming import Naming, Way
from secure_mcp_local.recording.other_types import APPLICATION, offered
from secure_mcp_local.recording.registration import Environment, Registration
from secure_mcp_local.recording.wire import bare, plain, secret, struct
from secure_mcp_local.rules import concurrency
from secure_mcp_local.stand_ins import conditions, mutability, schema
from secure_mcp_local.stand_ins.deployed import everything, gateway_url
from secure_mcp_local.stand_ins.faults import Fault, Faults
from secure_mcp_local.stand_ins.store import AlreadyExists, Deployed, Store, stack_of

PACKAGES = ("azure-native", "azuread", "random")

_CONFIGURATION = frozenset({"location", "version"})
"""What a provider can be configured with. Whatever else there is says how to reach the real Azure."""

_MOMENT = 0.1
"""Seconds that a change of an account takes."""

_CALLS = 32
"""At a time; a call that stalls holds one."""

_ANSWERED_OTHERWISE = frozenset({"identity", "properties"})
"""Inputs that come back with more or other things in them, so that their outputs are not known before."""

_STATUS: tuple[tuple[type[ExplainedError], grpc.StatusCode], ...] = (
    (NotModelled, grpc.StatusCode.UNIMPLEMENTED),
    (AlreadyExists, grpc.StatusCode.ALREADY_EXISTS),
    (conditions.NotFound, grpc.StatusCode.NOT_FOUND),
    (Fault, grpc.StatusCode.UNAVAILABLE),
    (ExplainedError, grpc.StatusCode.FAILED_PRECONDITION),
)


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Keeps resources in a store and answers with what the resource models compute.

    Args:
        package: Of `PACKAGES`.
        store: Where the resources are.
        gateway_url: Address that the first gateway of a stack will be served at, or none: addresses as in Azure.
        faults: Operations that fail.
        accepted: Types that are not modelled, may decide who gets in, and are passed by all the same.
    """

    def __init__(
        self, package: str, store: Store, gateway_url: str | None, faults: Faults, accepted: Collection[str] = ()
    ) -> None:
        self._package, self._store, self._gateway_url, self._faults = package, store, gateway_url, faults
        self._accepted = accepted
        self._seen: dict[str, Resource] = {}
        """What was checked and is modelled, by URN: what is not modelled may belong to it before either is there."""
        # Random values are made once and live in the engine's state; there is no service that has them.
        self._kept = package != "random"
        self._held: set[str] = set()
        """Ids of what a change that goes on has locked."""
        self._changing = threading.Lock()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=version(f"pulumi-{self._package}"))

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema.of(self._package)))

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._faults.cancel()
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        failures = [
            provider_pb2.CheckFailure(
                property=name,
                reason=f"the stand-in for {self._package} knows only {', '.join(sorted(_CONFIGURATION))}; "
                "it reaches no Azure that could need more",
            )
            for name in json_format.MessageToDict(request.news)
            if name not in _CONFIGURATION
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        type, name = _type(request.urn), _name(request.urn)
        with _Refusals(context, request.urn):
            inputs, unknowns = _values(request.news)
            # What was checked before and is as it was needs no second look, which would import the SDK.
            if request.HasField("olds") and _values(request.olds) == (inputs, unknowns) and not unknowns:
                return provider_pb2.CheckResponse(inputs=request.news)
            found = [(problem.path, problem.message) for problem in _problems(type, inputs, unknowns)]
            news = struct_pb2.Struct()
            news.CopyFrom(request.news)
            if (own := _own_name(type)) is not None and own[0] not in news and own[0] not in unknowns:
                news[own[0]] = inputs[own[0]] = _made_up(request, own)
            if not models.modelled(type):
                self._refuse(request.urn, inputs)
            elif not found and not unknowns:
                try:
                    made = models.create(Registration(request.urn, type, name, inputs, Environment()))
                    self._seen[request.urn] = Resource(request.urn, type, name, "", inputs, id=made.id)
                except ExplainedError as error:
                    found = [("", str(error))]
        failures = [provider_pb2.CheckFailure(property=path, reason=reason) for path, reason in found]
        return provider_pb2.CheckResponse(inputs=news, failures=failures)

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        type = _type(request.urn)
        with _Refusals(context, request.urn):
            old, new = _bare(request.old_inputs), _bare(request.news)
            changed = mutability.changed(old, new)
            replaced = mutability.replaced(type, changed)
        some = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        fixed = mutability.fixed(type)
        return provider_pb2.DiffResponse(
            changes=some,
            diffs=changed,
            replaces=replaced,
            # Under the same id there cannot be two.
            deleteBeforeReplace=bool(replaced) and bool(fixed) and not fixed & set(replaced),
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.preview:
            return provider_pb2.CreateResponse(properties=_foreseen(request.properties))
        with _Refusals(context, request.urn):
            self._faults.before("create", request.urn)
            if not models.modelled(_type(request.urn)):
                self._refuse(request.urn, _values(request.properties)[0])
            # No two processes give gateways the same place.
            with self._store.alone() if _type(request.urn) == API_MANAGEMENT else nullcontext():
                deployed = self._create(request)
            self._faults.after("create", request.urn)
            return provider_pb2.CreateResponse(id=deployed.id, properties=struct(deployed.outputs))

    def _create(self, request: Any) -> Deployed:
        place = self._store.free_place(stack_of(request.urn), _type(request.urn)) if self._kept else 0
        deployed = self._computed(request.urn, secrets.token_hex(8), request.properties, time.time_ns(), place)
        if self._kept:
            with self._alone(deployed.type, deployed.id, deployed.inputs):
                if models.modelled(deployed.type):
                    conditions.for_creation(deployed, self._store)
                if not (deployed.adopted and self._store.get(deployed.id)):
                    self._store.create(deployed)
        return deployed

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        with _Refusals(context, request.urn):
            self._faults.before("read", request.urn)
            if not self._kept:
                return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
            found = self._store.get(request.id)
            if found is None or found.type != _type(request.urn):
                return provider_pb2.ReadResponse()
            return provider_pb2.ReadResponse(id=found.id, properties=struct(found.outputs), inputs=struct(found.inputs))

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        type = _type(request.urn)
        with _Refusals(context, request.urn):
            refused = mutability.refusal(type, _bare(request.old_inputs), _bare(request.news))
            if refused:
                raise LocalCloudError(refused)
            if request.preview and _values(request.news)[1]:
                return provider_pb2.UpdateResponse(properties=_foreseen(request.news))
            before = conditions.existing(request.id, self._store)
            after = replace(
                self._computed(request.urn, before.seed, request.news, before.created, before.place), id=before.id
            )
            if request.preview:
                return provider_pb2.UpdateResponse(properties=struct(after.outputs))
            self._faults.before("update", request.urn)
            conditions.for_change(after, self._store)
            self._store.replace(after)
            self._faults.after("update", request.urn)
            return provider_pb2.UpdateResponse(properties=struct(after.outputs))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        with _Refusals(context, request.urn):
            self._faults.before("delete", request.urn)
            if self._kept:
                there = self._store.get(request.id)
                with self._alone(_type(request.urn), request.id, there.inputs if there is not None else {}):
                    conditions.for_deletion(request.id, self._store)
                    self._store.delete(request.id)
            self._faults.after("delete", request.urn)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        with _Refusals(context, request.tok):
            answer = self._answer(request.tok, _values(request.args)[0])
        return provider_pb2.InvokeResponse(**{"return": struct(answer)})  # pyright: ignore[reportArgumentType]

    def _answer(self, function: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a provider function finds: a resource that some stack has deployed, or what is always there.

        Raises:
            LocalCloudError: no stack has deployed what it looks up.
            NotModelled: nothing is known of the function.
        """
        if (found := models.looked_up(function, arguments)) is None:
            return models.invoke(function, arguments)
        _, id = found
        if (deployed := self._store.get(id)) is None:
            raise LocalCloudError(f"{function}: there is no {id}; deploy the stack that declares it first")
        return {**deployed.outputs, "id": deployed.id}

    @contextmanager
    def _alone(self, type: str, id: str, inputs: Mapping[str, Any]) -> Generator[None]:
        """Refuses a change of what another change has locked.

        Raises:
            LocalCloudError: there is one.
        """
        held = concurrency.held(type, id, inputs)
        if not held:
            yield
            return
        with self._changing:
            for one, said in held.items():
                if one in self._held:
                    raise LocalCloudError(said)
            self._held |= held.keys()
        try:
            # What takes a minute in Azure takes long enough here for another one to come.
            time.sleep(_MOMENT)
            yield
        finally:
            with self._changing:
                self._held -= held.keys()

    def _refuse(self, urn: str, inputs: Mapping[str, Any]) -> None:
        """
        Raises:
            NotModelled: it is of a type that may decide who gets in, and that nobody accepted.
        """
        type, name = _type(urn), _name(urn)
        own = Resource(urn, type, name, "", inputs)
        there = [one for one in (*everything(self._store), *self._seen.values()) if models.modelled(one.type)]
        reason = unmodelled.reason(own, there)
        if reason and type not in self._accepted:
            raise NotModelled(
                f"the local cloud does not model what may decide who gets in: {type} {name} {reason}. "
                f"To go on without it, as if it were not declared: secure-mcp stand-ins --accept {type}"
            )

    def _permissions(self, client: str) -> Mapping[str, str] | None:
        applications = (one for one in self._store if one.type == APPLICATION)
        return offered(((_plain(one.inputs), _plain(one.outputs)) for one in applications), client)

    def _computed(self, urn: str, seed: str, properties: Any, created: int, place: int) -> Deployed:
        inputs, _ = _values(properties)
        type = _type(urn)
        # What is adopted is the same for every stack.
        origin = str(inputs.get("clientId")) if inputs.get("useExisting") else f"{urn}|{seed}"
        first = self._gateway_url
        environment = Environment(lambda _: first and gateway_url(first, place), self._permissions)
        registration = Registration(origin, type, _name(urn), inputs, environment)
        if models.modelled(type):
            answer = models.create(registration)
        else:
            answer = models.general(registration, arguments.own_name(type), arguments.parent_names(type))
        raw = json_format.MessageToDict(properties)
        computed = {key: secret(value) if key in answer.secrets else value for key, value in answer.outputs.items()}
        return Deployed(
            answer.id, urn, type, seed, inputs=raw, outputs={**raw, **computed}, created=created, place=place
        )


def start(provider: Provider) -> tuple[grpc.Server, int]:
    """A running server, on a free port of this machine."""
    # Long policies and packages of code do not fit into the 4 MB that gRPC allows by itself.
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(_CALLS), options=unlimited)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


class _Refusals:
    """Turns what the local cloud refuses into an answer of the protocol that names the resource."""

    def __init__(self, context: grpc.ServicerContext, subject: str) -> None:
        self._context, self._subject = context, subject

    def __enter__(self) -> None: ...

    def __exit__(self, type: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ExplainedError):
            status = next(status for kind, status in _STATUS if isinstance(error, kind))
            _abort(self._context, status, f"{self._subject.rsplit('::', 1)[-1]}: {error}")


def _abort(context: grpc.ServicerContext, status: grpc.StatusCode, message: str) -> Never:
    context.abort(status, message)
    raise AssertionError("abort raises")


def _problems(type: str, inputs: Mapping[str, Any], unknowns: Collection[str]) -> list[arguments.Problem]:
    try:
        return arguments.check(type, inputs, unknowns)
    except (NotModelled, ValueError):
        # Of what is not modelled the SDK need not be understood either.
        if models.modelled(type):
            raise
        return []


def _own_name(type: str) -> tuple[str, Way] | None:
    """As `models.own_name`, also of what is not modelled."""
    if models.modelled(type):
        return models.own_name(type)
    key = arguments.own_name(type) if type.startswith("azure-native:") else None
    return (key, "copy" if arguments.parent_names(type) else "random") if key else None


def _made_up(request: Any, own: tuple[str, Way]) -> str:
    """A name that the program does not give: the one that it has, the engine's proposal, or the provider's own way."""
    key, way = own
    if request.HasField("olds") and key in request.olds:
        return str(request.olds[key])
    name = _name(request.urn)
    if request.HasField("autonaming"):
        if request.autonaming.mode == request.autonaming.DISABLE:
            raise LocalCloudError(f"{name}: it has no name, and pulumi:autonaming lets none be made up")
        return str(request.autonaming.proposed_name)
    return Naming("", "").name(f"{request.urn}{request.randomSeed.hex()}", _type(request.urn), name, way)


def _type(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def _foreseen(properties: Any) -> Any:
    """What can be said of the outputs before a resource exists; ids and computed values are unknown by being absent."""
    known = json_format.MessageToDict(properties)
    return struct({key: value for key, value in known.items() if key not in _ANSWERED_OTHERWISE})


def _values(message: Any) -> tuple[dict[str, Any], set[str]]:
    """Plain values, and the paths of those that are not known yet."""
    unknowns: set[str] = set()
    return plain(json_format.MessageToDict(message), set(), unknowns), unknowns


def _plain(kept: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the store keeps, without the marks of secrets."""
    return plain(dict(kept), set(), set())


def _bare(message: Any) -> dict[str, Any]:
    """Values without the marks of secrets, but with those of what is unknown."""
    return bare(json_format.MessageToDict(message))
