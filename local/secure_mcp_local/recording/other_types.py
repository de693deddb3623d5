"""The types of other providers that are modelled: Entra ID's, random values, and the engine's own."""

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from secure_mcp_local.recording import microsoft_graph
from secure_mcp_local.recording.registration import Created, Registration

APPLICATION = "azuread:index/application:Application"


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


TYPES: dict[str, Callable[[Registration], Created]] = {
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
