"""U1 to U3: tools with their user's own rights at another service. The gateway and each server are stacks of their own."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from actors.downstream import GRAPH_TOOLS, HEADER, LEDGER, Downstream, call, deployed
from contract.test_sessions import events
from secure_mcp import ConfigError
from secure_mcp.server.options import ServerOptions
from secure_mcp_local.azure.entra.directory import GRAPH
from secure_mcp_local.testing import Application, Person

OBO = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Downstream]:
    async with deployed(tmp_path_factory.mktemp("stacks")) as downstream:
        yield downstream


@pytest.fixture
def downstream(running: Downstream) -> Downstream:
    return anew(running)


def anew(running: Downstream) -> Downstream:
    """As if nothing had been called yet, and nobody had agreed to anything."""
    running.seen.clear()
    running.entra.asked.clear()
    running.cloud.gateway.traces.clear()
    running.cloud.gateway.cache.clear()
    for user in running.cloud.entra.users:
        user.consented.clear()
    return running


def challenged(response: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="([^"]*)"', response.headers.get("www-authenticate", "")))


async def test_U1_a_tool_acts_as_its_own_user(downstream: Downstream) -> None:
    for name, shown in (("alice", "Alice Adams"), ("bob", "Bob Brown")):
        application, tokens = await downstream.signed_in(name=name)
        for tool in ("my_profile", "my_manager"):
            assert (await call(application, tokens["access_token"], tool)).status_code == 200
            assert (await downstream.profile())["displayName"] == shown
    # It is for that service alone, may do what was declared and no more, and was given to the server's own application.
    claims = downstream.cloud.entra.issuer.verify_signature(downstream.token())
    assert (claims["aud"], claims["scp"]) == (GRAPH, "User.Read")
    exchanged = downstream.entra.grants(OBO)
    assert {form["client_id"] for form in exchanged} == {claims["appid"]}
    assert all("client_secret" not in form and form["client_assertion"] for form in exchanged)


async def test_U1_no_other_tool_and_no_other_request_gets_one(downstream: Downstream) -> None:
    application, tokens = await downstream.signed_in()
    key = tokens["access_token"]
    assert (await call(application, key)).status_code == 200
    assert downstream.token()
    for tool in ("hello", "my_profile2", "my_profil", "my-profile", "my_profile."):
        assert (await call(application, key, tool)).status_code == 200
        assert not downstream.token(), tool
    for method in ("tools/list", "prompts/get", "resources/read", "ping"):
        await application.call(key, method, {"name": "my_profile", "uri": "x:y"})
        assert not downstream.token(), method
    for method in ("GET", "DELETE"):
        await application.send(method, "/desk", headers={"Authorization": f"Bearer {key}"})
        assert not downstream.token(), method
    # Servers may take names without regard to case.
    assert (await call(application, key, "My_Profile")).status_code == 200
    assert downstream.token()
    # What a server might fold to the name is refused, and no name, for which it might take one of its own choice.
    for tool in ("", "my_profile ", "my_pro\u017file", "my\u200b_profile"):
        assert (await call(application, key, tool)).status_code == 400, tool
    batch = [{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "my_profile"}}]
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}
    count = len(downstream.seen)
    assert (await application.send("POST", "/desk", json=batch, headers=headers)).status_code == 400
    assert len(downstream.seen) == count


async def test_U1_a_client_cannot_send_one(downstream: Downstream) -> None:
    spellings = (HEADER, HEADER.upper(), HEADER.replace("-", "_"), "X-Mcp_User.Token", f"{HEADER}-2")
    for path in ("desk", "mail", "plain"):
        application, tokens = await downstream.signed_in(path)
        for name in spellings:
            assert (
                await call(application, tokens["access_token"], "hello", headers={name: "forged"})
            ).status_code == 200
            assert "forged" not in str(downstream.seen[-1][1]), (path, name)
    application, tokens = await downstream.signed_in()
    for name in spellings:
        assert (await call(application, tokens["access_token"], headers={name: "forged"})).status_code == 200
        assert "forged" not in str(downstream.seen[-1][1]), name
        assert downstream.seen[-1][1].get_list(HEADER) == [downstream.token()]
        assert downstream.token().count(".") == 2


async def test_U1_each_server_has_its_own_rights_and_not_those_of_another(downstream: Downstream) -> None:
    desk, desk_tokens = await downstream.signed_in("desk")
    mail, mail_tokens = await downstream.signed_in("mail")
    found: dict[str, Any] = {}
    for application, tokens, tool in ((desk, desk_tokens, "my_profile"), (mail, mail_tokens, "my_mail")):
        assert (await call(application, tokens["access_token"], tool)).status_code == 200
        found[tool] = downstream.cloud.entra.issuer.verify_signature(downstream.token())
    assert {tool: claims["scp"] for tool, claims in found.items()} == {
        "my_profile": "User.Read",
        "my_mail": "Mail.Read",
    }
    assert found["my_profile"]["appid"] != found["my_mail"]["appid"]
    # A tool that is another server's is none here.
    assert (await call(mail, mail_tokens["access_token"], "my_profile")).status_code == 200
    assert not downstream.token()
    # The application that everybody signs in to may do nothing at the service.
    directory = downstream.cloud.recording
    grants = [one for one in directory if one.type.endswith(":ServicePrincipalDelegatedPermissionGrant")]
    signing_in = next(one for one in grants if "openid" in (one.get("claimValues") or ()))
    assert set(signing_in.get("claimValues")) == {"openid", "profile", "offline_access"}


async def test_U1_a_tool_calls_an_api_of_the_organisations_own_as_its_user(downstream: Downstream) -> None:
    for name, shown in (("alice", "Alice Adams"), ("bob", "Bob Brown")):
        application, tokens = await downstream.signed_in(name=name)
        answer = await call(application, tokens["access_token"], "list_entries")
        assert answer.json()["result"]["structuredContent"] == {"entries": [f"an entry of {shown}"]}
        own = downstream.token()
        claims = downstream.cloud.entra.issuer.verify_signature(own)
        assert (claims["aud"], claims["scp"]) == (LEDGER, "Entries.Read")
        # Each API takes what is for it, and no other token of the same user and server.
        assert (await downstream.profile())["error"]["code"] == "InvalidAuthenticationToken"
        await call(application, tokens["access_token"], "my_profile")
        assert (await downstream.profile())["displayName"] == shown
        assert (await downstream.entries(downstream.token())).status_code == 401
        assert (await downstream.entries(own)).status_code == 200


async def test_U1_it_is_kept_sealed_and_no_longer_than_it_lives(downstream: Downstream) -> None:
    application, tokens = await downstream.signed_in()
    await call(application, tokens["access_token"])
    first = downstream.token()
    assert first not in str(vars(downstream.cloud.gateway.cache))
    downstream.entra.asked.clear()
    await call(application, tokens["access_token"])
    assert downstream.token() == first
    assert not downstream.entra.asked, "Entra ID is not asked for each call"
    # A cache that holds it, and nothing else that it could be opened as.
    entries: dict[str, Any] = vars(downstream.cloud.gateway.cache)["_entries"]
    [(key, entry)] = [(key, entry) for key, entry in entries.items() if key.startswith("user-token:")]
    assert entry.expires <= downstream.cloud.clock.now() + 3599 - 59
    assert "a11ce" not in key
    downstream.cloud.clock.advance(1700)
    renewed = (await application.refresh(tokens["refresh_token"])).json()
    await call(application, renewed["access_token"])
    assert downstream.token() == first
    downstream.cloud.clock.advance(1740)
    renewed = (await application.refresh(renewed["refresh_token"])).json()
    downstream.cloud.clock.advance(120)
    await call(application, renewed["access_token"])
    assert downstream.token() != first
    assert (await downstream.profile())["displayName"] == "Alice Adams"


async def test_U1_what_another_session_has_in_the_cache_opens_nothing_here(downstream: Downstream) -> None:
    alice, of_alice = await downstream.signed_in()
    bob, of_bob = await downstream.signed_in(name="bob")
    await call(alice, of_alice["access_token"])
    await call(bob, of_bob["access_token"])
    entries: dict[str, Any] = vars(downstream.cloud.gateway.cache)["_entries"]
    one, two = [key for key in entries if key.startswith("user-token:")][-2:]
    # Whoever could write the cache cannot make a session take the token of another.
    entries[one], entries[two] = entries[two], entries[one]
    for application, tokens, name in ((alice, of_alice, "Alice Adams"), (bob, of_bob, "Bob Brown")):
        await call(application, tokens["access_token"])
        assert (await downstream.profile())["displayName"] == name


async def test_U1_the_session_goes_on_as_it_was(downstream: Downstream) -> None:
    """Entra ID sends another refresh token along with each token. Neither keeping it nor losing it may end a session."""
    application, tokens = await downstream.signed_in()
    for _ in range(3):
        downstream.cloud.gateway.cache.clear()
        answers = await asyncio.gather(
            application.refresh(tokens["refresh_token"]), *(call(application, tokens["access_token"]) for _ in range(3))
        )
        assert [answer.status_code for answer in answers] == [200] * 4
        tokens = answers[0].json()
    assert (await downstream.profile())["displayName"] == "Alice Adams"


@pytest.mark.parametrize(
    "fault", ["entra-down", "entra-error-page", "cosmos-503", "cosmos-429", "identity-unavailable"]
)
async def test_U1_without_it_the_call_does_not_go_on(downstream: Downstream, fault: str) -> None:
    application, tokens = await downstream.signed_in()
    await call(application, tokens["access_token"], "hello")
    count = len(downstream.seen)
    downstream.cloud.network.faults.active.add(fault)
    try:
        answer = await call(application, tokens["access_token"])
        assert (answer.status_code, len(downstream.seen)) == (503, count), answer.text
    finally:
        downstream.cloud.network.faults.active.discard(fault)
    assert (await call(application, tokens["access_token"])).status_code == 200


async def test_U1_who_has_no_sign_in_of_entra_gets_none(downstream: Downstream) -> None:
    form = {"grant_type": "client_credentials", "resource": f"{downstream.cloud.gateway_url}/desk"}
    application = downstream.application()
    answer = await application.send("POST", "/token", data=form, auth=("nightly", "k7_" * 12))
    key = answer.json()["access_token"]
    assert (await call(application, key, "hello")).status_code == 200
    count = len(downstream.seen)
    refused = await call(application, key)
    assert (refused.status_code, len(downstream.seen)) == (403, count)
    assert "www-authenticate" not in refused.headers
    assert events(downstream.cloud)[-1]["reason"] == "caller"


async def test_U1_it_ends_with_the_session_the_assignment_and_the_sign_in(downstream: Downstream) -> None:
    application, tokens = await downstream.signed_in()
    await call(application, tokens["access_token"])
    form = {"token": tokens["refresh_token"], "client_id": application.client_id}
    assert (await application.send("POST", "/revoke", data=form)).status_code == 200
    assert (await call(application, tokens["access_token"])).status_code == 401
    # Whose sign-in an administrator has ended: no new token, and no session either.
    application, tokens = await downstream.signed_in()
    downstream.cloud.entra.revoke(downstream.cloud.entra.user("alice"))
    refused = await call(application, tokens["access_token"])
    assert (refused.status_code, challenged(refused)["error"]) == (401, "invalid_token")
    assert (await application.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    downstream.cloud.clock.advance(1)
    # Whose assignment is taken: nothing new is given, and the session ends.
    application, tokens = await downstream.signed_in(name="bob")
    bob = downstream.cloud.entra.user("bob")
    bob.employee, count = False, len(downstream.seen)
    try:
        assert (await call(application, tokens["access_token"])).status_code == 401
        assert len(downstream.seen) == count
    finally:
        bob.employee = True
    assert (await application.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_U1_a_session_of_another_user_than_its_sign_in_gets_no_token(downstream: Downstream) -> None:
    application, tokens = await downstream.signed_in()
    bob = downstream.cloud.entra.user("bob").oid
    # Alice's sign-in under Bob's name: each of its tokens is good, and none is for who the session says.
    stored = [document for container in downstream.cloud.cosmos.containers for document in container.documents()]
    (session,) = [
        one for one in stored if one["id"].startswith("session-") and one["clientId"] == application.client_id
    ]
    downstream.cloud.cosmos.edit(session["id"], user={**session["user"], "oid": bob})
    downstream.cloud.gateway.cache.clear()
    refused = await call(application, tokens["access_token"])
    assert (refused.status_code, challenged(refused)["error"]) == (401, "invalid_token")
    assert downstream.seen == []
    assert downstream.entra.grants(OBO) == []
    assert (await application.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


def test_U1_what_cannot_work_is_refused_when_it_is_declared() -> None:
    def refused(**options: Any) -> str:
        with pytest.raises(ConfigError) as error:
            ServerOptions.of(options)
        return str(error.value)

    assert "User Read" in refused(user_token_scopes=[{"scopes": ["User Read"], "tools": ["a"]}])
    assert "offline_access" in refused(user_token_scopes=[{"scopes": ["offline_access"], "tools": ["a"]}])
    assert "at least one" in refused(user_token_scopes=[{"scopes": [], "tools": ["a"]}])
    assert "at least one" in refused(user_token_scopes=[{"scopes": ["User.Read"], "tools": []}])
    assert "client id" in refused(user_token_scopes=[{"application": "graph", "scopes": ["User.Read"], "tools": ["a"]}])
    twice = [
        GRAPH_TOOLS,
        {"application": "3e0a7a5e-0000-4000-8000-00000000000a", "scopes": ["Read"], "tools": ["MY_profile"]},
    ]
    assert "named twice" in refused(user_token_scopes=twice)
    assert "API is named twice" in refused(user_token_scopes=[GRAPH_TOOLS, {"scopes": ["Mail.Read"], "tools": ["b"]}])
    assert "mcpScopes" in refused(user_token_scopes=[GRAPH_TOOLS], mcp_scopes=["mcp:tools", "User.Read"])
    assert "guard nothing" in refused(user_token_scopes=[GRAPH_TOOLS], sse_transport="enabled")
    workloads = {"workloads": [{"client": "nightly"}], "tool_callers": {"my_profile": "workloads"}}
    assert "have no user" in refused(user_token_scopes=[GRAPH_TOOLS], **workloads)


async def stepped_up(downstream: Downstream, application: Application, person: Person, scope: str) -> dict[str, Any]:
    """What a client does with a challenge: signs its user in for the scope that it names."""
    application.scope = scope
    return await application.tokens(person)


async def test_U2_missing_consent_names_a_scope_and_is_cured_by_a_sign_in(downstream: Downstream) -> None:
    application, tokens = await downstream.signed_in()
    downstream.cloud.network.faults.active.add("tenant-consent")
    try:
        count = len(downstream.seen)
        refused = await call(application, tokens["access_token"])
        said = challenged(refused)
        assert (refused.status_code, len(downstream.seen)) == (403, count)
        assert (said["error"], said["scope"]) == ("insufficient_scope", "mcp:tools User.Read")
        assert said["resource_metadata"].endswith("/.well-known/oauth-protected-resource/desk")
        # The session is as good as before for everything else.
        assert (await call(application, tokens["access_token"], "hello")).status_code == 200
        person = Person("alice", now=downstream.cloud.clock.now)
        stepped = await stepped_up(downstream, application, person, said["scope"])
        assert stepped["scope"] == "mcp:tools User.Read"
        assert any("Act in your name at another service (User.Read)" in page.text for page in person.visited)
        asked = [
            page.headers.get("location", "")
            for page in person.visited
            if "prompt=consent" in page.headers.get("location", "")
        ]
        assert len(asked) == 1
        assert (await call(application, stepped["access_token"])).status_code == 200
        assert (await downstream.profile())["displayName"] == "Alice Adams"
    finally:
        downstream.cloud.network.faults.active.discard("tenant-consent")


async def test_U2_missing_consent_to_another_api_names_its_scope_with_the_api(downstream: Downstream) -> None:
    application, tokens = await downstream.signed_in()
    downstream.cloud.network.faults.active.add("tenant-consent")
    try:
        said = challenged(await call(application, tokens["access_token"], "list_entries"))
        assert (said["error"], said["scope"]) == ("insufficient_scope", f"mcp:tools {LEDGER}/Entries.Read")
        person = Person("alice", now=downstream.cloud.clock.now)
        stepped = await stepped_up(downstream, application, person, said["scope"])
        answer = await call(application, stepped["access_token"], "list_entries")
        assert answer.json()["result"]["structuredContent"] == {"entries": ["an entry of Alice Adams"]}
    finally:
        downstream.cloud.network.faults.active.discard("tenant-consent")


async def test_U2_consent_that_is_still_missing_is_final(downstream: Downstream) -> None:
    application = downstream.application(scope="mcp:tools User.Read")
    tokens = await application.tokens(Person("alice", now=downstream.cloud.clock.now))
    assert tokens["scope"] == "mcp:tools User.Read"
    downstream.cloud.network.faults.active.add("tenant-consent")
    try:
        for _ in range(2):
            refused = await call(application, tokens["access_token"])
            assert refused.status_code == 403
            assert "www-authenticate" not in refused.headers
        assert "another sign-in would not help" in refused.json()["error"]["message"]
        event = next(event for event in events(downstream.cloud) if event.get("reason") == "user token")
        assert (event["tool"], event["detail"]) == ("my_profile", "AADSTS65001")
    finally:
        downstream.cloud.network.faults.active.discard("tenant-consent")


async def test_U2_a_claims_challenge_is_met_by_the_users_next_sign_in(downstream: Downstream) -> None:
    application, tokens = await downstream.signed_in()
    downstream.cloud.network.faults.active.add("tenant-conditional-access")
    try:
        count = len(downstream.seen)
        refused = await call(application, tokens["access_token"])
        said = challenged(refused)
        assert (refused.status_code, said["error"], said["scope"]) == (401, "invalid_token", "mcp:tools")
        assert "Entra" not in refused.text
        assert "acrs" not in refused.text + str(refused.headers)
        assert len(downstream.seen) == count
        # A refresh would only give a key for the same sign-in.
        assert (await application.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
        # Somebody else's sign-in with the same application has nothing of it.
        bob = Person("bob", now=downstream.cloud.clock.now)
        await application.tokens(bob)
        assert not [page for page in bob.visited if "claims=" in page.headers.get("location", "")]
        alice = Person("alice", now=downstream.cloud.clock.now)
        stepped = await application.tokens(alice)
        sent = [page.headers["location"] for page in alice.visited if "claims=" in page.headers.get("location", "")]
        assert [json.loads(httpx.URL(url).params["claims"]) for url in sent] == [
            {"access_token": {"acrs": {"essential": True, "value": "c1"}}}
        ]
        assert (await call(application, stepped["access_token"])).status_code == 200
        assert (await downstream.profile())["displayName"] == "Alice Adams"
        # It was for one sign-in.
        again = Person("alice", now=downstream.cloud.clock.now)
        await application.tokens(again)
        assert not [page for page in again.visited if "claims=" in page.headers.get("location", "")]
        # The session keeps what it met when it is refreshed.
        downstream.cloud.gateway.cache.clear()
        renewed = (await application.refresh(stepped["refresh_token"])).json()
        assert (await call(application, renewed["access_token"])).status_code == 200
    finally:
        downstream.cloud.network.faults.active.discard("tenant-conditional-access")


async def test_U2_claims_are_kept_for_ten_minutes(downstream: Downstream) -> None:
    application, tokens = await downstream.signed_in()
    downstream.cloud.network.faults.active.add("tenant-conditional-access")
    try:
        assert (await call(application, tokens["access_token"])).status_code == 401
    finally:
        downstream.cloud.network.faults.active.discard("tenant-conditional-access")
    downstream.cloud.clock.advance(601)
    person = Person("alice", now=downstream.cloud.clock.now)
    await application.tokens(person)
    assert not [page for page in person.visited if "claims=" in page.headers.get("location", "")]


async def test_U2_a_second_failure_of_the_kind_is_final(downstream: Downstream) -> None:
    application, tokens = await downstream.signed_in()
    downstream.cloud.network.faults.active.add("tenant-conditional-access-unmet")
    try:
        assert (await call(application, tokens["access_token"])).status_code == 401
        stepped = await application.tokens(Person("alice", now=downstream.cloud.clock.now))
        for _ in range(2):
            refused = await call(application, stepped["access_token"])
            assert refused.status_code == 403
            assert "www-authenticate" not in refused.headers
        assert (await call(application, stepped["access_token"], "hello")).status_code == 200
        # Not after a refresh either, and not later on.
        downstream.cloud.clock.advance(900)
        renewed = (await application.refresh(stepped["refresh_token"])).json()
        assert (await call(application, renewed["access_token"])).status_code == 403
        event = [event for event in events(downstream.cloud) if event.get("reason") == "user token"][-1]
        assert event["detail"] == "AADSTS50079"
    finally:
        downstream.cloud.network.faults.active.discard("tenant-conditional-access-unmet")


async def test_U3_nobody_but_that_host_ever_sees_one(
    downstream: Downstream, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """With faults on and errors of tools: every token that Entra ID gave is looked for wherever somebody could read it."""
    caplog.set_level("DEBUG")
    cloud, faults = downstream.cloud, downstream.cloud.network.faults.active
    downstream.entra.answered.clear()
    answers: list[httpx.Response] = []
    people: list[Person] = []
    tools = {"desk": ("my_profile", "hello"), "mail": ("my_mail", "my_profile"), "plain": ("my_profile", "hello")}
    for path, own in tools.items():
        for name in ("alice", "bob"):
            application = downstream.application(path)
            people.append(person := Person(name, now=cloud.clock.now))
            tokens = await application.tokens(person)
            for tool in own:
                answers.append(await call(application, tokens["access_token"], tool))
            for fault in (
                "entra-down", "entra-error-page", "cosmos-503", "functions-500", "functions-401", "functions-drop",
                "identity-unavailable", "graph-503", "tenant-consent",
            ):  # fmt: skip
                for cold in (True, False):
                    if cold:
                        cloud.gateway.cache.clear()
                    faults.add(fault)
                    try:
                        for tool in own:
                            try:
                                answers.append(await call(application, tokens["access_token"], tool))
                            except httpx.RemoteProtocolError:
                                continue
                    finally:
                        faults.discard(fault)
            answers.append(renewed := await application.refresh(tokens["refresh_token"]))
            faults.add("tenant-conditional-access")
            try:
                cloud.gateway.cache.clear()
                answers.append(await call(application, renewed.json()["access_token"], own[0]))
                stepped = await application.tokens(person)
                answers.append(await call(application, stepped["access_token"], own[0]))
            finally:
                faults.discard("tenant-conditional-access")
    given = downstream.entra.tokens
    handed = {headers[HEADER] for _, headers in downstream.seen if HEADER in headers}
    assert handed
    assert handed <= given
    assert len(given) > 40

    # The token of one server reaches its host, with its tools alone, in its header alone.
    of_server = {
        path: {headers.get(HEADER) for at, headers in downstream.seen if at == path} - {None} for path in tools
    }
    assert not of_server["plain"]
    assert not of_server["desk"] & of_server["mail"]
    elsewhere = [
        str([(name, value) for name, value in headers.multi_items() if name != HEADER])
        for _, headers in downstream.seen
    ]
    entries: dict[str, Any] = vars(cloud.gateway.cache)["_entries"]
    # What the people's own HTTP clients and the test's log is not the gateway's.
    own_log = [
        r for r in caplog.records
        if not (r.name.startswith(("httpcore", "uvicorn.access")) or (r.name == "httpx" and "//localhost" in r.getMessage()))
    ]  # fmt: skip
    places = {
        "answers": [answer.text + str(answer.headers.multi_items()) for answer in answers],
        "pages": [
            page.text + str(page.headers.multi_items()) + str(page.request.url)
            for person in people
            for page in person.visited
        ],
        "other headers": elsewhere,
        "cache": [str(list(entries)), str([entry.value for entry in entries.values()])],
        "session store": [json.dumps(cloud.cosmos.kept(), default=str)],
        "traces": [json.dumps(trace.as_dict(), default=str) for trace in cloud.gateway.traces],
        "audit": [str(events(cloud))],
        "log": [record.getMessage() for record in own_log],
        "output": list(capfd.readouterr()),
    }
    for place, texts in places.items():
        assert texts, place
        for text in texts:
            assert not any(token in text for token in given), place
    assert "user-token" in places["audit"][0]
