"""What the engine and the stand-ins make of programs of a few lines."""

import json

from engine.conftest import Making
from samples import SMALL_STACKS
from secure_mcp_local.recording.wire import bare

GROUP = """
import pulumi
from pulumi_azure_native import apimanagement, compute, managedidentity, resources

group = resources.ResourceGroup("group", resource_group_name="rg", location="westeurope")
"""
IDENTITY = """
identity = managedidentity.UserAssignedIdentity(
    "{name}", resource_name_="id-small", resource_group_name=group.name, location="westeurope", opts=pulumi.ResourceOptions({options})
)
pulumi.export("principal", identity.principal_id)
"""


@SMALL_STACKS
def test_a_renamed_resource_with_an_alias_stays_what_it_is(small: Making) -> None:
    workspace = small(GROUP + IDENTITY.format(name="before", options=""))
    workspace.up()
    made = {r.id: r.created for r in workspace.store}
    workspace.program(GROUP + IDENTITY.format(name="after", options="aliases=[pulumi.Alias(name='before')]"))
    assert workspace.up().changed() == {}
    assert {r.id: r.created for r in workspace.store} == made
    assert {r["urn"].rsplit("::", 1)[-1] for r in workspace.state["resources"]} >= {"after", "group"}
    workspace.destroy()
    assert not list(workspace.store)


@SMALL_STACKS
def test_a_renamed_resource_without_an_alias_would_be_made_twice(small: Making) -> None:
    workspace = small(GROUP + IDENTITY.format(name="before", options=""))
    workspace.up()
    workspace.program(GROUP + IDENTITY.format(name="after", options=""))
    run = workspace.up(check=False)
    assert run.exit_code != 0
    assert "already existing resource" in run.output


@SMALL_STACKS
def test_another_region_replaces_and_what_hangs_on_it_follows(small: Making) -> None:
    workspace = small(GROUP + IDENTITY.format(name="identity", options=""))
    workspace.up()
    (before,) = (r for r in workspace.store if r.name == "identity")
    workspace.program((GROUP + IDENTITY.format(name="identity", options="")).replace("westeurope", "northeurope"))
    changed = workspace.up().changed()
    assert {name: op.split("-")[-1] for name, op in changed.items()}.keys() == {"group", "identity"}
    assert all("replace" in op or "delete" in op for op in changed.values()), changed
    (after,) = (r for r in workspace.store if r.name == "identity")
    assert after.inputs["location"] == "northeurope"
    assert after.outputs["principalId"] != before.outputs["principalId"]


@SMALL_STACKS
def test_drift_is_shown_and_undone(small: Making) -> None:
    workspace = small(GROUP)
    workspace.up()
    (group,) = workspace.store
    workspace.store.replace(type(group)(**{**vars(group), "inputs": {**group.inputs, "tags": {"by": "hand"}}}))
    assert workspace.refresh().exit_code == 0
    assert workspace.up().changed() == {"group": "update"}
    assert "tags" not in bare(next(iter(workspace.store)).inputs)


@SMALL_STACKS
def test_what_may_decide_who_gets_in_and_is_not_modelled_is_refused_before_anything_is_made(small: Making) -> None:
    workspace = small(
        GROUP + 'from pulumi_azure_native import network\nnetwork.RouteTable("x", resource_group_name=group.name)\n'
    )
    run = workspace.preview(check=False)
    assert run.exit_code != 0
    assert "secure-mcp stand-ins --accept azure-native:network:RouteTable" in run.output


@SMALL_STACKS
def test_what_else_is_not_modelled_lives_with_the_stack(small: Making) -> None:
    workspace = small(
        GROUP + 'from pulumi_azure_native import redis\nredis.Redis("x", resource_group_name=group.name, '
        'sku={"name": "Basic", "family": "C", "capacity": 0})\n'
    )
    assert workspace.up().changed().keys() == {"group", "x"}
    assert workspace.up().changed() == {}
    workspace.destroy()
    assert not list(workspace.store)


@SMALL_STACKS
def test_a_misspelt_property_that_the_sdk_lets_through_is_refused(small: Making) -> None:
    workspace = small(
        GROUP + 'apimanagement.ApiManagementService("gateway", service_name="apim", resource_group_name=group.name, '
        'location="westeurope", publisher_email="a@example.com", publisher_name="a", '
        'sku={"name": "BasicV2", "capacity": 1, "capacitty": 2})\n'
    )
    run = workspace.preview(check=False)
    assert run.exit_code != 0
    assert "sku.capacitty" in run.output
    assert "did you mean capacity?" in run.output


@SMALL_STACKS
def test_a_lost_answer_leaves_what_azure_made(small: Making) -> None:
    workspace = small(GROUP)
    assert workspace.up(check=False, faults="lose create group").exit_code != 0
    assert [r.name for r in workspace.store] == ["group"]
    assert "already existing resource" in workspace.up(check=False).output
    workspace.pulumi(
        "import",
        "azure-native:resources:ResourceGroup",
        "group",
        next(iter(workspace.store)).id,
        "--yes",
        "--generate-code=false",
        "--protect=false",
    )
    assert json.dumps(workspace.state).count('"rg"')
    assert workspace.up().changed() == {}


COSMOS = """
import pulumi
from pulumi_azure_native import cosmosdb, resources

group = resources.ResourceGroup("group", resource_group_name="rg", location="swedencentral")
account = cosmosdb.DatabaseAccount(
    "account", account_name="cosmos-of-the-tests", resource_group_name=group.name, location="swedencentral",
    database_account_offer_type="Standard", locations=[{"location_name": "swedencentral", "failover_priority": 0}],
)
before = []
for name in ("a", "b", "c"):
    before = [cosmosdb.SqlResourceSqlDatabase(
        name, database_name=name, resource={"id": name}, account_name=account.name, resource_group_name=group.name,
        opts=pulumi.ResourceOptions(depends_on=before if CHAINED else []),
    )]
"""


@SMALL_STACKS
def test_A9_an_account_is_changed_by_one_at_a_time(small: Making) -> None:
    workspace = small(COSMOS.replace("CHAINED", "False"))
    run = workspace.up(check=False)
    assert run.exit_code != 0
    assert "exclusive lock on this account" in run.output, run.output
    workspace.program(COSMOS.replace("CHAINED", "True"))
    workspace.up()
    workspace.destroy()
    assert not list(workspace.store)
