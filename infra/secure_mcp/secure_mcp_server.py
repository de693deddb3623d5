"""A whole secure MCP server: a gateway and one server on it, in one component."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from .azure.placement import OwnerOptions, TagOptions, ZoneOptions
from .gateway.gateway import Gateway, GatewayArgs
from .gateway.options import GatewayOptions
from .hosts.options import FunctionAppOptions
from .options import Taken
from .server.options import ServerOptions
from .server.server import Server, ServerArgs


class SecureMcpServerArgs(FunctionAppOptions, ServerOptions, GatewayOptions):
    """Everything that can be chosen about a server with a gateway of its own, and its code."""


GROUPS = (
    ("Gateway", "What servers share.", GatewayOptions),
    ("Server", "What is one MCP server's.", ServerOptions),
    ("Function app", "What runs a server that is deployed with its code.", FunctionAppOptions),
)
"""Tables of `docs/options.md`: title, introduction, class."""


class SecureMcpServer(pulumi.ComponentResource):
    """A remote MCP server that only signed-in, assigned users reach, through an API Management of its own."""

    gateway_url: pulumi.Output[str]
    """Public address of the gateway, without a trailing slash."""
    mcp_url: pulumi.Output[str]
    """Address that MCP clients are given."""
    sse_url: pulumi.Output[str] | None
    """Address of the deprecated HTTP+SSE transport, if it is published."""
    entra_application_id: pulumi.Output[str]
    """Client id of the application that users sign in to."""
    server_application_id: pulumi.Output[str]
    """Client id of the server's application, which carries its roles and assignments."""
    function_app_name: pulumi.Output[str]
    """Name of the function app that runs the server."""
    host_identity_id: pulumi.Output[str]
    """Resource id of the identity that the server runs with."""
    host_client_id: pulumi.Output[str]
    """Client id of that identity."""
    host_principal_id: pulumi.Output[str]
    """Object id of that identity, for roles on what the server uses."""
    resource_ids: Mapping[str, pulumi.Output[str]]
    """Ids of all that was made and that others may build on, by what it is, such as keyVault; of what is in Entra ID the object ids."""
    all_resource_ids: Sequence[pulumi.Output[str]]
    """Ids of everything that was made, parts such as role assignments and policies, too."""
    resource_group_name: pulumi.Output[str]
    """Resource group that everything is in."""
    workbook_url: pulumi.Output[str]
    """Address of the workbook in the portal of Azure's public cloud."""

    def __init__(
        self, name: str, args: SecureMcpServerArgs | Taken, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """
        Args:
            name: Short name, letters, digits and hyphens; part of every resource's name.
            args: What can be chosen, and the code. `load` reads them from the stack's configuration.
            opts: Options, such as a provider.

        Raises:
            ConfigError: a key, a value or a combination cannot work; nothing has been declared then.
        """
        args = SecureMcpServerArgs.of(args)
        super().__init__("secure-mcp:index:SecureMcpServer", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        # Nobody else has any business at this gateway.
        principals = (*args.assigned_users, *args.assigned_groups, *args.assigned_roles)
        own: dict[str, Any] = {
            "sign_in_principals": principals,
            "user_tokens": args.user_tokens or bool(args.user_token_scopes),
        }
        gateway = Gateway(name, GatewayArgs(**{**args.part(GatewayOptions), **own}), here)
        server = Server(
            name,
            ServerArgs(
                **args.part(ServerOptions),
                **args.part(OwnerOptions),
                **args.part(TagOptions),
                **args.part(ZoneOptions),
                gateway=gateway.reference,
                function_app=FunctionAppOptions(**args.part(FunctionAppOptions)),
                location=args.location,
                resource_group_name=gateway.resource_group_name,
                suffix=gateway.placement.suffix,
                private=args.vnet_enabled,
                locked=args.locked,
                app_insights_connection_string=gateway.app_insights_connection_string,
                key_vault=gateway.key_vault,
            ),
            pulumi.ResourceOptions(parent=self, deleted_with=gateway.group),
        )
        assert server.function_app_name is not None
        assert server.host_identity_id is not None
        assert server.host_client_id is not None
        assert server.host_principal_id is not None
        self.gateway_url = gateway.url
        self.mcp_url = server.url
        self.sse_url = server.sse_url
        self.entra_application_id = gateway.sign_in_client_id
        self.server_application_id = server.application_id
        self.function_app_name = server.function_app_name
        self.host_identity_id = server.host_identity_id
        self.host_client_id = server.host_client_id
        self.host_principal_id = server.host_principal_id
        self.resource_ids = {**gateway.resource_ids, **server.resource_ids}
        self.all_resource_ids = [*gateway.all_resource_ids, *server.all_resource_ids]
        self.resource_group_name = gateway.resource_group_name
        assert gateway.workbook_url is not None
        self.workbook_url = gateway.workbook_url
        self.register_outputs(
            {
                "gatewayUrl": self.gateway_url,
                "mcpUrl": self.mcp_url,
                "resourceIds": self.resource_ids,
                "allResourceIds": self.all_resource_ids,
            }
        )
