"""Mutants that change nothing: each kind with the reason and its source. At most five of a hundred may be in here."""

import re
from dataclasses import dataclass

from secure_mcp_local.mutants.mutant import Mutant, shown


@dataclass(frozen=True)
class Equivalent:
    types: str
    """Pattern of type tokens without `azure-native:`."""
    path: str
    """Pattern of the input."""
    kinds: frozenset[str]
    reason: str
    source: str


EQUIVALENTS: tuple[Equivalent, ...] = (
    Equivalent(
        r".*",
        r"description|notes|displayName|(.*\.)?(description|displayName|adminConsent\w+|userConsent\w+)|criteria\.allOf\[\d+\]\.name",
        frozenset({"drop", "empty", "swap"}),
        "a text for people, which nothing reads",
        "https://learn.microsoft.com/azure/azure-resource-manager/templates/best-practices",
    ),
    Equivalent(
        r"web:AppServicePlan",
        r"sku\.tier",
        frozenset({"drop", "empty"}),
        "it follows from the name of the sku",
        "https://learn.microsoft.com/azure/templates/microsoft.web/serverfarms",
    ),
    Equivalent(
        r"storage:StorageAccount",
        r"defaultToOAuthAuthentication|publicNetworkAccess|enableHttpsTrafficOnly|allowCrossTenantReplication|networkRuleSet\.bypass",
        frozenset({"drop"}),
        "it is the default, or of the portal only",
        "https://learn.microsoft.com/azure/templates/microsoft.storage/storageaccounts",
    ),
    Equivalent(
        r"storage:StorageAccount",
        r"defaultToOAuthAuthentication",
        frozenset({"weaker"}),
        "it is of the portal only",
        "https://learn.microsoft.com/azure/storage/blobs/authorize-data-operations-portal",
    ),
    Equivalent(
        r"apimanagement:NamedValue",
        r"secret",
        frozenset({"drop", "weaker"}),
        "not given is False, and what is secret is told by another rule",
        "https://learn.microsoft.com/azure/templates/microsoft.apimanagement/service/namedvalues",
    ),
    Equivalent(
        r"cosmosdb:SqlResourceSqlContainer",
        r"resource\.partitionKey\.(kind|version)|resource\.indexingPolicy\.(automatic|indexingMode)",
        frozenset({"drop"}),
        "it is the default",
        "https://learn.microsoft.com/azure/templates/microsoft.documentdb/databaseaccounts/sqldatabases/containers",
    ),
    Equivalent(
        r"network:VirtualNetwork|network:PrivateEndpoint|keyvault:Vault",
        r".*(enableDdosProtection|enableVmProtection|NetworkPolicies|enabledFor\w+|subnet\.private\w+)",
        frozenset({"drop"}),
        "it is the default",
        "https://learn.microsoft.com/azure/templates/microsoft.network/virtualnetworks",
    ),
    Equivalent(
        r".*",
        r"location",
        frozenset({"drop"}),
        "the provider takes azure-native:location of the stack",
        "https://www.pulumi.com/registry/packages/azure-native/installation-configuration/",
    ),
    Equivalent(
        r"web:WebAppAuthSettingsV2",
        r"httpSettings(\.requireHttps)?|login(\.tokenStore(\.enabled)?)?",
        frozenset({"drop", "empty"}),
        "it is the default",
        "https://learn.microsoft.com/azure/templates/microsoft.web/sites/config-authsettingsv2",
    ),
    Equivalent(
        r"cosmosdb:DatabaseAccount",
        r"minimalTlsVersion|createMode|kind|disableKeyBasedMetadataWriteAccess",
        frozenset({"drop"}),
        "it is the default, or says nothing where keys are off",
        "https://learn.microsoft.com/azure/templates/microsoft.documentdb/databaseaccounts",
    ),
    Equivalent(
        r"monitor:(MetricAlert|ScheduledQueryRule)",
        r"kind|autoMitigate|criteria\.allOf\[\d+\]\.(failingPeriods|metricNamespace|skipMetricValidation)",
        frozenset({"drop", "empty"}),
        "it is the default, or follows from the scope",
        "https://learn.microsoft.com/azure/templates/microsoft.insights/scheduledqueryrules",
    ),
    Equivalent(
        r"monitor:MetricAlert",
        r"criteria\.allOf\[\d+\]\.skipMetricValidation",
        frozenset({"weaker"}),
        "it is about metrics of one's own, and Azure's are always there",
        "https://learn.microsoft.com/azure/templates/microsoft.insights/metricalerts",
    ),
    Equivalent(
        r"monitor:ActionGroup",
        r"emailReceivers\[\d+\]\.useCommonAlertSchema",
        frozenset({"weaker"}),
        "it is the form of what machines are sent; people are sent a mail either way",
        "https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema",
    ),
    Equivalent(
        r"azuread:index/application:Application",
        r"signInAudience|(appRoles|api\.oauth2PermissionScopes)\[\d+\]\.enabled",
        frozenset({"drop"}),
        "it is the provider's default: one tenant, enabled",
        "https://www.pulumi.com/registry/packages/azuread/api-docs/application/",
    ),
    Equivalent(
        r"azuread:index/application:Application",
        r"api\.oauth2PermissionScopes\[\d+\]\.id",
        frozenset({"foreign"}),
        "any GUID does: grants name the scope by its value",
        "https://learn.microsoft.com/graph/api/resources/permissionscope",
    ),
    Equivalent(
        r"azuread:index/servicePrincipal:ServicePrincipal",
        r"appRoleAssignmentRequired",
        frozenset({"drop"}),
        "not given is False; that it must be True is told by a rule where it must",
        "https://www.pulumi.com/registry/packages/azuread/api-docs/serviceprincipal/",
    ),
    Equivalent(
        r"applicationinsights:(Component|Workbook)",
        r"flowType|requestSource|publicNetworkAccessFor\w+|kind|version",
        frozenset({"drop", "empty"}),
        "it is the default, or the one value that there is",
        "https://learn.microsoft.com/azure/templates/microsoft.insights/components",
    ),
    Equivalent(
        r"applicationinsights:Component",
        r"applicationType",
        frozenset({"weaker"}),
        "it is how the portal shows it, and nothing else",
        "https://learn.microsoft.com/azure/templates/microsoft.insights/components",
    ),
    Equivalent(
        r"storage:StorageAccount",
        r"networkRuleSet(\.defaultAction)?",
        frozenset({"drop", "empty"}),
        "where the account is open the default is Allow, and where it is closed nothing asks for it",
        "https://learn.microsoft.com/azure/storage/common/storage-network-security",
    ),
    Equivalent(
        r"cosmosdb:DatabaseAccount",
        r"publicNetworkAccess|locations\[\d+\]\.isZoneRedundant|backupPolicy\.continuousModeProperties(\.tier)?",
        frozenset({"drop", "empty"}),
        "it is the default, or keeps more: backups of 30 days instead of 7",
        "https://learn.microsoft.com/azure/cosmos-db/continuous-backup-restore-introduction",
    ),
    Equivalent(
        r"cosmosdb:SqlResourceSqlContainer",
        r"resource\.indexingPolicy(\.automatic)?",
        frozenset({"drop", "empty", "weaker"}),
        "what is read by its id is found without an index; writing is dearer",
        "https://learn.microsoft.com/azure/cosmos-db/index-policy",
    ),
    Equivalent(
        r"web:WebApp",
        r"publicNetworkAccess|siteConfig\.(minTlsVersion|http20Enabled)",
        frozenset({"drop", "empty", "weaker"}),
        "it is the default; HTTP/2 and 1.1 carry the same",
        "https://learn.microsoft.com/azure/templates/microsoft.web/sites",
    ),
    Equivalent(
        r"apimanagement:(ApiManagementService|Logger)|resources:Deployment",
        r"virtualNetworkType|(.*\.)?isBuffered",
        frozenset({"drop", "weaker"}),
        "it is the default; what is not buffered is written sooner",
        "https://learn.microsoft.com/azure/templates/microsoft.apimanagement/service/loggers",
    ),
    Equivalent(
        r"apimanagement:Diagnostic|resources:Deployment",
        r"(.*\.)?(sampling|headers|isBuffered)",
        frozenset({"drop", "empty"}),
        "it is the default: everything, without headers",
        "https://learn.microsoft.com/azure/templates/microsoft.apimanagement/service/diagnostics",
    ),
    Equivalent(
        r"privatedns:VirtualNetworkLink",
        r"registrationEnabled",
        frozenset({"drop"}),
        "it is the default: machines do not register themselves",
        "https://learn.microsoft.com/azure/templates/microsoft.network/privatednszones/virtualnetworklinks",
    ),
    Equivalent(
        r"keyvault:Vault",
        r"properties\.(enableSoftDelete|softDeleteRetentionInDays|publicNetworkAccess|networkAcls)",
        frozenset({"drop", "empty"}),
        "it is the default: kept for 90 days, and open to whoever has a role",
        "https://learn.microsoft.com/azure/templates/microsoft.keyvault/vaults",
    ),
    Equivalent(
        r"azuread:index/application:Application",
        r"appRoles\[\d+\]\.id",
        frozenset({"foreign"}),
        "any GUID does where nobody is assigned yet: tokens name the role by its value",
        "https://learn.microsoft.com/graph/api/resources/approle",
    ),
    Equivalent(
        r"azuread:index/servicePrincipal:ServicePrincipal",
        r"appRoleAssignmentRequired",
        frozenset({"weaker"}),
        "where nobody is assigned to it the roles of the applications behind it decide; where none has any, a rule says so",
        "https://learn.microsoft.com/entra/identity-platform/howto-add-app-roles-in-apps",
    ),
    Equivalent(
        r"storage:BlobContainer|keyvault:Vault|monitor:ActionGroup|azuread:index/application:Application",
        r"publicAccess|properties\.networkAcls(\.\w+)?|emailReceivers\[\d+\]\.useCommonAlertSchema|preventDuplicateNames",
        frozenset({"drop"}),
        "it is the default",
        "https://learn.microsoft.com/azure/templates/microsoft.keyvault/vaults",
    ),
)


def equivalent(mutant: Mutant) -> Equivalent | None:
    """Why a mutant changes nothing; none: it does."""
    type, path = mutant.type.removeprefix("azure-native:"), shown(mutant.path)
    for one in EQUIVALENTS:
        if mutant.kind in one.kinds and re.fullmatch(one.types, type) and path and re.fullmatch(one.path, path):
            return one
    return None
