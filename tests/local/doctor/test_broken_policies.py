"""Real gateways whose policies were broken on purpose: the doctor finds the line, and nothing that still holds is blamed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from samples import DOCTOR
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.doctor import Options, Outcome, Person, Server, Subject, chosen, examine
from secure_mcp_local.recording import Recording

ROOT = Path(__file__).parents[3]
UNLIMITED = {"signInRateLimit": "100000", "mcpRateLimit": "100000"}
OPERATION = "azure-native:apimanagement:ApiOperationPolicy"
FRAGMENT = "azure-native:apimanagement:PolicyFragment"
API = "azure-native:apimanagement:ApiPolicy"


def broken(type: str, old: str, new: str, **inputs: str) -> Callable[[Recording], Recording]:
    """The stack, but with another text in one of its policy documents."""

    def change(recording: Recording) -> Recording:
        [document] = [
            resource
            for resource in recording.all(type)
            if old in resource.get("value") and all(resource.get(name) == value for name, value in inputs.items())
        ]
        assert document.get("value").count(old) == 1, f"{old!r} is there {document.get('value').count(old)} times"
        return recording.changed(document.urn, value=document.get("value").replace(old, new))

    return change


# The policy that is broken, and the checks that must fail because of it: all of them, and no other.
BROKEN: dict[str, tuple[Callable[[Recording], Recording], set[str]]] = {
    "PKCE is not checked": (
        broken(OPERATION, '!= (string)session["challenge"]', '== "never"', operationId="token"),
        {"verifier"},
    ),
    "codes can be used again": (
        broken(
            OPERATION,
            '(string)((JObject)context.Variables["session"])["state"] != "pending"',
            '(string)((JObject)context.Variables["session"])["state"] == "never"',
            operationId="token",
        ),
        {"code-replay", "no-server-errors"},
    ),
    "the challenge is missing": (
        broken(FRAGMENT, 'name="WWW-Authenticate"', 'name="X-Nothing"', id="challenge"),
        {"challenge", "methods", "garbage", "foreign-jwt", "query-token", "tampered-key", "key-places",
         "refresh-reuse", "code-replay", "revoke"},
    ),
    "revocation does nothing": (
        broken(OPERATION, '<include-fragment fragment-id="end-session" />', "", operationId="revoke"),
        {"revoke"},
    ),
}  # fmt: skip


@DOCTOR
@pytest.mark.parametrize(("change", "failing"), BROKEN.values(), ids=BROKEN)
async def test_the_right_lines_fail(change: Callable[[Recording], Recording], failing: set[str]) -> None:
    async with (
        LocalCloud.open(ROOT, stack="dev", config=UNLIMITED, port=0, recording_hook=change) as cloud,
        Server(cloud.gateway_url + "/mcp") as server,
    ):
        subject = Subject(server, Person(server, "alice"), Options(patience=0))
        report = await examine(subject, chosen((), anonymous=False))
    failed = {finding.name for finding in report.findings if finding.outcome is Outcome.FAIL}
    assert failed == failing
