"""The stand-in providers over their protocol, as the engine speaks it."""

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from secure_mcp.azure.propagation import is_late_role
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording.models import modelled
from secure_mcp_local.recording.wire import bare, secret, struct
from secure_mcp_local.stand_ins import faults, mutability, plugins
from secure_mcp_local.stand_ins.deployed import ports_of
from secure_mcp_local.stand_ins.service import PACKAGES, Provider, start
from secure_mcp_local.stand_ins.store import Store

GROUP = "azure-native:resources:ResourceGroup"
SERVICE = "azure-native:apimanagement:ApiManagementService"
API = "azure-native:apimanagement:Api"
POLICY = "azure-native:apimanagement:ApiPolicy"
NAMED_VALUE = "azure-native:apimanagement:NamedValue"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
ACCOUNT = "azure-native:storage:StorageAccount"
LOCK = "azure-native:authorization:ManagementLockByScope"

IN_GROUP = {"resourceGroupName": "rg"}
IN_SERVICE = {**IN_GROUP, "serviceName": "apim"}
GATEWAY = {
    **IN_SERVICE,
    "location": "westeurope",
    "sku": {"name": "BasicV2", "capacity": 1},
    "publisherEmail": "a@example.com",
    "publisherName": "a",
}
MCP_API = {**IN_SERVICE, "apiId": "mcp", "path": "mcp", "displayName": "MCP"}


class Engine:
    """What the engine asks of a provider, one call each."""

    def __init__(self, stub: Any) -> None:
        self.stub = stub

    def urn(self, type: str, name: str, stack: str = "dev") -> str:
        return f"urn:pulumi:{stack}::tests::secure-mcp:index:Gateway${type}::{name}"

    def check(self, type: str, news: dict[str, Any], name: str = "it") -> dict[str, str]:
        """Reasons by property, empty where all is well."""
        answer = self.stub.Check(provider_pb2.CheckRequest(urn=self.urn(type, name), news=struct(news)))
        return {failure.property: failure.reason for failure in answer.failures}

    def create(
        self, type: str, inputs: dict[str, Any], name: str = "it", stack: str = "dev", preview: bool = False
    ) -> Any:
        return self.stub.Create(
            provider_pb2.CreateRequest(urn=self.urn(type, name, stack), properties=struct(inputs), preview=preview)
        )

    def diff(self, type: str, old: dict[str, Any], new: dict[str, Any]) -> Any:
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                urn=self.urn(type, "it"), old_inputs=struct(old), olds=struct(old), news=struct(new)
            )
        )

    def update(self, type: str, id: str, old: dict[str, Any], new: dict[str, Any], preview: bool = False) -> Any:
        return self.stub.Update(
            provider_pb2.UpdateRequest(
                id=id,
                urn=self.urn(type, "it"),
                old_inputs=struct(old),
                olds=struct(old),
                news=struct(new),
                preview=preview,
            )
        )

    def read(self, type: str, id: str) -> Any:
        return self.stub.Read(provider_pb2.ReadRequest(id=id, urn=self.urn(type, "it")))

    def delete(self, type: str, id: str) -> None:
        self.stub.Delete(provider_pb2.DeleteRequest(id=id, urn=self.urn(type, "it")))


Starting = Callable[..., Engine]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cloud")


@pytest.fixture
def starting(store: Store) -> Iterator[Starting]:
    """Starts a provider; all that a test starts have the same store."""
    servers: list[grpc.Server] = []

    def go(
        package: str = "azure-native",
        rules: str = "",
        stall: float = faults.STALL,
        url: str | None = None,
        accepted: tuple[str, ...] = (),
    ) -> Engine:
        provider = Provider(package, store, url, faults.Faults(faults.parsed(rules), stall), accepted)
        server, port = start(provider)
        servers.append(server)
        return Engine(provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(f"127.0.0.1:{port}")))

    yield go
    for server in servers:
        server.stop(None)


@pytest.fixture
def azure(starting: Starting) -> Engine:
    """Azure, with a resource group and a gateway in it."""
    engine = starting()
    engine.create(GROUP, {"resourceGroupName": "rg", "location": "westeurope"}, "group")
    engine.create(SERVICE, GATEWAY, "gateway")
    return engine


def properties(answer: Any) -> dict[str, Any]:
    return json_format.MessageToDict(answer.properties)


def refused(call: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as error:
        call(*arguments, **named)
    return error.value.code(), error.value.details()  # pyright: ignore


def test_a_plugin_starts_as_the_engine_starts_it(tmp_path: Path) -> None:
    environment = plugins.environment(tmp_path / "cloud", None, "", {"PATH": "/bin:/usr/bin"})
    for package in PACKAGES:
        with subprocess.Popen(
            [f"pulumi-resource-{package}", "127.0.0.1:1"], env=environment, stdout=subprocess.PIPE, text=True
        ) as plugin:
            assert plugin.stdout
            with grpc.insecure_channel(f"127.0.0.1:{int(plugin.stdout.readline())}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                assert stub.GetPluginInfo(provider_pb2.google_dot_protobuf_dot_empty__pb2.Empty()).version
                assert stub.Configure(provider_pb2.ConfigureRequest()).acceptSecrets
            plugin.terminate()
            assert plugin.wait(10) == 0


def test_the_store_is_the_owners_only_and_not_for_git(tmp_path: Path) -> None:
    plugins.environment(tmp_path / "cloud", None, "", {})
    assert (tmp_path / "cloud").stat().st_mode & 0o077 == 0
    assert (tmp_path / "cloud" / ".gitignore").read_text() == "*\n"


def test_what_a_provider_is_configured_with_must_be_known(starting: Starting) -> None:
    answer = starting().stub.CheckConfig(
        provider_pb2.CheckRequest(news=struct({"location": "westeurope", "clientSecret": "x"}))
    )
    assert [failure.property for failure in answer.failures] == ["clientSecret"]


def test_inputs_are_held_to_the_sdk(azure: Engine) -> None:
    assert azure.check(API, MCP_API) == {}
    assert (
        "has no such property" in azure.check(API, {**MCP_API, "subscription_required": True})["subscription_required"]
    )
    assert "path" in azure.check(API, {**IN_SERVICE, "apiId": "mcp"})
    assert "must be a boolean" in azure.check(API, {**MCP_API, "subscriptionRequired": "no"})["subscriptionRequired"]


def test_secrets_and_what_is_unknown_are_inputs_like_others(azure: Engine) -> None:
    named = {**IN_SERVICE, "namedValueId": "Key", "displayName": "Key", "value": secret("s"), "secret": True}
    assert azure.check(NAMED_VALUE, named) == {}
    assert azure.check(NAMED_VALUE, {**named, "value": rpc.UNKNOWN}) == {}
    assert "value" in azure.check(NAMED_VALUE, {**named, "value": secret(7)})


def test_a_name_that_azure_does_not_take_is_not_made_up(azure: Engine) -> None:
    (reason,) = azure.check(
        "azure-native:apimanagement:Policy", {**IN_GROUP, "serviceName": "s", "value": "<policies />"}
    ).values()
    assert "policyId is not set" in reason


def test_names_are_made_up_once(azure: Engine) -> None:
    urn = "urn:pulumi:dev::p::azure-native:resources:ResourceGroup::rg"
    request = provider_pb2.CheckRequest(urn=urn, news=struct({"location": "here"}), randomSeed=b"1" * 32)
    name = azure.stub.Check(request).inputs["resourceGroupName"]
    assert re.fullmatch("rg[0-9a-f]{8}", name)
    again = provider_pb2.CheckRequest(
        urn=urn,
        news=struct({"location": "here"}),
        olds=struct({"location": "here", "resourceGroupName": name}),
        randomSeed=b"2" * 32,
    )
    assert azure.stub.Check(again).inputs["resourceGroupName"] == name
    proposed = provider_pb2.CheckRequest(urn=urn, news=struct({"location": "here"}))
    proposed.autonaming.proposed_name = "rg-by-the-engine"
    assert azure.stub.Check(proposed).inputs["resourceGroupName"] == "rg-by-the-engine"


CACHE = "azure-native:apimanagement:Cache"
CACHE_INPUTS = {**IN_SERVICE, "cacheId": "c", "connectionString": "c:6380", "useFromLocation": "default"}


@pytest.mark.parametrize(
    ("type", "inputs", "why"),
    [
        (CACHE, CACHE_INPUTS, f"belongs to {SERVICE} gateway"),
        ("azure-native:network:RouteTable", IN_GROUP, "a setting of authentication or of a network"),
        ("azuread:index/directoryRole:DirectoryRole", {}, "a policy, a role"),
    ],
)
def test_what_may_decide_who_gets_in_and_is_not_modelled_is_refused_until_it_is_accepted(
    azure: Engine, starting: Starting, type: str, inputs: dict[str, Any], why: str
) -> None:
    for call in (azure.check, azure.create):
        code, message = refused(call, type, inputs)
        assert code is grpc.StatusCode.UNIMPLEMENTED
        assert why in message
        assert f"secure-mcp stand-ins --accept {type}" in message
    accepting = starting(accepted=(type,))
    assert accepting.check(type, inputs) == {}
    assert accepting.create(type, inputs).id


def test_what_belongs_to_something_that_is_only_checked_so_far_is_refused_in_a_preview(starting: Starting) -> None:
    engine = starting()
    assert engine.check(CACHE, CACHE_INPUTS) == {}, "there is no such service"
    assert engine.check(SERVICE, GATEWAY, "gateway") == {}
    assert "belongs to" in refused(engine.check, CACHE, CACHE_INPUTS)[1]


def test_what_else_is_not_modelled_is_kept_and_passed_by(azure: Engine, store: Store) -> None:
    type, inputs = "azure-native:dbforpostgresql:Server", {**IN_GROUP, "serverName": "db", "location": "westeurope"}
    assert azure.check(type, inputs) == {}
    assert "did you mean location?" in str(azure.check(type, {**inputs, "locatoin": "x"}))
    made = azure.create(type, inputs, "db")
    assert made.id.endswith("/resourceGroups/rg/providers/Microsoft.Dbforpostgresql/servers/db")
    assert properties(made)["name"] == "db"
    assert azure.diff(type, inputs, {**inputs, "serverName": "other"}).replaces == ["serverName"]
    assert azure.diff(type, inputs, {**inputs, "tags": {"a": "b"}}).replaces == []
    azure.update(type, made.id, inputs, {**inputs, "tags": {"a": "b"}})
    assert properties(azure.read(type, made.id))["tags"] == {"a": "b"}
    azure.delete(type, made.id)
    assert store.get(made.id) is None


def test_a_function_that_is_not_modelled_is_refused_by_name(azure: Engine) -> None:
    code, message = refused(azure.stub.Invoke, provider_pb2.InvokeRequest(tok="azure-native:compute:getImage"))
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert "azure-native:compute:getImage" in message


@pytest.mark.parametrize(
    ("package", "type", "name"),
    [
        ("azure-native", SERVICE, "serviceName"),
        ("azuread", "azuread:index/application:Application", "displayName"),
        ("random", "random:index/randomBytes:RandomBytes", "length"),
    ],
)
def test_the_schema_has_what_is_modelled(starting: Starting, package: str, type: str, name: str) -> None:
    answer = starting(package).stub.GetSchema(provider_pb2.GetSchemaRequest(version=0))
    schema = json.loads(answer.schema)
    assert schema["name"] == package
    assert schema["version"]
    assert name in schema["resources"][type]["inputProperties"]
    assert all(modelled(each) and each.split(":")[0] == package for each in schema["resources"])


def test_each_gateway_of_a_stack_has_an_address_that_it_keeps(starting: Starting, store: Store) -> None:
    engine = starting(url="http://localhost:18080")
    engine.create(GROUP, {"resourceGroupName": "rg", "location": "westeurope"}, "group")

    def made(name: str, stack: str = "dev") -> tuple[str, str]:
        answer = engine.create(SERVICE, {**GATEWAY, "serviceName": name}, name, stack)
        return answer.id, properties(answer)["gatewayUrl"]

    (first, _), (second, _) = made("a"), made("b")
    assert ports_of(store.folder, "dev") == (18080, {"a": 18080, "b": 18083})
    assert made("c")[1] == "http://localhost:18084"
    assert made("theirs", "other")[1] == "http://localhost:18080"
    engine.delete(SERVICE, first)
    assert ports_of(store.folder, "dev") == (18080, {"b": 18083, "c": 18084})
    inputs = {**GATEWAY, "serviceName": "b"}
    changed = engine.update(SERVICE, second, inputs, {**inputs, "publisherName": "b"})
    assert properties(changed)["gatewayUrl"] == "http://localhost:18083"
    assert made("d")[1] == "http://localhost:18080"


def test_a_preview_knows_no_ids_and_makes_nothing(azure: Engine, store: Store) -> None:
    before = len(list(store))
    foreseen = azure.create(
        SERVICE, {**GATEWAY, "serviceName": "other", "identity": {"type": "SystemAssigned"}}, preview=True
    )
    assert foreseen.id == ""
    assert {"gatewayUrl", "identity"} & set(properties(foreseen)) == set()
    assert properties(foreseen)["publisherName"] == "a"
    assert len(list(store)) == before


def test_what_is_created_can_be_read_with_its_secrets(azure: Engine) -> None:
    made = azure.create(NAMED_VALUE, {**IN_SERVICE, "namedValueId": "Key", "displayName": "Key", "value": secret("s")})
    assert made.id.endswith("/service/apim/namedValues/Key")
    read = azure.read(NAMED_VALUE, made.id)
    for answer in (made, read):
        assert properties(answer)["value"] == secret("s")
        assert properties(answer)["name"] == "Key"
    assert json_format.MessageToDict(read.inputs)["value"] == secret("s")
    assert azure.read(API, made.id).id == "", "not one of another type"


def test_nothing_is_made_twice(azure: Engine) -> None:
    azure.create(API, MCP_API)
    code, message = refused(azure.create, API, {**MCP_API, "apiId": "MCP"})
    assert code is grpc.StatusCode.ALREADY_EXISTS
    assert "/apis/MCP" in message


@pytest.mark.parametrize(
    ("type", "inputs", "missing"),
    [
        (
            IDENTITY,
            {"resourceGroupName": "none", "resourceName": "id-it", "location": "westeurope"},
            "/resourceGroups/none",
        ),
        (API, {**MCP_API, "serviceName": "none"}, "/service/none"),
        (POLICY, {**IN_SERVICE, "apiId": "none", "policyId": "policy", "value": "<policies/>"}, "/apis/none"),
    ],
)
def test_parents_come_first(azure: Engine, type: str, inputs: dict[str, Any], missing: str) -> None:
    code, message = refused(azure.create, type, inputs)
    assert code is grpc.StatusCode.NOT_FOUND
    assert missing in message


def test_a_policy_is_saved_when_what_it_uses_is_there_and_keeps_it_there(azure: Engine) -> None:
    azure.create(API, MCP_API)
    policy = {
        **IN_SERVICE,
        "apiId": "mcp",
        "policyId": "policy",
        "value": '<policies><inbound><include-fragment fragment-id="seal"/>{{Key}}</inbound></policies>',
    }
    key = {**IN_SERVICE, "namedValueId": "key-id", "displayName": "Key", "value": secret("s")}
    fragment = {**IN_SERVICE, "id": "seal", "value": "<fragment/>"}
    assert "NamedValue 'Key'" in refused(azure.create, POLICY, policy)[1]
    made = azure.create(NAMED_VALUE, key)
    assert "PolicyFragment 'seal'" in refused(azure.create, POLICY, policy)[1]
    azure.create("azure-native:apimanagement:PolicyFragment", fragment)
    used = azure.create(POLICY, policy)
    assert used.id in refused(azure.delete, NAMED_VALUE, made.id)[1]
    azure.delete(POLICY, used.id)
    azure.delete(NAMED_VALUE, made.id)


def test_host_names_are_taken_once_in_the_world(azure: Engine) -> None:
    azure.create(GROUP, {"resourceGroupName": "other", "location": "westeurope"}, "other", "second")
    code, message = refused(azure.create, SERVICE, {**GATEWAY, "resourceGroupName": "other"}, "gateway", "second")
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "'apim' is taken" in message


def test_a_lock_holds_what_it_is_on_and_what_that_is_in(azure: Engine, store: Store) -> None:
    (service,) = (r for r in store if r.type == SERVICE)
    (group,) = (r for r in store if r.type == GROUP)
    lock = azure.create(LOCK, {"scope": service.id, "lockName": "keep", "level": "CanNotDelete"})
    for resource in (service, group):
        assert "the lock" in refused(azure.delete, resource.type, resource.id)[1]
    azure.delete(LOCK, lock.id)
    azure.delete(SERVICE, service.id)


def test_what_is_deleted_takes_with_it_what_is_in_it(azure: Engine, store: Store) -> None:
    api = azure.create(API, MCP_API)
    (group,) = (r for r in store if r.type == GROUP)
    azure.delete(GROUP, group.id)
    assert not list(store)
    assert azure.read(API, api.id).id == ""
    azure.delete(API, api.id)


def test_an_unchanged_resource_has_no_difference(azure: Engine) -> None:
    assert azure.diff(SERVICE, GATEWAY, GATEWAY).changes == provider_pb2.DiffResponse.DIFF_NONE
    assert (
        azure.diff(NAMED_VALUE, {"value": secret("s")}, {"value": "s"}).changes == provider_pb2.DiffResponse.DIFF_NONE
    )


@pytest.mark.parametrize(
    ("type", "old", "new", "replaced", "first_deleted"),
    [
        (SERVICE, GATEWAY, {**GATEWAY, "sku": {"name": "StandardV2", "capacity": 1}}, [], False),
        (SERVICE, GATEWAY, {**GATEWAY, "serviceName": "other"}, ["serviceName"], False),
        (SERVICE, GATEWAY, {**GATEWAY, "serviceName": rpc.UNKNOWN}, ["serviceName"], False),
        (GROUP, {"location": "westeurope"}, {"location": "northeurope"}, ["location"], True),
        (ACCOUNT, {"isHnsEnabled": True}, {}, ["isHnsEnabled"], True),
        (POLICY, {"value": "a"}, {"value": "b"}, [], False),
    ],
)  # fmt: skip
def test_what_cannot_change_is_replaced(
    azure: Engine, type: str, old: dict[str, Any], new: dict[str, Any], replaced: list[str], first_deleted: bool
) -> None:
    answer = azure.diff(type, old, new)
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(answer.replaces) == replaced
    assert answer.deleteBeforeReplace is first_deleted


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sku": {"name": "Developer", "capacity": 1}}, "'v2' to 'classic'"),
        ({"location": "northeurope"}, "stays where it was made"),
    ],
)
def test_what_azure_never_changes_is_refused(
    azure: Engine, store: Store, change: dict[str, Any], reason: str, preview: bool
) -> None:
    (service,) = (r for r in store if r.type == SERVICE)
    code, message = refused(azure.update, SERVICE, service.id, GATEWAY, {**GATEWAY, **change}, preview)
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert reason in message
    assert bare(store.get(service.id).inputs) == GATEWAY  # pyright: ignore


def test_every_row_of_what_is_replaced_is_of_a_modelled_type() -> None:
    assert [type for type in (*mutability.REPLACED, *mutability.IMMUTABLE) if not modelled(type)] == []


def test_an_update_keeps_what_azure_made_up(azure: Engine) -> None:
    inputs = {**IN_GROUP, "resourceName": "id-it", "location": "westeurope"}
    made = azure.create(IDENTITY, inputs)
    tagged = azure.update(IDENTITY, made.id, inputs, {**inputs, "tags": {"a": "b"}})
    assert properties(tagged)["principalId"] == properties(made)["principalId"]
    assert properties(azure.read(IDENTITY, made.id))["tags"] == {"a": "b"}
    azure.delete(IDENTITY, made.id)
    again = azure.create(IDENTITY, inputs)
    assert properties(again)["principalId"] != properties(made)["principalId"], "another identity of the same name"


def test_what_is_gone_cannot_be_updated(azure: Engine, store: Store) -> None:
    made = azure.create(API, MCP_API)
    store.delete(made.id)
    code, message = refused(azure.update, API, made.id, MCP_API, {**MCP_API, "path": "other"})
    assert code is grpc.StatusCode.NOT_FOUND
    assert "pulumi refresh" in message


def test_the_gateway_has_the_address_that_it_will_be_served_at(starting: Starting) -> None:
    engine = starting(url="http://localhost:8080")
    engine.create(GROUP, {"resourceGroupName": "rg", "location": "westeurope"}, "group")
    assert properties(engine.create(SERVICE, GATEWAY))["gatewayUrl"] == "http://localhost:8080"


def test_random_values_differ_and_are_secret_and_nowhere_else(starting: Starting, store: Store) -> None:
    engine = starting("random")
    type, inputs = "random:index/randomPassword:RandomPassword", {"length": 32, "special": False}
    first, second = (engine.create(type, inputs) for _ in range(2))
    assert first.id == second.id == "none"
    values = [properties(answer)["result"] for answer in (first, second)]
    assert values == [secret(bare(value)) for value in values]
    assert len({bare(value) for value in values}) == 2
    assert not list(store)
    kept = engine.stub.Read(
        provider_pb2.ReadRequest(id="none", urn=engine.urn(type, "it"), properties=first.properties)
    )
    assert properties(kept)["result"] == values[0]
    assert list(engine.diff(type, inputs, {**inputs, "length": 33}).replaces) == ["length"]


def test_directory_objects_that_were_there_are_the_same_for_every_stack(starting: Starting, store: Store) -> None:
    entra = starting("azuread")
    graph = {"clientId": "00000003-0000-0000-c000-000000000000", "useExisting": True}
    type = "azuread:index/servicePrincipal:ServicePrincipal"
    first = entra.create(type, graph)
    assert entra.create(type, graph, stack="second").id == first.id
    assert [r.id for r in store.of("dev")] == [r.id for r in store.of("second")] == [first.id]


@pytest.mark.parametrize("resource", ["azure-native:apimanagement:Api", "it", "URN"])
def test_an_operation_can_be_made_to_fail(azure: Engine, starting: Starting, store: Store, resource: str) -> None:
    named = azure.urn(API, "it") if resource == "URN" else resource
    failing = starting(rules=f"fail create {named}; fail delete nothing")
    code, message = refused(failing.create, API, MCP_API)
    assert code is grpc.StatusCode.UNAVAILABLE
    assert "made to fail" in message
    assert not [r for r in store if r.type == API]
    if resource != API:
        failing.create(API, MCP_API, "other")


def test_an_answer_can_be_lost(azure: Engine, starting: Starting, store: Store) -> None:
    refused(starting(rules=f"lose create {API}").create, API, MCP_API)
    assert [r.name for r in store if r.type == API] == ["it"]
    assert refused(azure.create, API, MCP_API)[0] is grpc.StatusCode.ALREADY_EXISTS


def test_an_operation_can_stall_until_it_is_cancelled(azure: Engine, starting: Starting) -> None:
    stalling = starting(rules=f"stall create {API}")
    timer = threading.Timer(0.2, lambda: stalling.stub.Cancel(provider_pb2.google_dot_protobuf_dot_empty__pb2.Empty()))
    timer.start()
    assert "got no answer" in refused(stalling.create, API, MCP_API)[1]
    assert "got no answer" in refused(starting(rules=f"stall create {API}", stall=0.01).create, API, MCP_API)[1]


def test_a_role_is_late_for_two_attempts() -> None:
    rules = faults.Faults(faults.parsed("late create key"))
    for _ in range(2):
        with pytest.raises(faults.Late, match="ForbiddenByRbac") as caught:
            rules.before("create", "urn:pulumi:dev::p::t::key")
        assert is_late_role(str(caught.value))
    rules.before("create", "urn:pulumi:dev::p::t::key")
    rules.before("create", "urn:pulumi:dev::p::t::other")


@pytest.mark.parametrize("rule", ["fail", "break create it", "fail made it", "fail create a b"])
def test_a_wrong_fault_says_how_it_is_written(rule: str) -> None:
    with pytest.raises(LocalCloudError, match="KIND OPERATION RESOURCE"):
        faults.parsed(rule)


def test_files_that_are_no_resources_are_refused(store: Store) -> None:
    store.folder.mkdir()
    (store.folder / "x.json").write_text("{}")
    with pytest.raises(LocalCloudError, match=r"x\.json is no resource"):
        list(store)
