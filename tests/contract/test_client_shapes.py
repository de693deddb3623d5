"""Real clients: each registers, signs in, calls and refreshes three times as it is documented to. Their requests are rows of `client_shapes.yaml`."""

import base64
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person, answer_of

SHAPES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "client_shapes.yaml").read_text("utf-8"))
DOCUMENT = Path(__file__).parents[2] / "docs" / "clients.md"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["name"])
async def test_C3_a_client_signs_in_and_stays(cloud: LocalCloud, shape: dict[str, Any]) -> None:
    application = Application(cloud.gateway_url, scope=shape["scope"])
    registration = await application.send("POST", "/register", json=shape["register"])
    assert registration.status_code == 201, registration.text
    client = registration.json()
    assert client["redirect_uris"] == shape["register"]["redirect_uris"]
    application.client_id = client["client_id"]
    application.redirect_uri = shape.get("redirect", shape["register"]["redirect_uris"][0])
    if "port" in shape:
        application.redirect_uri = re.sub(r":\d+/", f":{shape['port']}/", application.redirect_uri)

    end = await Person().sign_in(application.authorize_url(**shape.get("authorize", {})))
    assert isinstance(end, str), end.text
    assert end.startswith(application.redirect_uri)
    answer = answer_of(end)
    assert (answer["state"], answer["iss"]) == (application.state, cloud.gateway_url)

    async def token(**form: str) -> httpx.Response:
        headers: dict[str, str] = {}
        sent: dict[str, Any] = {"client_id": application.client_id, "resource": application.resource, **form}
        if shape.get("secret") == "basic":
            pair = f"{quote(sent.pop('client_id'))}:{quote(client['client_secret'])}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        elif shape.get("secret") == "post":
            sent["client_secret"] = client["client_secret"]
        sent |= shape.get("token", {})
        data = {name: value for name, value in sent.items() if value is not None}
        return await application.send("POST", "/token", data=data, headers=headers)

    response = await token(
        grant_type="authorization_code",
        code=answer["code"],
        redirect_uri=application.redirect_uri,
        code_verifier=application.verifier,
    )
    for _ in range(4):
        assert response.status_code == 200, response.text
        tokens = response.json()
        assert tokens["token_type"] == "Bearer"
        assert set(tokens["scope"].split()) == set(shape["scope"].split()) & {"mcp:tools", "offline_access"}
        assert (await application.call(tokens["access_token"], "tools/list")).status_code == 200
        cloud.clock.advance(1801)
        assert (await application.call(tokens["access_token"])).status_code == 401
        response = await token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    if "secret" in shape:
        # Whoever has used a secret cannot go on without it.
        bare = await application.refresh(response.json()["refresh_token"])
        assert (bare.status_code, bare.json()["error"]) == (401, "invalid_client")


def test_C3_every_client_has_a_row() -> None:
    text = DOCUMENT.read_text("utf-8")
    for shape in SHAPES:
        assert f"| {shape['name']} |" in text, f"docs/clients.md has no row for {shape['name']}"


def test_C3_every_parameter_that_a_policy_reads_has_a_row() -> None:
    """The table of parameters is complete: what the policies of the endpoints read by name stands in it, and nothing else."""
    text = DOCUMENT.read_text("utf-8")
    policies = Path(__file__).parents[2] / "policies"
    read = {
        "/authorize": set(
            re.findall(r'parameters"?\]?\)?\["(\w+)"\]', (policies / "oauth/authorize.xml").read_text("utf-8"))
        ),
        "/token": {
            name
            for document in ("oauth/token.xml", "grants/authorization-code.xml", "grants/refresh-token.xml")
            for name in re.findall(r'form"?\]?\)?\["(\w+)"\]', (policies / document).read_text("utf-8"))
        },
    }
    for endpoint, names in read.items():
        assert names, endpoint
        for name in names:
            assert f"| `{endpoint}` | `{name}` |" in text, f"docs/clients.md has no row for {name} of {endpoint}"
