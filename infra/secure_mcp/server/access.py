"""What Entra ID knows of one server: who may use it and as what, and for whom the gateway's token to its host is."""

import uuid
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_azuread as azuread

from ..azure.placement import OwnerOptions
from ..options import ConfigError, Taken
from .options import ACCESS, SIGN_IN, AssignmentOptions, CallerOptions, UserRightsOptions, UserTokenOptions


class ServerApplicationArgs(OwnerOptions, AssignmentOptions, CallerOptions, UserRightsOptions):
    """Who may use a server, and which gateway asks."""

    title: str
    """What people call the server."""
    app_roles: Sequence[str] = ()
    """Roles beside that of everybody who may use it."""
    sign_in_principal_id: pulumi.Input[str]
    """Object id of the service principal of the application that users sign in to, the gateway's."""
    user_tokens_client_id: pulumi.Input[str] = ""
    """Client id of that application, where `user_token_scopes` asks for its users' tokens."""
    gateway_principal_id: pulumi.Input[str] = ""
    """Object id of the gateway's identity, which then acts as the server's application."""
    token_issuer: pulumi.Input[str] = ""
    """Issuer of that identity's tokens."""


def _role_id(value: str) -> str:
    """The same for the same role: an assignment outlives that the roles are listed in another order."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:secure-mcp:app-role:{value}"))


class ServerApplication(pulumi.ComponentResource):
    """Application of one server: its roles and their assignments, a permission for the gateway to ask for its users' tokens, and
    the audience of the gateway's own token to the host.

    The gateway reads the roles in its users' tokens, at sign-in and at every refresh: whoever has none is refused. Assignment is
    not required by Entra ID itself, or the gateway's identity would need one, too.
    https://learn.microsoft.com/entra/identity-platform/howto-add-app-roles-in-apps
    """

    client_id: pulumi.Output[str]
    """Client id, the audience of all its tokens."""
    object_id: pulumi.Output[str]
    """Object id of the application."""
    principal_object_id: pulumi.Output[str]
    """Object id of its service principal."""
    ready: pulumi.Output[str]
    """Client id, once the gateway may ask for tokens."""
    workloads_client_id: pulumi.Output[str] | None
    """Client id of the application that tokens of workloads are for; None if the server takes none of Entra ID's."""

    def __init__(
        self, name: str, args: ServerApplicationArgs | Taken, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = ServerApplicationArgs.of(args)
        super().__init__("secure-mcp:index:ServerApplication", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        apis = {place: self._api(name, place, api) for place, api in enumerate(args.user_token_scopes)}
        application = azuread.Application(
            f"{name}-server",
            display_name=f"{name} ({args.title})",
            owners=args.entra_owners or None,
            sign_in_audience="AzureADMyOrg",
            prevent_duplicate_names=False,
            # Version 2 tokens, whose audience is the client id.
            api=azuread.ApplicationApiArgs(
                requested_access_token_version=2,
                # Who is asked for consent at the sign-in is asked for what the server does in their name as well.
                known_client_applications=[args.user_tokens_client_id] if apis else None,
                oauth2_permission_scopes=[
                    azuread.ApplicationApiOauth2PermissionScopeArgs(
                        id=_role_id(SIGN_IN),
                        value=SIGN_IN,
                        type="Admin",
                        enabled=True,
                        admin_consent_display_name="Sign users in",
                        admin_consent_description="The gateway asks, in a user's name, which roles the user has.",
                    )
                ],
            ),
            app_roles=[_app_role(role) for role in (ACCESS, *args.app_roles)],
            required_resource_accesses=[_needed(args.user_token_scopes[place], api) for place, api in apis.items()]
            or None,
            opts=here,
        )
        principal = azuread.ServicePrincipal(
            f"{name}-server-principal",
            client_id=application.client_id,
            owners=args.entra_owners or None,
            app_role_assignment_required=False,
            opts=here,
        )
        granted = azuread.ServicePrincipalDelegatedPermissionGrant(
            f"{name}-gateway-consent",
            service_principal_object_id=args.sign_in_principal_id,
            resource_service_principal_object_id=principal.object_id,
            claim_values=[SIGN_IN],
            opts=here,
        )
        ready: list[pulumi.Output[str]] = [granted.id]
        if apis:
            ready += self._user_tokens(name, args, application, principal, apis)
        assigned = {
            (kind, id, ACCESS): None
            for kind, ids in (("user", args.assigned_users), ("group", args.assigned_groups))
            for id in ids
        }
        assigned |= {("role", id, role): None for id, roles in args.assigned_roles.items() for role in roles.split(" ")}
        for kind, id, role in assigned:
            azuread.AppRoleAssignment(
                f"{name}-{kind}-{id}" if kind != "role" else f"{name}-role-{role}-{id}",
                app_role_id=_role_id(role),
                principal_object_id=id,
                resource_object_id=principal.object_id,
                opts=here,
            )
        self.workloads_client_id = self._workloads(name, args, here) if args.application_workloads else None
        self.client_id = application.client_id
        self.object_id = application.object_id
        self.principal_object_id = principal.object_id
        self.ready = pulumi.Output.all(application.client_id, *ready).apply(lambda known: known[0])
        self.register_outputs(
            {
                "clientId": self.client_id,
                "objectId": self.object_id,
                "principalObjectId": self.principal_object_id,
            }
        )

    def _api(self, name: str, place: int, api: UserTokenOptions) -> azuread.ServicePrincipal:
        """An API that is in the tenant already, and stays there."""
        return azuread.ServicePrincipal(
            f"{name}-api-{place}",
            client_id=api.application,
            use_existing=True,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )

    def _user_tokens(
        self,
        name: str,
        args: ServerApplicationArgs,
        application: azuread.Application,
        principal: azuread.ServicePrincipal,
        apis: Mapping[int, azuread.ServicePrincipal],
    ) -> list[pulumi.Output[str]]:
        """Lets the gateway exchange a user's token of the server for one of an API (on behalf of the user), for all users.

        What the server may do at an API is granted to the server's own application: another server of the gateway gets nothing of it, and
        each stack declares its own. https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow
        """
        here = pulumi.ResourceOptions(parent=self)
        credential = azuread.ApplicationFederatedIdentityCredential(
            f"{name}-user-tokens",
            application_id=application.id,
            display_name="gateway",
            description="The gateway's managed identity asks for users' tokens as this application.",
            audiences=["api://AzureADTokenExchange"],
            issuer=args.token_issuer,
            subject=args.gateway_principal_id,
            opts=here,
        )
        grants = [
            azuread.ServicePrincipalDelegatedPermissionGrant(
                f"{name}-api-{place}-consent",
                service_principal_object_id=principal.object_id,
                resource_service_principal_object_id=api.object_id,
                claim_values=args.user_token_scopes[place].scopes,
                opts=here,
            )
            for place, api in apis.items()
        ]
        return [credential.id, *(grant.id for grant in grants)]

    def _workloads(self, name: str, args: ServerApplicationArgs, here: pulumi.ResourceOptions) -> pulumi.Output[str]:
        """An application that workloads ask Entra ID for tokens of, with their roles and assignments.

        Another than the server's: a token of it opens the gateway alone, never the host behind it. Entra ID gives one to nobody
        who has no role there.
        """
        application = azuread.Application(
            f"{name}-workloads",
            display_name=f"{name} ({args.title}, workloads)",
            owners=args.entra_owners or None,
            sign_in_audience="AzureADMyOrg",
            prevent_duplicate_names=False,
            api=azuread.ApplicationApiArgs(requested_access_token_version=2),
            app_roles=[_app_role(role, "Application") for role in (ACCESS, *args.app_roles)],
            opts=here,
        )
        principal = azuread.ServicePrincipal(
            f"{name}-workloads-principal",
            client_id=application.client_id,
            owners=args.entra_owners or None,
            app_role_assignment_required=True,
            opts=here,
        )
        for workload in args.application_workloads:
            for role in workload.granted_roles:
                azuread.AppRoleAssignment(
                    f"{name}-workload-{role}-{workload.application}",
                    app_role_id=_role_id(role),
                    principal_object_id=workload.principal,
                    resource_object_id=principal.object_id,
                    opts=here,
                )
        return application.client_id


def _needed(wanted: UserTokenOptions, api: azuread.ServicePrincipal) -> azuread.ApplicationRequiredResourceAccessArgs:
    """What a server needs of an API, as its application declares it: what users are asked for where nobody has granted it."""
    return azuread.ApplicationRequiredResourceAccessArgs(
        resource_app_id=wanted.application,
        resource_accesses=[
            azuread.ApplicationRequiredResourceAccessResourceAccessArgs(
                id=api.oauth2_permission_scope_ids.apply(
                    lambda ids, scope=scope: _permission(ids, wanted.application, scope)
                ),
                type="Scope",
            )
            for scope in wanted.scopes
        ],
    )


def _permission(offered: Mapping[str, str], application: str, scope: str) -> str:
    """The id of a delegated permission.

    Raises:
        ConfigError: the API does not offer it.
    """
    if scope not in offered:
        raise ConfigError(
            "userTokenScopes",
            scope,
            f"the application {application} offers no such delegated permission; it has {', '.join(sorted(offered)[:20]) or 'none'}",
        )
    return offered[scope]


def _app_role(value: str, member: str = "User") -> azuread.ApplicationAppRoleArgs:
    return azuread.ApplicationAppRoleArgs(
        id=_role_id(value),
        value=value,
        display_name=value,
        description="May use the server." if value == ACCESS else f"May call the tools that need {value}.",
        allowed_member_types=[member],
        enabled=True,
    )
