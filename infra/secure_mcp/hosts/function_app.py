"""The Function App behind the gateway, with its identity, its settings and its code."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
from pulumi_azure_native import web

from ..azure.component import Component
from ..azure.identities import user_assigned_identity
from ..azure.placement import LoggedOptions, Placement, ZoneOptions
from ..azure.roles import MONITORING_METRICS_PUBLISHER, assign_role
from ..azure.sdk_defaults import unsent
from ..options import ConfigError, Taken
from ..package import build_package
from ..publishing import publish_code
from .options import FunctionAppOptions
from .storage import Storage, StorageArgs

MCP_PATH = "/runtime/webhooks/mcp"


class McpFunctionAppArgs(FunctionAppOptions, ZoneOptions, LoggedOptions, Placement):
    """Where it goes, who calls it, and its code."""

    subscription_id: pulumi.Input[str]
    """Subscription that it is in."""
    tenant_id: pulumi.Input[str]
    """Tenant whose tokens it takes."""
    login_endpoint: pulumi.Input[str]
    """Entra ID's address in this Azure cloud."""
    backend_auth: str
    """How the gateway authenticates to it, managedIdentity or functionKey."""
    gateway_client_id: pulumi.Input[str]
    """Client id of the only identity that may call, the gateway's."""
    gateway_principal_id: pulumi.Input[str]
    """Object id of that identity."""
    audience: pulumi.Input[str]
    """Client id of the registration that stands for this app in tokens."""
    app_insights_id: pulumi.Input[str]
    """Resource id of the Application Insights component that its telemetry goes to."""
    app_insights_connection_string: pulumi.Input[str]
    """Connection string of that component."""
    locked: bool = False
    """Whether its data is locked against deletion."""
    subnet_id: pulumi.Input[str] | None = None
    """Subnet through which it calls others, or none. With one, only private endpoints reach the app and its storage."""


class McpFunctionApp(Component):
    """Flex Consumption app on Python with its own user-assigned identity, storage by identity and App Service authentication.

    With `managedIdentity` the platform itself lets nobody in but the gateway's identity, before any code runs. With
    `functionKey` the MCP extension asks for its system key. `deploy` brings the code.
    """

    name: pulumi.Output[str]
    resource_group_name: pulumi.Input[str]
    site: web.WebApp
    site_id: pulumi.Output[str]
    mcp_url: pulumi.Output[str]
    identity_id: pulumi.Output[str]
    client_id: pulumi.Output[str]
    principal_id: pulumi.Output[str]
    resource_ids: Mapping[str, pulumi.Output[str]]
    """Ids of what was made, by what it is."""
    storage_account_id: pulumi.Output[str]
    deployment_account_id: pulumi.Output[str]

    def __init__(self, name: str, args: McpFunctionAppArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        args = McpFunctionAppArgs.of(args)
        super().__init__("secure-mcp:index:McpFunctionApp", name, opts)
        here = self.inside()
        group = args.resource_group_name
        subnet = args.subnet_id
        identity = user_assigned_identity(f"{name}-id", "func", name, args, here)
        # The platform fetches the code with an identity of its own; the code itself runs with the other.
        deployer = user_assigned_identity(f"{name}-deployment-id", "code", name, args, here)
        store = Storage(
            f"{name}-storage",
            StorageArgs(
                **args.part(StorageArgs),
                private=subnet is not None,
                principal_id=identity.principal_id,
                deployment_principal_id=deployer.principal_id,
            ),
            here,
        )
        metrics = assign_role(
            f"{name}-metrics-role",
            scope=args.app_insights_id,
            role=MONITORING_METRICS_PUBLISHER,
            principal_id=identity.principal_id,
            subscription_id=args.subscription_id,
            opts=self.outside(),
        )
        plan = web.AppServicePlan(
            f"{name}-plan",
            name=pulumi.Output.concat("plan-", name, "-", args.suffix),
            resource_group_name=group,
            location=args.location,
            kind="functionapp",
            reserved=True,
            sku=web.SkuDescriptionArgs(name="FC1", tier="FlexConsumption"),
            zone_redundant=args.zone_redundant or None,
            opts=self.inside(transformations=[unsent("hyper_v", "is_spot", "is_xenon", "per_site_scaling")]),
        )
        settings: dict[str, pulumi.Input[str]] = {
            "AzureWebJobsStorage__credential": "managedidentity",
            "AzureWebJobsStorage__clientId": identity.client_id,
            "AzureWebJobsStorage__blobServiceUri": store.blob_endpoint,
            "AzureWebJobsStorage__queueServiceUri": store.queue_endpoint,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": args.app_insights_connection_string,
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": pulumi.Output.concat(
                "ClientId=", identity.client_id, ";Authorization=AAD"
            ),
        }
        taken = sorted(settings.keys() & args.app_settings.keys())
        if taken:
            raise ConfigError("appSettings", taken, "these are set already; choose other names")
        settings.update(args.app_settings)
        if args.python_version == "3.12":
            # There the worker's own libraries come first, and its azure-functions may not know the decorators of tools: the app
            # would start without a single function, and say nothing. From 3.13 on the app's own always come first.
            # https://github.com/Azure/azure-functions-python-worker/blob/dev/workers/proxy_worker/utils/dependency.py
            settings["PYTHON_ISOLATE_WORKER_DEPENDENCIES"] = "1"
        # Here and not in host.json, which is whose code it is: the host asks for its key, or lets everyone in that App Service
        # authentication let in. https://learn.microsoft.com/azure/azure-functions/functions-bindings-mcp#hostjson-settings
        settings["AzureFunctionsJobHost__extensions__mcp__system__webhookAuthorizationLevel"] = (
            "System" if args.backend_auth == "functionKey" else "Anonymous"
        )
        site = web.WebApp(
            f"{name}-func",
            name=pulumi.Output.concat("func-", name, "-", args.suffix),
            resource_group_name=group,
            location=args.location,
            kind="functionapp,linux",
            server_farm_id=plan.id,
            https_only=True,
            client_affinity_enabled=False,
            public_network_access="Disabled" if subnet else "Enabled",
            virtual_network_subnet_id=subnet,
            identity=web.ManagedServiceIdentityArgs(
                type=web.ManagedServiceIdentityType.USER_ASSIGNED,
                user_assigned_identities=[identity.id, deployer.id, *args.extra_identities],
            ),
            # Settings that refer to a key vault are read as the app's own identity, unless another is named; it has none.
            # https://learn.microsoft.com/azure/app-service/app-service-key-vault-references#access-vaults-with-a-user-assigned-identity
            key_vault_reference_identity=identity.id,
            function_app_config=web.FunctionAppConfigArgs(
                deployment=web.FunctionsDeploymentArgs(
                    storage=web.FunctionsDeploymentStorageArgs(
                        type=web.FunctionsDeploymentStorageType.BLOB_CONTAINER,
                        value=store.deployment_container_url,
                        authentication=web.FunctionsDeploymentStorageAuthenticationArgs(
                            type=web.AuthenticationType.USER_ASSIGNED_IDENTITY,
                            user_assigned_identity_resource_id=deployer.id,
                        ),
                    )
                ),
                runtime=web.FunctionsRuntimeArgs(name=web.RuntimeName.PYTHON, version=args.python_version),
                scale_and_concurrency=web.FunctionsScaleAndConcurrencyArgs(
                    instance_memory_mb=args.instance_memory_mb,
                    maximum_instance_count=args.maximum_instance_count,
                    # The scale group of triggers over HTTP. That those of the MCP extension are among them is a belief: no page
                    # says where they are. https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#per-function-scaling
                    always_ready=[
                        web.FunctionsAlwaysReadyConfigArgs(name="http", instance_count=args.always_ready_instances)
                    ]
                    if args.always_ready_instances
                    else None,
                ),
            ),
            # A plain dictionary: the SDK's class would add netFrameworkVersion. No ftpsState either: there is no FTP on this plan.
            # https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations
            site_config={
                "app_settings": [{"name": key, "value": value} for key, value in settings.items()],
                "min_tls_version": web.SupportedTlsVersions.SUPPORTED_TLS_VERSIONS_1_2,
                "http20_enabled": True,
            },
            opts=self.inside(
                depends_on=[*store.roles, metrics],
                # For plans with machines of their own. isXenon is on the list above, too.
                transformations=[unsent("hyper_v", "is_xenon", "scm_site_also_stopped")],
            ),
        )
        # No user name and password for deployments.
        passwords = [
            kind(f"{name}-{what}", allow=False, name=site.name, resource_group_name=group, opts=here)
            for kind, what in ((web.WebAppFtpAllowed, "no-ftp"), (web.WebAppScmAllowed, "no-basic-scm"))
        ]
        authentication = web.WebAppAuthSettingsV2(
            f"{name}-authentication",
            name=site.name,
            resource_group_name=group,
            platform=web.AuthPlatformArgs(enabled=args.backend_auth == "managedIdentity"),
            global_validation=web.GlobalValidationArgs(
                require_authentication=True,
                unauthenticated_client_action=web.UnauthenticatedClientActionV2.RETURN401,
            ),
            http_settings=web.HttpSettingsArgs(require_https=True),
            login=web.LoginArgs(token_store=web.TokenStoreArgs(enabled=False)),
            identity_providers=web.IdentityProvidersArgs(
                azure_active_directory=web.AzureActiveDirectoryArgs(
                    enabled=True,
                    registration=web.AzureActiveDirectoryRegistrationArgs(
                        client_id=args.audience,
                        open_id_issuer=pulumi.Output.concat(args.login_endpoint, "/", args.tenant_id, "/v2.0"),
                    ),
                    validation=web.AzureActiveDirectoryValidationArgs(
                        allowed_audiences=[args.audience],
                        default_authorization_policy=web.DefaultAuthorizationPolicyArgs(
                            allowed_applications=[args.gateway_client_id],
                            allowed_principals=web.AllowedPrincipalsArgs(identities=[args.gateway_principal_id]),
                        ),
                    ),
                )
            ),
            opts=here,
        )
        self._component, self._args, self._site, self._store = name, args, site, store
        # Each change of the site restarts what takes the code: all of them come before it.
        self._settled = [authentication, *passwords]
        # Its logs go to Application Insights alone. In FunctionAppLogs every message would stand again, whatever the app's levels are,
        # also what libraries say of a call's contents. https://github.com/Azure/azure-functions-host/issues/11434
        self.site = site
        self.name = site.name
        self.resource_group_name = group
        self.site_id = site.id
        self.identity_id = identity.id
        self.client_id = identity.client_id
        self.principal_id = identity.principal_id
        self.mcp_url = pulumi.Output.concat("https://", site.default_host_name, MCP_PATH)
        self.resource_ids = {
            "functionApp": site.id,
            "plan": plan.id,
            "hostIdentity": identity.id,
            "deploymentIdentity": deployer.id,
            "storageAccount": store.account_id,
            "deploymentStorageAccount": store.deployment_account_id,
        }
        self.storage_account_id = store.account_id
        self.deployment_account_id = store.deployment_account_id
        self.register_outputs({"name": self.name, "mcpUrl": self.mcp_url})

    def lock(self, contents: Sequence[pulumi.Resource] = ()) -> None:
        """Locks its data against deletion; done last.

        Args:
            contents: What others have declared in its storage, such as private endpoints.
        """
        self._store.lock(contents)

    def deploy(self, depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.Resource:
        """Has `pulumi up` publish the code whenever that changes.

        What needs a running app waits for what is returned. In a private network the private endpoints are what this waits for:
        the deployment endpoint is behind one, and the platform writes the package through another.
        """
        return publish_code(
            f"{self._component}-code",
            build_package(Path(self._args.code), self._args.python_version),
            self._site,
            self._store.deployment_container_url,
            self,
            [*self._settled, *self._store.roles, *depends_on],
        )
