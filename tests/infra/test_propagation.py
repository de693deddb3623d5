"""Which failures are a role that is not in force yet, and which are none."""

import pytest

from secure_mcp.azure.propagation import is_late_role


@pytest.mark.parametrize(
    "error",
    [
        # What Key Vault says: https://learn.microsoft.com/azure/key-vault/general/rbac-guide
        "Caller is not authorized to perform action on resource. If role assignments, deny assignments or role definitions were "
        'changed recently, please observe propagation time. Caller: appid=x;oid=y Inner error: { "code": "ForbiddenByRbac" }',
        # What API Management makes of it, with roles and with access policies.
        'Status=400 Code="ValidationError" Message="Failed to fetch secret from Key Vault: Operation returned an invalid status code '
        "'Forbidden'\"",
        "The user, group or application does not have secrets get permission on key vault 'kv'; AccessDenied",
        'autorest/azure: Service returned an error. Status=403 Code="Forbidden"',
    ],
)
def test_what_a_service_says_to_an_identity_without_its_role(error: str) -> None:
    assert is_late_role(error)


@pytest.mark.parametrize(
    "error",
    [
        'Status=404 Code="SecretNotFound" Message="A secret with (name/id) key was not found in this key vault"',
        'Status=400 Code="ValidationError" Message="Named value id must match [a-z]+"',
        'Status=429 Code="TooManyRequests" Message="retry after 4036 seconds"',
        'Status=409 Code="PessimisticConcurrencyConflict"',
        "context deadline exceeded",
    ],
)
def test_what_no_waiting_mends(error: str) -> None:
    assert not is_late_role(error)
