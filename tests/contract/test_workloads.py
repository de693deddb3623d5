"""W1 to W3, M33, M38: callers without a user, by their own credentials, their platform's token, or a token of Entra ID's."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from actors.signer import ASSERTION_TYPE, UNSET, Signer, confused, unsigned
from contract.conftest import STAND_IN, CloudWith
from contract.test_operators import ALICE, ended
from contract.test_sessions import events
from secure_mcp.options import ConfigError
from secure_mcp.server.options import ServerOptions
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

SECRET = "k7_" * 12
SIGNER, OTHER = Signer(), Signer()
PLATFORM = "tokens.platform.example.com"
ISSUER = f"https://{PLATFORM}/oidc"
SUBJECT = "repo:acme/tools:ref:refs/heads/main"
ROBOT, ROBOT_PRINCIPAL = "40b07000-0000-4000-8000-000000000001", "40b07000-0000-4000-8000-000000000002"
CLIENTS: list[dict[str, Any]] = [
    {"id": "nightly", "name": "Nightly job", "secret": SECRET, "workload": True},
    {"id": "signer", "name": "Signing job", "keys": [SIGNER.public], "workload": True},
    {"id": "pipeline", "name": "Pipeline", "issuer": ISSUER, "subject": SUBJECT, "workload": True},
    {"id": "unnamed", "name": "Of no server", "secret": SECRET, "workload": True},
    {"id": "desk", "name": "For users", "secret": SECRET, "redirectUris": ["https://desk.example.com/cb"]},
]
CONFIG = {
    "clients": json.dumps(CLIENTS),
    "mcpScopes": '["mcp:tools", "snippets:write"]',
    "toolScopes": '{"save_snippet": "snippets:write"}',
    "toolRoles": '{"delete_snippet": "Snippets.Delete"}',
    "toolCallers": '{"hello_mcp": "users", "list_snippets": "workloads"}',
    "operators": f'["{ALICE}"]',
    "workloads": json.dumps(
        [
            {"client": "nightly", "roles": ["Snippets.Delete"]},
            {"client": "signer", "scopes": ["mcp:tools", "snippets:write"]},
            {"client": "pipeline"},
            {"client": "desk"},
            {"application": ROBOT, "principal": ROBOT_PRINCIPAL, "roles": ["Snippets.Delete"]},
        ]
    ),
}


def identity(client: str) -> str:
    """What servers know a workload by."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:secure-mcp:workload:{client}"))


class Host:
    """The server behind the gateway: says yes, and keeps what it was sent."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        self.app = Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST", "DELETE"])])

    async def answer(self, request: Request) -> JSONResponse:
        self.headers.append(dict(request.headers))
        return JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {}})


@pytest.fixture(scope="module")
async def cloud(cloud_with: CloudWith) -> AsyncIterator[LocalCloud]:
    async with with_platform(cloud_with) as running:
        yield running


@asynccontextmanager
async def with_platform(cloud_with: CloudWith) -> AsyncIterator[LocalCloud]:
    """A cloud that admits workloads, and the platform whose tokens one of them brings."""
    async with cloud_with(**CONFIG) as running:
        for signer in (SIGNER, OTHER):
            signer.now = running.clock.now

        async def configuration(request: Request) -> JSONResponse:
            return JSONResponse({"issuer": ISSUER, "jwks_uri": f"https://{PLATFORM}/keys"})

        async def keys(request: Request) -> JSONResponse:
            return JSONResponse(SIGNER.jwks)

        routes = [Route("/oidc/.well-known/openid-configuration", configuration), Route("/keys", keys)]
        running.network.serve(PLATFORM, Starlette(routes=routes))
        yield running


@pytest.fixture
def host(cloud: LocalCloud) -> Host:
    return hosted(cloud)


def hosted(cloud: LocalCloud) -> Host:
    """A server that nobody has called yet."""
    host = Host()
    cloud.network.serve(STAND_IN, host.app, kind="functions")
    cloud.gateway.traces.clear()
    return host


async def asked(cloud: LocalCloud, *, auth: Any = None, **form: str | None) -> httpx.Response:
    """One request of the client credentials grant."""
    fields = {"grant_type": "client_credentials", "resource": cloud.gateway_url + "/mcp"} | form
    data = {name: value for name, value in fields.items() if value is not None}
    application = Application(cloud.gateway_url)
    return await application.send("POST", "/token", data=data, **({"auth": auth} if auth else {}))


def asserted(token: str, **changes: str | None) -> dict[str, str | None]:
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token} | changes


def platform_token(cloud: LocalCloud, signer: Signer = SIGNER, header: Any = None, **changes: Any) -> str:
    """A token as the workload's platform makes it."""
    claims = {"iss": ISSUER, "sub": SUBJECT} | changes
    return signer.assertion("", claims.pop("aud", cloud.gateway_url), header, **claims)


async def call(cloud: LocalCloud, key: str, tool: str = "get_snippet", **options: Any) -> httpx.Response:
    return await Application(cloud.gateway_url).call(key, "tools/call", {"name": tool, "arguments": {}}, **options)


def assert_refused(answer: httpx.Response, error: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text


@pytest.mark.parametrize("way", ["basic", "post", "key", "platform", "platform, named"])
async def test_W1_a_workload_gets_a_session_key_by_its_own_credentials(cloud: LocalCloud, host: Host, way: str) -> None:
    match way:
        case "basic":
            client, answer = "nightly", await asked(cloud, auth=("nightly", SECRET))
        case "post":
            client, answer = "nightly", await asked(cloud, client_id="nightly", client_secret=SECRET)
        case "key":
            client, answer = "signer", await asked(cloud, **asserted(SIGNER.assertion("signer", cloud.gateway_url)))
        case "platform":
            client, answer = "pipeline", await asked(cloud, **asserted(platform_token(cloud)))
        case _:
            form = asserted(platform_token(cloud), client_id="pipeline")
            client, answer = "pipeline", await asked(cloud, **form)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert (tokens["token_type"], answer.headers["cache-control"]) == ("Bearer", "no-store")
    assert "refresh_token" not in tokens
    assert tokens["scope"] == ("mcp:tools snippets:write" if client == "signer" else "mcp:tools")
    assert 0 < tokens["expires_in"] <= 1800
    assert (await call(cloud, tokens["access_token"])).status_code == 200
    # The tools learn who calls.
    assert host.headers[-1]["x-mcp-caller"] == "workload"
    assert host.headers[-1]["x-mcp-user-oid"] == identity(client)
    said = {event["event"]: event for event in events(cloud)}
    assert (said["token"]["grant"], said["token"]["client"]) == ("client_credentials", client)
    assert (said["tool"]["outcome"], said["tool"]["user"]) == ("called", identity(client))


async def test_W1_a_user_is_still_a_user_whatever_the_client_says(cloud: LocalCloud, host: Host) -> None:
    application = Application(cloud.gateway_url)
    tokens = await application.tokens(Person("alice"))
    for name in ("x-mcp-caller", "X_MCP_CALLER"):
        await call(cloud, tokens["access_token"], headers={name: "workload"})
        assert host.headers[-1]["x-mcp-caller"] == "user"
        assert [value for header, value in host.headers[-1].items() if "caller" in header] == ["user"]


async def test_W1_its_tools_are_those_of_its_roles_scopes_and_kind(cloud: LocalCloud, host: Host) -> None:
    nightly = (await asked(cloud, auth=("nightly", SECRET))).json()["access_token"]
    signer = (await asked(cloud, **asserted(SIGNER.assertion("signer", cloud.gateway_url)))).json()["access_token"]
    user = (await Application(cloud.gateway_url).tokens(Person("alice")))["access_token"]
    expected = {
        "get_snippet": (200, 200, 200),
        "save_snippet": (403, 200, 403),
        "delete_snippet": (200, 403, 403),
        "hello_mcp": (403, 403, 200),
        "HELLO_mcp": (403, 403, 200),
        "list_snippets": (200, 200, 403),
        "List_Snippets": (200, 200, 403),
    }
    for tool, statuses in expected.items():
        found = tuple([(await call(cloud, key, tool)).status_code for key in (nightly, signer, user)])
        assert found == statuses, tool
    refused = await call(cloud, nightly, "hello_mcp")
    assert refused.json()["error"]["message"] == "The tool is for users only."
    assert "www-authenticate" not in refused.headers
    assert [event["reason"] for event in events(cloud) if event["event"] == "tool" and event["outcome"] == "refused"][-1] == "caller"  # fmt: skip


async def test_W1_what_is_refused_and_why(cloud: LocalCloud) -> None:
    assert_refused(await asked(cloud, client_id="nightly"), "invalid_client", 401)
    assert_refused(await asked(cloud, auth=("nightly", SECRET[:-1])), "invalid_client", 401)
    assert_refused(await asked(cloud, **asserted(OTHER.assertion("signer", cloud.gateway_url))), "invalid_client", 401)
    assert_refused(await asked(cloud, auth=("desk", SECRET)), "unauthorized_client")
    assert_refused(await asked(cloud, auth=("unnamed", SECRET)), "unauthorized_client")
    assert_refused(
        await asked(cloud, auth=("nightly", SECRET), resource=cloud.gateway_url + "/other"), "invalid_target"
    )
    assert_refused(await asked(cloud, auth=("nightly", SECRET), resource="https://other.example"), "invalid_target")
    assert_refused(await asked(cloud, auth=("nightly", SECRET), scope="snippets:write"), "invalid_scope")
    narrow = await asked(cloud, auth=("nightly", SECRET), scope="mcp:tools snippets:write other", resource=None)
    assert narrow.json()["scope"] == "mcp:tools"
    public = Application(cloud.gateway_url)
    await public.register(token_endpoint_auth_method="none")
    assert_refused(await asked(cloud, client_id=public.client_id), "unauthorized_client")
    answer = await public.register()
    assert_refused(
        await asked(cloud, client_id=public.client_id, client_secret=answer.json()["client_secret"]),
        "unauthorized_client",
    )
    # A workload has no user to send anywhere.
    page = await Person().request("GET", Application(cloud.gateway_url, client_id="nightly").authorize_url())
    assert page.status_code == 400


def wrong_tokens(cloud_url: str, now: int) -> dict[str, dict[str, str | None]]:
    def token(signer: Signer = SIGNER, header: Any = None, **changes: Any) -> dict[str, str | None]:
        claims = {"iss": ISSUER, "sub": SUBJECT} | changes
        return asserted(signer.assertion("", claims.pop("aud", cloud_url), header, **claims), client_id="pipeline")

    good = str(token()["client_assertion"])
    return {
        "forged": token(OTHER),
        "expired": token(exp=now - 120),
        "no expiry": token(exp=UNSET),
        "not yet": token(nbf=now + 300),
        "another audience": token(aud="https://other.example.com"),
        "no audience": token(aud=UNSET),
        "another subject": token(sub="repo:acme/tools:ref:refs/heads/evil"),
        "a longer subject": token(sub=SUBJECT + "-2"),
        "no subject": token(sub=UNSET),
        "another issuer": token(iss="https://evil.example.com"),
        "alg none": asserted(unsigned(good), client_id="pipeline"),
        "HS256 with the public key": asserted(confused(SIGNER, good), client_id="pipeline"),
        "for another client": token() | {"client_id": "signer"},
        "for a client with a secret": token() | {"client_id": "nightly"},
        "the client's own name": asserted(SIGNER.assertion("pipeline", cloud_url), client_id="pipeline"),
        "nothing": {"client_id": "pipeline"},
        "garbage": asserted("a.b.c", client_id="pipeline"),
        "another type": token() | {"client_assertion_type": "x"},
    }


@pytest.mark.parametrize("case", wrong_tokens("https://g.example.com", 0))
async def test_W1_a_wrong_token_of_a_platform_is_refused(cloud: LocalCloud, case: str) -> None:
    cloud.gateway.traces.clear()
    form = wrong_tokens(cloud.gateway_url, int(cloud.clock.now()))[case]
    assert_refused(await asked(cloud, **form), "invalid_client", 401)
    [event] = [event for event in events(cloud) if event["event"] in {"token", "oauth-api"}]
    assert (event["event"], event["outcome"], event["reason"]) == ("token", "refused", "invalid_client")
    revoked = {"token": "x", **form}
    answer = await Application(cloud.gateway_url).send("POST", "/revoke", data=revoked)
    assert_refused(answer, "invalid_client", 401)
    assert events(cloud)[-1]["event"] == "revocation"


async def test_W1_a_platform_that_does_not_answer_is_503(cloud_with: CloudWith) -> None:
    async with cloud_with(**CONFIG) as cloud:
        SIGNER.now = cloud.clock.now
        answer = await asked(cloud, **asserted(platform_token(cloud)))
        assert_refused(answer, "temporarily_unavailable", 503)


async def test_W1_a_session_of_a_workload_ends_with_its_key(cloud: LocalCloud, host: Host) -> None:
    key = (await asked(cloud, auth=("nightly", SECRET))).json()["access_token"]
    answer = await Application(cloud.gateway_url).refresh(key, client_id="nightly", client_secret=SECRET)
    assert_refused(answer, "invalid_grant")
    cloud.clock.advance(1801)
    assert (await call(cloud, key)).status_code == 401
    key = (await asked(cloud, auth=("nightly", SECRET))).json()["access_token"]
    form = {"token": key, "client_id": "nightly", "client_secret": SECRET}
    assert (await Application(cloud.gateway_url).send("POST", "/revoke", data=form)).status_code == 200
    assert (await call(cloud, key)).status_code == 401


@pytest.mark.parametrize("by", [{"client": "nightly"}, {"user": identity("nightly")}])
async def test_W1_M38_an_operator_ends_a_workload(cloud: LocalCloud, host: Host, by: dict[str, str]) -> None:
    key = (await asked(cloud, auth=("nightly", SECRET))).json()["access_token"]
    assert (await call(cloud, key)).status_code == 200
    (await ended(cloud, **by)).raise_for_status()
    cloud.clock.advance(61)
    assert (await call(cloud, key)).status_code == 401
    again = (await asked(cloud, auth=("nightly", SECRET))).json()["access_token"]
    assert (await call(cloud, again)).status_code == 200


async def test_W1_S7_a_workload_has_the_limit_of_any_caller(cloud_with: CloudWith) -> None:
    async with cloud_with(**CONFIG | {"mcpRateLimit": "5"}) as cloud:
        SIGNER.now = cloud.clock.now
        key = (await asked(cloud, auth=("nightly", SECRET))).json()["access_token"]
        assert [(await call(cloud, key)).status_code for _ in range(7)] == [200] * 5 + [429] * 2
        other = (await asked(cloud, **asserted(SIGNER.assertion("signer", cloud.gateway_url)))).json()["access_token"]
        assert (await call(cloud, other)).status_code == 200


async def test_W3_M36_nothing_of_it_is_on_unless_it_is_configured(cloud_with: CloudWith, cloud: LocalCloud) -> None:
    metadata = (await Application(cloud.gateway_url).send("GET", "/.well-known/oauth-authorization-server")).json()
    assert "client_credentials" in metadata["grant_types_supported"]
    async with cloud_with(clients=json.dumps(CLIENTS[-1:])) as off:
        metadata = (await Application(off.gateway_url).send("GET", "/.well-known/oauth-authorization-server")).json()
        assert "client_credentials" not in metadata["grant_types_supported"]
        assert_refused(await asked(off, auth=("desk", SECRET)), "unsupported_grant_type")
        entra = await call(off, entra_token(cloud))
        assert entra.status_code == 401
    async with cloud_with(clients=json.dumps(CLIENTS)) as unnamed:
        # The gateway would; the server says nothing of workloads.
        assert_refused(await asked(unnamed, auth=("nightly", SECRET)), "unauthorized_client")


async def test_W3_M36_a_key_opens_nothing_at_a_server_that_admits_no_workloads_any_more(cloud_with: CloudWith) -> None:
    """Such a server asks nobody whether they are a workload: it must not take one for a user."""
    config = {name: CONFIG[name] for name in ("clients", "workloads", "toolRoles", "toolScopes", "mcpScopes")}
    async with cloud_with(**config) as changing:
        key = (await asked(changing, auth=("nightly", SECRET))).json()["access_token"]
        assert (await call(changing, key)).status_code == 200
        tokens = await Application(changing.gateway_url).tokens(Person())
        await asyncio.to_thread(changing.reconfigure, workloads="[]")
        answer = await call(changing, key)
        assert answer.status_code == 401
        assert "invalid_token" in answer.headers["www-authenticate"]
        assert (await call(changing, tokens["access_token"])).status_code == 200


def named_value(cloud: LocalCloud, name: str) -> str:
    (found,) = [r for r in cloud.recording.resources if r.inputs.get("namedValueId") == name]
    return str(found.inputs["value"])


def entra_token(cloud: LocalCloud, **changes: Any) -> str:
    """A token of Entra ID's for an application, signed by it."""
    now = int(cloud.clock.now())
    claims = {
        "aud": named_value(cloud, "mcp-workloads"),
        "iss": cloud.entra.issuer.issuer,
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "azp": ROBOT,
        "idtyp": "app",
        "oid": ROBOT_PRINCIPAL,
        "sub": ROBOT_PRINCIPAL,
        "tid": cloud.entra.issuer.tenant,
        "roles": ["Mcp.Access", "Snippets.Delete"],
        "ver": "2.0",
    } | changes
    return cloud.entra.issuer.sign({name: value for name, value in claims.items() if value is not UNSET})


async def test_W2_a_token_of_entra_opens_a_server_that_admits_its_application(cloud: LocalCloud, host: Host) -> None:
    token = entra_token(cloud)
    for _ in range(2):
        assert (await call(cloud, token)).status_code == 200
        sent = host.headers[-1]
        assert (sent["x-mcp-caller"], sent["x-mcp-user-oid"]) == ("workload", ROBOT_PRINCIPAL)
        assert token not in "".join(sent.values())
    assert (await call(cloud, token, "delete_snippet")).status_code == 200
    assert (await call(cloud, token, "save_snippet")).status_code == 403
    assert (await call(cloud, token, "hello_mcp")).status_code == 403
    assert (await call(cloud, token, "list_snippets")).status_code == 200
    plain = entra_token(cloud, roles=["Mcp.Access"])
    assert (await call(cloud, plain, "delete_snippet")).status_code == 403
    said = next(event for event in events(cloud) if event["event"] == "tool")
    assert (said["user"], said["client"]) == (ROBOT_PRINCIPAL, ROBOT)


WRONG: dict[str, dict[str, Any]] = {
    "the host's audience": {"aud": "HOST"},
    "the sign-in application's": {"aud": "SIGN-IN"},
    "a list of audiences": {"aud": ["HOST"]},
    "no audience": {"aud": UNSET},
    "another tenant": {"tid": "00000000-0000-4000-8000-00000000dead"},
    "another issuer": {"iss": "https://sts.example.com/v2.0"},
    "a user's": {"idtyp": "user"},
    "no kind": {"idtyp": UNSET},
    "a delegated one": {"scp": "Mcp.SignIn"},
    "one that is bound to a key": {"cnf": {"jwk": {"kty": "RSA"}}},
    "another application": {"azp": "40b07000-0000-4000-8000-00000000dead"},
    "no application": {"azp": UNSET},
    "the gateway's own identity": {"azp": "GATEWAY"},
    "no role": {"roles": UNSET},
    "an empty list of roles": {"roles": []},
    "another role": {"roles": ["Other.Role"]},
    "expired": {"exp": 1},
    "no expiry": {"exp": UNSET},
    "a text for an expiry": {"exp": "never"},
    "not yet": {"nbf": 99999999999},
    "an odd object id": {"oid": "x"},
}


@pytest.mark.parametrize("case", WRONG)
async def test_W2_any_other_token_of_entra_is_refused(cloud: LocalCloud, host: Host, case: str) -> None:
    places = {
        "HOST": named_value(cloud, "mcp-audience"),
        "SIGN-IN": named_value(cloud, "McpClientId"),
        "GATEWAY": named_value(cloud, "EntraIDFicClientId"),
    }
    assert places["HOST"] != named_value(cloud, "mcp-workloads")
    changes = json.loads(json.dumps({k: v for k, v in WRONG[case].items() if v is not UNSET}))
    for place, value in places.items():
        changes = json.loads(json.dumps(changes).replace(f'"{place}"', f'"{value}"'))
    changes |= {k: v for k, v in WRONG[case].items() if v is UNSET}
    answer = await call(cloud, entra_token(cloud, **changes))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert host.headers == []
    assert [event["reason"] for event in events(cloud) if event["event"] == "mcp"] == ["application token"]


async def test_W2_what_entra_did_not_sign_is_refused(cloud: LocalCloud, host: Host) -> None:
    good = entra_token(cloud)
    claims = {"aud": named_value(cloud, "mcp-workloads"), "azp": ROBOT, "idtyp": "app"}
    forgeries = [
        OTHER.token(claims),
        unsigned(good),
        confused(OTHER, good),
        good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"),
        "a.b.c",
        ".".join("x" * 4000 for _ in range(3)),
    ]
    for forged in forgeries:
        assert (await call(cloud, forged)).status_code == 401
    # A user's own tokens, as the gateway holds them, open nothing.
    delegated = entra_token(cloud, idtyp=UNSET, scp="Mcp.SignIn", oid=ALICE, aud=named_value(cloud, "mcp-application"))
    assert (await call(cloud, delegated)).status_code == 401
    assert host.headers == []


async def test_W2_it_ends_with_the_token_also_in_the_cache(cloud: LocalCloud, host: Host) -> None:
    token = entra_token(cloud, exp=int(cloud.clock.now()) + 30)
    assert (await call(cloud, token)).status_code == 200
    cloud.clock.advance(31)
    assert (await call(cloud, token)).status_code == 401


async def test_W2_M38_an_operator_ends_an_application_by_its_object_id(cloud: LocalCloud, host: Host) -> None:
    token = entra_token(cloud)
    assert (await call(cloud, token)).status_code == 200
    (await ended(cloud, user=ROBOT_PRINCIPAL)).raise_for_status()
    cloud.clock.advance(61)
    assert (await call(cloud, token)).status_code == 401
    assert (await call(cloud, entra_token(cloud))).status_code == 200, "a new one of Entra ID's is another"


async def test_W2_M31_no_token_is_logged(cloud: LocalCloud, host: Host) -> None:
    token, own = entra_token(cloud), platform_token(cloud)
    await call(cloud, token)
    await asked(cloud, **asserted(own))
    traced = "".join(json.dumps(trace.as_dict(), default=str) for trace in cloud.gateway.traces)
    stored = "".join(json.dumps(d) for container in cloud.cosmos.containers for d in container.documents())
    for secret in (token, own):
        for part in secret.split(".")[1:]:
            assert part not in traced + stored


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"workloads": [{"client": "a"}], "sse_transport": "enabled"}, "workloads would guard nothing"),
        ({"workloads": [{}]}, "one of client and application"),
        ({"workloads": [{"client": "a", "application": ROBOT, "principal": ROBOT}]}, "one of client and application"),
        ({"workloads": [{"application": ROBOT}]}, "belong together"),
        ({"workloads": [{"client": "a"}, {"client": "a"}]}, "named once"),
        ({"workloads": [{"client": "a", "scopes": ["other"]}]}, "mcpScopes has no other"),
        ({"workloads": [{"client": "a", "roles": ["Other"]}]}, "no tool needs the role Other"),
        ({"tool_callers": {"hello_mcp": "users"}}, "admits no workloads"),
        ({"workloads": [{"client": "a"}], "tool_callers": {"hello_mcp": "people"}}, "users or for workloads"),
    ],
)
def test_W3_M33_what_cannot_work_is_said_when_the_program_runs(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        ServerOptions.of(options)
    assert problem in str(error.value)
