"""Who may do what: assignments and roles of people, roles of identities."""

import json

from actors.wiring import (
    ALICE,
    APPLICATION,
    BOB,
    SECRETS_USER,
    Declared,
    identity_of,
)
from secure_mcp_local.recording import Recording

ASSIGNMENT = "azuread:index/appRoleAssignment:AppRoleAssignment"


PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"


GRANT = "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant"


def test_only_the_gateways_identity_is_admitted_and_trusted(anything: Recording) -> None:
    gateway = identity_of(anything, "id-apim-")
    settings = anything.one("azure-native:web:WebAppAuthSettingsV2").inputs
    directory = settings["identityProviders"]["azureActiveDirectory"]
    admitted = directory["validation"]["defaultAuthorizationPolicy"]
    assert admitted["allowedApplications"] == [gateway.get("clientId")]
    assert admitted["allowedPrincipals"]["identities"] == [gateway.get("principalId")]
    assert directory["validation"]["allowedAudiences"] == [directory["registration"]["clientId"]]
    assert settings["globalValidation"]["unauthenticatedClientAction"] == "Return401"
    credential = anything.one(
        "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential"
    ).inputs
    assert credential["subject"] == gateway.get("principalId")
    assert credential["audiences"] == ["api://AzureADTokenExchange"]
    assert not [r for r in anything if r.type.startswith("azuread:") and "assword" in r.type], (
        "no client secret anywhere"
    )


def test_who_may_use_a_server_its_own_application_says(anything: Recording) -> None:
    sign_in = next(r for r in anything.all(APPLICATION) if r.name.endswith("-sign-in"))
    assert "appRoles" not in sign_in.inputs, "it knows no server"
    gateway = next(r for r in anything.all(PRINCIPAL) if r.get("clientId") == sign_in.get("clientId"))
    assert gateway.inputs["appRoleAssignmentRequired"] is True, "nobody else has any business here"
    server = next(r for r in anything.all(APPLICATION) if r.name.endswith("-server"))
    principal = next(r for r in anything.all(PRINCIPAL) if r.get("clientId") == server.get("clientId"))
    # The gateway may ask for tokens of its users, and for nothing else.
    [grant] = [r for r in anything.all(GRANT) if r.get("resourceServicePrincipalObjectId") == principal.get("objectId")]
    assert grant.inputs["servicePrincipalObjectId"] == gateway.get("objectId")
    offered = [scope["value"] for scope in server.inputs["api"]["oauth2PermissionScopes"]]
    assert grant.inputs["claimValues"] == offered == ["Mcp.SignIn"]
    assigned: dict[str, set[str]] = {}
    for each in anything.all(ASSIGNMENT):
        assigned.setdefault(each.inputs["resourceObjectId"], set()).add(each.inputs["principalObjectId"])
    assert assigned.get(principal.get("objectId"), set()) == assigned.get(gateway.get("objectId"), set())


ROLES = {
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": ("id-code-", "/blobServices/default/containers/deployment"),
    SECRETS_USER: ("id-apim-", "Microsoft.KeyVault/vaults"),
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": ("id-func-", "Microsoft.Storage/storageAccounts"),
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": ("id-func-", "Microsoft.Storage/storageAccounts"),
    "3913510d-42f4-4e42-8a64-420c390055eb": ("id-", "Microsoft.Insights/components"),
}


def test_roles_are_narrow_and_keep_their_names(anything: Recording) -> None:
    assignments = anything.all("azure-native:authorization:RoleAssignment")
    assert len(assignments) == 5 + len(anything.all("azure-native:keyvault:Vault"))
    for assignment in assignments:
        role = assignment.inputs["roleDefinitionId"].rsplit("/", 1)[-1]
        prefix, kind = ROLES[role]
        resource = anything.by_id(assignment.inputs["scope"])
        assert resource is not None, "every scope is one declared resource"
        assert kind in resource.id
        assert assignment.inputs["principalType"] == "ServicePrincipal"
        owners = [
            r.inputs["resourceName"]
            for r in anything.all("azure-native:managedidentity:UserAssignedIdentity")
            if r.get("principalId") == assignment.inputs["principalId"]
        ]
        assert len(owners) == 1
        assert owners[0].startswith(prefix)
    names = {assignment.inputs["roleAssignmentName"] for assignment in assignments}
    assert len(names) == len(assignments)


def roles_assigned(recording: Recording) -> set[tuple[str, str]]:
    """Object ids and roles at the server."""
    [server] = [each for each in recording.all(APPLICATION) if "appRoles" in each.inputs]
    values = {role["id"]: role["value"] for role in server.inputs["appRoles"]}
    return {
        (each.inputs["principalObjectId"], values[each.inputs["appRoleId"]])
        for each in recording.all(ASSIGNMENT)
        if each.inputs["appRoleId"] in values
    }


def test_users_and_groups_may_use_the_server_whatever_roles_there_are(declared: Declared) -> None:
    assert (ALICE, "Mcp.Access") in roles_assigned(declared(assignedUsers=json.dumps([ALICE])))


def test_roles_of_tools_are_app_roles_and_assigned_by_their_ids(declared: Declared) -> None:
    recording = declared(
        assignedGroups="[]",
        assignedUsers=json.dumps([ALICE]),
        toolRoles=json.dumps({"save": "Writer", "delete": "Owner", "remove": "Owner"}),
        assignedRoles=json.dumps({BOB: "Owner Writer"}),
    )
    sign_in = next(each for each in recording.all(APPLICATION) if "appRoles" in each.inputs)
    values = {role["id"]: role["value"] for role in sign_in.inputs["appRoles"]}
    assert sorted(values.values()) == ["Mcp.Access", "Owner", "Writer"]
    assert all(role["allowedMemberTypes"] == ["User"] and role["enabled"] for role in sign_in.inputs["appRoles"])
    assert roles_assigned(recording) == {(ALICE, "Mcp.Access"), (BOB, "Owner"), (BOB, "Writer")}


def test_a_role_keeps_its_id_whatever_other_roles_there_are(declared: Declared) -> None:
    def ids(**tools: str) -> dict[str, str]:
        recording = declared(toolRoles=json.dumps(tools))
        return {
            role["value"]: role["id"]
            for application in recording.all(APPLICATION)
            for role in application.inputs.get("appRoles", [])
        }

    few, many = ids(save="Writer"), ids(save="Writer", another="Owner")
    assert few.items() <= many.items()
    assert len(set(many.values())) == 3
