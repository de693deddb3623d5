"""Whatever a stranger sends to Entra ID, the answer is one of its own."""

from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

AUTHORIZE = "http://localhost:8081/22222222-2222-4222-8222-222222222222/oauth2/v2.0/authorize"
TOKEN = AUTHORIZE.replace("authorize", "token")
NAMES = [
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "prompt",
    "resource",
    "code",
]

quickly = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@quickly
@given(changes=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=60)), user=st.text(max_size=20))
async def test_authorize(stack, changes: dict[str, str], user: str) -> None:
    url = f"{AUTHORIZE}?{urlencode(stack.parameters() | changes)}"
    for answer in (await stack.client.get(url), await stack.client.post(url, data={"user": user})):
        assert answer.status_code in {200, 302, 400}
        if answer.status_code == 302:
            assert answer.headers["location"].startswith("http://localhost:8080/oauth-callback?")


@quickly
@given(changes=st.dictionaries(st.sampled_from([*NAMES, "grant_type", "client_assertion"]), st.text(max_size=60)))
async def test_token(stack, changes: dict[str, str]) -> None:
    answer = await stack.token(**({"code": "x"} | changes))
    assert answer.status_code in {400, 401}
    assert answer.json()["error_codes"]


@quickly
@given(body=st.binary(max_size=200), path=st.text(max_size=30))
async def test_garbage(stack, body: bytes, path: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await stack.client.post(TOKEN, content=body, headers=headers)).status_code == 400
    url = "http://localhost:8081/" + urlencode({path: ""})
    assert (await stack.client.get(url)).status_code == 404


@pytest.mark.parametrize("query", ["%", "%ff", "&&&", "=", "client_id", "client_id=%00", "state=%f0%28"])
async def test_odd_queries(stack, query: str) -> None:
    assert (await stack.client.get(f"{AUTHORIZE}?{query}")).status_code == 400
