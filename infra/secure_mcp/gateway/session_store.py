"""The session store: registrations, sign-ins in progress and sessions, in Cosmos DB without keys."""

import uuid
from collections.abc import Sequence

import pulumi
from pulumi_azure_native import cosmosdb

from ..azure.component import Component
from ..azure.diagnostics import SESSION_STORE, keep_logs
from ..azure.locks import lock
from ..azure.placement import LoggedOptions, Placement, ZoneOptions
from ..azure.roles import assignment_name
from ..options import Taken
from .options import LockOptions

_ROLE = uuid.UUID("0f5f4a5b-5c4e-4b5e-9d0c-1f0a7a8f6f11")
# What the gateway's policies do, and nothing else: no change feed, and queries where operators may list sessions.
_ACTIONS = [
    "Microsoft.DocumentDB/databaseAccounts/readMetadata",
    *(
        f"Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/{action}"
        for action in ("create", "read", "replace", "delete")
    ),
]
_QUERY = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/executeQuery"


class SessionStoreArgs(LockOptions, ZoneOptions, LoggedOptions, Placement):
    """Where it goes, and who uses it."""

    private: bool = False
    """Whether only private endpoints reach it."""
    principal_id: pulumi.Input[str]
    """Object id of the gateway's identity."""
    listed: bool = False
    """Whether operators list sessions: by a query, which no other policy needs."""


class SessionStore(Component):
    """Serverless account with keys disabled, two containers whose documents carry their own time to live, and a role for the gateway.

    What anybody can write, registrations and sign-ins in progress, is in a container of its own: a serverless container has request
    units of its own, so that a flood of them throttles no session.
    https://learn.microsoft.com/azure/cosmos-db/serverless-performance

    Strong consistency, which an account in one region can have: a code is exchanged a moment after it was made, and a
    conditional write must see the latest version.
    """

    account_id: pulumi.Output[str]
    """Resource id of the Cosmos DB account."""
    endpoint: pulumi.Output[str]
    """Address of the container of sessions, without a trailing slash."""
    registrations_endpoint: pulumi.Output[str]
    """Address of the container of what strangers write: registrations and sign-ins in progress."""

    def __init__(self, name: str, args: SessionStoreArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        args = SessionStoreArgs.of(args)
        super().__init__("secure-mcp:index:SessionStore", name, opts)
        here = self.inside()
        account = cosmosdb.DatabaseAccount(
            f"{name}-cosmos",
            account_name=pulumi.Output.concat("cosmos-", name, "-", args.suffix),
            resource_group_name=args.resource_group_name,
            location=args.location,
            kind=cosmosdb.DatabaseAccountKind.GLOBAL_DOCUMENT_DB,
            database_account_offer_type=cosmosdb.DatabaseAccountOfferType.STANDARD,
            capabilities=[cosmosdb.CapabilityArgs(name="EnableServerless")],
            consistency_policy=cosmosdb.ConsistencyPolicyArgs(
                default_consistency_level=cosmosdb.DefaultConsistencyLevel.STRONG
            ),
            locations=[
                cosmosdb.LocationArgs(
                    location_name=args.location, failover_priority=0, is_zone_redundant=args.zone_redundant
                )
            ],
            # To any moment of the last week, for nothing, without a ticket.
            # https://learn.microsoft.com/azure/cosmos-db/continuous-backup-restore-introduction
            backup_policy=cosmosdb.ContinuousModeBackupPolicyArgs(
                type="Continuous",
                continuous_mode_properties=cosmosdb.ContinuousModePropertiesArgs(
                    tier=cosmosdb.ContinuousTier.CONTINUOUS7_DAYS
                ),
            ),
            disable_local_auth=True,
            disable_key_based_metadata_write_access=True,
            minimal_tls_version=cosmosdb.MinimalTlsVersion.TLS12,
            public_network_access=cosmosdb.PublicNetworkAccess.DISABLED
            if args.private
            else cosmosdb.PublicNetworkAccess.ENABLED,
            opts=here,
        )
        group = args.resource_group_name
        database = cosmosdb.SqlResourceSqlDatabase(
            f"{name}-database",
            database_name="secure-mcp",
            resource=cosmosdb.SqlDatabaseResourceArgs(id="secure-mcp"),
            account_name=account.name,
            resource_group_name=group,
            opts=here,
        )
        sessions = self._container(f"{name}-container", "sessions", account, database, group, [])
        registrations = self._container(f"{name}-registrations", "registrations", account, database, group, [sessions])
        definition = cosmosdb.SqlResourceSqlRoleDefinition(
            f"{name}-role-definition",
            role_definition_id=account.id.apply(lambda id: str(uuid.uuid5(_ROLE, id.lower()))),
            role_name="Session store user",
            type=cosmosdb.RoleDefinitionType.CUSTOM_ROLE,
            assignable_scopes=[account.id],
            permissions=[cosmosdb.PermissionArgs(data_actions=[*_ACTIONS, _QUERY] if args.listed else _ACTIONS)],
            account_name=account.name,
            resource_group_name=group,
            # One after the other: Azure refuses what changes an account while something else does (412, "another user operation
            # in progress which requires an exclusive lock"). https://github.com/hashicorp/terraform-provider-azurerm/issues/15842
            opts=self.inside(depends_on=[registrations]),
        )
        scope = pulumi.Output.concat(account.id, "/dbs/", database.name)
        role = cosmosdb.SqlResourceSqlRoleAssignment(
            f"{name}-role",
            role_assignment_id=pulumi.Output.all(scope, args.principal_id).apply(
                lambda v: assignment_name(v[0], v[1], "session-store-user")
            ),
            role_definition_id=definition.id,
            scope=scope,
            principal_id=args.principal_id,
            account_name=account.name,
            resource_group_name=group,
            opts=here,
        )
        logs = keep_logs(f"{name}-cosmos-logs", SESSION_STORE, account.id, args.workspace_id, here)
        self._name, self._account = name, account
        # No annotation: an attribute that has one is an output of the component.
        self.contents = [database, sessions, registrations, definition, role, *logs]
        if args.locked:
            self.lock()
        self.account_id = account.id
        self.endpoint, self.registrations_endpoint = (
            pulumi.Output.concat(
                account.document_endpoint.apply(lambda endpoint: endpoint.removesuffix("/").removesuffix(":443")),
                "/dbs/",
                database.name,
                "/colls/",
                container.name,
            )
            for container in (sessions, registrations)
        )
        self.register_outputs(
            {
                "accountId": self.account_id,
                "endpoint": self.endpoint,
                "registrationsEndpoint": self.registrations_endpoint,
            }
        )

    def _container(
        self,
        name: str,
        id: str,
        account: cosmosdb.DatabaseAccount,
        database: cosmosdb.SqlResourceSqlDatabase,
        group: pulumi.Input[str],
        after: Sequence[pulumi.Resource],
    ) -> cosmosdb.SqlResourceSqlContainer:
        """A container whose documents carry their own time to live; made after others, because Azure changes an account one by one."""
        return cosmosdb.SqlResourceSqlContainer(
            name,
            container_name=id,
            database_name=database.name,
            resource=cosmosdb.SqlContainerResourceArgs(
                id=id,
                partition_key=cosmosdb.ContainerPartitionKeyArgs(
                    paths=["/id"], kind=cosmosdb.PartitionKind.HASH, version=2
                ),
                # On, without a default: every document says how long it lives.
                default_ttl=-1,
                indexing_policy=cosmosdb.IndexingPolicyArgs(
                    automatic=True,
                    indexing_mode=cosmosdb.IndexingMode.CONSISTENT,
                    excluded_paths=[cosmosdb.ExcludedPathArgs(path="/*")],
                ),
            ),
            account_name=account.name,
            resource_group_name=group,
            opts=self.inside(depends_on=[*after]),
        )

    def lock(self, contents: Sequence[pulumi.Resource] = ()) -> None:
        """Locks the account against deletion; done last.

        Args:
            contents: What others have declared in it, such as private endpoints.
        """
        reason = "Holds everybody's sessions."
        lock(f"{self._name}-cosmos-lock", self._account, reason, [*self.contents, *contents], self)
