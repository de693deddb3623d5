"""A Pulumi resource monitor that records. It relies on internals of the SDK, whose version is pinned."""

import asyncio
import threading
from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from google.protobuf import empty_pb2, json_format
from pulumi.runtime import mocks, settings
from pulumi.runtime._callbacks import _CallbackServicer  # pyright: ignore[reportPrivateUsage]  (the version is pinned)
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.rpc import UNKNOWN

from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import arguments, models
from secure_mcp_local.recording.azure_types import RESOURCE_GROUP
from secure_mcp_local.recording.naming import Naming
from secure_mcp_local.recording.other_types import APPLICATION, offered
from secure_mcp_local.recording.registration import SUBSCRIPTION, Created, Environment, Registration
from secure_mcp_local.recording.resources import TENANT, Recording, Resource
from secure_mcp_local.recording.wire import plain, secret, struct

_STACK = "pulumi:pulumi:Stack"
_REFERENCE = "pulumi:pulumi:StackReference"
_PROVIDERS = "pulumi:providers:"


class Monitor(mocks.MockMonitor):
    """Sees the raw registrations, answers them with the resource models and keeps both."""

    def __init__(
        self, environment: Environment, config: Mapping[str, str] | None = None, others: Sequence[Recording] = ()
    ) -> None:
        """`config`: in full keys; `others`: the stacks that stack references can lead to."""
        super().__init__(_NoMocks())
        self._environment = replace(environment, permissions=self._permissions)
        self._config = config or {}
        self._others = others
        self._subscription = self._config.get("azure-native:subscriptionId", SUBSCRIPTION)
        self.tenant = self._config.get("azure-native:tenantId", TENANT)
        self._lock = threading.Lock()
        self._transforms: dict[str, list[Any]] = {}
        """Callbacks by the URN of the resource whose children they are for, too; those of the stack under an empty one."""
        self._parents: dict[str, str] = {}
        self.callbacks: Callbacks | None = None
        self.code: dict[str, Path] = {}
        """By the name of a hook, the folder that it publishes."""
        self.recorded: dict[str, Resource] = {}
        self.refers: set[str] = set()
        """Projects to whose stacks it refers."""
        self.stack_outputs: dict[str, Any] = {}
        self.stack_secrets: set[str] = set()
        self.stack_unknowns: set[str] = set()

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The engine's rule; the SDK's mocks keep only the last parent's type."""
        chain = parent.split("::")[2] if parent else ""
        qualified = type_ if chain in {"", _STACK} else f"{chain}${type_}"
        return f"urn:pulumi:{settings.get_stack()}::{settings.get_project()}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if request.remote:
            raise NotModelled(
                f"{request.type} {request.name} is a component that another program makes: the engine has to start that; use "
                "secure-mcp stand-ins pulumi up"
            )
        self._transform(request, urn)
        secrets: set[str] = set()
        unknowns: set[str] = set()
        raw = json_format.MessageToDict(request.object)
        inputs = plain(raw, secrets, unknowns)
        created = Created("", {})
        incomplete = False
        if request.custom:
            known = models.known(request.type)
            self._check(request, inputs, unknowns, known=known)
            inputs = self._placed(request, self._named(request, urn, inputs, unknowns), unknowns)
            created, incomplete = self._create(urn, request.type, request.name, inputs, request.provider, unknowns)
        registered = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=self._parent(request.parent),
            inputs=inputs,
            outputs={**inputs, **created.outputs},
            id=created.id,
            custom=request.custom,
            secrets=frozenset(secrets),
            unknowns=frozenset(unknowns),
            dependencies=frozenset(request.dependencies),
            deleted_with=request.deletedWith,
            retained=request.retainOnDelete,
            sources={key: frozenset(value.urns) for key, value in request.propertyDependencies.items()},
            code=next((self.code[hook] for hook in request.hooks.before_create if hook in self.code), None),
            incomplete=incomplete,
        )
        self._keep(registered)
        answer = {**raw}
        if "location" in inputs:
            answer.setdefault("location", inputs["location"])
        for name, value in created.outputs.items():
            hidden = name in created.secrets or name in request.additionalSecretOutputs
            answer[name] = secret(value) if hidden else value
        return resource_pb2.RegisterResourceResponse(urn=urn, id=created.id, object=struct(answer), unknown=incomplete)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        if request.urn.split("::")[2].endswith(_STACK):
            outputs = json_format.MessageToDict(request.outputs)
            self.stack_outputs = plain(outputs, self.stack_secrets, self.stack_unknowns)
        return super().RegisterResourceOutputs(request)

    def ReadResource(self, request: Any) -> Any:
        """What is looked up: another stack, or a resource that is there already."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _REFERENCE:
            return self._reference(request, urn)
        declared = self._declared(request.id)
        if declared is not None:
            outputs, incomplete = declared.outputs, declared.incomplete
        else:
            inputs = models.parsed(request.type, request.id) or {}
            outputs, incomplete = self._taken(urn, request.type, request.name, inputs)
        self._keep(
            Resource(
                urn=urn,
                type=request.type,
                name=request.name,
                parent=self._parent(request.parent),
                inputs={},
                outputs=outputs,
                id=request.id,
                dependencies=frozenset(request.dependencies),
                read=True,
                incomplete=incomplete,
            )
        )
        return resource_pb2.ReadResourceResponse(urn=urn, id=request.id, properties=struct(outputs), unknown=incomplete)

    def Invoke(self, request: Any) -> Any:
        arguments = plain(json_format.MessageToDict(request.args), set(), set())
        answer = self._looked_up(request.tok, arguments)
        if answer is None:
            answer = models.invoke(request.tok, arguments, self._subscription, self.tenant)
        return resource_pb2.ResourceInvokeResponse(**{"return": struct(dict(answer))})  # pyright: ignore[reportArgumentType]

    def RegisterStackTransform(self, request: Any) -> Any:
        self._transforms.setdefault("", []).append(request)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, request: Any) -> Any:
        raise NotModelled("the local cloud does not run transforms of provider functions (invoke transforms)")

    def _check(self, request: Any, inputs: Mapping[str, Any], unknowns: Collection[str], *, known: bool) -> None:
        if request.type.startswith((_PROVIDERS, "pulumi:pulumi:")):
            return
        try:
            problems = arguments.check(request.type, inputs, unknowns)
        except (NotModelled, ValueError):
            # Of what is not modelled the SDK need not be understood either.
            if known:
                raise
            return
        arguments.raise_for(request.type, request.name, problems)

    def _named(self, request: Any, urn: str, inputs: Mapping[str, Any], unknowns: Collection[str]) -> Mapping[str, Any]:
        """The inputs with a name that the provider makes up, if the program gives none."""
        own = models.own_name(request.type)
        if own is None and not models.known(request.type) and request.type.startswith("azure-native:"):
            key = arguments.own_name(request.type)
            own = (key, "copy" if arguments.parent_names(request.type) else "random") if key else None
        if own is None or inputs.get(own[0]) is not None or own[0] in unknowns:
            return inputs
        naming = Naming.of(settings.get_project(), settings.get_stack(), self._config)
        return {**inputs, own[0]: naming.name(urn, request.type, request.name, own[1])}

    def _placed(self, request: Any, inputs: Mapping[str, Any], unknowns: Collection[str]) -> Mapping[str, Any]:
        """The inputs with the location that the provider fills in where the program gives none: its own, or that of the group.

        https://www.pulumi.com/registry/packages/azure-native/installation-configuration/#configuration-options
        """
        if inputs.get("location") is not None or "location" in unknowns:
            return inputs
        # What is inside of something is where that is, and a deployment in a group takes none.
        alone = (models.own_name(request.type) or ("", ""))[1] == "random" and not request.type.endswith(":Deployment")
        if not alone or "location" not in arguments.known(request.type):
            return inputs
        location = self._of_provider(request.provider).get("location") or self._config.get("azure-native:location")
        location = location or next(
            (
                one.outputs.get("location")
                for one in self.recorded.values()
                if one.type == RESOURCE_GROUP
                and str(one.inputs.get("resourceGroupName")).lower() == str(inputs.get("resourceGroupName")).lower()
            ),
            None,
        )
        return {**inputs, "location": location} if location else inputs

    def _create(
        self, urn: str, type: str, name: str, inputs: Mapping[str, Any], provider: str, unknowns: Collection[str]
    ) -> tuple[Created, bool]:
        """Id and outputs, and whether there are outputs that nothing here can know."""
        subscription = self._of_provider(provider).get("subscriptionId") or self._subscription
        registration = Registration(urn, type, name, inputs, self._environment, subscription, self.tenant)
        if type.startswith(_PROVIDERS):
            return Created(registration.guid("provider"), {}), False
        if not models.modelled(type):
            return models.general(registration, arguments.own_name(type), arguments.parent_names(type)), True
        try:
            made = models.create(registration)
        except (KeyError, TypeError, ValueError, AttributeError):
            if not unknowns:
                raise
            # What it is computed from is not known.
            return models.general(registration, (models.own_name(type) or ("",))[0], ()), True
        return made, not made.complete

    def _permissions(self, client: str) -> Mapping[str, str] | None:
        """What an application offers that this program or one of the others declares."""
        everything = [*self.recorded.values(), *(one for other in self._others for one in other)]
        return offered(((one.inputs, one.outputs) for one in everything if one.type == APPLICATION), client)

    def _of_provider(self, reference: str) -> Mapping[str, Any]:
        """The inputs of an explicit provider, by `URN::ID`."""
        provider = self.recorded.get(reference.rpartition("::")[0])
        return provider.inputs if provider is not None else {}

    def _taken(self, urn: str, type: str, name: str, inputs: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
        """The outputs of something that is there already, as far as its address says them."""
        if not inputs:
            return {}, True
        subscription = inputs.get("subscription", self._subscription)
        given = {key: value for key, value in inputs.items() if key != "subscription"}
        try:
            made = models.create(Registration(urn, type, name, given, self._environment, subscription, self.tenant))
        except (KeyError, TypeError, ValueError, AttributeError):
            return given, True
        return {**given, **made.outputs}, True

    def _declared(self, id: str) -> Resource | None:
        """What this program or one of the others declares under an id."""
        everything = [*self.recorded.values(), *(one for other in self._others for one in other)]
        return next((one for one in everything if not one.read and one.id and one.id.lower() == id.lower()), None)

    def _looked_up(self, function: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The answer of a function that looks up a resource of a modelled type."""
        if (found := models.looked_up(function, arguments)) is None:
            return None
        type, id = found
        declared = self._declared(id)
        if declared is not None:
            return {**declared.outputs, "id": declared.id}
        outputs, _ = self._taken(self.make_urn("", type, id.rpartition("/")[2]), type, id, arguments)
        return {**outputs, "id": id, "name": id.rpartition("/")[2]}

    def _reference(self, request: Any, urn: str) -> Any:
        """Another stack's outputs: `organization/project/stack`, `project/stack`, or `stack` of this project."""
        parts = request.id.split("/")
        project, stack = parts[-2] if len(parts) > 1 else settings.get_project(), parts[-1]
        for other in self._others:
            if (other.project, other.stack) == (project, stack):
                self.refers.add(project)
                outputs = {
                    key: UNKNOWN if key in other.output_unknowns else value for key, value in other.outputs.items()
                }
                return resource_pb2.ReadResourceResponse(
                    urn=urn,
                    id=request.id,
                    properties=struct(
                        {
                            "name": request.id,
                            "outputs": outputs,
                            "secretOutputNames": sorted(other.output_secrets & outputs.keys()),
                        }
                    ),
                )
        raise MissingStack(project, stack)

    def _transform(self, request: Any, urn: str) -> None:
        """Runs the transforms of the resource, of everything that it is in, and of the stack, as the engine does."""
        own = list(request.transforms)
        self._parents[urn] = request.parent
        self._transforms[urn] = own
        callbacks = [*own]
        above = request.parent
        while above:
            callbacks += self._transforms.get(above, ())
            above = self._parents.get(above, "")
        for callback in [*callbacks, *self._transforms.get("", ())]:
            assert self.callbacks is not None
            self.callbacks.transform(callback, request)

    def _keep(self, resource: Resource) -> None:
        with self._lock:
            if resource.urn in self.recorded:
                raise LocalCloudError(f"two resources have the URN {resource.urn}; give one of them another name")
            self.recorded[resource.urn] = resource

    def _parent(self, urn: str) -> str:
        return urn if urn and not urn.split("::")[2].endswith(_STACK) else ""


class Callbacks(_CallbackServicer):
    """The program's transforms. The engine would call them through a server; here they are called where they are."""

    def __init__(self, monitor: Monitor, loop: asyncio.AbstractEventLoop) -> None:
        # Without the server that the SDK's own would start.
        self._callbacks, self._transforms, self._state_migrations = {}, {}, {}
        self._monitor: Any = monitor
        self._loop = loop
        self._target = "here"

    @property
    def any(self) -> bool:
        """Whether the program has transforms."""
        return bool(self._callbacks)

    def register_resource_hook(self, hook: object) -> None:
        """Nothing is deployed, so that no hook runs; what one would publish is of interest."""
        # By its attributes: the program may have a copy of the library of its own.
        source = getattr(getattr(hook, "package", None), "source", None)
        if isinstance(source, Path):
            self._monitor.code[str(getattr(hook, "name", ""))] = source

    def register_error_hook(self, hook: object) -> None:
        """Nothing is deployed, so that nothing fails."""
        del hook

    def transform(self, callback: Any, request: Any) -> None:
        """Lets a transform change a registration. Called from the thread of a registration."""
        options = resource_pb2.TransformResourceOptions(
            depends_on=request.dependencies,
            protect=request.protect,
            ignore_changes=request.ignoreChanges,
            provider=request.provider,
            additional_secret_outputs=request.additionalSecretOutputs,
        )
        asked = resource_pb2.TransformRequest(
            type=request.type,
            name=request.name,
            custom=request.custom,
            parent=request.parent,
            properties=request.object,
            options=options,
        )
        work = self._callbacks[callback.token](asked.SerializeToString())
        answer: Any = asyncio.run_coroutine_threadsafe(cast("Coroutine[Any, Any, Any]", work), self._loop).result()
        request.object.CopyFrom(answer.properties)
        if answer.HasField("options"):
            known = set(request.dependencies)
            request.dependencies.extend(urn for urn in answer.options.depends_on if urn not in known)
            request.provider = answer.options.provider or request.provider
            del request.additionalSecretOutputs[:]
            request.additionalSecretOutputs.extend(answer.options.additional_secret_outputs)


class MissingStack(LocalCloudError):
    """A stack reference leads to a stack that was not recorded."""

    def __init__(self, project: str, stack: str) -> None:
        self.project, self.stack = project, stack
        super().__init__(
            f"the program refers to the stack {stack!r} of the project {project!r}; name that project's folder, too: "
            "-C FOLDER -C FOLDER"
        )


class _NoMocks(mocks.Mocks):
    """Never asked: the monitor answers itself."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise AssertionError(args.typ)
