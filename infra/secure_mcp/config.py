"""The configuration of one server: typed, complete, and wrong before any resource exists or not at all."""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, cast

import pulumi

from .apis.documents import PolicySettings
from .args import GatewaySettings, SecureMcpServerArgs
from .validation import Checks, ConfigError, check_policy_values, key_of, typed

# Tiers of API Management: v2 for streaming and rate limits by key; Consumption buffers answers and has no cache.
SKUS = ("BasicV2", "StandardV2", "PremiumV2")
SKUS_WITH_NETWORK = ("StandardV2", "PremiumV2")
SSE_TRANSPORT = ("auto", "enabled", "disabled")


@dataclass(frozen=True)
class ServerConfig:
    """Everything that can be chosen, valid. `SecureMcpServerArgs` describes the fields; `Pulumi.yaml` their keys in camel case."""

    location: str
    apim_publisher_email: str
    apim_publisher_name: str = "secure-mcp"
    apim_sku: str = "BasicV2"
    vnet_enabled: bool = False
    vnet_address_space: str = "10.40.0.0/22"
    key_vault_enabled: bool = False
    locked: bool = False
    deploy_code: bool = True
    backend_auth: str = "managedIdentity"
    sse_transport: str = "auto"
    oauth_scopes: str = "openid profile offline_access"
    mcp_scopes: tuple[str, ...] = ("mcp:tools",)
    tool_scopes: Mapping[str, str] = field(default_factory=dict[str, str])
    tool_roles: Mapping[str, str] = field(default_factory=dict[str, str])
    mcp_protocol_versions: tuple[str, ...] = PolicySettings.protocol_versions
    allowed_origins: tuple[str, ...] = ()
    allowed_clients: tuple[str, ...] = ()
    client_metadata_hosts: tuple[str, ...] = ()
    redirect_schemes: tuple[str, ...] = PolicySettings.redirect_schemes
    custom_domains: tuple[str, ...] = ()
    sign_in_rate_limit: int = 60
    mcp_rate_limit: int = 300
    consent_days: int = 30
    session_minutes: int = 60
    refresh_days: int = 14
    encryption_key_version: int = 1
    login_endpoint: str = "https://login.microsoftonline.com"
    assigned_users: tuple[str, ...] = ()
    assigned_groups: tuple[str, ...] = ()
    assigned_roles: Mapping[str, str] = field(default_factory=dict[str, str])
    alert_emails: tuple[str, ...] = ()
    alert_latency_seconds: int = 10

    @classmethod
    def of(cls, args: Mapping[str, Any]) -> "ServerConfig":
        """The validated form of a component's arguments, `code` left out.

        Raises:
            ConfigError: a key, a value or a combination cannot work.
        """
        return typed(cls, {name: value for name, value in args.items() if name != "code"})

    def __post_init__(self) -> None:
        checks = Checks(self)
        checks.one_of("apim_sku", SKUS)
        checks.one_of("sse_transport", SSE_TRANSPORT)
        checks.matches("apim_publisher_email", r"[^@\s]+@[^@\s]+", "give an e-mail address")
        checks.each("alert_emails", r"[^@\s]+@[^@\s]+", "give e-mail addresses")
        checks.between("alert_latency_seconds", 1, 230)
        checks.each("assigned_users", r"[0-9a-fA-F-]{36}", "give object ids of Entra ID")
        checks.each("assigned_groups", r"[0-9a-fA-F-]{36}", "give object ids of Entra ID")
        checks.each("assigned_roles", r"[0-9a-fA-F-]{36}", "give object ids of Entra ID, each with its roles")
        checks.between("encryption_key_version", 1, 255)
        check_policy_values(self, protocol_versions="mcp_protocol_versions")
        unknown = sorted(
            {role for roles in self.assigned_roles.values() for role in roles.split(" ")} - set(self.app_roles)
        )
        if unknown:
            raise ConfigError(
                "assignedRoles",
                dict(self.assigned_roles),
                f"no tool needs {unknown[0]!r}; toolRoles has {', '.join(self.app_roles) or 'no roles'}",
            )
        scopes = self.oauth_scopes.split(" ")
        if "openid" not in scopes:
            raise ConfigError("oauthScopes", self.oauth_scopes, "add openid: the ID token says who signs in")
        if "offline_access" not in scopes:
            raise ConfigError(
                "oauthScopes",
                self.oauth_scopes,
                "add offline_access: at every refresh Entra ID is asked whether the user is still welcome",
            )
        if self.vnet_enabled and self.apim_sku not in SKUS_WITH_NETWORK:
            raise ConfigError(
                "vnetEnabled",
                True,
                f"{self.apim_sku} cannot join a network; set apimSku to StandardV2 or PremiumV2",
            )
        if self.sse_transport == "enabled" and self.backend_auth == "functionKey":
            raise ConfigError(
                "sseTransport", "enabled",
                "with backendAuth functionKey the deprecated transport would tell clients the key; set backendAuth to managedIdentity",
            )  # fmt: skip
        try:
            network = ipaddress.ip_network(self.vnet_address_space)
        except ValueError as error:
            raise ConfigError(
                "vnetAddressSpace", self.vnet_address_space, f"{error}; give something like 10.40.0.0/22"
            ) from None
        if network.version != 4 or network.prefixlen > 24:
            raise ConfigError("vnetAddressSpace", self.vnet_address_space, "three subnets need at least a /24 of IPv4")

    @property
    def app_roles(self) -> tuple[str, ...]:
        """Roles that a tool needs, which Entra ID must know."""
        return tuple(sorted(set(self.tool_roles.values())))

    @property
    def sse_published(self) -> bool:
        """Whether the deprecated HTTP+SSE transport is declared."""
        return self.sse_transport != "disabled" and self.backend_auth == "managedIdentity"

    def gateway_settings(self) -> GatewaySettings:
        """The part that the gateway's policies are rendered with."""
        return {
            "login_endpoint": self.login_endpoint,
            "custom_domains": self.custom_domains,
            "allowed_origins": self.allowed_origins,
            "sign_in_rate_limit": self.sign_in_rate_limit,
            "mcp_rate_limit": self.mcp_rate_limit,
            "consent_days": self.consent_days,
            "session_minutes": self.session_minutes,
            "refresh_days": self.refresh_days,
            "mcp_scopes": self.mcp_scopes,
            "tool_scopes": self.tool_scopes,
            "tool_roles": self.tool_roles,
            "backend_auth": self.backend_auth,
            "sse_transport": self.sse_published,
            "redirect_schemes": self.redirect_schemes,
            "allowed_clients": self.allowed_clients,
            "protocol_versions": self.mcp_protocol_versions,
            "client_metadata_hosts": self.client_metadata_hosts,
        }


def load(code: str) -> SecureMcpServerArgs:
    """The running stack's configuration, as arguments of `SecureMcpServer`. `Pulumi.yaml` describes the keys.

    Args:
        code: Folder of the function app.

    Raises:
        ConfigError: a value has not the type of its key. The component checks the values.
    """
    config = pulumi.Config()
    read: dict[Any, Callable[[str], Any]] = {bool: config.get_bool, int: config.get_int, str: config.get}
    values: dict[str, Any] = {}
    for choice in fields(ServerConfig):
        value = read.get(choice.type, config.get_object)(key_of(choice.name))
        if value is not None:
            values[choice.name] = value
    location = pulumi.Config("azure-native").require("location")
    return cast("SecureMcpServerArgs", {**values, "location": location, "code": code})


def policy_settings(settings: GatewaySettings) -> PolicySettings:
    """The validated form of the gateway's settings.

    Raises:
        ConfigError: a key or a value cannot work.
    """
    valid = typed(PolicySettings, settings)
    check_policy_values(valid, protocol_versions="protocol_versions")
    return valid
