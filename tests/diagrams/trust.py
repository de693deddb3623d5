"""Who may do what, from the resources that say so: nothing here names a resource of ours."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import secure_mcp.azure.roles as built_in
from secure_mcp_local.recording import Recording, Resource

# What else decides who gets in must be drawn too, or be said to be something else.
DECIDES = re.compile(r"RoleAssignment|Federated|PermissionGrant|AuthSettings|AccessPolicy", re.IGNORECASE)


@dataclass(frozen=True)
class Party:
    name: str
    about: str


@dataclass(frozen=True)
class Trust:
    who: Party
    may: str
    at: Party


def trusts(recording: Recording) -> list[Trust]:
    """Every permission that a stack declares.

    Raises:
        ValueError: a resource decides who gets in, and is of a type that is not drawn.
    """
    stack = _Stack(recording)
    found: dict[Trust, None] = {}
    for resource in recording:
        draw = _DRAWN.get(resource.type)
        if draw is not None:
            found |= dict.fromkeys(draw(stack, resource))
        elif resource.custom and DECIDES.search(resource.type):
            raise ValueError(f"{resource.type} {resource.name} decides who gets in, and is not in the diagram of trust")
    return sorted(found, key=lambda one: (one.who.name, one.at.name, one.may))


class _Stack:
    """Names of parties, by the ids that resources use for them."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        # What Pulumi makes names unique by: other letters in each deployment.
        self._random = [
            str(one.get("result")) for one in recording if one.type.startswith("random:") and one.get("result")
        ]
        self.applications: dict[str, Party] = {}
        self.principals: dict[str, Party] = {}
        holders = {key.lower(): one for one in recording for key in _identities(one)}
        for one in recording:
            if one.type.endswith(":Application"):
                party = Party(str(one.get("displayName")), "application in Entra ID")
                self.applications |= {str(one.get("clientId")): party, one.id: party}
            elif one.type.endswith(":UserAssignedIdentity"):
                holder = holders.get(one.id.lower())
                name = self.shown(str(one.get("resourceName")))
                of = KINDS.get(holder.type, holder.type.rpartition(":")[2]) if holder else ""
                self.principals[str(one.get("principalId"))] = Party(f"{of}'s identity" if of else name, name)
        for one in recording:
            if one.type.endswith(":ServicePrincipal"):
                client = str(one.get("clientId"))
                party = self.applications.get(client) or Party(
                    MICROSOFTS.get(client, client), "application of Microsoft's"
                )
                self.principals[str(one.get("objectId"))] = party
                self.applications[client] = party

    def shown(self, name: str) -> str:
        for letters in self._random:
            name = name.replace(letters, "…")
        return name

    def who(self, principal: object) -> Party:
        return self.principals.get(str(principal)) or Party("Assigned users or groups", f"…{str(principal)[-12:]}")

    def at(self, scope: str) -> Party:
        """What an ARM id names; of a part, the part of what."""
        resource = self.recording.by_id(scope)
        if resource is None:
            account = self.recording.by_id(re.sub(r"/(dbs|colls)/.*", "", scope))
            return Party(f"{_kind(account)}, a database" if account else scope, self.shown(scope.rpartition("/")[2]))
        keys = (
            ""
            if resource.get("disableLocalAuth") is not True and resource.get("allowSharedKeyAccess") is not False
            else ", keys are off"
        )
        return Party(_kind(resource), f"{self.shown(scope.rpartition('/')[2])}{keys}")


KINDS = {
    "azure-native:apimanagement:ApiManagementService": "API Management",
    "azure-native:applicationinsights:Component": "Application Insights",
    "azure-native:cosmosdb:DatabaseAccount": "Cosmos DB",
    "azure-native:storage:StorageAccount": "Storage account",
    "azure-native:storage:BlobContainer": "Blob container",
    "azure-native:web:WebApp": "Function app",
}
MICROSOFTS = {"00000003-0000-0000-c000-000000000000": "Microsoft Graph"}
_ROLES: Mapping[str, str] = {
    value: name.replace("_", " ").title()
    for name, value in vars(built_in).items()
    if name.isupper() and isinstance(value, str)
}


def _kind(resource: Resource) -> str:
    return KINDS.get(resource.type, resource.type.rpartition(":")[2])


def _identities(resource: Resource) -> list[str]:
    identity: Any = resource.get("identity")
    held: Any = identity.get("userAssignedIdentities") if isinstance(identity, Mapping) else None
    return [str(key) for key in held or ()]


def _azure_role(stack: _Stack, role: Resource) -> Iterator[Trust]:
    name = str(role.get("roleDefinitionId")).rpartition("/")[2]
    yield Trust(stack.who(role.get("principalId")), _ROLES.get(name, name), stack.at(str(role.get("scope"))))


def _cosmos_role(stack: _Stack, role: Resource) -> Iterator[Trust]:
    definition = stack.recording.by_id(str(role.get("roleDefinitionId")))
    actions: list[str] = [
        str(action).rpartition("/")[2]
        for permission in (definition.get("permissions") if definition else [])
        for action in permission["dataActions"]
    ]
    of = stack.recording.by_id(re.sub(r"/dbs/.*", "", str(role.get("scope"))))
    keys = ", keys are off" if of is not None and of.get("disableLocalAuth") is True else ""
    at = stack.at(str(role.get("scope")))
    yield Trust(stack.who(role.get("principalId")), ", ".join(actions), Party(at.name, at.about + keys))


def _federated(stack: _Stack, credential: Resource) -> Iterator[Trust]:
    yield Trust(
        stack.who(credential.get("subject")),
        f"signs in as it, with a token for {', '.join(credential.get('audiences'))}",
        stack.applications[str(credential.get("applicationId"))],
    )


def _delegated(stack: _Stack, grant: Resource) -> Iterator[Trust]:
    yield Trust(
        stack.who(grant.get("servicePrincipalObjectId")),
        f"in a user's name: {' '.join(grant.get('claimValues'))}",
        stack.who(grant.get("resourceServicePrincipalObjectId")),
    )


def _assigned(stack: _Stack, assignment: Resource) -> Iterator[Trust]:
    at = assignment.get("resourceObjectId")
    role = assignment.get("appRoleId")
    names = {
        str(one["id"]): f"role {one['value']}"
        for application in stack.recording
        if application.type.endswith(":Application")
        for one in application.get("appRoles") or ()
    }
    yield Trust(stack.who(assignment.get("principalObjectId")), names.get(str(role), "may sign in"), stack.who(at))


def _app_service(stack: _Stack, settings: Resource) -> Iterator[Trust]:
    directory = settings.get("identityProviders")["azureActiveDirectory"]["validation"]
    audiences = " or ".join(
        stack.applications[one].name if one in stack.applications else one for one in directory["allowedAudiences"]
    )
    app = stack.at(settings.id.rpartition("/config/")[0])
    for principal in directory["defaultAuthorizationPolicy"]["allowedPrincipals"]["identities"]:
        yield Trust(stack.who(principal), f"the only caller, with a token for {audiences}", app)


_DRAWN: Mapping[str, Callable[[_Stack, Resource], Iterator[Trust]]] = {
    "azure-native:authorization:RoleAssignment": _azure_role,
    "azure-native:cosmosdb:SqlResourceSqlRoleAssignment": _cosmos_role,
    "azure-native:web:WebAppAuthSettingsV2": _app_service,
    "azuread:index/appRoleAssignment:AppRoleAssignment": _assigned,
    "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential": _federated,
    "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant": _delegated,
}
