"""What a function app needs to start, and to keep running."""

import re
from collections.abc import Iterator, Mapping, Sequence

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import ON_SAVE, Rule, Stack, at, lists, mapping, text
from secure_mcp_local.rules.settings import Setting, among, between, exactly

_FLEX = "https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan"
_IDENTITY = (
    "https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity"
)
BLOB_OWNER, BLOB_CONTRIBUTOR, QUEUE_CONTRIBUTOR, METRICS_PUBLISHER = (
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "3913510d-42f4-4e42-8a64-420c390055eb",
)
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""
VERSIONS: Mapping[str, Sequence[str]] = {
    "python": ("3.10", "3.11", "3.12", "3.13"),
    "node": ("20", "22", "24"),
    "java": ("11", "17", "21"),
    "powershell": ("7.4",),
    "dotnet-isolated": ("8.0", "9.0", "10.0"),
    "custom": ("", "1.0"),
}
"""https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#supported-language-stack-versions"""


def is_flex(site: Resource, stack: Stack) -> bool:
    plan = stack.at(site.inputs.get("serverFarmId"))
    return (plan is not None and at(plan.inputs, "sku.name") == "FC1") or (
        plan is None and bool(site.inputs.get("functionAppConfig"))
    )


def _plan(plan: Resource, stack: Stack) -> Iterator[str]:
    sku = mapping(plan.inputs, "sku")
    name, tier = str(sku.get("name") or ""), sku.get("tier")
    if not name:
        yield "sku.name is not given"
    if (name == "FC1") != (tier == "FlexConsumption") and tier is not None:
        yield f"sku.tier is {tier!r}, which does not go with sku.name {name!r}"
    if name == "FC1":
        if plan.inputs.get("reserved") is not True:
            yield f"reserved is {plan.inputs.get('reserved')!r}: Flex Consumption runs on Linux, so that it must be True"
        if "functionapp" not in text(plan, "kind"):
            yield f"kind is {plan.inputs.get('kind')!r}, and must be 'functionapp'"
        sites = [
            one.name
            for one in stack.all("web:WebApp")
            if str(one.inputs.get("serverFarmId")).lower() == plan.id.lower()
        ]
        if len(sites) > 1:
            yield f"it is the plan of {' and '.join(sites)}: one Flex Consumption plan has one app"


def _runtime(site: Resource, stack: Stack) -> Iterator[str]:
    if not site.inputs.get("serverFarmId"):
        yield "serverFarmId is not given: it has no plan"
    kind = text(site, "kind")
    if site.inputs.get("clientAffinityEnabled") is not False and (
        "functionapp" in kind or site.inputs.get("clientAffinityEnabled")
    ):
        yield f"clientAffinityEnabled is {site.inputs.get('clientAffinityEnabled')!r}, and must be False, as Azure's default is True: cookies bind callers to one instance, which does not go with scaling"
    if not is_flex(site, stack):
        return
    if "functionapp" not in kind or "linux" not in kind:
        yield f"kind is {site.inputs.get('kind')!r}, and must be 'functionapp,linux'"
    config = mapping(site.inputs, "functionAppConfig")
    if not config:
        yield "functionAppConfig is not given: a Flex Consumption app needs it"
        return
    name, version = str(at(config, "runtime.name") or ""), str(at(config, "runtime.version") or "")
    if name not in VERSIONS:
        yield f"functionAppConfig.runtime.name is {name!r}, and must be one of {', '.join(VERSIONS)}"
    elif version not in VERSIONS[name]:
        yield f"functionAppConfig.runtime.version is {version!r}, and for {name} it must be one of {', '.join(VERSIONS[name])}"
    for setting in (
        Setting("scaleAndConcurrency.instanceMemoryMB", lambda value: value in (512, 2048, 4096), "512, 2048 or 4096"),
        between("scaleAndConcurrency.maximumInstanceCount", 1, 1000, needed=True),
        exactly("deployment.storage.type", "blobContainer"),
        among("siteUpdateStrategy.type", "Recreate", "RollingUpdate"),
    ):
        if not setting.good(at(config, setting.path)):
            yield f"functionAppConfig.{setting.path} is {at(config, setting.path)!r}, and must be {setting.wanted}"
    yield from _deployment(site, config, stack)


def _deployment(site: Resource, config: Mapping[str, object], stack: Stack) -> Iterator[str]:
    where = str(at(config, "deployment.storage.value") or "")
    host, _, container = where.removeprefix("https://").partition("/")
    if not where.startswith("https://") or not container:
        yield f"functionAppConfig.deployment.storage.value is {where!r}, and must be the address of a blob container"
        return
    account = next((one for one in stack.all("storage:StorageAccount") if f"{one.get('name')}.blob." in host), None)
    scope = ""
    if account is not None:
        found = stack.at(f"{account.id}/blobServices/default/containers/{container.rstrip('/')}")
        scope = found.id if found is not None else ""
        if found is None:
            yield f"functionAppConfig.deployment.storage.value is {where}, and {account.name} has no container {container!r}"
    elif (declared := stack.all("storage:StorageAccount")) and all(stack.inside(one.id) for one in declared):
        yield f"functionAppConfig.deployment.storage.value is {where}, which is of no account that the stack declares"
    way = mapping(config, "deployment", "storage", "authentication")
    match way.get("type"):
        case "UserAssignedIdentity":
            id = str(way.get("userAssignedIdentityResourceId") or "")
            if id.lower() not in stack.attached(site):
                yield f"deployment.storage.authentication names {id or 'no identity'!r}, which {site.name} does not have"
            who = stack.identities.get(id.lower())
            if (
                who is not None
                and scope
                and not stack.roles(who.get("principalId"), scope) & {BLOB_OWNER, BLOB_CONTRIBUTOR}
            ):
                yield f"{who.name} has no role on the container {container}, in which the code is put: it needs Storage Blob Data Contributor"
        case "SystemAssignedIdentity":
            if "SystemAssigned" not in str(at(site.inputs, "identity.type") or ""):
                yield "deployment.storage.authentication.type is 'SystemAssignedIdentity', and the app has none"
        case "StorageAccountConnectionString":
            name = way.get("storageAccountConnectionStringName")
            if account is not None and account.inputs.get("allowSharedKeyAccess") is False:
                yield f"deployment.storage.authentication is by key ({name}), and {account.name} takes none"
        case other:
            yield f"deployment.storage.authentication.type is {other!r}: it must say how the container is reached"


def _settings(site: Resource) -> Mapping[str, str]:
    return {str(one.get("name")): str(one.get("value") or "") for one in lists(site, "siteConfig.appSettings")}


def _storage(site: Resource, stack: Stack) -> Iterator[str]:
    """The host keeps keys, locks and the state of triggers in a storage account."""
    if "functionapp" not in text(site, "kind") or "siteConfig" in site.unknowns:
        return
    settings = _settings(site)
    for one in lists(site, "siteConfig.appSettings"):
        if not one.get("name"):
            yield "siteConfig.appSettings has one without a name"
        elif one.get("value") in (None, ""):
            yield f"the app setting {one.get('name')} has no value"
    names = [str(one.get("name")) for one in lists(site, "siteConfig.appSettings")]
    for name in sorted({one for one in names if names.count(one) > 1}):
        yield f"siteConfig.appSettings has {name} twice"
    if "AzureWebJobsStorage" in settings:
        return
    prefix = "AzureWebJobsStorage__"
    given = {name.removeprefix(prefix): value for name, value in settings.items() if name.startswith(prefix)}
    if not given:
        yield "no app setting AzureWebJobsStorage says where the host's storage is: it does not start"
        return
    accounts: list[tuple[str, Resource]] = []
    for kind, needed in (("blob", True), ("queue", True), ("table", False)):
        uri = given.get(f"{kind}ServiceUri", "")
        if "accountName" in given:
            uri = uri or f"https://{given['accountName']}.{kind}.core.windows.net"
        if not uri:
            if needed:
                yield f"the app setting {prefix}{kind}ServiceUri is missing: the host does not find its {kind}s"
            continue
        host = uri.removeprefix("https://").strip("/").lower()
        if not uri.startswith("https://") or f".{kind}." not in host:
            yield f"the app setting {prefix}{kind}ServiceUri is {uri!r}, and must be the address of {kind}s"
        account = next(
            (
                one
                for one in stack.all("storage:StorageAccount")
                if f"{one.get('name')}".lower() == host.partition(".")[0]
            ),
            None,
        )
        if account is not None:
            accounts.append((kind, account))
        elif (declared := stack.all("storage:StorageAccount")) and all(stack.inside(one.id) for one in declared):
            yield f"the app setting {prefix}{kind}ServiceUri is {uri}, which is of no account that the stack declares"
    if given.get("credential") != "managedidentity":
        yield f"the app setting {prefix}credential is {given.get('credential', 'missing')!r}, and must be 'managedidentity'"
    client = given.get("clientId", "").lower()
    who = stack.identities.get(client)
    if client and who is None and stack.identities:
        yield f"the app setting {prefix}clientId is {client}, which is no identity that the stack declares"
    if who is not None and who.id.lower() not in stack.attached(site):
        yield f"the app setting {prefix}clientId is that of {who.name}, which {site.name} does not have"
    if not client and "SystemAssigned" not in str(at(site.inputs, "identity.type") or ""):
        yield f"the app setting {prefix}clientId is missing: the host does not know as whom to sign in"
    needed_roles = {
        "blob": ({BLOB_OWNER}, "Storage Blob Data Owner"),
        "queue": ({QUEUE_CONTRIBUTOR}, "Storage Queue Data Contributor"),
    }
    for kind, account in accounts:
        if (
            kind in needed_roles
            and who is not None
            and not stack.roles(who.get("principalId"), account.id) & needed_roles[kind][0]
        ):
            yield f"{who.name} has no role for the {kind}s of {account.name}: the host needs {needed_roles[kind][1]}"
        if kind == "queue" and at(account.inputs, "kind") not in {"StorageV2", "Storage"}:
            yield f"{account.name} is of kind {at(account.inputs, 'kind')!r}, which has no queues"


def _telemetry(site: Resource, stack: Stack) -> Iterator[str]:
    components = stack.all("applicationinsights:Component")
    settings = _settings(site)
    connection, way = (
        settings.get("APPLICATIONINSIGHTS_CONNECTION_STRING"),
        settings.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING"),
    )
    if not components or "functionapp" not in text(site, "kind"):
        return
    if not connection:
        yield "no app setting APPLICATIONINSIGHTS_CONNECTION_STRING: nothing of what the host does is recorded"
        return
    component = next((one for one in components if str(one.get("instrumentationKey")) in connection), None)
    if component is None:
        yield "the app setting APPLICATIONINSIGHTS_CONNECTION_STRING is of no component that the stack declares"
        return
    if component.inputs.get("disableLocalAuth") is not True:
        return
    if not way or "Authorization=AAD" not in way:
        yield f"the app setting APPLICATIONINSIGHTS_AUTHENTICATION_STRING is {way or 'missing'!r}, and {component.name} takes only tokens"
        return
    client = next((part[9:].lower() for part in way.split(";") if part.startswith("ClientId=")), "")
    who = stack.identities.get(client)
    if client and (who is None or who.id.lower() not in stack.attached(site)):
        yield f"the app setting APPLICATIONINSIGHTS_AUTHENTICATION_STRING names {client}, which is no identity of {site.name}"
    elif who is not None and METRICS_PUBLISHER not in stack.roles(who.get("principalId"), component.id):
        yield f"{who.name} has no role on {component.name}: it needs Monitoring Metrics Publisher"


_CONTAINER = re.compile(r"(?:^|_)container(?:_?name)?$", re.IGNORECASE)


def _containers(site: Resource, stack: Stack) -> Iterator[str]:
    """The containers that the code is told of, where the stack declares containers."""
    declared = {one.id.rpartition("/")[2] for one in stack.all("storage:BlobContainer")}
    for name, value in _settings(site).items():
        if declared and _CONTAINER.search(name) and value and value not in declared:
            yield f"the app setting {name} is {value!r}, and the stack declares {', '.join(sorted(declared))}"


_IDENTITY_ID = re.compile(
    r"/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.managedidentity/userassignedidentities/[^/]+/?",
    re.IGNORECASE,
)


def _identity(resource: Resource, stack: Stack) -> Iterator[str]:
    identity = mapping(resource.inputs, "identity")
    type, attached = str(identity.get("type") or ""), stack.attached(resource)
    if attached and "UserAssigned" not in type:
        yield f"identity.type is {type!r}, and userAssignedIdentities is given"
    if "UserAssigned" in type and not attached:
        yield f"identity.type is {type!r}, and userAssignedIdentities is not given"
    for id in attached:
        if not _IDENTITY_ID.fullmatch(id):
            yield f"identity.userAssignedIdentities has {id!r}, which is no id of an identity: /subscriptions/…/Microsoft.ManagedIdentity/userAssignedIdentities/NAME"


def _unneeded(resource: Resource, stack: Stack) -> Iterator[str]:
    """An identity that a resource has and never uses: whoever takes the resource over has it too."""
    used = str({key: value for key, value in resource.inputs.items() if key != "identity"}).lower()
    if resource.type.endswith("ApiManagementService"):
        used = " ".join(
            str(one.inputs) for one in stack if one.id.lower().startswith(f"{resource.id.lower()}/")
        ).lower()
    for id in stack.attached(resource):
        who = stack.identities.get(id)
        if who is not None and not any(
            str(needle).lower() in used for needle in (who.id, who.get("clientId"), who.get("principalId"))
        ):
            yield f"it has the identity {who.id.rpartition('/')[2]}, and nothing of it uses that"


_SITE = frozenset({"web:WebApp"})

RULES = (
    Rule(
        "plan-kind",
        "error",
        "Azure refuses a plan whose tier, system and kind do not go together, and a second app in a Flex Consumption plan.",
        "Make them agree; give each app a plan.",
        _FLEX,
        frozenset({"web:AppServicePlan"}),
        _plan,
    ),
    Rule(
        "function-runtime",
        "error",
        "Azure refuses the app, or its code is not found: a Flex Consumption app says its runtime, its size and where its code lies.",
        "Correct functionAppConfig; give the identity that fetches the code its role on the container.",
        f"{_FLEX} https://learn.microsoft.com/azure/azure-functions/functions-infrastructure-as-code",
        _SITE,
        _runtime,
    ),
    Rule(
        "host-storage",
        "error",
        "The Functions host does not start, or stops, without its storage: where it is, as whom it is reached, and the roles for that.",
        "Give the app settings and roles that are named.",
        _IDENTITY,
        _SITE,
        _storage,
    ),
    Rule(
        "host-telemetry",
        "error",
        "What the host does is lost: Application Insights does not take it.",
        "Give the app settings and the role that are named.",
        "https://learn.microsoft.com/azure/azure-functions/functions-app-settings#applicationinsights_authentication_string",
        _SITE,
        _telemetry,
    ),
    Rule(
        "host-container",
        "error",
        "The code writes to a container that is not there: 404 ContainerNotFound.",
        "Declare the BlobContainer, or name one that is.",
        "https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes",
        _SITE,
        _containers,
    ),
    Rule(
        "identity-type",
        "error",
        "Azure refuses an identity whose type does not go with what is assigned, or that is named by anything but its id.",
        "Make type and userAssignedIdentities agree, and give the ids of identities.",
        "https://learn.microsoft.com/azure/app-service/overview-managed-identity",
        frozenset({"web:WebApp", "apimanagement:ApiManagementService", "app:ContainerApp"}),
        _identity,
        ON_SAVE,
    ),
    Rule(
        "unneeded-identity",
        "warning",
        "Whoever takes a service over can act as every identity that it has.",
        "Take the identity away, or use it.",
        "https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identity-best-practice-recommendations",
        frozenset({"web:WebApp", "apimanagement:ApiManagementService"}),
        _unneeded,
    ),
)
