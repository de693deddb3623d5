"""Container Apps: what goes together and what does not, by one input each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from secure_mcp_local.recording import Recording, Resource, record
from secure_mcp_local.rules.rule import Stack
from secure_mcp_local.rules.table import broken

ROOT = Path(__file__).parents[3]
APP = "azure-native:app:ContainerApp"
REGISTRY = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/images"


@pytest.fixture(scope="module")
def ours() -> Recording:
    return record(ROOT / "examples" / "container-app", "dev", {})


def said(recording: Recording, *more: Resource) -> set[str]:
    return {one.rule.name for one in broken(Stack([*recording, *more]), "error")}


def sized(*sizes: tuple[float | None, str]) -> Mapping[str, Any]:
    return {
        "containers": [
            {
                "name": f"c{index}",
                "image": "docker.io/x",
                **({"resources": {"cpu": cpu, "memory": memory}} if cpu else {}),
            }
            for index, (cpu, memory) in enumerate(sizes)
        ]
    }


@pytest.mark.parametrize(
    ("sizes", "taken"),
    [
        ([(0.25, "0.5Gi")], True),
        ([(1.75, "3.5Gi")], True),
        ([(4, "8Gi")], True),
        # Those of all containers of a replica are added up.
        ([(0.25, "0.5Gi"), (0.25, "0.5Gi")], True),
        ([(None, "")], True),
        ([(0.5, "2Gi")], False),
        ([(0.3, "0.6Gi")], False),
        ([(4.25, "8.5Gi")], False),
        ([(0.5, "1024Mi")], False),
        ([(0.5, "")], False),
        ([], False),
    ],
)
def test_cores_and_memory(ours: Recording, sizes: list[tuple[float | None, str]], *, taken: bool) -> None:
    template = {**ours.one(APP).inputs["template"], **sized(*sizes)}
    assert ("container-size" not in said(ours.changed(ours.one(APP).urn, template=template))) == taken


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("ingress", None, "container-ingress"),
        ("ingress", {"external": False, "targetPort": 8000}, "container-ingress"),
        ("ingress", {"external": True, "targetPort": 70000}, "container-ingress"),
        ("ingress", {"external": True, "targetPort": 1, "traffic": [{"weight": 60}, {"weight": 30}]}, "container-ingress"),
        ("ingress", {"external": True, "targetPort": 1, "transport": "tcp"}, "container-ingress"),
        ("ingress", {"external": True, "targetPort": 1, "exposedPort": 9}, "container-ingress"),
        ("ingress", {"external": True, "targetPort": 1, "traffic": [{"weight": 100, "revisionName": "a"}]}, "container-ingress"),
        ("ingress", {"external": True, "targetPort": 1, "allowInsecure": True}, "weak-transport"),
        ("secrets", [{"name": "Upper", "value": "x"}], "container-secret"),
        ("secrets", [{"name": "key", "keyVaultUrl": "https://kv.vault.azure.net/secrets/key"}], "container-secret"),
        ("registries", [{"server": "images.azurecr.io", "identity": "/subscriptions/s/none"}], "container-registry"),
        ("registries", [{"server": "images.azurecr.io", "username": "u", "passwordSecretRef": "none"}], "container-registry"),
        ("registries", [{"server": "https://images.azurecr.io", "identity": "system"}], "container-registry"),
    ],
)  # fmt: skip
def test_configuration(ours: Recording, path: str, value: object, rule: str) -> None:
    configuration = {**ours.one(APP).inputs["configuration"], path: value}
    assert rule in said(ours.changed(ours.one(APP).urn, configuration=configuration))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("docker.io/x", "names no version"),
        ("registry.example.com:5000/team/x", "names no version"),
        ("ghcr.io/a/x:latest", "is whatever was pushed last"),
        ("ghcr.io/a/x:1.4.2", None),
        ("registry.example.com:5000/team/x:1", None),
        (f"ghcr.io/a/x@sha256:{'0' * 64}", None),
        (f"ghcr.io/a/x:latest@sha256:{'0' * 64}", None),
    ],
)
def test_an_image_that_is_another_one_tomorrow_is_found(ours: Recording, image: str, words: str | None) -> None:
    template = {**ours.one(APP).inputs["template"], "containers": [{"name": "c", "image": image}]}
    stack = Stack(ours.changed(ours.one(APP).urn, template=template))
    found = [one.said for one in broken(stack, "warning") if one.rule.name == "container-image"]
    assert found == ([f"template.containers: the image of c is {image!r}, which {words}"] if words else [])


def test_the_identity_that_pulls_needs_its_role(ours: Recording) -> None:
    who = next(one for one in Stack(ours).identities.values() if one.id.lower() in Stack(ours).attached(ours.one(APP)))
    registry = Resource("urn:registry", "azure-native:containerregistry:Registry", "images", "", {}, id=REGISTRY)
    role = Resource(
        "urn:role",
        "azure-native:authorization:RoleAssignment",
        "pull",
        "",
        {
            "principalId": who.get("principalId"),
            "scope": REGISTRY,
            "roleDefinitionId": "/x/providers/Microsoft.Authorization/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d",
        },
    )
    configuration = {
        **ours.one(APP).inputs["configuration"],
        "registries": [{"server": "images.azurecr.io", "identity": who.id}],
    }
    pulling = ours.changed(ours.one(APP).urn, configuration=configuration)
    assert "container-registry" in said(pulling, registry)
    assert "container-registry" not in said(pulling, registry, role)


@pytest.mark.parametrize(
    ("scale", "rule"),
    [
        ({"minReplicas": 2, "maxReplicas": 1}, "container-scale"),
        ({"minReplicas": -1}, "container-scale"),
        ({"maxReplicas": 1001}, "container-scale"),
        ({"rules": [{"name": "r", "custom": {"auth": [{"secretRef": "none"}]}}]}, "container-secret"),
    ],
)
def test_scale(ours: Recording, scale: Mapping[str, Any], rule: str) -> None:
    template = {**ours.one(APP).inputs["template"], "scale": scale}
    assert rule in said(ours.changed(ours.one(APP).urn, template=template))


def test_an_environment_in_another_region_is_refused(ours: Recording) -> None:
    assert "container-environment" in said(ours.changed(ours.one(APP).urn, location="northeurope"))
    environment = ours.one("azure-native:app:ManagedEnvironment")
    assert "environment-network" in said(ours.changed(environment.urn, zoneRedundant=True))
    assert "environment-network" in said(ours.changed(environment.urn, vnetConfiguration={"internal": True}))


def test_nothing_that_the_example_declares_is_refused(ours: Recording) -> None:
    assert said(ours) == set()
