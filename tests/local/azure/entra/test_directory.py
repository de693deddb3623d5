"""What the stack declares in the tenant."""

import pytest

from secure_mcp_local.azure.entra import Directory
from secure_mcp_local.errors import ExplainedError
from secure_mcp_local.recording import Recording, Resource

APPLICATION = "azuread:index/application:Application"
SERVICE_PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"
ASSIGNMENT = "azuread:index/appRoleAssignment:AppRoleAssignment"
GRANT = "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"


def added(recording: Recording, token: str, **properties: object) -> Recording:
    resource = Resource(f"urn:{token}", token, "more", "", inputs=properties, outputs=properties)
    return Recording(recording.project, recording.stack, (*recording.resources, resource))


@pytest.mark.parametrize(
    ("type", "change", "message"),
    [
        (APPLICATION, {"signInAudience": "AzureADMultipleOrgs"}, "AzureADMyOrg"),
        (APPLICATION, {"groupMembershipClaims": ["All"]}, "groupMembershipClaims"),
        (APPLICATION, {"publicClient": {"redirectUris": ["http://localhost"]}}, "publicClient"),
        (APPLICATION, {"clientId": None}, "no clientId"),
        (ASSIGNMENT, {"appRoleId": "99999999-9999-4999-8999-999999999999"}, "has no app role"),
        (
            APPLICATION,
            {"appRoles": [{"id": "1", "value": "Editor"}]},
            "has app roles, so that default access cannot be",
        ),
        (GRANT, {"resourceServicePrincipalObjectId": "99999999"}, "no service principal 99999999"),
        (GRANT, {"userObjectId": "x"}, "one user"),
    ],
)
def test_what_azure_refuses_or_is_not_modelled_is_refused_by_name(
    recording: Recording, type: str, change: dict[str, object], message: str
) -> None:
    changed = recording.changed(recording.all(type)[0].urn, **change)
    with pytest.raises(ExplainedError, match=message):
        Directory.from_recording(changed)


def test_two_tenants(recording: Recording) -> None:
    more = added(recording, IDENTITY, tenantId="33333333-2222-4222-8222-222222222222")
    with pytest.raises(ExplainedError, match=r"exactly one tenant; found: 2222.*, 3333"):
        Directory.from_recording(more)


def test_redirect_uris_can_be_declared_apart(recording: Recording) -> None:
    more = added(
        recording,
        "azuread:index/applicationRedirectUris:ApplicationRedirectUris",
        applicationId="/applications/a2a2a2a2-2222-4222-8222-222222222222",
        type="Web",
        redirectUris=["https://gateway.example/oauth-callback"],
    )
    (application,) = Directory.from_recording(more).applications
    assert application.redirect_uris == {
        "http://localhost:8080/oauth-callback",
        "https://gateway.example/oauth-callback",
    }
