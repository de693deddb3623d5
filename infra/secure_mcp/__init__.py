"""Pulumi components that put an MCP server on the internet without exposing it."""

from .authorization_server import AuthorizationServer, AuthorizationServerArgs
from .config import ConfigError, ServerConfig
from .entra_application import EntraApplication, EntraApplicationArgs
from .function_app import McpFunctionApp, McpFunctionAppArgs
from .gateway import Gateway, GatewayArgs
from .mcp_api import McpApi, McpApiArgs
from .monitoring import Monitoring, MonitoringArgs
from .network import Network, NetworkArgs
from .placement import Placement
from .policy import PolicySettings
from .server import SecureMcpServer
from .session_store import SessionStore, SessionStoreArgs
from .storage import Storage, StorageArgs

__all__ = [
    "AuthorizationServer",
    "AuthorizationServerArgs",
    "ConfigError",
    "EntraApplication",
    "EntraApplicationArgs",
    "Gateway",
    "GatewayArgs",
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
    "ServerConfig",
    "SessionStore",
    "SessionStoreArgs",
    "Storage",
    "StorageArgs",
]
