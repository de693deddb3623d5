"""One MCP server on a gateway: who may use it, its API, and what runs it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_random as random
from pulumi_azure_native import applicationinsights, resources, web

from ..azure.component import Component
from ..azure.key_vault import KeyVaultReader
from ..azure.network import PrivateService, connect
from ..azure.placement import OwnerOptions, Placement, TagOptions, ZoneOptions
from ..azure.tags import tagged
from ..hosts.container_app import ContainerApp, ContainerAppArgs
from ..hosts.function_app import McpFunctionApp, McpFunctionAppArgs
from ..hosts.options import ContainerAppOptions, FunctionAppOptions
from ..options import ConfigError, Options, Taken, option
from ..reference import GatewayReference
from .access import ServerApplication, ServerApplicationArgs
from .mcp_api import McpApi, McpApiArgs
from .options import AssignmentOptions, CallerOptions, ServerOptions, UserRightsOptions


class AddressOptions(Options):
    """A server that runs somewhere already."""

    url: pulumi.Input[str]
    """Address of its MCP endpoint, such as https://mcp.internal.example.com/mcp."""
    audience: pulumi.Input[str] | None = None
    """Audience that it expects in the gateway's token, a client id or an identifier URI. None: the server's own application."""


class ServerArgs(ServerOptions, OwnerOptions, TagOptions, ZoneOptions):
    """One MCP server: the gateway that it is published on, what can be chosen, and one host."""

    gateway: pulumi.Input[Mapping[str, Any]] = option(configured=False)
    """The output `reference` of the gateway, of the same program or of another stack."""
    function_app: FunctionAppOptions | None = option(default=None, configured=False)
    """A function app that runs it, with its code."""
    container_app: ContainerAppOptions | None = option(default=None, configured=False)
    """A container app that runs it, from an image."""
    address: AddressOptions | None = option(default=None, configured=False)
    """An address where it runs already."""
    location: str = option(default="", configured=False)
    """Azure region of what runs it, such as westeurope; needed for a host that is made."""
    resource_group_name: pulumi.Input[str] = option(default="", configured=False)
    """Resource group of what runs it. Empty: one is made."""
    suffix: pulumi.Input[str] = option(default="", configured=False)
    """Ending of names, letters and digits. Empty: a random one."""
    private: bool = option(default=False, configured=False)
    """Whether what runs it is reached through the gateway's private network only."""
    locked: bool = option(default=False, configured=False)
    """Whether what holds data is locked against deletion."""
    app_insights_connection_string: pulumi.Input[str] = option(default="", configured=False, secret=True)
    """Connection string of the gateway's Application Insights component. Empty: it is looked up."""
    key_vault: KeyVaultReader | None = option(default=None, configured=False)
    """The vault that a function key is kept in; without one API Management keeps it itself."""

    def check(self) -> None:
        hosts = [name for name in ("function_app", "container_app", "address") if getattr(self, name) is not None]
        if len(hosts) != 1:
            raise ConfigError("host", hosts, "give one host: a functionApp, a containerApp or an address")
        if self.backend_auth == "functionKey" and self.function_app is None:
            raise self.wrong("backend_auth", "only a functionApp has a function key; use managedIdentity")
        if self.private and self.function_app is None:
            raise self.wrong(
                "private",
                "only a functionApp is put into the gateway's network; give a containerApp the environmentId of one that is in it",
            )
        if self.address is None and not self.location:
            raise self.wrong("location", "give the region of the host that is made")


def _there(subnet_id: str) -> str:
    """A subnet of the gateway's private network.

    Raises:
        ConfigError: the gateway has none.
    """
    if not subnet_id:
        raise ConfigError(
            "private",
            True,
            "the gateway has no private network; set vnetEnabled or existingNetwork there, or leave private out",
        )
    return subnet_id


def _user_tokens(args: ServerArgs, reference: GatewayReference) -> dict[str, Any]:
    """What the server's application needs to know of the gateway, where tools get their users' tokens."""
    if not args.user_token_scopes:
        return {}
    client = reference.user_tokens_client_id
    return {
        "user_tokens_client_id": _allowed(client)
        if isinstance(client, str)
        else pulumi.Output.from_input(client).apply(_allowed),
        "gateway_principal_id": reference.identity_principal_id,
        "token_issuer": pulumi.Output.concat(reference.login_endpoint, "/", reference.tenant_id, "/v2.0"),
    }


def _allowed(client_id: str) -> str:
    """The application that users sign in to.

    Raises:
        ConfigError: its gateway gives servers no tokens of users.
    """
    if not client_id:
        raise ConfigError(
            "userTokenScopes",
            client_id,
            "the gateway gives servers no tokens of their users; set userTokens to true in its stack, with this release or a newer one, and deploy that first",
        )
    return client_id


def _mcp_key(system_keys: Mapping[str, str] | None) -> str:
    """The key of the MCP extension.

    Raises:
        RunError: the function app has none yet.
    """
    if not system_keys or "mcp_extension" not in system_keys:
        raise pulumi.RunError(
            "the function app has no key of the MCP extension yet: its host makes one when it has loaded the code. "
            "Deploy the code, then run pulumi up again"
        )
    return system_keys["mcp_extension"]


class Server(Component):
    """An MCP server that only signed-in, assigned users reach: its Entra application, its API on the gateway, its host.

    Added, changed and removed without the gateway's stack.
    """

    url: pulumi.Output[str]
    """Address that MCP clients are given."""
    sse_url: pulumi.Output[str] | None
    """Address of the deprecated HTTP+SSE transport, if it is published."""
    application_id: pulumi.Output[str]
    """Client id of the server's application, which carries its roles and assignments."""
    application_object_id: pulumi.Output[str]
    """Object id of the server's application."""
    function_app_name: pulumi.Output[str] | None
    """Name of the function app that runs the server, if one does."""
    container_app_name: pulumi.Output[str] | None
    """Name of the container app that runs the server, if one does."""
    storage_account_id: pulumi.Output[str] | None
    """Resource id of the storage account with a function app's data, for more containers and for roles of others."""
    host_identity_id: pulumi.Output[str] | None
    """Resource id of the identity that the server runs with, of a host that is made."""
    host_client_id: pulumi.Output[str] | None
    """Client id of that identity."""
    host_principal_id: pulumi.Output[str] | None
    """Object id of that identity, for roles on what the server uses."""
    resource_ids: Mapping[str, pulumi.Output[str]]
    """Ids of all that was made and that others may build on, by what it is, such as functionApp; of what is in Entra ID the object ids."""
    all_resource_ids: Sequence[pulumi.Output[str]]
    """Ids of everything that was made, parts such as role assignments and policies, too."""

    def __init__(self, name: str, args: ServerArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        """
        Args:
            name: Short name, letters, digits and hyphens; part of every resource's name.
            args: The gateway, what can be chosen, and one host.
            opts: Options, such as a provider.

        Raises:
            ConfigError: a key, a value or a combination cannot work; nothing has been declared then.
        """
        args = ServerArgs.of(args)
        reference = GatewayReference.read(args.gateway)
        tagging = pulumi.ResourceOptions(transformations=[tagged(args.tags)])
        super().__init__("secure-mcp:index:Server", name, pulumi.ResourceOptions.merge(opts, tagging))
        here = self.outside()
        application = ServerApplication(
            name,
            ServerApplicationArgs(
                **args.part(AssignmentOptions),
                **args.part(CallerOptions),
                **args.part(UserRightsOptions),
                **args.part(OwnerOptions),
                title=args.title,
                app_roles=args.app_roles,
                sign_in_principal_id=reference.sign_in_principal_id,
                **_user_tokens(args, reference),
            ),
            here,
        )
        server_id = random.RandomString(f"{name}-server-id", length=24, special=False, opts=here).result
        self._made_group = None
        backend: dict[str, Any] = {}
        ids: dict[str, pulumi.Output[str]] = {
            "serverApplication": application.object_id,
            "serverPrincipal": application.principal_object_id,
        }
        self.function_app_name = self.container_app_name = self.storage_account_id = None
        self.host_identity_id = self.host_client_id = self.host_principal_id = None
        if args.function_app is not None:
            function, deployment = self._function_app(name, args, args.function_app, reference, application)
            self.function_app_name, self.storage_account_id = function.name, function.storage_account_id
            ids |= function.resource_ids
            self.host_identity_id, self.host_client_id, self.host_principal_id = (
                function.identity_id,
                function.client_id,
                function.principal_id,
            )
            backend = {"backend_url": function.mcp_url, "backend_audience": application.client_id}
            if args.backend_auth == "functionKey":
                # The key of the MCP extension alone; it exists when the host has loaded the code. The master key is never read.
                keys = web.list_web_app_host_keys_output(
                    name=function.name,
                    resource_group_name=function.resource_group_name,
                    opts=pulumi.InvokeOutputOptions(parent=self, depends_on=deployment),
                )
                key = pulumi.Output.secret(keys).apply(lambda found: _mcp_key(found.system_keys))
                backend = {"backend_url": function.mcp_url, "function_key": key}
        elif args.container_app is not None:
            container = self._container_app(name, args, args.container_app, reference, application)
            self.container_app_name = container.name
            ids |= container.resource_ids
            self.host_identity_id, self.host_client_id, self.host_principal_id = (
                container.identity_id,
                container.client_id,
                container.principal_id,
            )
            backend = {"backend_url": container.mcp_url, "backend_audience": application.client_id}
        elif args.address is not None:
            backend = {
                "backend_url": args.address.url,
                "backend_audience": application.client_id if args.address.audience is None else args.address.audience,
            }
        api = McpApi(
            f"{name}-mcp",
            McpApiArgs(
                **args.part(ServerOptions),
                **backend,
                gateway=args.gateway,
                server_id=server_id,
                application_id=application.ready,
                workloads_audience=application.workloads_client_id,
                key_vault=args.key_vault,
            ),
            self.inside(),
        )
        self.url = api.url
        self.sse_url = pulumi.Output.concat(api.url, "/sse") if args.sse_published else None
        self.application_id = application.client_id
        self.application_object_id = application.object_id
        if self._made_group is not None:
            ids["resourceGroup"] = self._made_group.id
        self.resource_ids = {**ids, "api": api.api_id, "metadataApi": api.metadata_api_id}
        self.all_resource_ids = self.made
        self.register_outputs(
            {
                "url": self.url,
                "applicationId": self.application_id,
                "resourceIds": self.resource_ids,
                "allResourceIds": self.all_resource_ids,
            }
        )

    def _function_app(
        self,
        name: str,
        args: ServerArgs,
        options: FunctionAppOptions,
        reference: GatewayReference,
        application: ServerApplication,
    ) -> tuple[McpFunctionApp, list[pulumi.Resource]]:
        """The function app and its deployment, if it is deployed here."""
        place, group = self._placement(name, args)
        inside = self.inside() if group is None else pulumi.ResourceOptions(parent=self, deleted_with=group)
        subnet: pulumi.Input[str] | None = None
        if args.private:
            subnet = reference.function_subnet_id
            subnet = _there(subnet) if isinstance(subnet, str) else pulumi.Output.from_input(subnet).apply(_there)
        function = McpFunctionApp(
            name,
            McpFunctionAppArgs(
                **place.part(Placement),
                **options.part(FunctionAppOptions),
                zone_redundant=args.zone_redundant,
                subscription_id=reference.subscription_id,
                tenant_id=reference.tenant_id,
                login_endpoint=reference.login_endpoint,
                backend_auth=args.backend_auth,
                gateway_client_id=reference.identity_client_id,
                gateway_principal_id=reference.identity_principal_id,
                audience=application.client_id,
                app_insights_id=reference.app_insights_id,
                app_insights_connection_string=self._connection_string(args, reference),
                subnet_id=subnet,
                workspace_id=reference.workspace_id,
            ),
            inside,
        )
        endpoints: list[pulumi.Resource] = []
        if args.private:
            services = {
                "blob": PrivateService(function.storage_account_id, "blob"),
                "code": PrivateService(function.deployment_account_id, "blob"),
                "queue": PrivateService(function.storage_account_id, "queue"),
                "sites": PrivateService(function.site_id, "sites"),
            }
            # Where there is no network, that is said, and not that it has no zone.
            zones: Any = pulumi.Output.all(subnet, reference.private_dns_zones).apply(lambda known: known[1])
            # The app's own link to the network comes first.
            first = [function.site]
            ends = reference.endpoint_subnet_id
            endpoints = connect(name, place, ends, zones, services, self, inside.deleted_with, first)
        if args.locked:
            # Last, so that it is the first to go.
            function.lock(endpoints)
        return function, [function.deploy(endpoints)] if options.deploy_code else []

    def _container_app(
        self,
        name: str,
        args: ServerArgs,
        options: ContainerAppOptions,
        reference: GatewayReference,
        application: ServerApplication,
    ) -> ContainerApp:
        place, group = self._placement(name, args)
        return ContainerApp(
            name,
            ContainerAppArgs(
                **place.part(Placement),
                **options.part(ContainerAppOptions),
                tenant_id=reference.tenant_id,
                login_endpoint=reference.login_endpoint,
                gateway_client_id=reference.identity_client_id,
                gateway_principal_id=reference.identity_principal_id,
                audience=application.client_id,
                workspace_id=reference.workspace_id,
            ),
            self.inside() if group is None else pulumi.ResourceOptions(parent=self, deleted_with=group),
        )

    def _connection_string(self, args: ServerArgs, reference: GatewayReference) -> pulumi.Input[str]:
        """Where telemetry goes to: not a key, but tools take it for a secret, which a reference has none of."""
        if not isinstance(args.app_insights_connection_string, str) or args.app_insights_connection_string:
            return args.app_insights_connection_string
        parts = pulumi.Output.from_input(reference.app_insights_id).apply(lambda id: id.split("/"))
        found = applicationinsights.get_component_output(
            resource_group_name=parts.apply(lambda part: part[4]),
            resource_name=parts.apply(lambda part: part[8]),
            opts=pulumi.InvokeOutputOptions(parent=self),
        )
        return pulumi.Output.secret(found).apply(lambda component: component.connection_string)

    def _placement(self, name: str, args: ServerArgs) -> tuple[Placement, resources.ResourceGroup | None]:
        """Where the host goes, and the group if it is made here."""
        suffix = args.suffix
        if isinstance(suffix, str) and not suffix:
            suffix = random.RandomString(
                f"{name}-suffix",
                length=6,
                special=False,
                upper=False,
                keepers={"location": args.location},
                opts=self.outside(),
            ).result
        group = args.resource_group_name
        made = None
        if isinstance(group, str) and not group:
            made = resources.ResourceGroup(
                f"{name}-rg",
                resource_group_name=pulumi.Output.concat("rg-", name, "-", suffix),
                location=args.location,
                opts=self.outside(),
            )
            group = made.name
            self._made_group = made
        return Placement(resource_group_name=group, location=args.location, suffix=suffix), made
