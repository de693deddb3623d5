"""What Entra ID knows: the application that users sign in to, and the audience of the gateway's token to the function app."""

import uuid
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_azuread as azuread

from ..options import Taken, option
from .options import SignInOptions

_MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"
# "Default access": the role of an assignment to an application without roles of its own. One that has some needs another.
# https://learn.microsoft.com/graph/api/resources/approleassignment
_DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
_ACCESS = "Mcp.Access"


class EntraApplicationArgs(SignInOptions):
    """Who signs in, and where they come back to."""

    tenant_id: pulumi.Input[str]
    """Tenant whose users sign in."""
    principal_id: pulumi.Input[str]
    """Object id of the gateway's identity, which alone can act as the application."""
    redirect_uris: pulumi.Input[Sequence[pulumi.Input[str]]]
    """Addresses that a sign-in returns to: `/oauth-callback` under each address of the gateway."""
    assigned_users: Sequence[str] = ()
    """Object ids of users who may sign in."""
    assigned_groups: Sequence[str] = ()
    """Object ids of groups whose members may sign in."""
    app_roles: Sequence[str] = ()
    """Roles that users can have."""
    assigned_roles: Mapping[str, str] = option(default={})
    """Object ids of users or groups, and their roles, separated by spaces: who has a role may sign in."""


def _app_role(value: str) -> azuread.ApplicationAppRoleArgs:
    return azuread.ApplicationAppRoleArgs(
        id=_role_id(value),
        value=value,
        display_name=value,
        description="May sign in." if value == _ACCESS else f"May call the tools that need {value}.",
        allowed_member_types=["User"],
        enabled=True,
    )


def _role_id(value: str) -> str:
    """The same for the same role: an assignment outlives that the roles are listed in another order."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:secure-mcp:app-role:{value}"))


class EntraApplication(pulumi.ComponentResource):
    """Sign-in application without any secret: it trusts tokens of the gateway's identity (federated credential).

    Only assigned users and groups get in. The second registration has no users: it is what the gateway's token to the
    function app is for.
    https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
    """

    client_id: pulumi.Output[str]
    """Client id of the application that users sign in to."""
    object_id: pulumi.Output[str]
    """Object id of that application."""
    backend_client_id: pulumi.Output[str]
    """Client id of the registration that stands for the server behind the gateway: the audience of the gateway's token."""

    def __init__(
        self, name: str, args: EntraApplicationArgs | Taken, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = EntraApplicationArgs.of(args)
        super().__init__("secure-mcp:index:EntraApplication", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        roles = args.app_roles
        owners = args.entra_owners or None
        application = azuread.Application(
            f"{name}-sign-in",
            display_name=args.entra_display_name or f"{name} (MCP sign-in)",
            owners=owners,
            sign_in_audience="AzureADMyOrg",
            prevent_duplicate_names=False,
            api=azuread.ApplicationApiArgs(requested_access_token_version=2),
            app_roles=[_app_role(role) for role in (_ACCESS, *roles)] if roles else None,
            # The address of the gateway is only known when its slow creation is done; it is added then.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["web"]),
        )
        azuread.ApplicationRedirectUris(
            f"{name}-redirect-uris",
            application_id=application.id,
            type="Web",
            redirect_uris=args.redirect_uris,
            opts=here,
        )
        principal = azuread.ServicePrincipal(
            f"{name}-sign-in-principal",
            client_id=application.client_id,
            app_role_assignment_required=True,
            owners=owners,
            opts=here,
        )
        # Users cannot consent to an application that requires assignment: what the sign-in asks for is granted for all of them.
        graph = azuread.ServicePrincipal(
            f"{name}-graph",
            client_id=_MICROSOFT_GRAPH,
            use_existing=True,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        azuread.ServicePrincipalDelegatedPermissionGrant(
            f"{name}-consent",
            service_principal_object_id=principal.object_id,
            resource_service_principal_object_id=graph.object_id,
            claim_values=args.oauth_scopes.split(" "),
            opts=here,
        )
        for kind, ids in (("user", args.assigned_users), ("group", args.assigned_groups)):
            for id in ids:
                azuread.AppRoleAssignment(
                    f"{name}-{kind}-{id}",
                    app_role_id=_role_id(_ACCESS) if roles else _DEFAULT_ACCESS,
                    principal_object_id=id,
                    resource_object_id=principal.object_id,
                    opts=here,
                )
        for id, assigned in args.assigned_roles.items():
            for role in dict.fromkeys(assigned.split(" ")):
                azuread.AppRoleAssignment(
                    f"{name}-role-{role}-{id}",
                    app_role_id=_role_id(role),
                    principal_object_id=id,
                    resource_object_id=principal.object_id,
                    opts=here,
                )
        azuread.ApplicationFederatedIdentityCredential(
            f"{name}-gateway-credential",
            application_id=application.id,
            display_name="gateway",
            description="The gateway's managed identity signs in as this application.",
            audiences=["api://AzureADTokenExchange"],
            issuer=pulumi.Output.concat(args.login_endpoint, "/", args.tenant_id, "/v2.0"),
            subject=args.principal_id,
            opts=here,
        )
        backend = azuread.Application(
            f"{name}-backend",
            display_name=f"{args.entra_display_name or name} (MCP function app)",
            owners=owners,
            sign_in_audience="AzureADMyOrg",
            prevent_duplicate_names=False,
            # Version 2 tokens, whose audience is the client id.
            api=azuread.ApplicationApiArgs(requested_access_token_version=2),
            opts=here,
        )
        azuread.ServicePrincipal(f"{name}-backend-principal", client_id=backend.client_id, owners=owners, opts=here)
        self.client_id = application.client_id
        self.object_id = application.object_id
        self.backend_client_id = backend.client_id
        self.register_outputs(
            {
                "clientId": self.client_id,
                "objectId": self.object_id,
                "backendClientId": self.backend_client_id,
            }
        )
