"""The key vault that keeps the gateway's secrets, if they are to be kept in one."""

import pulumi
from pulumi_azure_native import keyvault

from ..options import Options, Taken
from .diagnostics import KEY_VAULT, keep_logs
from .locks import lock
from .placement import LoggedOptions, Placement
from .roles import KEY_VAULT_SECRETS_USER, assign_role


class KeyVaultArgs(LoggedOptions, Placement):
    """Where it goes, and who reaches it."""

    tenant_id: pulumi.Input[str]
    """Tenant whose identities read it."""
    private: bool = False
    """Whether it is closed to all but private endpoints and the Azure services that Key Vault trusts."""
    locked: bool = False
    """Whether it is locked against deletion."""


class KeyVaultReader(Options):
    """A vault, and the identity of an API Management instance that reads secrets from it."""

    vault_name: pulumi.Input[str]
    """Name of the vault."""
    resource_group_name: pulumi.Input[str]
    """Resource group of the vault."""
    subscription_id: pulumi.Input[str]
    """Subscription of the vault."""
    principal_id: pulumi.Input[str]
    """Object id of the identity."""
    identity_client_id: pulumi.Input[str] | None = None
    """Client id of a user-assigned identity; none: it is the system-assigned one."""


class KeyVault(pulumi.ComponentResource):
    """Vault with role-based access, soft delete and purge protection."""

    name: pulumi.Output[str]
    """Name of the vault."""
    resource_id: pulumi.Output[str]
    """Resource id of the vault."""

    def __init__(self, name: str, args: KeyVaultArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        args = KeyVaultArgs.of(args)
        super().__init__("secure-mcp:index:KeyVault", name, None, opts)
        vault = keyvault.Vault(
            f"{name}-kv",
            # At most 24 letters, digits and hyphens.
            vault_name=pulumi.Output.concat("kv-", name[:14].rstrip("-"), "-", args.suffix),
            resource_group_name=args.resource_group_name,
            location=args.location,
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=args.tenant_id,
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
                enable_rbac_authorization=True,
                enable_soft_delete=True,
                enable_purge_protection=True,
                soft_delete_retention_in_days=90,
                # Traffic of trusted services is let in even then.
                public_network_access="disabled" if args.private else "enabled",
                network_acls=keyvault.NetworkRuleSetArgs(
                    bypass=keyvault.NetworkRuleBypassOptions.AZURE_SERVICES,
                    default_action=keyvault.NetworkRuleAction.DENY
                    if args.private
                    else keyvault.NetworkRuleAction.ALLOW,
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        here = pulumi.ResourceOptions(parent=self)
        logs = keep_logs(f"{name}-kv-logs", KEY_VAULT, vault.id, args.workspace_id, here)
        if args.locked:
            lock(f"{name}-kv-lock", vault, "Holds the keys of all sessions.", logs, self)
        self.name = vault.name
        self.resource_id = vault.id
        self.register_outputs({"name": self.name, "resourceId": self.resource_id})


def declare_secret(
    prefix: str, reader: KeyVaultReader, name: str, value: pulumi.Input[str], parent: pulumi.Resource
) -> tuple[pulumi.Output[str], pulumi.Resource]:
    """A secret that the reader may read, and nothing else in the vault; its identifier, and the role to wait for.

    The identifier has the secret's version in it: with it, a key and the one before it change when they are told to, one after
    the other. Without it, API Management would fetch each at a time of its own, up to four hours later.
    https://learn.microsoft.com/azure/api-management/api-management-howto-properties
    """
    here = pulumi.ResourceOptions(parent=parent)
    secret = keyvault.Secret(
        f"{prefix}-{name}-secret",
        secret_name=name,
        vault_name=reader.vault_name,
        resource_group_name=reader.resource_group_name,
        properties=keyvault.SecretPropertiesArgs(value=pulumi.Output.secret(value)),
        opts=here,
    )
    role = assign_role(
        f"{prefix}-{name}-secret-role",
        scope=secret.id,
        role=KEY_VAULT_SECRETS_USER,
        principal_id=reader.principal_id,
        subscription_id=reader.subscription_id,
        opts=here,
    )
    # Where it is is no secret, though what is there is.
    return pulumi.Output.unsecret(secret.properties.apply(lambda found: found.secret_uri_with_version)), role
