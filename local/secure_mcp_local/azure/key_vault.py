"""Key Vault, as far as API Management reads secrets from it: who may, and through which network.

https://learn.microsoft.com/azure/api-management/api-management-howto-properties#prerequisites-for-key-vault-integration
"""

from collections.abc import Mapping
from typing import Any

from apim_policies.pipeline.refusals import Refusal
from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import Recording, Resource
from secure_mcp_local.recording.roles import assignments

# Built-in roles that may read the contents of secrets: Secrets User, Secrets Officer, Administrator.
_READERS = {
    "4633458b-17de-408a-b874-0445c86b69e6",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483",
}


class KeyVaults:
    """The vaults of a stack, as its API Management sees them."""

    def __init__(self, recording: Recording, service: Resource) -> None:
        self._recording, self._service = recording, service
        self._roles = [role for role in assignments(recording) if role.role in _READERS]
        self._secrets = {
            identifier.lower(): secret
            for secret in recording.all("azure-native:keyvault:Secret")
            for identifier in secret.get("properties").values()
        }

    def read(self, named_value: str, reference: Mapping[str, Any]) -> str:
        """The secret that a named value refers to.

        Raises:
            LocalCloudError: Azure would refuse to save the named value; which, and why.
            NotModelled: the vault uses access policies.
        """
        identifier = str(reference.get("secretIdentifier"))
        secret = self._secrets.get(identifier.lower())
        if secret is None:
            raise _refused(
                "SecretNotFound",
                f"named value {named_value}: the stack declares no secret {identifier}",
                expected=f"a secret {identifier}",
                declared=", ".join(sorted(self._secrets)) or "no secret",
            )
        client_id = reference.get("identityClientId")
        vault = self._vault(secret)
        # Of a vault that no stack here declares, only its owner knows how it is set.
        properties = {} if vault is None else vault.get("properties")
        if vault is not None and properties.get("enableRbacAuthorization") is not True:
            raise NotModelled(f"key vault {vault.name}: access policies are not modelled; set enableRbacAuthorization")
        if vault is not None and closed(properties):
            if client_id is not None:
                raise _refused(
                    "Forbidden (ForbiddenByFirewall)",
                    f"named value {named_value}: key vault {vault.name} has a firewall, which only the system-assigned identity of "
                    "API Management passes; leave identityClientId out",
                    expected="no identityClientId",
                    declared=f"identityClientId {client_id}",
                )
            if (properties.get("networkAcls") or {}).get("bypass") != "AzureServices":
                raise _refused(
                    "Forbidden (ForbiddenByFirewall)",
                    f"named value {named_value}: the firewall of key vault {vault.name} does not let trusted Azure services in; "
                    "set networkAcls.bypass to AzureServices",
                    expected="networkAcls.bypass AzureServices",
                    declared=str((properties.get("networkAcls") or {}).get("bypass")),
                )
        principal = self._principal(named_value, client_id)
        if not any(role.reaches(principal, secret.id) for role in self._roles):
            declared = [f"{role.principal} on {role.scope}" for role in self._roles]
            raise _refused(
                "Forbidden (ForbiddenByRbac)",
                f"named value {named_value}: the identity that reads it (object id {principal}) has no role on {secret.id}; "
                "assign Key Vault Secrets User",
                expected=f"Key Vault Secrets User for {principal} on {secret.id}",
                declared=", ".join(declared) or "no role on a secret",
            )
        return str(secret.inputs["properties"]["value"])

    def _vault(self, secret: Resource) -> Resource | None:
        for vault in self._recording.all("azure-native:keyvault:Vault"):
            if vault.get("vaultName") == secret.get("vaultName"):
                return vault
        groups = self._recording.all("azure-native:resources:ResourceGroup")
        if any(secret.id.lower().startswith(f"{group.id.lower()}/") for group in groups):
            raise LocalCloudError(f"{secret.name}: the stack declares no key vault {secret.get('vaultName')!r}")
        return None

    def _principal(self, named_value: str, client_id: str | None) -> str:
        identity = self._service.get("identity") or {}
        if client_id is None:
            if "principalId" not in identity:
                raise LocalCloudError(f"named value {named_value}: API Management has no system-assigned identity")
            return str(identity["principalId"])
        assigned = {id.lower() for id in identity.get("userAssignedIdentities") or {}}
        for declared in self._recording.all("azure-native:managedidentity:UserAssignedIdentity"):
            if declared.get("clientId") == client_id and declared.id.lower() in assigned:
                return str(declared.get("principalId"))
        raise LocalCloudError(
            f"named value {named_value}: API Management has no identity with the client id {client_id}"
        )


def _refused(code: str, message: str, *, expected: str, declared: str) -> LocalCloudError:
    """What stops the start: API Management reads its secrets before there is any request.

    Codes as https://learn.microsoft.com/azure/key-vault/general/rest-error-codes has them.
    """
    refusal = Refusal(service="Key Vault", code=code, message=message, expected=expected, declared=declared)
    return LocalCloudError(f"{message}. {refusal}")


def closed(properties: Mapping[str, Any]) -> bool:
    """Whether a vault's firewall is on."""
    return (
        str(properties.get("publicNetworkAccess", "enabled")).lower() == "disabled"
        or (properties.get("networkAcls") or {}).get("defaultAction", "Allow") == "Deny"
    )
