"""A refusal is explained where it happens: one line on the terminal, and on top of the request in the console."""

from collections.abc import Callable

import httpx
import pytest
from playwright.async_api import Browser, expect

from e2e.test_wiring import (
    FEDERATED_CREDENTIAL,
    ROLE_ON_SESSIONS,
    cloud_without,
    last_step,
    no_identity,
    no_storage_role,
    nobody_allowed,
    of_type,
    without,
    wrong_subject,
)
from samples import EXPLANATIONS
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording import Recording
from secure_mcp_local.testing import Application, Person

Change = Callable[[Recording], Recording]
APPLICATION = "azuread:index/application:Application"
GRANT = "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant"


def wrong_audience(recording: Recording) -> Recording:
    credential = of_type(recording, FEDERATED_CREDENTIAL)
    return recording.changed(credential.urn, audiences=["api://somebody-else"])


def wrong_redirect_uri(recording: Recording) -> Recording:
    application = next(one for one in recording.all("azuread:index/applicationRedirectUris:ApplicationRedirectUris"))
    return recording.changed(application.urn, redirectUris=["https://elsewhere.example/oauth-callback"])


async def explained(change: Change) -> tuple[LocalCloud, list[str]]:
    """What the terminal says while somebody signs in and calls."""
    lines: list[str] = []
    async with cloud_without(change) as cloud:
        cloud.journal.tellers.append(lines.append)
        assert await last_step(cloud) != "none"
    return cloud, lines


@EXPLANATIONS
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            without(ROLE_ON_SESSIONS),
            ["403/5302 RbacUnauthorizedNameBasedDataRequest", "items/create", "declared: no role assignment"],
        ),
        (
            no_identity,
            ["No User Assigned or Delegated Managed Identity found", "declared: no user-assigned identity"],
        ),
        (nobody_allowed, ["refused, 403", "among allowedApplications; declared: 00000000-", "policies/mcp/api.xml:"]),
        (wrong_subject, ["AADSTS700213", "subject", "declared: '00000000-", "policies/fragments/entra-token.xml:"]),
        (wrong_audience, ["AADSTS700212", "'api://AzureADTokenExchange'", "declared: 'api://somebody-else'"]),
        (no_storage_role, ["403 AuthorizationPermissionMismatch", "containers/blobs/", "declared: no role assignment"]),
        (wrong_redirect_uri, ["AADSTS50011", "/oauth-callback", "declared: https://elsewhere.example/oauth-callback"]),
        (
            without(GRANT, claimValues=["openid", "profile", "offline_access"]),
            ["AADSTS90094", "consent to", "declared: Mcp.SignIn;"],
        ),
    ],
    ids=["role", "identity", "application", "subject", "audience", "storage role", "redirect URI", "consent"],
)
async def test_the_line_has_the_code_and_what_was_expected_and_declared(change: Change, said: list[str]) -> None:
    cloud, lines = await explained(change)
    assert lines
    for part in said:
        assert part in lines[0], lines[0]
    # One line, about one request, which the console shows as failed with the same words.
    assert "\n" not in lines[0]
    request = next(trace for trace in cloud.journal.traces if trace.refusals)
    assert request.summary()["refused"]
    assert f"({request.method} {request.path}" in lines[0]


async def test_nothing_secret_is_in_what_is_said() -> None:
    for change in (wrong_subject, without(ROLE_ON_SESSIONS), no_storage_role):
        cloud, lines = await explained(change)
        told = "".join(lines) + str([trace.refusals for trace in cloud.journal.traces])
        assert "eyJ" not in told
        assert not any(secret in told for secret in cloud.gateway.secrets)


async def test_a_person_who_is_not_assigned_is_explained_at_the_request_that_sent_them_to_sign_in(
    cloud: LocalCloud, browser: Browser
) -> None:
    lines: list[str] = []
    cloud.journal.tellers.append(lines.append)
    try:
        application, mallory = Application(cloud.gateway_url), Person("mallory")
        (await application.register()).raise_for_status()
        page = await browser.new_page()
        await page.goto(cloud.console_url)
        await expect(page.locator("#live")).to_have_text("Live")
        end = await mallory.sign_in(application.authorize_url())
        assert not isinstance(end, str)
        assert len(lines) == 1
        assert "AADSTS50105" in lines[0]
        assert "appRoleAssignmentRequired" in lines[0]
        request = next(trace for trace in reversed(cloud.journal.traces) if trace.refusals)
        assert request.status in {302, 303}
        await page.locator(".row", has_text="refused: AADSTS50105").last.click()
        await expect(page.locator(".refusal h3")).to_contain_text("Entra ID refused: AADSTS50105")
        await expect(page.locator(".title .status")).to_have_class("status refused")
        await page.locator("#kind").select_option("failed")
        await expect(page.locator(".row", has_text="refused: AADSTS50105").last).to_be_visible()
        await page.close()
    finally:
        cloud.journal.tellers.clear()


async def test_what_a_stranger_sends_cannot_write_on_the_terminal(cloud: LocalCloud) -> None:
    lines: list[str] = []
    teller = lines.append
    cloud.journal.tellers.append(teller)
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            tenant = cloud.entra.issuer.tenant
            answer = await client.get(
                f"{cloud.entra_url}/{tenant}/oauth2/v2.0/authorize",
                params={"client_id": "\x1b[2Jx\nerror: \u2028all is well", "redirect_uri": "x"},
            )
        assert answer.status_code == 400
        assert len(lines) == 1
        assert "AADSTS700016" in lines[0]
        assert lines[0].isprintable()
    finally:
        cloud.journal.tellers.remove(teller)
