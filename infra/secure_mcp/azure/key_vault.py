"""The key vault that keeps the gateway's secrets, if they are to be kept in one."""

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import authorization, keyvault

from ..options import Options, Taken
from .component import Component
from .diagnostics import KEY_VAULT, keep_logs
from .locks import lock
from .placement import LoggedOptions, Placement
from .propagation import in_force
from .roles import KEY_VAULT_SECRETS_USER, assign_role


class KeyVaultArgs(LoggedOptions, Placement):
    """Where it goes, and who reaches it."""

    tenant_id: pulumi.Input[str]
    """Tenant whose identities read it."""
    private: bool = False
    """Whether it is closed to all but private endpoints and the Azure services that Key Vault trusts."""
    locked: bool = False
    """Whether it is locked against deletion."""
    reader_principal_id: pulumi.Input[str] | None = None
    """Object id of the identity that reads its secrets, which gets the role for it."""


class KeyVaultReader(Options):
    """A vault, and the identity of an API Management instance that reads secrets from it."""

    vault_name: pulumi.Input[str]
    """Name of the vault."""
    resource_group_name: pulumi.Input[str]
    """Resource group of the vault."""
    identity_client_id: pulumi.Input[str] | None = None
    """Client id of a user-assigned identity; none: it is the system-assigned one."""
    role_in_force: pulumi.Input[str] | None = None
    """Any value that is known when the identity can read, such as `roleInForce` of a `KeyVault`; none: it can."""
    prefix: pulumi.Input[str] = ""
    """What the names of secrets begin with, in a vault that others use, too."""
    principal_id: pulumi.Input[str] | None = None
    """Object id of that identity, if it gets the role on each secret by itself: in a vault with secrets of others it must not have one on
    the vault. None: it has one."""


class KeyVault(Component):
    """Vault with role-based access, soft delete and purge protection."""

    name: pulumi.Output[str]
    """Name of the vault."""
    resource_id: pulumi.Output[str]
    """Resource id of the vault."""
    role_in_force: pulumi.Output[str]
    """Resource id of the vault, known when the reader's role is in force."""

    def __init__(self, name: str, args: KeyVaultArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        args = KeyVaultArgs.of(args)
        super().__init__("secure-mcp:index:KeyVault", name, opts)
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
            opts=self.inside(),
        )
        here = self.inside()
        self._name, self._vault = name, vault
        self._logs = keep_logs(f"{name}-kv-logs", KEY_VAULT, vault.id, args.workspace_id, here)
        self._roles: list[authorization.RoleAssignment] = []
        self.name = vault.name
        self.resource_id = self.role_in_force = vault.id
        reader = args.reader_principal_id
        if reader is not None:
            # On the vault, in which there is nothing else: it is assigned while the slow gateway is still being made.
            role = assign_role(
                f"{name}-kv-reader-role",
                scope=vault.id,
                role=KEY_VAULT_SECRETS_USER,
                principal_id=reader,
                subscription_id=vault.id.apply(lambda id: id.split("/")[2]),
                opts=here,
            )
            self._roles.append(role)
            waited = in_force(f"{name}-kv-reader", self._roles, self.outside())
            self.role_in_force = pulumi.Output.all(vault.id, waited.output).apply(lambda known: known[0])
        if args.locked:
            self.lock()
        self.register_outputs({"name": self.name, "resourceId": self.resource_id, "roleInForce": self.role_in_force})

    def lock(self, contents: Sequence[pulumi.Resource] = ()) -> None:
        """Locks the vault against deletion; done last.

        Args:
            contents: What others have declared in it.
        """
        reason = "Holds the keys of all sessions."
        lock(f"{self._name}-kv-lock", self._vault, reason, [*self._logs, *self._roles, *contents], self)


def declare_secret(
    prefix: str, reader: KeyVaultReader, name: str, value: pulumi.Input[str], parent: Component
) -> tuple[pulumi.Output[str], pulumi.Resource]:
    """A secret of a vault: its identifier, known when the reader's role is in force; and the secret.

    The identifier has the secret's version in it: with it, a key and the one before it change when they are told to, one after
    the other. Without it, API Management would fetch each at a time of its own, up to four hours later.
    https://learn.microsoft.com/azure/api-management/api-management-howto-properties
    """
    secret = keyvault.Secret(
        f"{prefix}-{name}-secret",
        secret_name=pulumi.Output.concat(reader.prefix, name),
        vault_name=reader.vault_name,
        resource_group_name=reader.resource_group_name,
        properties=keyvault.SecretPropertiesArgs(value=pulumi.Output.secret(value)),
        # Pulumi writes secrets through Azure Resource Manager, and deletes them through the vault itself, in which whoever deploys
        # has no role and which may be closed to where they are. The vault takes them with it.
        # https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/resources/customresources/custom_keyvault.go
        opts=parent.inside(retain_on_delete=True),
    )
    # Where it is is no secret, though what is there is.
    uri = pulumi.Output.unsecret(secret.properties.apply(lambda found: found.secret_uri_with_version))
    ready = reader.role_in_force
    # https://learn.microsoft.com/azure/key-vault/general/rbac-guide#secret-scope-role-assignment
    if reader.principal_id is not None:
        role = assign_role(
            f"{prefix}-{name}-reader-role",
            scope=secret.id,
            role=KEY_VAULT_SECRETS_USER,
            principal_id=reader.principal_id,
            subscription_id=secret.id.apply(lambda id: id.split("/")[2]),
            opts=parent.outside(),
        )
        ready = in_force(f"{prefix}-{name}-reader", [role], parent.outside()).output
    return pulumi.Output.all(uri, ready).apply(lambda known: str(known[0])), secret
