"""What a program declares, held against the types of the provider's SDK."""

from pathlib import Path
from typing import Any

import pytest

from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import record
from secure_mcp_local.recording.arguments import check

SITE = "azure-native:web:WebApp"
ACCOUNT: dict[str, Any] = {
    "resourceGroupName": "rg",
    "accountName": "staccount",
    "kind": "StorageV2",
    "sku": {"name": "Standard_LRS"},
}
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("storage:StorageAccount", {"acountName": "x"}, "acountName: StorageAccountArgs has no such property; did you mean accountName?"),
    ("storage:StorageAccount", {"network_rule_set": {}}, "did you mean networkRuleSet?"),
    ("storage:StorageAccount", {"sku": {}}, "sku.name: SkuArgs needs it"),
    ("storage:StorageAccount", {"sku": None}, "sku: StorageAccountArgs needs it"),
    ("storage:StorageAccount", {"sku": {"name": "Standard_lrs"}}, "sku.name: 'Standard_lrs' is not one of 'Standard_LRS', "),
    ("storage:StorageAccount", {"sku": "Standard_LRS"}, "sku: is a string and must be an object (SkuArgs)"),
    ("storage:StorageAccount", {"allowSharedKeyAccess": "false"}, "allowSharedKeyAccess: is a string and must be a boolean"),
    ("storage:StorageAccount", {"accountName": 7}, "accountName: is a number and must be a string"),
    ("storage:StorageAccount", {"tags": {"a": 1}}, "tags.a: is a number and must be a string"),
    ("storage:StorageAccount", {"tags": ["a"]}, "tags: is a list and must be a map"),
    (
        "storage:StorageAccount",
        {"networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"iPAddressOrRange": "10.0.0.0/8"}, {"ipAddress": "x"}]}},
        "networkRuleSet.ipRules[1].ipAddress: IPRuleArgs has no such property",
    ),
    ("storage:StorageAccount", {"networkRuleSet": {"defaultAction": "deny"}}, "networkRuleSet.defaultAction: 'deny' is not one of"),
    ("web:WebApp", {"siteConfig": {"appSettings": {"name": "a", "value": "b"}}}, "siteConfig.appSettings: is an object and must be a list"),
    ("web:WebApp", {"functionAppConfig": {"scaleAndConcurrency": {"instanceMemoryMB": True}}}, "is a boolean and must be a number"),
    ("monitor:ScheduledQueryRule", {"criteria": {"allOf": [{"operator": "gt"}]}}, "criteria.allOf[0].operator: 'gt' is not one of 'Equals'"),
    ("apimanagement:ApiManagementService", {"sku": {"name": "PremiumV3", "capacity": 1}}, "sku.name: 'PremiumV3' is not one of"),
    ("storage:Blob", {"accountName": "a", "containerName": "c", "source": "file.zip"}, "source: is a string and must be an asset"),
]  # fmt: skip


@pytest.mark.parametrize(("type", "change", "expected"), WRONG, ids=[expected[:60] for _, _, expected in WRONG])
def test_what_the_sdk_does_not_declare_is_named(type: str, change: dict[str, Any], expected: str) -> None:
    right = ACCOUNT if type == "storage:StorageAccount" else {"resourceGroupName": "rg"}
    before = check(f"azure-native:{type}", right)
    assert not before or type != "storage:StorageAccount"
    problems = [str(p) for p in check(f"azure-native:{type}", {**right, **change}) if p not in before]
    assert any(expected in problem for problem in problems), problems


def test_all_that_is_wrong_is_found_at_once() -> None:
    found = check("azure-native:storage:StorageAccount", {"kind": "x", "sku": {"nam": 1}, "resourceGroupName": "rg"})
    assert {problem.path for problem in found} == {"kind", "sku.nam", "sku.name"}


def test_nothing_is_said_of_what_is_not_known_yet() -> None:
    inputs = {**ACCOUNT, "resourceGroupName": None, "sku": {"name": None}}
    assert check("azure-native:storage:StorageAccount", inputs, {"resourceGroupName", "sku.name"}) == []


@pytest.mark.parametrize(
    ("type", "inputs"),
    [
        ("random:index/randomBytes:RandomBytes", {"length": 32}),
        ("azuread:index/application:Application", {"displayName": "x", "web": {"redirectUris": ["https://x.example"]}}),
        ("azure-native:applicationinsights:Workbook", {"resourceGroupName": "rg", "serializedData": "{}", "displayName": "x", "category": "workbook"}),
    ],
)  # fmt: skip
def test_other_providers_and_modules_are_found(type: str, inputs: dict[str, Any]) -> None:
    assert check(type, inputs) == []
    assert check(type, {**inputs, "xyz": 1}) != []


def test_of_several_kinds_of_object_the_one_that_fits_best_is_meant() -> None:
    criterion = {
        "criterionType": "StaticThresholdCriterion", "name": "errors", "metricName": "Requests",
        "timeAggregation": "Total", "operator": "GreaterThan", "threshold": 5,
    }  # fmt: skip
    criteria = {"odataType": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria", "allOf": [criterion]}
    alert = {
        "resourceGroupName": "rg", "enabled": True, "evaluationFrequency": "PT1M", "windowSize": "PT5M", "scopes": ["/x"],
        "severity": 1, "criteria": criteria,
    }  # fmt: skip
    assert check("azure-native:monitor:MetricAlert", alert) == []
    del criterion["metricName"]
    assert [str(problem) for problem in check("azure-native:monitor:MetricAlert", alert)] == [
        "criteria.allOf[0].metricName: MetricCriteriaArgs needs it"
    ]


def test_a_type_that_no_sdk_has_is_refused() -> None:
    with pytest.raises(NotModelled, match=r"aws:s3/bucket:Bucket; looked for Bucket in pulumi_aws\.s3"):
        check("aws:s3/bucket:Bucket", {})


def test_recording_refuses_what_azure_would(tmp_path: Path) -> None:
    """Nested properties given as a dict pass the SDK unseen."""
    (tmp_path / "Pulumi.yaml").write_text("name: sample\nruntime: python\nmain: program.py\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    (tmp_path / "program.py").write_text(
        "from pulumi_azure_native import storage\n"
        "storage.StorageAccount('st', account_name='st', resource_group_name='rg', kind='StorageV2',\n"
        "    sku={'name': 'Standard_LRS'}, network_rule_set={'default_action': 'Deny', 'bypas': 'None'})\n"
    )
    with pytest.raises(LocalCloudError) as refused:
        record(tmp_path, "dev")
    text = str(refused.value)
    assert text.startswith(
        "the inputs of azure-native:storage:StorageAccount st are not what the provider's SDK declares:"
    )
    assert "networkRuleSet.bypas: NetworkRuleSetArgs has no such property; did you mean bypass?" in text
