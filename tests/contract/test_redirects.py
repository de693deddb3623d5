"""Where a browser is sent, and where it never is: to addresses that are registered, to strangers by a link alone, never between our own endpoints."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import lxml.html
import pytest

from actors.seal import sealed
from samples import CONFIGURED
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person, answer_of

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]
QUERY_LIMIT = 2048
"""Bytes of a query that the v2 tiers take: https://learn.microsoft.com/azure/api-management/service-limits."""


@pytest.fixture
async def registered(application: Application) -> Application:
    (await application.register()).raise_for_status()
    return application


@pytest.fixture
async def hosted(application: Application) -> Application:
    """A client that can be told apart: its answers go to a host of its own."""
    application.redirect_uri = "https://app.example.com/callback"
    (await application.register()).raise_for_status()
    return application


async def authorize(application: Application, **changes: str | None) -> httpx.Response:
    return await Person().request("GET", application.authorize_url(**changes))


def assert_no_redirect(response: httpx.Response) -> None:
    """A page that leads nowhere: no header, no link and no form."""
    assert response.status_code == 400, response.status_code
    assert "location" not in response.headers
    assert "refresh" not in response.headers
    page = lxml.html.fromstring(response.text)
    assert not page.xpath("//main//a | //form | //meta[@http-equiv]"), response.text


# -- M8: which addresses are alike


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ("http://127.0.0.1:33418/x", "http://127.0.0.1:33418/x/"),
        ("http://127.0.0.1:33418/x/", "http://127.0.0.1:33418/x"),
        ("http://127.0.0.1:33418", "http://127.0.0.1:33418//"),
        ("http://127.0.0.1:33418", "http://localhost:33418"),
        ("http://localhost:1", "http://[::1]:1"),
        ("http://127.0.0.1:33418", "http://127.0.0.1:33418/?"),
        ("http://127.0.0.1:1/a", "http://127.0.0.1:123456/a"),
        ("http://127.0.0.1:1/a", "http://127.0.0.1:/a"),
        ("http://127.0.0.1:1/a", "http://127.0.0.1:1/%61"),
        ("http://127.0.0.1:1/a", "http://127.0.0.1:1/b/../a"),
        ("http://127.0.0.1:1/a", "HTTP://127.0.0.1:1/a"),
        ("http://127.0.0.1:1/a", "http://127.0.0.1.evil.example:1/a"),
        ("http://127.0.0.1:1/a", "http://127.0.0.1:1/a#x"),
        ("http://127.0.0.1:1/a", "http://127.0.0.1:1/a\n"),
        ("https://app.example.com/", "https://app.example.com"),
        ("https://app.example.com/a", "https://app.example.com/a?x=1"),
        ("https://app.example.com/a", "https://app.example.com:443/a"),
        ("https://app.example.com/a", "https://APP.example.com/a"),
        ("https://app.example.com/a", "http://app.example.com/a"),
        ("cursor://app/", "cursor://app"),
        ("cursor://app/a", "cursor://other/a"),
    ],
)
async def test_M8_D21_nothing_else_is_alike(application: Application, known: str, asked: str) -> None:
    (await application.register(redirect_uris=[known])).raise_for_status()
    assert_no_redirect(await authorize(application, redirect_uri=asked))


async def test_M8_who_named_a_redirect_uri_names_it_again(registered: Application) -> None:
    """RFC 6749, section 4.1.3: with the code, whoever gave it in the authorization request."""
    for wrong in (None, "https://evil.example/", registered.redirect_uri + "/"):
        code = await registered.code(Person())
        answer = await registered.exchange(code, redirect_uri=wrong)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_M8_D2_who_left_it_out_may_name_the_right_one_only(registered: Application) -> None:
    code = await registered.code(Person(), redirect_uri=None)
    assert (await registered.exchange(code)).status_code == 200
    code = await registered.code(Person(), redirect_uri=None)
    wrong = await registered.exchange(code, redirect_uri="https://evil.example/")
    assert wrong.json()["error"] == "invalid_grant"


# -- M9: who hears at once, and who by a link


@pytest.mark.parametrize(
    "error", [{"response_type": "x"}, {"scope": "x"}, {"resource": "https://x.example/"}, {"prompt": "none"}]
)
async def test_M9_D14_a_link_to_the_gateway_leads_nowhere_that_anybody_may_have_registered(
    cloud: LocalCloud, error: dict[str, str]
) -> None:
    stranger = Application(cloud.gateway_url, "https://evil.example:8443/x?a=1")
    await stranger.register()
    response = await authorize(stranger, **error)
    assert response.status_code == 400
    assert "location" not in response.headers
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    page = lxml.html.fromstring(response.text)
    assert not page.xpath("//form | //meta[@http-equiv] | //script")
    [link] = page.xpath("//main//a/@href")
    assert link.startswith(stranger.redirect_uri + "&error=")
    answer = answer_of(link)
    assert answer["state"] == stranger.state
    assert answer["iss"] == cloud.gateway_url


@pytest.mark.parametrize("redirect", ["cursor://app/callback", "http://localhost:1/", "http://[::1]:1/x"])
async def test_M9_a_program_on_this_computer_hears_at_once(cloud: LocalCloud, redirect: str) -> None:
    program = Application(cloud.gateway_url, redirect)
    await program.register()
    response = await authorize(program, response_type="x")
    assert response.status_code == 302
    assert response.headers["location"].startswith(redirect + "?error=unsupported_response_type")


async def test_M9_who_agreed_is_sent_on_at_once(hosted: Application) -> None:
    """After consent there is nothing left to ask: whatever goes wrong with Entra ID goes to the client."""
    person = Person()
    page = await person.request("GET", hosted.authorize_url())
    upstream = (await person.submit(page)).headers["location"]
    callback = f"{hosted.gateway_url}/oauth-callback?error=access_denied&state={answer_of(upstream)['state']}"
    response = await person.request("GET", callback)
    assert response.status_code == 302
    assert response.headers["location"].startswith(hosted.redirect_uri + "?error=access_denied")


@CONFIGURED
@pytest.mark.parametrize(
    ("config", "redirect", "at_once"),
    [
        ({"allowedClients": '["app.example.com"]'}, "https://app.example.com/x", True),
        ({"clientMetadataHosts": '["app.example.com"]'}, "https://app.example.com/x", True),
        ({"clientMetadataHosts": '["app.example.com"]'}, "https://app.example.com.evil.example/x", False),
        ({"clientMetadataHosts": '["app.example.com"]'}, "https://evil-app.example.com/x", False),
        ({"clientMetadataHosts": '["app.example.com"]'}, "https://evil.example/https://app.example.com/", False),
        ({"clientMetadataHosts": '["*"]'}, "https://app.example.com/x", False),
    ],
)
async def test_M9_a_host_that_configuration_names_hears_at_once_and_no_other(
    cloud_with: CloudWith, config: dict[str, str], redirect: str, at_once: bool
) -> None:
    """Where every host may publish descriptions, none is known for it."""
    async with cloud_with(**config) as cloud:
        application = Application(cloud.gateway_url, redirect)
        (await application.register()).raise_for_status()
        response = await authorize(application, response_type="x")
        assert (response.status_code, "location" in response.headers) == ((302, True) if at_once else (400, False))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"registration": "{}"}, "registration_not_supported"),
        ({"request": "x", "response_type": "token"}, "request_not_supported"),
        ({"prompt": "login none"}, "invalid_request"),
    ],
)
async def test_M9_D18_what_openid_connect_names_gets_its_error(
    registered: Application, changes: dict[str, str], error: str
) -> None:
    answer = answer_of((await authorize(registered, **changes)).headers["location"])
    assert (answer["error"], answer["state"]) == (error, registered.state)


async def test_M9_D18_what_is_asked_for_as_it_is_done_is_taken(registered: Application) -> None:
    for changes in (
        {"response_mode": "query"},
        {"request": ""},
        {"registration": ""},
        {"ui_locales": "de", "max_age": "0"},
    ):
        assert (await authorize(registered, **changes)).status_code == 200, changes


async def test_M11_one_server_named_twice_is_one(registered: Application) -> None:
    """RFC 8707, section 2: resource alone may be repeated."""
    twice = f"&resource={quote(registered.resource, safe='')}"
    assert (await Person().request("GET", registered.authorize_url() + twice)).status_code == 200
    other = await Person().request("GET", registered.authorize_url() + "&resource=https%3A%2F%2Fx.example")
    assert answer_of(other.headers["location"])["error"] == "invalid_target"
    tokens = await registered.tokens(Person())
    form = {"grant_type": "refresh_token", "client_id": registered.client_id, "refresh_token": tokens["refresh_token"]}
    several = [registered.resource, registered.gateway_url + "/other"]
    answer = await registered.send("POST", "/token", data=form | {"resource": several})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    answer = await registered.send("POST", "/token", data=form | {"resource": several[:1] * 2})
    assert answer.status_code == 200, answer.text


# -- M10: what redirects add


@pytest.mark.parametrize("state", ["s", "s" * 1000, "ü" * 200])
async def test_M10_D19_what_we_add_to_an_address_is_bounded(hosted: Application, state: str) -> None:
    """The client's state comes back in the address that it came in; Entra ID gets nothing that grows with what a client sends."""
    person = Person()
    end = await person.sign_in(hosted.authorize_url(state=state))
    assert isinstance(end, str)
    assert len(end) - len(hosted.redirect_uri) - len(quote(state)) < 300
    sent = [r.headers["location"] for r in person.visited if "/oauth2/v2.0/authorize" in r.headers.get("location", "")]
    queries = {len(urlsplit(address).query) for address in sent}
    assert queries
    assert max(queries) < 700
    # What is left of the 2,048 bytes for Entra ID's code, whose length nobody promises.
    [callback] = {str(r.request.url) for r in person.visited if r.request.url.path == "/oauth-callback"}
    ours = {name: value for name, value in parse_qs(urlsplit(callback).query).items() if name != "code"}
    assert set(ours) <= {"state", "session_state"}
    assert len(ours["state"][0]) == 43
    assert QUERY_LIMIT - len(f"state={ours['state'][0]}&code=") > 1900


@pytest.mark.parametrize(
    "error", [{"response_type": "x"}, {"resource": "x" * 900}, {"scope": "x" * 900}, {"prompt": "none"}]
)
async def test_M10_an_error_has_nothing_of_the_request_but_its_state(
    registered: Application, error: dict[str, str]
) -> None:
    location = (await authorize(registered, **error)).headers["location"]
    assert len(location) - len(registered.redirect_uri) - len(registered.state) < 500
    assert set(answer_of(location)) == {"error", "error_description", "state", "iss"}


async def test_M10_D19_what_the_platform_does_not_take_is_refused_before_any_policy(hosted: Application) -> None:
    """docs/security.md says so: a client with such a state has to make it shorter."""
    response = await authorize(hosted, state="s" * QUERY_LIMIT)
    assert response.status_code == 414
    assert "location" not in response.headers


# -- M32: never between our own endpoints


async def test_M32_the_way_through_a_sign_in_is_as_short_as_it_can_be(hosted: Application) -> None:
    """/authorize shows the page itself, its form goes to Entra ID, the callback to the client: no address of ours leads to another of ours."""
    for answer in ("allow", "deny"):
        person = Person(answer=answer)
        await person.sign_in(hosted.authorize_url())
        ours = [r for r in person.visited if str(r.request.url).startswith(hosted.gateway_url)]
        assert [r.request.url.path for r in ours] == ["/authorize", "/consent", "/oauth-callback"][
            : 3 if answer == "allow" else 2
        ]
        for response in ours:
            assert not response.headers.get("location", "").startswith((hosted.gateway_url, "/"))
            assert "refresh" not in response.headers
        assert [r.status_code for r in ours] == [200, 303, 302][: len(ours)]


@pytest.mark.parametrize("path", ["/authorize/", "/token/", "/register/", "/consent/", "//authorize", "/AUTHORIZE"])
async def test_M32_another_spelling_is_not_redirected(application: Application, path: str) -> None:
    for method in ("GET", "POST"):
        response = await application.send(method, path)
        assert not response.is_redirect, response.headers


# -- M39: what is not remembered


@pytest.mark.parametrize(
    "redirect", ["http://127.0.0.1:53682/callback", "http://localhost/", "http://[::1]:1/x", "cursor://app/callback"]
)
async def test_M39_D15_an_approval_is_not_remembered_where_any_program_may_listen(
    cloud: LocalCloud, redirect: str
) -> None:
    person = Person()
    application = Application(cloud.gateway_url, redirect)
    await application.tokens(person)
    assert not any("approval" in name for name in person.cookies["localhost"])
    page = await person.request("GET", application.authorize_url(), headers={"Sec-Fetch-Site": "none"})
    assert page.status_code == 200
    assert "Allow" in page.text


@pytest.mark.parametrize("redirect", ["http://127.0.0.1:53682/callback", "cursor://app/callback"])
async def test_M39_not_even_an_approval_with_our_seal_counts_for_a_program_on_this_computer(
    cloud: LocalCloud, redirect: str
) -> None:
    """Whatever cookie a browser shows, from a release before or from a mistake of ours: it is asked."""
    application, person = Application(cloud.gateway_url, redirect), Person()
    await application.register()
    await application.code(person)
    # The name under which an approval of this client would be kept, and was deleted.
    [name] = {
        line.split("=")[0]
        for response in person.visited
        for line in response.headers.get_list("set-cookie")
        if line.startswith("__Host-approval-") and "none" not in line
    }

    async def asked(of: Application, cookie: str, redirect: str) -> bool:
        approval = {
            "clientId": of.client_id,
            "server": await server_id(cloud),
            "redirect": redirect,
            "scope": of.scope,
            "expires": int(cloud.clock.now()) + 3600,
        }
        browser = Person(cookies={"localhost": {cookie: sealed(cloud, "approval", json.dumps(approval))}})
        return (await browser.request("GET", of.authorize_url(), headers={"Sec-Fetch-Site": "none"})).status_code == 200

    assert await asked(application, name, redirect.replace(":53682", ""))
    # The same made by hand for a client that can be told apart counts: what is shown above is no mistake of the test's.
    other = Application(cloud.gateway_url, "https://app.example.com/callback")
    await other.register()
    await other.code(other_person := Person())
    [name] = [name for name in other_person.cookies["localhost"] if "approval" in name]
    assert not await asked(other, name, other.redirect_uri)


async def server_id(cloud: LocalCloud) -> str:
    """The unique id of the server at /mcp, which its approvals and sessions carry."""
    values = cloud.recording.all("azure-native:apimanagement:NamedValue")
    return next(str(value.get("value")) for value in values if value.get("displayName") == "mcp-id")
