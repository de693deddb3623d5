"""Wiring of each component: types, parents, dependencies, secrets, the scopes of roles."""

import json
import re

import pytest

from actors.wiring import (
    ALICE,
    APIM,
    APPLICATION,
    COSMOS,
    ROOT,
    Declared,
    before,
    by_urn,
)
from secure_mcp.apis import documents as policy
from secure_mcp_local.cli.plan import masked
from secure_mcp_local.recording import Recording, arguments


def test_everything_belongs_to_a_component(anything: Recording) -> None:
    resources = by_urn(anything)
    for resource in anything:
        if resource.name == "mcp" and resource.type.endswith(":SecureMcpServer"):
            assert resource.parent == ""
        else:
            assert resources[resource.parent].type.startswith("secure-mcp:index:"), resource.urn


def test_every_component_registers_its_outputs_and_type(declared: Declared) -> None:
    components = {resource.type for resource in declared("prod") if not resource.custom}
    assert components == {
        f"secure-mcp:index:{name}"
        for name in (
            "SecureMcpServer", "Gateway", "ApiManagement", "AuthorizationServer", "SignInApplication", "Server", "ServerApplication", "McpApi",
            "SessionStore", "McpFunctionApp", "Storage", "Monitoring", "Network", "KeyVault",
        )
    }  # fmt: skip


def test_policies_wait_for_every_named_value_and_fragment_they_use(anything: Recording) -> None:
    resources = by_urn(anything)
    named_values = {r.inputs["displayName"]: r.urn for r in anything.all(APIM + "NamedValue")}
    fragments = {r.inputs["id"]: r.urn for r in anything.all(APIM + "PolicyFragment")}
    documents = [
        resource
        for kind in ("ApiPolicy", "ApiOperationPolicy", "PolicyFragment")
        for resource in anything.all(APIM + kind)
    ]
    assert len(documents) > 20
    for document in documents:
        assert document.inputs["format"] == "rawxml"
        text = document.inputs["value"]
        for name in re.findall(r"\{\{([\w.-]+)\}\}", text):
            assert named_values[name] in document.dependencies, (document.name, name)
        for name in re.findall(r'fragment-id="([\w-]+)"', text):
            assert fragments[name] in document.dependencies, (document.name, name)
        assert document.dependencies <= set(resources)


def test_operations_are_those_of_the_policies(anything: Recording) -> None:
    operations = {
        (r.inputs["apiId"], r.inputs["operationId"], r.inputs["method"], r.inputs["urlTemplate"])
        for r in anything.all(APIM + "ApiOperation")
    }
    expected = {("oauth", o.id, o.method, o.url_template) for o in policy.oauth_operations()}
    expected |= {("mcp", o.id, o.method, o.url_template) for o in policy.mcp_operations(sse=False)}
    expected |= {
        (api, o.id, o.method, o.url_template)
        for api in ("resource-metadata", "resource-metadata-mcp")
        for o in policy.metadata_operations()
    }
    assert operations == expected
    assert not [o for o in operations if o[2] == "OPTIONS"], "an OPTIONS operation switches the cors policy off"


def test_secrets_are_secret_and_nowhere_else(anything: Recording) -> None:
    secrets: dict[str, str] = {}
    for value in anything.all(APIM + "NamedValue"):
        name = value.inputs["displayName"]
        wanted = name in {"EncryptionKey", "PreviousEncryptionKey", "mcp-function-key"}
        assert value.inputs["secret"] is wanted, name
        if "keyVault" in value.inputs:
            assert "value" not in value.inputs, "in the vault, and not here too"
            continue
        assert ("value" in value.secrets) is wanted, name
        if wanted and value.inputs["value"] != "none":
            secrets[name] = value.inputs["value"]
    for secret in anything.all("azure-native:keyvault:Secret"):
        assert secret.secrets == {"properties.value"}
        if secret.inputs["properties"]["value"] != "none":
            secrets[secret.inputs["secretName"]] = secret.inputs["properties"]["value"]
    assert "EncryptionKey" in secrets
    everything = json.dumps([masked(resource.inputs, resource.secrets) for resource in anything] + [anything.outputs])
    for name, secret in secrets.items():
        assert secret not in everything, name
    assert "the-master-key" not in json.dumps([dict(resource.inputs) for resource in anything])


def test_A10_stacks_are_where_everything_is(declared: Declared) -> None:
    """Flex Consumption answers 503 in West Europe (Azure/functions-action#390), and Cosmos DB is full there."""
    for stack in ("dev", "prod"):
        group = declared(stack).one("azure-native:resources:ResourceGroup")
        assert group.inputs["location"] in {"northeurope", "swedencentral"}


SAID = {
    "A1 A2": "for Flex Consumption sites is invalid",
    "A3": "KeyBasedAuthenticationNotPermitted",
    "A4": "NoRegisteredProviderFound",
    "A5": "InaccessibleStorageException",
    "A6": "ForbiddenByRbac",
    "A7": "Please check if 'Microsoft.App' is registered",
    "A8": "Authorization_RequestDenied",
    "A8 licence": "no Entra ID P1",
    "A9": "requires an exclusive lock",
    "A9 subnet": "ReferencedResourceNotProvisioned",
    "A10": "currently experiencing high demand in this region",
    "A10 Flex": "seen in West Europe",
    "A12": "PessimisticConcurrencyConflict",
    "B1": "`tools/list` is empty",
    "B5": "27 February 2027",
    "B6": "`callback-length`",
    "B7": "azure-functions-mcp-extension#138",
    "B10": "Do not run `pulumi refresh` without reason",
    "C3": "InUseSubnetCannotBeDeleted",
    "C4": "ScopeLocked",
    "C5": "ServiceAlreadyExistsInSoftDeletedState",
}
"""Findings that somebody may meet all the same. Beside the words, what can be held of each without Azure is held by tests of its name; of B6
by `test_M10_D19_what_we_add_to_an_address_is_bounded`, as Entra ID's part of the address is not ours.
"""


@pytest.mark.parametrize("finding", SAID)
def test_what_to_do_stands_in_the_walk_for(finding: str) -> None:
    assert SAID[finding] in (ROOT / "docs" / "first-deployment.md").read_text(encoding="utf-8")


def test_A12_an_api_is_written_once_and_what_is_in_it_comes_after_it(anything: Recording) -> None:
    """Two writes of one API at a time are refused (Azure/apiops#379, 409 PessimisticConcurrencyConflict): there are none. Whether its
    operations and policies may be saved at once, as they are, only Azure can say: azure-unknowns.md, `parallel-operations`.
    """
    apis = anything.all(APIM + "Api")
    assert len({api.id for api in apis}) == len(apis) > 2
    inside = [one for one in anything if "/apis/" in one.id and one.type != APIM + "Api"]
    assert len(inside) > 20
    for one in inside:
        [api] = [api for api in apis if one.id.startswith(f"{api.id}/")]
        assert api.urn in before(anything, one), one.name


def test_B7_the_host_asks_for_its_key_where_the_gateway_has_it_and_only_there(declared: Declared) -> None:
    """What a host answers that asks all the same (azure-functions-mcp-extension#138) is in `tests/contract/test_failure.py`."""
    for auth, level in (("managedIdentity", "Anonymous"), ("functionKey", "System")):
        recording = declared(backendAuth=auth)
        site = recording.one("azure-native:web:WebApp").inputs
        settings = {setting["name"]: setting["value"] for setting in site["siteConfig"]["appSettings"]}
        assert settings["AzureFunctionsJobHost__extensions__mcp__system__webhookAuthorizationLevel"] == level
        assert any("function-key" in str(value.inputs) for value in recording.all(APIM + "NamedValue")) is (
            auth != "managedIdentity"
        )


def test_C3_no_network_is_asked_to_go_by_itself(declared: Declared) -> None:
    """A subnet is in use for up to an hour after its function app is gone. It goes with the group, whose deletion waits and tries again in
    Azure; how long, only Azure can say: azure-unknowns.md, `subnet-release`.
    """
    recording = declared("prod")
    group = recording.one("azure-native:resources:ResourceGroup")
    network = [one for one in recording if one.type.startswith("azure-native:network:")]
    assert "azure-native:network:VirtualNetwork" in {one.type for one in network}
    assert {one.deleted_with for one in network} == {group.urn}


def test_D_sizes_and_duties_are_configuration(declared: Declared) -> None:
    owner = ALICE
    recording = declared(
        apimSku="PremiumV2",
        apimUnits="3",
        apimZones='["1", "2", "3"]',
        instanceMemoryMb="4096",
        maximumInstanceCount="100",
        alwaysReadyInstances="2",
        zoneRedundant="true",
        keepDeletedDays="30",
        entraDisplayName="Snippets",
        entraOwners=json.dumps([owner]),
        monthlyBudget="900",
        tags='{"owner": "platform"}',
    )
    service = recording.one(APIM + "ApiManagementService").inputs
    assert (service["sku"]["capacity"], service["zones"]) == (3, ["1", "2", "3"])
    scale = recording.one("azure-native:web:WebApp").inputs["functionAppConfig"]["scaleAndConcurrency"]
    assert scale == {
        "instanceMemoryMB": 4096,
        "maximumInstanceCount": 100,
        "alwaysReady": [{"name": "http", "instanceCount": 2}],
    }
    assert recording.one("azure-native:web:AppServicePlan").inputs["zoneRedundant"] is True
    for account in recording.all("azure-native:storage:StorageAccount"):
        assert account.inputs["sku"]["name"] == "Standard_ZRS"
    assert recording.one(COSMOS + "DatabaseAccount").inputs["locations"][0]["isZoneRedundant"] is True
    applications = recording.all(APPLICATION)
    # Which is registered first, is not said.
    assert {a.inputs["displayName"] for a in applications} == {"Snippets", "mcp (MCP server)"}
    assert all(a.inputs["owners"] == [owner] for a in applications)
    budget = recording.one("azure-native:consumption:Budget").inputs
    assert budget["amount"] == 900
    assert budget["scope"] == recording.one("azure-native:resources:ResourceGroup").id


def test_tags_are_on_everything_that_can_have_some(declared: Declared) -> None:
    recording = declared("prod", tags='{"owner": "platform"}')
    taggable = [r for r in recording if r.type.startswith("azure-native:") and "tags" in arguments.known(r.type)]
    assert len(taggable) > 20
    for resource in taggable:
        if resource.type != APIM + "NamedValue":
            assert resource.inputs.get("tags") == {"owner": "platform"}, resource.name
