"""What only Azure can answer, asked of the local cloud: the command works, and the local cloud does what is believed."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from actors.resource_manager import ResourceManager as Arm
from apim_policies.listener import Listener, bind
from samples import LEAVINGS
from secure_mcp_local.cli.app import app
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.resource_manager import AzureError, ResourceManager
from secure_mcp_local.unknowns import QUESTIONS
from secure_mcp_local.unknowns.gateway import QUESTIONS as OF_THE_GATEWAY
from secure_mcp_local.unknowns.probe import PREFIX, Service, ask
from secure_mcp_local.unknowns.question import Answer, Question

ROOT = Path(__file__).parents[3]
QUICK = [question for question in OF_THE_GATEWAY if question.name != "expression-time-limit"]


@pytest.fixture
async def running() -> AsyncIterator[tuple[Arm, str]]:
    """A local cloud behind a stand-in of Azure Resource Manager, and the address of that."""
    async with LocalCloud.open(ROOT, port=0, backend="http://localhost:9/mcp") as cloud:
        arm = Arm(cloud, units=2)
        port, sockets = bind(0)
        async with Listener(arm.app, sockets):
            yield arm, f"http://localhost:{port}"


def token(audience: str) -> str:
    return f"token-for-{audience}"


async def asked(arm: Arm, url: str, questions: list[Question], progress: Callable[[str], None] = print) -> list[Answer]:
    def work() -> list[Answer]:
        with ResourceManager(token, url) as azure:
            return ask(azure, Service.of(azure, arm.service.id), questions, progress)

    return await asyncio.to_thread(work)


async def test_the_local_cloud_does_what_is_believed(running: tuple[Arm, str]) -> None:
    arm, url = running
    for answer in await asked(arm, url, QUICK):
        expected = "as believed" if answer.question.modelled else "differs"
        assert (answer.question.name, answer.outcome, answer.said) == (answer.question.name, expected, answer.said)
    assert arm.cloud.recording == arm.before


async def test_a_policy_that_azure_does_not_save_is_an_answer(running: tuple[Arm, str]) -> None:
    arm, url = running
    arm.broken = "null-variable"
    questions = [question for question in QUICK if question.name in {"null-variable", "two-cookies"}]
    answers = {answer.question.name: answer for answer in await asked(arm, url, questions)}
    assert answers["null-variable"].outcome == "differs"
    assert "ValidationError" in answers["null-variable"].problem
    assert answers["two-cookies"].outcome == "as believed"
    assert arm.cloud.recording == arm.before


@LEAVINGS
@pytest.mark.parametrize("failure", [KeyboardInterrupt, AzureError, RuntimeError])
async def test_nothing_is_left_behind_however_it_ends(running: tuple[Arm, str], failure: type[BaseException]) -> None:
    arm, url = running

    def stop(message: str) -> None:
        if message.startswith("Asking"):
            raise failure

    ended: list[type[BaseException]] = []

    def work() -> None:
        with ResourceManager(token, url) as azure:
            try:
                ask(azure, Service.of(azure, arm.service.id), QUICK[:1], stop)
            except BaseException as error:  # an asyncio task must not end with a KeyboardInterrupt
                ended.append(type(error))

    await asyncio.to_thread(work)
    assert ended == [failure]
    assert arm.requests[-1][0] == "DELETE"
    assert arm.cloud.recording == arm.before


async def test_what_cannot_be_taken_away_is_named_with_the_command_for_it(running: tuple[Arm, str]) -> None:
    arm, url = running
    arm.fail_deletes = True
    with pytest.raises(AzureError, match=rf"az rest --method delete --url '{url}{arm.service.id}/apis/{PREFIX}"):
        await asked(arm, url, QUICK[:1])


async def test_strangers_cannot_call_the_temporary_api(running: tuple[Arm, str]) -> None:
    arm, url = running
    statuses: list[int] = []

    def look(message: str) -> None:
        if message.startswith("Asking"):
            name = next(path for _, path in arm.requests if PREFIX in path).rpartition("/apis/")[2].partition("/")[0]
            statuses.append(httpx.get(f"{arm.cloud.gateway_url}/{name}/dotnet", trust_env=False).status_code)

    await asked(arm, url, [question for question in QUICK if question.name == "dotnet"], look)
    assert statuses == [404]


async def test_the_command(running: tuple[Arm, str], monkeypatch: pytest.MonkeyPatch) -> None:
    arm, url = running
    monkeypatch.setattr("secure_mcp_local.cli.probing.login", lambda: token)
    monkeypatch.setattr("signal.signal", lambda *_: None)  # this is not the main thread
    base = ["probe-azure", "--service", arm.service.id, "--resource-manager", url]

    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, [*base, *arguments])
        return result.exit_code, result.stdout, result.stderr

    code, out, _ = await asyncio.to_thread(run, "--only", "two-cookies", "--json")
    assert code == 0
    assert [one["outcome"] for one in json.loads(out)] == ["as believed"]
    arm.broken = "two-cookies"
    code, out, err = await asyncio.to_thread(run, "--only", "two-cookies")
    assert code == 1
    assert "differs" in out
    assert "two header lines" in out
    assert "Making the temporary API" in err
    base[2] = arm.service.id + "x"
    code, _, err = await asyncio.to_thread(run)
    assert code == 2
    assert "ResourceNotFound" in err
    base[2] = "my-gateway"
    code, _, err = await asyncio.to_thread(run)
    assert code == 2
    assert "'my-gateway' is no ARM id" in err


def test_every_question_has_a_name_of_its_own() -> None:
    assert len({question.name for question in QUESTIONS}) == len(QUESTIONS)


def test_what_depends_on_a_question_is_there() -> None:
    for question in QUESTIONS:
        for path in re.findall(r"(?:policies|infra|docs)/[\w./-]+", question.matters):
            assert (ROOT / path.rstrip(".")).exists(), f"{question.name}: {path}"
