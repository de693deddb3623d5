"""/authorize, the consent page and the way back from Entra ID."""

import re
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import lxml.html
import pytest

from secure_mcp_local.azure.entra.directory import Directory
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person, answer_of


@pytest.fixture
async def registered(application: Application) -> Application:
    (await application.register()).raise_for_status()
    return application


async def authorize(application: Application, person: Person | None = None, **changes: str | None) -> httpx.Response:
    return await (person or Person()).request("GET", application.authorize_url(**changes))


def is_error_page(response: httpx.Response) -> bool:
    return (
        response.status_code in {400, 403}
        and "location" not in response.headers
        and response.headers["content-type"].startswith("text/html")
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "unknown"},
        {"client_id": "00000000-0000-4000-8000-000000000000"},
        {"client_id": "../session-x"},
        {"client_id": "https://unlisted.example.com/client.json"},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:53682/other"},
        {"redirect_uri": "http://127.0.0.1:53682/callback/"},
        {"redirect_uri": "http://127.0.0.1:53682/callback?x=1"},
        {"redirect_uri": "http://127.0.0.1:53682/CALLBACK"},
        {"redirect_uri": "http://localhost:53682/callback"},
        {"redirect_uri": "http://127.0.0.1:53682@evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:53682:80/callback"},
        {"redirect_uri": "javascript:alert(1)"},
    ],
)
async def test_M8_no_redirect_until_the_client_and_its_redirect_uri_are_known(
    registered: Application, changes: dict[str, str | None]
) -> None:
    assert is_error_page(await authorize(registered, **changes))


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
async def test_M8_a_repeated_parameter_that_decides_the_redirect_is_an_error_page(
    registered: Application, name: str
) -> None:
    value = {"client_id": registered.client_id, "redirect_uri": registered.redirect_uri}[name]
    url = registered.authorize_url() + f"&{name}={quote(value, safe='')}"
    assert is_error_page(await Person().request("GET", url))


@pytest.mark.parametrize("port", [":1", ":65000", ""])
async def test_M8_the_port_of_a_loopback_redirect_may_differ(registered: Application, port: str) -> None:
    redirect = f"http://127.0.0.1{port}/callback"
    end = await Person().sign_in(registered.authorize_url(redirect_uri=redirect))
    assert isinstance(end, str)
    assert end.startswith(redirect + "?code=")


async def test_M8_the_port_of_an_https_redirect_may_not(application: Application) -> None:
    await application.register(redirect_uris=["https://app.example.com/callback"])
    assert is_error_page(await authorize(application, redirect_uri="https://app.example.com:444/callback"))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "read write"}, "invalid_scope"),
        ({"scope": "openid offline_access"}, "invalid_scope"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://app.example.com/request"}, "request_uri_not_supported"),
        ({"prompt": "none"}, "interaction_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": "not a url"}, "invalid_target"),
    ],
)
async def test_M9_later_errors_go_to_the_client(
    registered: Application, changes: dict[str, str | None], error: str
) -> None:
    response = await authorize(registered, **changes)
    assert response.status_code == 302
    location = response.headers["location"]
    assert location.startswith(registered.redirect_uri + "?")
    answer = answer_of(location)
    assert answer["error"] == error
    assert answer["state"] == registered.state
    assert answer["iss"] == registered.gateway_url
    assert "code" not in answer


@pytest.mark.parametrize("name", ["state", "scope", "code_challenge", "response_type", "resource"])
async def test_M9_a_repeated_parameter_goes_to_the_client(registered: Application, name: str) -> None:
    response = await Person().request("GET", registered.authorize_url() + f"&{name}=x")
    assert answer_of(response.headers["location"])["error"] == (
        "invalid_target" if name == "resource" else "invalid_request"
    )


@pytest.mark.parametrize(
    "state", ["a+b/c==%", "ünï {{x}} \"<>'&#", "2026-11-24T00:00:00Z", "x" * 500, " leading", "a\nb"]
)
async def test_M10_state_comes_back_byte_for_byte(registered: Application, state: str) -> None:
    end = await Person().sign_in(registered.authorize_url(state=state))
    assert isinstance(end, str)
    assert answer_of(end)["state"] == state


async def test_M10_state_is_optional(registered: Application) -> None:
    end = await Person().sign_in(registered.authorize_url(state=None))
    assert isinstance(end, str)
    assert "state" not in answer_of(end)


async def test_M10_the_query_of_a_redirect_uri_is_kept(application: Application) -> None:
    application.redirect_uri = "https://app.example.com/callback?tenant=a%2Fb&x=1"
    await application.register()
    end = await Person().sign_in(application.authorize_url())
    assert isinstance(end, str)
    assert end.startswith(application.redirect_uri + "&code=")


@pytest.mark.parametrize("change", [str, str.upper, lambda url: url + "/", lambda url: None])
async def test_M11_case_and_one_trailing_slash_and_absence_of_resource_are_tolerated(
    registered: Application, change: object
) -> None:
    resource = change(registered.gateway_url + "/mcp")  # type: ignore[operator]
    assert (await authorize(registered, resource=resource)).status_code == 200


async def test_M12_nothing_of_the_client_goes_to_entra(cloud: LocalCloud, registered: Application) -> None:
    person = Person()
    page = await authorize(registered, person, prompt="consent", login_hint="x", domain_hint="y", claims="{}")
    response = await person.submit(page)
    upstream = parse_qs(urlsplit(response.headers["location"]).query)
    assert set(upstream) == {
        "client_id", "response_type", "response_mode", "redirect_uri",
        "scope", "state", "nonce", "code_challenge", "code_challenge_method",
    }  # fmt: skip
    # P4: the server's own application says what its users may do.
    applications = Directory.from_recording(cloud.recording).applications
    [server] = [app for app in applications if app.name.endswith("(MCP server)")]
    assert upstream["scope"] == [f"openid profile offline_access {server.client_id}/.default"]
    assert upstream["state"] != [registered.state]


@pytest.mark.parametrize(
    ("prompt", "upstream"),
    [
        ("select_account", "select_account"),
        ("login", "login"),
        ("consent select_account", "select_account"),
        ("consent", None),
        ("create", None),
        ("select_account&x=", None),
    ],
)
async def test_M12_whose_account_it_is_may_be_asked_for(
    registered: Application, prompt: str, upstream: str | None
) -> None:
    person = Person()
    response = await person.submit(await authorize(registered, person, prompt=prompt))
    query = parse_qs(urlsplit(response.headers["location"]).query)
    assert query.get("prompt") == ([upstream] if upstream else None)


async def test_M12_a_person_with_several_accounts_chooses_each_time(cloud: LocalCloud, registered: Application) -> None:
    person = Person("alice")
    await registered.tokens(person)
    person.name = "bob"
    end = await person.sign_in(registered.authorize_url(prompt="select_account"))
    assert isinstance(end, str)
    tokens = (await registered.exchange(answer_of(end)["code"])).json()
    assert (await registered.call(tokens["access_token"])).status_code == 200
    # Of those that are refused nobody is known; tests that ran before may have left such.
    issued = [event for trace in cloud.gateway.traces for event in trace.events("secure-mcp.audit")]
    done = [event for event in issued if (event["event"], event["outcome"]) == ("sign-in", "succeeded")]
    assert done[-1]["user"] == cloud.entra.user("bob").oid


@pytest.mark.parametrize("asked", ["openid mcp:tools", "mcp:tools read", "mcp:tools mcp:tools profile email"])
async def test_M20_unknown_scopes_are_left_out_and_the_answer_says_so(registered: Application, asked: str) -> None:
    registered.scope = asked
    tokens = await registered.tokens(Person())
    assert tokens["scope"] == "mcp:tools"


async def test_M20_offline_access_is_granted_where_it_is_asked(registered: Application) -> None:
    for asked in ("mcp:tools offline_access", "offline_access"):
        registered.scope = asked
        tokens = await registered.tokens(Person())
        assert tokens["scope"] == "mcp:tools offline_access"
        tokens = (await registered.refresh(tokens["refresh_token"])).json()
        assert tokens["scope"] == "mcp:tools offline_access"
        assert (await registered.call(tokens["access_token"])).status_code == 200


async def test_M8_the_only_registered_redirect_uri_need_not_be_repeated(application: Application) -> None:
    await application.register()
    end = await Person().sign_in(application.authorize_url(redirect_uri=None))
    assert isinstance(end, str)
    assert end.startswith(application.redirect_uri + "?")
    assert (await application.exchange(answer_of(end)["code"], redirect_uri=None)).status_code == 200
    # Who said it once says it again.
    end = await Person().sign_in(application.authorize_url())
    assert isinstance(end, str)
    assert (await application.exchange(answer_of(end)["code"], redirect_uri=None)).status_code == 400
    await application.register(redirect_uris=[application.redirect_uri, "https://app.example.com/callback"])
    assert is_error_page(await authorize(application, redirect_uri=None))


@pytest.mark.parametrize(
    ("registered_uri", "asked"),
    [
        ("http://127.0.0.1:33418/", "http://127.0.0.1:33418"),
        ("http://127.0.0.1:33418", "http://127.0.0.1:1/"),
        ("http://localhost?a=1", "http://localhost:5/?a=1"),
        ("http://[::1]:1/cb", "http://[::1]/cb"),
    ],
)
async def test_M8_an_empty_path_of_this_computer_is_the_root(
    application: Application, registered_uri: str, asked: str
) -> None:
    await application.register(redirect_uris=[registered_uri])
    assert (await authorize(application, redirect_uri=asked)).status_code == 200
    for other in (asked + "x", asked.replace("http:", "https:"), "https://app.example.com"):
        assert is_error_page(await authorize(application, redirect_uri=other))


async def test_M9_nobody_is_sent_to_a_stranger_before_they_agreed(application: Application) -> None:
    stranger = "https://evil.example.net/x?a=1"
    await application.register(redirect_uris=[stranger])
    page = await authorize(application, redirect_uri=stranger, response_type="x")
    assert is_error_page(page)
    [link] = lxml.html.fromstring(page.text).findall(".//main//a")
    assert link.text_content() == "Go back to evil.example.net"
    answer = answer_of(link.get("href") or "")
    assert (answer["error"], answer["state"]) == ("unsupported_response_type", application.state)
    assert answer["iss"] == application.gateway_url
    # Whoever saw the page and said no has agreed to be sent back.
    person = Person(answer="deny")
    end = await person.sign_in(application.authorize_url(redirect_uri=stranger))
    assert isinstance(end, str)
    assert answer_of(end)["error"] == "access_denied"


async def test_M13_consent_says_who_asks_and_where_it_sends(application: Application) -> None:
    await application.register(client_name='<script>alert(1)</script>"&', redirect_uris=["https://app.example.com/cb"])
    page = await authorize(application, redirect_uri="https://app.example.com/cb")
    assert page.status_code == 200
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&amp;" in page.text
    assert "<script" not in page.text
    assert "app.example.com" in page.text
    assert "mcp:tools" in page.text
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("drop", ["cookie", "csrf", "other csrf", "other tx", "origin"])
async def test_M13_an_answer_that_this_browser_was_not_shown_is_refused(registered: Application, drop: str) -> None:
    person, other = Person(), Person()
    page = await authorize(registered, person)
    foreign = await authorize(registered, other)
    fields = hidden_fields(page)
    headers = {"Origin": registered.gateway_url}
    match drop:
        case "cookie":
            person.cookies.clear()
        case "csrf":
            fields["csrf"] = ""
        case "other csrf":
            fields["csrf"] = hidden_fields(foreign)["csrf"]
        case "other tx":
            fields["tx"] = hidden_fields(foreign)["tx"]
        case _:
            headers["Origin"] = "https://evil.example"
    response = await person.request(
        "POST", registered.gateway_url + "/consent", data=fields | {"action": "allow"}, headers=headers
    )
    assert is_error_page(response)
    assert response.status_code == 403
    assert not any("sign-in" in name for name in person.cookies.get("localhost", {}))


async def at_entra(application: Application, person: Person, **changes: str | None) -> str:
    """Goes as far as Entra's answer, and returns the callback's address without visiting it."""
    response = await person.submit(await authorize(application, person, **changes))
    response = await person.request("GET", response.headers["location"])
    while not response.is_redirect or "/oauth-callback" not in response.headers["location"]:
        if response.is_redirect:
            response = await person.request("GET", response.headers["location"])
        else:
            response = await person.submit(response)
    return response.headers["location"]


async def test_M14_a_callback_without_the_cookie_or_from_another_browser_is_refused(registered: Application) -> None:
    person, other = Person(), Person("bob")
    callback = await at_entra(registered, person)
    await at_entra(registered, other)
    assert (await Person().request("GET", callback)).status_code == 403
    assert (await other.request("GET", callback)).status_code == 403
    finished = await person.request("GET", callback)
    assert "code" in answer_of(finished.headers["location"])


async def test_M14_the_cookie_of_one_sign_in_is_none_for_another(registered: Application) -> None:
    victim, thief = Person(), Person("bob")
    callback = await at_entra(registered, victim)
    await at_entra(registered, thief)
    [name] = [name for name in victim.cookies["localhost"] if "sign-in" in name]
    [own] = [value for other, value in thief.cookies["localhost"].items() if "sign-in" in other]
    forged = Person(cookies={"localhost": {name: own}})
    assert (await forged.request("GET", callback)).status_code == 403


async def test_M14_a_replayed_callback_is_refused(registered: Application) -> None:
    person = Person()
    callback = await at_entra(registered, person)
    kept = {host: dict(jar) for host, jar in person.cookies.items()}
    assert (await person.request("GET", callback)).status_code == 302
    person.cookies = kept
    replayed = await person.request("GET", callback)
    assert replayed.status_code == 403
    assert "location" not in replayed.headers


async def test_M14_a_sign_in_is_over_after_ten_minutes(cloud: LocalCloud, registered: Application) -> None:
    person = Person()
    callback = await at_entra(registered, person)
    cloud.clock.advance(601)
    assert (await person.request("GET", callback)).status_code == 403


@pytest.mark.parametrize("state", ["", "x", "a" * 43, "../x", "%00", "tx-x"])
async def test_M14_a_made_up_state_is_refused(registered: Application, state: str) -> None:
    person = Person()
    await at_entra(registered, person)
    response = await person.request("GET", f"{registered.gateway_url}/oauth-callback?code=x&state={state}")
    assert is_error_page(response)


async def test_M14_a_second_client_in_the_same_browser_is_asked_again(cloud: LocalCloud) -> None:
    person = Person()
    first, second = (Application(cloud.gateway_url, redirect_uri="https://app.example.com/cb") for _ in range(2))
    await first.register()
    await first.tokens(person)
    await second.register()
    page = await person.request("GET", second.authorize_url(), headers={"Sec-Fetch-Site": "none"})
    assert page.status_code == 200
    assert "Allow" in page.text


async def test_M15_denial_reaches_the_client(registered: Application) -> None:
    person = Person(answer="deny")
    end = await person.sign_in(registered.authorize_url())
    assert isinstance(end, str)
    answer = answer_of(end)
    assert answer["error"] == "access_denied"
    assert answer["state"] == registered.state
    assert answer["iss"] == registered.gateway_url


@pytest.mark.parametrize(
    ("upstream", "error"),
    [
        ("access_denied", "access_denied"),
        ("login_required", "access_denied"),
        ("server_error", "server_error"),
        ("temporarily_unavailable", "temporarily_unavailable"),
        ("<script>", "access_denied"),
    ],
)
async def test_M15_an_error_of_entra_reaches_the_client(registered: Application, upstream: str, error: str) -> None:
    person = Person()
    callback = await at_entra(registered, person)
    state = answer_of(callback)["state"]
    response = await person.request(
        "GET",
        f"{registered.gateway_url}/oauth-callback?error={quote(upstream)}&error_description=secret-detail&state={state}",
    )
    answer = answer_of(response.headers["location"])
    assert answer["error"] == error
    assert "secret-detail" not in response.headers["location"]


async def test_M16_the_gateway_uses_pkce_and_a_nonce_towards_entra(registered: Application) -> None:
    seen = []
    for _ in range(2):
        person = Person()
        response = await person.submit(await authorize(registered, person))
        upstream = parse_qs(urlsplit(response.headers["location"]).query)
        assert upstream["code_challenge_method"] == ["S256"]
        assert re.fullmatch(r"[\w-]{43}", upstream["code_challenge"][0])
        assert upstream["code_challenge"] != [registered.challenge]
        seen += [upstream["nonce"][0], upstream["state"][0], upstream["code_challenge"][0]]
    assert len(set(seen)) == 6
    assert all(len(value) >= 43 for value in seen)


async def test_M32_oauth_endpoints_never_redirect_between_themselves(registered: Application) -> None:
    person = Person()
    await person.sign_in(registered.authorize_url())
    for response in person.visited:
        if response.is_redirect and str(response.request.url).startswith(registered.gateway_url):
            assert not response.headers["location"].startswith(registered.gateway_url)


@pytest.fixture
async def hosted(application: Application) -> Application:
    """A client that can be told apart: its answers go to a host of its own."""
    application.redirect_uri = "https://app.example.com/callback"
    (await application.register()).raise_for_status()
    return application


async def test_S5_an_approval_is_remembered_for_a_navigation_of_the_users_own(hosted: Application) -> None:
    registered, person = hosted, Person()
    await registered.tokens(person)
    for site, asked in [("none", False), ("same-origin", False), ("cross-site", True), ("same-site", True), ("", True)]:
        headers = {"Sec-Fetch-Site": site} if site else {}
        response = await person.request("GET", registered.authorize_url(), headers=headers)
        assert (response.status_code == 200) is asked, site
    response = await person.request(
        "GET", registered.authorize_url(prompt="consent"), headers={"Sec-Fetch-Site": "none"}
    )
    assert response.status_code == 200


@pytest.mark.parametrize("redirect", ["http://127.0.0.1:53682/callback", "vscode://publisher.extension/callback"])
async def test_M39_what_one_program_was_allowed_no_other_may_ask_for(application: Application, redirect: str) -> None:
    application.redirect_uri = redirect
    (await application.register()).raise_for_status()
    person = Person()
    await application.tokens(person)
    assert not any("approval" in name for name in person.cookies["localhost"])
    page = await person.request("GET", application.authorize_url(), headers={"Sec-Fetch-Site": "none"})
    assert page.status_code == 200


async def test_M39_an_approval_of_before_counts_no_more(hosted: Application) -> None:
    """A remembered approval cannot be carried to a redirect to this computer, whatever its cookie says."""
    person = Person()
    await hosted.tokens(person)
    loopback = "http://127.0.0.1:1/callback"
    await hosted.register(redirect_uris=[hosted.redirect_uri, loopback])
    page = await person.request("GET", hosted.authorize_url(redirect_uri=loopback), headers={"Sec-Fetch-Site": "none"})
    assert page.status_code == 200


async def test_S5_an_approval_is_for_its_redirect_uri_only(application: Application) -> None:
    person = Person()
    other = "https://app.example.com/callback"
    await application.register(redirect_uris=[application.redirect_uri, other])
    await application.tokens(person)
    response = await person.request(
        "GET", application.authorize_url(redirect_uri=other), headers={"Sec-Fetch-Site": "none"}
    )
    assert response.status_code == 200


async def test_S5_an_approval_cannot_be_forged_or_moved_to_another_client(cloud: LocalCloud) -> None:
    person = Person()
    first, second = (Application(cloud.gateway_url, redirect_uri="https://app.example.com/cb") for _ in range(2))
    await first.tokens(person)
    await second.register()
    stolen = next(value for name, value in person.cookies["localhost"].items() if "approval" in name)
    await second.tokens(other := Person())
    name = next(name for name in other.cookies["localhost"] if "approval" in name)
    victim = Person(cookies={"localhost": {name: stolen}})
    response = await victim.request("GET", second.authorize_url(), headers={"Sec-Fetch-Site": "none"})
    assert response.status_code == 200


async def test_S5_a_browser_keeps_a_bounded_number_of_approvals(cloud: LocalCloud) -> None:
    """Each client that registers anew would add one otherwise, until the Cookie header is too long for any sign-in."""
    person, clients = Person(), list[Application]()
    for _ in range(17):
        application = Application(cloud.gateway_url, redirect_uri="https://app.example.com/cb")
        await application.register()
        await application.code(person)
        clients.append(application)
    kept = {name: value for name, value in person.cookies["localhost"].items() if "approval" in name}
    assert len(kept) == 15
    assert sum(len(name) + len(value) + 3 for name, value in kept.items()) < 8192
    # The oldest made room.
    for number, asked in ((0, True), (1, True), (2, False), (16, False)):
        page = await person.request("GET", clients[number].authorize_url(), headers={"Sec-Fetch-Site": "none"})
        assert (page.status_code == 200) is asked, number


async def test_S5_a_returning_person_can_always_sign_in(registered: Application) -> None:
    person = Person()
    for _ in range(3):
        end = await person.sign_in(registered.authorize_url(), headers={"Sec-Fetch-Site": "none"})
        assert isinstance(end, str)
        assert "code" in answer_of(end)


@pytest.mark.parametrize(
    ("redirect", "place"),
    [
        ("http://127.0.0.1:53682/callback", "a program on this computer"),
        ("http://localhost/callback", "a program on this computer"),
        ("http://[::1]:1/callback", "a program on this computer"),
        ("vscode://publisher.extension/callback", "an app on this device"),
        ("cursor://anysphere.cursor-mcp/oauth", "an app on this device"),
        ("https://app.example.com/callback", "Whoever runs app.example.com"),
    ],
)
async def test_S9_consent_warns_loudly_of_what_nobody_knows(
    application: Application, redirect: str, place: str
) -> None:
    await application.register(redirect_uris=[redirect], client_name="Some <b>app</b>")
    page = (await authorize(application, redirect_uri=redirect)).text
    warning = page[page.index('<div class="warning"') :].split("</div>")[0]
    assert "Did you start this yourself" in warning
    assert place in warning
    assert "<b>" not in page


async def test_M13_consent_says_whose_server_it_is_what_it_may_do_and_the_whole_authority(
    application: Application,
) -> None:
    redirect = "vscode://publisher.extension/callback"
    await application.register(redirect_uris=[redirect])
    page = lxml.html.fromstring((await authorize(application, redirect_uri=redirect)).text)
    owner, scopes, destination = (term.text_content() for term in page.findall(".//dd"))
    assert owner == f"MCP serverlocalhost, {application.gateway_url}/mcp"
    assert scopes == "Use the tools of this server as youmcp:tools"
    assert destination == "vscode://publisher.extension"


def hidden_fields(page: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'name="(tx|csrf)" value="([^"]*)"', page.text))
