"""The MCP API: the protected resource, in front of an MCP server."""

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import apimanagement

from ..apis import documents
from ..apis.api import Service, declare_named_value, declare_operations, declare_secret_named_value
from ..azure.component import Component
from ..azure.key_vault import KeyVaultReader
from ..options import ConfigError, Taken
from .options import ServerOptions


class McpApiArgs(ServerOptions):
    """One server's API, and what it stands in front of."""

    resource_group_name: pulumi.Input[str]
    """Resource group of the API Management instance."""
    service_name: pulumi.Input[str]
    """Name of the API Management instance."""
    backend_url: pulumi.Input[str]
    """Address of the MCP endpoint of the server behind the gateway."""
    backend_audience: pulumi.Input[str] | None = None
    """Audience of the gateway's token to the server; needed with backend_auth `managedIdentity`."""
    function_key: pulumi.Input[str] | None = None
    """System key of the function app's MCP extension; needed with backend_auth `functionKey`."""
    key_vault: KeyVaultReader | None = None
    """The vault that the key is kept in; without one API Management keeps it itself."""
    policy_parts: pulumi.Input[Sequence[str]]
    """Those of the authorization server: the policy uses its named values and fragments."""


class McpApi(Component):
    """MCP API with its operations and policy, and the named value of the way it authenticates to the server."""

    def __init__(self, name: str, args: McpApiArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        args = McpApiArgs.of(args)
        super().__init__("secure-mcp:index:McpApi", name, opts)
        service = Service(args.service_name, args.resource_group_name)
        if args.backend_auth == "managedIdentity":
            if args.backend_audience is None:
                raise ConfigError("backendAudience", None, "give a value: backendAuth is managedIdentity")
            own, self.secrets = (
                declare_named_value(name, service, "BackendAudience", args.backend_audience, self),
                list[pulumi.Resource](),
            )
        else:
            if args.function_key is None:
                raise ConfigError("functionKey", None, "give a value: backendAuth is functionKey")
            own, self.secrets = declare_secret_named_value(
                name, service, "function-host-key", args.function_key, args.key_vault, self
            )
        api = apimanagement.Api(
            f"{name}-api",
            api_id="mcp",
            display_name="MCP server",
            path="mcp",
            protocols=[apimanagement.Protocol.HTTPS],
            service_url=args.backend_url,
            subscription_required=False,
            service_name=service.name,
            resource_group_name=service.resource_group_name,
            opts=self.inside(),
        )
        declare_operations(
            name,
            service,
            api,
            "mcp/api.xml",
            documents.mcp_operations(args),
            args,
            self,
            # An output brings the resources that it comes from.
            [own, pulumi.Output.from_input(args.policy_parts).apply(lambda _: own)],
        )
        self.register_outputs({})
