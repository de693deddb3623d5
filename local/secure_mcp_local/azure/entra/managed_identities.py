"""Tokens for managed identities, as the identity endpoint of an Azure service hands them out.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from apim_policies.clock import Clock
from apim_policies.network import Faults
from apim_policies.pipeline.identities import IdentityUnavailable
from apim_policies.pipeline.refusals import Explain, Refusal, unexplained
from secure_mcp_local.azure.entra.directory import USER_ASSIGNED_IDENTITY, Directory
from secure_mcp_local.azure.entra.issuer import TokenIssuer
from secure_mcp_local.errors import NotModelled
from secure_mcp_local.recording import Recording, Resource

TOKEN_EXCHANGE = "api://AzureADTokenExchange"  # noqa: S105 - a resource name
_LIFETIME = 24 * 3600
"""Seconds; tokens of managed identities are valid for up to 24 hours."""
_REGISTERED = re.compile(r"api://.+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""Resources that are app registrations of the tenant, unlike `https://cosmos.azure.com`."""


# What the identity endpoint answers: https://learn.microsoft.com/azure/app-service/overview-managed-identity
_NOT_FOUND = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId"
_NO_SYSTEM_ASSIGNED = "No Managed Identity found for specified ClientId/ResourceId/PrincipalId"


@dataclass(frozen=True)
class _Identity:
    principal_id: str
    client_id: str


class ManagedIdentities:
    """The identity endpoints of all declared services."""

    def __init__(
        self,
        recording: Recording,
        issuer: TokenIssuer,
        clock: Clock,
        faults: Faults | None = None,
        explain: Explain = unexplained,
    ) -> None:
        self._explain = explain
        self._recording = recording
        self._services = {resource.urn: resource for resource in recording}
        self._directory = Directory.from_recording(recording)
        self._issuer = issuer
        self._clock = clock
        self._faults = faults
        # As in Azure, the same token is handed out again while it is good for long enough.
        self._given: dict[tuple[str, str, str | None], tuple[str, int]] = {}

    def of(self, service_urn: str) -> "ServiceIdentities":
        """Those of one service."""
        return ServiceIdentities(self, service_urn)

    def token(self, service_urn: str, audience: str, client_id: str | None) -> str:
        """A token for the service's system-assigned identity, or for the user-assigned one with a client id.

        Raises:
            IdentityUnavailable: the service does not have that identity, the resource does not exist in the
                tenant, or the identity may not use it.
        """
        try:
            return self._token(service_urn, audience, client_id)
        except IdentityUnavailable as error:
            service = self._services.get(service_urn)
            self._explain(
                Refusal(
                    service=f"The managed identity endpoint of {service.name if service else service_urn}",
                    code=error.code,
                    message=str(error),
                    expected=error.expected,
                    declared=error.declared,
                    remedy=error.remedy,
                )
            )
            raise

    def _token(self, service_urn: str, audience: str, client_id: str | None) -> str:
        service = self._services.get(service_urn)
        if service is None:
            raise IdentityUnavailable(f"the stack {self._recording.stack!r} does not declare {service_urn}")
        if self._faults is not None and self._faults.of("identity"):
            raise IdentityUnavailable(f"the managed identity endpoint of {service.name} does not answer (fault)")
        if not audience:
            raise IdentityUnavailable(f"{service.name} asked for a token without naming a resource")
        now = int(self._clock.now())
        token, until = self._given.get((service_urn, audience, client_id), ("", 0))
        if now < until:
            return token
        token = self._new(service, audience, client_id, now)
        self._given[service_urn, audience, client_id] = token, now + _LIFETIME // 2
        return token

    def _new(self, service: Resource, audience: str, client_id: str | None, now: int) -> str:
        identity = _system_assigned(service) if client_id is None else self._user_assigned(service, client_id)
        audience, roles = self._resource(audience, identity)
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": self._issuer.issuer,
            "iat": now,
            "nbf": now,
            "exp": now + _LIFETIME,
            "appid": identity.client_id,
            "azp": identity.client_id,
            "azpacr": "2",
            "idtyp": "app",
            "oid": identity.principal_id,
            "sub": identity.principal_id,
            "tid": self._issuer.tenant,
            "ver": "2.0",
        }
        return self._issuer.sign({**claims, "roles": roles} if roles else claims)

    def _user_assigned(self, service: Resource, client_id: str) -> _Identity:
        attached = _attached(service)
        for id in attached:
            identity = self._recording.by_id(id)
            if identity is None or identity.type != USER_ASSIGNED_IDENTITY:
                continue
            if str(identity.get("clientId")).lower() == client_id.lower():
                return _Identity(str(identity.get("principalId")), str(identity.get("clientId")))
        raise IdentityUnavailable(
            f"{service.name} has no user-assigned identity with the client id {client_id!r} "
            f"({len(attached)} declared); add it to the service's identity.userAssignedIdentities",
            code=_NOT_FOUND,
            expected=f"{service.name} to have a user-assigned identity with the client id {client_id}",
            declared=", ".join(id.rpartition("/")[2] for id in attached) or "no user-assigned identity",
            remedy="add it to identity.userAssignedIdentities",
        )

    def _resource(self, resource: str, identity: _Identity) -> tuple[str, list[str]]:
        """The token's audience and roles for a resource."""
        if resource == TOKEN_EXCHANGE or not _REGISTERED.fullmatch(resource):
            return resource, []
        application = self._directory.resource(resource)
        if application is None or application.service_principal is None:
            raise IdentityUnavailable(
                f"AADSTS500011: The resource principal named {resource} was not found in the tenant; "
                "declare its Application and ServicePrincipal",
                code="AADSTS500011",
                expected=f"an application with the identifier {resource} and a service principal",
                declared="an application without a service principal" if application else "none",
            )
        if not application.admits([identity.principal_id.lower()]):
            raise IdentityUnavailable(
                f"AADSTS501051: Application {identity.client_id} is not assigned to a role for the "
                f"application {application.name}; declare an AppRoleAssignment, or do not require assignment",
                code="AADSTS501051",
                expected=f"the identity {identity.principal_id} to be assigned to a role of {application.name}",
                declared=", ".join(a.principal for a in application.assignments) or "no assignment",
                remedy="declare an AppRoleAssignment, or do not require assignment",
            )
        if application.token_version != 2:
            raise NotModelled(
                f"{application.name}: only version 2 access tokens are modelled; "
                "set api.requestedAccessTokenVersion to 2"
            )
        # Version 2 tokens name the client id, whatever name the resource was asked for by.
        return application.client_id, application.roles([identity.principal_id.lower()])


@dataclass(frozen=True)
class ServiceIdentities:
    """The identity endpoint of one service."""

    endpoints: ManagedIdentities
    service_urn: str

    def token(self, resource: str, client_id: str | None) -> str:
        """As `ManagedIdentities.token`."""
        return self.endpoints.token(self.service_urn, resource, client_id)


def _identity(service: Resource) -> Mapping[str, Any]:
    declared = service.get("identity")
    return cast("Mapping[str, Any]", declared) if isinstance(declared, Mapping) else {}


def _attached(service: Resource) -> list[str]:
    """ARM ids of the user-assigned identities: a list when declared, an object when Azure answers."""
    declared: object = _identity(service).get("userAssignedIdentities")
    if "userassigned" not in str(_identity(service).get("type", "")).replace(" ", "").lower():
        return []
    return [str(id) for id in cast("list[object]", declared)] if isinstance(declared, list | Mapping) else []


def _system_assigned(service: Resource) -> _Identity:
    identity = _identity(service)
    principal_id = identity.get("principalId")
    if "systemassigned" not in str(identity.get("type", "")).replace(" ", "").lower() or not principal_id:
        raise IdentityUnavailable(
            f"{service.name} has no system-assigned identity; set identity.type to SystemAssigned",
            code=_NO_SYSTEM_ASSIGNED,
            expected=f"{service.name} to have a system-assigned identity",
            declared=f"identity.type {_identity(service).get('type', 'None')}",
            remedy="set identity.type to SystemAssigned",
        )
    # ARM does not tell the client id of a system-assigned identity.
    return _Identity(str(principal_id), str(uuid.uuid5(uuid.UUID(str(principal_id)), "client id")))
