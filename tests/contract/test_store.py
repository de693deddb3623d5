"""What strangers write is apart from what sessions need: nobody who is signed in feels a flood of registrations."""

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person


async def test_registrations_and_sign_ins_in_progress_are_in_a_container_of_their_own(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    await application.tokens(Person())
    await Person().request("GET", application.authorize_url())
    kinds = {
        container.name: {str(document["id"]).split("-")[0] for document in container.documents()}
        for container in cloud.cosmos.containers
    }
    # Others may have been here before, with assertions and the like.
    assert {"client", "tx"} <= kinds["registrations"]
    assert "session" in kinds["sessions"]
    assert "session" not in kinds["registrations"]
    assert not {"client", "tx", "stranger"} & kinds["sessions"]


async def test_nobody_who_is_signed_in_feels_a_flood_of_registrations(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    # A secret that waits for its first use is looked up whenever its client comes without it.
    await application.register(token_endpoint_auth_method="none")
    tokens = await application.tokens(Person())

    def flooded(app: ASGIApp) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            throttled = "/colls/registrations" in scope["path"]
            await (Response(status_code=429) if throttled else app)(scope, receive, send)

        return answer

    for host, app in cloud.cosmos.hosts.items():
        cloud.network.serve(host, flooded(app), kind="cosmos")
    try:
        assert (await application.register()).status_code == 503
        assert (await application.call(tokens["access_token"])).status_code == 200
        cloud.clock.advance(61)  # what the gateway remembers of the session is over: it asks the store
        assert (await application.call(tokens["access_token"])).status_code == 200
        assert (await application.refresh(tokens["refresh_token"])).status_code == 200
    finally:
        for host, app in cloud.cosmos.hosts.items():
            cloud.network.serve(host, app, kind="cosmos")
