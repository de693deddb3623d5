"""A gateway that has workloads, identity providers and tools with their users' rights: the doctor knows them, and finds what is open."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from samples import DOCTOR
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.doctor import Options, Outcome, Person, Server, Subject, chosen, examine
from secure_mcp_local.recording import Recording

from .test_broken_policies import FRAGMENT, OPERATION, UNLIMITED, broken

ROOT = Path(__file__).parents[3]
CLIENT = {"id": "job", "name": "Job", "workload": True, "secret": "0123456789abcdef0123456789abcdef"}
PROVIDER = {
    "issuer": "https://login.corp.example.com",
    "keysUri": "https://login.corp.example.com/keys",
    "clients": ["job"],
    "servers": {"mcp": ""},
}
CONFIG = {
    **UNLIMITED,
    "clients": json.dumps([CLIENT]),
    "workloads": '[{"client": "job"}]',
    "identityProviders": json.dumps([PROVIDER]),
    "userTokenScopes": '[{"scopes": ["User.Read"], "tools": ["my_profile"]}]',
}
NAMES = (
    "server-metadata",
    "workload-grant",
    "client-assertions",
    "assertion-grant",
    "foreign-assertions",
    "gateway-headers",
)


async def examined(cloud: LocalCloud) -> dict[str, tuple[Outcome, str]]:
    async with Server(cloud.gateway_url + "/mcp") as server:
        subject = Subject(server, Person(server, "alice"), Options(patience=0))
        report = await examine(subject, chosen(NAMES, anonymous=False))
    return {finding.name: (finding.outcome, finding.seen) for finding in report.findings}


async def test_they_are_advertised_and_refuse_strangers() -> None:
    async with LocalCloud.open(ROOT, stack="dev", config=CONFIG, port=0) as cloud:
        found = await examined(cloud)
    assert [(name, *one) for name, one in found.items() if one[0] is not Outcome.PASS] == []
    assert found["workload-grant"][1].startswith("advertised")
    assert found["assertion-grant"][1].startswith("advertised")


BROKEN = {
    "who proves nothing passes for a client with a key": (
        broken(FRAGMENT, '? "assertion" : "invalid_client";', '? "assertion" : "";', id="client-authentication"),
        {"client-assertions"},
    ),
    "the grant of workloads is not advertised": (
        broken(
            OPERATION,
            '"refresh_token", "client_credentials"',
            '"refresh_token"',
            operationId="authorization-server-metadata",
        ),
        {"workload-grant"},
    ),
    "the profile is not advertised": (
        broken(
            OPERATION, '"urn:ietf:params:oauth:grant-profile:id-jag"', "", operationId="authorization-server-metadata"
        ),
        {"assertion-grant"},
    ),
}


@DOCTOR
@pytest.mark.parametrize(("change", "failing"), BROKEN.values(), ids=BROKEN)
async def test_what_is_wrong_there_is_found(change: Callable[[Recording], Recording], failing: set[str]) -> None:
    async with LocalCloud.open(ROOT, stack="dev", config=CONFIG, port=0, recording_hook=change) as cloud:
        found = await examined(cloud)
    assert {name for name, (outcome, _) in found.items() if outcome is Outcome.FAIL} == failing
