"""A gateway: all that its servers share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_random as random
from pulumi_azure_native import authorization, resources

from ..azure.component import Component
from ..azure.key_vault import KeyVault, KeyVaultArgs, KeyVaultReader
from ..azure.network import Network, NetworkArgs, PrivateService, connect
from ..azure.placement import Placement
from ..azure.tags import tagged
from ..monitoring.alerts import GATEWAY_ERRORS, THROTTLING
from ..monitoring.budget import declare_budget
from ..monitoring.monitoring import Monitoring, MonitoringArgs
from ..monitoring.options import MonitoringOptions
from ..options import Taken
from ..options.declared import default_of, fields_of
from ..reference import GatewayReference
from .adopted import AdoptedApiManagement, AdoptedApiManagementArgs
from .api_management import ApiManagement, ApiManagementArgs
from .authorization_server import AuthorizationServer, AuthorizationServerArgs
from .given import ExistingKeyVault, ExistingMonitoring, ExistingNetwork, ExistingSignIn, GivenOptions
from .options import (
    SKUS_WITH_NETWORK,
    ApiManagementOptions,
    AuthorizationServerOptions,
    GatewayOptions,
    OperatorOptions,
    SignInOptions,
)
from .session_store import SessionStore, SessionStoreArgs
from .sign_in_application import PrincipalOptions, SignInApplication, SignInApplicationArgs


@dataclass(frozen=True)
class Telemetry:
    """Where logs and telemetry go, made or given."""

    workspace_id: pulumi.Output[str]
    audit_workspace_id: pulumi.Output[str]
    app_insights_id: pulumi.Output[str]
    connection_string: pulumi.Output[str]

    @classmethod
    def of(cls, made: Monitoring | None, given: ExistingMonitoring | None) -> "Telemetry":
        if made is not None:
            return cls(made.workspace_id, made.audit_workspace_id, made.app_insights_id, made.connection_string)
        assert given is not None
        audit = given.workspace_id if given.audit_workspace_id is None else given.audit_workspace_id
        return cls(
            pulumi.Output.from_input(given.workspace_id),
            pulumi.Output.from_input(audit),
            pulumi.Output.from_input(given.app_insights_id),
            pulumi.Output.secret(given.app_insights_connection_string),
        )


@dataclass(frozen=True)
class Subnets:
    """The network, made or given."""

    gateway_subnet_id: pulumi.Output[str]
    function_subnet_id: pulumi.Output[str]
    endpoint_subnet_id: pulumi.Output[str]
    zones: Mapping[str, pulumi.Output[str]]

    @classmethod
    def made(cls, network: Network | None) -> "Subnets | None":
        if network is None:
            return None
        return cls(network.gateway_subnet_id, network.function_subnet_id, network.endpoint_subnet_id, network.zones)

    @classmethod
    def given(cls, network: ExistingNetwork) -> "Subnets":
        return cls(
            pulumi.Output.from_input(network.gateway_subnet_id),
            pulumi.Output.from_input(network.function_subnet_id),
            pulumi.Output.from_input(network.endpoint_subnet_id),
            {kind: pulumi.Output.from_input(zone) for kind, zone in network.private_dns_zones.items()},
        )


def after(value: pulumi.Output[str], endpoints: Sequence[pulumi.Resource]) -> pulumi.Output[str]:
    """A subnet, for those who change it when these private endpoints have."""
    return pulumi.Output.all(value, *(each.urn for each in endpoints)).apply(lambda known: known[0])


class GatewayArgs(GivenOptions, PrincipalOptions, GatewayOptions):
    """Everything that can be chosen about a gateway."""

    def check(self) -> None:
        if self.existing_network is not None and self.vnet_enabled:
            raise self.wrong("vnet_enabled", "existingNetwork is given; leave vnetEnabled out")
        if self.existing_key_vault is not None and self.key_vault_enabled:
            raise self.wrong("key_vault_enabled", "existingKeyVault is given; leave keyVaultEnabled out")
        if self.existing_api_management is not None:
            defaults = fields_of(ApiManagementOptions)
            for name in set(defaults) - {"apim_publisher_email", "apim_publisher_name"}:
                if getattr(self, name) != default_of(defaults[name]):
                    raise self.wrong(name, "existingApiManagement is given; this is for its owner to set")
            if self.vnet_enabled:
                raise self.wrong(
                    "vnet_enabled", "existingApiManagement is in a network of its own; give existingNetwork"
                )
        elif self.existing_network is not None and self.apim_sku not in SKUS_WITH_NETWORK:
            raise self.wrong("apim_sku", "with existingNetwork it must be StandardV2 or PremiumV2")

    @property
    def joins_networks(self) -> bool:
        """An instance that is there already says so itself."""
        return self.existing_api_management is not None or super().joins_networks


class Gateway(Component):
    """API Management with an authorization server, its session store, sign-in application, monitoring, and what else servers share.

    It carries no list of servers: each publishes itself, in its own stack, with `reference`.
    """

    url: pulumi.Output[str]
    """Public address, without a trailing slash."""
    reference: Mapping[str, Any]
    """What a server needs to know; give it to `Server`, or export it for servers in other stacks."""
    name: pulumi.Output[str]
    """Name of the API Management instance."""
    resource_id: pulumi.Output[str]
    """Resource id of the API Management instance."""
    resource_group_name: pulumi.Output[str]
    """Resource group that everything is in."""
    identity_id: pulumi.Output[str]
    """Resource id of the gateway's identity."""
    identity_client_id: pulumi.Output[str]
    """Client id of the gateway's identity."""
    identity_principal_id: pulumi.Output[str]
    """Object id of the gateway's identity."""
    sign_in_client_id: pulumi.Output[str]
    """Client id of the application that users sign in to."""
    session_store_id: pulumi.Output[str]
    """Resource id of the Cosmos DB account."""
    workspace_id: pulumi.Output[str]
    """Resource id of the Log Analytics workspace."""
    audit_workspace_id: pulumi.Output[str]
    """Resource id of the workspace without a daily cap, which has the audit events."""
    app_insights_id: pulumi.Output[str]
    """Resource id of the Application Insights component."""
    action_group_id: pulumi.Output[str] | None
    """Resource id of the action group that alerts tell."""
    workbook_url: pulumi.Output[str] | None
    """Address of the workbook in the portal of Azure's public cloud."""
    resource_ids: Mapping[str, pulumi.Output[str]]
    """Ids of all that was made and that others may build on, by what it is, such as apiManagement; of what is in Entra ID the object ids."""
    all_resource_ids: Sequence[pulumi.Output[str]]
    """Ids of everything that was made, parts such as role assignments and policies, too."""

    def __init__(self, name: str, args: GatewayArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        """
        Args:
            name: Short name, letters, digits and hyphens; part of every resource's name.
            args: What can be chosen. `load` reads them from the stack's configuration.
            opts: Options, such as a provider.

        Raises:
            ConfigError: a key, a value or a combination cannot work; nothing has been declared then.
        """
        args = GatewayArgs.of(args)
        tagging = pulumi.ResourceOptions(transformations=[tagged(args.tags)])
        super().__init__("secure-mcp:index:Gateway", name, pulumi.ResourceOptions.merge(opts, tagging))
        here = self.outside()
        client = authorization.get_client_config_output(opts=pulumi.InvokeOutputOptions(parent=self))
        suffix = random.RandomString(
            f"{name}-suffix",
            length=6,
            special=False,
            upper=False,
            # Another region, other names: what was deleted there keeps its name for days (API Management) or months (vaults).
            keepers={"location": args.location},
            opts=here,
        ).result
        group: resources.ResourceGroup | None = None
        group_name = args.resource_group_name
        if isinstance(group_name, str) and not group_name:
            group = resources.ResourceGroup(
                f"{name}-rg",
                resource_group_name=pulumi.Output.concat("rg-", name, "-", suffix),
                location=args.location,
                opts=here,
            )
            group_name = group.name
        # What is in the group goes with it.
        inside = pulumi.ResourceOptions(parent=self, deleted_with=group)
        place = Placement(resource_group_name=group_name, location=args.location, suffix=suffix)
        scope = place.part(Placement)
        emails = args.alert_emails or (args.apim_publisher_email,)
        monitored: dict[str, Any] = {**args.part(MonitoringOptions), "alert_emails": emails}
        if args.monthly_budget and group is not None:
            declare_budget(f"{name}-budget", group.id, args.monthly_budget, emails, inside)
        made = (
            Monitoring(name, MonitoringArgs(**scope, **monitored), inside) if args.existing_monitoring is None else None
        )
        telemetry = Telemetry.of(made, args.existing_monitoring)
        net = (
            Network(name, NetworkArgs(**scope, vnet_address_space=args.vnet_address_space), inside)
            if args.vnet_enabled
            else None
        )
        network = Subnets.given(args.existing_network) if args.existing_network else Subnets.made(net)
        adopted = args.existing_api_management
        reporting: dict[str, Any] = {
            "subscription_id": client.subscription_id,
            "app_insights_id": telemetry.app_insights_id,
            "app_insights_connection_string": telemetry.connection_string,
        }
        service_group = group_name if adopted is None else adopted.resource_group_name
        # What is in an instance of others does not go with our group.
        within = inside if adopted is None else here
        logging: dict[str, Any] = {}
        if adopted is None:
            service = ApiManagement(
                name,
                ApiManagementArgs(
                    **scope,
                    **args.part(ApiManagementOptions),
                    **reporting,
                    subnet_id=network.gateway_subnet_id if network else None,
                    workspace_id=telemetry.audit_workspace_id,
                ),
                inside,
            )
        else:
            service = AdoptedApiManagement(
                name, AdoptedApiManagementArgs(**reporting, service=adopted, in_network=network is not None), within
            )
            logging = {
                "prefix": adopted.prefix,
                "logger_id": service.logger_id,
                "azure_monitor_logger_id": service.azure_monitor_logger_id,
            }
        hosts = [service.url, *(f"https://{domain}" for domain in args.custom_domains)]
        sign_in, entra = args.existing_sign_in, None
        if sign_in is None:
            entra = SignInApplication(
                name,
                SignInApplicationArgs(
                    **args.part(SignInOptions),
                    **args.part(PrincipalOptions),
                    **args.part(OperatorOptions),
                    tenant_id=client.tenant_id,
                    principal_id=service.principal_id,
                    redirect_uris=[pulumi.Output.concat(host, "/oauth-callback") for host in hosts],
                ),
                here,
            )
            sign_in = ExistingSignIn(client_id=entra.client_id, principal_object_id=entra.principal_object_id)
        store = SessionStore(
            name,
            SessionStoreArgs(
                **scope,
                private=network is not None,
                zone_redundant=args.zone_redundant,
                principal_id=service.principal_id,
                workspace_id=telemetry.workspace_id,
                listed=bool(args.operators),
            ),
            inside,
        )
        endpoints: list[pulumi.Resource] = []
        if network:
            cosmos = {"cosmos": PrivateService(store.account_id, "Sql")}
            subnet = network.endpoint_subnet_id
            # The parts of the store come first.
            endpoints = connect(name, place, subnet, network.zones, cosmos, self, group, store.contents)
        if made is not None:
            if adopted is None:
                # Of others' APIs, others are told.
                made.watch(GATEWAY_ERRORS, service.resource_id)
            made.watch(THROTTLING, store.account_id)
        vault, self.key_vault = None, None
        if args.key_vault_enabled:
            vault, self.key_vault = self._key_vault(name, args, scope, client.tenant_id, service, telemetry, inside)
        elif args.existing_key_vault is not None:
            self.key_vault = _given_vault(args.existing_key_vault, service)
        authorization_server = AuthorizationServer(
            f"{name}-oauth",
            AuthorizationServerArgs(
                **args.part(AuthorizationServerOptions),
                **logging,
                resource_group_name=service_group,
                service_name=service.name,
                gateway_url=service.url,
                tenant_id=client.tenant_id,
                client_id=sign_in.client_id,
                identity_client_id=service.client_id,
                session_store_endpoint=store.endpoint,
                registration_store_endpoint=store.registrations_endpoint,
                key_vault=self.key_vault,
            ),
            within,
        )
        if args.locked:
            # Last, so that they are the first to go.
            store.lock(endpoints)
            if vault is not None:
                vault.lock(authorization_server.secrets)
        ids: dict[str, pulumi.Output[str] | None] = {
            "resourceGroup": group.id if group else None,
            "apiManagement": service.resource_id if adopted is None else None,
            "gatewayIdentity": service.identity_id if adopted is None else None,
            "logger": service.logger_id,
            "oauthApi": authorization_server.api_id,
            "signInApplication": entra.object_id if entra else None,
            "signInPrincipal": entra.principal_object_id if entra else None,
            "sessionStore": store.account_id,
            "workspace": made.workspace_id if made else None,
            "auditWorkspace": made.audit_workspace_id if made else None,
            "appInsights": made.app_insights_id if made else None,
            "actionGroup": made.action_group_id if made else None,
            "workbook": made.workbook_id if made else None,
            "keyVault": vault.resource_id if vault else None,
            "network": net.vnet_id if net else None,
            "gatewaySubnet": net.gateway_subnet_id if net else None,
            "functionSubnet": net.function_subnet_id if net else None,
            "endpointSubnet": net.endpoint_subnet_id if net else None,
            **{f"{kind}DnsZone": zone for kind, zone in (net.zones if net else {}).items()},
        }
        self.resource_ids = {name: id for name, id in ids.items() if id is not None}
        self.all_resource_ids = self.made
        self.group = group
        self.url = service.url
        self.name = service.name
        self.resource_id = service.resource_id
        self.resource_group_name = pulumi.Output.from_input(group_name)
        self.identity_id = service.identity_id
        self.identity_client_id = service.client_id
        self.identity_principal_id = service.principal_id
        self.sign_in_client_id = pulumi.Output.from_input(sign_in.client_id)
        self.session_store_id = store.account_id
        self.workspace_id = telemetry.workspace_id
        self.audit_workspace_id = telemetry.audit_workspace_id
        self.app_insights_id = telemetry.app_insights_id
        self.action_group_id = made.action_group_id if made else None
        self.workbook_url = made.workbook_url if made else None
        self.placement = place
        self.app_insights_connection_string = telemetry.connection_string
        self.sign_in_principal_id = pulumi.Output.from_input(sign_in.principal_object_id)
        self.reference = GatewayReference(
            url=service.url,
            service_name=service.name,
            policy_parts=authorization_server.policy_parts,
            **logging,
            service_resource_group_name=service_group,
            tenant_id=client.tenant_id,
            login_endpoint=args.login_endpoint,
            sign_in_principal_id=sign_in.principal_object_id,
            user_tokens_client_id=sign_in.client_id if args.user_tokens else "",
            identity_client_id=service.client_id,
            identity_principal_id=service.principal_id,
            subscription_id=client.subscription_id,
            app_insights_id=telemetry.app_insights_id,
            workspace_id=telemetry.workspace_id,
            function_subnet_id=after(network.function_subnet_id, endpoints) if network else "",
            endpoint_subnet_id=after(network.endpoint_subnet_id, endpoints) if network else "",
            private_dns_zones=network.zones if network else {},
        ).exported()
        self.register_outputs(
            {
                "url": self.url,
                "reference": self.reference,
                "resourceIds": self.resource_ids,
                "allResourceIds": self.all_resource_ids,
            }
        )

    def _key_vault(
        self,
        name: str,
        args: GatewayArgs,
        scope: dict[str, Any],
        tenant_id: pulumi.Input[str],
        service: ApiManagement | AdoptedApiManagement,
        telemetry: Telemetry,
        opts: pulumi.ResourceOptions,
    ) -> tuple[KeyVault, KeyVaultReader]:
        """A vault, and who reads it.

        A vault that is closed to the outside trusts API Management's system-assigned identity only. Any other is read with the
        user-assigned one, which has its roles long before the slow creation of the service ends.
        https://learn.microsoft.com/azure/api-management/api-management-howto-properties#prerequisites-for-key-vault-integration
        """
        closed = args.key_vault_closed
        vault = KeyVault(
            name,
            KeyVaultArgs(
                **scope,
                tenant_id=tenant_id,
                private=closed,
                reader_principal_id=service.system_principal_id if closed else service.principal_id,
                workspace_id=telemetry.audit_workspace_id,
            ),
            opts,
        )
        return vault, KeyVaultReader(
            vault_name=vault.name,
            resource_group_name=scope["resource_group_name"],
            identity_client_id=None if closed else service.client_id,
            role_in_force=vault.role_in_force,
        )


def _given_vault(given: ExistingKeyVault, service: ApiManagement | AdoptedApiManagement) -> KeyVaultReader:
    """Who reads a vault of somebody else's: on each of our secrets, and nothing else in it."""
    parts = pulumi.Output.from_input(given.vault_id).apply(lambda id: id.split("/"))
    return KeyVaultReader(
        vault_name=parts.apply(lambda part: part[8]),
        resource_group_name=parts.apply(lambda part: part[4]),
        prefix=given.prefix,
        identity_client_id=None if given.closed else service.client_id,
        principal_id=service.system_principal_id if given.closed else service.principal_id,
    )
