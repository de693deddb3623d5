"""Azure role assignments: the narrowest role at the narrowest scope, under a name that stays the same."""

import uuid

import pulumi
from pulumi_azure_native import authorization

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
STORAGE_BLOB_DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
STORAGE_BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
STORAGE_QUEUE_DATA_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
MONITORING_METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"

_NAMES = uuid.UUID("6d0d5f0e-5a35-4f5c-9a54-0f5f0b9f3f2a")


def assignment_name(scope: str, principal_id: str, role: str) -> str:
    """A GUID that is the same for the same assignment, so that it is never replaced without need."""
    return str(uuid.uuid5(_NAMES, f"{scope.lower()}|{principal_id.lower()}|{role}"))


def assign_role(
    name: str,
    *,
    scope: pulumi.Input[str],
    role: str,
    principal_id: pulumi.Input[str],
    subscription_id: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> authorization.RoleAssignment:
    """Gives a managed identity a built-in role.

    Args:
        name: Pulumi name of the assignment.
        scope: ARM id of what it may be used on.
        role: GUID of the role definition.
        principal_id: object id of the identity.
        subscription_id: GUID of the subscription that the role is taken from.
        opts: options, with the parent.
    """
    return authorization.RoleAssignment(
        name,
        role_assignment_name=pulumi.Output.all(scope, principal_id).apply(lambda v: assignment_name(v[0], v[1], role)),
        scope=scope,
        role_definition_id=pulumi.Output.format(
            "/subscriptions/{0}/providers/Microsoft.Authorization/roleDefinitions/{1}", subscription_id, role
        ),
        principal_id=principal_id,
        # Without it Azure looks the principal up, and may not find one that has just been made.
        principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
        opts=opts,
    )
