"""What Azure would answer when a resource is created: its id, its name and what it computes.

One row for each type that is modelled. A resource without a row has an id by a general rule, and outputs that nobody knows.
"""

import base64
import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import microsoft_graph
from secure_mcp_local.recording.naming import Way
from secure_mcp_local.recording.resources import TENANT

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
RESOURCE_GROUP = "azure-native:resources:ResourceGroup"
DEPLOYER = "00000000-0000-4000-8000-000000000003"

_GUIDS = uuid.UUID("b4a6b7a3-9e5e-4a5e-8f33-2c7b6b1d7e55")


API_MANAGEMENT = "azure-native:apimanagement:ApiManagementService"
APPLICATION = "azuread:index/application:Application"


@dataclass(frozen=True)
class Environment:
    """The addresses that the local cloud has and Azure would not know."""

    gateway_url: Callable[[str], str | None] = lambda _: None
    """Where the gateway of an API Management service of this name is, or none: `https://<name>.azure-api.net`."""
    permissions: Callable[[str], Mapping[str, str] | None] = lambda _: None
    """Delegated permissions that the application of a client id offers, their ids by their names; None: nobody here declares it."""


@dataclass(frozen=True)
class Created:
    """A resource as its provider answers."""

    id: str
    outputs: Mapping[str, Any]
    """What the provider adds to the inputs."""
    secrets: frozenset[str] = frozenset()
    """Names of outputs that the provider itself marks as secret."""
    complete: bool = True
    """Whether these are all its outputs; nobody knows others."""


@dataclass(frozen=True)
class Registration:
    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    environment: Environment
    subscription: str = SUBSCRIPTION
    tenant: str = TENANT

    def guid(self, kind: str) -> str:
        """A GUID that this resource has in every run."""
        return str(uuid.uuid5(_GUIDS, f"{self.urn}|{kind}"))

    def bytes(self, length: int) -> bytes:
        """Bytes that this resource has in every run: sealed values survive a restart of the local cloud."""
        return hashlib.shake_256(self.urn.encode()).digest(length)


def create(registration: Registration) -> Created:
    """The id and outputs of a custom resource.

    Raises:
        NotModelled: no row for its type.
        LocalCloudError: a name is missing that Azure or Pulumi would make up.
    """
    if registration.type in _ARM:
        template, computed = _ARM[registration.type]
        id = _arm_id(template, registration)
        return Created(id, {"name": id.rsplit("/", 1)[-1], **computed(registration, id)})
    if registration.type in _OTHER:
        return _OTHER[registration.type](registration)
    raise _not_modelled(registration.type, registration.name)


def modelled(type: str) -> bool:
    """Whether there is a row for a type."""
    return type in _ARM or type in _OTHER


def types_of(package: str) -> list[str]:
    """The resource types of a package that there are rows for."""
    return sorted(type for type in (*_ARM, *_OTHER) if type.split(":")[0] == package)


def known(type: str) -> bool:
    """Whether there is a row for a type, or it is one of Pulumi's own that are no resources anywhere."""
    return modelled(type) or type.startswith(("pulumi:providers:", "pulumi:pulumi:"))


def own_name(type: str) -> tuple[str, Way] | None:
    """The input that is the resource's own name, and how azure-native makes one up; none if it always has to be given.

    The provider makes up names of what stands directly in a group with random digits, copies those of what is inside something else,
    and makes GUIDs where Azure takes nothing else. Where Azure takes one name only, a made-up one would be refused.
    """
    if type not in _ARM:
        return None
    template = _ARM[type][0]
    fields = [field for _, field, _, _ in Formatter().parse(template) if field]
    if not template.endswith("}") or fields[-1] in {"policyId", "diagnosticId"}:
        return None
    if type.endswith(("RoleAssignment", "RoleDefinition", ":Workbook")):
        return fields[-1], "uuid"
    return fields[-1], "random" if len(set(fields) - {"group", "subscription"}) == 1 else "copy"


def templates() -> tuple[str, ...]:
    """The form of the ARM id of every type that is modelled."""
    return tuple(template for template, _ in _ARM.values())


def parsed(type: str, id: str) -> Mapping[str, str] | None:
    """The inputs that an ARM id of a modelled type is made of, and `subscription`; none if it is not one."""
    if type not in _ARM:
        return None
    pattern = ""
    for literal, field, _, _ in Formatter().parse(_ARM[type][0]):
        pattern += re.escape(literal)
        match field:
            case None:
                pass
            case "group":
                pattern += r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<resourceGroupName>[^/]+)"
            case "scope" | "resourceUri" | "parentResourcePath":
                pattern += f"(?P<{field}>.+)"
            case _:
                pattern += f"(?P<{field}>[^/]+)"
    match = re.fullmatch(pattern, id, re.IGNORECASE)
    return match.groupdict() if match else None


def general(registration: Registration, own: str | None, parents: Sequence[str]) -> Created:
    """A resource of which nothing is modelled: an id by the pattern that most of Azure's have, and no outputs.

    Args:
        registration: Its inputs, with its own name if it has one.
        own: The input that is its name.
        parents: The inputs that are names of what it is inside of.
    """
    package, module, name = ([*registration.type.split(":"), "", ""])[:3]
    if package != "azure-native":
        return Created(registration.guid("id"), {})
    i = registration.inputs
    group = f"/resourceGroups/{i['resourceGroupName']}" if i.get("resourceGroupName") else ""
    within = "".join(f"/{_several(key.removesuffix('Name'))}/{i[key]}" for key in parents if i.get(key))
    last = i.get(own) if own else None
    id = (
        f"/subscriptions/{registration.subscription}{group}/providers/Microsoft.{module.split('/')[0].capitalize()}"
        f"{within}/{_several(name[:1].lower() + name[1:])}/{last or registration.name}"
    )
    return Created(id, {"name": last or registration.name})


def _several(word: str) -> str:
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def id_properties(type: str) -> frozenset[str]:
    """Inputs that the ARM id of a type is made of; none outside ARM.

    Raises:
        NotModelled: no row for the type.
    """
    if type in _OTHER:
        return frozenset()
    if type not in _ARM:
        raise _not_modelled(type, "")
    fields = {field for _, field, _, _ in Formatter().parse(_ARM[type][0]) if field}
    return frozenset(("resourceGroupName" if field == "group" else field) for field in fields - {"subscription"})


def _not_modelled(type: str, name: str) -> NotModelled:
    return NotModelled(
        f"the local cloud does not model the resource type {type}{f' ({name})' if name else ''}; "
        "it stands in for what secure_mcp's own components declare"
    )


def looked_up(function: str, arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    """Type and ARM id of the resource that a function such as `azure-native:web:getWebApp` looks up, if that type is modelled."""
    package, _, name = function.rpartition(":")
    type = f"{package}:{name.removeprefix('get')}"
    if type not in _ARM or not name.startswith("get"):
        return None
    try:
        return type, _ARM[type][0].format_map(
            {
                "subscription": SUBSCRIPTION,
                "group": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{arguments.get('resourceGroupName')}",
                **arguments,
            }
        )
    except KeyError:
        return None


def invoke(
    function: str, arguments: Mapping[str, Any], subscription: str = SUBSCRIPTION, tenant: str = TENANT
) -> Mapping[str, Any]:
    """The answer of a provider function.

    Raises:
        NotModelled: it is not one that is modelled.
    """
    if function == "azure-native:authorization:getClientConfig":
        return {"clientId": DEPLOYER, "objectId": DEPLOYER, "subscriptionId": subscription, "tenantId": tenant}
    if function == "azuread:index/getClientConfig:getClientConfig":
        return {"clientId": DEPLOYER, "objectId": DEPLOYER, "tenantId": tenant, "id": DEPLOYER}
    if function == "azure-native:web:listWebAppHostKeys":
        return {
            "masterKey": master_key(arguments["name"]),
            "functionKeys": {},
            "systemKeys": {"mcp_extension": mcp_extension_key(arguments["name"])},
        }
    raise NotModelled(
        f"the local cloud does not model the function {function}, which asks Azure for what no program declares; "
        "give the program the value by configuration where there is no Azure"
    )


def master_key(site_name: str) -> str:
    """The key of a function app that opens everything in it."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"master|{site_name}".encode()).digest()).decode() + "AzFu"


def mcp_extension_key(site_name: str) -> str:
    """The system key that the MCP extension of a function app has."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"mcp_extension|{site_name}".encode()).digest()).decode() + "AzFu"


def _arm_id(template: str, registration: Registration) -> str:
    inputs = {
        "subscription": registration.subscription,
        "group": f"/subscriptions/{registration.subscription}/resourceGroups/{registration.inputs.get('resourceGroupName')}",
        **registration.inputs,
    }
    try:
        return template.format_map(inputs)
    except KeyError as missing:
        raise LocalCloudError(
            f"{registration.type} {registration.name}: {missing.args[0]} is not set, and Azure refuses a name that Pulumi makes up"
        ) from None


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

_ARM: dict[str, tuple[str, _Computed]] = {
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


def _application(registration: Registration) -> Created:
    object_id = registration.guid("object")
    return Created(f"/applications/{object_id}", {"clientId": registration.guid("client"), "objectId": object_id})


def _service_principal(registration: Registration) -> Created:
    object_id, client = registration.guid("object"), str(registration.inputs.get("clientId")).lower()
    graph = {**microsoft_graph.OPENID, **microsoft_graph.PERMISSIONS} if client == microsoft_graph.CLIENT_ID else None
    offered = graph or registration.environment.permissions(client)
    outputs = {"objectId": object_id} | ({} if offered is None else {"oauth2PermissionScopeIds": dict(offered)})
    return Created(f"/servicePrincipals/{object_id}", outputs, complete=offered is not None)


def offered(
    applications: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]], client: str
) -> Mapping[str, str] | None:
    """Delegated permissions of an application that is among these.

    Args:
        applications: Inputs and outputs of each.
        client: Client id.
    """
    for inputs, outputs in applications:
        if str(outputs.get("clientId")).lower() == client:
            scopes = (inputs.get("api") or {}).get("oauth2PermissionScopes") or ()
            return {str(scope.get("value")): str(scope.get("id")) for scope in scopes if scope.get("enabled", True)}
    return None


def _directory_object(registration: Registration) -> Created:
    return Created(registration.guid("object"), {})


def _random_bytes(registration: Registration) -> Created:
    content = registration.bytes(int(registration.inputs["length"]))
    outputs = {"base64": base64.b64encode(content).decode(), "hex": content.hex()}
    return Created(outputs["base64"], outputs, frozenset(outputs))


def _random_string(registration: Registration) -> Created:
    length = int(registration.inputs["length"])
    result = base64.b32encode(registration.bytes(length)).decode().lower()[:length]
    return Created(result, {"result": result})


def _random_password(registration: Registration) -> Created:
    length = int(registration.inputs["length"])
    # The id says nothing: it would lie in the state in plain text.
    outputs = {"result": base64.b32encode(registration.bytes(length)).decode()[:length]}
    return Created("none", outputs, frozenset(outputs))


def _stash(registration: Registration) -> Created:
    """The engine's own resource, which holds a value."""
    return Created(registration.guid("stash"), {"output": registration.inputs["input"]})


def _random_id(registration: Registration) -> Created:
    content, prefix = (
        registration.bytes(int(registration.inputs["byteLength"])),
        registration.inputs.get("prefix") or "",
    )
    standard = base64.b64encode(content).decode()
    url = base64.urlsafe_b64encode(content).decode().rstrip("=")
    outputs = {
        "b64Std": prefix + standard, "b64Url": prefix + url, "hex": prefix + content.hex(),
        "dec": prefix + str(int.from_bytes(content)),
    }  # fmt: skip
    return Created(url, outputs)


def _random_uuid(registration: Registration) -> Created:
    result = registration.guid("uuid")
    return Created(result, {"result": result})


def _random_integer(registration: Registration) -> Created:
    low, high = int(registration.inputs["min"]), int(registration.inputs["max"])
    result = low + int.from_bytes(registration.bytes(16)) % (high - low + 1)
    return Created(str(result), {"result": result})


def _random_pet(registration: Registration) -> Created:
    words = int(registration.inputs.get("length") or 2)
    digits, separator = registration.bytes(words * 2).hex(), registration.inputs.get("separator") or "-"
    parts = [f"pet{digits[at * 4 : at * 4 + 4]}" for at in range(words)]
    result = separator.join([*filter(None, [registration.inputs.get("prefix")]), *parts])
    return Created(result, {"result": result})


_OTHER: dict[str, Callable[[Registration], Created]] = {
    APPLICATION: _application,
    "azuread:index/servicePrincipal:ServicePrincipal": _service_principal,
    "azuread:index/applicationRedirectUris:ApplicationRedirectUris": _directory_object,
    "azuread:index/applicationIdentifierUri:ApplicationIdentifierUri": _directory_object,
    "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant": _directory_object,
    "azuread:index/appRoleAssignment:AppRoleAssignment": _directory_object,
    "azuread:index/applicationPreAuthorized:ApplicationPreAuthorized": _directory_object,
    "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential": _directory_object,
    "pulumi:index:Stash": _stash,
    "random:index/randomBytes:RandomBytes": _random_bytes,
    "random:index/randomPassword:RandomPassword": _random_password,
    "random:index/randomString:RandomString": _random_string,
    "random:index/randomId:RandomId": _random_id,
    "random:index/randomUuid:RandomUuid": _random_uuid,
    "random:index/randomInteger:RandomInteger": _random_integer,
    "random:index/randomPet:RandomPet": _random_pet,
}
