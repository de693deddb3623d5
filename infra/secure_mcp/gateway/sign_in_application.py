"""What Entra ID knows of a gateway: the application that users sign in to, whichever server they are on their way to."""

import uuid
from collections.abc import Sequence

import pulumi
import pulumi_azuread as azuread

from ..options import Options, Taken, each, option
from ..options.rules import OBJECT_IDS
from .options import OperatorOptions, SignInOptions

_MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"
# Microsoft Azure CLI: https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in
_AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
_END_SESSIONS = "Sessions.End"
_SIGN_IN = "SignIn"
# "Default access": the role of an assignment to an application without roles of its own.
# https://learn.microsoft.com/graph/api/resources/approleassignment
_DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"


class PrincipalOptions(Options):
    """Who may sign in at all."""

    sign_in_principals: Sequence[str] | None = option(each(OBJECT_IDS), default=None, configured=False)
    """Object ids of users and groups who may sign in at the gateway at all. Not given: everybody in the tenant; what they may use
    their roles in the servers' applications say in either case."""


class SignInApplicationArgs(PrincipalOptions, OperatorOptions, SignInOptions):
    """Who acts as it, and where sign-ins return to."""

    tenant_id: pulumi.Input[str]
    """Tenant whose users sign in."""
    principal_id: pulumi.Input[str]
    """Object id of the gateway's identity, which alone can act as the application."""
    redirect_uris: pulumi.Input[Sequence[pulumi.Input[str]]]
    """Addresses that a sign-in returns to: `/oauth-callback` under each address of the gateway."""


class SignInApplication(pulumi.ComponentResource):
    """Sign-in application without any secret: it trusts tokens of the gateway's identity (federated credential).

    It says who somebody is and no more. What they may use, the applications of the servers say, in tokens that this one asks for.
    https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
    """

    client_id: pulumi.Output[str]
    """Client id of the application that users sign in to."""
    object_id: pulumi.Output[str]
    """Object id of that application."""
    principal_object_id: pulumi.Output[str]
    """Object id of its service principal, which servers let ask for their users' tokens."""

    def __init__(
        self, name: str, args: SignInApplicationArgs | Taken, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = SignInApplicationArgs.of(args)
        super().__init__("secure-mcp:index:SignInApplication", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        application = azuread.Application(
            f"{name}-sign-in",
            display_name=args.entra_display_name or f"{name} (MCP sign-in)",
            owners=args.entra_owners or None,
            sign_in_audience="AzureADMyOrg",
            prevent_duplicate_names=False,
            api=azuread.ApplicationApiArgs(
                requested_access_token_version=2,
                oauth2_permission_scopes=[
                    azuread.ApplicationApiOauth2PermissionScopeArgs(
                        id=_id(_END_SESSIONS, "permission"),
                        value=_END_SESSIONS,
                        type="Admin",
                        enabled=True,
                        admin_consent_display_name="List and end sessions",
                        admin_consent_description="Lists and ends sessions at the gateway in an operator's name.",
                    )
                ]
                if args.operators
                else None,
            ),
            app_roles=[
                _app_role(_SIGN_IN, "May sign in."),
                _app_role(_END_SESSIONS, "May list and end sessions at the gateway."),
            ]
            if args.operators
            else None,
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
            # Signing in gives nothing without a role of a server.
            owners=args.entra_owners or None,
            app_role_assignment_required=args.sign_in_principals is not None,
            opts=here,
        )
        # Nobody is asked, and no tenant has to let its users consent: what the sign-in asks for is granted for all of them.
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
        for id in dict.fromkeys(args.sign_in_principals or ()):
            azuread.AppRoleAssignment(
                f"{name}-sign-in-{id}",
                # An application with roles has no assignment without one.
                app_role_id=_id(_SIGN_IN, "role") if args.operators else _DEFAULT_ACCESS,
                principal_object_id=id,
                resource_object_id=principal.object_id,
                opts=here,
            )
        if args.operators:
            # The Azure CLI's login is an operator's: it may ask for tokens in their name, and nobody is asked for consent.
            azuread.ApplicationPreAuthorized(
                f"{name}-azure-cli",
                application_id=application.id,
                authorized_client_id=_AZURE_CLI,
                permission_ids=[_id(_END_SESSIONS, "permission")],
                opts=here,
            )
        for id in dict.fromkeys(args.operators):
            azuread.AppRoleAssignment(
                f"{name}-operator-{id}",
                app_role_id=_id(_END_SESSIONS, "role"),
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
        self.client_id = application.client_id
        self.object_id = application.object_id
        self.principal_object_id = principal.object_id
        self.register_outputs(
            {
                "clientId": self.client_id,
                "objectId": self.object_id,
                "principalObjectId": self.principal_object_id,
            }
        )


def _id(value: str, kind: str) -> str:
    """The same for the same name, so that an assignment outlives every deployment."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:secure-mcp:{kind}:{value}"))


def _app_role(value: str, description: str) -> azuread.ApplicationAppRoleArgs:
    return azuread.ApplicationAppRoleArgs(
        id=_id(value, "role"),
        value=value,
        display_name=value,
        description=description,
        allowed_member_types=["User"],
        enabled=True,
    )
