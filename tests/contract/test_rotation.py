"""B3: the key that seals rotates by configuration, and nobody is signed out."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]


async def test_B3_sessions_go_on_after_one_rotation_and_end_after_two(cloud_with: CloudWith) -> None:
    async with cloud_with() as cloud:
        application, lazy = Application(cloud.gateway_url), Application(cloud.gateway_url)
        tokens = await application.tokens(Person())
        unused = await lazy.tokens(Person())
        waiting = Person()
        page = await waiting.request("GET", application.authorize_url())

        cloud.reconfigure(encryptionKeyVersion="2")
        assert (await application.call(tokens["access_token"])).status_code == 200
        renewed = (await application.refresh(tokens["refresh_token"])).json()
        assert renewed["access_token"][:2] != tokens["access_token"][:2], "sealed with the new version"
        assert (await application.call(renewed["access_token"])).status_code == 200
        assert (await waiting.submit(page)).status_code == 303, "a sign-in in progress goes on"

        cloud.reconfigure(encryptionKeyVersion="3")
        assert (await application.call(renewed["access_token"])).status_code == 200
        assert (await lazy.call(unused["access_token"])).status_code == 401
        assert (await lazy.refresh(unused["refresh_token"])).json()["error"] == "invalid_grant"
