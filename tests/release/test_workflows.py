"""What the workflows may do, by rules for each of their jobs: what fails its tests is neither deployed nor published, and nobody else
gets at what those jobs hold.

The rules are GitHub's: https://docs.github.com/actions/reference/security/secure-use.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
TESTS = "./.github/workflows/test.yml"
# With one of these a job runs although one that it needs has failed.
ANYWAY = re.compile(r"\b(always|failure|cancelled)\s*\(")
ON_MAIN = "github.ref == 'refs/heads/main'"
OWN_CODE = "github.event.pull_request.head.repo.full_name == github.repository"
READ_BY_SOMEBODY = "github.event.pull_request.user.login != 'dependabot[bot]'"


@dataclass(frozen=True)
class Job:
    """A job, of a workflow that events start or of one that such a job calls."""

    name: str
    text: dict[str, Any]
    permissions: dict[str, str]
    triggers: dict[str, Any]
    jobs: dict[str, Any]

    @property
    def acts(self) -> bool:
        """Whether it can do something outside of its machine: comments of a pull request are not meant."""
        writes = {name for name, may in self.permissions.items() if may == "write"}
        return bool(writes - {"pull-requests"}) or "environment" in self.text

    def before(self) -> Iterator[dict[str, Any]]:
        """The jobs that it waits for, and those that they wait for."""
        needs = self.text.get("needs", [])
        for name in [needs] if isinstance(needs, str) else needs:
            yield self.jobs[name]
            yield from Job(name, self.jobs[name], {}, self.triggers, self.jobs).before()

    def steps(self) -> list[dict[str, Any]]:
        """Its own, and those of the workflow that it calls."""
        if "uses" not in self.text:
            return self.text["steps"]
        return [step for job in called(self.text["uses"])["jobs"].values() for step in job["steps"]]


def read(text: str) -> dict[str, Any]:
    """YAML 1.1 has `on` as a truth."""
    loaded = yaml.safe_load(text)
    on = loaded.pop(True)
    return {**loaded, "on": {on: {}} if isinstance(on, str) else dict.fromkeys(on) if isinstance(on, list) else on}


def called(uses: str) -> dict[str, Any]:
    return read((FOLDER / Path(uses).name).read_text("utf-8"))


def jobs(workflow: dict[str, Any]) -> list[Job]:
    """Of a called workflow no job has an event of its own: it is read where it is called."""
    found: list[Job] = []
    for name, job in workflow["jobs"].items():
        # What says nothing has all that the repository's settings give.
        granted = job.get("permissions", workflow.get("permissions", {"everything": "write"}))
        found.append(Job(name, job, granted, workflow["on"], workflow["jobs"]))
    return found


def untested(workflow: dict[str, Any]) -> Iterator[str]:
    """Why what its jobs deploy or publish may be what nobody tested."""
    if set(workflow["on"]) <= {"workflow_call", "pull_request"}:
        return
    for job in jobs(workflow):
        if not job.acts:
            continue
        if not any(one.get("uses") == TESTS and "if" not in one for one in job.before()):
            yield f"{job.name} does not wait for the tests"
        if any(ANYWAY.search(str(one.get("if", ""))) for one in (job.text, *job.before())):
            yield f"{job.name} goes on when they fail"
        for event, of in job.triggers.items():
            if event == "workflow_dispatch":
                if ON_MAIN not in str(job.text.get("if", "")):
                    yield f"{job.name} is started from any branch"
            elif event != "push" or of != {"branches": ["main"]}:
                yield f"{job.name} is started by {event}, which may be of another commit"
        for step in job.steps():
            given = step.get("with", {})
            if step.get("uses", "").startswith("actions/checkout@") and {"ref", "repository"} & given.keys():
                yield f"{job.name} takes another commit than was tested"
            if restores(step):
                yield f"{job.name} restores what another run has written"


def restores(step: dict[str, Any]) -> bool:
    """Whether a step takes something from the cache, which every run of the branch may fill."""
    action, given = step.get("uses", "").split("@")[0], step.get("with", {})
    return (
        action.startswith("actions/cache")
        or (action in {"actions/setup-python", "actions/setup-node"} and "cache" in given)
        # These do unless they are told not to.
        or (action == "actions/setup-go" and given.get("cache") is not False)
        or (action == "astral-sh/setup-uv" and given.get("enable-cache") is not False)
    )


@pytest.fixture(params=WORKFLOWS, ids=lambda file: file.stem)
def file(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def workflow(file: Path) -> dict[str, Any]:
    return read(file.read_text("utf-8"))


def test_only_what_was_tested_is_deployed_or_published(workflow: dict[str, Any]) -> None:
    assert list(untested(workflow)) == []


def test_there_is_something_to_hold() -> None:
    acting = {
        f"{file.stem} {job.name}" for file in WORKFLOWS for job in jobs(read(file.read_text("utf-8"))) if job.acts
    }
    assert acting == {"deploy dev", "deploy prod", "release publish", "up up", "preview preview"}
    tests = read((FOLDER / "test.yml").read_text("utf-8"))["jobs"].values()
    assert not [job for job in tests if "continue-on-error" in str(job) or "if" in job]


SOUND = """
on:
  push:
    branches: [main]
permissions: {contents: read}
jobs:
  test:
    uses: ./.github/workflows/test.yml
  other:
    steps: []
  up:
    needs: test
    permissions: {id-token: write}
    steps:
      - uses: actions/checkout@x
  then:
    needs: up
    environment: prod
    steps: []
"""


@pytest.mark.parametrize(
    ("sound", "broken", "why"),
    [
        ("needs: test", "", "up does not wait for the tests"),
        ("needs: test", "needs: other", "then does not wait for the tests"),
        ("test.yml", "test.yml\n    if: github.actor == 'me'", "up does not wait for the tests"),
        ("needs: test", "needs: test\n    if: ${{ !cancelled() }}", "up goes on when they fail"),
        ("needs: up", "needs: up\n    if: always()", "then goes on when they fail"),
        ("    branches: [main]", "    tags: ['*']", "up is started by push"),
        ("push:\n    branches: [main]", "workflow_run:\n    workflows: [test]", "up is started by workflow_run"),
        ("push:", "workflow_dispatch:\n  push:", "up is started from any branch"),
        ("checkout@x", "checkout@x\n        with: {ref: main}", "up takes another commit than was tested"),
        ("checkout@x", "checkout@x\n      - uses: actions/cache@x", "up restores what another run has written"),
        ("checkout@x", "checkout@x\n      - uses: actions/setup-go@x", "up restores what another run has written"),
        ("permissions: {contents: read}", "", "other does not wait for the tests"),
    ],
)
def test_what_goes_by_the_tests_is_found(sound: str, broken: str, why: str) -> None:
    assert list(untested(read(SOUND))) == []
    assert sound in SOUND
    found = list(untested(read(SOUND.replace(sound, broken, 1))))
    assert any(one.startswith(why) for one in found), found


def test_a_pull_request_is_only_previewed_and_only_our_own(workflow: dict[str, Any]) -> None:
    assert not {"pull_request_target", "workflow_run"} & workflow["on"].keys(), (
        "they bring strangers' code and our rights together"
    )
    if "pull_request" not in workflow["on"]:
        return
    for job in jobs(workflow):
        if not job.acts:
            continue
        condition = str(job.text["if"])
        assert OWN_CODE in condition
        assert READ_BY_SOMEBODY in condition
        assert "||" not in condition
        commands = [step["with"]["command"] for step in job.steps() if "command" in step.get("with", {})]
        assert commands == ["preview"]
        assert job.text["environment"].endswith("-preview"), "an identity of its own, which need not write"
        assert set(job.permissions) <= {"contents", "id-token", "pull-requests"}
        assert job.permissions["contents"] == "read"


def test_what_a_job_may_is_said_where_it_is_needed(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}, "of every job"


def test_a_job_ends(workflow: dict[str, Any]) -> None:
    assert not [job.name for job in jobs(workflow) if "uses" not in job.text and "timeout-minutes" not in job.text]


def test_what_others_wrote_is_pinned_to_a_commit(file: Path) -> None:
    """Tags move, and have been moved by who stole an account. Dependabot raises commit and comment together."""
    used = re.findall(r"uses: *(.+)", file.read_text("utf-8"))
    others = [one for one in used if not one.startswith("./")]
    assert not [one for one in others if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)]


def test_one_commit_of_each_action() -> None:
    used = {one for file in WORKFLOWS for one in re.findall(r"uses: *([\w.-]+/.+)", file.read_text("utf-8"))}
    assert len({one.split("@")[0] for one in used}) == len(used) > 5


def test_no_token_lies_in_the_checkout_but_where_it_is_pushed(workflow: dict[str, Any]) -> None:
    for job in jobs(workflow):
        for step in job.text.get("steps", []):
            if step.get("uses", "").startswith("actions/checkout@") and job.permissions.get("contents") != "write":
                assert step["with"]["persist-credentials"] is False


def test_no_expression_is_part_of_a_script(workflow: dict[str, Any]) -> None:
    """What a stranger may name, a branch or a title, would be run: scripts read their environment."""
    scripts = [step.get("run", "") for job in jobs(workflow) for step in job.text.get("steps", [])]
    assert not [script for script in scripts if "${{" in script]


def test_no_secret_is_kept(file: Path) -> None:
    assert not re.search(r"\bsecrets\b[.:\[]", file.read_text("utf-8"))
