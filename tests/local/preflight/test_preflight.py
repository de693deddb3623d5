"""Every line of the preflight in both outcomes, against a subscription that takes everything until one answer is changed."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from actors.subscription import PROVIDERS, SUBSCRIPTION, AzureSubscription, application_token, policy_answer, usage
from secure_mcp_local.cli.app import app
from secure_mcp_local.cli.state import State
from secure_mcp_local.preflight import CHECKS, Line, Outcome, Subject, examine
from secure_mcp_local.preflight.subscription import matches
from secure_mcp_local.recording import Recording, record
from secure_mcp_local.resource_manager import ResourceManager

ROOT = Path(__file__).parents[3]
TAKEN = {"nameAvailable": False, "reason": "AlreadyExists", "message": "It is already in use."}


@pytest.fixture(scope="module")
def dev() -> Recording:
    return record(ROOT, "dev", {})


@pytest.fixture(scope="module")
def prod() -> Recording:
    return record(ROOT, "prod", {})


@pytest.fixture(scope="module")
def adopting() -> Recording:
    """A container app in a group and an environment of somebody else's."""
    app = record(ROOT / "examples" / "container-app", "dev", {})
    return app.without(lambda one: one.type == "azure-native:resources:ResourceGroup")


def a_provider_elsewhere() -> dict[str, Any]:
    """Container Apps in another region than all else."""
    return {
        "value": [
            {
                **one,
                "resourceTypes": [
                    {
                        **kind,
                        "locations": ["Norway East"]
                        if one["namespace"] == "Microsoft.App"
                        else ["Norway East", *kind["locations"]],
                    }
                    for kind in one["resourceTypes"]
                ],
            }
            for one in PROVIDERS["value"]
        ]
    }


def token(audience: str) -> str:
    return audience


def examined(
    recording: Recording,
    azure: AzureSubscription,
    apps: tuple[str, ...] = (),
    address: str = "10.40.0.4",
    there: Collection[str] = (),
) -> dict[str, Line]:
    with (
        ResourceManager(token, transport=azure.transport) as manager,
        ResourceManager(token, "https://graph.microsoft.com", azure.transport) as graph,
    ):
        subject = Subject(recording, manager, graph, SUBSCRIPTION, lambda _: address, apps, there)
        return {line.check.name: line for line in examine(subject, CHECKS, lambda _: None)}


def test_an_obliging_subscription_takes_both_stacks(dev: Recording, prod: Recording, adopting: Recording) -> None:
    for recording in (dev, prod, adopting):
        lines = examined(recording, AzureSubscription())
        assert [line for line in lines.values() if line.outcome is Outcome.WRONG] == []
    ok = {name for name, line in examined(prod, AzureSubscription(), ()).items() if line.outcome is Outcome.OK}
    ok |= {name for name, line in examined(dev, AzureSubscription()).items() if line.outcome is Outcome.OK}
    ok |= {name for name, line in examined(prod, AzureSubscription(), ("func",)).items() if line.outcome is Outcome.OK}
    ok |= {name for name, line in examined(adopting, AzureSubscription()).items() if line.outcome is Outcome.OK}
    # Each of them says ok at least once.
    assert ok == {check.name for check in CHECKS}


@pytest.mark.parametrize(
    ("name", "method", "path", "answer", "said", "remedy"),
    [
        (
            "providers",
            "GET",
            "/providers",
            {"value": [{"namespace": "Microsoft.App", "registrationState": "NotRegistered"}]},
            "Microsoft.App",
            "az provider register --namespace Microsoft.App --wait",
        ),
        (
            "api-management-sku",
            "GET",
            "/providers/Microsoft.ApiManagement/skus",
            {"value": [{"resourceType": "service", "name": "StandardV2", "locations": ["Norway East"]}]},
            "StandardV2 is not offered in",
            "norwayeast",
        ),
        (
            "flex-region",
            "GET",
            "/providers/Microsoft.Web/geoRegions",
            {"value": [{"name": "Norway East", "properties": {"orgDomain": "PUBLIC;FLEXCONSUMPTION"}}]},
            "Flex Consumption is not in",
            "norwayeast",
        ),
        (
            "runtime",
            "GET",
            "/providers/Microsoft.Web/locations/[a-z]+/functionAppStacks",
            {"value": [{"name": "python", "properties": {"majorVersions": []}}]},
            "is not offered in",
            "take one of",
        ),
        (
            "cosmos-region",
            "GET",
            "/providers/Microsoft.DocumentDB/locations/[a-z]+",
            {"properties": {"status": "Online", "isSubscriptionRegionAccessAllowedForRegular": False}},
            "is closed to this subscription",
            "https://aka.ms/cosmosdbquota",
        ),
        ("names", "POST", "/providers/Microsoft.Web/checknameavailability", TAKEN, "already in use", "another name"),
        (
            "names",
            "HEAD",
            "/providers/Microsoft.DocumentDB/databaseAccountNames/.+",
            {},
            "cosmos-",
            "another name",
        ),
        (
            "rights",
            "GET",
            "/providers/Microsoft.Authorization/permissions",
            {"value": [{"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]}]},
            "roleAssignments/write",
            "az role assignment create",
        ),
        (
            "policies",
            "POST",
            "/providers/Microsoft.PolicyInsights/checkPolicyRestrictions",
            policy_answer(deny=True),
            "location by /subscriptions/",
            "az policy assignment show",
        ),
        (
            "validation",
            "POST",
            "/providers/Microsoft.Resources/deployments/.+/validate",
            (400, "BadRequest", "(Site.SiteConfig.FtpsState) for Flex Consumption sites is invalid."),
            "FtpsState",
            "secure-mcp plan --json",
        ),
        (
            "regions",
            "GET",
            "/providers",
            a_provider_elsewhere(),
            "microsoft.app/managedenvironments",
            "one of: norwayeast",
        ),
        (
            "quotas",
            "GET",
            "/providers/Microsoft.Storage/locations/[a-z]+/usages",
            {"value": [usage("StorageAccounts", 249, 250)]},
            "StorageAccounts in swedencentral: 249 of 250 are used, and the stack needs 2",
            "ask for more",
        ),
        (
            "quotas",
            "GET",
            "/providers/Microsoft.Web/locations/[a-z]+/usages",
            {"value": [usage("Cores usage in Sweden Central", 250, 250, "Core Count")], "nextLink": None},
            "Cores usage in Sweden Central",
            "another region",
        ),
        (
            "existing",
            "GET",
            "/resourceGroups/.+",
            (404, "ResourceGroupNotFound", "Resource group could not be found."),
            "which is not there",
            "az resource show",
        ),
        (
            "existing",
            "GET",
            "/resourceGroups/.+",
            {"properties": {"provisioningState": "Failed"}},
            "whose provisioningState is Failed",
            "az resource show",
        ),
        (
            "entra-role",
            "GET",
            "/v1.0/me/transitiveMemberOf/microsoft.graph.directoryRole",
            {"value": [{"roleTemplateId": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"}]},
            "no role",
            "Cloud Application Administrator",
        ),
        (
            "entra-people",
            "GET",
            "/v1.0/directoryObjects/.+",
            (404, "Request_ResourceNotFound", "does not exist"),
            "not in this tenant",
            "az ad group show",
        ),
        (
            "entra-licence",
            "GET",
            "/v1.0/subscribedSkus",
            {"value": [{"capabilityStatus": "Enabled", "servicePlans": [{"servicePlanName": "EXCHANGE_S_STANDARD"}]}]},
            "no Entra ID P1",
            "assignedUsers",
        ),
    ],
    ids=[
        "A7 providers",
        "A10 tier",
        "A10 Flex Consumption",
        "B1 runtime",
        "A10 Cosmos DB",
        "C5 names",
        "C5 names of Cosmos DB",
        "rights",
        "policies",
        "A1 A2 A11 validation",
        "region of Container Apps",
        "quota of storage accounts",
        "quota of cores",
        "a group that is not there",
        "an environment that failed",
        "A8 role",
        "A8 people",
        "A8 licence",
    ],
)
def test_each_line_says_what_is_wrong_and_what_mends_it(
    name: str,
    method: str,
    path: str,
    answer: Any,
    said: str,
    remedy: str,
    dev: Recording,
    prod: Recording,
    adopting: Recording,
) -> None:
    azure = AzureSubscription()
    azure.answers[method, path] = answer
    recording = dev if name.startswith("entra") else adopting if name in {"regions", "existing"} else prod
    lines = examined(recording, azure)
    assert lines[name].outcome is Outcome.WRONG
    assert said in lines[name].seen
    assert remedy in lines[name].remedy
    # Nothing else is wrong because of it.
    wrong = {other for other, line in lines.items() if line.outcome is Outcome.WRONG}
    assert wrong == {name}


@pytest.mark.parametrize(
    ("path", "kind", "command"),
    [
        ("/providers/Microsoft.ApiManagement/deletedservices", "ApiManagementService", "az apim deletedservice purge"),
        ("/providers/Microsoft.KeyVault/deletedVaults", "Vault", "az keyvault purge"),
    ],
)
def test_C5_a_namesake_that_is_deleted_but_kept(path: str, kind: str, command: str, prod: Recording) -> None:
    azure = AzureSubscription()
    declared = next(one for one in prod if one.type.endswith(f":{kind}"))
    name = str(declared.get("serviceName") or declared.get("vaultName"))
    azure.answers["GET", path] = {"value": [{"name": name, "properties": {"location": "West Europe"}}]}
    line = examined(prod, azure)["soft-deleted"]
    assert line.outcome is Outcome.WRONG
    assert f"{command}" in line.remedy
    assert "--location westeurope" in line.remedy


@pytest.mark.parametrize(("address", "said"), [("20.50.2.4", "a public address"), ("", "cannot be reached")])
def test_a_private_app_from_outside(address: str, said: str, prod: Recording) -> None:
    line = examined(prod, AzureSubscription(), ("func-mcp",), address)["private-reach"]
    assert line.outcome is Outcome.WRONG
    assert said in line.seen
    assert "inside the network" in line.remedy


@pytest.mark.parametrize("counted", ["currentValue", "usage"])
def test_there_may_be_no_room_for_another_environment(counted: str, adopting: Recording) -> None:
    """Container Apps count in fractions, by either name."""
    azure, full = AzureSubscription(), usage("ManagedEnvironmentCount", 20.0, 20.0)
    full[counted] = full.pop("currentValue")
    azure.answers["GET", "/providers/Microsoft.App/locations/[a-z]+/usages"] = {"value": [full]}
    line = examined(adopting, azure)["quotas"]
    assert line.outcome is Outcome.WRONG
    assert "ManagedEnvironmentCount in swedencentral: 20 of 20 are used, and the stack needs 1" in line.seen


def test_names_of_what_is_deployed_are_its_own(dev: Recording) -> None:
    """Also where no function app is: a gateway alone, and a server's stack beside its platform's, which is there already."""
    azure = AzureSubscription()
    azure.answers["POST", "/providers/Microsoft.ApiManagement/checkNameAvailability"] = TAKEN
    gateway = dev.one("azure-native:apimanagement:ApiManagementService").urn
    assert examined(dev, azure)["names"].outcome is Outcome.WRONG
    assert examined(dev, azure, there={gateway})["names"].outcome is Outcome.OK
    assert examined(dev, azure, there={one.urn for one in dev})["names"].outcome is Outcome.UNKNOWN


NEEDED = ["AppRoleAssignment.ReadWrite.All", "Application.ReadWrite.OwnedBy", "DelegatedPermissionGrant.ReadWrite.All"]


@pytest.mark.parametrize(
    ("sent", "outcome", "seen", "remedy"),
    [
        (application_token(appid="pipeline", roles=NEEDED), Outcome.OK, "application with AppRoleAssignment", ""),
        (application_token(appid="pipeline", roles=["Application.ReadWrite.All", *NEEDED[::2]]), Outcome.OK, "application with", ""),
        (application_token(appid="pipeline", wids=["158c047a-c907-4556-b7ef-446551a6b5f7"]), Outcome.OK, "Cloud Application Administrator", ""),
        (application_token(appid="pipeline", roles=NEEDED[:2]), Outcome.WRONG, "the application pipeline lacks DelegatedPermissionGrant", "admin-consent"),
        (application_token(appid="pipeline"), Outcome.WRONG, "Application.ReadWrite.OwnedBy", "az ad app permission add"),
        ("https://graph.microsoft.com", Outcome.UNKNOWN, "its token cannot be read", ""),
    ],
    ids=["permissions", "a wider one", "a role", "one lacking", "none", "a token of another form"],
)  # fmt: skip
def test_A8_what_a_pipeline_may(sent: str, outcome: Outcome, seen: str, remedy: str, dev: Recording) -> None:
    azure = AzureSubscription()
    answer = (400, "BadRequest", "/me request is only valid with delegated authentication flow.")
    azure.answers["GET", "/v1.0/me/.+"] = answer
    with (
        ResourceManager(token, transport=azure.transport) as manager,
        ResourceManager(lambda _: sent, "https://graph.microsoft.com", azure.transport) as graph,
    ):
        subject = Subject(dev, manager, graph, SUBSCRIPTION, lambda _: "")
        (line,) = examine(subject, [check for check in CHECKS if check.name == "entra-role"], lambda _: None)
    assert line.outcome is outcome
    assert seen in line.seen
    assert remedy in line.remedy


def test_what_may_not_be_read_is_not_called_wrong_or_ok(prod: Recording) -> None:
    azure = AzureSubscription()
    for check in ("/providers.*", "/v1.0/.*"):
        for method in ("GET", "POST", "HEAD"):
            azure.answers[method, check] = (403, "AuthorizationFailed", "The client does not have authorization.")
    assert {line.outcome for line in examined(prod, azure).values()} == {Outcome.UNKNOWN}


def test_nothing_is_changed(dev: Recording, prod: Recording) -> None:
    azure = AzureSubscription()
    for recording in (dev, prod):
        examined(recording, azure)
    writes = [path for method, path in azure.asked if method not in {"GET", "HEAD", "POST"}]
    assert writes == []
    posted = {path.rpartition("/")[2].lower() for method, path in azure.asked if method == "POST"}
    assert posted == {"checknameavailability", "checkpolicyrestrictions", "validate"}
    # Ids are of the real subscription, not of the offline recording.
    sent = json.dumps(azure.bodies)
    assert f"/subscriptions/{SUBSCRIPTION}/resourceGroups/" in sent
    assert "00000000-0000-4000-8000-000000000001" not in sent


@pytest.mark.parametrize(
    ("pattern", "action", "covers"),
    [
        ("*", "Microsoft.Authorization/locks/write", True),
        ("Microsoft.Authorization/*/Write", "Microsoft.Authorization/locks/write", True),
        ("Microsoft.Authorization/*/read", "Microsoft.Authorization/locks/write", False),
        ("Microsoft.Authorization/locks/write", "Microsoft.Authorization/locks/writes", False),
        ("*/read", "Microsoft.Authorization/locks/write", False),
        ("a*a", "a", False),
    ],
)
def test_actions_of_roles(pattern: str, action: str, covers: bool) -> None:
    assert matches(pattern, action) is covers


def test_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    azure = AzureSubscription()
    monkeypatch.setattr("secure_mcp_local.cli.preflighting.login", lambda: token)
    monkeypatch.setattr("secure_mcp_local.cli.preflighting._state", lambda _: State({}, {}))
    made = httpx.Client

    def client(transport: object, timeout: float) -> httpx.Client:
        assert transport is None
        return made(transport=azure.transport, timeout=timeout)

    monkeypatch.setattr("secure_mcp_local.resource_manager.httpx.Client", client)
    base = ["preflight", "--cwd", str(ROOT), "--subscription", SUBSCRIPTION]
    unset = CliRunner().invoke(app, base)
    assert "apimPublisherEmail ADDRESS" in str(unset.exception)
    base += ["--config", "apimPublisherEmail=me@contoso.com"]
    good = CliRunner().invoke(app, [*base, "--json"])
    assert good.exit_code == 0
    assert {one["outcome"] for one in json.loads(good.stdout)} <= {"ok", "unknown"}
    azure.answers["GET", "/providers"] = {"value": []}
    bad = CliRunner().invoke(app, [*base, "--only", "providers"])
    assert bad.exit_code == 1
    assert "do: az provider register" in bad.stdout
    # A server's stack needs its platform's, which is told where it lies.
    azure.answers.clear()
    team = [
        "preflight",
        "-C",
        str(ROOT / "examples" / "team-notes"),
        "--subscription",
        SUBSCRIPTION,
        "--only",
        "rights",
    ]
    assert "name that project's folder, too" in str(CliRunner().invoke(app, team).exception)
    both = [*team, "-C", str(ROOT / "examples" / "platform"), "-c", "publisherEmail=me@contoso.com"]
    assert CliRunner().invoke(app, both).exit_code == 0
    azure.answers["GET", "/providers"] = (403, "AuthorizationFailed", "no")
    assert CliRunner().invoke(app, [*base, "--only", "providers"]).exit_code == 2
