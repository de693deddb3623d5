"""What is open that should not be, on every way in."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.directory import AUTHORITIES
from secure_mcp_local.rules.rule import NATIVE, Rule, Stack, at, known, lists, mapping, text
from secure_mcp_local.rules.settings import Setting, among, between, exactly, unless, wrong

_UNSAFE = re.compile(r"http://(?!(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/]|$))", re.IGNORECASE)

_TLS = {
    "storage:StorageAccount": (
        exactly("minimumTlsVersion", "TLS1_2", "TLS1_3"),
        unless("enableHttpsTrafficOnly", False),
    ),
    "cosmosdb:DatabaseAccount": (unless("minimalTlsVersion", "Tls", "Tls11"),),
    "web:WebApp": (
        exactly("httpsOnly", True),
        unless("siteConfig.minTlsVersion", "1.0", "1.1", ""),
        unless("siteConfig.scmMinTlsVersion", "1.0", "1.1"),
    ),
    "web:WebAppAuthSettingsV2": (unless("httpSettings.requireHttps", False),),
    "app:ContainerAppsAuthConfig": (unless("httpSettings.requireHttps", False),),
    "app:ContainerApp": (unless("configuration.ingress.allowInsecure", True),),
    "apimanagement:NamedValue": (
        Setting("value", lambda value: _UNSAFE.match(str(value)) is None, "an address with https"),
    ),
    "apimanagement:Api": (Setting("protocols", lambda value: value in (["https"], ["wss"]), "['https']"),),
}
_KEYS = {
    "storage:StorageAccount": (exactly("allowSharedKeyAccess", False),),
    "cosmosdb:DatabaseAccount": (
        exactly("disableLocalAuth", True),
        unless("disableKeyBasedMetadataWriteAccess", False),
    ),
    "operationalinsights:Workspace": (exactly("features.disableLocalAuth", True),),
    "applicationinsights:Component": (exactly("disableLocalAuth", True),),
}
_DATA = {
    "storage:StorageAccount": (
        exactly("allowBlobPublicAccess", False),
        unless("allowCrossTenantReplication", True),
        unless("isLocalUserEnabled", True),
        unless("isSftpEnabled", True),
        unless("networkRuleSet.bypass", "AzureServices", "Logging, Metrics", "Logging", "Metrics"),
    ),
    "storage:BlobContainer": (unless("publicAccess", "Blob", "Container"),),
}
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_VAULT = {
    "keyvault:Vault": (
        exactly("properties.enableRbacAuthorization", True),
        exactly("properties.enablePurgeProtection", True),
        unless("properties.enableSoftDelete", False),
        unless("properties.enabledForDeployment", True),
        unless("properties.enabledForDiskEncryption", True),
        unless("properties.enabledForTemplateDeployment", True),
        between("properties.softDeleteRetentionInDays", 7, 90),
        among("properties.publicNetworkAccess", "enabled", "disabled", "Enabled", "Disabled", "securedByPerimeter"),
        among("properties.networkAcls.defaultAction", "Allow", "Deny"),
    )
}


def _vault(vault: Resource, stack: Stack) -> Iterator[str]:
    yield from wrong(_VAULT)(vault, stack)
    tenant = str(at(vault.inputs, "properties.tenantId") or "")
    tenants = {str(one.get("tenantId")).lower() for one in stack.identities.values() if one.get("tenantId")}
    if "properties.tenantId" in vault.unknowns or "properties" in vault.unknowns:
        return
    if not _GUID.fullmatch(tenant):
        yield f"properties.tenantId is {tenant!r}, and must be the id of the tenant whose identities may read it"
    elif tenants and tenant.lower() not in tenants:
        yield f"properties.tenantId is {tenant}, and the stack's identities are of {', '.join(sorted(tenants))}: none of them gets in"


def _secret(secret: Resource, stack: Stack) -> Iterator[str]:
    del stack
    if known(secret, "properties.value") and not at(secret.inputs, "properties.value"):
        yield f"properties.value is {'empty' if at(secret.inputs, 'properties.value') == '' else 'not given'}: there is no secret"


_PUBLISHING = {
    "web:WebAppFtpAllowed": (exactly("allow", False),),
    "web:WebAppScmAllowed": (exactly("allow", False),),
}
_PORTAL = {"apimanagement:ApiManagementService": (exactly("developerPortalStatus", "Disabled"),)}

_BROAD = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
    "17d1049b-9a84-46fb-8f53-869881c3d3ab": "Storage Account Contributor",
    "00482a5a-887f-4fb3-b363-3b70fe92e6da": "Key Vault Administrator",
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""


def _broad(assignment: Resource, stack: Stack) -> Iterator[str]:
    role = text(assignment, "roleDefinitionId").rpartition("/")[2].lower()
    scope = text(assignment, "scope").rstrip("/")
    who = stack.identities.get(text(assignment, "principalId").lower())
    if role in _BROAD:
        yield f"roleDefinitionId is that of {_BROAD[role]}, which may do more than any service here needs"
    elif who is not None and len(scope.split("/")) <= 5:
        yield f"scope is {scope or 'not given'!r}: {who.name} has the role on everything in it"


def _assignment(assignment: Resource, stack: Stack) -> Iterator[str]:
    role = text(assignment, "roleDefinitionId")
    if "/providers/microsoft.authorization/roledefinitions/" not in role.lower():
        yield f"roleDefinitionId is {role!r}, and must be the id of a role definition"
    if not text(assignment, "principalId"):
        yield "principalId is empty: the role is nobody's"
    if assignment.inputs.get("principalType") not in {"ServicePrincipal", "User", "Group"}:
        yield f"principalType is {assignment.inputs.get('principalType')!r}: a principal that was just made is not found without it"
    who = stack.identities.get(text(assignment, "principalId").lower())
    if who is not None and assignment.inputs.get("principalType") not in {None, "ServicePrincipal"}:
        yield f"principalType is {assignment.inputs.get('principalType')!r}, and {who.name} is a ServicePrincipal"


def _lock(lock: Resource, stack: Stack) -> Iterator[str]:
    del stack
    if not text(lock, "scope").startswith("/"):
        yield f"scope is {lock.inputs.get('scope')!r}, and must be an id"
    if lock.inputs.get("level") not in {"CanNotDelete", "ReadOnly"}:
        yield f"level is {lock.inputs.get('level')!r}, and must be 'CanNotDelete'"
    elif lock.inputs.get("level") == "ReadOnly":
        yield "level is 'ReadOnly': keys and settings cannot be read or changed, and the next deployment fails"


_LOCK = "authorization:ManagementLockByScope"


def _unlocked(resource: Resource, stack: Stack) -> Iterator[str]:
    """What cannot be made again, in a group in which such things are locked."""
    group = "/".join(resource.id.lower().split("/")[:5]) + "/"
    scopes = [text(one, "scope").rstrip("/").lower() for one in stack.all(_LOCK)]
    locked = [one for one in scopes if f"{one}/".startswith(group)]
    if not locked or any(f"{resource.id.lower()}/".startswith(f"{one}/") for one in locked):
        return
    if resource.type == f"{NATIVE}storage:StorageAccount" and not _holds_data(resource, stack):
        return
    yield f"no lock is on {resource.name} ({resource.id.rpartition('/')[2]}), and its group has {len(locked)} on others"


def _holds_data(account: Resource, stack: Stack) -> bool:
    """Whether there is more in a storage account than the code of a function app, which its next deployment brings again."""
    own = f"https://{account.get('name')}.blob."
    code = {
        str(at(one.inputs, "functionAppConfig.deployment.storage.value")).rpartition("/")[2]
        for one in stack.all("web:WebApp")
        if str(at(one.inputs, "functionAppConfig.deployment.storage.value")).startswith(own)
    }
    inside = f"{account.id.lower()}/"
    held = {
        one.id.rpartition("/")[2] for one in stack.all("storage:BlobContainer") if one.id.lower().startswith(inside)
    }
    return not code or bool(held - code)


def _authentication(site: Resource, stack: Stack) -> Iterator[str]:
    """Whether callers of a function app are asked who they are."""
    if "functionapp" not in text(site, "kind"):
        return
    found = next(
        (one for one in stack.all("web:WebAppAuthSettingsV2") if one.id.lower().startswith(f"{site.id.lower()}/")), None
    )
    # A key of the Functions runtime is the other thing that it can ask for; a policy that sends one says so.
    by_key = any(_SENDS_KEY.search(str(one.inputs.get("value"))) for one in stack if one.type.endswith("Policy"))
    if found is None or (by_key and at(found.inputs, "platform.enabled") is False):
        if not by_key:
            yield f"{site.name} has no WebAppAuthSettingsV2: it takes calls of everybody who reaches it"
        elif (level := _webhook_level(site)).lower() == "anonymous":
            yield f"{site.name} asks for no key ({_WEBHOOK_LEVEL} is {level!r}), and App Service authentication is not on: it takes calls of everybody who reaches it"
        return
    if at(found.inputs, "globalValidation.requireAuthentication") is not True:
        yield f"{found.name}: globalValidation.requireAuthentication is {at(found.inputs, 'globalValidation.requireAuthentication')!r}: everybody gets in"
    yield from _lets_in(found, stack)


_WEBHOOK_LEVEL = "AzureFunctionsJobHost__extensions__mcp__system__webhookAuthorizationLevel"
"""https://learn.microsoft.com/azure/azure-functions/functions-bindings-mcp#hostjson-settings"""


def _webhook_level(site: Resource) -> str:
    """What the MCP endpoint of a function app asks of a caller, by its settings; empty where they leave it to the host, which asks for a key."""
    settings = lists(site, "siteConfig.appSettings")
    given = (one.get("value") for one in settings if str(one.get("name")).lower() == _WEBHOOK_LEVEL.lower())
    return str(next(given, None) or "")


def _container_authentication(container: Resource, stack: Stack) -> Iterator[str]:
    """Whether callers of a container app are asked who they are, where somebody can call it."""
    if at(container.inputs, "configuration.ingress.external") is not True:
        return
    own = f"{container.id.lower()}/"
    found = next((one for one in stack.all("app:ContainerAppsAuthConfig") if one.id.lower().startswith(own)), None)
    if found is None:
        yield f"{container.name} has no ContainerAppsAuthConfig: it takes calls of everybody who reaches it"
        return
    yield from _lets_in(found, stack)


def _lets_in(found: Resource, stack: Stack) -> Iterator[str]:
    """What App Service and Container Apps ask of a caller alike."""
    inputs = found.inputs
    if at(inputs, "platform.enabled") is not True:
        yield f"{found.name}: platform.enabled is {at(inputs, 'platform.enabled')!r}: nobody is asked who they are"
    if at(inputs, "globalValidation.unauthenticatedClientAction") not in {"Return401", "Return403"}:
        action = at(inputs, "globalValidation.unauthenticatedClientAction")
        yield f"{found.name}: globalValidation.unauthenticatedClientAction is {action!r}, and must be 'Return401'"
    if excluded := at(inputs, "globalValidation.excludedPaths"):
        yield f"{found.name}: globalValidation.excludedPaths is {excluded}: nobody is asked there"
    entra = mapping(inputs, "identityProviders", "azureActiveDirectory")
    if entra.get("enabled") is not True:
        yield f"{found.name}: identityProviders.azureActiveDirectory.enabled is {entra.get('enabled')!r}"
    client = str(at(entra, "registration.clientId") or "")
    if not client:
        yield f"{found.name}: registration.clientId is not given"
    elif (applications := stack.all("azuread:index/application:Application")) and client not in {
        str(one.get("clientId")) for one in applications
    }:
        yield f"{found.name}: registration.clientId {client} is that of no application that the stack declares"
    issuer = str(at(entra, "registration.openIdIssuer") or "")
    if (problem := _issuer(issuer)) is not None:
        yield f"{found.name}: registration.openIdIssuer is {issuer!r}: {problem}"
    audiences = at(entra, "validation.allowedAudiences") or []
    if not audiences:
        yield f"{found.name}: validation.allowedAudiences is empty"
    for audience in audiences:
        if client and client not in str(audience) and not str(audience).startswith("api://"):
            yield f"{found.name}: validation.allowedAudiences has {audience!r}, which is not the application {client}"
    policy = mapping(entra, "validation", "defaultAuthorizationPolicy")
    allowed = [str(one).lower() for one in policy.get("allowedApplications") or ()]
    people = [str(one).lower() for one in at(policy, "allowedPrincipals.identities") or ()]
    if not allowed:
        yield f"{found.name}: defaultAuthorizationPolicy.allowedApplications is empty: every application of the tenant gets in"
    if not people and not at(policy, "allowedPrincipals.groups"):
        yield f"{found.name}: allowedPrincipals.identities is empty: every identity of the tenant gets in"
    callers = {
        str(stack.identities[id].get(key)).lower(): stack.identities[id]
        for service in stack.all("apimanagement:ApiManagementService")
        for id in stack.attached(service)
        if id in stack.identities
        for key in ("clientId", "principalId")
    }
    if callers:
        for one in (*allowed, *people):
            if one not in callers:
                yield f"{found.name}: lets in {one}, which is no identity of the gateway"
    if at(inputs, "login.tokenStore.enabled") is True:
        yield f"{found.name}: login.tokenStore.enabled is True: tokens of callers are kept"


_SENDS_KEY = re.compile(r"""<set-header\s[^>]*name="x-functions-key"[^>]*>\s*<value>""", re.IGNORECASE)


def _issuer(issuer: str) -> str | None:
    parts = urlsplit(issuer)
    tenant = parts.path.strip("/").partition("/")[0]
    if not issuer:
        return "no token is checked against an issuer"
    if parts.scheme != "https" and parts.hostname not in {"localhost", "127.0.0.1"}:
        return "it must be https"
    if parts.hostname and "microsoftonline" in parts.hostname and parts.hostname not in AUTHORITIES:
        return f"{parts.hostname} is not Entra ID"
    if tenant in {"", "common", "organizations", "consumers"}:
        return "tokens of every tenant are taken"
    return None


def _publishing(site: Resource, stack: Stack) -> Iterator[str]:
    for type, word in (("web:WebAppFtpAllowed", "ftp"), ("web:WebAppScmAllowed", "scm")):
        if not any(one.id.lower().startswith(f"{site.id.lower()}/") for one in stack.all(type)):
            yield f"{site.name} has no basicPublishingCredentialsPolicies/{word}: whoever has its publishing password can replace its code"


def _old_protocols(service: Resource, stack: Stack) -> Iterator[str]:
    del stack
    for name, value in mapping(service.inputs, "customProperties").items():
        old = re.search(
            r"\.(?:Protocols\.(?:Tls10|Tls11|Ssl30)|Ciphers\.(?:\w*CBC\w*|TripleDes168|TLS_RSA_\w+))\Z", name
        )
        if old and str(value).lower() == "true":
            yield f"customProperties.{name} is {value!r}"


def _cors(site: Resource, stack: Stack) -> Iterator[str]:
    del stack
    if "*" in (at(site.inputs, "siteConfig.cors.allowedOrigins") or []):
        yield "siteConfig.cors.allowedOrigins has '*': every web page may call it"
    if at(site.inputs, "siteConfig.remoteDebuggingEnabled") is True:
        yield "siteConfig.remoteDebuggingEnabled is True"


def _subscription(api: Resource, stack: Stack) -> Iterator[str]:
    """An API that asks for no key has to ask for something else."""
    if api.inputs.get("subscriptionRequired") is not False:
        return
    mine = [one for one in stack if one.id.lower().startswith(f"{api.id.lower()}/") and one.type.endswith("Policy")]
    if not mine:
        yield "subscriptionRequired is False, and the API has no policy that asks for anything else"


_TYPES = {"web:WebApp"}

RULES = (
    Rule(
        "weak-transport",
        "error",
        "Traffic that is not encrypted, or by old versions of TLS, can be read and changed on its way.",
        "Ask for HTTPS and TLS 1.2 or newer.",
        "https://learn.microsoft.com/security/benchmark/azure/mcsb-data-protection#dp-3-encrypt-sensitive-data-in-transit",
        frozenset(_TLS),
        wrong(_TLS),
    ),
    Rule(
        "old-protocols",
        "error",
        "The gateway takes old versions of TLS, or weak ciphers, which can be read and changed on their way.",
        "Leave them out of customProperties: they are off by default.",
        "https://learn.microsoft.com/azure/api-management/api-management-howto-manage-protocols-ciphers",
        frozenset({"apimanagement:ApiManagementService"}),
        _old_protocols,
    ),
    Rule(
        "keys-on",
        "error",
        "A key opens everything to whoever has it, and nobody knows who that was: identities should be the only way in.",
        "Turn the keys off.",
        "https://learn.microsoft.com/security/benchmark/azure/mcsb-identity-management",
        frozenset(_KEYS),
        wrong(_KEYS),
    ),
    Rule(
        "open-data",
        "error",
        "Data can be read without an identity, or be carried to where nobody looks.",
        "Close it.",
        "https://learn.microsoft.com/azure/storage/blobs/security-recommendations",
        frozenset(_DATA),
        wrong(_DATA),
    ),
    Rule(
        "weak-vault",
        "error",
        "The vault lets more in than roles say, or can be emptied for good.",
        "Use roles, soft delete and purge protection, and let no service of Azure take secrets by itself.",
        "https://learn.microsoft.com/azure/key-vault/general/secure-key-vault",
        frozenset(_VAULT),
        _vault,
    ),
    Rule(
        "empty-secret",
        "error",
        "Key Vault refuses a secret without a value, and what reads it has none.",
        "Give properties.value.",
        "https://learn.microsoft.com/azure/templates/microsoft.keyvault/vaults/secrets",
        frozenset({"keyvault:Secret"}),
        _secret,
        frozenset({"create", "update"}),
    ),
    Rule(
        "basic-publishing",
        "error",
        "Passwords can publish code, beside identities.",
        "Set allow=False, for FTP and for SCM.",
        "https://learn.microsoft.com/azure/app-service/configure-basic-auth-disable",
        frozenset({"web:WebApp", *_PUBLISHING}),
        lambda resource, stack: (
            _publishing(resource, stack)
            if resource.type == f"{NATIVE}web:WebApp"
            else wrong(_PUBLISHING)(resource, stack)
        ),
    ),
    Rule(
        "developer-portal",
        "warning",
        "A public site for signing up and trying APIs comes with the service.",
        "Set developer_portal_status='Disabled', or use it.",
        "https://learn.microsoft.com/azure/api-management/developer-portal-overview",
        frozenset(_PORTAL),
        wrong(_PORTAL),
    ),
    Rule(
        "broad-role",
        "error",
        "A service that is taken over can do whatever its roles allow, wherever they hold.",
        "Assign the least role, on the one resource that it is for.",
        "https://learn.microsoft.com/azure/role-based-access-control/best-practices",
        frozenset({"authorization:RoleAssignment"}),
        _broad,
    ),
    Rule(
        "role-assignment",
        "error",
        "Azure refuses an assignment that lacks something, or does not find a principal that was just made.",
        "Give roleDefinitionId, principalId, scope and principalType.",
        "https://learn.microsoft.com/azure/role-based-access-control/role-assignments-template#new-service-principal",
        frozenset({"authorization:RoleAssignment"}),
        _assignment,
        frozenset({"create", "update"}),
    ),
    Rule(
        "lock",
        "error",
        "Azure refuses a lock on nothing, or of no level.",
        "Name the resource and the level.",
        "https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources",
        frozenset({"authorization:ManagementLockByScope"}),
        _lock,
        frozenset({"create", "update"}),
    ),
    Rule(
        "unlocked",
        "warning",
        "What else cannot be made again is locked, and this is as easy to delete as it was.",
        "Lock it too, or none of them.",
        "https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources",
        frozenset({"cosmosdb:DatabaseAccount", "keyvault:Vault", "storage:StorageAccount"}),
        _unlocked,
    ),
    Rule(
        "open-host",
        "error",
        "Whoever reaches the function app can call it, not only the gateway.",
        "Declare WebAppAuthSettingsV2 for it, with authentication required, an issuer, an audience, and the gateway's identity as the "
        "only caller.",
        "https://learn.microsoft.com/azure/app-service/configure-authentication-provider-aad#use-a-built-in-authorization-policy",
        frozenset(_TYPES),
        _authentication,
    ),
    Rule(
        "open-container",
        "error",
        "Whoever reaches the container app can call it, not only the gateway.",
        "Declare ContainerAppsAuthConfig 'current' for it, with an issuer, an audience, and the gateway's identity as the only caller.",
        "https://learn.microsoft.com/azure/container-apps/authentication https://learn.microsoft.com/azure/container-apps/authentication-entra",
        frozenset({"app:ContainerApp"}),
        _container_authentication,
    ),
    Rule(
        "open-browser",
        "error",
        "Any web page, or any debugger, can call the host.",
        "Name the origins; turn debugging off.",
        "https://learn.microsoft.com/security/benchmark/azure/baselines/functions-security-baseline",
        frozenset(_TYPES),
        _cors,
    ),
    Rule(
        "open-api",
        "error",
        "An API without subscription keys and without a policy takes calls of everybody.",
        "Give it a policy that asks who calls, or require a subscription.",
        "https://learn.microsoft.com/azure/api-management/mitigate-owasp-api-threats",
        frozenset({"apimanagement:Api"}),
        _subscription,
    ),
)
