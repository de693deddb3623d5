"""M17, M19, M35 to M37 (and the cases S1 to S4 of them): each is broken once in the policies, and the test that holds it must fail.

A test that no broken gateway fails proves nothing. What is broken is what the line is about, and nothing else: an ordinary sign-in,
calls and refreshes go on as ever.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from contract import test_mcp, test_messages, test_sessions, test_token
from contract.conftest import STAND_IN, stand_in
from samples import BROKEN_SESSIONS
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording import Recording
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[2]
FIXTURES = frozenset({"application", "registered", "key", "caller", "backend", "cloud", "operated", "cloud_with"})
"""What `assert_noticed` gives a test that takes it."""
UNLIMITED = {"signInRateLimit": "100000", "mcpRateLimit": "100000"}
DOCUMENTS = tuple(
    f"azure-native:apimanagement:{kind}" for kind in ("ApiOperationPolicy", "ApiPolicy", "PolicyFragment")
)


@dataclass(frozen=True)
class Broken:
    line: str
    document: str
    """Id of the operation, of the fragment, or of the API whose own policy it is."""
    pattern: str
    instead: str
    test: Callable[..., Awaitable[None]]
    """What must fail. Its fixtures are told by the names of its parameters."""
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    times: int = 1
    """How often the pattern is there."""

    @property
    def wanted(self) -> set[str]:
        """Names of the fixtures that the test takes."""
        return set(self.test.__annotations__) - {"return"} - set(self.parameters)


def ends(reason: str) -> str:
    """A pattern for where a session is ended for a reason: group 1 is what stays."""
    return rf'(<set-variable name="endReason" value="{reason}" />)\s*<include-fragment fragment-id="end-session" />'


BROKEN = {
    "a code is good again": Broken(
        "M17", "token", r'\["state"\] != "pending"', '["state"] == "never"',
        test_token.test_M17_a_code_works_once_and_its_replay_ends_the_session,
    ),
    "a code that comes back ends nothing": Broken(
        "M17", "token", ends("code replayed"), r"\1",
        test_token.test_M17_a_code_works_once_and_its_replay_ends_the_session,
    ),
    "a code presented at once ends nothing": Broken(
        "M17, S4", "token", ends("code presented twice at once"), r"\1",
        test_sessions.test_M17_S4_a_code_presented_at_once_makes_one_session_and_ends_it, {"rounds": range(8)},
    ),
    "writes to the store do not ask who was faster": Broken(
        "M17", "session-store", r'(<set-header name="If-Match" exists-action="override">\s*<value>)[^<]*', r"\1*",
        test_token.test_M17_of_eight_exchanges_at_once_one_succeeds, times=2,
    ),
    "a code lives for hours": Broken(
        "M17", "oauth-callback", r"AddSeconds\(60\)", "AddSeconds(6000)", test_token.test_M17_a_code_lives_a_minute,
    ),
    "anybody's code is good for any client": Broken(
        "M17", "token", r'\["clientId"\] == \(\(string\)context\.Variables\["clientId"\]\)', '["clientId"] != null',
        test_token.test_M17_a_code_is_bound_to_its_client, times=2,
    ),
    "the challenge is not looked at": Broken(
        "M17", "token", r'!= \(string\)session\["challenge"\]', '== "never"',
        test_token.test_M17_M18_a_code_is_bound_to_what_asked_for_it, {"changes": {"code_verifier": "a" * 43}},
    ),
    "the redirect URI is not looked at": Broken(
        "M17", "token", r'!= \(string\)session\["redirect"\]', '== "never"',
        test_token.test_M17_M18_a_code_is_bound_to_what_asked_for_it,
        {"changes": {"redirect_uri": "http://127.0.0.1:1/callback"}},
    ),
    "a refusal at /token is no event": Broken(
        "M19", "token-refused", 'name="event" value="token"', 'name="event" value="other"',
        test_sessions.test_M19_D22_every_refusal_at_token_is_an_audit_event,
        {"form": {"grant_type": "password"}, "error": "unsupported_grant_type", "status": 400},
    ),
    "an unknown client is 400": Broken(
        "M19", "token", r'value="@\(401\)"', 'value="@(400)"',
        test_sessions.test_M19_D3_an_unknown_client_is_401_and_challenged_by_its_own_scheme, times=2,
    ),
    "an unknown client is not challenged": Broken(
        "M19", "token-refused", 'name="WWW-Authenticate"', 'name="X-Nothing"',
        test_sessions.test_M19_D3_an_unknown_client_is_401_and_challenged_by_its_own_scheme,
    ),
    "a refusal at /revoke is no event": Broken(
        "M19", "revoke", 'name="event" value="revocation"', 'name="event" value="other"',
        test_sessions.test_M19_a_refusal_at_revoke_is_audited, {"form": {"token": "THEIRS"}, "reason": "token of another client"},
        times=4,
    ),
    "a session is made that nobody can ask about": Broken(
        "M35, S1", "oauth-callback",
        r'string\.IsNullOrEmpty\(\(string\)\(\(JObject\)context\.Variables\["entraTokens"\]\)\["refresh_token"\]\)', "false",
        test_sessions.test_M35_S1_no_session_is_made_without_a_refresh_token_of_entra,
    ),
    "what Entra ID is asked with stays under the old key": Broken(
        "M35, S1", "token",
        r'<set-variable name="sealInput" value="@\(\(\(string\)context\.Variables\["unsealed"\]\)\)" />\s*<include-fragment fragment-id="seal" />',
        """<set-variable name="sealed" value='@((string)((JObject)context.Variables["session"])["entra"])' />""",
        test_sessions.test_M35_S1_a_session_begun_under_a_key_that_is_gone_goes_on,
    ),
    "a session that cannot ask goes on to be": Broken(
        "M35, S1", "token", ends("no refresh token of Entra ID"), r"\1",
        test_sessions.test_M35_S1_a_session_that_cannot_ask_entra_ends, times=2,
    ),
    "Entra ID is not asked within the grace": Broken(
        "M35", "token",
        r'(\(int\)context\.Variables\["generation"\] ==) \(int\)context\.Variables\["presented"\] \+ 1', r'\1 (int)context.Variables["presented"]',
        test_sessions.test_M35_entra_is_asked_at_every_refresh,
    ),
    "who is in is not held to the allowlist": Broken(
        "M36, S2", "token", r'return [^;]*;(\s*\}">\s*<set-variable name="endReason" value="client not on the allowlist" />)', r"return false;\1",
        test_sessions.test_M36_S2_a_client_that_is_off_the_allowlist_is_refused_and_ended, times=2,
    ),
    "a scope that is gone stays granted": Broken(
        "M36", "token", r'session\["scope"\] = string\.Join\([^;]*;', "", test_sessions.test_M36_a_scope_that_is_gone_is_gone_for_those_who_are_in,
        times=2,
    ),
    "ended is said whatever the store said": Broken(
        "M37, S3", "end-session", r'@\(\(int\)context\.Variables\["storeStatus"\] != 204 [^)]*\)context\.Variables\["storeStatus"\] != 404\)', "@(false)",
        test_sessions.test_M37_S3_a_session_that_the_store_did_not_end_is_not_said_to_be_ended,
        {"how": "refresh token reused", "status": 503},
    ),
    "a notice lives for minutes": Broken(
        "M37", "end-session", 'duration="3660"', 'duration="300"',
        test_sessions.test_M37_a_notice_of_revocation_outlives_every_session_key,
    ),
    "a revocation that was not looked up is done": Broken(
        "M37", "revoke", r'\["storeStatus"\] == 503', '["storeStatus"] == 999',
        test_sessions.test_M37_a_revocation_whose_session_cannot_be_looked_up_is_not_said_to_be_done,
    ),
    "a denial that was not kept is done": Broken(
        "M37", "consent", r'\["storeStatus"\] == 204', '["storeStatus"] >= 204',
        test_sessions.test_M37_a_denial_that_was_not_kept_is_not_audited, {"status": 503},
    ),
}  # fmt: skip


@dataclass
class Breaking:
    """Changes what a stack declares as one of the above says. Of what only some configuration renders, it waits for that."""

    broken: Broken
    met: bool = False

    def __call__(self, recording: Recording) -> Recording:
        for type in DOCUMENTS:
            for resource in recording.all(type):
                own = resource.get("apiId") if type.endswith("ApiPolicy") else None
                if self.broken.document in {resource.get("operationId"), resource.get("id"), own}:
                    text, times = re.subn(self.broken.pattern, self.broken.instead, str(resource.get("value")))
                    assert times in {0, self.broken.times}, f"the pattern is there {times} times"
                    self.met |= times > 0
                    recording = recording.changed(resource.urn, value=text)
        return recording

    @asynccontextmanager
    async def cloud(self, **config: str) -> AsyncIterator[LocalCloud]:
        backend = f"http://{STAND_IN}/mcp"
        async with LocalCloud.open(
            ROOT, stack="dev", config=UNLIMITED | config, port=0, backend=backend, recording_hook=self
        ) as cloud:
            cloud.network.serve(STAND_IN, stand_in, kind="functions")
            yield cloud


CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]


@pytest.fixture(scope="module")
async def whole(cloud_with: CloudWith) -> AsyncIterator[LocalCloud]:
    async with cloud_with() as cloud:
        yield cloud


async def lives(cloud: LocalCloud, path: str = "/mcp") -> None:
    """An ordinary life."""
    application = Application(cloud.gateway_url, path=path)
    tokens = await application.tokens(Person(now=cloud.clock.now))
    for _ in range(2):
        assert (await application.call(tokens["access_token"])).status_code == 200
        tokens = (await application.refresh(tokens["refresh_token"])).json()


@pytest.mark.parametrize("name", BROKEN)
def test_its_test_is_given_all_that_it_takes(name: str) -> None:
    assert BROKEN[name].wanted <= FIXTURES


@pytest.mark.parametrize("name", [name for name, broken in BROKEN.items() if "cloud_with" not in broken.wanted])
def test_what_it_breaks_is_there(name: str, declared: Recording) -> None:
    assert_there(BROKEN[name], declared)


def assert_there(broken: Broken, declared: Recording) -> None:
    """What a policy no longer says would be noticed only where the sample has the test."""
    breaking = Breaking(broken)
    breaking(declared)
    assert breaking.met


@BROKEN_SESSIONS
@pytest.mark.parametrize("name", BROKEN)
async def test_its_test_fails(name: str, whole: LocalCloud) -> None:
    await assert_noticed(BROKEN[name], whole)


async def assert_noticed(broken: Broken, whole: LocalCloud, path: str = "/mcp", **fixtures: Callable[[], Any]) -> None:
    """An ordinary life goes on at the server at `path`, and the test of the line fails; `fixtures`: of that test, made when life is over."""
    breaking = Breaking(broken)
    wanted = broken.wanted

    async def fails(cloud: LocalCloud) -> None:
        await lives(cloud, path)
        given: dict[str, Any] = {}
        if "application" in wanted:
            given["application"] = Application(cloud.gateway_url)
        if "registered" in wanted:
            given["registered"] = Application(cloud.gateway_url)
            (await given["registered"].register()).raise_for_status()
        if {"key", "caller"} & wanted:
            application = Application(cloud.gateway_url)
            key = (await application.tokens(Person()))["access_token"]
            given |= {"key": key} if "key" in wanted else {"caller": test_messages.Caller(application, key)}
        if "backend" in wanted:
            given["backend"] = test_mcp.Backend()
            cloud.network.serve(STAND_IN, given["backend"].app, kind="functions")
        given |= {name: made() for name, made in fixtures.items() if name in wanted}
        given |= {name: cloud for name in ("cloud", "operated") if name in wanted}
        if "cloud_with" in wanted:
            given["cloud_with"] = breaking.cloud
        with pytest.raises((AssertionError, KeyError, ValueError)):
            await broken.test(**given, **broken.parameters)

    before = whole.recording
    whole.recording = breaking(before)
    whole.restart_gateway()
    try:
        await fails(whole)
    finally:
        whole.network.serve(STAND_IN, stand_in, kind="functions")
        whole.recording = before
        whole.restart_gateway()
    assert breaking.met, "nothing was broken"
