"""Pulumi components that put an MCP server on the internet without exposing it."""

from .args import GatewaySettings, SecureMcpServerArgs
from .authorization_server import AuthorizationServer, AuthorizationServerArgs
from .config import ServerConfig, load
from .entra_application import EntraApplication, EntraApplicationArgs
from .function_app import McpFunctionApp, McpFunctionAppArgs
from .gateway import Gateway, GatewayArgs
from .key_vault import KeyVault, KeyVaultArgs, KeyVaultReader
from .mcp_api import McpApi, McpApiArgs
from .monitoring import Monitoring, MonitoringArgs
from .network import Network, NetworkArgs
from .placement import Placement
from .policy import PolicySettings
from .server import SecureMcpServer
from .session_store import SessionStore, SessionStoreArgs
from .storage import Storage, StorageArgs
from .validation import ConfigError

__all__ = [
    "AuthorizationServer",
    "AuthorizationServerArgs",
    "ConfigError",
    "EntraApplication",
    "EntraApplicationArgs",
    "Gateway",
    "GatewayArgs",
    "GatewaySettings",
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
    "Placement",
    "PolicySettings",
    "SecureMcpServer",
    "SecureMcpServerArgs",
    "ServerConfig",
    "SessionStore",
    "SessionStoreArgs",
    "Storage",
    "StorageArgs",
    "load",
]
