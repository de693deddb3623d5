"""Cosmos DB and Storage: what goes together, who may do what, and what comes back after a mistake."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import ON_SAVE, Rule, Stack, at, lists, mapping, text

_COSMOS = "https://learn.microsoft.com/azure/cosmos-db/"


def _account(account: Resource, stack: Stack) -> Iterator[str]:
    capabilities = {str(one.get("name")) for one in lists(account, "capabilities")}
    if any(not one.get("name") for one in lists(account, "capabilities")):
        yield "capabilities has one without a name"
    if account.inputs.get("kind") not in {None, "GlobalDocumentDB"} and stack.all("cosmosdb:SqlResourceSqlDatabase"):
        yield f"kind is {account.inputs.get('kind')!r}, and its databases are of SQL: it must be 'GlobalDocumentDB'"
    places = lists(account, "locations")
    if not places:
        yield "locations is empty: an account is somewhere"
    if "EnableServerless" in capabilities and len(places) > 1:
        yield f"locations has {len(places)} places, and a serverless account has one"
    priorities = [one.get("failoverPriority") for one in places]
    if sorted(priorities, key=str) != sorted(range(len(places)), key=str):
        yield f"locations has the failoverPriority {', '.join(map(str, priorities))}, and they are 0, 1, 2 ... each once"
    names = [str(one.get("locationName") or "").replace(" ", "").lower() for one in places]
    own = text(account, "location").replace(" ", "").lower()
    for name in names:
        if not name:
            yield "locations has one without locationName"
    if own and names and names[0] and own not in names:
        yield f"locations has {', '.join(names)}, and location is {own!r}"
    if account.inputs.get("databaseAccountOfferType") != "Standard":
        yield f"databaseAccountOfferType is {account.inputs.get('databaseAccountOfferType')!r}, and must be 'Standard'"
    if account.inputs.get("enableFreeTier") is True and "EnableServerless" in capabilities:
        yield "enableFreeTier is True, which a serverless account cannot have"
    if account.inputs.get("createMode") == "Restore" and not account.inputs.get("restoreParameters"):
        yield "createMode is 'Restore' without restoreParameters: nothing says what is restored"
    level = at(account.inputs, "consistencyPolicy.defaultConsistencyLevel")
    if level == "BoundedStaleness" and not at(account.inputs, "consistencyPolicy.maxIntervalInSeconds"):
        yield "consistencyPolicy is BoundedStaleness without maxIntervalInSeconds"


def _consistency(account: Resource, stack: Stack) -> Iterator[str]:
    del stack
    level = at(account.inputs, "consistencyPolicy.defaultConsistencyLevel")
    if level not in {"Strong", "BoundedStaleness"}:
        yield f"consistencyPolicy.defaultConsistencyLevel is {level or 'not given'!r}: what was just written may be read as it was before"


def _recovery(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.type.endswith("DatabaseAccount"):
        if at(resource.inputs, "backupPolicy.type") != "Continuous":
            yield f"backupPolicy.type is {at(resource.inputs, 'backupPolicy.type') or 'not given'!r}: only support can bring data back"
        return
    if resource.type.endswith("StorageAccount"):
        if not any(
            one.id.lower().startswith(f"{resource.id.lower()}/") for one in stack.all("storage:BlobServiceProperties")
        ):
            yield f"{resource.name} has no BlobServiceProperties: what is deleted or overwritten is gone"
        return
    if resource.inputs.get("isVersioningEnabled") is not True:
        yield f"isVersioningEnabled is {resource.inputs.get('isVersioningEnabled')!r}: what is overwritten is gone"
    for key in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
        policy = mapping(resource.inputs, key)
        days = policy.get("days")
        if policy.get("enabled") is not True:
            yield f"{key}.enabled is {policy.get('enabled')!r}: what is deleted is gone"
        elif not isinstance(days, int) or not 7 <= days <= 365:
            yield f"{key}.days is {days!r}, and must be 7 to 365"


def _container(container: Resource, stack: Stack) -> Iterator[str]:
    resource = mapping(container.inputs, "resource")
    if resource.get("id") != container.inputs.get("containerName", container.id.rpartition("/")[2]):
        yield f"resource.id is {resource.get('id')!r}, and must be the container's name {container.id.rpartition('/')[2]!r}"
    paths = at(resource, "partitionKey.paths") or []
    if not paths or not all(str(one).startswith("/") and len(str(one)) > 1 for one in paths):
        yield f"resource.partitionKey.paths is {paths}, and must have a path such as '/id'"
    if at(resource, "partitionKey.version") not in {None, 1, 2}:
        yield f"resource.partitionKey.version is {at(resource, 'partitionKey.version')!r}, and must be 1 or 2"
    kind = at(resource, "partitionKey.kind")
    if kind not in {None, "Hash", "MultiHash"}:
        yield f"resource.partitionKey.kind is {kind!r}, and must be Hash"
    if kind == "MultiHash" and len(paths) < 2:
        yield "resource.partitionKey.kind is 'MultiHash', which is for several paths"
    mode = at(resource, "indexingPolicy.indexingMode")
    if str(mode).lower() == "lazy":
        yield "resource.indexingPolicy.indexingMode is 'lazy', which is taken no longer"
    if str(mode).lower() == "none" and at(resource, "indexingPolicy.automatic") is True:
        yield "resource.indexingPolicy.indexingMode is 'none' while automatic is True, which Azure refuses"
    indexing = mapping(resource, "indexingPolicy")
    paths_of_index = [*lists(indexing, "includedPaths"), *lists(indexing, "excludedPaths")]
    if indexing and not any(one.get("path") for one in paths_of_index):
        yield "resource.indexingPolicy names no path: everything is indexed, and every write paid for it"
    account = stack.at(container.id.rpartition("/sqlDatabases/")[0])
    serverless = account is not None and any(
        one.get("name") == "EnableServerless" for one in lists(account, "capabilities")
    )
    if serverless and container.inputs.get("options"):
        yield "options gives a throughput, which a serverless account does not have"


def _forever(container: Resource, stack: Stack) -> Iterator[str]:
    """What the session store keeps names its own life in each document, which needs a default to be looked at."""
    del stack
    life = at(container.inputs, "resource.defaultTtl")
    if life is None or life == 0:
        yield f"resource.defaultTtl is {life!r}: documents stay for ever, whatever their ttl says"


def _database(database: Resource, stack: Stack) -> Iterator[str]:
    if at(database.inputs, "resource.id") != database.id.rpartition("/")[2]:
        yield f"resource.id is {at(database.inputs, 'resource.id')!r}, and must be the database's name {database.id.rpartition('/')[2]!r}"
    account = stack.at(database.id.rpartition("/sqlDatabases/")[0])
    serverless = account is not None and any(
        one.get("name") == "EnableServerless" for one in lists(account, "capabilities")
    )
    if serverless and database.inputs.get("options"):
        yield "options gives a throughput, which a serverless account does not have"


def _throughput(account: Resource, stack: Stack) -> Iterator[str]:
    """Without a word about it, each container is given 400 request units a second, and they are paid for day and night."""
    if any(one.get("name") == "EnableServerless" for one in lists(account, "capabilities")):
        return
    own = f"{account.id.lower()}/"
    databases = [one for one in stack.all("cosmosdb:SqlResourceSqlDatabase") if one.id.lower().startswith(own)]
    shared = {one.id.lower() for one in databases if one.inputs.get("options")}
    for one in stack.all("cosmosdb:SqlResourceSqlContainer"):
        database = one.id.lower().rpartition("/containers/")[0]
        if database.startswith(own) and database not in shared and not one.inputs.get("options"):
            yield f"capabilities has no EnableServerless, and {one.name} gives no throughput"


_BUILT_IN = ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002")


def _role(role: Resource, stack: Stack) -> Iterator[str]:
    account = role.id.rpartition("/sqlRoleDefinitions/")[0].lower()
    scopes = [str(one) for one in role.inputs.get("assignableScopes") or ()]
    if not scopes:
        yield "assignableScopes is empty: it can be assigned nowhere"
    for scope in scopes:
        if not f"{scope.lower()}/".startswith(f"{account}/"):
            yield f"assignableScopes has {scope}, which is not in the account"
    actions = [str(action) for one in lists(role, "permissions") for action in one.get("dataActions") or ()]
    if not actions:
        yield "permissions has no dataActions: it allows nothing"
    if "Microsoft.DocumentDB/databaseAccounts/readMetadata" not in actions and not any(
        one.endswith("databaseAccounts/*") for one in actions
    ):
        yield "permissions lacks Microsoft.DocumentDB/databaseAccounts/readMetadata, without which no client starts"
    for action in actions:
        if action.endswith("/*") and "/items/" not in action:
            yield f"permissions has {action}, which is more than documents"
        if not action.startswith("Microsoft.DocumentDB/databaseAccounts/"):
            yield f"permissions has {action!r}, which is no action on data"
    if role.inputs.get("type") != "CustomRole":
        yield f"type is {role.inputs.get('type')!r}, and must be 'CustomRole'"
    if not role.inputs.get("roleName"):
        yield "roleName is not given"


def _assignment(assignment: Resource, stack: Stack) -> Iterator[str]:
    account = assignment.id.rpartition("/sqlRoleAssignments/")[0]
    role, scope = text(assignment, "roleDefinitionId"), text(assignment, "scope")
    if not role.lower().startswith(f"{account.lower()}/sqlroledefinitions/"):
        yield f"roleDefinitionId is {role!r}, and must be a role of the account"
    elif stack.at(role) is None and not role.endswith(_BUILT_IN) and stack.inside(role):
        yield f"roleDefinitionId is {role}, which the stack does not declare"
    if not f"{scope.lower()}/".startswith(f"{account.lower()}/"):
        yield f"scope is {scope!r}, and must be the account or something in it"
    elif scope.rstrip("/").lower() == account.lower():
        yield "scope is the whole account: the role holds for every database in it"
    elif "/colls/" not in scope.lower() and len(stack.all("cosmosdb:SqlResourceSqlContainer")) == 1:
        yield f"scope is {scope}, a whole database, where there is one container to be used"
    principal = text(assignment, "principalId")
    if not principal:
        yield "principalId is empty: the role is nobody's"
    who = stack.identities.get(principal.lower())
    attached = [one for one in stack if who is not None and who.id.lower() in stack.attached(one)]
    if principal and stack.identities and who is None and principal.lower() not in stack.every_principal:
        yield f"principalId is {principal}, which is no identity that the stack declares"
    elif who is not None and not any(
        account.rpartition("/")[2] in used for one in attached for used in _uses(one, stack)
    ):
        yield f"principalId is that of {who.name}, and nothing that has it calls {account.rpartition('/')[2]}"


def _uses(resource: Resource, stack: Stack) -> Iterator[str]:
    """The inputs of a resource and of everything in it, as text."""
    return (str(one.inputs) for one in stack if f"{one.id.lower()}/".startswith(f"{resource.id.lower()}/"))


def _users(account: Resource, stack: Stack) -> Iterator[str]:
    """Whether whoever calls the account may."""
    host = f"{account.get('name')}.documents.azure.com"
    services = {
        "/".join(one.id.split("/")[:9])
        for one in stack.all("apimanagement:NamedValue")
        if host in str(one.inputs.get("value"))
    }
    holders = {
        text(one, "principalId").lower()
        for one in stack.all("cosmosdb:SqlResourceSqlRoleAssignment")
        if one.id.lower().startswith(f"{account.id.lower()}/")
    }
    for id in services:
        service = stack.at(id)
        if service is None:
            continue
        if not stack.principals(service) & holders:
            whose = ", ".join(
                sorted(stack.identities[id].name for id in stack.attached(service) if id in stack.identities)
            )
            yield f"{service.name} ({whose}) calls {host}, and no identity of it has a role in {account.name}"
        else:
            yield from _allowed(account, service, stack)


_ACTIONS = {"POST": "create", "GET": "read", "PUT": "replace", "DELETE": "delete"}
"""What a method does to a document. https://learn.microsoft.com/rest/api/cosmos-db/documents"""
_ITEMS = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/"
_METHOD = re.compile(r"<set-method>\s*([A-Z]+)\s*</set-method>")


def _allowed(account: Resource, service: Resource, stack: Stack) -> Iterator[str]:
    """Whether the roles of whoever calls the account allow what the policies do there."""
    inside = f"{account.id.lower()}/"
    held = [
        stack.at(text(one, "roleDefinitionId"))
        for one in stack.all("cosmosdb:SqlResourceSqlRoleAssignment")
        if one.id.lower().startswith(inside) and text(one, "principalId").lower() in stack.principals(service)
    ]
    roles = [one for one in held if one is not None]
    if not roles or len(roles) < len(held):
        # A role of Cosmos DB's own, or of somebody else.
        return
    actions = [
        str(action) for role in roles for one in lists(role, "permissions") for action in one.get("dataActions") or ()
    ]
    host, own = f"{account.get('name')}.documents.azure.com", f"{service.id.lower()}/"
    names = [
        f"{{{{{text(one, 'displayName')}}}}}"
        for one in stack.all("apimanagement:NamedValue")
        if one.id.lower().startswith(own) and host in str(one.inputs.get("value"))
    ]
    used = {
        method
        for document in stack
        if document.type.endswith(("Policy", "PolicyFragment")) and document.id.lower().startswith(own)
        for value in (str(document.inputs.get("value")),)
        if any(name in value for name in names)
        for method in _METHOD.findall(value)
        # A query and an upsert are POSTs that ask for other actions, by a header.
        if method != "POST" or "x-ms-documentdb-is" not in value.lower()
    }
    for method in sorted(used & _ACTIONS.keys()):
        action = f"{_ITEMS}{_ACTIONS[method]}"
        if not any(fnmatchcase(action, one) for one in actions):
            yield f"{service.name} sends {method} to {host}, and {', '.join(one.name for one in roles)} lacks {action}"


def _storage(account: Resource, stack: Stack) -> Iterator[str]:
    del stack
    kind, sku = account.inputs.get("kind"), str(at(account.inputs, "sku.name") or "")
    if kind in {"BlockBlobStorage", "FileStorage"} and not sku.startswith(("Premium", "PremiumV2", "StandardV2")):
        yield f"kind is {kind!r}, which does not go with sku.name {sku!r}"
    if kind == "BlobStorage" and not account.inputs.get("accessTier"):
        yield "kind is 'BlobStorage' without accessTier"
    if kind in {"Storage", "StorageV2"} and sku.startswith("Premium") and sku != "Premium_LRS":
        yield f"kind is {kind!r}, which does not go with sku.name {sku!r}"
    if kind in {"BlobStorage", "Storage"} and ("ZRS" in sku or kind == "Storage"):
        yield f"kind is {kind!r}, an old kind: make it 'StorageV2'"
    if sku.startswith("Premium") and kind == "StorageV2":
        yield f"sku.name is {sku!r}, in which StorageV2 has only page blobs"


RULES = (
    Rule(
        "cosmos-account",
        "error",
        "Azure refuses an account whose settings do not go together.",
        "Correct what is named.",
        f"{_COSMOS}serverless {_COSMOS}serverless-performance",
        frozenset({"cosmosdb:DatabaseAccount"}),
        _account,
        ON_SAVE,
    ),
    Rule(
        "weak-consistency",
        "error",
        "Codes and tokens are used once, and a read that is late lets one be used again.",
        "Use Strong (or BoundedStaleness) consistency.",
        f"{_COSMOS}consistency-levels",
        frozenset({"cosmosdb:DatabaseAccount"}),
        _consistency,
    ),
    Rule(
        "no-recovery",
        "error",
        "What is deleted or overwritten by mistake does not come back.",
        "Turn on continuous backup, versioning and soft delete.",
        f"{_COSMOS}continuous-backup-restore-introduction https://learn.microsoft.com/azure/storage/blobs/data-protection-overview",
        frozenset({"cosmosdb:DatabaseAccount", "storage:StorageAccount", "storage:BlobServiceProperties"}),
        _recovery,
    ),
    Rule(
        "cosmos-container",
        "error",
        "Azure refuses a container whose settings do not go together.",
        "Correct what is named.",
        f"{_COSMOS}partitioning-overview {_COSMOS}index-policy",
        frozenset({"cosmosdb:SqlResourceSqlContainer"}),
        _container,
        ON_SAVE,
    ),
    Rule(
        "cosmos-throughput",
        "warning",
        "An account that is not serverless sells request units by the hour: 400 a second for each container that says nothing.",
        "Give capabilities EnableServerless, or options with a throughput.",
        f"{_COSMOS}set-throughput {_COSMOS}throughput-serverless",
        frozenset({"cosmosdb:DatabaseAccount"}),
        _throughput,
    ),
    Rule(
        "lives-for-ever",
        "error",
        "What should end stays: the times to live of documents count only where the container has a default.",
        "Set default_ttl; -1 keeps what says nothing itself.",
        f"{_COSMOS}nosql/time-to-live",
        frozenset({"cosmosdb:SqlResourceSqlContainer"}),
        _forever,
    ),
    Rule(
        "cosmos-database",
        "error",
        "Azure refuses a database whose settings do not go together.",
        "Correct what is named.",
        f"{_COSMOS}serverless",
        frozenset({"cosmosdb:SqlResourceSqlDatabase"}),
        _database,
        ON_SAVE,
    ),
    Rule(
        "cosmos-role",
        "error",
        "Azure refuses the role, or it allows more than documents.",
        "Name the data actions that are needed, and scopes in the account.",
        f"{_COSMOS}nosql/reference-data-plane-security",
        frozenset({"cosmosdb:SqlResourceSqlRoleDefinition"}),
        _role,
        ON_SAVE,
    ),
    Rule(
        "cosmos-assignment",
        "error",
        "Azure refuses the assignment, or it holds for more than is used.",
        "Name a role of the account, and the container as scope.",
        f"{_COSMOS}nosql/security/how-to-grant-data-plane-role-based-access",
        frozenset({"cosmosdb:SqlResourceSqlRoleAssignment"}),
        _assignment,
    ),
    Rule(
        "cosmos-users",
        "error",
        "Whoever calls the account is refused: it has no role there, or none that allows what it does.",
        "Assign a role to an identity of the caller, with the actions that its policies need.",
        f"{_COSMOS}nosql/security/how-to-grant-data-plane-role-based-access",
        frozenset({"cosmosdb:DatabaseAccount"}),
        _users,
    ),
    Rule(
        "storage-kind",
        "error",
        "Azure refuses a kind that does not go with the redundancy, or it lacks what is needed of it.",
        "Use StorageV2 with a Standard sku.",
        "https://learn.microsoft.com/azure/storage/common/storage-account-overview#types-of-storage-accounts",
        frozenset({"storage:StorageAccount"}),
        _storage,
        ON_SAVE,
    ),
)
