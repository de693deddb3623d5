"""Pulumi components that put an MCP server on the internet without exposing it."""

from .azure.key_vault import KeyVault, KeyVaultArgs, KeyVaultReader
from .azure.network import Network, NetworkArgs
from .azure.placement import Placement
from .gateway.api_management import ApiManagement, ApiManagementArgs
from .gateway.authorization_server import AuthorizationServer, AuthorizationServerArgs
from .gateway.gateway import Gateway, GatewayArgs
from .gateway.session_store import SessionStore, SessionStoreArgs
from .gateway.sign_in_application import SignInApplication, SignInApplicationArgs
from .hosts.container_app import ContainerApp, ContainerAppArgs
from .hosts.function_app import McpFunctionApp, McpFunctionAppArgs
from .hosts.options import ContainerAppOptions, FunctionAppOptions
from .hosts.storage import Storage, StorageArgs
from .monitoring.monitoring import Monitoring, MonitoringArgs
from .options import ConfigError, Options, load
from .reference import GatewayReference
from .secure_mcp_server import SecureMcpServer, SecureMcpServerArgs
from .server.access import ServerApplication, ServerApplicationArgs
from .server.mcp_api import McpApi, McpApiArgs
from .server.server import AddressOptions, Server, ServerArgs

__all__ = [
    "AddressOptions",
    "ApiManagement",
    "ApiManagementArgs",
    "AuthorizationServer",
    "AuthorizationServerArgs",
    "ConfigError",
    "ContainerApp",
    "ContainerAppArgs",
    "ContainerAppOptions",
    "FunctionAppOptions",
    "Gateway",
    "GatewayArgs",
    "GatewayReference",
    "KeyVault",
    "KeyVaultArgs",
    "KeyVaultReader",
    "McpApi",
    "McpApiArgs",
    "McpFunctionApp",
    "McpFunctionAppArgs",
    "Monitoring",
    "MonitoringArgs",
    "Network",
    "NetworkArgs",
    "Options",
    "Placement",
    "SecureMcpServer",
    "SecureMcpServerArgs",
    "Server",
    "ServerApplication",
    "ServerApplicationArgs",
    "ServerArgs",
    "SessionStore",
    "SessionStoreArgs",
    "SignInApplication",
    "SignInApplicationArgs",
    "Storage",
    "StorageArgs",
    "load",
]
