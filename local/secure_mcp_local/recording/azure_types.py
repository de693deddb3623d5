"""The types of Azure Resource Manager that are modelled: the form of an id, and what Azure computes."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from secure_mcp_local.recording.registration import Registration

RESOURCE_GROUP = "azure-native:resources:ResourceGroup"
API_MANAGEMENT = "azure-native:apimanagement:ApiManagementService"


def _nothing(registration: Registration, id: str) -> Mapping[str, Any]:
    del registration, id
    return {}


def _identity(registration: Registration, id: str) -> Mapping[str, Any]:
    del id
    return {
        "principalId": registration.guid("principal"),
        "clientId": registration.guid("client"),
        "tenantId": registration.tenant,
    }


def _system_identity(registration: Registration) -> Mapping[str, Any]:
    identity = dict(registration.inputs.get("identity") or {})
    if isinstance(assigned := identity.get("userAssignedIdentities"), list):
        # Given as a list in some types, answered as a map in all.
        identity["userAssignedIdentities"] = {id: {} for id in assigned}
    if "SystemAssigned" in identity.get("type", ""):
        identity |= {"principalId": registration.guid("system principal"), "tenantId": registration.tenant}
    return {"identity": identity} if identity else {}


def _api_management(registration: Registration, id: str) -> Mapping[str, Any]:
    name = id.rsplit("/", 1)[-1]
    url = registration.environment.gateway_url(name) or f"https://{name}.azure-api.net"
    return {"gatewayUrl": url, "provisioningState": "Succeeded", **_system_identity(registration)}


def _cosmos(registration: Registration, id: str) -> Mapping[str, Any]:
    del registration
    return {"documentEndpoint": f"https://{id.rsplit('/', 1)[-1]}.documents.azure.com:443/"}


def _storage(registration: Registration, id: str) -> Mapping[str, Any]:
    del registration
    name = id.rsplit("/", 1)[-1]
    return {
        "primaryEndpoints": {
            kind: f"https://{name}.{kind}.core.windows.net/" for kind in ("blob", "queue", "table", "file")
        }
    }


def _blob(registration: Registration, id: str) -> Mapping[str, Any]:
    del id
    i = registration.inputs
    return {"url": f"https://{i['accountName']}.blob.core.windows.net/{i['containerName']}/{i['blobName']}"}


def _site(registration: Registration, id: str) -> Mapping[str, Any]:
    name = id.rsplit("/", 1)[-1].lower()
    hosts = {"Standard": f"{name}.azurewebsites.net", "Repository": f"{name}.scm.azurewebsites.net"}
    return {
        "defaultHostName": hosts["Standard"],
        "enabledHostNames": list(hosts.values()),
        "hostNameSslStates": [{"name": host, "hostType": type, "sslState": "Disabled"} for type, host in hosts.items()],
        **_system_identity(registration),
    }


def _container_app(registration: Registration, id: str) -> Mapping[str, Any]:
    name = id.rsplit("/", 1)[-1].lower()
    configuration = registration.inputs.get("configuration") or {}
    ingress = configuration.get("ingress") or {}
    fqdn = f"{name}.{registration.guid('environment')[:8]}.azurecontainerapps.io"
    identity = registration.inputs.get("identity") or {}
    attached = {
        one: {
            "clientId": registration.guid(f"client of {one}"),
            "principalId": registration.guid(f"principal of {one}"),
        }
        for one in identity.get("userAssignedIdentities") or ()
    }
    return {
        "configuration": {**configuration, "ingress": {**ingress, "fqdn": fqdn}},
        "identity": {**identity, "userAssignedIdentities": attached, "tenantId": registration.tenant},
        "latestRevisionFqdn": fqdn,
    }


def _insights(registration: Registration, id: str) -> Mapping[str, Any]:
    del id
    key, location = registration.guid("instrumentation key"), registration.inputs["location"]
    return {
        "appId": registration.guid("app"),
        "instrumentationKey": key,
        "connectionString": f"InstrumentationKey={key};IngestionEndpoint=https://{location}.in.applicationinsights.azure.com/",
    }


def _workspace(registration: Registration, id: str) -> Mapping[str, Any]:
    del id
    return {"customerId": registration.guid("customer")}


def _secret(registration: Registration, id: str) -> Mapping[str, Any]:
    """Where the secret is. Another value is another version; the value itself is never answered."""
    del id
    i = registration.inputs
    uri = f"https://{i['vaultName']}.vault.azure.net/secrets/{i['secretName']}"
    version = hashlib.sha256(f"{registration.urn}|{i['properties']['value']}".encode()).hexdigest()[:32]
    return {"properties": {"secretUri": uri, "secretUriWithVersion": f"{uri}/{version}"}}


_Computed = Callable[[Registration, str], Mapping[str, Any]]
_APIM = "{group}/providers/Microsoft.ApiManagement/service/{serviceName}"
_COSMOS = "{group}/providers/Microsoft.DocumentDB/databaseAccounts/{accountName}"
_VAULT = "{group}/providers/Microsoft.KeyVault/vaults/{vaultName}"
_ACCOUNT = "{group}/providers/Microsoft.Storage/storageAccounts/{accountName}"
_CONTAINER_APP = "{group}/providers/Microsoft.App/containerApps/{containerAppName}"
_SITE = "{group}/providers/Microsoft.Web/sites/{name}"
_NETWORK = "{group}/providers/Microsoft.Network"
_INSIGHTS = "{group}/providers/Microsoft.Insights"
_API = _APIM + "/apis/{apiId}"
_PRODUCT = _APIM + "/products/{productId}"

TYPES: dict[str, tuple[str, _Computed]] = {
    "azure-native:resources:ResourceGroup": (
        "/subscriptions/{subscription}/resourceGroups/{resourceGroupName}",
        _nothing,
    ),
    "azure-native:managedidentity:UserAssignedIdentity": (
        "{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}",
        _identity,
    ),
    "azure-native:operationalinsights:Workspace": (
        "{group}/providers/Microsoft.OperationalInsights/workspaces/{workspaceName}",
        _workspace,
    ),
    "azure-native:applicationinsights:Component": (
        "{group}/providers/Microsoft.Insights/components/{resourceName}",
        _insights,
    ),
    "azure-native:applicationinsights:Workbook": (_INSIGHTS + "/workbooks/{resourceName}", _nothing),
    "azure-native:monitor:ActionGroup": (_INSIGHTS + "/actionGroups/{actionGroupName}", _nothing),
    "azure-native:monitor:ScheduledQueryRule": (_INSIGHTS + "/scheduledQueryRules/{ruleName}", _nothing),
    "azure-native:monitor:MetricAlert": (_INSIGHTS + "/metricAlerts/{ruleName}", _nothing),
    "azure-native:monitor:DiagnosticSetting": (
        "{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}",
        _nothing,
    ),
    "azure-native:apimanagement:ApiManagementService": (_APIM, _api_management),
    "azure-native:apimanagement:Logger": (_APIM + "/loggers/{loggerId}", _nothing),
    "azure-native:apimanagement:Diagnostic": (_APIM + "/diagnostics/{diagnosticId}", _nothing),
    "azure-native:apimanagement:ApiDiagnostic": (_APIM + "/apis/{apiId}/diagnostics/{diagnosticId}", _nothing),
    "azure-native:apimanagement:NamedValue": (_APIM + "/namedValues/{namedValueId}", _nothing),
    "azure-native:apimanagement:PolicyFragment": (_APIM + "/policyFragments/{id}", _nothing),
    "azure-native:apimanagement:Policy": (_APIM + "/policies/{policyId}", _nothing),
    "azure-native:apimanagement:Api": (_API, _nothing),
    "azure-native:apimanagement:ApiPolicy": (_API + "/policies/{policyId}", _nothing),
    "azure-native:apimanagement:ApiOperation": (_API + "/operations/{operationId}", _nothing),
    "azure-native:apimanagement:ApiOperationPolicy": (_API + "/operations/{operationId}/policies/{policyId}", _nothing),
    "azure-native:apimanagement:ApiVersionSet": (_APIM + "/apiVersionSets/{versionSetId}", _nothing),
    "azure-native:apimanagement:Backend": (_APIM + "/backends/{backendId}", _nothing),
    "azure-native:apimanagement:Product": (_PRODUCT, _nothing),
    "azure-native:apimanagement:ProductApi": (_PRODUCT + "/apis/{apiId}", _nothing),
    "azure-native:apimanagement:ProductPolicy": (_PRODUCT + "/policies/{policyId}", _nothing),
    "azure-native:apimanagement:Subscription": (_APIM + "/subscriptions/{sid}", _nothing),
    "azure-native:keyvault:Vault": (_VAULT, _nothing),
    "azure-native:keyvault:Secret": (_VAULT + "/secrets/{secretName}", _secret),
    "azure-native:cosmosdb:DatabaseAccount": (_COSMOS, _cosmos),
    "azure-native:cosmosdb:SqlResourceSqlDatabase": (_COSMOS + "/sqlDatabases/{databaseName}", _nothing),
    "azure-native:cosmosdb:SqlResourceSqlContainer": (
        _COSMOS + "/sqlDatabases/{databaseName}/containers/{containerName}",
        _nothing,
    ),
    "azure-native:cosmosdb:SqlResourceSqlRoleDefinition": (
        _COSMOS + "/sqlRoleDefinitions/{roleDefinitionId}",
        _nothing,
    ),
    "azure-native:cosmosdb:SqlResourceSqlRoleAssignment": (
        _COSMOS + "/sqlRoleAssignments/{roleAssignmentId}",
        _nothing,
    ),
    "azure-native:storage:StorageAccount": (_ACCOUNT, _storage),
    "azure-native:storage:BlobServiceProperties": (_ACCOUNT + "/blobServices/{blobServicesName}", _nothing),
    "azure-native:consumption:Budget": ("{scope}/providers/Microsoft.Consumption/budgets/{budgetName}", _nothing),
    "azure-native:storage:BlobContainer": (_ACCOUNT + "/blobServices/default/containers/{containerName}", _nothing),
    "azure-native:storage:Blob": (
        _ACCOUNT + "/blobServices/default/containers/{containerName}/blobs/{blobName}",
        _blob,
    ),
    "azure-native:authorization:RoleAssignment": (
        "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        _nothing,
    ),
    "azure-native:authorization:ManagementLockByScope": (
        "{scope}/providers/Microsoft.Authorization/locks/{lockName}",
        _nothing,
    ),
    "azure-native:web:AppServicePlan": ("{group}/providers/Microsoft.Web/serverfarms/{name}", _nothing),
    "azure-native:web:WebApp": (_SITE, _site),
    "azure-native:app:ManagedEnvironment": (
        "{group}/providers/Microsoft.App/managedEnvironments/{environmentName}",
        _nothing,
    ),
    "azure-native:app:ContainerApp": (_CONTAINER_APP, _container_app),
    "azure-native:app:ContainerAppsAuthConfig": (_CONTAINER_APP + "/authConfigs/{authConfigName}", _nothing),
    "azure-native:web:WebAppAuthSettingsV2": (_SITE + "/config/authsettingsV2", _nothing),
    "azure-native:web:WebAppFtpAllowed": (_SITE + "/basicPublishingCredentialsPolicies/ftp", _nothing),
    "azure-native:web:WebAppScmAllowed": (_SITE + "/basicPublishingCredentialsPolicies/scm", _nothing),
    "azure-native:resources:Deployment": (
        "{group}/providers/Microsoft.Resources/deployments/{deploymentName}",
        _nothing,
    ),
    "azure-native:network:NetworkSecurityGroup": (
        _NETWORK + "/networkSecurityGroups/{networkSecurityGroupName}",
        _nothing,
    ),
    "azure-native:network:VirtualNetwork": (_NETWORK + "/virtualNetworks/{virtualNetworkName}", _nothing),
    "azure-native:network:PrivateEndpoint": (_NETWORK + "/privateEndpoints/{privateEndpointName}", _nothing),
    "azure-native:network:PrivateDnsZoneGroup": (
        _NETWORK + "/privateEndpoints/{privateEndpointName}/privateDnsZoneGroups/{privateDnsZoneGroupName}",
        _nothing,
    ),
    "azure-native:privatedns:PrivateZone": (_NETWORK + "/privateDnsZones/{privateZoneName}", _nothing),
    "azure-native:privatedns:VirtualNetworkLink": (
        _NETWORK + "/privateDnsZones/{privateZoneName}/virtualNetworkLinks/{virtualNetworkLinkName}",
        _nothing,
    ),
}
