"""Pulumi components that put an MCP server on the internet without exposing it."""

from .azure.key_vault import KeyVault, KeyVaultArgs, KeyVaultReader
from .azure.network import Network, NetworkArgs
from .azure.placement import Placement
from .gateway.api_management import Gateway, GatewayArgs
from .gateway.authorization_server import AuthorizationServer, AuthorizationServerArgs
from .gateway.entra_application import EntraApplication, EntraApplicationArgs
from .gateway.session_store import SessionStore, SessionStoreArgs
from .hosts.function_app import McpFunctionApp, McpFunctionAppArgs
from .hosts.storage import Storage, StorageArgs
from .monitoring.monitoring import Monitoring, MonitoringArgs
from .options import ConfigError, Options, load
from .secure_mcp_server import SecureMcpServer, SecureMcpServerArgs
from .server.mcp_api import McpApi, McpApiArgs

__all__ = [
    "AuthorizationServer",
    "AuthorizationServerArgs",
    "ConfigError",
    "EntraApplication",
    "EntraApplicationArgs",
    "Gateway",
    "GatewayArgs",
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
    "SessionStore",
    "SessionStoreArgs",
    "Storage",
    "StorageArgs",
    "load",
]
