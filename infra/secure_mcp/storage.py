"""The storage account of the function app: its code, its own bookkeeping, and the snippets."""

import pulumi
from pulumi_azure_native import storage

from .access import STORAGE_BLOB_DATA_OWNER, STORAGE_QUEUE_DATA_CONTRIBUTOR, assign_role
from .placement import Placement


class StorageArgs(Placement):
    subscription_id: pulumi.Input[str]
    private: bool
    """Whether only private endpoints reach it."""
    principal_id: pulumi.Input[str]
    """Object id of the function app's identity."""


class Storage(pulumi.ComponentResource):
    """Account with shared keys off, containers `deployment` and `snippets`, and the roles of the function app's identity.

    The Functions host needs to own blobs and to create queues; both are granted on this account only.
    https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
    """

    account_id: pulumi.Output[str]
    account_name: pulumi.Output[str]
    blob_endpoint: pulumi.Output[str]
    queue_endpoint: pulumi.Output[str]
    deployment_container_url: pulumi.Output[str]
    snippets_container_name: pulumi.Output[str]
    deployment_container_name: pulumi.Output[str]
    roles: list[pulumi.Resource]

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("secure-mcp:index:Storage", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        account = storage.StorageAccount(
            f"{name}-st",
            # At most 24 letters and digits.
            account_name=pulumi.Output.concat("st", name.replace("-", "")[:12], args["suffix"]),
            resource_group_name=args["resource_group_name"],
            location=args["location"],
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
            allow_shared_key_access=False,
            allow_blob_public_access=False,
            default_to_o_auth_authentication=True,
            allow_cross_tenant_replication=False,
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            enable_https_traffic_only=True,
            public_network_access=storage.PublicNetworkAccess.DISABLED
            if args["private"]
            else storage.PublicNetworkAccess.ENABLED,
            network_rule_set=storage.NetworkRuleSetArgs(
                default_action=storage.DefaultAction.DENY if args["private"] else storage.DefaultAction.ALLOW,
                bypass=storage.Bypass.NONE,
            ),
            opts=here,
        )
        containers = {
            kind: storage.BlobContainer(
                f"{name}-{kind}",
                container_name=kind,
                account_name=account.name,
                resource_group_name=args["resource_group_name"],
                public_access=storage.PublicAccess.NONE,
                opts=here,
            )
            for kind in ("deployment", "snippets")
        }
        self.roles = [
            assign_role(
                f"{name}-{kind}-role",
                scope=account.id,
                role=role,
                principal_id=args["principal_id"],
                subscription_id=args["subscription_id"],
                opts=here,
            )
            for kind, role in {
                "blob": STORAGE_BLOB_DATA_OWNER,
                "queue": STORAGE_QUEUE_DATA_CONTRIBUTOR,
            }.items()
        ]
        self.account_id = account.id
        self.account_name = account.name
        self.blob_endpoint = account.primary_endpoints.apply(lambda endpoints: endpoints.blob.rstrip("/"))
        self.queue_endpoint = account.primary_endpoints.apply(lambda endpoints: endpoints.queue.rstrip("/"))
        self.deployment_container_name = containers["deployment"].name
        self.deployment_container_url = pulumi.Output.concat(self.blob_endpoint, "/", containers["deployment"].name)
        self.snippets_container_name = containers["snippets"].name
        self.register_outputs(
            {
                "accountId": self.account_id,
                "accountName": self.account_name,
                "blobEndpoint": self.blob_endpoint,
                "queueEndpoint": self.queue_endpoint,
            }
        )
