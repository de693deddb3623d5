"""The local cloud, plan and check on other people's projects, as their authors would run them."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from actors.projects import project, with_gateway
from samples import STACKS_OF_OTHERS
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[3]


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "secure_mcp_local", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100, check=False)


async def get(url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await client.get(url)


OURS_BESIDE_OTHERS = f'''
    """Our server, in somebody's stack that has a database and a machine, too."""
    import pulumi
    from pulumi_azure_native import compute, network, resources, sql
    from secure_mcp import SecureMcpServer

    print("this program talks")
    group = resources.ResourceGroup("rg")
    database = sql.Server(
        "db", resource_group_name=group.name, administrator_login="a", administrator_login_password=pulumi.Output.secret("p"),
    )
    rule = sql.FirewallRule(
        "all", resource_group_name=group.name, server_name=database.name, start_ip_address="0.0.0.0", end_ip_address="1.1.1.1"
    )
    card = network.NetworkInterface("nic", resource_group_name=group.name)
    compute.VirtualMachine(
        "vm", resource_group_name=group.name, network_profile=compute.NetworkProfileArgs(
            network_interfaces=[compute.NetworkInterfaceReferenceArgs(id=card.id)]
        ),
    )
    server = SecureMcpServer("tools", {{
        "code": {str(ROOT / "function_app")!r}, "apim_publisher_email": "a@example.com", "location": "westeurope",
        "assigned_groups": ["00000000-0000-4000-8000-00000000d0e1"],
        "sign_in_rate_limit": 100000, "mcp_rate_limit": 100000,
    }})
    pulumi.export("mcpUrl", server.mcp_url)
    pulumi.export("database", database.fully_qualified_domain_name)
'''
ACCEPTED = ("azure-native:sql:FirewallRule", "azure-native:network:NetworkInterface")


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    return project(tmp_path, "beside", OURS_BESIDE_OTHERS)


@STACKS_OF_OTHERS
def test_plan_of_a_stack_with_other_peoples_resources_is_json_whatever_the_program_prints(beside: Path) -> None:
    answer = run("plan", "--json", *(word for type in ACCEPTED for word in ("--accept", type)), cwd=beside)
    assert answer.returncode == 0, answer.stderr
    plan = json.loads(answer.stdout)
    assert "this program talks" in answer.stderr
    by_type = {resource["type"]: resource for resource in plan["resources"]}
    assert by_type["azure-native:resources:ResourceGroup"]["inputs"]["resourceGroupName"].startswith("rg")
    assert by_type["azure-native:compute:VirtualMachine"]["modelled"] is False
    assert by_type["azure-native:apimanagement:ApiManagementService"]["modelled"] is True
    assert plan["outputs"]["database"] is None
    assert plan["unknownOutputs"] == ["database"]


@STACKS_OF_OTHERS
@pytest.mark.parametrize("command", ["plan", "check", "local"])
def test_what_may_decide_who_gets_in_is_an_error_unless_it_is_accepted_by_name(beside: Path, command: str) -> None:
    port = ["--port", "0"] if command == "local" else []
    answer = run(command, *port, cwd=beside)
    said = answer.stdout + answer.stderr
    assert answer.returncode == 1, said
    assert "azure-native:sql:FirewallRule all" in said
    assert "azure-native:network:NetworkInterface nic" in said
    assert "VirtualMachine vm" not in said
    # One of two is not enough.
    answer = run(command, *port, "--accept", ACCEPTED[0], cwd=beside)
    assert answer.returncode == 1
    assert "azure-native:network:NetworkInterface nic" in answer.stdout + answer.stderr


@STACKS_OF_OTHERS
def test_check_says_what_it_passed_by(beside: Path) -> None:
    answer = run("check", *(word for type in ACCEPTED for word in ("--accept", type)), cwd=beside)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "not run: azure-native:compute:VirtualMachine, azure-native:sql:Server" in answer.stdout
    assert (
        "as if it were not declared: azure-native:network:NetworkInterface, azure-native:sql:FirewallRule"
        in answer.stdout
    )
    answer = run("check", "--accept", "azure-native:sql:Firewallrule", cwd=beside)
    assert answer.returncode == 2
    assert "declares nothing of this type" in answer.stderr


@STACKS_OF_OTHERS
async def test_a_client_signs_in_to_our_server_beside_other_peoples_resources(beside: Path) -> None:
    async with LocalCloud.open(beside, port=0, accept=ACCEPTED) as cloud:
        assert cloud.urls["mcp"] == f"{cloud.gateway_url}/mcp"
        assert {one.resource.name for one in cloud.passed} == {"db", "all", "nic", "vm"}
        application = Application(cloud.gateway_url)
        tokens = await application.tokens(Person("alice"))
        answer = await application.call(tokens["access_token"], "tools/list")
        assert answer.status_code == 200
        assert "save_snippet" in answer.text


TWO_GATEWAYS = """
    import pulumi
    from parts import gateway
    from pulumi_azure_native import resources

    group = resources.ResourceGroup("rg").name
    one, _ = gateway("one", group, "from one")
    two, _ = gateway("two", group, "from two")
    pulumi.export("one", one.gateway_url)
    pulumi.export("two", two.gateway_url)
"""


@STACKS_OF_OTHERS
async def test_two_gateways_run_on_ports_of_their_own(tmp_path: Path) -> None:
    root = with_gateway(project(tmp_path, "pair", TWO_GATEWAYS))
    async with LocalCloud.open(root, port=0) as cloud:
        one, two = cloud.recording.outputs["one"], cloud.recording.outputs["two"]
        assert one != two
        assert (await get(f"{one}/hello")).text == "from one"
        assert (await get(f"{two}/hello")).text == "from two"
        assert {one, two} <= set(cloud.urls.values())


PLATFORM = """
    import pulumi
    from parts import gateway
    from pulumi_azure_native import resources

    group = resources.ResourceGroup("rg").name
    service, _ = gateway("shared", group, "from the platform")
    pulumi.export("group", group)
    pulumi.export("service", service.name)
    pulumi.export("key", pulumi.Output.secret("s3cret"))
"""
TEAM = """
    import pulumi
    from parts import api
    from pulumi_azure_native import apimanagement as apim

    platform = pulumi.StackReference("organization/platform/dev")
    group, service = platform.require_output("group"), platform.require_output("service")
    api("team", group, service, "from the team", path="team")
    apim.NamedValue(
        "key", named_value_id="Key", display_name="Key", secret=True, value=platform.require_output("key"),
        resource_group_name=group, service_name=service,
    )
"""


@STACKS_OF_OTHERS
async def test_several_projects_run_at_once_and_refer_to_each_other_in_any_order(tmp_path: Path) -> None:
    platform = with_gateway(project(tmp_path, "platform", PLATFORM))
    team = with_gateway(project(tmp_path, "team", TEAM))
    async with LocalCloud.open([team, platform], port=0) as cloud:
        assert (await get(f"{cloud.gateway_url}/hello")).text == "from the platform"
        assert (await get(f"{cloud.gateway_url}/team")).text == "from the team"
        [key] = cloud.recording.all("azure-native:apimanagement:NamedValue")
        assert (key.inputs["value"], key.secrets) == ("s3cret", {"value"})
    answer = run("plan", "--json", "-C", str(team), "-C", str(platform), cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert {urn["urn"].split("::")[1] for urn in json.loads(answer.stdout)["resources"]} == {"platform", "team"}
    answer = run("check", "-C", str(team), "-C", str(platform), cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout


@STACKS_OF_OTHERS
def test_a_reference_to_a_project_that_is_not_named_is_one_sentence(tmp_path: Path) -> None:
    team = with_gateway(project(tmp_path, "team", TEAM))
    answer = run("plan", cwd=team)
    assert answer.returncode == 1
    assert "refers to the stack 'dev' of the project 'platform'" in answer.stderr
    assert "-C FOLDER -C FOLDER" in answer.stderr


NEEDS_A_DATABASE = """
    import pulumi
    from parts import gateway
    from pulumi_azure_native import apimanagement as apim, resources, sql

    group = resources.ResourceGroup("rg").name
    database = sql.Server("db", resource_group_name=group)
    service, _ = gateway("gw", group, "fine")
    apim.Api(
        "data", api_id="data", display_name="data", path="data", protocols=["https"], subscription_required=False,
        service_url=pulumi.Output.concat("https://", database.fully_qualified_domain_name),
        resource_group_name=group, service_name=service.name,
    )
"""


@STACKS_OF_OTHERS
async def test_what_needs_an_output_of_something_that_does_not_run_names_both(tmp_path: Path) -> None:
    root = with_gateway(project(tmp_path, "needs", NEEDS_A_DATABASE))
    assert run("plan", cwd=root).returncode == 0
    with pytest.raises(LocalCloudError) as refused:
        async with LocalCloud.open(root, port=0):
            pass
    assert "Api data needs serviceUrl" in str(refused.value)
    assert "azure-native:sql:Server db" in str(refused.value)
    assert "--backend data=" in str(refused.value)
    async with LocalCloud.open(root, port=0, backend={"data": "http://localhost:1"}) as cloud:
        assert (await get(f"{cloud.gateway_url}/hello")).text == "fine"
    with pytest.raises(LocalCloudError, match="there is no API 'date'"):
        async with LocalCloud.open(root, port=0, backend={"date": "http://localhost:1"}):
            pass


CHILD = """
    from parts import gateway
    from pulumi_azure_native import apimanagement as apim, resources

    group = resources.ResourceGroup("rg").name
    service, _ = gateway("gw", group, "fine")
    apim.Certificate("trust", certificate_id="trust", resource_group_name=group, service_name=service.name)
"""


@STACKS_OF_OTHERS
def test_a_child_of_what_is_modelled_is_never_passed_by_in_silence(tmp_path: Path) -> None:
    root = with_gateway(project(tmp_path, "child", CHILD))
    answer = run("check", cwd=root)
    assert answer.returncode == 1
    assert "Certificate trust (belongs to azure-native:apimanagement:ApiManagementService gw)" in answer.stdout


IMPORTED = """
    from pulumi_azure_native import apimanagement as apim
    apim.Api("pets", api_id="pets", display_name="pets", path="pets", protocols=["https"], subscription_required=False,
        format="{format}", value={value!r}, resource_group_name=group, service_name=one.name)
    apim.ApiPolicy("answer", api_id="pets", policy_id="policy", format="rawxml", resource_group_name=group, service_name=one.name,
        value="<policies><inbound><return-response><set-body>@(context.Operation.Id)</set-body></return-response></inbound></policies>")
"""
PETS = "openapi: 3.0.1\npaths:\n  /pets/{id}:\n    get: {operationId: read-pet}\n"


@STACKS_OF_OTHERS
async def test_operations_of_an_imported_document_are_there(tmp_path: Path) -> None:
    root = with_gateway(project(tmp_path, "pets", TWO_GATEWAYS + IMPORTED.format(format="openapi", value=PETS)))
    async with LocalCloud.open(root, port=0) as cloud:
        assert (await get(f"{cloud.gateway_url}/pets/pets/7")).text == "read-pet"
        assert (await get(f"{cloud.gateway_url}/pets/dogs")).status_code == 404


@STACKS_OF_OTHERS
@pytest.mark.parametrize(
    ("format", "value", "said"),
    [
        ("openapi-link", "https://example.com/pets.json", "(format 'openapi-link') are not modelled"),
        ("openapi", "no: document", "API pets: the OpenAPI document has no paths"),
    ],
)
def test_an_imported_document_that_cannot_be_read_is_not_ignored(
    tmp_path: Path, format: str, value: str, said: str
) -> None:
    program = TWO_GATEWAYS + IMPORTED.format(format=format, value=value)
    answer = run("local", "--port", "0", cwd=with_gateway(project(tmp_path, "pets", program)))
    assert answer.returncode == 1
    assert said in answer.stderr


PRODUCTS = """
    from parts import gateway
    from pulumi_azure_native import apimanagement as apim, resources

    group = resources.ResourceGroup("rg").name
    service, _ = gateway("gw", group, "fine")
    where = {"resource_group_name": group, "service_name": service.name}
    apim.Backend("store", backend_id="store", url="https://store.example", protocol="http", **where)
    versions = apim.ApiVersionSet("versions", version_set_id="v", display_name="v", versioning_scheme="Segment", **where)
    api = apim.Api("orders", api_id="orders", display_name="orders", path="orders", protocols=["https"], **where)
    apim.ApiOperation("get", api_id=api.name, operation_id="get", display_name="get", method="GET", url_template="/", **where)
    apim.ApiPolicy("answer", api_id=api.name, policy_id="policy", format="rawxml",
        value='<policies><inbound><base/><set-backend-service backend-id="store"/><return-response><set-body>'
              '@(context.Product.Id + context.Subscription.Id + context.Variables["x"])'
              '</set-body></return-response></inbound></policies>', **where)
    gold = apim.Product("gold", product_id="gold", display_name="Gold", subscription_required=True, state="published", **where)
    apim.ProductApi("in-gold", product_id=gold.name, api_id=api.name, **where)
    apim.ProductPolicy("of-gold", product_id=gold.name, policy_id="policy", format="rawxml",
        value="<policies><inbound><base/><set-variable name='x' value='!'/></inbound></policies>", **where)
    apim.Subscription("one", sid="one", display_name="one", scope=gold.id, primary_key="key-one", **where)
"""


@STACKS_OF_OTHERS
async def test_products_subscriptions_and_backends_of_a_stack_are_there(tmp_path: Path) -> None:
    root = with_gateway(project(tmp_path, "products", PRODUCTS))
    async with LocalCloud.open(root, port=0) as cloud, httpx.AsyncClient(trust_env=False) as client:
        url = f"{cloud.gateway_url}/orders/"
        assert (await client.get(url)).status_code == 401
        assert (await client.get(url, headers={"Ocp-Apim-Subscription-Key": "other"})).status_code == 401
        assert (await client.get(url, headers={"Ocp-Apim-Subscription-Key": "key-one"})).text == "goldone!"


@STACKS_OF_OTHERS
@pytest.mark.parametrize("runtime", ["nodejs", "yaml", "go", "dotnet"])
def test_programs_in_other_languages_are_not_taken_for_python(tmp_path: Path, runtime: str) -> None:
    root = project(tmp_path, "other", "raise SystemExit('never run')", f"runtime:\n  name: {runtime}\n")
    for command in ("plan", "check", "local"):
        answer = run(command, cwd=root)
        assert answer.returncode != 0
        assert f"the runtime is {runtime}" in answer.stdout + answer.stderr
        assert "secure-mcp stand-ins pulumi up" in answer.stdout + answer.stderr
        assert "never run" not in answer.stdout + answer.stderr


@STACKS_OF_OTHERS
def test_a_stack_in_which_nothing_can_be_checked_is_not_fine(tmp_path: Path) -> None:
    root = project(tmp_path, "empty", "import pulumi\npulumi.export('a', 1)\n")
    answer = run("check", cwd=root)
    assert answer.returncode == 2
    assert "nothing that could be checked" in answer.stderr


@STACKS_OF_OTHERS
def test_a_misspelt_key_in_a_stacks_file_is_refused_like_one_on_the_command_line(tmp_path: Path) -> None:
    settings = "runtime: python\nconfig:\n  consentDays:\n    type: integer\n    default: 1\n"
    root = project(tmp_path, "keys", "import pulumi", settings, "{'keys:consentDay': 3}")
    for arguments in (["plan"], ["check"], ["plan", "--config", "consentDay=3"]):
        answer = run(*arguments, cwd=root)
        assert answer.returncode == 1
        assert "unknown configuration key 'consentDay'" in answer.stdout + answer.stderr
        assert "did you mean consentDays?" in answer.stdout + answer.stderr
