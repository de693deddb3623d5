"""Each line of the contract on clients, consent, calls, workloads and users' tokens is broken once in the policies, and its test must fail.

As in `test_broken_once.py`, which has the lines on what ends a session.
"""

import json
from collections.abc import AsyncIterator

import pytest

from actors.downstream import Downstream, deployed
from contract import (
    test_authorization,
    test_client_authentication,
    test_configured_clients,
    test_id_token,
    test_limits,
    test_mcp,
    test_messages,
    test_metadata,
    test_operators,
    test_redirects,
    test_registration,
    test_sessions,
    test_token,
    test_tool_roles,
    test_user_tokens,
    test_workloads,
)
from contract.conftest import CloudWith
from contract.test_broken_once import FIXTURES, Broken, assert_noticed, assert_there
from samples import BROKEN_DOORS
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording import Recording

CLIENTS = [
    *test_configured_clients.CLIENTS,
    {"id": "other", "name": "Other", "redirectUris": ["https://other.example/"]},
]

BROKEN = {
    "the metadata say that there is no offline access": Broken(
        "M3", "authorization-server-metadata", '"offline_access"', '"x"',
        test_metadata.test_M3_S6_authorization_server_metadata_says_only_what_is_there, {"path": "/.well-known/oauth-authorization-server"},
    ),
    "anybody's page registers": Broken(
        "M5, D13", "register", r'type != "application/json" &&', 'type == "never" &&',
        test_client_authentication.test_M5_D13_what_is_no_json_does_not_register, {"content_type": "text/plain"},
    ),
    "a user in the address is none": Broken(
        "M5, D7", "register", r'Regex\.IsMatch\(uri, @"\\A\[\^/\?\]\*//\[\^/\?\]\*@"\)[^:]*"has user information"\s*:', 'false ? "" :',
        test_registration.test_M5_the_refusal_says_which_and_why, {"uri": "https://user@app.example.com/", "why": "user information"},
    ),
    "an answer may have a code already": Broken(
        "M5, D12", "register", r"\.Split\('&', ';'\)", ".Split('#')",
        test_client_authentication.test_M5_D7_D12_a_redirect_uri_that_misleads_is_refused, {"uri": "https://app.example/cb?a=b&STATE=2"},
    ),
    "who has a secret need not show it": Broken(
        "M6", "client-authentication", r'(hash == "" \? "" : \(bool\)client\["secretRequired"\] \? )"invalid_client"', r'\1""',
        test_client_authentication.test_M6_who_asked_for_a_secret_authenticates_by_either_method, {"method": "client_secret_basic"},
    ),
    "any secret is the secret": Broken(
        "M6", "client-authentication", r"== hash \?", '!= "" ?',
        test_client_authentication.test_M6_who_asked_for_a_secret_authenticates_by_either_method, {"method": "client_secret_post"},
    ),
    "a secret that was used need not be shown again": Broken(
        "M6", "client-authentication", r'client\["secretRequired"\] = true;', 'client["secretRequired"] = false;',
        test_client_authentication.test_M6_who_asked_for_nothing_may_come_without_until_it_used_its_secret,
    ),
    "a registration that nobody uses lives for a year": Broken(
        "M6", "register", "1209600", "31536000",
        test_configured_clients.test_M6_a_registration_that_never_got_a_token_is_forgotten_and_another_lives,
    ),
    "the port of any address may differ": Broken(
        "M8", "authorize", r"\(http://\(\?:localhost\|127\\\.0\\\.0\\\.1\|\\\[::1\\\]\)\)", "(https?://[^/:]+)",
        test_authorization.test_M8_the_port_of_an_https_redirect_may_not, times=4,
    ),
    "everybody is sent on at once": Broken(
        "M9, D14", "redirect-error", r'context\.Operation\.Id == "authorize" &&', 'context.Operation.Id == "never" &&',
        test_authorization.test_M9_nobody_is_sent_to_a_stranger_before_they_agreed,
    ),
    "Entra ID hears of any prompt": Broken(
        "M12", "authorize", r'\["prompt"\] = new string\[\] \{ "select_account", "login" \}', '["prompt"] = new string[] { "select_account", "login", "consent" }',
        test_authorization.test_M12_whose_account_it_is_may_be_asked_for, {"prompt": "consent", "upstream": None},
    ),
    "any browser may answer": Broken(
        "M13", "consent", r'\(\(string\)context\.Variables\["csrf"\]\) == "" \|\| \(\(string\)context\.Variables\["unsealed"\]\) != [^|]*\|\|', "",
        test_authorization.test_M13_an_answer_that_this_browser_was_not_shown_is_refused, {"drop": "cookie"},
    ),
    "any page may answer": Broken(
        "M13", "consent", r'origin != "" && !string\.Equals', 'origin == "" && !string.Equals',
        test_authorization.test_M13_an_answer_that_this_browser_was_not_shown_is_refused, {"drop": "origin"},
    ),
    "other sites may frame the page": Broken(
        "M13", "consent-page", "; frame-ancestors 'none'", "",
        test_authorization.test_M13_consent_says_who_asks_and_where_it_sends,
    ),
    "the answer says what was asked for": Broken(
        "M20, D4", "token", r'\["scope"\] = \(string\)\(\(JObject\)context\.Variables\["session"\]\)\["scope"\]', '["scope"] = "mcp:tools read"',
        test_authorization.test_M20_unknown_scopes_are_left_out_and_the_answer_says_so, {"asked": "mcp:tools read"},
    ),
    "an old refresh token is good for days": Broken(
        "M22", "token", r'(\["rotated"\]) \+ 120', r"\1 + 120000",
        test_token.test_M22_reuse_of_an_old_refresh_token_ends_the_session, {"wait": 121, "generations": 1},
    ),
    "a scope that was never granted is asked for in vain": Broken(
        "M22, S8", "token", r'scope != "offline_access" && !granted\.Contains\(scope\)', "false",
        test_sessions.test_M22_S8_a_scope_that_was_never_granted_is_invalid,
    ),
    "another spelling of who it is goes on": Broken(
        "M24, A3", "mcp", r"\(\(string\[\]\)context\.Variables\[\"foreign\"\]\)\.Length > 0", "false",
        test_mcp.test_M24_A3_no_spelling_of_what_only_a_proxy_says_goes_on, {"name": "X_Mcp_User_Oid"},
    ),
    "the client's key reaches the server": Broken(
        "M24", "mcp", r'<set-query-parameter name="subscription-key" exists-action="delete" />', "",
        test_mcp.test_M24_nothing_that_passes_for_a_credential_or_an_identity_goes_on,
    ),
    "a refusal of the server's sends clients into a sign-in": Broken(
        "M25", "mcp", r"context\.Response\.StatusCode == 401 \|\| context\.Response\.StatusCode == 403", "false",
        test_mcp.test_M25_a_refusal_by_the_server_is_a_bad_gateway, {"status": 401},
    ),
    "a failure of the server's is told in its own words": Broken(
        "M25", "mcp", r"context\.Response\.StatusCode >= 500", "context.Response.StatusCode >= 600",
        test_mcp.test_M25_a_failure_of_the_server_has_none_of_its_words, {"status": 502, "shown": 502},
    ),
    "any page may call": Broken(
        "M26", "mcp", r"origins\.Length != 1 \|\| !", "origins.Length != 1 || false && !",
        test_mcp.test_M26_a_foreign_origin_is_refused, {"origin": "https://evil.example"},
    ),
    "a message is what Newtonsoft.Json takes": Broken(
        "M34, F3", "mcp-message", r'!Regex\.IsMatch\(text, @"\\A\(', r'text == null && !Regex.IsMatch(text, @"\\A(',
        test_messages.test_M34_F3_lenient_json_is_refused,
    ),
    "what only looks like a call passes": Broken(
        "M34, F5", "mcp-message", r'\.ToLowerInvariant\(\) == "tools/call"', '.ToLowerInvariant() == "never"',
        test_messages.test_M34_repeated_and_case_varied_names_that_matter_are_refused,
    ),
    "any encoding is read": Broken(
        "M34, F4", "mcp-message", r'part != "charset=utf-8"', 'part == "never"',
        test_messages.test_M34_F4_what_two_readers_may_read_as_two_messages_is_415, {"headers": {"Content-Type": "application/json; charset=utf-7"}},
    ),
    "a session lives as long as it is used": Broken(
        "M38, S7", "token", "2592000", "259200000",
        test_sessions.test_M38_S7_a_session_has_an_absolute_life, times=5,
    ),
    "every program's approval is kept": Broken(
        "M39, D15", "consent", r'registered\.StartsWith\("https://", StringComparison\.Ordinal\)', "true",
        test_redirects.test_M39_D15_an_approval_is_not_remembered_where_any_program_may_listen, {"redirect": "http://localhost/"},
    ),
    "failing costs nothing": Broken(
        "M40, A1", "failed-check", r'return "failed-check:" \+', 'return context.RequestId.ToString() +',
        test_limits.test_M40_A1_failing_is_not_free, {"headers": {}},
    ),
    "roles are those of any user's token": Broken(
        "M16", "server-token", r'claims\.GetValueOrDefault\("oid", ""\) == .*? \?', "true ?",
        test_id_token.test_M16_a_wrong_id_token_signs_nobody_in, {"name": "an access token of another user, whose roles would be this one's"},
    ),
    "a session is refreshed by any user's sign-in": Broken(
        "M16, S11", "token", r'!string\.Equals\(\(\(Jwt\)context\.Variables\["idToken"\]\)\.Claims\.GetValueOrDefault\("oid", ""\), .*, StringComparison\.OrdinalIgnoreCase\)', "false",
        test_tool_roles.test_B2_M16_a_refresh_believes_no_wrong_id_token, {"name": "another user, in every token"},
    ),
    "an IPv6 network is as many callers as it has addresses": Broken(
        "S7, M40", "register", r"BitConverter\.ToString\(bytes, 0, 8\)", "address.ToString()",
        test_limits.test_S7_M40_an_ipv6_network_is_one_caller,
    ),
    "an IPv4 address that is written as IPv6 is a network": Broken(
        "S7, M40", "token", r"mapped \|\| bytes", "bytes", test_limits.test_S7_M40_an_ipv6_network_is_one_caller,
    ),
    "what has no address is not counted": Broken(
        "S7, M40", "authorize", '"authorize:no address"', "context.RequestId.ToString()",
        test_limits.test_S7_M40_an_ipv6_network_is_one_caller,
    ),
    "every page may ask": Broken(
        "S1", "oauth", "<origin>http://localhost:6274</origin>", "<origin>*</origin>",
        test_mcp.test_S1_browsers_may_call_from_allowed_origins, {"path": "/token"},
    ),
    "keys live for hours": Broken(
        "S8", "token", r'(\["rotated"\]) \+ 1800', r"\1 + 18000", test_token.test_M20_S8_expires_in_is_true,
    ),
}  # fmt: skip

WITH_CLIENTS = {
    "a client of the configuration need not show its secret": Broken(
        "C2",
        "client-authentication",
        r'(hash == "" \? "" : \(bool\)client\["secretRequired"\] \? )"invalid_client"',
        r'\1""',
        test_configured_clients.test_C2_a_client_with_a_secret_must_show_it,
    ),
    "a client with a key need not sign": Broken(
        "C1, C2",
        "client-authentication",
        r"if \(keyed \|\| asserted\)",
        "if (asserted)",
        test_configured_clients.test_C2_a_client_with_a_key_must_sign,
    ),
    "any key signs": Broken(
        "C1, C2",
        "client-authentication",
        r"if \(rsa\.VerifyData\([^{]*\)\s*\{",
        "if (rsa != null) {",
        test_configured_clients.test_C2_a_client_with_a_key_must_sign,
    ),
}
WITH_OPERATORS = {
    "everybody is an operator": Broken(
        "M38",
        "list-sessions",
        r'<claim name="roles" match="any">\s*<value>Sessions\.End</value>\s*</claim>',
        "",
        test_operators.test_M38_only_an_operator_can,
    ),
    "what an operator ended goes on": Broken(
        "M38",
        "token",
        r'"sessionEnded"\]\) == "yes"',
        '"sessionEnded"]) == "never"',
        test_operators.test_M38_a_refresh_is_refused_at_once,
        times=2,
    ),
    "the list has what opens a session": Broken(
        "M38",
        "list-sessions",
        r'\["redirect"\] = \(string\)document\["redirect"\] \?\? "",',
        '["redirect"] = document.ToString(),',
        test_operators.test_M38_nothing_that_opens_a_session_is_listed,
    ),
}
WITH_WORKLOADS = {
    "every client of the configuration is a workload": Broken(
        "W1", "token", r' \|\| \(\(JObject\)context\.Variables\["client"\]\)\["workload"\] == null', "",
        test_workloads.test_W1_what_is_refused_and_why,
    ),
    "a server admits whatever workload comes": Broken(
        "W3", "token", r"return workloads == null \? null : workloads\[.*\] as JObject;",
        'return new JObject { ["scopes"] = new JArray("mcp:tools"), ["roles"] = new JArray("User") };',
        test_workloads.test_W1_what_is_refused_and_why,
    ),
    "any subject of a platform is the workload": Broken(
        "W1", "client-authentication", r'<required-claims>\s*<claim name="sub" match="all">\s*<value>.*</value>\s*</claim>\s*</required-claims>', "",
        test_workloads.test_W1_a_wrong_token_of_a_platform_is_refused, {"case": "another subject"},
    ),
    "a tool for users is one for workloads": Broken(
        "W1", "mcp", r'!= \(\(string\)context\.Variables\["caller"\]\) \+ "s"', '== "nobody"',
        test_workloads.test_W1_its_tools_are_those_of_its_roles_scopes_and_kind,
    ),
    "any application of the tenant is admitted": Broken(
        "W2", "mcp", "default: return null;", 'default: scope = "mcp:tools"; break;',
        test_workloads.test_W2_any_other_token_of_entra_is_refused, {"case": "another application"},
    ),
    "a user's token is an application's": Broken(
        "W2", "mcp", r',\s*\["idtyp"\] = "app"', "",
        test_workloads.test_W2_any_other_token_of_entra_is_refused, {"case": "a user's"},
    ),
    "a delegated token is an application's": Broken(
        "W2", "mcp", r'\|\| claims\["scp"\] != null', "",
        test_workloads.test_W2_any_other_token_of_entra_is_refused, {"case": "a delegated one"},
    ),
}  # fmt: skip
WITH_USER_TOKENS = {
    "every tool acts as its user": Broken(
        "U1", "mcp-desk", r'(case "my_profile": return "0";[^}]*default: return )""', r'\1"0"',
        test_user_tokens.test_U1_no_other_tool_and_no_other_request_gets_one,
    ),
    "a tool gets its user's token of another API": Broken(
        "U1", "mcp-desk", 'case "list_entries": return "1";', 'case "list_entries": return "0";',
        test_user_tokens.test_U1_a_tool_calls_an_api_of_the_organisations_own_as_its_user,
    ),
    "a token lies open in the cache": Broken(
        "U1, U3", "mcp-desk", r'(<cache-store-value key="@\(\(\(string\)context\.Variables\["tokenKey"\]\)\)" value="@\(\(\(string\)context\.Variables\[)"sealed"', r'\1"sealInput"',
        test_user_tokens.test_U1_it_is_kept_sealed_and_no_longer_than_it_lives,
    ),
    "whose assignment is taken goes on": Broken(
        "U1", "mcp-desk", r'\(\(JArray\)context\.Variables\["roles"\]\)\.Count == 0 \|\| (?=!string\.Equals)', "",
        test_user_tokens.test_U1_it_ends_with_the_session_the_assignment_and_the_sign_in,
    ),
    "whose session it is does not matter": Broken(
        "U1", "mcp-desk", r'(\(\(JArray\)context\.Variables\["roles"\]\)\.Count == 0) \|\| !string\.Equals\(.*, StringComparison\.OrdinalIgnoreCase\)', r"\1",
        test_user_tokens.test_U1_a_session_of_another_user_than_its_sign_in_gets_no_token,
    ),
    "who must prove more is refreshed as before": Broken(
        "U2", "mcp-desk",
        r'(<metadata name="reason" value="claims" />(?:(?!</trace>)[\s\S])*</trace>\s*)<set-variable name="storeMethod" value="DELETE" />'
        r'\s*<set-variable name="storeEtag" value="\*" />\s*<include-fragment fragment-id="session-store" />\s*<cache-store-value [^>]*/>',
        r'\1<set-variable name="storeStatus" value="@(204)" />',
        test_user_tokens.test_U2_a_claims_challenge_is_met_by_the_users_next_sign_in,
    ),
    "what was asked for once is asked for again": Broken(
        "U2", "mcp-desk", r' && !\(bool\)context\.Variables\["stepUpFinal"\]', "",
        test_user_tokens.test_U2_a_second_failure_of_the_kind_is_final,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
async def whole(cloud_with: CloudWith) -> AsyncIterator[LocalCloud]:
    async with cloud_with() as cloud:
        yield cloud


@pytest.mark.parametrize(
    ("table", "own"),
    [
        (BROKEN, set[str]()),
        (WITH_CLIENTS, set[str]()),
        (WITH_OPERATORS, set[str]()),
        (WITH_WORKLOADS, {"host"}),
        (WITH_USER_TOKENS, {"downstream"}),
    ],
)
def test_its_test_is_given_all_that_it_takes(table: dict[str, Broken], own: set[str]) -> None:
    assert {name for name, broken in table.items() if not broken.wanted <= FIXTURES | own} == set()


@pytest.mark.parametrize("name", [name for name, broken in BROKEN.items() if "cloud_with" not in broken.wanted])
def test_what_it_breaks_is_there(name: str, declared: Recording) -> None:
    assert_there(BROKEN[name], declared)


@BROKEN_DOORS
@pytest.mark.parametrize("name", BROKEN)
async def test_its_test_fails(name: str, whole: LocalCloud) -> None:
    await assert_noticed(BROKEN[name], whole)


@pytest.fixture(scope="module")
async def with_clients(cloud_with: CloudWith) -> AsyncIterator[LocalCloud]:
    async with cloud_with(clients=json.dumps(CLIENTS)) as cloud:
        test_configured_clients.SIGNER.now = cloud.clock.now
        yield cloud


@BROKEN_DOORS
@pytest.mark.parametrize("name", WITH_CLIENTS)
async def test_its_test_fails_with_clients(name: str, with_clients: LocalCloud) -> None:
    await assert_noticed(WITH_CLIENTS[name], with_clients)


@pytest.fixture(scope="module")
async def operated(cloud_with: CloudWith) -> AsyncIterator[LocalCloud]:
    async with cloud_with(operators=f'["{test_operators.ALICE}"]') as cloud:
        yield cloud


@BROKEN_DOORS
@pytest.mark.parametrize("name", WITH_OPERATORS)
async def test_its_test_fails_with_operators(name: str, operated: LocalCloud) -> None:
    # What an earlier one ended counts for all that began in the same second.
    operated.clock.advance(2)
    await assert_noticed(WITH_OPERATORS[name], operated)


@pytest.fixture(scope="module")
async def admitting(cloud_with: CloudWith) -> AsyncIterator[LocalCloud]:
    async with test_workloads.with_platform(cloud_with) as cloud:
        yield cloud


@BROKEN_DOORS
@pytest.mark.parametrize("name", WITH_WORKLOADS)
async def test_its_test_fails_with_workloads(name: str, admitting: LocalCloud) -> None:
    await assert_noticed(WITH_WORKLOADS[name], admitting, host=lambda: test_workloads.hosted(admitting))


@pytest.fixture(scope="module")
async def acting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Downstream]:
    async with deployed(tmp_path_factory.mktemp("stacks")) as downstream:
        yield downstream


@BROKEN_DOORS
@pytest.mark.parametrize("name", WITH_USER_TOKENS)
async def test_its_test_fails_with_tokens_of_users(name: str, acting: Downstream) -> None:
    await assert_noticed(
        WITH_USER_TOKENS[name], acting.cloud, "/desk", downstream=lambda: test_user_tokens.anew(acting)
    )
