"""Whose tokens policies take: rows of trust that fit nobody's token, or the tokens of more than were meant."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import Rule, Stack

_VALIDATION = re.compile(r"<validate-jwt\b(?:(?!</validate-jwt>).)*</validate-jwt>", re.DOTALL)
_KEYS = re.compile(r"<openid-config\s+url=\"([^\"]*)\"")
_ISSUER, _AUDIENCE = re.compile(r"<issuer>([^<]*)</issuer>"), re.compile(r"<audience>([^<]*)</audience>")
_SUBJECTS = re.compile(r"<claim\s[^>]*?name=\"sub\"[^>]*>(.*?)</claim>", re.DOTALL)
_VALUE = re.compile(r"<value>([^<]*)</value>")
_PROVIDER = re.compile(
    r'\["issuer"\] = "([^"\\]*)",\s*\["clients"\] = [^;]*?\["servers"\] = new JObject\s*\{\s*(\[ *")?', re.DOTALL
)
"""An identity provider whose assertions are exchanged: its issuer, and whether it is trusted for a server."""
_COMPUTED = re.compile(r"@[({]|\{\{")
_NO_TENANT = re.compile(
    r"https://login\.microsoftonline\.com/(common|organizations|consumers|tenant|\{?tenantid\}?)(?:/|\Z)", re.IGNORECASE
)
"""Issuers that no token has: each says the id of its own tenant. https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer"""
_PULL_REQUEST = re.compile(r"repo:[^:]+:pull_request\Z")
"""What GitHub says of every pull request, whoever wrote its code. https://docs.github.com/actions/reference/security/oidc"""
_DEFAULT_ACCOUNT = re.compile(r"system:serviceaccount:[^:]+:default\Z")
"""The account of every pod of a namespace that names none. https://kubernetes.io/docs/concepts/security/service-accounts/#default-service-accounts"""
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_POLICIES = frozenset(
    f"apimanagement:{kind}" for kind in ("Policy", "ApiPolicy", "ApiOperationPolicy", "ProductPolicy", "PolicyFragment")
)


@dataclass(frozen=True)
class _Trust:
    """What one `<validate-jwt>` compares tokens with; without what is only known when it runs."""

    keys: tuple[str, ...]
    issuers: tuple[str, ...]
    audiences: tuple[str, ...]
    subjects: tuple[str, ...]


def _trusts(policy: Resource) -> Iterator[_Trust]:
    def known(found: list[str]) -> tuple[str, ...]:
        return tuple(one.strip() for one in found if not _COMPUTED.search(one))

    for element in _VALIDATION.findall(str(policy.inputs.get("value") or "")):
        subjects = [value for claim in _SUBJECTS.findall(element) for value in _VALUE.findall(claim)]
        found = (_KEYS.findall(element), _ISSUER.findall(element), _AUDIENCE.findall(element), subjects)
        yield _Trust(*map(known, found))


def _nobody(policy: Resource, stack: Stack) -> Iterator[str]:
    del stack
    trusts = list(_trusts(policy))
    for trust in trusts:
        for what, values in (("issuer", trust.issuers), ("audience", trust.audiences), ("subject", trust.subjects)):
            for value in values:
                if not value or "*" in value:
                    yield f"the {what} is {value!r}, which is compared as it stands: no token has it"
    providers = _PROVIDER.findall(str(policy.inputs.get("value") or ""))
    for issuer in dict.fromkeys(
        [*(issuer for trust in trusts for issuer in trust.issuers), *(one for one, _ in providers)]
    ):
        if (match := _NO_TENANT.match(issuer)) is not None:
            yield f"the issuer is {issuer!r}, and a token has the id of its tenant where {match[1]} stands: no token has it"
    bare: dict[str, str] = {}
    for issuer, server in providers:
        if not server:
            yield f"the provider {issuer!r} is trusted for no server: its users may use nothing"
        if (other := bare.setdefault(issuer.rstrip("/").lower(), issuer)) != issuer:
            yield f"the providers {other!r} and {issuer!r} differ in a slash or in case only: assertions have one of them, and nobody comes with the other"


def _more(policy: Resource, stack: Stack) -> Iterator[str]:
    del stack
    for trust in _trusts(policy):
        for address in dict.fromkeys((*trust.keys, *trust.issuers)):
            parts = urlsplit(address)
            if parts.scheme == "http" and parts.hostname not in _HERE:
                yield f"keys are those of {address}, without TLS: whoever is on the way says who gets in"
        for subject in trust.subjects:
            if _PULL_REQUEST.match(subject):
                yield f"the subject is {subject!r}, which every pull request has, whoever wrote its code"
            elif _DEFAULT_ACCOUNT.match(subject):
                yield f"the subject is {subject!r}, which every pod of the namespace has that names no account"


_SOURCE = "https://learn.microsoft.com/azure/api-management/validate-jwt-policy"

RULES = (
    Rule(
        "trusts-nobody",
        "error",
        "Issuer, audience and subject of a token are compared whole: with a pattern, an empty text or a placeholder nobody gets in.",
        "Give what the tokens say, whole; several callers are several rows. Say of an identity provider what its users may use (servers).",
        f"{_SOURCE} https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer",
        _POLICIES,
        _nobody,
    ),
    Rule(
        "trusts-too-many",
        "warning",
        "Whoever can have a token made with this issuer and subject is this caller, with all that it may.",
        "Take keys over https, and a subject that only those have who are meant: a branch or an environment, an account of its own.",
        "https://docs.github.com/actions/reference/security/oidc "
        "https://kubernetes.io/docs/concepts/security/service-accounts/#default-service-accounts",
        _POLICIES,
        _more,
    ),
)
