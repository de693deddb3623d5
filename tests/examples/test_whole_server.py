"""Two servers in one stack keep apart."""

from pathlib import Path

import pytest

from secure_mcp_local.recording import Recording, record

EXAMPLE = Path(__file__).parents[2] / "examples" / "whole-server"
APIM = "azure-native:apimanagement:"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(EXAMPLE, "dev")


def owner(recording: Recording, urn: str) -> str:
    """The server that a resource belongs to."""
    resources = {resource.urn: resource for resource in recording}
    while resources[urn].parent:
        urn = resources[urn].parent
    return resources[urn].name


def test_each_team_has_its_own_server(recording: Recording) -> None:
    assert {r.name for r in recording.all("secure-mcp:index:SecureMcpServer")} == {"engineering", "finance"}
    skus = {owner(recording, r.urn): r.inputs["sku"]["name"] for r in recording.all(APIM + "ApiManagementService")}
    assert skus == {"engineering": "BasicV2", "finance": "StandardV2"}
    admitted = {
        owner(recording, r.urn): r.inputs["principalObjectId"]
        for r in recording.all("azuread:index/appRoleAssignment:AppRoleAssignment")
    }
    assert admitted == {
        "engineering": "00000000-0000-4000-8000-00000000d0e1",
        "finance": "00000000-0000-4000-8000-00000000d0e2",
    }
    private = {
        owner(recording, r.urn): r.inputs["publicNetworkAccess"]
        for r in recording.all("azure-native:cosmosdb:DatabaseAccount")
    }
    assert private == {"engineering": "Enabled", "finance": "Disabled"}
    assert {owner(recording, r.urn) for r in recording.all("azure-native:keyvault:Secret")} == {"finance"}
    assert recording.outputs["engineeringUrl"] != recording.outputs["financeUrl"]


def test_nothing_of_one_server_depends_on_the_other(recording: Recording) -> None:
    for resource in recording:
        owners = {owner(recording, urn) for urn in resource.dependencies}
        assert owners <= {owner(recording, resource.urn)}, resource.urn


def test_no_role_of_one_server_reaches_the_other(recording: Recording) -> None:
    principals = {
        r.get("principalId"): owner(recording, r.urn)
        for r in recording.all("azure-native:managedidentity:UserAssignedIdentity")
    }
    for role in recording.all("azure-native:authorization:RoleAssignment"):
        scope = recording.by_id(role.inputs["scope"])
        assert scope is not None
        assert owner(recording, scope.urn) == principals.get(role.inputs["principalId"], owner(recording, role.urn)), (
            role.name
        )
