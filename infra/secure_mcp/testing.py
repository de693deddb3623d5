"""Unit tests of programs that use these components: no engine, no cloud, no network.

    import secure_mcp.testing

    declared = secure_mcp.testing.mock()          # before the program is imported

    def test_there_is_a_gateway() -> None:
        assert declared.of("azure-native:apimanagement:ApiManagementService")

Mocks show what is declared and nothing else: whether it lets the right people in is for the local cloud and its pytest plugin.
"""

import base64
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_mocks

__all__ = ["Declarations", "Declared", "mock"]

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
TENANT = "00000000-0000-4000-8000-000000000002"


@dataclass(frozen=True)
class Declared:
    """A resource that the program declared."""

    type: str
    """Type token, such as `azure-native:apimanagement:Api`."""
    name: str
    inputs: Mapping[str, Any]


@dataclass
class Declarations(Mocks):
    """Answers registrations as the providers would, and keeps them."""

    resources: list[Declared] = field(default_factory=list[Declared])

    def of(self, type: str) -> list[Declared]:
        """What was declared of a type so far. Programs go on in the background: use `pulumi.runtime.test` to wait for them."""
        return [one for one in self.resources if one.type == type]

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """The id and the outputs of a resource."""
        self.resources.append(Declared(args.typ, args.name, args.inputs))
        outputs = {"name": args.name, **args.inputs, **_computed(args.typ, args.name)}
        identity = args.inputs.get("identity")
        if isinstance(identity, Mapping):
            # Given as a list in some types, answered as a map in all.
            assigned = {id: {} for id in identity.get("userAssignedIdentities") or ()}
            outputs["identity"] = {
                **identity,
                "principalId": _guid(args.name, "principal"),
                "tenantId": TENANT,
                "userAssignedIdentities": assigned,
            }
        module = args.typ.split(":")[-2].split("/")[0]
        id = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.{module.capitalize()}/{args.name}"
        return id, outputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """The answer of a provider function."""
        if args.token.endswith("getClientConfig"):
            answer = {"clientId": TENANT, "objectId": TENANT, "subscriptionId": SUBSCRIPTION, "tenantId": TENANT}
            return answer, []
        if args.token.endswith("listWebAppHostKeys"):
            return {"masterKey": "", "functionKeys": {}, "systemKeys": {"mcp_extension": "key"}}, []
        return {}, []


def mock(project: str = "project", stack: str = "dev", preview: bool = False) -> Declarations:
    """Puts mocks in place of the engine; returns what keeps the declarations.

    Args:
        project: Name of the project.
        stack: Name of the stack.
        preview: Whether programs are told that nothing is deployed.
    """
    declarations = Declarations()
    set_mocks(declarations, project=project, stack=stack, preview=preview)
    return declarations


def _computed(type: str, name: str) -> dict[str, Any]:
    """What Azure, Entra ID and the provider of random values add to the inputs."""
    content = hashlib.sha256(name.encode()).digest()
    host = name.lower()
    return {
        "ApiManagementService": {"gatewayUrl": f"https://{host}.azure-api.net"},
        "Application": {"clientId": _guid(name, "client"), "objectId": _guid(name, "object")},
        "Component": {"connectionString": "InstrumentationKey=key", "instrumentationKey": "key", "appId": "app"},
        "DatabaseAccount": {"documentEndpoint": f"https://{host}.documents.azure.com:443/"},
        "RandomBytes": {"base64": base64.b64encode(content).decode(), "hex": content.hex()},
        "RandomPassword": {"result": content.hex()},
        "RandomString": {"result": content.hex()[:6]},
        "ServicePrincipal": {"objectId": _guid(name, "object")},
        "StorageAccount": {
            "primaryEndpoints": {
                kind: f"https://{host}.{kind}.core.windows.net/" for kind in ("blob", "queue", "table", "file")
            }
        },
        "UserAssignedIdentity": {
            "principalId": _guid(name, "principal"),
            "clientId": _guid(name, "client"),
            "tenantId": TENANT,
        },
        "WebApp": {
            "defaultHostName": f"{host}.azurewebsites.net",
            "hostNameSslStates": [{"name": f"{host}.scm.azurewebsites.net", "hostType": "Repository"}],
        },
        "Workspace": {"customerId": _guid(name, "customer")},
    }.get(type.rpartition(":")[2], {})


def _guid(name: str, kind: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}|{kind}"))
