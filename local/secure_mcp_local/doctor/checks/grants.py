"""Grants without a sign-in, asked for by somebody who has no right to any: workloads (RFC 6749, section 4.4) and identity assertions (RFC 7523)."""

import base64
import json
import time
import uuid
from collections.abc import Mapping

from joserfc import jwt
from joserfc.jwk import RSAKey

from secure_mcp_local.doctor.check import Section
from secure_mcp_local.doctor.checks.token import grant_problems
from secure_mcp_local.doctor.client import Client, texts_of
from secure_mcp_local.doctor.report import settled
from secure_mcp_local.doctor.subject import FOREIGN, Subject

SECTION = Section("Grants without a sign-in")

WORKLOADS = "client_credentials"
ASSERTIONS = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
"""draft-ietf-oauth-identity-assertion-authz-grant: what the metadata calls assertions of identity providers."""
_CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_NO_CLIENT = ("invalid_client", "unauthorized_client")


async def _advertised(subject: Subject, grant: str) -> bool:
    return grant in texts_of(await subject.metadata(), "grant_types_supported")


def _forgeries(claims: Mapping[str, object], type: str) -> dict[str, str]:
    """Tokens with these claims that nobody has issued: without a signature, with a made-up one, and signed by a key that they bring themselves."""

    def segment(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    stranger = RSAKey.generate_key(2048, auto_kid=True)
    public = stranger.as_dict(private=False)
    own = {"alg": "RS256", "typ": type, "kid": stranger.kid, "jwk": {name: public[name] for name in ("kty", "n", "e")}}
    body = segment(claims)
    return {
        "unsigned": f"{segment({'alg': 'none', 'typ': type})}.{body}.",
        "with a made-up signature": f"{segment({'alg': 'RS256', 'typ': type})}.{body}.{'A' * 342}",
        # RFC 8725, section 3.10: a key that comes with the token proves nothing.
        "signed by its own key": jwt.encode(own, dict(claims), stranger),
    }


def _claims(issuer: str, subject: str, audience: str, **more: object) -> dict[str, object]:
    now = int(time.time())
    times = {"iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    return {"iss": issuer, "sub": subject, "aud": audience, **times, **more}


async def _asked(subject: Subject, what: str, form: dict[str, str], *expected: str) -> list[str]:
    """What is wrong with the answer to a request for tokens; what it gives against all expectation is revoked at the end."""
    client = await subject.client()
    return grant_problems(await subject.token(client, {"client_id": client.client_id, **form}), what, *expected)


@SECTION.check(
    "workload-grant",
    "W3",
    "Nobody without a secret or a key is a workload, and the grant is there only where it is advertised",
    why="client_credentials asks no user: where any client gets a key by it, everybody has one.",
    fix="Take it from clients with workload: true alone; without one it is unsupported_grant_type (policies/grants/client-credentials.xml).",
)
async def workload_grant(subject: Subject) -> str:
    advertised = await _advertised(subject, WORKLOADS)
    expected = _NO_CLIENT if advertised else ("unsupported_grant_type",)
    problems = await _asked(subject, "a public client", {"grant_type": WORKLOADS, "resource": subject.url}, *expected)
    return settled(problems, f"{'advertised' if advertised else 'not advertised'}; {' or '.join(expected)}")


@SECTION.check(
    "client-assertions",
    "W1",
    "A client that proves itself by a token which it cannot have is refused",
    why="Workloads and clients with keys have no other secret: who forges their tokens is them.",
    fix="Check the signature with a key that was known before, and everything that the token says (policies/fragments/client-authentication.xml).",
)
async def client_assertions(subject: Subject) -> str:
    client, endpoint = await subject.client(), await subject.endpoint("token")
    grants = {"a code": client.exchange("secure-mcp-doctor-" + "x" * 25)}
    if await _advertised(subject, WORKLOADS):
        grants["client_credentials"] = {"grant_type": WORKLOADS, "resource": subject.url}
    problems: list[str] = []
    for grant, form in grants.items():
        for what, token in _forgeries(_claims(client.client_id, client.client_id, endpoint), "JWT").items():
            proof = {"client_assertion_type": _CLIENT_ASSERTION, "client_assertion": token}
            problems += await _asked(subject, f"{grant}, {what}", {**form, **proof}, "invalid_client")
    return settled(problems, "invalid_client")


@SECTION.check(
    "assertion-grant",
    "E1",
    "The grant of identity assertions is there only where it is advertised, with its profile",
    why="Clients look for grant and profile in the metadata; a grant that nobody knows of is one that nobody looks after.",
    fix="Advertise jwt-bearer and the profile id-jag where identityProviders are configured, and nowhere else "
    "(policies/oauth/authorization-server-metadata.xml).",
)
async def assertion_grant(subject: Subject) -> str:
    advertised = await _advertised(subject, ASSERTIONS)
    profiles = texts_of(await subject.metadata(), "authorization_grant_profiles_supported")
    problems: list[str] = []
    if profiles != ([PROFILE] if advertised else []):
        problems.append(f"authorization_grant_profiles_supported is {profiles!r}, which does not go with the grants")
    expected = ("invalid_request", *_NO_CLIENT) if advertised else ("unsupported_grant_type",)
    problems += await _asked(subject, "no assertion", {"grant_type": ASSERTIONS, "resource": subject.url}, *expected)
    return settled(problems, f"{'advertised' if advertised else 'not advertised'}; {' or '.join(expected)}")


@SECTION.check(
    "foreign-assertions",
    "E2",
    "Assertions of identity providers that nobody trusts, or that nobody signed, are worth nothing",
    why="Such an assertion says who the user is: whoever can forge one is anybody.",
    fix="Take those of configured issuers alone, by their own keys, for the client that brings them (policies/grants/identity-assertion.xml).",
)
async def foreign_assertions(subject: Subject) -> str:
    client, advertised = await subject.client(), await _advertised(subject, ASSERTIONS)
    expected = ("invalid_grant", *_NO_CLIENT) if advertised else ("unsupported_grant_type",)
    problems: list[str] = []
    for what, token in _assertions(await subject.issuer(), client, subject.url).items():
        form = {"grant_type": ASSERTIONS, "assertion": token, "resource": subject.url}
        problems += await _asked(subject, what, form, *expected)
    return settled(problems, " or ".join(expected))


def _assertions(gateway: str, client: Client, resource: str) -> dict[str, str]:
    claims = _claims(FOREIGN, "doctor", gateway, client_id=client.client_id, resource=resource, scope=client.scope)
    return {"no token": "secure-mcp-doctor", **_forgeries(claims, "oauth-id-jag+jwt")}
