"""The server as a client finds it: the whole stack, on this machine."""

import json
from typing import Any


def said(answer: Any) -> str:
    return json.loads(answer.text.partition("data: ")[2])["result"]["content"][0]["text"]


async def test_alice_counts_words(local_client: Any, alice: Any) -> None:
    client = local_client()
    tokens = await client.tokens(alice)
    call = {"name": "count_words", "arguments": {"text": "one two three"}}
    assert said(await client.call(tokens["access_token"], "tools/call", call)) == "3 words, Alice Adams."


async def test_nobody_gets_in_without_signing_in(local_client: Any) -> None:
    assert (await local_client().call(None, "tools/list")).status_code == 401


async def test_who_is_in_no_group_does_not_get_in(local_client: Any, mallory: Any) -> None:
    client = local_client()
    await client.register()
    end = await mallory.sign_in(client.authorize_url())
    assert "code=" not in str(end)
