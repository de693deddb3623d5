"""Azure takes what the stacks declare: held against the SDK's types and, where they are given, Azure's schemas.

Every check is shown to fail on something broken.
"""

import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from actors.policy_options import PolicyOptions
from secure_mcp.apis import documents as policy
from secure_mcp_local.recording import Recording, Resource, arguments
from selection import NEEDS

APIM = "azure-native:apimanagement:"
POLICIES = [APIM + kind for kind in ("Policy", "ApiPolicy", "ApiOperationPolicy", "PolicyFragment")]

SCHEMAS = pytest.mark.needs("schemas")

# What no schema lies there for: data of a service, and what carries resources of other types.
WITHOUT_SCHEMA = {
    "azure-native:keyvault:Secret",
    "azure-native:resources:Deployment",
}


def tool(name: str) -> ModuleType:
    """A checker that is not part of this repository."""
    if name not in sys.modules:
        folder = NEEDS["schemas"].folder()
        assert folder is not None
        spec = importlib.util.spec_from_file_location(name, folder / "tools" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # Its dataclasses look for it there.
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="module")
def arm() -> ModuleType:
    return tool("validate_arm")


@pytest.fixture(scope="module")
def schemas() -> ModuleType:
    return tool("check_policies")


# Where a resource has one name only, the provider writes it and the last of the inputs names something else.
FIXED_NAMES = {
    "azure-native:web:WebAppAuthSettingsV2": "authsettingsV2",
    "azure-native:web:WebAppFtpAllowed": "ftp",
    "azure-native:web:WebAppScmAllowed": "scm",
}


def arm_errors(arm: ModuleType, resource: Resource) -> list[str]:
    """What Azure's schemas say against a resource."""
    return _arm_errors(arm, resource.type, resource.name, json.dumps(dict(resource.inputs)), resource.unknowns)


@cache
def _arm_errors(arm: ModuleType, type: str, name: str, text: str, unknowns: frozenset[str]) -> list[str]:
    """Most of what the configurations declare is the same. Held against the schemas as the provider sends it."""
    inputs = json.loads(text.replace('"odataType"', '"odata.type"'))
    if isinstance(assigned := inputs.get("identity", {}).get("userAssignedIdentities"), list):
        # Given as a list, sent as the keys of a map.
        inputs["identity"]["userAssignedIdentities"] = {id: {} for id in assigned}
    if type in FIXED_NAMES:
        inputs["name"] = FIXED_NAMES[type]
    return [
        f"{type} {name}: {problem}" for problem in arm.validate(type, inputs, set(unknowns)) if problem.level == "error"
    ]


def test_every_input_is_one_that_the_sdk_declares(anything: Recording) -> None:
    checked = [resource for resource in anything if resource.custom]
    assert len(checked) > 90
    for resource in checked:
        assert arguments.check(resource.type, resource.inputs, resource.unknowns) == [], resource.urn


@SCHEMAS
def test_every_input_is_one_that_azure_resource_manager_takes(anything: Recording, arm: ModuleType) -> None:
    declared = [resource for resource in anything if resource.type.startswith("azure-native:")]
    without = {resource.type for resource in declared if resource.type not in arm.CATALOG}
    assert without <= WITHOUT_SCHEMA, "say why Azure's schemas do not have it"
    assert [error for resource in declared for error in arm_errors(arm, resource)] == []


def template_errors(arm: ModuleType, resource: Mapping[str, Any]) -> list[str]:
    """What Azure's schemas say against a resource of a template."""
    tokens = [token for token, entry in arm.CATALOG.items() if entry["armType"].lower() == resource["type"].lower()]
    assert tokens, f"there is no schema for {resource['type']}"
    entry, schema = arm.load(tokens[0])
    assert entry["schemaApiVersion"] <= resource["apiVersion"]
    body = {"name": resource["name"].rsplit("/", 1)[-1], "properties": resource["properties"]}
    return [error.message for error in Draft202012Validator(schema).iter_errors(body)]


@SCHEMAS
def test_templates_within_the_stack_are_ones_that_azure_takes(
    declared: Callable[..., Recording], arm: ModuleType
) -> None:
    for deployment in declared("prod").all("azure-native:resources:Deployment"):
        template = deployment.inputs["properties"]["template"]
        assert template["$schema"].endswith("/deploymentTemplate.json#")
        assert set(template) <= {"$schema", "contentVersion", "parameters", "variables", "resources", "outputs"}
        for resource in template["resources"]:
            assert template_errors(arm, resource) == []
            for path in nested(resource["properties"]):
                broken = {**resource, "properties": misspelt(resource["properties"], path)}
                assert template_errors(arm, broken) != [], path


def nested(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all objects in a value that have keys of their own."""
    if isinstance(value, Mapping):
        if value:
            yield path
        for key, entry in value.items():
            yield from nested(entry, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from nested(item, (*path, index))


def misspelt(value: Mapping[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """The same with one key of the object at `path` misspelt."""
    changed = deepcopy(dict(value))
    place: Any = changed
    for step in path:
        place = place[step]
    key = next(iter(place))
    place[key + "x"] = place.pop(key)
    return changed


def free(type: str, path: tuple[Any, ...]) -> bool:
    """Whether any key is right there: in maps, in a file, in what the SDK sends as it is."""
    return (
        path[-1:] in {("tags",), ("userAssignedIdentities",), ("keepers",)}
        or (type == APIM + "Logger" and path == ("credentials",))
        or (type == "pulumi:index:Stash" and path[:1] == ("input",))
        or (type == "azure-native:resources:Deployment" and path[:2] == ("properties", "template"))
    )


def test_a_misspelt_key_is_found_wherever_it_stands(declared: Callable[..., Recording]) -> None:
    """In every object, however deep, of everything that the private stack declares."""
    objects = [(r, path) for r in declared("prod") if r.custom for path in nested(r.inputs) if not free(r.type, path)]
    assert len(objects) > 200
    for resource, path in objects:
        assert arguments.check(resource.type, misspelt(resource.inputs, path)), (resource.urn, path)


BROKEN = pytest.mark.parametrize(
    ("type", "change", "path"),
    [
        (APIM + "ApiManagementService", {"virtualNetworkType": ["External"]}, "virtualNetworkType"),
        (APIM + "ApiOperation", {"urlTemplate": None}, "urlTemplate"),
        ("azure-native:storage:StorageAccount", {"minimumTlsVersion": 1.2}, "minimumTlsVersion"),
        ("azure-native:web:WebApp", {"httpsOnly": "yes"}, "httpsOnly"),
        ("azure-native:network:VirtualNetwork", {"address_space": {}}, "address_space"),
    ],
)


@BROKEN
def test_what_is_broken_is_refused(
    declared: Callable[..., Recording], type: str, change: dict[str, Any], path: str
) -> None:
    resource = declared("prod").all(type)[0]
    broken = declared("prod").changed(resource.urn, **change).all(type)[0]
    assert path in {problem.path for problem in arguments.check(type, broken.inputs)}


@SCHEMAS
@BROKEN
def test_azures_schemas_refuse_the_same(
    declared: Callable[..., Recording], arm: ModuleType, type: str, change: dict[str, Any], path: str
) -> None:
    resource = declared("prod").all(type)[0]
    broken = declared("prod").changed(resource.urn, **change).all(type)[0]
    assert any(path in error for error in arm_errors(arm, broken))


@cache
def policy_problems(schemas: ModuleType, text: str) -> list[str]:
    """What Microsoft's schemas say against a policy document as it is sent."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "policy.xml")
        file.write_text(text, encoding="utf-8")
        return schemas.check(file)


@SCHEMAS
def test_every_policy_document_fits_the_published_schemas(anything: Recording, schemas: ModuleType) -> None:
    documents = [resource for kind in POLICIES for resource in anything.all(kind)]
    assert len(documents) > 25
    for document in documents:
        assert policy_problems(schemas, document.inputs["value"]) == [], document.name


@SCHEMAS
@pytest.mark.parametrize(
    "settings",
    [
        PolicyOptions(
            custom_domains=("mcp.example.com",),
            allowed_origins=("https://app.example.com",),
            allowed_clients=("127.0.0.1",),
            client_metadata_hosts=("*",),
            mcp_scopes=("mcp:read", "mcp:write"),
            tool_scopes={"save_snippet": "mcp:write"},
            tool_roles={"delete_snippet": "Snippets.Delete"},
        ),
        PolicyOptions(consent_days=0, redirect_schemes=()),
        PolicyOptions(login_endpoint="https://login.microsoftonline.us"),
    ],
    ids=["everything", "no consent is remembered", "another cloud"],
)
def test_other_settings_render_documents_that_fit_too(settings: PolicyOptions, schemas: ModuleType) -> None:
    documents = {path: policy.document(path, settings) for path in policy.paths()}
    documents |= {id: policy.fragment(id, settings) for id in policy.fragment_ids()}
    for name, text in documents.items():
        assert policy_problems(schemas, text) == [], name


@SCHEMAS
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<inbound>", "<inbound><set-headder name='x' exists-action='override' />"),
        ("<inbound>", "<inbound><set-header name='x' exists-action='replace' />"),
        ("<inbound>", "<inbound><rate-limit-by-key calls='10' />"),
        ("<outbound>", "<outbound><cors><allowed-origins><origin>*</origin></allowed-origins></cors>"),
        ("</inbound>", ""),
    ],
)
def test_a_broken_policy_is_found(declared: Callable[..., Recording], schemas: ModuleType, old: str, new: str) -> None:
    text = next(r.inputs["value"] for r in declared("dev").all(APIM + "ApiPolicy") if r.name.endswith("mcp-policy"))
    assert old in text
    assert policy_problems(schemas, text) == []
    assert policy_problems(schemas, text.replace(old, new, 1)) != []
