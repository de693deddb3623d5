from .azure.key_vault import KeyVault as KeyVault
from .azure.key_vault import KeyVaultArgs as KeyVaultArgs
from .azure.key_vault import KeyVaultReader as KeyVaultReader
from .azure.network import Network as Network
from .azure.network import NetworkArgs as NetworkArgs
from .azure.placement import Placement as Placement
from .gateway.api_management import ApiManagement as ApiManagement
from .gateway.api_management import ApiManagementArgs as ApiManagementArgs
from .gateway.authorization_server import (
    AuthorizationServer as AuthorizationServer,
)
from .gateway.authorization_server import (
    AuthorizationServerArgs as AuthorizationServerArgs,
)
from .gateway.gateway import Gateway as Gateway
from .gateway.gateway import GatewayArgs as GatewayArgs
from .gateway.session_store import SessionStore as SessionStore
from .gateway.session_store import SessionStoreArgs as SessionStoreArgs
from .gateway.sign_in_application import (
    SignInApplication as SignInApplication,
)
from .gateway.sign_in_application import (
    SignInApplicationArgs as SignInApplicationArgs,
)
from .hosts.container_app import ContainerApp as ContainerApp
from .hosts.container_app import ContainerAppArgs as ContainerAppArgs
from .hosts.function_app import McpFunctionApp as McpFunctionApp
from .hosts.function_app import McpFunctionAppArgs as McpFunctionAppArgs
from .hosts.options import ContainerAppOptions as ContainerAppOptions
from .hosts.options import FunctionAppOptions as FunctionAppOptions
from .hosts.storage import Storage as Storage
from .hosts.storage import StorageArgs as StorageArgs
from .monitoring.monitoring import Monitoring as Monitoring
from .monitoring.monitoring import MonitoringArgs as MonitoringArgs
from .options import ConfigError as ConfigError
from .options import Options as Options
from .options import load as load
from .reference import GatewayReference as GatewayReference
from .secure_mcp_server import SecureMcpServer as SecureMcpServer
from .secure_mcp_server import SecureMcpServerArgs as SecureMcpServerArgs
from .server.access import ServerApplication as ServerApplication
from .server.access import ServerApplicationArgs as ServerApplicationArgs
from .server.mcp_api import McpApi as McpApi
from .server.mcp_api import McpApiArgs as McpApiArgs
from .server.server import AddressOptions as AddressOptions
from .server.server import Server as Server
from .server.server import ServerArgs as ServerArgs
