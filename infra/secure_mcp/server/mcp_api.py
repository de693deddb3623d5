"""The MCP API: the protected resource, in front of an MCP server, and its metadata."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_azure_native import apimanagement

from ..apis import documents
from ..apis.api import Service, declare_named_value, declare_operations, declare_secret_named_value
from ..azure.component import Component
from ..azure.key_vault import KeyVaultReader
from ..options import ConfigError, Taken
from ..reference import GatewayReference
from .options import ServerOptions


class McpApiArgs(ServerOptions):
    """One server's API, and what it stands in front of."""

    gateway: pulumi.Input[Mapping[str, Any]]
    """The output `reference` of the gateway."""
    server_id: pulumi.Input[str]
    """What tells this server from any other that ever was at its path: sessions carry it."""
    application_id: pulumi.Input[str]
    """Client id of the server's application: the gateway asks for its users' tokens of it."""
    backend_url: pulumi.Input[str]
    """Address of the MCP endpoint of the server behind the gateway."""
    backend_audience: pulumi.Input[str] | None = None
    """Audience of the gateway's token to the server; needed with backend_auth `managedIdentity`."""
    function_key: pulumi.Input[str] | None = None
    """System key of the function app's MCP extension; needed with backend_auth `functionKey`."""
    workloads_audience: pulumi.Input[str] | None = None
    """Client id of the application that tokens of workloads are for; needed where `workloads` names applications of Entra ID's."""
    key_vault: KeyVaultReader | None = None
    """The vault that the key is kept in; without one API Management keeps it itself."""


class McpApi(Component):
    """MCP API with its operations and policy, the API of its metadata, and the named values of both.

    The metadata (RFC 9728) are an API of their own: a path belongs to one API, and each server is added and removed by itself.
    """

    url: pulumi.Output[str]
    """Address that MCP clients are given."""
    api_id: pulumi.Output[str]
    """Resource id of the API."""
    metadata_api_id: pulumi.Output[str]
    """Resource id of the API of its metadata."""

    def __init__(self, name: str, args: McpApiArgs | Taken, opts: pulumi.ResourceOptions | None = None) -> None:
        args = McpApiArgs.of(args)
        if args.backend_auth == "managedIdentity" and args.backend_audience is None:
            raise ConfigError("backendAudience", None, "give a value: backendAuth is managedIdentity")
        if args.backend_auth == "functionKey" and args.function_key is None:
            raise ConfigError("functionKey", None, "give a value: backendAuth is functionKey")
        if args.application_workloads and args.workloads_audience is None:
            raise ConfigError("workloadsAudience", None, "give a value: workloads names applications of Entra ID's")
        reference = GatewayReference.read(args.gateway)
        super().__init__("secure-mcp:index:McpApi", name, opts)
        service = Service(
            reference.service_name,
            reference.service_resource_group_name,
            reference.prefix,
            reference.logger_id,
            reference.azure_monitor_logger_id,
        )
        own: list[pulumi.Resource] = [
            declare_named_value(name, service, f"{args.api_id}-id", args.server_id, self),
            declare_named_value(name, service, f"{args.api_id}-application", args.application_id, self),
        ]
        if args.backend_audience is not None:
            own.append(declare_named_value(name, service, f"{args.api_id}-audience", args.backend_audience, self))
        if args.workloads_audience is not None:
            tenant = pulumi.Output.concat(reference.login_endpoint, "/", reference.tenant_id)
            own += [
                declare_named_value(name, service, f"{args.api_id}-{kind}", value, self)
                for kind, value in (
                    ("workloads", args.workloads_audience),
                    ("issuer", pulumi.Output.concat(tenant, "/v2.0")),
                    ("keys", pulumi.Output.concat(tenant, "/discovery/v2.0/keys")),
                )
            ]
        if args.user_token_scopes:
            endpoint = pulumi.Output.concat(reference.login_endpoint, "/", reference.tenant_id, "/oauth2/v2.0/token")
            own.append(declare_named_value(name, service, f"{args.api_id}-token-endpoint", endpoint, self))
        if args.function_key is not None:
            key, _ = declare_secret_named_value(
                name, service, f"{args.api_id}-function-key", args.function_key, args.key_vault, self
            )
            own.append(key)
        # An output brings the resources that it comes from.
        parts = [*own, pulumi.Output.from_input(reference.policy_parts).apply(lambda _: own[0])]
        api = _api(name, service, args.api_id, args.title, args.path, self, args.backend_url)
        operations = documents.mcp_operations(sse=args.sse_published)
        declare_operations(name, service, api, "mcp/api.xml", operations, args, self, parts)
        paths = {args.metadata_api_id: f"{_METADATA}/{args.path}"}
        if args.path == "mcp":
            # Clients that do not look under the path find this one.
            paths["resource-metadata"] = _METADATA
        described: dict[str, apimanagement.Api] = {}
        for id, path in paths.items():
            described[id] = metadata = _api(f"{name}-{id}", service, id, f"Metadata of {args.title}", path, self)
            declare_operations(
                f"{name}-{id}",
                service,
                metadata,
                "mcp/protected-resource-metadata.xml",
                documents.metadata_operations(),
                args,
                self,
                parts,
            )
        self.url = pulumi.Output.concat(reference.url, "/", args.path)
        self.api_id = api.id
        self.metadata_api_id = described[args.metadata_api_id].id
        self.register_outputs({"url": self.url, "apiId": self.api_id, "metadataApiId": self.metadata_api_id})


_METADATA = ".well-known/oauth-protected-resource"


def _api(
    name: str,
    service: Service,
    id: str,
    title: str,
    path: str,
    parent: Component,
    backend_url: pulumi.Input[str] | None = None,
) -> apimanagement.Api:
    return apimanagement.Api(
        f"{name}-api",
        api_id=service.id(id),
        display_name=service.id(title),
        path=path,
        protocols=[apimanagement.Protocol.HTTPS],
        service_url=backend_url,
        subscription_required=False,
        service_name=service.name,
        resource_group_name=service.resource_group_name,
        opts=parent.inside(),
    )
