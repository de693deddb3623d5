"""What opens something appears only where it belongs."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

FAULTS = ["entra-error-page", "entra-down", "cosmos-503", "functions-500", "functions-401", "identity-unavailable"]


async def test_M31_M20_no_secret_is_in_a_trace_a_log_or_an_answer(
    cloud: LocalCloud, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    people = [Person("alice"), Person("bob")]
    secrets: set[str] = set()
    answers: list[str] = []
    for person in people:
        application = Application(cloud.gateway_url)
        registration = await application.register()
        code = await application.code(person)
        exchanged = await application.exchange(code)
        first = exchanged.json()
        refreshed = await application.refresh(first["refresh_token"])
        second = refreshed.json()
        answers += [answer.text + json.dumps(dict(answer.headers)) for answer in (registration, exchanged, refreshed)]
        content = f"content-of-{person.name}-4711"
        save = {"name": "save_snippet", "arguments": {"name": "secret", "content": content}}
        answers.append((await application.call(second["access_token"], "tools/call", save)).text)
        await application.exchange(code)
        secrets |= {code, content, application.verifier, registration.json()["client_secret"]}
        # The gateway's own state and Entra ID's code, in addresses that the browser was sent to.
        for response in person.visited:
            query = parse_qs(urlsplit(response.headers.get("location", "")).query)
            secrets |= {
                value for name in ("state", "code", "nonce") for value in query.get(name, ()) if len(value) > 30
            }
        secrets |= {tokens[kind] for tokens in (first, second) for kind in ("access_token", "refresh_token")}
        secrets |= {value for jar in person.cookies.values() for value in jar.values() if len(value) > 30}
        answers += [response.text + json.dumps(dict(response.headers)) for response in person.visited]
        for fault in FAULTS:
            cloud.network.faults.active.add(fault)
            try:
                bad = Application(cloud.gateway_url, client_id=application.client_id)
                end = await Person(person.name).sign_in(bad.authorize_url())
                trouble = [
                    await application.refresh(second["refresh_token"]),
                    await application.call(second["access_token"], "tools/call", save),
                    await application.exchange(code),
                ]
            finally:
                cloud.network.faults.active.discard(fault)
            answers += [end if isinstance(end, str) else end.text]
            answers += [answer.text + json.dumps(dict(answer.headers)) for answer in trouble]
    secrets |= set(cloud.gateway.secrets)

    # The people and applications of the test are in this process, too: what their own HTTP client logs is not the gateway's; and
    # uvicorn writes addresses, with a sign-in's state in them, only because this test asks for every log there is.
    own = [
        r
        for r in caplog.records
        if not (
            r.name.startswith(("httpcore", "uvicorn.access")) or (r.name == "httpx" and "//localhost" in r.getMessage())
        )
    ]
    written = "\n".join(record.getMessage() for record in own) + "".join(capfd.readouterr())
    # Traces of the local cloud mask values, so the audit events are looked at as Azure's log has them.
    traced = "\n".join(
        json.dumps([trace.as_dict(), *map(dict, trace.events("secure-mcp.audit"))], default=str)
        for trace in cloud.gateway.traces
    )
    assert traced.count("secure-mcp.audit") > 10
    for secret in secrets:
        assert secret not in written
        assert secret not in traced
    jwt = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}")
    assert not jwt.search(traced)
    assert not jwt.search(written)
    for answer in answers:
        assert not jwt.search(answer), "a token of Entra ID reached the browser or the client"


async def test_B5_there_is_an_audit_event_for_each_thing_that_matters(cloud: LocalCloud) -> None:
    cloud.gateway.traces.clear()
    application = Application(cloud.gateway_url)
    tokens = await application.tokens(Person())
    await application.call(tokens["access_token"], "tools/call", {"name": "hello_mcp", "arguments": {}})
    await application.call("wrong")
    await Person(answer="deny").sign_in(application.authorize_url())
    await application.send(
        "POST", "/revoke", data={"token": tokens["refresh_token"], "client_id": application.client_id}
    )
    events = [event for trace in cloud.gateway.traces for event in trace.events("secure-mcp.audit")]
    seen = {(event["event"], event["outcome"]) for event in events}
    assert {
        ("registration", "succeeded"),
        ("consent", "allowed"),
        ("consent", "denied"),
        ("sign-in", "succeeded"),
        ("token", "issued"),
        ("tool", "called"),
        ("mcp", "refused"),
        ("session", "revoked"),
    } <= seen
    tool = next(event for event in events if event["event"] == "tool")
    assert tool["tool"] == "hello_mcp"
    assert re.fullmatch(r"[0-9a-f-]{36}", tool["user"])
    assert tool["client"] == application.client_id
