"""The order in which a stack's resources are made, and taken away in reverse."""

from collections.abc import Collection, Iterator, Mapping

from apim_policies.check.finding import Finding, Rule
from secure_mcp_local.recording import Recording, Resource
from secure_mcp_local.rules import concurrency
from secure_mcp_local.rules.host import BLOB_CONTRIBUTOR, BLOB_OWNER, QUEUE_CONTRIBUTOR
from secure_mcp_local.rules.logs import hiding
from secure_mcp_local.rules.rule import Stack, lists, text

LATE_ROLE = Rule(
    "late-role",
    "error",
    "What signs in as an identity before the identity has its role is refused: a named value does not read its secret, a host does not "
    "fetch its code, and Pulumi does not try again.",
    "Let it depend on the role assignment.",
    source="https://learn.microsoft.com/azure/azure-functions/functions-identity-access-azure-sql-with-managed-identity "
    "https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#role-assignment-changes-are-not-being-detected",
)
PARALLEL = Rule(
    "parallel-cosmos",
    "error",
    "Cosmos DB refuses to change an account while something else changes it (412), and Pulumi does not try again.",
    "Let one depend on the other.",
    source="https://github.com/hashicorp/terraform-provider-azurerm/issues/15842",
)
PARALLEL_ENDPOINTS = Rule(
    "parallel-endpoints",
    "warning",
    "What Azure does to a subnet or a service at the same time it may refuse in the middle of it (429, 500), and Pulumi does not try again.",
    "Let one private endpoint depend on the other.",
    source="https://github.com/hashicorp/terraform-provider-azurerm/issues/21293 "
    "https://github.com/hashicorp/terraform-provider-azurerm/issues/14364",
)
EARLY_LOCK = Rule(
    "early-lock",
    "error",
    "A lock keeps what is inside, too: pulumi destroy is refused (ScopeLocked) unless it takes the lock away first.",
    "Let the lock depend on everything that is declared inside, so that it goes before them.",
    source="https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources#considerations-before-applying-your-locks",
)
EARLY_LOG = Rule(
    "early-log",
    "error",
    "Until the diagnostic azuremonitor is there, codes and states of sign-ins stand in the gateway's log.",
    "Let the diagnostic setting depend on what hides them.",
    source="https://learn.microsoft.com/azure/api-management/monitor-api-management#modify-api-logging-settings",
)
RULES = (PARALLEL, PARALLEL_ENDPOINTS, LATE_ROLE, EARLY_LOCK, EARLY_LOG)


def findings(recording: Recording, file: str) -> Iterator[Finding]:
    """What comes too early, or at the same time as something else.

    Args:
        recording: What the stack declares.
        file: Path of the stack's file.
    """
    by_urn = {resource.urn: resource for resource in recording}
    stack = Stack(recording, recording.outputs)
    made = [(resource.urn, resource.type, resource.id, resource.inputs) for resource in stack if not resource.read]
    for one, other, said in concurrency.parallel(made, lambda urn: before(by_urn, urn)):
        names = " and ".join(by_urn[urn].name for urn in (one, other))
        cosmos = said == concurrency.COSMOS
        what = "change one account" if cosmos else "change one subnet or service"
        yield Finding(PARALLEL if cosmos else PARALLEL_ENDPOINTS, f"{names} {what} at the same time", file)
    yield from _late(stack, by_urn, file)
    for lock in stack.all("authorization:ManagementLockByScope"):
        earlier, scope = before(by_urn, lock.urn), f"{text(lock, 'scope').rstrip('/').lower()}/"
        missing = [one.name for one in stack if one is not lock and _inside(one, scope) and one.urn not in earlier]
        if missing and not lock.read:
            yield Finding(EARLY_LOCK, f"{lock.name} does not depend on {', '.join(missing)}, which it keeps", file)
    yield from _early_logs(stack, by_urn, file)


def _inside(resource: Resource, scope: str) -> bool:
    """Whether a lock on a scope keeps a resource from being deleted: what is in it or about it, and what is connected to it."""
    if resource.read:
        return False
    about = (text(resource, "resourceUri"), *(_targets(resource)))
    return resource.id.lower().startswith(scope) or any(f"{one.lower()}/".startswith(scope) for one in about if one)


def _targets(resource: Resource) -> Iterator[str]:
    if resource.type == "azure-native:authorization:RoleAssignment":
        yield text(resource, "scope")
    for one in lists(resource, "privateLinkServiceConnections"):
        yield str(one.get("privateLinkServiceId"))


def _early_logs(stack: Stack, by_urn: Mapping[str, Resource], file: str) -> Iterator[Finding]:
    for setting in stack.all("monitor:DiagnosticSetting"):
        service = stack.at(text(setting, "resourceUri"))
        if service is None or not service.type.endswith(":ApiManagementService") or setting.read:
            continue
        earlier = before(by_urn, setting.urn)
        for one in hiding(service, stack):
            if one.urn not in earlier:
                yield Finding(EARLY_LOG, f"{setting.name} does not depend on {one.name}", file)


_SIGNING_IN = tuple(
    f"azure-native:{type}"
    for type in ("web:WebApp", "app:ContainerApp", "apimanagement:NamedValue", "apimanagement:Logger")
)


def _late(stack: Stack, by_urn: Mapping[str, Resource], file: str) -> Iterator[Finding]:
    """What uses an identity and names what the identity has a role on comes after the role."""
    users = [
        (one, str(one.inputs).lower(), _at_start(one), before(by_urn, one.urn))
        for one in stack
        if one.type in _SIGNING_IN and not one.read
    ]
    for role in stack.all("authorization:RoleAssignment"):
        who = stack.identities.get(str(role.inputs.get("principalId")).lower())
        scope = str(role.inputs.get("scope") or "").split("/")
        target = stack.at("/".join(scope[:9]))
        if who is None or target is None:
            continue
        names = [str(target.get(key)).lower() for key in ("instrumentationKey", "name") if target.get(key)]
        names.append(target.id.lower())
        if len(scope) > 10 and scope[9].lower() == "secrets":
            # A role on one secret is for who reads that one.
            names = [f"/secrets/{scope[10].lower()}"]
        for one, inputs, used, earlier in users:
            as_it = any(str(id).lower() in inputs for id in (who.id, who.get("clientId")))
            needed = any(name in used for name in names) and role.urn not in earlier
            if as_it and needed and not _unneeded_at_start(one, who, role, target, earlier, stack):
                yield Finding(LATE_ROLE, f"{one.name} signs in as {who.name}, and does not depend on {role.name}", file)


def _unneeded_at_start(
    user: Resource, who: Resource, role: Resource, target: Resource, earlier: Collection[str], stack: Stack
) -> bool:
    """Whether a function app starts without a role on its storage: the host's blobs and queues and its package need theirs, its own code may wait.

    https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
    https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to#configure-deployment-settings
    """
    if user.type != "azure-native:web:WebApp" or target.type != "azure-native:storage:StorageAccount":
        return False
    of_host = [
        one for one in lists(user, "siteConfig.appSettings") if str(one.get("name")).startswith("AzureWebJobsStorage")
    ]
    enough = {BLOB_OWNER: {BLOB_OWNER, BLOB_CONTRIBUTOR}, BLOB_CONTRIBUTOR: {BLOB_OWNER, BLOB_CONTRIBUTOR}}
    if str(who.get("clientId")).lower() in str(of_host).lower():
        enough |= {BLOB_OWNER: {BLOB_OWNER}, QUEUE_CONTRIBUTOR: {QUEUE_CONTRIBUTOR}}
    definition = text(role, "roleDefinitionId").rpartition("/")[2].lower()
    had = Stack(one for one in stack if one.urn in earlier).roles(who.get("principalId"), text(role, "scope"))
    return definition not in enough or bool(had & enough[definition])


def _at_start(resource: Resource) -> str:
    """What a resource needs before anything calls it, in lower case. A function app fetches its code, keeps its locks and resolves its references to key vaults;
    what its own code opens later may be allowed later, and often cannot be earlier."""
    if resource.type != "azure-native:web:WebApp":
        return str(resource.inputs).lower()
    settings = [
        one
        for one in lists(resource, "siteConfig.appSettings")
        if str(one.get("name")).startswith(("AzureWebJobsStorage", "APPLICATIONINSIGHTS"))
        or str(one.get("value")).startswith("@")
    ]
    return str([settings, resource.inputs.get("functionAppConfig")]).lower()


def before(by_urn: Mapping[str, Resource], urn: str) -> set[str]:
    """Everything that exists before a resource is made."""
    found: set[str] = set()
    waiting = [urn]
    while waiting:
        resource = by_urn.get(waiting.pop())
        new = (resource.dependencies if resource is not None else frozenset()) - found
        found |= new
        waiting += new
    return found
