"""validate-jwt and validate-azure-ad-token: which tokens are let in, and why not."""

import base64
import json
from typing import Any

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

from apim_policies.errors import DocumentError

Stack = Any
LOGIN = "http://localhost:8081"
TENANT = "22222222-2222-4222-8222-222222222222"
ISSUER = f"{LOGIN}/{TENANT}/v2.0"
APP = "c1c1c1c1-1111-4111-8111-111111111111"

JWT = (
    '<validate-jwt header-name="Authorization" failed-validation-httpcode="401" {more}>'
    f'<openid-config url="{ISSUER}/.well-known/openid-configuration" />'
    f"<audiences><audience>{APP}</audience></audiences><issuers><issuer>{ISSUER}</issuer></issuers>"
    '<required-claims><claim name="tid"><value>{tenant}</value></claim></required-claims></validate-jwt>'
).replace("{tenant}", TENANT)
AZURE = (
    f'<validate-azure-ad-token tenant-id="{TENANT}" authentication-endpoint="{LOGIN}">'
    f"<audiences><audience>{APP}</audience></audiences>"
    "<client-application-ids><application-id>a-client</application-id></client-application-ids>"
    "</validate-azure-ad-token>"
)


@pytest.fixture
def entra(stack: Stack) -> Stack:
    """The stack with an Entra ID that publishes its keys, and counts who asks for them."""
    stack.asked = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        stack.asked.append(scope["path"])
        content: Any = {"issuer": ISSUER, "jwks_uri": f"{LOGIN}/keys"}
        body = json.dumps(stack.issuer.jwks() if scope["path"] == "/keys" else content).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    stack.network.serve("localhost:8081", app)
    return stack


def claims(stack: Stack, **changes: object) -> dict[str, object]:
    now = int(stack.clock.now())
    all = {"iss": ISSUER, "aud": APP, "tid": TENANT, "azp": "a-client", "sub": "me", "nbf": now, "exp": now + 60}
    return {name: value for name, value in (all | changes).items() if value is not None}


async def told(stack: Stack, policy: str, token: str | None) -> str:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return await stack.value("ok", policy, headers=headers)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"aud": ["x", APP]}, None),
        ({"aud": "other"}, "TokenAudienceNotAllowed"),
        ({"aud": None}, "TokenAudienceNotAllowed"),
        ({"iss": f"{LOGIN}/other/v2.0"}, "TokenIssuerNotAllowed"),
        ({"tid": "other"}, "TokenClaimValueNotAllowed"),
        ({"tid": None}, "TokenClaimNotFound"),
        ({"exp": 1}, "TokenExpired"),
        ({"exp": "never"}, "TokenExpired"),
        ({"exp": None}, "TokenExpired"),
        ({"nbf": 9999999999}, "JwtInvalid"),
    ],
)
async def test_the_claims_of_a_token(entra: Stack, changes: dict[str, object], reason: str | None) -> None:
    token = entra.issuer.sign(claims(entra, **changes))
    said = await told(entra, JWT.replace("{more}", ""), token)
    assert said == (f"validate-jwt {reason}" if reason else "ok")


async def test_a_token_signed_by_somebody_else_is_not_let_in(entra: Stack) -> None:
    own = entra.issuer.jwks()["keys"][0]
    payload = json.dumps(claims(entra))
    forged = [
        jws.serialize_compact({"alg": "RS256", "kid": own["kid"]}, payload, RSAKey.generate_key(2048)),
        jws.serialize_compact({"alg": "HS256", "kid": own["kid"]}, payload, OctKey.import_key(own["n"])),
        entra.issuer.sign(claims(entra))[:-4] + "AAAA",
        "eyJhbGciOiJub25lIn0.e30.",
        "nonsense",
    ]
    entra.policies(JWT.replace("{more}", ""), on_error='<set-header name="X-Reason"><value>@(context.LastError.Reason)</value></set-header>')  # fmt: skip
    for token in forged:
        response = await entra.send(headers={"Authorization": f"Bearer {token}"})
        assert (response.status_code, response.headers["x-reason"]) == (401, "TokenSignatureInvalid"), token


async def test_without_a_token_there_is_none(entra: Stack) -> None:
    assert await told(entra, JWT.replace("{more}", ""), None) == "validate-jwt TokenNotPresent"


async def test_clocks_may_differ_by_the_skew(entra: Stack) -> None:
    token = entra.issuer.sign(claims(entra, exp=int(entra.clock.now()) - 10))
    assert await told(entra, JWT.replace("{more}", 'clock-skew="30"'), token) == "ok"


async def test_the_keys_are_asked_for_once_an_hour(entra: Stack) -> None:
    entra.policies(JWT.replace("{more}", ""))
    for _ in range(3):
        token = entra.issuer.sign(claims(entra))
        assert (await entra.send(headers={"Authorization": f"Bearer {token}"})).status_code == 200
    assert len(entra.asked) == 2
    entra.clock.advance(3601)
    token = entra.issuer.sign(claims(entra))
    assert (await entra.send(headers={"Authorization": f"Bearer {token}"})).status_code == 200
    assert len(entra.asked) == 4


async def test_without_the_provider_nobody_is_let_in(stack: Stack) -> None:
    token = stack.issuer.sign(claims(stack))
    assert await told(stack, JWT.replace("{more}", ""), token) == "validate-jwt OpenIdConfigurationNotAvailable"


async def test_the_validated_token_can_be_read(entra: Stack) -> None:
    token = entra.issuer.sign(claims(entra))
    said = await entra.value(
        '@(((Jwt)context.Variables["jwt"]).Subject + ((Jwt)context.Variables["jwt"]).Claims.GetValueOrDefault("azp", ""))',
        JWT.replace("{more}", 'output-token-variable-name="jwt"'),
        headers={"Authorization": f"bearer {token}"},
    )
    assert said == "mea-client"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"iss": f"https://sts.windows.net/{TENANT}/", "azp": None, "appid": "a-client"}, None),
        ({"iss": "https://sts.windows.net/other/"}, "TokenIssuerNotAllowed"),
        ({"azp": "other"}, "TokenClaimValueNotAllowed"),
        ({"azp": None}, "TokenClaimValueNotAllowed"),
        ({"aud": "other"}, "TokenAudienceNotAllowed"),
        ({"exp": 1}, "TokenExpired"),
    ],
)
async def test_tokens_of_entra_id(entra: Stack, changes: dict[str, object], reason: str | None) -> None:
    token = entra.issuer.sign(claims(entra, **changes))
    assert await told(entra, AZURE, token) == (f"validate-azure-ad-token {reason}" if reason else "ok")


@pytest.mark.parametrize(
    ("attributes", "headers", "query", "status"),
    [
        ('query-parameter-name="t"', {}, "t={}", 200),
        ('query-parameter-name="t"', {}, "t={}&t={}", 401),
        ('header-name="X-T"', {"X-T": "{}"}, "", 200),
        ('header-name="X-T" require-scheme="Bearer"', {"X-T": "{}"}, "", 401),
        ('header-name="X-T" require-scheme="Bearer"', {"X-T": "Bearer {}"}, "", 200),
    ],
)
async def test_where_a_token_may_be(
    entra: Stack, attributes: str, headers: dict[str, str], query: str, status: int
) -> None:
    token = entra.issuer.sign(claims(entra))
    entra.policies(JWT.replace('header-name="Authorization"', attributes).replace("{more}", ""))
    sent = {name: value.replace("{}", token) for name, value in headers.items()}
    response: httpx.Response = await entra.send(path=f"/api?{query.replace('{}', token)}", headers=sent)
    assert response.status_code == status


async def test_without_an_issuer_in_the_policy_the_provider_is_the_only_one(entra: Stack) -> None:
    policy = JWT.replace("{more}", "").replace(f"<issuers><issuer>{ISSUER}</issuer></issuers>", "")
    assert await told(entra, policy, entra.issuer.sign(claims(entra))) == "ok"
    foreign = entra.issuer.sign(claims(entra, iss="https://elsewhere.example"))
    assert (await entra.send(headers={"Authorization": f"Bearer {foreign}"})).text.endswith("TokenIssuerNotAllowed")


async def test_a_key_that_the_provider_does_not_have_is_looked_for_every_five_minutes(entra: Stack) -> None:
    entra.policies(JWT.replace("{more}", ""), on_error='<set-header name="X-Reason"><value>@(context.LastError.Reason)</value></set-header>')  # fmt: skip
    stranger = jws.serialize_compact(
        {"alg": "RS256", "kid": "new"}, json.dumps(claims(entra)), RSAKey.generate_key(2048)
    )
    for seconds, asked in ((0, 2), (10, 2), (300, 4)):
        entra.clock.advance(seconds)
        response = await entra.send(headers={"Authorization": f"Bearer {stranger}"})
        assert (response.status_code, response.headers["x-reason"]) == (401, "TokenSignatureKeyNotFound")
        assert len(entra.asked) == asked


async def test_keys_can_stand_in_the_policy(stack: Stack) -> None:
    secret = OctKey.generate_key(256)
    rsa = RSAKey.generate_key(2048)
    public = rsa.as_dict(private=False)
    keys = (
        f'<key id="a">{base64.b64encode(secret.raw_value).decode()}</key>'
        f'<key id="b" n="{public["n"]}" e="{public["e"]}" />'
    )
    stack.policies(
        f'<validate-jwt header-name="Authorization"><issuer-signing-keys>{keys}</issuer-signing-keys></validate-jwt>'
    )
    payload = json.dumps(claims(stack))
    for header, key, status in (
        ({"alg": "HS256", "kid": "a"}, secret, 200),
        ({"alg": "HS256"}, secret, 200),
        ({"alg": "RS256", "kid": "b"}, rsa, 200),
        ({"alg": "HS256", "kid": "b"}, OctKey.import_key(str(public["n"])), 401),
        ({"alg": "HS256", "kid": "a"}, OctKey.generate_key(256), 401),
        ({"alg": "RS256", "kid": "c"}, rsa, 401),
    ):
        token = jws.serialize_compact(header, payload, key)
        assert (await stack.send(headers={"Authorization": f"Bearer {token}"})).status_code == status, header


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<issuer-signing-keys><key /></issuer-signing-keys>",
        '<issuer-signing-keys><key n="x" /></issuer-signing-keys>',
    ],
)
def test_without_keys_nothing_can_be_validated(stack: Stack, content: str) -> None:
    with pytest.raises(DocumentError):
        stack.policies(f'<validate-jwt header-name="Authorization">{content}</validate-jwt>')
