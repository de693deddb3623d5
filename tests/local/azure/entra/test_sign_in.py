"""The authorize endpoint, as a browser sees it."""

import lxml.html
import pytest

from secure_mcp_local.recording import Recording, Resource

APPLICATION = "azuread:index/application:Application"
SERVICE_PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"
ASSIGNMENT = "azuread:index/appRoleAssignment:AppRoleAssignment"
GRANT = "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant"


def buttons(page) -> dict[str, str]:
    (form,) = lxml.html.fromstring(page.text).forms
    return {button.get("value"): button.text_content() for button in form.xpath(".//button[@name='user']")}


class TestSigningIn:
    async def test_the_page_offers_people_and_a_way_out(self, stack) -> None:
        page = await stack.browse()
        assert page.status_code == 200
        assert list(buttons(page)) == ["alice", "bob", "mallory", "cancel"]
        assert "not assigned" in buttons(page)["mallory"]
        assert "not assigned" not in buttons(page)["alice"]
        assert "MCP sign-in" in page.text
        assert "<script" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"

    async def test_who_opens_its_address_is_told_what_it_is(self, stack) -> None:
        page = await stack.client.get(stack.entra.issuer.base_url)
        assert page.status_code == 200
        assert "This is the local Entra ID" in page.text
        assert "Alice Adams, Bob Brown, Mallory Moss" in page.text

    async def test_choosing_somebody_sends_back_a_code(self, stack, answer_of) -> None:
        answer = answer_of(await stack.browse(user="alice"))
        assert answer["state"] == "gateway-state"
        assert answer.keys() == {"code", "state", "session_state"}
        assert 500 < len(answer["code"]) < 1500, "as long as a real one"

    @pytest.mark.parametrize("state", ["a+b/c==%", " ", "ü&x=y", ""])
    async def test_state_comes_back_as_it_was(self, stack, answer_of, state: str) -> None:
        assert answer_of(await stack.browse(user="alice", state=state))["state"] == state

    async def test_no_state_none_back(self, stack, answer_of) -> None:
        assert "state" not in answer_of(await stack.browse(user="alice", state=None))

    async def test_cancelling(self, stack, answer_of) -> None:
        answer = answer_of(await stack.browse(user="cancel"))
        assert (answer["error"], answer["state"]) == ("access_denied", "gateway-state")
        assert "AADSTS65004" in answer["error_description"]
        assert "code" not in answer

    async def test_an_unknown_person_is_asked_again(self, stack) -> None:
        assert buttons(await stack.browse(user="eve"))

    async def test_the_form_of_another_site_is_refused(self, stack) -> None:
        url = str((await stack.browse()).request.url)
        page = await stack.client.post(url, data={"user": "alice"}, headers={"Origin": "http://localhost:8080"})
        assert page.status_code == 403
        assert "location" not in page.headers


class TestSessions:
    async def test_who_signed_in_before_is_not_asked(self, stack, answer_of) -> None:
        await stack.browse(user="bob")
        assert "code" in answer_of(await stack.browse())

    async def test_the_cookie_is_not_for_the_gateway(self, stack) -> None:
        cookie = (await stack.browse(user="bob")).headers["set-cookie"]
        assert "Path=/22222222-2222-4222-8222-222222222222" in cookie
        assert "HttpOnly" in cookie

    @pytest.mark.parametrize("prompt", ["login", "select_account", "consent"])
    async def test_a_prompt_asks_anyway(self, stack, prompt: str) -> None:
        await stack.browse(user="bob")
        assert buttons(await stack.browse(prompt=prompt))

    async def test_no_prompt_without_a_session(self, stack, answer_of) -> None:
        assert answer_of(await stack.browse(prompt="none"))["error"] == "login_required"

    async def test_no_prompt_with_a_session(self, stack, answer_of) -> None:
        await stack.browse(user="bob")
        assert "code" in answer_of(await stack.browse(prompt="none"))

    async def test_signing_out(self, stack) -> None:
        await stack.browse(user="bob")
        await stack.client.get("http://localhost:8081/22222222-2222-4222-8222-222222222222/oauth2/v2.0/logout")
        assert buttons(await stack.browse())

    async def test_a_session_ends_with_the_day(self, stack) -> None:
        await stack.browse(user="bob")
        stack.clock.advance(86401)
        assert buttons(await stack.browse())

    async def test_a_revoked_session_is_over(self, stack) -> None:
        await stack.browse(user="bob")
        stack.entra.revoke(stack.entra.user("bob"))
        assert buttons(await stack.browse())


class TestWhoCannotBeToldByRedirect:
    """An address that nobody declared gets nothing, least of all a redirect."""

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"client_id": None}, "AADSTS900144"),
            ({"client_id": "b1b1b1b1-1111-4111-8111-111111111111"}, "AADSTS700016"),
            ({"redirect_uri": None}, "AADSTS900144"),
            ({"redirect_uri": "https://evil.example/"}, "AADSTS50011"),
            ({"redirect_uri": "http://localhost:8080/oauth-callback/"}, "AADSTS50011"),
            ({"redirect_uri": "http://localhost:8080/oauth-callback?x=1"}, "AADSTS50011"),
            ({"redirect_uri": "http://localhost:9999/oauth-callback"}, "AADSTS50011"),
            ({"redirect_uri": "HTTP://localhost:8080/oauth-callback"}, "AADSTS50011"),
        ],
    )
    async def test_a_page(self, stack, changes: dict[str, str | None], code: str) -> None:
        page = await stack.browse(**changes)
        assert page.status_code == 400
        assert code in page.text
        assert "location" not in page.headers

    async def test_hostile_parameters_stay_text(self, stack) -> None:
        page = await stack.browse(redirect_uri="https://x/<script>alert(1)</script>")
        assert "<script" not in page.text

    async def test_a_repeated_parameter(self, stack) -> None:
        url = str((await stack.browse()).request.url)
        page = await stack.client.get(f"{url}&redirect_uri=https://evil.example/")
        assert (page.status_code, "AADSTS9000411" in page.text) == (400, True)

    @pytest.mark.parametrize("tenant", ["common", "organizations", "33333333-2222-4222-8222-222222222222"])
    async def test_another_tenant(self, stack, tenant: str) -> None:
        url = str((await stack.browse()).request.url).replace("22222222-2222-4222-8222-222222222222", tenant)
        page = await stack.client.get(url)
        assert (page.status_code, "AADSTS90002" in page.text) == (400, True)

    @pytest.mark.parametrize("type", [APPLICATION, SERVICE_PRINCIPAL])
    async def test_what_is_not_declared(self, build, recording: Recording, type: str) -> None:
        stack = build(recording.without(lambda r: r.type == type and r.name == "sign-in"))
        assert "AADSTS700016" in (await stack.browse()).text

    async def test_a_disabled_application(self, build, recording: Recording) -> None:
        principal = recording.one(SERVICE_PRINCIPAL, "sign-in")
        stack = build(recording.changed(principal.urn, accountEnabled=False))
        assert "AADSTS7000112" in (await stack.browse()).text


class TestErrorsThatTheApplicationHears:
    @pytest.mark.parametrize(
        ("changes", "error", "code"),
        [
            ({"resource": "http://localhost:8080/mcp"}, "invalid_target", "AADSTS9010010"),
            ({"resource": ""}, "invalid_target", "AADSTS9010010"),
            ({"response_type": "token"}, "unsupported_response_type", "AADSTS700054"),
            ({"response_type": "code id_token"}, "unsupported_response_type", "AADSTS700054"),
            ({"response_type": None}, "invalid_request", "AADSTS900144"),
            ({"response_mode": "form_post"}, "invalid_request", "AADSTS90023"),
            ({"code_challenge_method": "plain"}, "invalid_request", "AADSTS501491"),
            ({"code_challenge_method": None}, "invalid_request", "AADSTS501491"),
            ({"code_challenge": None}, "invalid_request", "AADSTS900144"),
            ({"code_challenge": "short"}, "invalid_request", "AADSTS501491"),
            ({"prompt": "create"}, "invalid_request", "AADSTS90023"),
            ({"scope": None}, "invalid_request", "AADSTS900144"),
            ({"scope": "openid mcp:tools"}, "invalid_client", "AADSTS650053"),
            ({"scope": "openid api://unknown/x"}, "invalid_resource", "AADSTS500011"),
        ],
    )
    async def test_a_redirect(self, stack, answer_of, changes: dict[str, str | None], error: str, code: str) -> None:
        answer = answer_of(await stack.browse(user="alice", **changes))
        assert (answer["error"], answer["state"]) == (error, "gateway-state")
        assert answer["error_description"].startswith(code)
        assert "code" not in answer


class TestWhoMay:
    async def test_who_is_not_assigned_sees_why(self, stack) -> None:
        page = await stack.browse(user="mallory")
        assert page.status_code == 400
        assert "AADSTS50105" in page.text
        assert "location" not in page.headers
        assert "set-cookie" not in page.headers
        assert lxml.html.fromstring(page.text).forms == []

    async def test_and_can_be_somebody_else(self, stack) -> None:
        page = await stack.browse(user="mallory")
        (link,) = lxml.html.fromstring(page.text).xpath("//a/@href")
        again = await stack.client.get(str(page.request.url.join(link)))
        assert "alice" in buttons(again)

    async def test_without_required_assignment_everybody_may(self, build, recording: Recording, answer_of) -> None:
        principal = recording.one(SERVICE_PRINCIPAL, "sign-in")
        stack = build(recording.changed(principal.urn, appRoleAssignmentRequired=False))
        assert "code" in answer_of(await stack.browse(user="mallory"))

    async def test_assigning_nobody_lets_nobody_in_and_says_so(self, build, recording: Recording) -> None:
        stack = build(recording.without(lambda r: r.type == ASSIGNMENT))
        page = await stack.browse(user="alice")
        assert "AADSTS50105" in page.text
        assert "assignedGroups" in page.text

    async def test_an_assigned_person_is_only_that_person(self, build, recording: Recording, answer_of) -> None:
        assignment = recording.one(ASSIGNMENT)
        alice = build(recording).entra.user("alice")
        stack = build(recording.changed(assignment.urn, principalObjectId=alice.oid))
        assert "code" in answer_of(await stack.browse(user="alice"))
        assert "AADSTS50105" in (await stack.browse(user="bob")).text

    async def test_an_assignment_to_another_application_is_none(self, build, recording: Recording) -> None:
        assignment = recording.one(ASSIGNMENT)
        stack = build(recording.changed(assignment.urn, resourceObjectId="00000000-0000-4000-8000-000000000000"))
        assert "AADSTS50105" in (await stack.browse(user="alice")).text

    async def test_a_disabled_user(self, stack) -> None:
        stack.entra.user("alice").enabled = False
        assert "AADSTS50057" in (await stack.browse(user="alice")).text

    async def test_a_user_who_lost_the_assignment_is_refused_silently_too(self, stack, answer_of) -> None:
        await stack.browse(user="alice")
        stack.entra.user("alice").employee = False
        assert "AADSTS50105" in (await stack.browse()).text
        assert answer_of(await stack.browse(prompt="none"))["error"] == "interaction_required"


class TestConsent:
    async def test_required_assignment_needs_an_administrators_consent(self, build, recording: Recording) -> None:
        stack = build(recording.without(lambda r: r.type == GRANT))
        page = await stack.browse(user="alice")
        assert "AADSTS90094" in page.text
        assert "ServicePrincipalDelegatedPermissionGrant" in page.text

    async def test_a_permission_beyond_the_grant(self, stack) -> None:
        page = await stack.browse(user="alice", scope="openid User.Read")
        assert "AADSTS90094" in page.text

    async def test_a_grant_to_another_application_is_none(self, build, recording: Recording) -> None:
        grant = recording.one(GRANT)
        changed = recording.changed(grant.urn, servicePrincipalObjectId="00000000-0000-4000-8000-000000000000")
        assert "AADSTS90094" in (await build(changed).browse(user="alice")).text

    async def test_otherwise_the_user_consents_by_going_on(self, build, recording: Recording, answer_of) -> None:
        principal = recording.one(SERVICE_PRINCIPAL, "sign-in")
        without: list[Resource] = [r for r in recording if r.type != GRANT]
        open_to_all = Recording("secure-mcp", "dev", tuple(without)).changed(
            principal.urn, appRoleAssignmentRequired=False
        )
        stack = build(open_to_all)
        assert "code" in answer_of(await stack.browse(user="alice"))
        assert "code" in answer_of(await stack.browse()), "not asked again"
        assert buttons(await stack.browse(scope="openid User.Read")), "asked for what is new"
        assert answer_of(await stack.browse(scope="openid User.Read", prompt="none"))["error"] == "consent_required"
