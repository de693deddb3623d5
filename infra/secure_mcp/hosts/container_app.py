"""A container app that runs an image with an MCP server, and lets in nobody but the gateway."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_azure_native import app

from ..azure.component import Component
from ..azure.identities import user_assigned_identity
from ..azure.placement import LoggedOptions, Placement
from ..options import Taken
from .options import ContainerAppOptions


class ContainerAppArgs(ContainerAppOptions, LoggedOptions, Placement):
    """Where it goes, who calls it, and its image."""

    tenant_id: pulumi.Input[str]
    """Tenant whose tokens it takes."""
    login_endpoint: pulumi.Input[str]
    """Entra ID's address in this Azure cloud."""
    gateway_client_id: pulumi.Input[str]
    """Client id of the only identity that may call, the gateway's."""
    gateway_principal_id: pulumi.Input[str]
    """Object id of that identity."""
    audience: pulumi.Input[str]
    """Client id of the registration that stands for this app in tokens."""


class ContainerApp(Component):
    """Container app with an identity of its own, whose authentication admits the gateway's identity only; scales to zero.

    https://learn.microsoft.com/azure/container-apps/authentication-entra
    """

    name: pulumi.Output[str]
    """Name of the container app."""
    resource_id: pulumi.Output[str]
    """Resource id of the container app."""
    resource_ids: Mapping[str, pulumi.Output[str]]
    """Ids of what was made, by what it is."""
    environment_id: pulumi.Output[str]
    """Resource id of its environment."""
    mcp_url: pulumi.Output[str]
    """Address of its MCP endpoint."""
    identity_id: pulumi.Output[str]
    """Resource id of its identity."""
    client_id: pulumi.Output[str]
    """Client id of its identity."""
    principal_id: pulumi.Output[str]
    """Object id of its identity, for roles on what it uses."""

    def __init__(self, name: str, args: ContainerAppArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        args = ContainerAppArgs.of(args)
        super().__init__("secure-mcp:index:ContainerApp", name, opts)
        here = self.inside()
        group = args.resource_group_name
        identity = user_assigned_identity(f"{name}-id", "ca", name, args, here)
        environment, made = args.environment_id, None
        if isinstance(environment, str) and not environment:
            made = app.ManagedEnvironment(
                f"{name}-environment",
                environment_name=pulumi.Output.concat("cae-", name, "-", args.suffix),
                resource_group_name=group,
                location=args.location,
                workload_profiles=[app.WorkloadProfileArgs(name="Consumption", workload_profile_type="Consumption")],
                opts=here,
            )
            environment = made.id
        settings: dict[str, pulumi.Input[str]] = {**args.app_settings, "AZURE_CLIENT_ID": identity.client_id}
        identities = [identity.id, *args.extra_identities]
        # A pull needs a role before the first revision: it is given to an identity that was there before, or the image is public.
        registry: dict[str, Any] = {}
        if args.registry_server:
            registry = {
                "registries": [
                    app.RegistryCredentialsArgs(server=args.registry_server, identity=args.registry_identity_id)
                ]
            }
            identities.append(args.registry_identity_id)
        container = app.ContainerApp(
            f"{name}-app",
            # At most 32 lower-case letters, digits and hyphens.
            container_app_name=pulumi.Output.concat("ca-", name[:22].rstrip("-").lower(), "-", args.suffix),
            resource_group_name=group,
            location=args.location,
            environment_id=environment,
            workload_profile_name="Consumption",
            identity=app.ManagedServiceIdentityArgs(
                type=app.ManagedServiceIdentityType.USER_ASSIGNED, user_assigned_identities=identities
            ),
            configuration=app.ConfigurationArgs(
                active_revisions_mode=app.ActiveRevisionsMode.SINGLE,
                ingress=app.IngressArgs(
                    external=True,
                    target_port=args.port,
                    transport=app.IngressTransportMethod.HTTP,
                    allow_insecure=False,
                ),
                **registry,
            ),
            template=app.TemplateArgs(
                containers=[
                    app.ContainerArgs(
                        name="server",
                        image=args.image,
                        env=[app.EnvironmentVarArgs(name=key, value=value) for key, value in settings.items()],
                        resources=app.ContainerResourcesArgs(
                            cpu=args.cpu_millicores / 1000, memory=f"{args.memory_mb / 1024:g}Gi"
                        ),
                    )
                ],
                scale=app.ScaleArgs(min_replicas=args.min_replicas, max_replicas=args.max_replicas),
            ),
            opts=here,
        )
        app.ContainerAppsAuthConfig(
            f"{name}-authentication",
            auth_config_name="current",
            container_app_name=container.name,
            resource_group_name=group,
            platform=app.AuthPlatformArgs(enabled=True),
            global_validation=app.GlobalValidationArgs(
                unauthenticated_client_action=app.UnauthenticatedClientActionV2.RETURN401
            ),
            http_settings=app.HttpSettingsArgs(require_https=True),
            identity_providers=app.IdentityProvidersArgs(
                azure_active_directory=app.AzureActiveDirectoryArgs(
                    enabled=True,
                    registration=app.AzureActiveDirectoryRegistrationArgs(
                        client_id=args.audience,
                        open_id_issuer=pulumi.Output.concat(args.login_endpoint, "/", args.tenant_id, "/v2.0"),
                    ),
                    validation=app.AzureActiveDirectoryValidationArgs(
                        allowed_audiences=[args.audience],
                        default_authorization_policy=app.DefaultAuthorizationPolicyArgs(
                            allowed_applications=[args.gateway_client_id],
                            allowed_principals=app.AllowedPrincipalsArgs(identities=[args.gateway_principal_id]),
                        ),
                    ),
                )
            ),
            opts=here,
        )
        self.name = container.name
        self.resource_id = container.id
        self.resource_ids = {
            "containerApp": container.id,
            "hostIdentity": identity.id,
            **({"containerAppEnvironment": made.id} if made else {}),
        }
        self.environment_id = pulumi.Output.from_input(environment)
        self.mcp_url = pulumi.Output.concat("https://", container.configuration.apply(_host), args.mcp_path)
        self.identity_id = identity.id
        self.client_id = identity.client_id
        self.principal_id = identity.principal_id
        self.register_outputs({"name": self.name, "mcpUrl": self.mcp_url, "principalId": self.principal_id})


def _host(configuration: "app.outputs.ConfigurationResponse | None") -> str:
    ingress = configuration.ingress if configuration else None
    if ingress is None:
        raise ValueError("the container app has no ingress")
    return ingress.fqdn
