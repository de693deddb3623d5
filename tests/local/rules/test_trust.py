"""Rows of trust that the options take and that fit nobody's token, or the tokens of more than were meant."""

import json
from pathlib import Path

import pytest

from secure_mcp_local.recording import record

from .test_siblings import said

ROOT = Path(__file__).parents[3]
GITHUB, CLUSTER = "https://token.actions.githubusercontent.com", "https://oidc.cluster.example.com"
TENANT = "https://login.microsoftonline.com/00000000-0000-4000-8000-000000000002/v2.0"


def found(rule: str, **workload: str) -> list[str]:
    client = {"id": "pipeline", "name": "Deployments", "workload": True, **workload}
    config = {"apimPublisherEmail": "mcp@fabrikam.com", "clients": json.dumps([client])}
    return said(record(ROOT, "dev", config), rule)


@pytest.mark.parametrize(
    ("issuer", "subject", "audience", "words"),
    [
        (GITHUB, "repo:acme/tools:*", "", "the subject is 'repo:acme/tools:*'"),
        (GITHUB, " ", "", "the subject is ''"),
        (GITHUB, "repo:acme/tools:environment:prod", "api://*", "the audience is 'api://*'"),
        ("https://login.microsoftonline.com/common/v2.0", "x", "api://y", "where common stands"),
        ("https://login.microsoftonline.com/TENANT/v2.0".lower(), "x", "api://y", "where tenant stands"),
    ],
)
def test_nobody_has_such_a_token(issuer: str, subject: str, audience: str, words: str) -> None:
    [message] = found("trusts-nobody", issuer=issuer, subject=subject, audience=audience)
    assert words in message


@pytest.mark.parametrize(
    ("issuer", "subject", "words"),
    [
        (GITHUB, "repo:acme/tools:pull_request", "every pull request has"),
        (CLUSTER, "system:serviceaccount:jobs:default", "every pod of the namespace"),
    ],
)
def test_more_than_were_meant_have_such_a_token(issuer: str, subject: str, words: str) -> None:
    [message] = found("trusts-too-many", issuer=issuer, subject=subject)
    assert words in message


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [
        (GITHUB, "repo:acme/tools:ref:refs/heads/pull_request"),
        (GITHUB, "repo:acme/tools:environment:default"),
        (CLUSTER, "system:serviceaccount:default:nightly"),
        (TENANT, "f0e1d2c3-b4a5-4687-9988-776655443322"),
    ],
)
def test_nothing_is_said_of_rows_that_fit_one_caller(issuer: str, subject: str) -> None:
    for rule in ("trusts-nobody", "trusts-too-many"):
        assert not found(rule, issuer=issuer, subject=subject)


def providers(*rows: tuple[str, dict[str, str]]) -> list[str]:
    desk = {"id": "desk", "name": "Desk", "secret": "0123456789abcdef0123456789abcdef"}
    given = [
        {"issuer": issuer, "keysUri": "https://login.corp.example.com/keys", "clients": ["desk"], "servers": servers}
        for issuer, servers in rows
    ]
    config = {"clients": json.dumps([desk]), "identityProviders": json.dumps(given)}
    return said(record(ROOT, "dev", {"apimPublisherEmail": "mcp@fabrikam.com", **config}), "trusts-nobody")


def test_an_identity_provider_that_vouches_for_nobody_is_found() -> None:
    corp, other = ("https://login.corp.example.com", {"mcp": ""}), ("https://id.example.com/a", {"mcp": "A.B"})
    assert not providers(corp, other)
    [nothing] = providers(corp, ("https://id.example.com/a", {}))
    assert "'https://id.example.com/a' is trusted for no server" in nothing
    [twice] = providers(corp, ("https://login.corp.example.com/", {"mcp": ""}))
    assert "differ in a slash" in twice
    [tenant] = providers(("https://login.microsoftonline.com/organizations/v2.0", {"mcp": ""}), corp)
    assert "where organizations stands" in tenant
