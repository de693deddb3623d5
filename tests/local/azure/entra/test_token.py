"""The token endpoint, as the gateway sees it."""

import asyncio
from dataclasses import replace

import pytest

from apim_policies.clock import Clock
from secure_mcp_local.azure.entra import TokenIssuer, TokenRefused
from secure_mcp_local.recording import Recording, Resource

APP = "a1a1a1a1-1111-4111-8111-111111111111"
TENANT = "22222222-2222-4222-8222-222222222222"
CREDENTIAL = "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential"
APPLICATION = "azuread:index/application:Application"
ASSIGNMENT = "azuread:index/appRoleAssignment:AppRoleAssignment"
SERVICE_PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"
EXCHANGE = "api://AzureADTokenExchange"


def refused(answer, error: str, code: int, status: int = 400) -> None:
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert {"timestamp", "trace_id", "correlation_id", "error_uri"} <= body.keys()
    assert answer.headers["cache-control"] == "no-store"


class TestTokens:
    async def test_the_answer(self, stack) -> None:
        answer = await stack.token(code=await stack.code())
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        tokens = answer.json()
        assert tokens.keys() == {
            "token_type",
            "scope",
            "expires_in",
            "ext_expires_in",
            "access_token",
            "refresh_token",
            "id_token",
        }
        assert (tokens["token_type"], tokens["scope"]) == ("Bearer", "openid profile")

    async def test_the_id_token(self, stack) -> None:
        claims = stack.entra.issuer.verify((await stack.sign_in())["id_token"], APP)
        alice = stack.entra.user("alice")
        assert claims["iss"] == f"http://localhost:8081/{TENANT}/v2.0"
        assert (claims["tid"], claims["nonce"], claims["oid"]) == (TENANT, "gateway-nonce", alice.oid)
        assert (claims["name"], claims["preferred_username"]) == ("Alice Adams", "alice@contoso.example")
        assert claims["exp"] - claims["iat"] == 3599
        assert claims["sub"] not in {alice.oid, alice.id}
        assert "roles" not in claims
        assert "email" not in claims

    async def test_two_people_are_two(self, stack) -> None:
        verify = stack.entra.issuer.verify
        alice = verify((await stack.sign_in("alice"))["id_token"], APP)
        bob = verify((await stack.sign_in("bob"))["id_token"], APP)
        assert alice["sub"] != bob["sub"]
        assert alice["oid"] != bob["oid"]

    async def test_roles_are_those_assigned(self, build, recording: Recording) -> None:
        role = {"id": "40400000-0000-4000-8000-000000000001", "value": "Writer", "enabled": True}
        declared = recording.changed(recording.one(APPLICATION).urn, appRoles=[role])
        stack = build(declared.changed(recording.one(ASSIGNMENT).urn, appRoleId=role["id"]))
        claims = stack.entra.issuer.verify((await stack.sign_in())["id_token"], APP)
        assert claims["roles"] == ["Writer"]

    async def test_the_access_token_is_for_graph_and_for_nothing_else(self, stack) -> None:
        access = (await stack.sign_in())["access_token"]
        assert stack.entra.issuer.verify(access, "00000003-0000-0000-c000-000000000000")
        for audience in (APP, "https://cosmos.azure.com", EXCHANGE):
            with pytest.raises(TokenRefused, match="audience"):
                stack.entra.issuer.verify(access, audience)

    async def test_no_more_is_given_than_asked(self, stack) -> None:
        code = await stack.code(scope="openid")
        tokens = (await stack.token(code=code, scope="openid")).json()
        assert "refresh_token" not in tokens
        assert "name" not in stack.entra.issuer.verify(tokens["id_token"], APP)

    async def test_nor_later(self, stack) -> None:
        code = await stack.code(scope="openid")
        refused(await stack.token(code=code, scope="openid offline_access"), "invalid_scope", 70011)

    async def test_without_a_scope_it_is_the_one_of_the_sign_in(self, stack) -> None:
        assert "refresh_token" in (await stack.token(code=await stack.code(), scope=None)).json()


class TestCodes:
    async def test_are_good_once(self, stack) -> None:
        code = await stack.code()
        answers = await asyncio.gather(*(stack.token(code=code) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
        refused(await stack.token(code=code), "invalid_grant", 54005)

    async def test_expire_after_ten_minutes(self, stack) -> None:
        code = await stack.code()
        stack.clock.advance(601)
        refused(await stack.token(code=code), "invalid_grant", 70008)

    @pytest.mark.parametrize(
        ("changes", "error", "number", "status"),
        [
            ({"code": "x"}, "invalid_grant", 9002313, 400),
            ({"code": ""}, "invalid_request", 900144, 400),
            ({"redirect_uri": "http://localhost:8080/other"}, "invalid_client", 500112, 401),
            ({"redirect_uri": None}, "invalid_client", 500112, 401),
            ({"code_verifier": "w" * 43}, "invalid_grant", 50148, 400),
            ({"code_verifier": None}, "invalid_request", 900144, 400),
            ({"code_verifier": "v" * 129}, "invalid_grant", 501481, 400),
            ({"code_verifier": "v" * 42}, "invalid_grant", 50148, 400),
            ({"code_verifier": "ü" * 43}, "invalid_grant", 501481, 400),
        ],
    )
    async def test_are_bound_to_the_request(
        self, stack, *, changes: dict[str, str | None], error: str, number: int, status: int
    ) -> None:
        code = await stack.code()
        refused(await stack.token(**({"code": code} | changes)), error, number, status)
        assert (await stack.token(code=code)).status_code == 200, "a refusal does not use it up"

    async def test_a_verifier_without_a_challenge(self, stack) -> None:
        code = await stack.code(code_challenge=None, code_challenge_method=None)
        refused(await stack.token(code=code), "invalid_grant", 50148)
        assert (await stack.token(code=code, code_verifier=None)).status_code == 200


class TestTheDefaultScope:
    """`.default` asks for what the application declares to need; all of that can be had with its code."""

    @pytest.fixture
    def recording(self, recording: Recording) -> Recording:
        needed = [
            {
                "resourceAppId": "00000003-0000-0000-c000-000000000000",
                "resourceAccesses": [{"id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "type": "Scope"}],
            }
        ]
        kept: list[Resource] = []
        for one in recording:
            if one.type.endswith("ServicePrincipalDelegatedPermissionGrant"):
                continue
            inputs = dict(one.inputs)
            if one.type == APPLICATION:
                inputs["requiredResourceAccesses"] = needed
            if one.type == SERVICE_PRINCIPAL:
                inputs["appRoleAssignmentRequired"] = False
            kept.append(replace(one, inputs=inputs, outputs=inputs))
        return replace(recording, resources=tuple(kept))

    async def test_what_is_configured_can_be_redeemed_and_nothing_else(self, stack) -> None:
        code = await stack.code(scope="openid https://graph.microsoft.com/.default")
        refused(await stack.token(code=code, scope="User.ReadBasic.All"), "invalid_scope", 70011)
        answer = await stack.token(code=code, scope="User.Read")
        assert answer.status_code == 200
        claims = stack.entra.issuer.verify_signature(answer.json()["access_token"])
        assert claims["scp"] == "User.Read"


class TestRefreshTokens:
    async def test_give_new_tokens(self, stack) -> None:
        tokens = await stack.sign_in()
        answer = await stack.token(refresh_token=tokens["refresh_token"])
        assert answer.status_code == 200
        assert answer.json()["refresh_token"] != tokens["refresh_token"]
        assert stack.entra.issuer.verify(answer.json()["id_token"], APP)["name"] == "Alice Adams"

    async def test_the_old_one_stays_good_as_entra_says(self, stack) -> None:
        refresh = (await stack.sign_in())["refresh_token"]
        for _ in range(2):
            assert (await stack.token(refresh_token=refresh)).status_code == 200

    async def test_expire_after_ninety_days(self, stack) -> None:
        refresh = (await stack.sign_in())["refresh_token"]
        stack.clock.advance(90 * 86400)
        refused(await stack.token(refresh_token=refresh), "invalid_grant", 700082)

    async def test_of_a_disabled_user(self, stack) -> None:
        refresh = (await stack.sign_in())["refresh_token"]
        stack.entra.user("alice").enabled = False
        refused(await stack.token(refresh_token=refresh), "invalid_grant", 50057)

    async def test_of_a_user_who_lost_the_assignment(self, stack) -> None:
        refresh = (await stack.sign_in())["refresh_token"]
        stack.entra.user("alice").employee = False
        refused(await stack.token(refresh_token=refresh), "invalid_grant", 50105)

    async def test_that_are_revoked_until_the_next_sign_in(self, stack) -> None:
        refresh = (await stack.sign_in())["refresh_token"]
        other = (await stack.sign_in("bob"))["refresh_token"]
        stack.entra.revoke(stack.entra.user("alice"))
        refused(await stack.token(refresh_token=refresh), "invalid_grant", 50173)
        assert (await stack.token(refresh_token=other)).status_code == 200
        stack.clock.advance(1)
        assert (await stack.token(refresh_token=(await stack.sign_in())["refresh_token"])).status_code == 200

    @pytest.mark.parametrize(
        ("value", "error", "number"), [("x", "invalid_grant", 9002313), ("", "invalid_request", 900144)]
    )
    async def test_that_are_none(self, stack, value: str, error: str, number: int) -> None:
        refused(await stack.token(refresh_token=value), error, number)


class TestWhoAsks:
    """Only the gateway's identity speaks for the application."""

    async def test_nobody(self, stack) -> None:
        answer = await stack.token(code=await stack.code(), client_assertion=None)
        refused(answer, "invalid_client", 7000218, 401)

    async def test_somebody_with_a_secret(self, stack) -> None:
        answer = await stack.token(code=await stack.code(), client_assertion=None, client_secret="s")
        refused(answer, "invalid_client", 7000215, 401)

    async def test_another_type_of_assertion(self, stack) -> None:
        answer = await stack.token(code=await stack.code(), client_assertion_type="urn:x")
        refused(answer, "invalid_client", 50027, 401)

    async def test_a_forger(self, stack) -> None:
        issuer = stack.entra.issuer
        forged = TokenIssuer(issuer.base_url, issuer.tenant, Clock())
        assertion = forged.sign(issuer.verify(stack.assertion(), EXCHANGE))
        answer = await stack.token(code=await stack.code(), client_assertion=assertion)
        refused(answer, "invalid_client", 50013, 401)

    @pytest.mark.parametrize(
        ("claims", "number"),
        [
            ({"sub": "C2C2C2C2-2222-4222-8222-222222222222"}, 700213),
            ({"sub": "somebody"}, 700213),
            ({"sub": None}, 700213),
            ({"aud": "https://cosmos.azure.com"}, 700212),
            ({"iss": "https://login.microsoftonline.com/x/v2.0"}, 700211),
            ({"exp": 1_000_000_000}, 700024),
            ({"exp": None}, 700024),
            ({"nbf": 100_000_000_000}, 700024),
        ],
    )
    async def test_an_assertion_that_does_not_match(self, stack, claims: dict[str, object], number: int) -> None:
        issuer = stack.entra.issuer
        assertion = issuer.sign(issuer.verify(stack.assertion(), EXCHANGE) | claims)
        answer = await stack.token(code=await stack.code(), client_assertion=assertion)
        refused(answer, "invalid_client", number, 401)

    @pytest.mark.parametrize("assertion", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
    async def test_something_that_is_no_token(self, stack, assertion: str) -> None:
        answer = await stack.token(code=await stack.code(), client_assertion=assertion)
        refused(answer, "invalid_client", 50013, 401)

    @pytest.mark.parametrize(
        ("change", "number"),
        [
            ({"subject": "00000000-0000-4000-8000-000000000000"}, 700213),
            ({"audiences": ["api://other"]}, 700212),
            ({"issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0"}, 700211),
            ({"applicationId": "/applications/another"}, 70025),
        ],
    )
    async def test_a_credential_that_is_declared_otherwise(
        self, build, recording: Recording, change: dict[str, object], number: int
    ) -> None:
        stack = build(recording.changed(recording.one(CREDENTIAL).urn, **change))
        answer = await stack.token(code=await stack.code())
        refused(answer, "invalid_client", number, 401)

    async def test_a_credential_that_is_not_declared(self, build, recording: Recording) -> None:
        stack = build(recording.without(lambda r: r.type == CREDENTIAL))
        refused(await stack.token(code=await stack.code()), "invalid_client", 70025, 401)


class TestRequests:
    async def test_the_resource_parameter_is_refused(self, stack) -> None:
        answer = await stack.token(code=await stack.code(), resource="http://localhost:8080/mcp")
        refused(answer, "invalid_target", 9010010)

    @pytest.mark.parametrize(
        ("changes", "error", "number"),
        [
            ({"grant_type": "client_credentials"}, "unsupported_grant_type", 70003),
            ({"grant_type": "password"}, "unsupported_grant_type", 70003),
            ({"grant_type": None}, "invalid_request", 900144),
            ({"client_id": None}, "invalid_request", 900144),
            ({"client_id": "b1b1b1b1-1111-4111-8111-111111111111"}, "unauthorized_client", 700016),
        ],
    )
    async def test_other_requests(self, stack, changes: dict[str, str | None], error: str, number: int) -> None:
        refused(await stack.token(**({"code": await stack.code()} | changes)), error, number)

    async def test_a_repeated_field(self, stack) -> None:
        form = "grant_type=authorization_code&grant_type=refresh_token"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"http://localhost:8081/{TENANT}/oauth2/v2.0/token"
        refused(await stack.client.post(url, content=form, headers=headers), "invalid_request", 9000411)

    @pytest.mark.parametrize("content", [b"%ff=%fe", b"\xff", b"x" * 100_000])
    async def test_garbage_is_never_a_500(self, stack, content: bytes) -> None:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"http://localhost:8081/{TENANT}/oauth2/v2.0/token"
        answer = await stack.client.post(url, content=content, headers=headers)
        assert answer.status_code in {400, 413}
        assert answer.json()["error"] == "invalid_request"

    async def test_json_is_not_a_form(self, stack) -> None:
        url = f"http://localhost:8081/{TENANT}/oauth2/v2.0/token"
        refused(await stack.client.post(url, json={}), "invalid_request", 900561)


class TestMetadata:
    async def test_describes_what_is_there(self, stack) -> None:
        url = f"http://localhost:8081/{TENANT}/v2.0/.well-known/openid-configuration"
        document = (await stack.client.get(url)).json()
        assert document["issuer"] == stack.entra.issuer.issuer
        keys = (await stack.client.get(document["jwks_uri"])).json()["keys"]
        assert [key["kty"] for key in keys] == ["RSA"]
        assert all("d" not in key for key in keys)
        assert (await stack.client.get(document["authorization_endpoint"])).status_code == 400
        assert (await stack.client.post(document["token_endpoint"])).status_code == 400
        assert (await stack.client.get(document["end_session_endpoint"])).status_code == 200

    async def test_tokens_can_be_verified_with_it(self, stack) -> None:
        from joserfc import jwt
        from joserfc.jwk import KeySet

        keys = (await stack.client.get(f"http://localhost:8081/{TENANT}/discovery/v2.0/keys")).json()
        token = (await stack.sign_in())["id_token"]
        decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"])
        assert decoded.claims["aud"] == APP

    @pytest.mark.parametrize("path", ["discovery/v2.0/keys", "v2.0/.well-known/openid-configuration"])
    async def test_of_another_tenant(self, stack, path: str) -> None:
        assert (await stack.client.get(f"http://localhost:8081/common/{path}")).status_code == 400
