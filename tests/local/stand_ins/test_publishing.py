"""The deployment endpoint of the stand-ins, as the very code of the library meets it: by name, over TLS, with Azure CLI's token."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from actors.waiting import Clock
from samples import PUBLISHED_CODE
from secure_mcp.azure.propagation import WAIT
from secure_mcp.package import build_package
from secure_mcp.publishing import PublishingError
from secure_mcp.publishing.app import app_of
from secure_mcp.publishing.deployer import Deployer
from secure_mcp.publishing.publication import publish
from secure_mcp_local.azure.faults import PUBLISHING
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import record
from secure_mcp_local.stand_ins import faults
from secure_mcp_local.stand_ins.standing import standing
from secure_mcp_local.stand_ins.store import Deployed, Store

ROOT = Path(__file__).parents[3]
SITE = "azure-native:web:WebApp"
ROLE = "azure-native:authorization:RoleAssignment"


class Deployment:
    """A stack that is deployed to the stand-ins, whose faults are on."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.said: list[str] = []

    @property
    def site(self) -> Deployed:
        [site] = [r for r in self.store if r.type == SITE]
        return site

    def publish(self, package: Path | None = None) -> list[str]:
        archive = package or build_package(ROOT / "function_app").archive
        deployer = Deployer.of(lambda _: None)
        return publish(archive, "digest", app_of(self.site.id, deployer), deployer, self.said.append, Clock())

    def change(self, type: str, named: str, **properties: Any) -> None:
        """Changes a deployed resource, as by hand."""
        [found] = [r for r in self.store if r.type == type and r.name == named]
        self.store.replace(
            replace(found, inputs={**found.inputs, **properties}, outputs={**found.outputs, **properties})
        )

    def remove(self, type: str, named: str) -> None:
        [found] = [r for r in self.store if r.type == type and r.name == named]
        self.store.delete(found.id)


Stand = Callable[..., Deployment]


@pytest.fixture(scope="module")
def resources() -> dict[str, list[Deployed]]:
    return {
        stack: [
            Deployed(r.id, r.urn, r.type, "seed", dict(r.inputs), dict(r.outputs), index)
            for index, r in enumerate(record(ROOT, stack))
            if r.custom and not r.type.startswith(("pulumi:", "random:"))
        ]
        for stack in ("dev", "prod")
    }


@pytest.fixture
def stand(resources: dict[str, list[Deployed]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    opened: list[Any] = []

    def go(rules: str = "", stack: str = "dev") -> Deployment:
        store = Store(tmp_path / "cloud")
        for resource in resources[stack]:
            store.create(resource)
        context = standing(store.folder, None, rules, os.environ)
        for name, value in context.__enter__().items():
            monkeypatch.setenv(name, value)
        for name in ("https_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        opened.append(context)
        return Deployment(store)

    yield go
    for context in opened:
        context.__exit__(None, None, None)


def made(folder: Path, **files: str) -> Path:
    archive = folder / "package.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for name, content in files.items():
            target.writestr(name.replace("_json", ".json").replace("_py", ".py"), content)
    return archive


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_package_is_deployed_and_its_functions_are_listed(stand: Stand, stack: str) -> None:
    deployment = stand(stack=stack)
    assert "save_snippet" in deployment.publish()
    package = deployment.store.package(deployment.site.id)
    assert package
    assert package.read_bytes() == build_package(ROOT / "function_app").archive.read_bytes()


@PUBLISHED_CODE
@pytest.mark.parametrize("kind", ["forbid", "early", "busy", "unavailable", "lose", "recycle"])
def test_what_passes_passes(stand: Stand, kind: str) -> None:
    deployment = stand(f"{kind} publish mcp-func")
    assert "save_snippet" in deployment.publish()


@PUBLISHED_CODE
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("fail", "ended as failed: Deployment Failed; .*made to fail"),
        ("retype", "refuses the package: 415"),
        ("empty", "the app has no functions"),
        ("hide", "this machine cannot reach https://func-mcp-.*privatelink"),
    ],
)
def test_what_does_not_pass_is_explained(stand: Stand, kind: str, message: str) -> None:
    deployment = stand(f"{kind} publish {SITE}")
    with pytest.raises(PublishingError, match=f"(?s){message}"):
        deployment.publish()


def test_every_kind_of_fault_is_tried_here() -> None:
    assert set(PUBLISHING) == {
        "forbid", "early", "busy", "unavailable", "lose", "recycle", "fail", "retype", "empty", "hide",
    }  # fmt: skip
    for rule in ("early create x", "stall publish x", "fail publish"):
        with pytest.raises(LocalCloudError, match="KIND publish FUNCTION-APP"):
            faults.parsed(rule)


def test_the_identity_of_the_deployment_needs_its_role(stand: Stand) -> None:
    deployment = stand()
    deployment.remove(ROLE, "mcp-storage-deployment-role")
    with pytest.raises(
        PublishingError, match=r"cannot write the package.*AuthorizationPermissionMismatch: mcp-deployment-id"
    ):
        deployment.publish()


def test_a_private_app_needs_its_endpoint(stand: Stand) -> None:
    deployment = stand(stack="prod")
    deployment.remove("azure-native:network:PrivateEndpoint", "mcp-sites-endpoint")
    with pytest.raises(PublishingError, match="refuses the package: 403"):
        deployment.publish()


def test_a_private_account_needs_its_endpoint(stand: Stand) -> None:
    deployment = stand(stack="prod")
    deployment.remove("azure-native:network:PrivateEndpoint", "mcp-code-endpoint")
    with pytest.raises(PublishingError, match="has no private endpoint for blobs"):
        deployment.publish()


@PUBLISHED_CODE
def test_settings_that_flex_refuses_fail_the_deployment(stand: Stand) -> None:
    deployment = stand()
    deployment.change(
        SITE, "mcp-func", siteConfig={"appSettings": [{"name": "WEBSITE_RUN_FROM_PACKAGE", "value": "1"}]}
    )
    with pytest.raises(PublishingError, match="WEBSITE_RUN_FROM_PACKAGE is not supported"):
        deployment.publish()


def test_what_is_no_package_fails(stand: Stand, tmp_path: Path) -> None:
    deployment = stand()
    with pytest.raises(PublishingError, match=r"it has no host\.json at its top"):
        deployment.publish(made(tmp_path, function_app_py=""))
    (tmp_path / "no.zip").write_bytes(b"text")
    with pytest.raises(PublishingError, match="the package is no zip"):
        deployment.publish(tmp_path / "no.zip")


def test_code_that_does_not_load_is_an_app_without_functions(
    stand: Stand, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    deployment = stand()
    with pytest.raises(PublishingError, match="the app has no functions"):
        deployment.publish(made(tmp_path, host_json="{}", function_app_py="import what_is_missing"))
    assert "No module named 'what_is_missing'" in capfd.readouterr().err


def test_tokens_for_others_are_refused(stand: Stand) -> None:
    deployment = stand()
    url = app_of(deployment.site.id, Deployer.of(lambda _: None)).scm + "/api/publish"
    for token, status in (
        ("", 401),
        ("x", 401),
        (az("https://storage.azure.com"), 401),
        (az("https://management.azure.com"), 415),
    ):
        answer = requests.post(url, data=b"", headers={"Authorization": f"Bearer {token}"}, timeout=10)
        assert answer.status_code == status


def test_nothing_of_azure_is_reached(stand: Stand) -> None:
    stand()
    for host in (
        "other.scm.azurewebsites.net",
        "login.microsoftonline.com",
        "graph.microsoft.com",
        "st.blob.core.windows.net",
    ):
        with pytest.raises(requests.exceptions.ProxyError, match="502"):
            requests.get(f"https://{host}/", timeout=10)


def test_the_command_publishes_as_pulumi_does(stand: Stand) -> None:
    deployment = stand()
    command = [sys.executable, "-m", "secure_mcp.publishing", str(ROOT / "function_app"), "--app"]
    done = subprocess.run([*command, deployment.site.id], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "functions: " in done.stderr
    wrong = subprocess.run(
        [*command, f"{deployment.site.id}x"], capture_output=True, text=True, timeout=60, check=False
    )
    assert wrong.returncode == 1
    assert "cannot be read: 404" in wrong.stderr


def az(resource: str) -> str:
    """The token that the stand-in of Azure CLI gives."""
    command = ["az", "account", "get-access-token", "--output", "json", "--resource", resource]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return json.loads(done.stdout)["accessToken"]


def test_A6_nobody_waits_for_roles_that_are_in_force_at_once(tmp_path: Path) -> None:
    for given, seconds in (({}, "0.1"), ({WAIT: "7"}, "7")):
        base = {name: value for name, value in os.environ.items() if name != WAIT}
        with standing(tmp_path, None, "", {**base, **given}) as environment:
            assert environment[WAIT] == seconds
