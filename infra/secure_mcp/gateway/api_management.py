"""The gateway: the API Management instance, its identities and its telemetry."""

from typing import Any

import pulumi
from pulumi_azure_native import apimanagement, managedidentity, resources

from ..azure.component import Component
from ..azure.diagnostics import GATEWAY, keep_logs
from ..azure.identities import user_assigned_identity
from ..azure.placement import LoggedOptions, Placement
from ..azure.propagation import in_force, patient
from ..azure.roles import KEY_VAULT_SECRETS_USER, assign_role
from ..azure.sdk_defaults import unsent
from ..options import Taken
from .insights_logger import insights_logger
from .options import ApiManagementOptions


class ApiManagementArgs(ApiManagementOptions, LoggedOptions, Placement):
    """Where it goes, and where its telemetry goes."""

    subscription_id: pulumi.Input[str]
    """Subscription that it is in."""
    app_insights_id: pulumi.Input[str]
    """Resource id of the Application Insights component that its telemetry goes to."""
    app_insights_connection_string: pulumi.Input[str]
    """Connection string of that component."""
    subnet_id: pulumi.Input[str] | None = None
    """Subnet through which it calls others. Default: none."""


def _identities(id: str) -> dict[str, apimanagement.UserIdentityPropertiesArgs]:
    """ARM wants identities as keys."""
    return {id: apimanagement.UserIdentityPropertiesArgs()}


# No bytes of any body and no headers: bodies hold tokens and users' data, and logging them would buffer streams. No query
# strings either: codes and states are in them.
_REQUEST: dict[str, Any] = {
    "body": {"bytes": 0},
    "headers": [],
    "dataMasking": {"queryParams": [{"value": "*", "mode": "Hide"}]},
}
_RESPONSE: dict[str, Any] = {"body": {"bytes": 0}, "headers": []}
_SILENT = {"request": _REQUEST, "response": _RESPONSE}


def _azure_monitor(service: str) -> dict[str, Any]:
    """What API Management writes to its own logs (ApiManagementGatewayLogs), as an ARM template.

    A template and no resources of Pulumi's: some instances come with this logger and some without, and Pulumi refuses to
    create what is there. ARM makes it as it is said here in either case.
    https://learn.microsoft.com/azure/api-management/api-management-howto-use-azure-monitor
    """
    logger = f"[resourceId('Microsoft.ApiManagement/service/loggers', '{service}', 'azuremonitor')]"
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [
            {
                "type": "Microsoft.ApiManagement/service/loggers",
                "apiVersion": "2024-05-01",
                "name": f"{service}/azuremonitor",
                "properties": {"loggerType": "azureMonitor", "isBuffered": True},
            },
            {
                "type": "Microsoft.ApiManagement/service/diagnostics",
                "apiVersion": "2024-05-01",
                "name": f"{service}/azuremonitor",
                "dependsOn": [logger],
                "properties": {
                    "loggerId": logger,
                    "alwaysLog": "allErrors",
                    "sampling": {"samplingType": "fixed", "percentage": 100},
                    # So that the audit events are here, too, where nobody but the platform writes.
                    "verbosity": "information",
                    "logClientIp": True,
                    "frontend": _SILENT,
                    "backend": _SILENT,
                },
            },
        ],
    }


def system_principal(identity: apimanagement.outputs.ApiManagementServiceIdentityResponse | None) -> str:
    """The object id of the system-assigned identity.

    Raises:
        ValueError: there is none.
    """
    if identity is None or not identity.principal_id:
        raise ValueError("API Management has no system-assigned identity")
    return identity.principal_id


class ApiManagement(Component):
    """API Management with a system-assigned and a user-assigned identity; telemetry without bodies, by managed identity.

    Every token that policies use is the user-assigned identity's: it exists before the slow creation of the service, so that
    what trusts it (federated credential, roles, the function app's authentication) need not wait.
    """

    name: pulumi.Output[str]
    """Name of the API Management instance."""
    url: pulumi.Output[str]
    """Public address, without a trailing slash."""
    resource_id: pulumi.Output[str]
    """Resource id of the API Management instance."""
    identity_id: pulumi.Output[str]
    """Resource id of the user-assigned identity."""
    principal_id: pulumi.Output[str]
    """Object id of the user-assigned identity."""
    client_id: pulumi.Output[str]
    """Client id of the user-assigned identity."""
    logger_id: pulumi.Output[str]
    """Resource id of its logger of Application Insights."""
    system_principal_id: pulumi.Output[str]
    """Object id of the system-assigned identity; known only when the service has been made."""

    def __init__(self, name: str, args: ApiManagementArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        args = ApiManagementArgs.of(args)
        super().__init__("secure-mcp:index:ApiManagement", name, opts)
        here = self.inside()
        group = args.resource_group_name
        identity = user_assigned_identity(f"{name}-id", "apim", name, args, here)
        subnet = args.subnet_id
        domains = self._domains(name, args, identity)
        service = apimanagement.ApiManagementService(
            f"{name}-apim",
            service_name=pulumi.Output.concat("apim-", name, "-", args.suffix),
            resource_group_name=group,
            location=args.location,
            sku=apimanagement.ApiManagementServiceSkuPropertiesArgs(name=args.apim_sku, capacity=args.apim_units),
            zones=args.apim_zones or None,
            publisher_email=args.apim_publisher_email,
            publisher_name=args.apim_publisher_name,
            identity=apimanagement.ApiManagementServiceIdentityArgs(
                type=apimanagement.ApimIdentityType.SYSTEM_ASSIGNED_USER_ASSIGNED,
                user_assigned_identities=identity.id.apply(_identities),
            ),
            # Integration of the v2 tiers: outbound only, the gateway itself stays public.
            virtual_network_type=apimanagement.VirtualNetworkType.EXTERNAL
            if subnet
            else apimanagement.VirtualNetworkType.NONE,
            virtual_network_configuration=apimanagement.VirtualNetworkConfigurationArgs(subnet_resource_id=subnet)
            if subnet
            else None,
            hostname_configurations=domains,
            # A public site to sign up at, which nothing here uses.
            developer_portal_status=apimanagement.DeveloperPortalStatus.DISABLED,
            opts=self.inside(
                hooks=patient(f"{name}-apim") if domains else None,
                custom_timeouts=pulumi.CustomTimeouts(create="90m", update="90m", delete="60m"),
                # Of the tiers before v2. There, some refuse that client certificates are switched off:
                # https://github.com/pulumi/pulumi-azure-native/issues/1741
                transformations=[
                    unsent(
                        "disable_gateway",
                        "enable_client_certificate",
                        "legacy_portal_status",
                        "nat_gateway_state",
                        "restore",
                    )
                ],
            ),
        )
        logger = insights_logger(
            name,
            self,
            args,
            logger_id="applicationinsights",
            service_name=service.name,
            resource_group_name=group,
            principal_id=identity.principal_id,
            client_id=identity.client_id,
            placed=self.inside,
        )
        request = apimanagement.HttpMessageDiagnosticArgs(
            body=apimanagement.BodyDiagnosticSettingsArgs(bytes=0),
            headers=[],
            data_masking=apimanagement.DataMaskingArgs(
                query_params=[
                    apimanagement.DataMaskingEntityArgs(value="*", mode=apimanagement.DataMaskingMode.HIDE),
                ]
            ),
        )
        response = apimanagement.HttpMessageDiagnosticArgs(
            body=apimanagement.BodyDiagnosticSettingsArgs(bytes=0), headers=[]
        )
        silent = apimanagement.PipelineDiagnosticSettingsArgs(request=request, response=response)
        apimanagement.Diagnostic(
            f"{name}-diagnostic",
            diagnostic_id="applicationinsights",
            service_name=service.name,
            resource_group_name=group,
            logger_id=logger.id,
            always_log=apimanagement.AlwaysLog.ALL_ERRORS,
            sampling=apimanagement.SamplingSettingsArgs(sampling_type=apimanagement.SamplingType.FIXED, percentage=100),
            verbosity=apimanagement.Verbosity.INFORMATION,
            http_correlation_protocol=apimanagement.HttpCorrelationProtocol.W3_C,
            log_client_ip=True,
            metrics=True,
            frontend=silent,
            backend=silent,
            opts=here,
        )
        masking = resources.Deployment(
            f"{name}-azure-monitor",
            deployment_name=pulumi.Output.concat("azure-monitor-", name, "-", args.suffix),
            resource_group_name=group,
            properties=resources.DeploymentPropertiesArgs(
                mode=resources.DeploymentMode.INCREMENTAL, template=service.name.apply(_azure_monitor)
            ),
            opts=here,
        )
        keep_logs(
            f"{name}-apim-logs",
            GATEWAY,
            service.id,
            args.workspace_id,
            # Not a line before it is said what is left out.
            self.inside(depends_on=[masking]),
        )
        self.name = service.name
        self.url = service.gateway_url.apply(lambda url: url.rstrip("/"))
        self.resource_id = service.id
        self.identity_id = identity.id
        self.principal_id = identity.principal_id
        self.client_id = identity.client_id
        self.logger_id = logger.id
        self.system_principal_id = service.identity.apply(system_principal)
        self.register_outputs(
            {"name": self.name, "url": self.url, "principalId": self.principal_id, "clientId": self.client_id}
        )

    def _domains(
        self, name: str, args: ApiManagementArgs, identity: managedidentity.UserAssignedIdentity
    ) -> list[apimanagement.HostnameConfigurationArgsDict] | None:
        """The host names that the gateway answers for, when their certificates can be read; None without any.

        They are part of the service: Azure reads each certificate while it saves it, with an identity whose role must be in force by
        then (azure-rest-api-specs#25045, terraform-provider-azurerm#18323). A system-assigned one would have none before there is a
        service.
        https://learn.microsoft.com/azure/api-management/configure-custom-domain
        """
        if not args.domain_certificates:
            return None
        role = assign_role(
            f"{name}-domain-vault-role",
            scope=args.domain_vault_id,
            role=KEY_VAULT_SECRETS_USER,
            principal_id=identity.principal_id,
            subscription_id=args.domain_vault_id.split("/")[2],
            # The vault is somebody else's.
            opts=self.outside(),
        )
        waited = in_force(f"{name}-domain-vault", [role], self.outside())
        # Dictionaries: the class fills in that client certificates are not negotiated, of which the v2 tiers know nothing.
        return [
            {
                "type": apimanagement.HostnameType.PROXY,
                "host_name": host,
                "certificate_source": apimanagement.CertificateSource.KEY_VAULT,
                "key_vault_id": pulumi.Output.all(url, waited.output).apply(lambda known: str(known[0])),
                "identity_client_id": identity.client_id,
            }
            for host, url in args.domain_certificates.items()
        ]
