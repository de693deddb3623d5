"""Each protection by wiring: take away one declared thing, and exactly the step that needs it fails, as in Azure."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from samples import WIRING
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.errors import ExplainedError
from secure_mcp_local.recording import Recording, Resource
from secure_mcp_local.testing import Application, Person, answer_of

ROOT = Path(__file__).parents[2]
STEPS = ["metadata", "registration", "consent", "sign-in", "token", "call", "snippet"]

ROLE_ON_SESSIONS = "azure-native:cosmosdb:SqlResourceSqlRoleAssignment"
ROLE = "azure-native:authorization:RoleAssignment"
GATEWAY = "azure-native:apimanagement:ApiManagementService"
SITE_AUTHENTICATION = "azure-native:web:WebAppAuthSettingsV2"
FEDERATED_CREDENTIAL = "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential"
NAMED_VALUE = "azure-native:apimanagement:NamedValue"
OPERATION = "azure-native:apimanagement:ApiOperation"
POLICY = "azure-native:apimanagement:ApiOperationPolicy"


@asynccontextmanager
async def cloud_without(change: Callable[[Recording], Recording]) -> AsyncIterator[LocalCloud]:
    async with LocalCloud.open(ROOT, stack="dev", port=0, recording_hook=change) as cloud:
        yield cloud


async def last_step(cloud: LocalCloud) -> str:
    """The first step of the main job that fails, or "none"."""
    application, person = Application(cloud.gateway_url), Person()
    metadata = await application.send("GET", "/.well-known/oauth-protected-resource")
    if metadata.status_code != 200:
        return "metadata"
    if (await application.register()).status_code != 201:
        return "registration"
    page = await person.request("GET", application.authorize_url())
    if page.status_code != 200:
        return "consent"
    end = await person.sign_in(application.authorize_url())
    if not isinstance(end, str) or "code" not in answer_of(end):
        return "sign-in"
    tokens = await application.exchange(answer_of(end)["code"])
    if tokens.status_code != 200:
        return "token"
    key = tokens.json()["access_token"]
    hello = await application.call(key, "tools/call", {"name": "hello_mcp", "arguments": {}})
    if hello.status_code != 200 or "Hello" not in hello.text:
        return "call"
    save = {"name": "save_snippet", "arguments": {"name": "x", "content": "saved"}}
    await application.call(key, "tools/call", save)
    read = await application.call(key, "tools/call", {"name": "get_snippet", "arguments": {"name": "x"}})
    return "none" if "saved" in read.text else "snippet"


def of_type(recording: Recording, token: str, **inputs: object) -> Resource:
    """The one that has these inputs. In which order resources are declared says nothing."""
    found = [
        resource
        for resource in recording.all(token)
        if all(resource.inputs.get(name) == value for name, value in inputs.items())
    ]
    assert len(found) == 1, f"{token} with {inputs} is declared {len(found)} times"
    return found[0]


def without(token: str, **inputs: object) -> Callable[[Recording], Recording]:
    def change(recording: Recording) -> Recording:
        urn = of_type(recording, token, **inputs).urn
        return recording.without(lambda resource: resource.urn == urn)

    return change


def no_identity(recording: Recording) -> Recording:
    gateway = of_type(recording, GATEWAY)
    return recording.changed(gateway.urn, identity={"type": "SystemAssigned"})


def nobody_allowed(recording: Recording) -> Recording:
    settings = of_type(recording, SITE_AUTHENTICATION)
    providers = dict(settings.inputs["identityProviders"])
    directory = dict(providers["azureActiveDirectory"])
    validation = dict(directory["validation"])
    policy = dict(validation["defaultAuthorizationPolicy"])
    policy["allowedApplications"] = ["00000000-0000-0000-0000-000000000000"]
    validation["defaultAuthorizationPolicy"] = policy
    directory["validation"] = validation
    providers["azureActiveDirectory"] = directory
    return recording.changed(settings.urn, identityProviders=providers)


def wrong_subject(recording: Recording) -> Recording:
    credential = of_type(recording, FEDERATED_CREDENTIAL)
    return recording.changed(credential.urn, subject="00000000-0000-0000-0000-000000000000")


def no_storage_role(recording: Recording) -> Recording:
    return recording.without(lambda role: role.type == ROLE and "storageAccounts" in str(role.inputs["scope"]))


async def test_with_everything_declared_every_step_works() -> None:
    async with cloud_without(lambda recording: recording) as cloud:
        assert await last_step(cloud) == "none"


@WIRING
@pytest.mark.parametrize(
    ("change", "step"),
    [
        (without(ROLE_ON_SESSIONS), "registration"),
        (no_identity, "registration"),
        (nobody_allowed, "call"),
        (wrong_subject, "sign-in"),
        (no_storage_role, "snippet"),
        (without(OPERATION, operationId="protected-resource-metadata", apiId="resource-metadata"), "metadata"),
        # What the gateway knows of a server.
        (without(OPERATION, operationId="protected-resource-metadata", apiId="resource-metadata-mcp"), "consent"),
        (without(OPERATION, operationId="token"), "token"),
        (without(OPERATION, operationId="mcp-post"), "call"),
    ],
    ids=[
        "session store role",
        "gateway identity",
        "allowed application",
        "federated credential subject",
        "storage role",
        "metadata operation",
        "metadata operation under the path",
        "token operation",
        "MCP operation",
    ],
)
async def test_without_one_thing_exactly_its_step_fails(change: Callable[[Recording], Recording], step: str) -> None:
    async with cloud_without(change) as cloud:
        assert await last_step(cloud) == step


@WIRING
@pytest.mark.parametrize("name", ["McpClientId", "EncryptionKey", "SessionStoreEndpoint"])
async def test_without_a_named_value_the_policies_cannot_be_saved(name: str) -> None:
    with pytest.raises(ExplainedError, match=name):
        async with cloud_without(without(NAMED_VALUE, displayName=name)):
            pass


async def test_without_a_fragment_the_policies_cannot_be_saved() -> None:
    with pytest.raises(ExplainedError, match="unseal"):
        async with cloud_without(without("azure-native:apimanagement:PolicyFragment", id="unseal")):
            pass
