"""The storage accounts of the function app: one for its data and the host's bookkeeping, one for its code."""

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import storage

from ..azure.component import Component
from ..azure.diagnostics import BLOBS, keep_logs
from ..azure.locks import lock
from ..azure.placement import LoggedOptions, Placement, RecoveryOptions, ZoneOptions
from ..azure.roles import (
    STORAGE_BLOB_DATA_CONTRIBUTOR,
    STORAGE_BLOB_DATA_OWNER,
    STORAGE_QUEUE_DATA_CONTRIBUTOR,
    assign_role,
)
from ..options import Taken


class StorageArgs(RecoveryOptions, ZoneOptions, LoggedOptions, Placement):
    """Where it goes, and who uses it."""

    subscription_id: pulumi.Input[str]
    """Subscription that it is in."""
    private: bool = False
    """Whether only private endpoints reach it."""
    locked: bool = False
    """Whether what holds data is locked against deletion."""
    principal_id: pulumi.Input[str]
    """Object id of the identity that the function app's code runs with."""
    deployment_principal_id: pulumi.Input[str]
    """Object id of the identity that the platform fetches and keeps the app's code with."""
    containers: Sequence[str] = ()
    """Blob containers of the server's own, beside what the host keeps."""


class Storage(Component):
    """Two accounts with shared keys off: one with what the Functions host and the server keep, one with the code.

    The Functions host needs to own blobs and to create queues; both are granted on the first account only. Code lies in an
    account of its own, so that the identity of the running app cannot replace it.
    https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
    """

    account_id: pulumi.Output[str]
    deployment_account_id: pulumi.Output[str]
    blob_endpoint: pulumi.Output[str]
    queue_endpoint: pulumi.Output[str]
    deployment_container_url: pulumi.Output[str]
    roles: list[pulumi.Resource]

    def __init__(self, name: str, args: StorageArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        args = StorageArgs.of(args)
        super().__init__("secure-mcp:index:Storage", name, opts)
        here = self.inside()
        short = name.replace("-", "")[:12]
        account = self._declare_account(f"{name}-st", pulumi.Output.concat("st", short, args.suffix), args)
        code = self._declare_account(f"{name}-stcode", pulumi.Output.concat("stcode", short, args.suffix), args)
        own = [self._container(f"{name}-{container}", container, account, args) for container in args.containers]
        kept = storage.DeleteRetentionPolicyArgs(enabled=True, days=args.keep_deleted_days)
        recovery = [
            storage.BlobServiceProperties(
                f"{name}-{key}-blobs",
                blob_services_name="default",
                account_name=each.name,
                resource_group_name=args.resource_group_name,
                delete_retention_policy=kept,
                container_delete_retention_policy=kept,
                is_versioning_enabled=True,
                opts=here,
            )
            for key, each in (("st", account), ("stcode", code))
        ]
        deployment = self._container(f"{name}-deployment", "deployment", code, args)
        self.roles = [
            assign_role(
                f"{name}-{kind}-role",
                scope=scope,
                role=role,
                principal_id=principal,
                subscription_id=args.subscription_id,
                opts=here,
            )
            for kind, scope, role, principal in (
                ("blob", account.id, STORAGE_BLOB_DATA_OWNER, args.principal_id),
                ("queue", account.id, STORAGE_QUEUE_DATA_CONTRIBUTOR, args.principal_id),
                ("deployment", deployment.id, STORAGE_BLOB_DATA_CONTRIBUTOR, args.deployment_principal_id),
            )
        ]
        workspace_id = args.workspace_id
        logs = keep_logs(f"{name}-st-logs", BLOBS, account.id, workspace_id, here)
        keep_logs(f"{name}-stcode-logs", BLOBS, code.id, workspace_id, here)
        self._name, self._account = name, account
        self._contents = [*own, recovery[0], *self.roles, *logs]
        if args.locked:
            self.lock()
        self.account_id = account.id
        self.deployment_account_id = code.id
        self.blob_endpoint = account.primary_endpoints.apply(lambda endpoints: endpoints.blob.rstrip("/"))
        self.queue_endpoint = account.primary_endpoints.apply(lambda endpoints: endpoints.queue.rstrip("/"))
        self.deployment_container_url = pulumi.Output.concat(
            code.primary_endpoints.apply(lambda endpoints: endpoints.blob), deployment.name
        )
        self.register_outputs(
            {
                "accountId": self.account_id,
                "deploymentAccountId": self.deployment_account_id,
                "blobEndpoint": self.blob_endpoint,
                "queueEndpoint": self.queue_endpoint,
            }
        )

    def lock(self, contents: Sequence[pulumi.Resource] = ()) -> None:
        """Locks the account with the data against deletion; done last.

        Args:
            contents: What others have declared in it, such as private endpoints.
        """
        reason = "Holds what users have saved."
        lock(f"{self._name}-st-lock", self._account, reason, [*self._contents, *contents], self)

    def _declare_account(self, name: str, account_name: pulumi.Input[str], args: StorageArgs) -> storage.StorageAccount:
        """An account that takes tokens of Entra ID only. Names have at most 24 letters and digits."""
        return storage.StorageAccount(
            name,
            account_name=account_name,
            resource_group_name=args.resource_group_name,
            location=args.location,
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(
                name=storage.SkuName.STANDARD_ZRS if args.zone_redundant else storage.SkuName.STANDARD_LRS
            ),
            allow_shared_key_access=False,
            allow_blob_public_access=False,
            default_to_o_auth_authentication=True,
            allow_cross_tenant_replication=False,
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            enable_https_traffic_only=True,
            public_network_access=storage.PublicNetworkAccess.DISABLED
            if args.private
            else storage.PublicNetworkAccess.ENABLED,
            network_rule_set=storage.NetworkRuleSetArgs(
                default_action=storage.DefaultAction.DENY if args.private else storage.DefaultAction.ALLOW,
                bypass=storage.Bypass.NONE,
            ),
            opts=self.inside(),
        )

    def _container(
        self, name: str, container: str, account: storage.StorageAccount, args: StorageArgs
    ) -> storage.BlobContainer:
        return storage.BlobContainer(
            name,
            container_name=container,
            account_name=account.name,
            resource_group_name=args.resource_group_name,
            public_access=storage.PublicAccess.NONE,
            opts=self.inside(),
        )
