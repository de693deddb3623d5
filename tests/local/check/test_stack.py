"""A whole stack: ours has nothing to find, and one with every mistake has each of them at its place."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apim_policies.check import Finding
from samples import REFUSALS, WHOLE_STACKS
from secure_mcp_local.check import check_recording, check_stack
from secure_mcp_local.recording import Recording, Resource, record

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("stack", "config"),
    [
        ("dev", {}),
        ("prod", {}),
        ("dev", {"backendAuth": "functionKey"}),
        ("dev", {"sseTransport": "enabled", "consentDays": "0"}),
        ("prod", {"customDomains": '["mcp.example.com", "ai.example.com"]', "allowedOrigins": '["https://app.example.com"]'}),
        ("dev", {"allowedClients": '["claude.ai"]', "clientMetadataHosts": '["*"]', "redirectSchemes": "[]", "mcpScopes": '["a", "b"]'}),
    ],
    ids=["dev", "prod", "function key", "with sse and without consent", "domains", "clients"],
)  # fmt: skip
def test_ours_has_nothing_to_find(stack: str, config: dict[str, str]) -> None:
    report = check_stack(ROOT, stack, {"apimPublisherEmail": "me@contoso.com", **config})
    assert report.findings == ()
    assert report.documents >= 28


@pytest.fixture(scope="module")
def ours() -> Recording:
    return record(ROOT, "dev", {"apimPublisherEmail": "me@contoso.com"})


POLICY, OPERATION, FRAGMENT = "ApiPolicy", "ApiOperationPolicy", "PolicyFragment"


MISTAKES = [
    (POLICY, "mcp-mcp-policy", ".EndsWith(\" Timeout\", StringComparison.Ordinal)", ".EndsWith(\" Timeout\")", "culture-compare"),
    (POLICY, "mcp-mcp-policy", "<outbound>\n        <base />", "<outbound>", "missing-base"),
    (POLICY, "mcp-mcp-policy", "</outbound>", "<set-body>x</set-body></outbound>", "streaming-body"),
    (FRAGMENT, "mcp-oauth-fragment-mcp-message", "preserveContent: true", "", "body-consumed"),
    (POLICY, "mcp-mcp-policy", "((string)context.Variables[\"unsealed\"])", "((string)context.Variables[\"unseald\"])", "unset-variable"),
    (POLICY, "mcp-mcp-policy", '<forward-request ', '<base /><forward-request ', "forwarded-twice"),
    (FRAGMENT, "mcp-oauth-fragment-seal", "Convert.ToByte(key[0])", "key[0]", "expression-type"),
    (FRAGMENT, "mcp-oauth-fragment-unseal", "{{EncryptionKey}}", "{{EncryptionKy}}", "named-value"),
    (FRAGMENT, "mcp-oauth-fragment-entra-token", ' timeout="10"', "", "send-request-timeout"),
    (FRAGMENT, "mcp-oauth-fragment-entra-token", "response == null", "response.StatusCode == 0", "ignored-error"),
    (OPERATION, "mcp-oauth-token-policy", 'fragment-id="unseal"', 'fragment-id="unsael"', "fragment"),
    (OPERATION, "mcp-oauth-token-policy", '</inbound>', '<trace source="x"><message>@((string)context.Variables["refreshToken"])</message></trace></inbound>', "secret-in-trace"),
]  # fmt: skip


def test_each_mistake_in_ours_is_found(ours: Recording) -> None:
    """All at once: a check of the whole stack takes seconds."""
    texts: dict[str, str] = {}
    for kind, name, before, after, _ in MISTAKES:
        resource = ours.one(f"azure-native:apimanagement:{kind}", name)
        text = texts.get(resource.urn, str(resource.get("value")))
        assert before in text
        texts[resource.urn] = text.replace(before, after)
    changed = ours
    for urn, text in texts.items():
        changed = changed.changed(urn, value=text)
    files = {POLICY: "mcp/api.xml", OPERATION: "oauth/token.xml"}
    wanted = {
        (rule, files.get(kind) or f"fragments/{name.partition('-fragment-')[2]}.xml")
        for kind, name, _, _, rule in MISTAKES
    }
    found = {(one.rule.name, "/".join(Path(one.file).parts[-2:])) for one in check_recording(changed, ROOT).findings}
    assert wanted <= found, wanted - found


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_ours_have_nothing_to_find(stack: str) -> None:
    report = check_stack(ROOT, stack, {"apimPublisherEmail": "me@fabrikam.com"})
    assert report.findings == ()


def of(recording: Recording, rule: str) -> list[str]:
    return [one.message for one in check_recording(recording, ROOT).findings if one.rule.name == rule]


def test_an_operation_that_nothing_answers_is_found(ours: Recording) -> None:
    api = ours.one("azure-native:apimanagement:Api", "mcp-mcp-api")
    nowhere = of(ours.changed(api.urn, serviceUrl=""), "unanswered")
    assert any("of mcp-mcp-api) forwards, and neither serviceUrl nor a policy says to where" in one for one in nowhere)
    policy = ours.one("azure-native:apimanagement:ApiOperationPolicy", "mcp-oauth-authorize-policy")
    (silent,) = of(ours.without(lambda one: one.urn == policy.urn), "unanswered")
    assert "GET /authorize of mcp-oauth-api) has no policy that answers, and forwards nothing" in silent


def test_who_signs_in_before_the_role_is_there_is_found(ours: Recording) -> None:
    site, role = "azure-native:web:WebApp", "mcp-storage-deployment-role"
    early = replace(
        ours,
        resources=tuple(
            replace(one, dependencies=frozenset(urn for urn in one.dependencies if not urn.endswith(f"::{role}")))
            if one.type == site
            else one
            for one in ours
        ),
    )
    assert of(ours, "late-role") == []
    (said,) = of(early, "late-role")
    assert said.startswith("mcp-func signs in as ")
    assert said.endswith(f"and does not depend on {role}")


@pytest.mark.parametrize(
    ("definition", "late"),
    [
        # Storage Table Data Contributor: the host starts without it, and its code opens tables later.
        ("0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3", False),
        # Storage Blob Data Contributor, where the host has Storage Blob Data Owner already.
        ("ba92f5b4-2d11-453d-a403-e96b0029c9fe", False),
        # Storage Queue Data Contributor, of which nothing was there before.
        ("974c5e8b-45b9-4653-ba55-5f855dd0fb88", True),
    ],
)
def test_a_later_role_on_the_hosts_storage_is_late_only_where_the_host_needs_it(
    ours: Recording, definition: str, late: bool
) -> None:
    kind = "azure-native:authorization:RoleAssignment"
    queues = next(
        one
        for one in ours.all(kind)
        if str(one.get("roleDefinitionId")).endswith("974c5e8b-45b9-4653-ba55-5f855dd0fb88")
    )
    owner = next(
        one for one in ours.all(kind) if one.get("principalId") == queues.get("principalId") and one is not queues
    )
    assert str(owner.get("scope")) == str(queues.get("scope"))
    id = f"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{definition}"
    second = replace(
        queues, urn=f"{queues.urn}-second", name="second", inputs={**queues.inputs, "roleDefinitionId": id}
    )
    changed = replace(ours, resources=(*(one for one in ours if not late or one is not queues), second))
    found = of(changed, "late-role")
    assert found == ([f"mcp-func signs in as {who(ours, queues)}, and does not depend on second"] if late else []), (
        found
    )


def who(ours: Recording, role: Resource) -> str:
    (identity,) = (
        one
        for one in ours.all("azure-native:managedidentity:UserAssignedIdentity")
        if one.get("principalId") == role.get("principalId")
    )
    return identity.name


PROGRAM = """\
import pathlib

import jinja2
import pulumi
from pulumi_azure_native import apimanagement, resources

templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent / "policies"),
    variable_start_string="[[", variable_end_string="]]", block_start_string="[%", block_end_string="%]",
    trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
)


def text(name):
    return templates.get_template(name).render(host="api.example")


group = resources.ResourceGroup("rg", resource_group_name="rg", location="west")
service = apimanagement.ApiManagementService(
    "apim", service_name="apim", resource_group_name=group.name, location="west", publisher_email="a@example.com",
    publisher_name="a", sku={"name": "BasicV2", "capacity": 1}, identity={"type": "SystemAssigned"},
)
of_service = {"service_name": service.name, "resource_group_name": group.name}
key = apimanagement.NamedValue(
    "key", named_value_id="Key", display_name="Key", value=pulumi.Output.secret("k" * 20), secret=True, **of_service
)
apimanagement.NamedValue(
    "shown", named_value_id="Shown", display_name="Shown", value=pulumi.Output.secret("s" * 20), secret=False, **of_service
)
apimanagement.NamedValue(
    "long", named_value_id="Long", display_name="Too long", value="x" * 5000, **of_service
)
fragment = apimanagement.PolicyFragment(
    "stop", id="stop", format="rawxml", value=text("stop.xml"), opts=pulumi.ResourceOptions(depends_on=[key]), **of_service
)
apimanagement.Diagnostic(
    "diagnostic", diagnostic_id="applicationinsights", logger_id="logger",
    frontend={"response": {"body": {"bytes": 512}}}, **of_service,
)
api = apimanagement.Api(
    "api", api_id="things", path="things", display_name="Things", protocols=["https"], subscription_required=False, **of_service
)
apimanagement.ApiPolicy(
    "api-policy", policy_id="policy", api_id=api.name, format="rawxml", value=text("api.xml"),
    opts=pulumi.ResourceOptions(depends_on=[fragment]), **of_service,
)
for id, method in (("read", "GET"), ("preflight", "OPTIONS")):
    apimanagement.ApiOperation(
        id, operation_id=id, display_name=id, method=method, url_template="/", api_id=api.name, **of_service
    )
apimanagement.ApiOperationPolicy(
    "read-policy", policy_id="policy", api_id=api.name, operation_id="read", format="rawxml", value=text("read.xml"), **of_service
)
"""
API = """\
<policies>
    <inbound>
        <base />
        <cors>
            <allowed-origins>
                <origin>https://[[ host ]]</origin>
            </allowed-origins>
        </cors>
        <set-header name="X-Key" exists-action="override">
            <value>{{Key}}</value>
        </set-header>
        <include-fragment fragment-id="stop" />
        <emit-metric name="calls">
            <dimension name="API ID" />
        </emit-metric>
        <rate-limit-by-key calls="100" renewal-period="60" counter-key="@(context.Request.IpAddress)" />
    </inbound>
    <backend>
        <forward-request timeout="60" buffer-response="false" />
    </backend>
    <outbound>
        <base />
    </outbound>
    <on-error>
        <base />
    </on-error>
</policies>
"""
MACROS = """\
[% macro slow(name) %]
<send-request mode="new" response-variable-name="[[ name ]]">
    <set-url>https://slow.example/path</set-url>
</send-request>
[%- endmacro %]
[% macro once() %]
<set-variable name="twice" value="@("a".StartsWith("b"))" />
<set-variable name="again" value="1" />
<set-variable name="again" value="1" />
[%- endmacro %]
"""
READ = """\
[% from 'macros.jinja' import slow, once %]
<policies>
    <inbound>
        <base />
        [[ slow('answer') | indent(8) ]]
        [[ once() | indent(8) ]]
[% for name in ('one', 'two') %]
        <set-variable name="[[ name ]]" value="@(context.Variables["[[ name ]]"] == "x")" />
[% endfor %]
        <set-variable name="x" value="@((string)context.Variables["unset"])" />
        <rate-limit-by-key calls="5" renewal-period="60" counter-key="@(context.Request.IpAddress)" />
    </inbound>
    <backend>
        <base />
    </backend>
    <outbound>
        <base />
        <set-body>@(context.Response.Body.As<string>())</set-body>
    </outbound>
    <on-error />
</policies>
"""
STOP = """\
<fragment>
    <trace source="stop">
        <message>{{Key}}</message>
    </trace>
    <forward-request />
</fragment>
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "Pulumi.yaml").write_text(
        "name: things\nruntime: python\nmain: program.py\nconfig:\n  region:\n    default: west\n"
    )
    (root / "Pulumi.dev.yaml").write_text("config: {}\n")
    (root / "program.py").write_text(PROGRAM)
    (root / "policies").mkdir()
    for name, text in {"api.xml": API, "read.xml": READ, "stop.xml": STOP, "macros.jinja": MACROS}.items():
        (root / "policies" / name).write_text(text)
    return root


@pytest.fixture(scope="module")
def findings(project: Path) -> list[Finding]:
    return list(check_stack(project, "dev", {}).findings)


def places(findings: list[Finding], rule: str, root: Path) -> list[tuple[str, int, int]]:
    return [
        (Path(one.file).name if one.file.startswith(str(root)) else one.file, one.line, one.column)
        for one in findings
        if one.rule.name == rule
    ]


def place(text: str, needle: str) -> tuple[int, int]:
    index = text.index(needle)
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


@pytest.mark.parametrize(
    ("rule", "file", "text", "needle"),
    [
        # A line that stands in the template as it is.
        ("cors-options", "api.xml", API, "<cors>"),
        ("metrics-off", "api.xml", API, "<emit-metric"),
        ("missing-base", "read.xml", READ, "<on-error />"),
        # The API has a limit with the same key.
        ("shared-counter", "read.xml", READ, "@(context.Request.IpAddress)"),
        ("unset-variable", "read.xml", READ, '["unset"]'),
        ("element-place", "stop.xml", STOP, "<forward-request />"),
        ("secret-in-trace", "stop.xml", STOP, "{{Key}}"),
        # A streaming forward-request of the API, a body in the operation.
        ("streaming-body", "read.xml", READ, "<set-body>"),
        # A line of a macro that can come from one place only, and one of a loop.
        ("send-request-timeout", "macros.jinja", MACROS, "<send-request"),
        ("culture-compare", "macros.jinja", MACROS, "StartsWith"),
        ("reference-compare", "read.xml", READ, '== "x"'),
    ],
)
def test_each_mistake_is_at_its_place_in_the_template(
    rule: str, file: str, text: str, needle: str, findings: list[Finding], project: Path
) -> None:
    assert (file, *place(text, needle)) in places(findings, rule, project)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("plain-secret", "the named value Shown holds a secret, and is not declared as one"),
        ("named-value-limits", "the named value Too long has 5000 characters"),
        ("named-value-limits", "'Too long' cannot be the name of a named value"),
        ("body-logging", "the diagnostic diagnostic logs 512 bytes of each response (frontend)"),
        ("unused-declaration", "no policy uses the named value Shown"),
    ],
)
def test_the_plan_is_checked(rule: str, message: str, findings: list[Finding]) -> None:
    assert (rule, message) in {(one.rule.name, one.message) for one in findings}


def test_a_dependency_through_others_is_one(findings: list[Finding]) -> None:
    # api.xml names Key and depends on it through the fragment; the others depend on what they use or use nothing.
    assert not [one for one in findings if one.rule.name == "missing-dependency"]


def test_a_missing_dependency_and_the_wrong_tier_are_found(project: Path, tmp_path: Path) -> None:
    changed = PROGRAM.replace("opts=pulumi.ResourceOptions(depends_on=[key]), ", "")
    changed = changed.replace('{"name": "BasicV2", "capacity": 1}', '{"name": "Consumption", "capacity": 0}')
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "policies"):
        (tmp_path / name).symlink_to(project / name)
    (tmp_path / "program.py").write_text(changed)
    findings = check_stack(tmp_path, "dev", {}).findings
    found = [one for one in findings if one.rule.name == "missing-dependency"]
    assert [one.place for one in found] == ["apis/things/api.xml (rendered)", "fragments/stop.xml (rendered)"]
    assert "does not depend on the named value Key, which it uses" in found[0].message
    tier = [(Path(one.file).name, one.line, one.column) for one in findings if one.rule.name == "tier"]
    assert tier == [("api.xml", *place(API, "<rate-limit-by-key")), ("read.xml", *place(READ, "<rate-limit-by-key"))]


def test_no_secret_is_printed(findings: list[Finding]) -> None:
    assert not [one for one in findings if "kkk" in repr(one) or "sss" in repr(one)]


def test_the_publishers_address_is_missed(tmp_path: Path) -> None:
    [finding] = check_stack(ROOT, "prod", {}).findings
    assert (finding.rule.name, finding.rule.level) == ("configuration", "error")
    assert "pulumi config set --stack prod apimPublisherEmail ADDRESS" in finding.message
    [finding] = check_stack(ROOT / "examples" / "existing-server", "dev", {}).findings
    assert "pulumi config set --stack dev publisherEmail ADDRESS" in finding.message


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "secure_mcp_local", "check", *arguments]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ}, capture_output=True, text=True, timeout=100, check=False
    )


def test_the_command_checks_the_stack_of_the_folder(project: Path) -> None:
    answer = run("--json", cwd=project)
    assert answer.returncode == 1, answer.stderr
    report: dict[str, Any] = json.loads(answer.stdout)
    assert not report["ok"]
    assert report["documents"] == 3
    assert report["errors"] + report["warnings"] == len(report["findings"])
    first = next(one for one in report["findings"] if one["rule"] == "reference-compare")
    assert (first["file"], first["document"], first["rendered"]) == ("policies/read.xml", "apis/things/read.xml", False)
    assert first["excerpt"].strip().startswith('<set-variable name="one"')


@WHOLE_STACKS
@pytest.mark.parametrize(
    ("config", "rule", "message", "exit_code"),
    [
        ("apimSku=Foo", "configuration", "use one of BasicV2", 1),
        ("nonsense=1", "configuration", "unknown configuration key", 1),
    ],
)
def test_a_wrong_configuration_is_a_finding(config: str, rule: str, message: str, exit_code: int) -> None:
    answer = run("--config", config, "--json")
    assert answer.returncode == exit_code, answer.stderr
    (finding,) = json.loads(answer.stdout)["findings"]
    assert (finding["rule"], finding["file"]) == (rule, "Pulumi.dev.yaml")
    assert message in finding["message"]


def test_a_wrong_key_of_the_stacks_file_has_its_line(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "infra", "policies", "function_app"):
        (tmp_path / name).symlink_to(ROOT / name)
    lines = (ROOT / "Pulumi.dev.yaml").read_text().splitlines()
    (tmp_path / "Pulumi.dev.yaml").write_text("\n".join([*lines, "  secure-mcp:consentDays: 1000"]) + "\n")
    (finding,) = check_stack(tmp_path, "dev", {}).findings
    assert (finding.rule.name, finding.line, finding.column) == ("configuration", len(lines) + 1, 14)


@REFUSALS
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stack", "nope"], "unknown stack 'nope'"),
        (["--ignore", "nope"], "there is no such rule"),
        (["nowhere.xml"], "nowhere.xml cannot be read"),
        (["nowhere.xml", "--stack", "dev"], "without --stack"),
        (["--named-value", "A"], "go with files"),
        (["--format", "xml"], "xml"),
    ],
)
def test_what_cannot_be_checked_is_exit_code_2(arguments: list[str], message: str) -> None:
    answer = run(*arguments)
    assert answer.returncode == 2
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr
