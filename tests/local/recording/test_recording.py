"""A program's recording: what the engine would see."""

import importlib
import re
import sys
from pathlib import Path

import pytest

from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import Environment, Recording, record, record_together, unmodelled
from secure_mcp_local.recording.project import NOBODY

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


def test_an_address_that_only_azure_writes_to_is_filled_in(tmp_path: Path) -> None:
    root = project(tmp_path, PROGRAM + 'pulumi.export("to", config.require("ownerEmail"))\n')
    text = PROJECT.rstrip() + "\n  ownerEmail: {type: string}\n"
    (root / "Pulumi.yaml").write_text(text)
    recorded = record(root, "dev")
    assert (recorded.filled, recorded.outputs["to"]) == (("ownerEmail",), NOBODY)
    given = record(root, "dev", {"ownerEmail": "me@contoso.com"})
    assert (given.filled, given.outputs["to"]) == ((), "me@contoso.com")
    # Only an address: anything else that is missing decides what is declared.
    (root / "Pulumi.yaml").write_text(text.replace("ownerEmail", "owner"))
    with pytest.raises(LocalCloudError, match="needs a value for owner"):
        record(root, "dev")


def test_two_recordings_in_one_process_are_the_same(tmp_path: Path) -> None:
    root = project(tmp_path)
    assert record(root, "dev") == record(root, "dev")


def test_modules_of_a_program_are_its_own_and_our_library_in_its_folder_is_the_one_that_is_loaded_until_an_edit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "import ours, settings, pulumi\nours.seen += 1\nsettings.seen += 1\npulumi.export('seen', [ours.seen, settings.seen])"
    root = project(tmp_path, program)
    (root / "settings.py").write_text("seen = 0")
    (root / "ours").mkdir()
    (root / "ours" / "__init__.py").write_text("seen = 0")
    monkeypatch.setattr("secure_mcp_local.recording.program._LIBRARY", "ours")
    monkeypatch.syspath_prepend(str(root))
    loaded = importlib.import_module("ours")
    try:
        assert [record(root, "dev").outputs["seen"] for _ in range(2)] == [[1, 1], [2, 1]]
        (root / "ours" / "__init__.py").write_text("seen = 40")
        assert [record(root, "dev").outputs["seen"] for _ in range(2)] == [[41, 1], [41, 1]]
        assert loaded.seen == 2
        assert sys.modules["ours"] is loaded
    finally:
        del sys.modules["ours"]


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
        ("config: none\n", {}, "Pulumi.dev.yaml: config must be a mapping of keys to values"),
    ],
)
def test_wrong_configuration_is_named(tmp_path: Path, stack: str, config: dict[str, str], message: str) -> None:
    with pytest.raises(LocalCloudError, match=message):
        record(project(tmp_path, stack=stack), "dev", config)


@pytest.mark.parametrize("where", ["file", "command line"])
def test_a_key_that_only_the_program_knows_is_fine_and_one_that_nobody_asks_for_is_not(
    tmp_path: Path, where: str
) -> None:
    """Pulumi lets undeclared keys through: one that may be left out cannot be declared without a default."""

    def given(
        key: str, program: str = "import pulumi\npulumi.export('given', pulumi.Config().get('colour'))\n"
    ) -> Recording:
        in_file = f"  {key}: red\n" if where == "file" else ""
        root = project(tmp_path, program, stack=f"config:\n  needed: 1\n{in_file}")
        return record(root, "dev", {} if in_file else {key: "red"})

    assert given("colour").outputs["given"] == "red"
    assert given("sample:colour").outputs["given"] == "red"
    for misspelt, meant in (("color", "colour"), ("Greeting", "greeting"), ("need", "needed")):
        with pytest.raises(LocalCloudError, match=f"unknown configuration key '{misspelt}'; did you mean {meant}\\?"):
            given(misspelt)
    # What nobody has heard of: on the command line it was given for an effect; in the file it may wait for another branch.
    if where == "file":
        given("unheard-of")
    else:
        with pytest.raises(LocalCloudError, match="the program does not ask for it"):
            given("unheard-of")


def test_a_key_that_is_misspelt_where_one_is_needed_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match=r"'neded'; did you mean needed\?"):
        record(project(tmp_path, stack="config:\n  neded: 1\n"), "dev")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import pulumi\nraise pulumi.RunError('say this')", "^say this$"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise KeyboardInterrupt", "program.py:1: KeyboardInterrupt"),
        (
            "class Mute(Exception):\n  def __str__(self): 1 / 0\nraise Mute",
            "program.py:3: Mute: <exception str\\(\\) failed>",
        ),
        (
            "from pulumi_azure_native import apimanagement\n"
            "apimanagement.Policy('a', resource_group_name='g', service_name='s', format='rawxml', value='')",
            "policyId is not set",
        ),
        (
            "from pulumi_azure_native import resources\n"
            "for _ in range(2): resources.ResourceGroup('a', resource_group_name='a', location='x')",
            "two resources have the URN",
        ),
        (
            "import pulumi\npulumi.StackReference('organization/other/dev')",
            "refers to the stack 'dev' of the project 'other'",
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


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (project(tmp_path) / "Pulumi.dev.yaml").write_bytes(b"config:\n  greeting: \xfc\n")
    with pytest.raises(LocalCloudError, match=r"Pulumi\.dev\.yaml is not UTF-8: .*save it as UTF-8"):
        record(tmp_path, "dev")


def test_it_runs_where_the_present_folder_has_been_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by git, or by a new clone in the place of the old one."""
    here, root = tmp_path / "here", tmp_path / "project"
    here.mkdir()
    root.mkdir()
    monkeypatch.chdir(here)
    here.rmdir()
    assert record(project(root), "dev").project == "sample"
    # Which left this process in a folder that is there.
    assert Path.cwd() == root


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


def test_the_environment_gives_the_gateways_address() -> None:
    root = Path(__file__).parents[3]
    recorded = record(root, "dev", {}, Environment(lambda _: "http://localhost:1"))
    assert recorded.outputs["mcpUrl"] == "http://localhost:1/mcp"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import pulumi_azuread as ad\nad.ApplicationPassword('p', application_id='x')", "a policy, a role"),
        ("from pulumi_azure_native import network\nnetwork.NatGateway('n', resource_group_name='g')", "a network"),
        (
            "from pulumi_azure_native import sql\nsql.FirewallRule('f', resource_group_name='g', server_name='s')",
            "a network",
        ),
        (
            "from pulumi_azure_native import web\n"
            "app = web.WebApp('w', name='w', resource_group_name='g')\n"
            "web.WebAppSlot('s', name=app.name, slot='s', resource_group_name='g')",
            "belongs to azure-native:web:WebApp w",
        ),
    ],
)
def test_what_may_decide_who_gets_in_is_refused(tmp_path: Path, program: str, reason: str) -> None:
    root = project(tmp_path, program)
    with pytest.raises(NotModelled, match=reason):
        record(root, "dev")
    [refused] = unmodelled.refused(record(root, "dev", accept=None))
    assert record(root, "dev", accept=[refused.resource.type])
    with pytest.raises(LocalCloudError, match="declares nothing of this type"):
        record(root, "dev", accept=[refused.resource.type, "azure-native:web:WebApp"])


def test_names_are_made_up_as_pulumi_does(tmp_path: Path) -> None:
    program = (
        "from pulumi_azure_native import apimanagement, resources, sql\n"
        "g = resources.ResourceGroup('rg')\n"
        "d = sql.Server('db', resource_group_name=g.name)\n"
        "sql.Database('d', resource_group_name=g.name, server_name=d.name)\n"
    )
    recorded = record(project(tmp_path, program), "dev")
    group = recorded.one("azure-native:resources:ResourceGroup")
    assert re.fullmatch("rg[0-9a-f]{8}", group.get("name"))
    assert group.id.endswith(f"/resourceGroups/{group.get('name')}")
    server, database = recorded.one("azure-native:sql:Server"), recorded.one("azure-native:sql:Database")
    assert re.fullmatch("db[0-9a-f]{8}", server.get("serverName"))
    assert database.id == f"{server.id}/databases/d"
    assert database.id.startswith(f"{group.id}/providers/Microsoft.Sql/servers/db")
    for said, expected in (("{mode: verbatim}", "rg"), ("{pattern: 'x-${name}-${hex(4)}'}", r"x-rg-[0-9a-f]{4}")):
        stack = f"config:\n  needed: 1\n  pulumi:autonaming: {said}\n"
        recorded = record(project(tmp_path, program, stack), "dev")
        assert re.fullmatch(expected, recorded.one("azure-native:resources:ResourceGroup").get("name"))
    stack = "config:\n  needed: 1\n  pulumi:autonaming: {mode: disabled}\n"
    with pytest.raises(LocalCloudError, match="lets none be made up"):
        record(project(tmp_path, program, stack), "dev")


def test_explicit_providers_transforms_and_lookups_are_pulumis(tmp_path: Path) -> None:
    program = """
import pulumi
import pulumi_azure_native as azure_native
from pulumi_azure_native import apimanagement, authorization, resources

def tagged(args):
    if args.type_ == "azure-native:resources:ResourceGroup":
        return pulumi.ResourceTransformResult({**args.props, "tags": {"by": "stack"}}, args.opts)

def placed(args):
    return pulumi.ResourceTransformResult({**args.props, "location": "there"}, args.opts)

pulumi.runtime.register_resource_transform(tagged)
other = azure_native.Provider("other", subscription_id="11111111-0000-4000-8000-000000000001")
group = resources.ResourceGroup(
    "rg", location="here", opts=pulumi.ResourceOptions(provider=other, transforms=[placed])
)
id = "/subscriptions/1/resourceGroups/theirs/providers/Microsoft.ApiManagement/service/theirs"
service = apimanagement.ApiManagementService.get("theirs", id)
looked_up = apimanagement.get_api_management_service_output(resource_group_name="g", service_name="third")
pulumi.export("url", service.gateway_url)
pulumi.export("third", looked_up.gateway_url)
pulumi.export("host", service.developer_portal_url)
pulumi.export("tenant", authorization.get_client_config().tenant_id)
"""
    recorded = record(project(tmp_path, program), "dev")
    group = recorded.one("azure-native:resources:ResourceGroup")
    assert (group.inputs["tags"], group.inputs["location"]) == ({"by": "stack"}, "there")
    assert group.id.startswith("/subscriptions/11111111-0000-4000-8000-000000000001/")
    assert recorded.outputs["url"] == "https://theirs.azure-api.net"
    assert recorded.outputs["third"] == "https://third.azure-api.net"
    assert recorded.output_unknowns == {"host"}
    assert recorded.outputs["tenant"] == recorded.tenant
    assert recorded.one("azure-native:apimanagement:ApiManagementService").read


def test_a_function_that_asks_azure_is_named(tmp_path: Path) -> None:
    program = "from pulumi_azure_native import storage\nstorage.list_storage_account_keys('a', 'g')"
    with pytest.raises(NotModelled, match="azure-native:storage:listStorageAccountKeys"):
        record(project(tmp_path, program), "dev")


def test_stacks_that_refer_to_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    roots: list[Path] = []
    for name, other in (("a", "b"), ("b", "a")):
        (root := tmp_path / name).mkdir()
        project(root, f"import pulumi\npulumi.StackReference('organization/{other}/dev')")
        (root / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\nmain: program.py\n")
        roots.append(root)
    with pytest.raises(LocalCloudError, match="in a circle"):
        record_together(roots, "dev")


@pytest.mark.parametrize("configured", ["configured", ""])
def test_a_location_that_a_program_leaves_out_is_the_providers_or_the_groups(tmp_path: Path, configured: str) -> None:
    program = """
import pulumi
from pulumi_azure_native import applicationinsights, resources

group = resources.ResourceGroup("rg", location="of-the-group")
insights = applicationinsights.Component(
    "insights", resource_group_name=group.name, kind="web", application_type="web", ingestion_mode="LogAnalytics"
)
pulumi.export("location", insights.location)
pulumi.export("connection", insights.connection_string)
"""
    stack = "config:\n  needed: 1\n" + (f"  azure-native:location: {configured}\n" if configured else "")
    recorded = record(project(tmp_path, program, stack), "dev")
    expected = configured or "of-the-group"
    assert recorded.outputs["location"] == expected
    assert f"https://{expected}.in.applicationinsights.azure.com/" in recorded.outputs["connection"]
