"""The cache may forget, the gateway may restart: nobody notices."""

from collections.abc import Callable

import pytest

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person, answer_of


def forget(cloud: LocalCloud) -> None:
    cloud.gateway.cache.clear()


def restart(cloud: LocalCloud) -> None:
    cloud.restart_gateway()


LOSSES = pytest.mark.parametrize("lose", [forget, restart], ids=["cache emptied", "gateway restarted"])


@LOSSES
async def test_M7_nothing_is_lost_between_any_two_steps(cloud: LocalCloud, lose: Callable[[LocalCloud], None]) -> None:
    application, person = Application(cloud.gateway_url), Person()
    (await application.register()).raise_for_status()
    lose(cloud)
    page = await person.request("GET", application.authorize_url())
    lose(cloud)
    response = await person.submit(page)
    lose(cloud)
    end = await person.sign_in(response.headers["location"])
    lose(cloud)
    tokens = (await application.exchange(answer_of(str(end))["code"])).json()
    lose(cloud)
    assert (await application.call(tokens["access_token"])).status_code == 200
    lose(cloud)
    tokens = (await application.refresh(tokens["refresh_token"])).json()
    lose(cloud)
    assert (await application.call(tokens["access_token"])).status_code == 200


@LOSSES
async def test_M7_a_registration_outlives_days(cloud: LocalCloud, lose: Callable[[LocalCloud], None]) -> None:
    application = Application(cloud.gateway_url)
    (await application.register()).raise_for_status()
    # Nobody has used it yet (unusedRegistrationDays); what is used lives on.
    for days in (13, 90):
        cloud.clock.advance(days * 86400)
        lose(cloud)
        assert "access_token" in await application.tokens(Person())


async def test_M7_values_that_arrive_late_in_the_cache_change_nothing(cloud: LocalCloud) -> None:
    cloud.gateway.cache.delay = 5
    try:
        application = Application(cloud.gateway_url)
        tokens = await application.tokens(Person())
        for _ in range(3):
            assert (await application.call(tokens["access_token"])).status_code == 200
            cloud.clock.advance(2)
        tokens = (await application.refresh(tokens["refresh_token"])).json()
        assert (await application.call(tokens["access_token"])).status_code == 200
    finally:
        cloud.gateway.cache.delay = 0


async def test_M7_an_ended_session_is_over_within_a_minute_even_when_the_notice_is_lost(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    tokens = await application.tokens(Person())
    assert (await application.call(tokens["access_token"])).status_code == 200
    await application.send(
        "POST", "/revoke", data={"token": tokens["refresh_token"], "client_id": application.client_id}
    )
    cloud.gateway.cache.clear()
    assert (await application.call(tokens["access_token"])).status_code == 401
