"""What can be chosen about a gateway. A policy of the authorization server reads these, and none of a server's."""

import ipaddress
import re
from collections.abc import Mapping, Sequence

from ..apis.branding import BrandOptions
from ..apis.options import OriginOptions
from ..azure.placement import OwnerOptions, RegionOptions, TagOptions, ZoneOptions
from ..monitoring.options import MonitoringOptions
from ..options import ConfigError, Options, Rule, each, matches, names, one_of, option
from ..options.rules import EMAIL, HOSTS, OBJECT_IDS
from .given import VAULT_IDS
from .identity_providers import EnterpriseOptions

# Tiers of API Management: v2 for streaming and rate limits by key; Consumption buffers answers and has no cache.
SKUS = ("BasicV2", "StandardV2", "PremiumV2")
SKUS_WITH_NETWORK = ("StandardV2", "PremiumV2")
# Custom domains: https://learn.microsoft.com/azure/api-management/configure-custom-domain
_DOMAINS = "https://learn.microsoft.com/azure/api-management/configure-custom-domain"
_SKUS_WITH_DOMAINS = ("PremiumV2",)
_SKUS_WITH_WILDCARDS = ("StandardV2", "PremiumV2")
DOMAINS = Rule(rf"(\*\.)?{HOSTS.pattern}", "give host names in lower case; a wildcard is *. with one behind it")
CERTIFICATES = Rule(
    r"https://([a-z0-9-]+)\.vault\.[a-z0-9.-]+/secrets/[A-Za-z0-9-]+",
    "the v2 tiers have no managed certificates: give the secret identifier of a Key Vault certificate (imported or made as a "
    "certificate, not as a secret), without a version, so that a renewed one is taken: https://VAULT.vault.azure.net/secrets/NAME "
    f"({_DOMAINS})",
)
VAULTS = Rule(rf"|{VAULT_IDS.pattern}", VAULT_IDS.problem)


class ApiManagementOptions(Options):
    """The API Management instance."""

    apim_publisher_email: str = option(matches(EMAIL))
    """Address of whoever runs the gateway; Azure writes to it."""
    apim_publisher_name: str = "secure-mcp"
    """Name of whoever runs the gateway."""
    apim_sku: str = option(one_of(*SKUS), default="BasicV2")
    """SKU of API Management, BasicV2, StandardV2 or PremiumV2."""
    apim_units: int = option(default=1, at_least=1, at_most=30)
    """Units of API Management, 1 to 10; in PremiumV2 to 30."""
    apim_zones: Sequence[str] = option(each(Rule(r"[1-3]", "give numbers of zones, such as 1, 2 and 3")), default=())
    """Zones that the units are spread over, in PremiumV2 only. If empty, Azure chooses."""
    domain_certificates: Mapping[str, str] = option(each(DOMAINS), names(CERTIFICATES), default={})
    """Host names that API Management itself answers for, each with the secret identifier of its certificate in a key vault. One in
    BasicV2 and StandardV2; they belong into customDomains, too."""
    domain_vault_id: str = option(matches(VAULTS), default="")
    """Resource id of the key vault that has these certificates. The gateway's identity gets the role to read it; the vault must not be
    closed to networks."""

    def check(self) -> None:
        self._check_domains()
        if self.apim_zones and self.apim_sku != "PremiumV2":
            raise self.wrong("apim_zones", f"{self.apim_sku} has no zones to choose; set apimSku to PremiumV2")
        if self.apim_units > 10 and self.apim_sku != "PremiumV2":
            raise self.wrong("apim_units", f"{self.apim_sku} has at most 10 units")

    def _check_domains(self) -> None:
        hosts = self.domain_certificates
        if len(hosts) > 1 and self.apim_sku not in _SKUS_WITH_DOMAINS:
            problem = f"{self.apim_sku} has one custom host name; leave one, or set apimSku to PremiumV2 ({_DOMAINS})"
            raise self.wrong("domain_certificates", problem)
        if any(host.startswith("*.") for host in hosts) and self.apim_sku not in _SKUS_WITH_WILDCARDS:
            problem = (
                f"{self.apim_sku} has no wildcard host names; name the host, or set apimSku to StandardV2 ({_DOMAINS})"
            )
            raise self.wrong("domain_certificates", problem)
        if hosts and not self.domain_vault_id:
            raise self.wrong(
                "domain_vault_id", "give the resource id of the vault that has the certificates of domainCertificates"
            )
        vault = self.domain_vault_id.rpartition("/")[2].lower()
        for url in hosts.values():
            if (found := re.fullmatch(CERTIFICATES.pattern, url)) and found[1] != vault:
                raise self.wrong("domain_certificates", f"{url} is not in the vault of domainVaultId, {vault}")


class NetworkOptions(Options):
    """The private network."""

    vnet_enabled: bool = False
    """Whether everything but the gateway (and a key vault that is not closed) is reached through a private network only. Needs
    StandardV2 or PremiumV2."""
    vnet_address_space: str = "10.40.0.0/22"
    """IPv4 network of the private network, at least a /24."""

    def check(self) -> None:
        try:
            network = ipaddress.ip_network(self.vnet_address_space)
        except ValueError as error:
            raise self.wrong("vnet_address_space", f"{error}; give something like 10.40.0.0/22") from None
        if network.version != 4 or network.prefixlen > 24:
            raise self.wrong("vnet_address_space", "three subnets need at least a /24 of IPv4")


class LockOptions(Options):
    """Locks against deletion."""

    locked: bool = False
    """Whether what holds data (session store, storage, key vault) is locked against deletion. Unlock before you destroy
    the stack with other means than Pulumi."""


class KeyVaultOptions(Options):
    """Where secrets are kept."""

    key_vault_enabled: bool = False
    """Whether the gateway's secrets are kept in a key vault, from which API Management reads them, instead of in API
    Management."""
    key_vault_closed: bool = False
    """Whether that vault is closed to every network, but for Azure services that it trusts. API Management then reads it with an
    identity that exists only after the gateway: the first deployment takes minutes longer."""

    def check(self) -> None:
        if self.key_vault_closed and not self.key_vault_enabled:
            raise self.wrong("key_vault_closed", "there is no vault to close; set keyVaultEnabled to true")


class BudgetOptions(Options):
    """What it may cost."""

    monthly_budget: int = option(default=0, at_least=0)
    """What the resource group may cost a month, in the subscription's currency: at 80 and 100 % those who get alerts are told.
    0: no budget."""


class CloudOptions(Options):
    """Which of Azure's clouds it is."""

    login_endpoint: str = option(
        matches(Rule(r"https://[a-z0-9.-]+|http://localhost:\d+", "give https://host without a path")),
        default="https://login.microsoftonline.com",
    )
    """Entra ID's address in this Azure cloud, without a trailing slash."""


class SignInOptions(CloudOptions, OwnerOptions):
    """What the gateway asks Entra ID for."""

    oauth_scopes: str = "openid profile offline_access"
    """Scopes that the gateway asks Entra ID for, separated by spaces."""
    entra_display_name: str = ""
    """Name that users see when they sign in. If empty, it is the server's with (MCP sign-in) behind it."""

    def check(self) -> None:
        scopes = self.oauth_scopes.split(" ")
        if "openid" not in scopes:
            raise self.wrong("oauth_scopes", "add openid: the ID token says who signs in")
        if "offline_access" not in scopes:
            raise self.wrong(
                "oauth_scopes",
                "add offline_access: at every refresh Entra ID is asked whether the user is still welcome",
            )


class OperatorOptions(Options):
    """Who runs the gateway."""

    operators: Sequence[str] = option(each(OBJECT_IDS), default=())
    """Object ids of users or groups who may list and end sessions with `secure-mcp sessions`."""


class AuthorizationServerOptions(SignInOptions, BrandOptions, EnterpriseOptions, OriginOptions):
    """The authorization server: its clients, its limits, how long its answers live."""

    custom_domains: Sequence[str] = option(each(HOSTS), default=())
    """Further host names under which the gateway is reached: those of domainCertificates, and those of a proxy before it that keeps
    the Host header."""
    sign_in_rate_limit: int = option(default=60, at_least=1, at_most=1_000_000)
    """Calls a minute and address on each operation of the OAuth API; ten times as many on its metadata, and of calls of MCP APIs without a
    key that works."""
    consent_days: int = option(default=30, at_least=0, at_most=365)
    """Days that an approval is remembered in the user's browser; 0 asks every time."""
    session_minutes: int = option(default=30, at_least=1, at_most=60)
    """Minutes that a session key lives, at most 60."""
    refresh_days: int = option(default=14, at_least=1, at_most=90)
    """Days that a session lives without being refreshed."""
    refresh_grace_seconds: int = option(default=120, at_least=0, at_most=300)
    """Seconds for which a refresh token that was just used still gives the same successor, because the answer may have been lost
    or two processes share it; never more than a fifth of a session key's life. 0 to 300."""
    session_days: int = option(default=90, at_least=1, at_most=365)
    """Days after which a session ends however much it is used: then its user signs in again."""
    user_tokens: bool = False
    """Whether servers may ask for tokens of their users (userTokenScopes). A server that is deployed together with its gateway needs not be
    allowed; servers of other stacks do."""
    encryption_key_version: int = option(default=1, at_least=1, at_most=255)
    """Number of the key that seals tokens, 1 to 255. Raise it by one to rotate; the one before still opens."""

    @property
    def refusal_rate_limit(self) -> int:
        """Calls a minute and address on what anybody may ask: metadata, and MCP APIs without a key that works."""
        return min(10 * self.sign_in_rate_limit, 1_000_000)

    @property
    def grace_seconds(self) -> int:
        """How long a refresh token that was used still gives its successor."""
        return min(self.refresh_grace_seconds, self.session_minutes * 60 // 5)


class GatewayOptions(
    MonitoringOptions,
    AuthorizationServerOptions,
    OperatorOptions,
    LockOptions,
    KeyVaultOptions,
    NetworkOptions,
    ApiManagementOptions,
    BudgetOptions,
    TagOptions,
    ZoneOptions,
    RegionOptions,
):
    """Everything that servers share."""

    def check(self) -> None:
        for host in self.domain_certificates:
            if not any(
                name == host or (host.startswith("*.") and name.partition(".")[2] == host[2:])
                for name in self.custom_domains
            ):
                raise self.wrong("custom_domains", f"add the host name that users type for the certificate of {host}")
        if self.vnet_enabled and not self.joins_networks:
            raise ConfigError(
                "vnetEnabled",
                True,
                f"{self.apim_sku} cannot join a network; set apimSku to StandardV2 or PremiumV2",
            )

    @property
    def joins_networks(self) -> bool:
        """Whether the instance can be in a network, as far as these options say."""
        return self.apim_sku in SKUS_WITH_NETWORK
