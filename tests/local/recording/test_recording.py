"""A program's recording: what the engine would see."""

from pathlib import Path

import pytest

from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import Environment, Recording, record

PROJECT = """\
name: sample
runtime: python
main: program.py
config:
  greeting:
    type: string
    default: hello
  names:
    type: array
    items:
      type: string
    default: []
  needed:
    type: integer
"""
PROGRAM = """\
import pulumi
import pulumi_random as random
from pulumi_azure_native import resources

config = pulumi.Config()

class Part(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("sample:index:Part", name, None, opts)
        key = random.RandomBytes(f"{name}-key", length=8, opts=pulumi.ResourceOptions(parent=self))
        group = resources.ResourceGroup(
            f"{name}-rg", resource_group_name="rg", location="here", tags={"key": key.hex, "greeting": config.require("greeting")},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.id_ = group.id
        self.register_outputs({})

part = Part("part")
pulumi.export("id", part.id_)
pulumi.export("secret", pulumi.Output.secret("s3cret"))
pulumi.export("needed", config.require_int("needed"))
pulumi.export("names", config.require_object("names"))
"""


def project(folder: Path, program: str = PROGRAM, stack: str = "config:\n  needed: 1\n") -> Path:
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "Pulumi.dev.yaml").write_text(stack)
    (folder / "program.py").write_text(program)
    return folder


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return record(project(tmp_path), "dev")


def test_urns_are_the_engines(recording: Recording) -> None:
    assert [resource.urn for resource in recording if not resource.custom] == [
        "urn:pulumi:dev::sample::sample:index:Part::part"
    ]
    group = recording.one("azure-native:resources:ResourceGroup")
    assert group.urn == "urn:pulumi:dev::sample::sample:index:Part$azure-native:resources:ResourceGroup::part-rg"
    assert group.parent == "urn:pulumi:dev::sample::sample:index:Part::part"


def test_secrets_and_dependencies_are_known(recording: Recording) -> None:
    group = recording.one("azure-native:resources:ResourceGroup")
    key = recording.one("random:index/randomBytes:RandomBytes")
    # Pulumi marks the whole map: one of its values is secret.
    assert any(path.startswith("tags") for path in group.secrets)
    assert key.urn in group.dependencies
    assert recording.output_secrets == {"secret"}


def test_configuration_is_what_the_cli_would_give(tmp_path: Path) -> None:
    root = project(tmp_path)
    recorded = record(root, "dev", {"needed": "7", "names": '["a", "b"]'})
    assert recorded.outputs["needed"] == 7
    assert recorded.outputs["names"] == ["a", "b"]
    assert record(root, "dev").outputs["names"] == []


def test_two_recordings_in_one_process_are_the_same(tmp_path: Path) -> None:
    root = project(tmp_path)
    assert record(root, "dev") == record(root, "dev")


def test_a_recording_can_be_made_in_an_event_loop(tmp_path: Path) -> None:
    import asyncio

    async def inside() -> Recording:
        return record(project(tmp_path), "dev")

    assert asyncio.run(inside()).project == "sample"


@pytest.mark.parametrize(
    ("stack", "config", "message"),
    [
        ("config: {}\n", {}, "needs a value for needed"),
        ("config:\n  needed: many\n", {}, "must be of type integer"),
        ("config:\n  needed: 1\n", {"unknown": "1"}, "unknown configuration key 'unknown'"),
        ("config:\n  needed: 1\n  greeting:\n    secure: v1:abc\n", {}, "is encrypted"),
        ("config: [\n", {}, "is not YAML"),
    ],
)
def test_wrong_configuration_is_named(tmp_path: Path, stack: str, config: dict[str, str], message: str) -> None:
    with pytest.raises(LocalCloudError, match=message):
        record(project(tmp_path, stack=stack), "dev", config)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import pulumi\nraise pulumi.RunError('say this')", "^say this$"),
        ("1 / 0", "ZeroDivisionError"),
        (
            "from pulumi_azure_native import resources\nresources.ResourceGroup('a', location='x')",
            "resourceGroupName is not set",
        ),
        (
            "from pulumi_azure_native import resources\n"
            "for _ in range(2): resources.ResourceGroup('a', resource_group_name='a', location='x')",
            "two resources have the URN",
        ),
        (
            "from pulumi_azure_native import resources\nresources.ResourceGroup.get('a', '/subscriptions/x')",
            "is read from Azure",
        ),
    ],
)
def test_a_failing_program_is_one_message(tmp_path: Path, program: str, message: str) -> None:
    with pytest.raises(LocalCloudError, match=message):
        record(project(tmp_path, program), "dev")


def test_what_is_not_modelled_is_refused_by_name(tmp_path: Path) -> None:
    program = "from pulumi_azure_native import resources\nresources.TagAtScope('t', scope='x', properties={})"
    with pytest.raises(NotModelled, match="azure-native:resources:TagAtScope"):
        record(project(tmp_path, program), "dev")


def test_unknown_stack_and_project(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match=r"unknown stack 'prod'.*known stacks: dev"):
        record(project(tmp_path), "prod")
    with pytest.raises(LocalCloudError, match=r"no Pulumi\.yaml"):
        record(tmp_path / "elsewhere", "dev")


def test_what_a_test_takes_away_must_be_there(recording: Recording) -> None:
    with pytest.raises(LocalCloudError, match="no recorded resource matches"):
        recording.without(lambda resource: resource.name == "nothing")
    smaller = recording.without(lambda resource: resource.name == "part-rg")
    assert len(smaller.resources) == len(recording.resources) - 1


def test_the_environment_gives_the_two_local_addresses() -> None:
    root = Path(__file__).parents[3]
    recorded = record(root, "dev", {}, Environment("http://localhost:1", "http://localhost:2"))
    assert recorded.outputs["mcpUrl"] == "http://localhost:1/mcp"
    credential = recorded.one(
        "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential"
    )
    assert credential.inputs["issuer"].startswith("http://localhost:2/")
