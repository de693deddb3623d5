"""M16: what Entra's token endpoint says is believed only when the ID token is right in every respect."""

from typing import Any

import pytest

from actors.tampered_entra import tampered_entra, with_claims
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person, answer_of


def unsigned(cloud: LocalCloud, tokens: dict[str, Any]) -> dict[str, Any]:
    payload = tokens["id_token"].split(".")[1]
    return tokens | {"id_token": f"eyJhbGciOiJub25lIn0.{payload}."}


def badly_signed(cloud: LocalCloud, tokens: dict[str, Any]) -> dict[str, Any]:
    head, payload, signature = tokens["id_token"].split(".")
    return tokens | {"id_token": f"{head}.{payload}.{signature[:-4]}AAAA"}


FOREIGN = "11111111-2222-4333-8444-555555555555"
WRONG = {
    "nonce of another sign-in": with_claims(nonce="another"),
    "no nonce": with_claims(nonce=None),
    "another audience": with_claims(aud=FOREIGN),
    "another issuer": with_claims(iss="https://login.example/v2.0"),
    "another tenant": with_claims(tid=FOREIGN),
    "no tenant": with_claims(tid=None),
    "no object id": with_claims(oid=None),
    "an object id that is none": with_claims(oid="../../x"),
    "an access token of another user, whose roles would be this one's": with_claims(of=["access_token"], oid=FOREIGN),
    "expired": with_claims(exp=lambda cloud: int(cloud.clock.now()) - 3600),
    "no expiry": with_claims(exp=None),
    "unsigned": unsigned,
    "badly signed": badly_signed,
    "none": lambda cloud, tokens: {k: v for k, v in tokens.items() if k != "id_token"},
    "not a token": lambda cloud, tokens: tokens | {"id_token": "x"},
}


@pytest.mark.parametrize("name", WRONG)
async def test_M16_a_wrong_id_token_signs_nobody_in(cloud: LocalCloud, name: str) -> None:
    application = Application(cloud.gateway_url)
    (await application.register()).raise_for_status()
    async with tampered_entra(cloud, WRONG[name]):
        end = await Person().sign_in(application.authorize_url())
    assert isinstance(end, str), end.text
    answer = answer_of(end)
    assert "code" not in answer
    assert answer["error"] in {"server_error", "access_denied", "temporarily_unavailable"}


async def test_M16_the_way_of_testing_itself_lets_a_right_token_pass(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    (await application.register()).raise_for_status()
    async with tampered_entra(cloud, with_claims(extra="harmless")):
        end = await Person().sign_in(application.authorize_url())
    assert "code" in answer_of(str(end))
