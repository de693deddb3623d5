"""The configuration of one server: typed, complete, and wrong before any resource exists or not at all."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import pulumi

from .policy import PolicySettings

# Tiers of API Management: v2 for streaming and rate limits by key; Consumption buffers answers and has no cache.
SKUS = ("BasicV2", "StandardV2", "PremiumV2")
SKUS_WITH_NETWORK = ("StandardV2", "PremiumV2")
BACKEND_AUTH = ("managedIdentity", "functionKey")
SSE_TRANSPORT = ("auto", "enabled", "disabled")


class ConfigError(pulumi.RunError):
    """A configuration value that cannot work: names the key, the value and the fix."""

    def __init__(self, key: str, value: object, problem: str) -> None:
        super().__init__(f"configuration {key} = {value!r}: {problem}")


@dataclass(frozen=True)
class ServerConfig:
    """Everything that can be chosen. Fields are the configuration keys in snake case; `Pulumi.yaml` describes them."""

    location: str
    apim_publisher_email: str
    apim_publisher_name: str = "secure-mcp"
    apim_sku: str = "BasicV2"
    vnet_enabled: bool = False
    vnet_address_space: str = "10.40.0.0/22"
    key_vault_enabled: bool = False
    locked: bool = False
    backend_auth: str = "managedIdentity"
    sse_transport: str = "auto"
    oauth_scopes: str = "openid profile offline_access"
    mcp_scopes: tuple[str, ...] = ("mcp:tools",)
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

    @classmethod
    def load(cls) -> "ServerConfig":
        """Reads the running stack's configuration.

        Raises:
            ConfigError: a value or a combination cannot work.
        """
        config = pulumi.Config()
        values: dict[str, Any] = {"location": pulumi.Config("azure-native").require("location")}
        for field in fields(cls):
            if field.name == "location":
                continue
            key = key_of(field.name)
            if field.type is bool:
                value: Any = config.get_bool(key)
            elif field.type is int:
                value = config.get_int(key)
            elif field.type is str:
                value = config.get(key)
            else:
                value = config.get_object(key)
                if value is not None and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
                    raise ConfigError(key, value, 'give a list of strings, such as ["a", "b"]')
                value = tuple(value) if value is not None else None
            if value is not None:
                values[field.name] = value
        if "apim_publisher_email" not in values:
            raise ConfigError("apimPublisherEmail", None, "API Management needs the address of whoever runs it")
        return cls(**values)

    def __post_init__(self) -> None:
        self._one_of("apim_sku", SKUS)
        self._one_of("backend_auth", BACKEND_AUTH)
        self._one_of("sse_transport", SSE_TRANSPORT)
        self._matches("apim_publisher_email", r"[^@\s]+@[^@\s]+", "give an e-mail address")
        self._each("mcp_scopes", r"[\x21\x23-\x5B\x5D-\x7E]+", "a scope has no spaces, quotes or backslashes")
        self._each("allowed_origins", r"https?://[a-z0-9.\[\]:-]+", "an origin is scheme://host[:port] in lower case")
        self._each("redirect_schemes", r"[a-z][a-z0-9+.-]*", "give schemes without a colon")
        self._each("client_metadata_hosts", r"\*|[a-z0-9-]+(\.[a-z0-9-]+)+", "give host names in lower case, or *")
        self._each("custom_domains", r"[a-z0-9-]+(\.[a-z0-9-]+)+", "give host names in lower case")
        self._each("allowed_clients", r"\S+", "give client ids, hosts or schemes")
        self._each("mcp_protocol_versions", r"\d{4}-\d{2}-\d{2}", "a protocol version is a date")
        self._each("assigned_users", r"[0-9a-fA-F-]{36}", "give object ids of Entra ID")
        self._each("assigned_groups", r"[0-9a-fA-F-]{36}", "give object ids of Entra ID")
        self._between("sign_in_rate_limit", 1, 1_000_000)
        self._between("mcp_rate_limit", 1, 1_000_000)
        self._between("consent_days", 0, 365)
        self._between("session_minutes", 1, 60)
        self._between("refresh_days", 1, 90)
        self._between("encryption_key_version", 1, 255)
        for name in ("mcp_scopes", "mcp_protocol_versions"):
            self._check(name, lambda value: len(value) > 0, "give at least one")
        dangerous = {"javascript", "data", "file", "vbscript", "blob", "about", "http", "https"}
        self._check(
            "redirect_schemes",
            lambda value: not dangerous & set(value),
            "web and script schemes are not for this list",
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
        local = re.fullmatch(r"http://localhost:\d+", self.login_endpoint)
        if not local and not re.fullmatch(r"https://[a-z0-9.-]+", self.login_endpoint):
            raise ConfigError("loginEndpoint", self.login_endpoint, "give https://host without a path")
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
    def sse_published(self) -> bool:
        """Whether the deprecated HTTP+SSE transport is declared."""
        return self.sse_transport != "disabled" and self.backend_auth == "managedIdentity"

    def policy_settings(self) -> PolicySettings:
        """The part that the gateway's policies are rendered with."""
        return PolicySettings(
            login_endpoint=self.login_endpoint,
            custom_domains=self.custom_domains,
            allowed_origins=self.allowed_origins,
            sign_in_rate_limit=self.sign_in_rate_limit,
            mcp_rate_limit=self.mcp_rate_limit,
            consent_days=self.consent_days,
            session_minutes=self.session_minutes,
            refresh_days=self.refresh_days,
            mcp_scopes=self.mcp_scopes,
            backend_auth=self.backend_auth,
            sse_transport=self.sse_published,
            redirect_schemes=self.redirect_schemes,
            allowed_clients=self.allowed_clients,
            protocol_versions=self.mcp_protocol_versions,
            client_metadata_hosts=self.client_metadata_hosts,
        )

    def _check(self, name: str, holds: Callable[[Any], bool], problem: str) -> None:
        value = getattr(self, name)
        if not holds(value):
            raise ConfigError(key_of(name), value, problem)

    def _one_of(self, name: str, values: tuple[str, ...]) -> None:
        self._check(name, lambda value: value in values, f"use one of {', '.join(values)}")

    def _between(self, name: str, low: int, high: int) -> None:
        self._check(name, lambda value: low <= value <= high, f"use {low} to {high}")

    def _matches(self, name: str, pattern: str, problem: str) -> None:
        self._check(name, lambda value: re.fullmatch(pattern, value) is not None, problem)

    def _each(self, name: str, pattern: str, problem: str) -> None:
        self._check(name, lambda value: all(re.fullmatch(pattern, item) for item in value), problem)


def key_of(field: str) -> str:
    """The configuration key of a field: `apim_sku` is `apimSku`."""
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)
