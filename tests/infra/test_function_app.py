"""A function app: its settings, its storage, its code."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from actors.wiring import (
    APIM,
    COSMOS,
    ROOT,
    STASH,
    Declared,
    before,
    identity_of,
)
from secure_mcp.package import build_package
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording, models, record


def test_M33_the_sse_transport_is_not_declared_with_a_function_key(declared: Declared) -> None:
    recording = declared(backendAuth="functionKey")
    ids = {r.inputs["operationId"] for r in recording.all(APIM + "ApiOperation")}
    assert not {"sse", "message"} & ids
    assert "sseUrl" not in recording.outputs


def test_the_app_cannot_write_its_own_code(anything: Recording) -> None:
    app, deployment = identity_of(anything, "id-func-"), identity_of(anything, "id-code-")
    site = anything.one("azure-native:web:WebApp").inputs
    storage = site["functionAppConfig"]["deployment"]["storage"]
    assert storage["authentication"]["userAssignedIdentityResourceId"] == deployment.id
    account = next(a for a in anything.all("azure-native:storage:StorageAccount") if a.get("name") in storage["value"])
    mine = [
        assignment.inputs["scope"]
        for assignment in anything.all("azure-native:authorization:RoleAssignment")
        if assignment.inputs["principalId"] == app.get("principalId")
    ]
    assert mine
    assert not [scope for scope in mine if account.id.startswith(scope) or scope.startswith(account.id)]


def test_storage_and_deployment_need_no_keys(anything: Recording) -> None:
    for account in anything.all("azure-native:storage:StorageAccount"):
        assert account.inputs["allowSharedKeyAccess"] is False
        assert account.inputs["allowBlobPublicAccess"] is False
    site = anything.one("azure-native:web:WebApp").inputs
    settings = {setting["name"]: setting["value"] for setting in site["siteConfig"]["appSettings"]}
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    forbidden = {"FUNCTIONS_WORKER_RUNTIME", "WEBSITE_RUN_FROM_PACKAGE", "AzureWebJobsStorage"}
    assert not forbidden & set(settings), "not for Flex Consumption"
    assert site["functionAppConfig"]["runtime"] == {"name": "python", "version": "3.13"}
    for kind in ("WebAppFtpAllowed", "WebAppScmAllowed"):
        assert anything.one(f"azure-native:web:{kind}").inputs["allow"] is False


def test_code_is_published_when_everything_is_there(declared: Declared) -> None:
    recording = declared("prod")
    code = recording.one(STASH, "mcp-code")
    needed = [
        r.urn
        for type in (
            "network:PrivateDnsZoneGroup",
            "privatedns:VirtualNetworkLink",
            "web:WebAppAuthSettingsV2",
            "web:WebApp",
        )
        for r in recording.all(f"azure-native:{type}")
    ]
    needed += [r.urn for r in recording.all("azure-native:authorization:RoleAssignment") if "storage" in r.name]
    assert len(needed) > 12
    assert before(recording, code) >= set(needed)


def test_what_the_state_keeps_of_the_code_is_no_secret(declared: Declared) -> None:
    recording = declared("dev")
    code, site = recording.one(STASH, "mcp-code"), recording.one("azure-native:web:WebApp")
    assert not code.secrets
    assert code.inputs["input"] == {
        "digest": build_package(ROOT / "function_app").digest,
        "app": site.id,
        "scmHost": f"{site.get('name')}.scm.azurewebsites.net",
        "container": site.get("functionAppConfig")["deployment"]["storage"]["value"],
    }


def test_code_can_be_left_to_others(declared: Declared) -> None:
    assert "mcp-code" not in {r.name for r in declared(deployCode="false").all(STASH)}
    assert declared(deployCode="false", backendAuth="functionKey").all(APIM + "NamedValue")


def test_a_function_app_without_its_key_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    azure = models.invoke

    def invoke(function: str, arguments: Mapping[str, Any], *more: Any) -> Mapping[str, Any]:
        return {**azure(function, arguments, *more), "systemKeys": {}}

    monkeypatch.setattr(models, "invoke", invoke)
    with pytest.raises(LocalCloudError, match="Deploy the code, then run pulumi up again"):
        record(Path(__file__).parents[2], "dev", {"backendAuth": "functionKey", "deployCode": "false"})


REFUSED_BY_FLEX = {
    "ftpsState", "use32BitWorkerProcess", "isReserved", "isXenon", "windowsFxVersion", "alwaysOn", "preWarmedInstanceCount",
    "functionAppScaleLimit", "containerSize", "javaVersion", "powerShellVersion", "netFrameworkVersion", "linuxFxVersion",
}  # fmt: skip
"""https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations"""


def test_A1_A2_nothing_is_sent_that_flex_consumption_refuses(anything: Recording) -> None:
    site = anything.one("azure-native:web:WebApp").inputs
    assert set(site["siteConfig"]) == {"appSettings", "minTlsVersion", "http20Enabled"}
    assert not REFUSED_BY_FLEX & (set(site) | set(site["siteConfig"]))
    assert not {"hyperV", "scmSiteAlsoStopped"} & set(site), "the SDK's own"


def test_A3_A4_A5_C2_no_code_goes_through_keys_or_a_generic_resource_or_an_address(anything: Recording) -> None:
    assert not [r.type for r in anything if r.type in {"azure-native:storage:Blob", "azure-native:resources:Resource"}]
    texts = json.dumps([dict(r.inputs) for r in anything if not r.type.startswith(APIM)])
    assert "packageUri" not in texts
    assert anything.one(STASH, "mcp-code").inputs["input"]["scmHost"].endswith(".scm.azurewebsites.net")


def test_B1_python_3_12_takes_the_apps_own_libraries(declared: Declared) -> None:
    for version, isolated in (("3.12", "1"), ("3.13", None)):
        site = declared(pythonVersion=version).one("azure-native:web:WebApp").inputs
        settings = {setting["name"]: setting["value"] for setting in site["siteConfig"]["appSettings"]}
        assert site["functionAppConfig"]["runtime"]["version"] == version
        assert settings.get("PYTHON_ISOLATE_WORKER_DEPENDENCIES") == isolated


def test_B2_data_can_be_brought_back(anything: Recording) -> None:
    accounts = {account.inputs["accountName"] for account in anything.all("azure-native:storage:StorageAccount")}
    services = anything.all("azure-native:storage:BlobServiceProperties")
    assert {service.inputs["accountName"] for service in services} == accounts
    for service in services:
        assert service.inputs["isVersioningEnabled"] is True
        for kept in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
            assert service.inputs[kept] == {"enabled": True, "days": 14}
    backup = anything.one(COSMOS + "DatabaseAccount").inputs["backupPolicy"]
    assert backup == {"type": "Continuous", "continuousModeProperties": {"tier": "Continuous7Days"}}
