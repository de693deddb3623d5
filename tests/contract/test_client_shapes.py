"""Real clients: each registers, signs in, calls and refreshes three times as it is documented to. Their requests are rows of `client_shapes.yaml`."""

from pathlib import Path
from typing import Any

import pytest

from actors.shaped import SHAPES, ShapedClient
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person, answer_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "clients.md"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["name"])
async def test_C3_a_client_signs_in_and_stays(cloud: LocalCloud, shape: dict[str, Any]) -> None:
    client = ShapedClient(cloud.gateway_url, scope=shape["scope"], shape=shape)
    registration = await client.register()
    assert registration.status_code == 201, registration.text
    assert registration.json()["redirect_uris"] == shape["register"]["redirect_uris"]

    end = await Person().sign_in(client.authorize_url())
    assert isinstance(end, str), end.text
    assert end.startswith(client.redirect_uri)
    answer = answer_of(end)
    assert (answer["state"], answer["iss"]) == (client.state, cloud.gateway_url)

    response = await client.exchange(answer["code"])
    for _ in range(4):
        assert response.status_code == 200, response.text
        tokens = response.json()
        assert tokens["token_type"] == "Bearer"
        assert set(tokens["scope"].split()) == set(shape["scope"].split()) & {"mcp:tools", "offline_access"}
        assert (await client.call(tokens["access_token"], "tools/list")).status_code == 200
        cloud.clock.advance(1801)
        assert (await client.call(tokens["access_token"])).status_code == 401
        response = await client.refresh(tokens["refresh_token"])
    if "secret" in shape:
        # Whoever has used a secret cannot go on without it.
        bare = await Application.refresh(client, response.json()["refresh_token"])
        assert (bare.status_code, bare.json()["error"]) == (401, "invalid_client")


def test_C3_every_client_has_a_row() -> None:
    text = DOCUMENT.read_text("utf-8")
    for shape in SHAPES:
        [row] = [line for line in text.splitlines() if line.startswith(f"| {shape['name']} |")]
        assert f"[by shape]({shape['source']})" in row
