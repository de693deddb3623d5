"""Deployed policy documents against rendered ones, at a stand-in of Azure Resource Manager that gives them back as Azure does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from actors.projects import project
from actors.resource_manager import ResourceManager as Arm
from apim_policies.listener import Listener, bind
from secure_mcp_local.cli.app import app
from secure_mcp_local.cli.state import State
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.drift.documents import SERVICE, Outcome, compare, difference
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording, Resource, record, record_together
from secure_mcp_local.resource_manager import ResourceManager

ROOT = Path(__file__).parents[3]
TOKEN = "azure-native:apimanagement:ApiOperationPolicy", "mcp-oauth-token-policy"


def login(audience: str) -> str:
    return f"token-for-{audience}"


@pytest.fixture(scope="module")
def rendered() -> Recording:
    return record(ROOT, "dev")


@pytest.fixture
async def azure(rendered: Recording) -> AsyncIterator[tuple[Arm, str]]:
    """API Management as it is right after `pulumi up`, and where Azure Resource Manager listens."""
    arm = Arm(cast("LocalCloud", SimpleNamespace(recording=rendered, gateway_url="https://apim")))
    port, sockets = bind(0)
    async with Listener(arm.app, sockets):
        yield arm, f"http://localhost:{port}"


async def found(rendered: Recording, url: str) -> dict[str, tuple[Outcome, str]]:
    """What does not hold, by document."""
    service = rendered.one(SERVICE)

    def work() -> dict[str, tuple[Outcome, str]]:
        with ResourceManager(login, url) as client:
            every = list(compare(rendered, {service.urn: service.id}, client))
        assert len(every) > 30
        return {one.document: (one.outcome, one.seen) for one in every if one.outcome is not Outcome.SAME}

    return await asyncio.to_thread(work)


def changed(recording: Recording, change: Callable[[str], str]) -> Recording:
    policy = recording.one(*TOKEN)
    text = str(policy.get("value"))
    assert change(text) != text
    return recording.changed(policy.urn, value=change(text))


def added(recording: Recording, at: str, **values: Any) -> Recording:
    service = recording.one(SERVICE).id
    made = Resource(f"urn:{at}", "other", at, "", values, values, f"{service}/{at}")
    return replace(recording, resources=(*recording, made))


async def test_what_azure_rewrites_is_no_difference(rendered: Recording, azure: tuple[Arm, str]) -> None:
    assert await found(rendered, azure[1]) == {}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("<base />", "<base /><base />", "<base> stands there, in line"),
        ("StringComparison.Ordinal", "StringComparison.OrdinalIgnoreCase", "is another, in line"),
        ("</inbound>", "<cors /></inbound>", "/policies/inbound: <cors> is not ours, in line"),
    ],
)
async def test_an_edit_that_did_not_arrive_is_found(
    rendered: Recording, azure: tuple[Arm, str], before: str, after: str, said: str
) -> None:
    arm, url = azure
    arm.cloud.recording = changed(rendered, lambda text: text.replace(before, after, 1))
    [(document, (outcome, seen))] = (await found(rendered, url)).items()
    assert (document, outcome) == ("apis/oauth/operations/token/policies/policy", Outcome.DIFFERS)
    assert said in seen


async def test_what_is_missing_or_foreign_is_found(rendered: Recording, azure: tuple[Arm, str]) -> None:
    arm, url = azure
    deployed = rendered.without(lambda one: one.urn == rendered.one(*TOKEN).urn)
    deployed = added(deployed, "apis/mcp/operations/backdoor")
    deployed = added(deployed, "apis/mcp/operations/backdoor/policies/policy", value="<policies><inbound /></policies>")
    deployed = added(deployed, "policyFragments/theirs", value="<fragment />")
    # A service has this one from the begin.
    default = "<policies><inbound /><backend><forward-request /></backend><outbound /><on-error /></policies>"
    arm.cloud.recording = added(deployed, "policies/policy", value=default)
    assert await found(rendered, url) == {
        "apis/oauth/operations/token/policies/policy": (Outcome.MISSING, ""),
        "apis/mcp/operations/backdoor/policies/policy": (Outcome.FOREIGN, ""),
        "policyFragments/theirs": (Outcome.FOREIGN, ""),
    }
    arm.cloud.recording = added(
        rendered, "policies/policy", value=default.replace("<inbound />", "<inbound><cors /></inbound>")
    )
    assert await found(rendered, url) == {"policies/policy": (Outcome.FOREIGN, "")}


def neighbour(recording: Recording, api: str, path: str, policy: str) -> Recording:
    """What another stack has on the same gateway."""
    recording = added(recording, f"apis/{api}", path=path)
    return added(recording, f"apis/{api}/policies/policy", value=f"<policies><inbound>{policy}</inbound></policies>")


METADATA = '<include-fragment fragment-id="gateway-urls" /><include-fragment fragment-id="resource-metadata" />'


async def test_servers_of_other_stacks_are_named_and_nothing_else_is_theirs(
    rendered: Recording, azure: tuple[Arm, str]
) -> None:
    arm, url = azure
    deployed = neighbour(rendered, "mcp-notes", "notes", '<include-fragment fragment-id="unseal" />')
    deployed = neighbour(deployed, "notes-metadata", ".well-known/oauth-protected-resource/notes", METADATA)
    arm.cloud.recording = deployed
    said = "declared by another stack, for its server at /notes"
    theirs = {
        "apis/mcp-notes/policies/policy": (Outcome.ELSEWHERE, said),
        "apis/notes-metadata/policies/policy": (Outcome.ELSEWHERE, said),
    }
    assert await found(rendered, url) == theirs
    # An API that nobody's metadata speak of runs with the gateway's identity, whatever it includes.
    arm.cloud.recording = neighbour(deployed, "other", "other", METADATA)
    assert await found(rendered, url) == {**theirs, "apis/other/policies/policy": (Outcome.FOREIGN, "")}
    # Nor is it one of ours if it answers itself where its metadata should be.
    deployed = neighbour(rendered, "mcp-notes", "notes", "<base />")
    arm.cloud.recording = neighbour(deployed, "m", ".well-known/oauth-protected-resource/notes", "<base />")
    assert await found(rendered, url) == {
        "apis/mcp-notes/policies/policy": (Outcome.FOREIGN, ""),
        "apis/m/policies/policy": (Outcome.FOREIGN, ""),
    }


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("token", "/token"),
        ("Token", "/token"),
        (".well-known", "/.well-known/oauth-authorization-server"),
        (".well-known/oauth-authorization-server/mcp", "/.well-known/oauth-authorization-server/{server}"),
    ],
)
async def test_an_api_that_gets_our_requests_is_foreign(
    rendered: Recording, azure: tuple[Arm, str], path: str, address: str
) -> None:
    arm, url = azure
    deployed = neighbour(rendered, "theirs", path, METADATA)
    arm.cloud.recording = neighbour(deployed, "meta", f".well-known/oauth-protected-resource/{path}", METADATA)
    wrong = await found(rendered, url)
    assert wrong["apis/theirs"] == (Outcome.FOREIGN, f"it gets the requests to {address}")
    assert wrong["apis/theirs/policies/policy"][0] is Outcome.FOREIGN


ADOPTED = """
from secure_mcp import Gateway

Gateway("ours", {"location": "swedencentral", "apim_publisher_email": "p@example.com", "existing_api_management": {
    "name": "apim-there", "resource_group_name": "rg-there",
    "identity_id": "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-there/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-ours"}})
"""
# A subscription that only Azure and the stack's state know.
HOME = "/subscriptions/5e0c0de0-0000-4000-8000-0000000000aa/resourceGroups/rg-there"
THERE = f"{HOME}/providers/Microsoft.ApiManagement/service/apim-there"


async def test_in_a_service_that_is_given_what_has_our_prefix_is_compared_where_it_was_deployed(tmp_path: Path) -> None:
    rendered = await asyncio.to_thread(record, project(tmp_path, "gateway", ADOPTED), "dev")
    ours = [replace(one, id=HOME + one.id[one.id.index("/providers/") :]) for one in rendered if "/service/" in one.id]
    service = Resource("urn:theirs", SERVICE, "theirs", "", {}, {}, THERE)
    deployed = replace(rendered, resources=(*ours, service))
    # Theirs is no business of ours, whatever it is named: neither an API nor a fragment of their own, nor the policy of the instance.
    for path in ("apis/weather", "apis/weather/policies/policy", "policyFragments/seal", "policies/policy"):
        values = {"value": "<a />", "path": "weather"}
        theirs = Resource(f"urn:{path}", "other", path, "", values, values, f"{THERE}/{path}")
        deployed = replace(deployed, resources=(*deployed, theirs))
    arm = Arm(cast("LocalCloud", SimpleNamespace(recording=deployed, gateway_url="https://apim")))
    port, sockets = bind(0)

    def work(known: dict[str, str]) -> dict[str, Outcome]:
        with ResourceManager(login, f"http://localhost:{port}") as client:
            return {one.document: one.outcome for one in compare(rendered, known, client)}

    known = {one.urn: one.id for one in ours}
    async with Listener(arm.app, sockets):
        every = await asyncio.to_thread(work, known)
        assert len(every) > 30
        assert set(every.values()) == {Outcome.SAME}
        assert {path.split("/")[1][:11] for path in every} == {"secure-mcp-"}
        policy = next(one for one in ours if one.name == "ours-oauth-token-policy")
        arm.cloud.recording = deployed.changed(policy.urn, value="<policies />")
        wrong = {path: outcome for path, outcome in (await asyncio.to_thread(work, known)).items() if outcome != "same"}
        assert wrong == {"apis/secure-mcp-oauth/operations/token/policies/policy": Outcome.DIFFERS}
        arm.cloud.recording = added_to(deployed, THERE, "apis/secure-mcp-oauth/operations/backdoor")
        every = await asyncio.to_thread(work, known)
        assert every["apis/secure-mcp-oauth/operations/backdoor/policies/policy"] is Outcome.FOREIGN
        with pytest.raises(LocalCloudError, match="has deployed nothing to its API Management yet"):
            await asyncio.to_thread(work, {})


def added_to(recording: Recording, service: str, operation: str) -> Recording:
    """With an operation of somebody's, and a policy for it."""
    made = [Resource(f"urn:{operation}", "other", "", "", {}, {}, f"{service}/{operation}")]
    value = {"value": "<policies><inbound /></policies>"}
    made.append(Resource(f"urn:{operation}-p", "other", "", "", value, value, f"{service}/{operation}/policies/policy"))
    return replace(recording, resources=(*recording, *made))


def test_entities_and_comments_are_no_difference_and_texts_are() -> None:
    ours = '<fragment><!-- why --><set-variable name="a" value="@{\n  return 1 << 2 > 3 && "x" != "";\n}" /></fragment>'
    theirs = '<fragment>\r\n\t<set-variable name="a" value="@{&#xA;\treturn 1 &lt;&lt; 2 &gt; 3 &amp;&amp; &quot;x&quot; != &quot;&quot;;&#xA;}" />\r\n</fragment>'
    assert difference(ours, theirs) == ""
    assert difference(ours, theirs.replace("3", "4")) == "/fragment/set-variable: value is another, in line 2"
    assert difference("<a><b>1</b></a>", "<a><b>2</b></a>") == "/a/b: the text is another, in line 1"
    assert difference("<a><b /><c /></a>", "<a><b /></a>") == "/a: <c> is not there"
    assert difference("<a />", "<a>").startswith("it cannot be read: ")


async def test_the_command(rendered: Recording, azure: tuple[Arm, str], monkeypatch: pytest.MonkeyPatch) -> None:
    arm, url = azure
    service = rendered.one(SERVICE)
    known = {service.urn: service.id}
    monkeypatch.setattr("secure_mcp_local.cli.comparison.login", lambda: login)
    monkeypatch.setattr("secure_mcp_local.cli.comparison.state_of", lambda *_: State(known, {}))

    async def run(*arguments: str) -> tuple[int, str]:
        command = ["doctor", "--stack", "dev", "--cwd", str(ROOT), "--resource-manager", url, *arguments]
        answer = await asyncio.to_thread(CliRunner().invoke, app, command)
        return answer.exit_code, answer.stdout

    code, text = await run()
    assert (code, text.split(": ")[1].split()[1:]) == (0, ["same"])
    deployed = neighbour(rendered, "mcp-notes", "notes", "<base />")
    arm.cloud.recording = neighbour(deployed, "m", ".well-known/oauth-protected-resource/notes", METADATA)
    code, text = await run()
    assert code == 0
    assert "2 elsewhere" in text
    arm.cloud.recording = changed(rendered, lambda text: text.replace("<inbound>", "<inbound><return-response />"))
    code, text = await run()
    assert code == 1
    assert "differs  apis/oauth/operations/token/policies/policy" in text
    assert "do: pulumi up" in text
    code, text = await run("--json")
    assert code == 1
    assert [one["document"] for one in json.loads(text) if one["outcome"] == "differs"] == [
        "apis/oauth/operations/token/policies/policy"
    ]
    known.clear()
    assert (await run())[0] == 2
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 2
    assert CliRunner().invoke(app, ["doctor", "http://localhost", "--stack", "dev"]).exit_code == 2


async def test_a_stack_that_refers_to_another_is_compared_with_what_that_has_deployed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In Azure the platform has another name and subscription than here, and says so in its outputs: nothing else is different."""
    folders = [ROOT / "examples" / name for name in ("platform", "team-notes")]
    here = await asyncio.to_thread(lambda: Recording.together(record_together(folders, "dev", accept=None)))
    ours = here.one(SERVICE)
    home = f"{HOME}/providers/Microsoft.ApiManagement/service/apim-shared-0af3"
    there = replace(
        here, resources=tuple(replace(one, id=one.id.replace(ours.id, home)) for one in here if ours.id in one.id)
    )
    arm = Arm(cast("LocalCloud", SimpleNamespace(recording=there, gateway_url="https://apim")))
    ids = {root.name: {one.urn: one.id for one in there if f"::{root.name}::" in one.urn} for root in folders}
    said = json.loads(json.dumps(here.outputs).replace(str(ours.get("serviceName")), "apim-shared-0af3"))

    def state(roots: Sequence[Path], _: str) -> State:
        outputs = {"platform": said, "team-notes": {}}
        known = {urn: id for root in roots for urn, id in ids[root.name].items()}
        return State(known, {root.name: outputs[root.name] for root in roots})

    monkeypatch.setattr("secure_mcp_local.cli.comparison.login", lambda: login)
    monkeypatch.setattr("secure_mcp_local.cli.comparison.state_of", state)
    port, sockets = bind(0)

    async def run(*folders: Path) -> tuple[int, str]:
        named = [part for folder in folders for part in ("-C", str(folder))]
        command = ["doctor", "--stack", "dev", *named, "--resource-manager", f"http://localhost:{port}"]
        answer = await asyncio.to_thread(CliRunner().invoke, app, command)
        return answer.exit_code, answer.output + str(answer.exception or "")

    async with Listener(arm.app, sockets):
        code, text = await run(*reversed(folders))
        assert (code, text.split(": ")[1].split()[1:]) == (0, ["same"]), text
        policy = next(one for one in there if one.name == "notes-mcp-policy")
        arm.cloud.recording = there.changed(policy.urn, value="<policies />")
        code, text = await run(*folders)
        assert code == 1
        assert "differs  apis/mcp-notes/policies/policy" in text
        code, text = await run(folders[1])
        assert code != 0
        assert "name that project's folder, too: -C FOLDER -C FOLDER" in text
