"""Rules about tools with their users' own rights: what the server's application needs, proves and is granted."""

from pathlib import Path
from typing import Any

import pytest

from secure_mcp_local.mutants.mutant import GONE, Mutant
from secure_mcp_local.recording import Recording, record

from .test_siblings import named, said, with_

ROOT = Path(__file__).parents[3]
GRANT = "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant"
CREDENTIAL = "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential"
APPLICATION = "azuread:index/application:Application"
STRANGER = "f0e1d2c3-b4a5-4687-9988-776655443322"


@pytest.fixture(scope="module")
def ours() -> Recording:
    tokens = '[{"scopes": ["User.Read", "Mail.Read"], "tools": ["my_profile"]}]'
    return record(ROOT, "dev", {"apimPublisherEmail": "mcp@fabrikam.com", "userTokenScopes": tokens})


def test_what_is_declared_is_in_order(ours: Recording) -> None:
    for rule in ("application", "permission-grant", "federated-credential", "service-principal"):
        assert not said(ours, rule)


def test_without_the_grant_or_the_credential_nothing_is_got(ours: Recording) -> None:
    for type, name, words in (
        (GRANT, "api-0-consent", "which no grant gives"),
        (CREDENTIAL, "user-tokens", "it cannot prove who it is"),
    ):
        resource = named(ours, type, name)
        without = Mutant(resource.urn, resource.type, resource.name, "drop", (), GONE).applied(ours)
        assert any(words in message for message in said(without, "application")), name


@pytest.mark.parametrize(
    ("type", "name", "path", "value", "rule", "words"),
    [
        (GRANT, "api-0-consent", ("claimValues",), ["User.Read"], "permission-grant", "lacks 'Mail.Read'"),
        (GRANT, "api-0-consent", ("claimValues",), ["User.Read", "Mail.Read", "Mail.Send"], "permission-grant", "may do more"),
        (GRANT, "api-0-consent", ("claimValues",), [], "permission-grant", "nothing is granted"),
        (CREDENTIAL, "user-tokens", ("subject",), STRANGER, "federated-credential", "must be the principal id"),
        (CREDENTIAL, "user-tokens", ("audiences",), ["api://other"], "federated-credential", "AzureADTokenExchange"),
    ],
)  # fmt: skip
def test_each_mistake_is_found(
    ours: Recording, type: str, name: str, path: tuple[str | int, ...], value: Any, rule: str, words: str
) -> None:
    changed = with_(ours, named(ours, type, name), path, value)
    assert any(words in message for message in said(changed, rule)), said(changed, rule)
