"""What Azure refuses although types and schemas allow it: in a plan, and when it is deployed to the stand-ins."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from secure_mcp_local.check.plan import declared
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording, Resource, record
from secure_mcp_local.rules import versions
from secure_mcp_local.rules.rule import Stack
from secure_mcp_local.rules.table import RULES, broken, refused
from secure_mcp_local.stand_ins import conditions
from secure_mcp_local.stand_ins.store import Deployed, Store

ROOT = Path(__file__).parents[3]
SITE, SECRET, VAULT = "azure-native:web:WebApp", "azure-native:keyvault:Secret", "azure-native:keyvault:Vault"
GROUP = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg"


@pytest.fixture(scope="module", params=["false", "true"], ids=["open vault", "closed vault"])
def stack(request: pytest.FixtureRequest) -> Recording:
    return record(ROOT, "prod", {"keyVaultClosed": request.param})


def test_nothing_that_we_declare_is_refused(stack: Recording) -> None:
    assert list(declared(stack, "")) == []


def changed(recording: Recording, change: Callable[[Resource], Resource]) -> Recording:
    return replace(recording, resources=tuple(map(change, recording)))


def found(recording: Recording) -> set[str]:
    return {finding.rule.name for finding in declared(recording, "")}


@pytest.mark.parametrize(
    "more",
    [
        {"ftpsState": "Disabled"},
        {"netFrameworkVersion": "v4.6"},
        {"alwaysOn": False},
    ],
    ids=str,
)
def test_A1_A2_what_flex_consumption_refuses_is_found(stack: Recording, more: Mapping[str, Any]) -> None:
    site = stack.one(SITE)
    broken = stack.changed(site.urn, siteConfig={**site.inputs["siteConfig"], **more})
    assert found(broken) == {"flex-site-config"}
    assert found(stack.changed(site.urn, isXenon=False)) == {"flex-site-config"}


def test_a_setting_that_flex_consumption_refuses_is_found(stack: Recording) -> None:
    site = stack.one(SITE)
    config = site.inputs["siteConfig"]
    settings = [*config["appSettings"], {"name": "FUNCTIONS_WORKER_RUNTIME", "value": "python"}]
    assert found(stack.changed(site.urn, siteConfig={**config, "appSettings": settings})) == {"flex-site-config"}


def test_another_plan_may_have_it(stack: Recording) -> None:
    plan, site = stack.one("azure-native:web:AppServicePlan"), stack.one(SITE)
    other = stack.changed(plan.urn, sku={"name": "EP1", "tier": "ElasticPremium"})
    config = {**site.inputs["siteConfig"], "ftpsState": "Disabled"}
    assert found(other.changed(site.urn, siteConfig=config)) == set()


def test_C1_a_secret_that_would_be_deleted_through_its_vault_is_found(stack: Recording) -> None:
    alone = changed(stack, lambda one: replace(one, retained=False, deleted_with="") if one.type == SECRET else one)
    assert found(alone) == {"data-plane-delete"}


@pytest.mark.parametrize(
    ("today", "level"), [(date(2026, 11, 30), "note"), (date(2027, 1, 15), "warning"), (date(2027, 3, 1), "warning")]
)
def test_B5_the_vaults_api_version_is_named_with_its_end_and_more_loudly_when_that_is_near(
    stack: Recording, monkeypatch: pytest.MonkeyPatch, today: date, level: str
) -> None:
    """Another version is another provider's release (https://learn.microsoft.com/azure/key-vault/general/migrate-api-version): until
    there is one, what can be done is to say so in time.
    """
    monkeypatch.setattr(versions, "today", lambda: today)
    told = [one for wanted in ("note", "warning") for one in broken(Stack(stack), wanted) if "2027-02-27" in one.said]
    assert {one.rule.level for one in told} == {level}
    assert {one.resource.type for one in told} >= {VAULT}


def test_A9_changes_of_one_account_at_the_same_time_are_found(stack: Recording) -> None:
    definition = "azure-native:cosmosdb:SqlResourceSqlRoleDefinition"
    account = stack.one("azure-native:cosmosdb:DatabaseAccount").urn
    loose = changed(
        stack, lambda one: replace(one, dependencies=frozenset({account})) if one.type == definition else one
    )
    assert found(loose) == {"parallel-cosmos"}


def deployed(type: str, id: str, **inputs: Any) -> Deployed:
    return Deployed(
        id=id, urn=f"urn:pulumi:dev::p::{type}::it", type=type, seed="", inputs=inputs, outputs={}, created=1
    )


def test_the_stand_ins_refuse_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path)
    plan = deployed(
        "azure-native:web:AppServicePlan", f"{GROUP}/providers/Microsoft.Web/serverfarms/plan", sku={"name": "FC1"}
    )
    vault = deployed(
        VAULT,
        f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv",
        vaultName="kv",
        properties={"enableRbacAuthorization": True},
    )
    secret = deployed(SECRET, f"{vault.id}/secrets/key")
    group = deployed("azure-native:resources:ResourceGroup", GROUP)
    for each in (group, plan, vault, secret):
        store.create(each)
    site = deployed(
        SITE,
        f"{GROUP}/providers/Microsoft.Web/sites/app",
        name="app",
        serverFarmId=plan.id,
        siteConfig={"ftpsState": "Disabled"},
    )
    with pytest.raises(LocalCloudError, match=r"Site\.SiteConfig\.FtpsState.*flex-site-config"):
        conditions.for_creation(site, store)
    with pytest.raises(LocalCloudError, match="flex-site-config"):
        conditions.for_change(site, store)
    conditions.for_creation(replace(site, inputs={**site.inputs, "siteConfig": {}}), store)
    with pytest.raises(LocalCloudError, match=r"ForbiddenByRbac.*data-plane-delete"):
        conditions.for_deletion(secret.id, store)
    conditions.for_deletion(vault.id, store)


@pytest.mark.parametrize(
    ("type", "inputs", "account", "name"),
    [
        ("storage:Blob", {}, {"allowSharedKeyAccess": False}, "key-signed-upload"),
        ("storage:Blob", {}, {"allowSharedKeyAccess": True}, None),
        ("resources:Resource", {"resourceProviderNamespace": "Microsoft.Web"}, {}, "generic-resource-version"),
        ("resources:Resource", {"resourceProviderNamespace": "Microsoft.Search"}, {}, None),
    ],
)
def test_A3_A4_what_pulumi_cannot_do_is_refused(
    type: str, inputs: Mapping[str, Any], account: Mapping[str, Any], name: str | None
) -> None:
    id = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st"
    blob = Resource(
        "urn", f"azure-native:{type}", "it", "", inputs, id=f"{id}/blobServices/default/containers/c/blobs/b"
    )
    there = Stack([Resource("urn", "azure-native:storage:StorageAccount", "st", "", account, id=id), blob])
    for operation in ("create", "delete"):
        assert [one.rule.name for one in refused(operation, blob, lambda: there)] == ([name] if name else [])


def test_every_rule_has_its_source_and_a_name_of_its_own() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert all(one.startswith("https://") for one in rule.source.split())
        assert rule.operations <= {"create", "update", "delete"}
        assert rule.why.endswith(".")
        assert rule.fix.endswith(".")
