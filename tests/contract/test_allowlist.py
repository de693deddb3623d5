"""B4: only listed clients may sign in."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]


async def test_B4_only_clients_that_redirect_to_a_listed_place_may_register_and_sign_in(cloud_with: CloudWith) -> None:
    async with cloud_with(allowedClients='["127.0.0.1", "app.example.com"]') as cloud:
        application = Application(cloud.gateway_url)
        assert (await application.register(redirect_uris=["https://evil.example/"])).status_code == 400
        mixed = [application.redirect_uri, "https://evil.example/"]
        assert (await application.register(redirect_uris=mixed)).status_code == 400
        assert (await application.register(redirect_uris=["https://app.example.com.evil.example/"])).status_code == 400
        assert (await application.register()).status_code == 201
        assert "access_token" in await application.tokens(Person())


async def test_B4_a_client_that_is_no_longer_listed_is_refused(cloud_with: CloudWith) -> None:
    async with cloud_with() as cloud:
        application = Application(cloud.gateway_url)
        await application.register()
        cloud.reconfigure(allowedClients='["app.example.com"]')
        page = await Person().request("GET", application.authorize_url())
        assert page.status_code == 403
        assert "location" not in page.headers
