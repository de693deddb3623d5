"""B5: what the audit trail says of people: an object id and what they did, never who they are or what they sent."""

import json
import re

from secure_mcp_local.azure.entra.users import default_users
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

GUID = r"[0-9a-f-]{36}"
SHAPES = {
    "event": r"[a-z-]+",
    "outcome": r"[a-z-]+",
    "user": GUID,
    "client": r"[\w.:/-]+",
    "tool": r"hello_mcp",
    "grant": r"authorization_code|refresh_token",
    "operation": r"[a-z-]+",
    "reason": r"[\w ,-]+",
    "server": r"[a-z0-9/-]*",
    "source": r"[\w.-]*",
}


async def test_B5_audit_events_name_nobody_and_hold_nothing_of_theirs(cloud: LocalCloud) -> None:
    cloud.gateway.traces.clear()
    application, person = Application(cloud.gateway_url), Person()
    tokens = await application.tokens(person)
    arguments = {"name": "hello_mcp", "arguments": {"note": "private-note-4711"}}
    await application.call(tokens["access_token"], "tools/call", arguments)
    await application.refresh(tokens["refresh_token"])
    await application.call("wrong")
    await Person(answer="deny").sign_in(application.authorize_url())
    events = [event for trace in cloud.gateway.traces for event in trace.events("secure-mcp.audit")]
    assert {event["event"] for event in events} >= {"registration", "consent", "sign-in", "token", "tool", "mcp"}
    for event in events:
        for name, shape in SHAPES.items():
            if name in event and (name, event[name]) != ("source", "secure-mcp.audit"):
                assert re.fullmatch(shape, str(event[name])), (name, event)
        assert set(event) <= {*SHAPES, "severity", "message"}
    written = json.dumps(events)
    for user in default_users():
        assert user.name not in written
        assert user.user_principal_name not in written
    for private in ("private-note-4711", "127.0.0.1", "::1", tokens["access_token"], tokens["refresh_token"]):
        assert private not in written
