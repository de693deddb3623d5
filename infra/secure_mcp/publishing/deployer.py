"""Whoever deploys: the same identity that pulumi-azure-native deploys with, found by the same rules.

Keys of the configuration and environment variables, and their order: pulumi-azure-native, `provider/pkg/provider/auth_azidentity.go`.
https://www.pulumi.com/registry/packages/azure-native/installation-configuration/
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    AzureAuthorityHosts,
    AzureCliCredential,
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    ManagedIdentityCredential,
)

from .failure import PublishingError

Configuration = Callable[[str], str | None]
"""A key of the provider's configuration, such as `clientId`, or none."""

_CLOUDS: Mapping[str, tuple[str, str]] = {
    "public": ("https://management.azure.com", AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
    "usgovernment": ("https://management.usgovcloudapi.net", AzureAuthorityHosts.AZURE_GOVERNMENT),
    "china": ("https://management.chinacloudapi.cn", AzureAuthorityHosts.AZURE_CHINA),
}
"""Resource Manager and Entra ID of each cloud, by the provider's names (`AzureUSGovernment` and `AzureCloud` mean the same)."""

_EARLY = 300
"""Seconds before its end at which a token is not used any more."""
_PATIENCE = 60
"""Seconds that Azure CLI may take, which starts slowly on a busy machine."""


@dataclass
class Deployer:
    """Tokens for Azure Resource Manager."""

    arm: str
    """Address of Resource Manager, without a trailing slash. Its tokens open the deployment endpoint of apps too."""
    _credential: Callable[[], TokenCredential]
    _token: str = field(default="", repr=False)
    _until: float = 0.0

    @classmethod
    def of(cls, configured: Configuration, subscription: str = "") -> "Deployer":
        """The identity that pulumi-azure-native would use. Nobody signs in before `token` is called.

        Args:
            configured: The provider's configuration, such as `pulumi.Config("azure-native").get`.
            subscription: Id of the app's subscription, for which Azure CLI chooses the account.

        Raises:
            PublishingError: an environment of Azure that is not known.
        """

        def value(key: str, *variables: str) -> str:
            return configured(key) or next(filter(None, map(os.environ.get, variables)), "")

        name = value("environment", "ARM_ENVIRONMENT", "AZURE_ENVIRONMENT") or "public"
        cloud = name.lower().removeprefix("azure").removesuffix("cloud") or "public"
        if cloud not in _CLOUDS:
            raise PublishingError(f"azure-native:environment is {name!r}; use one of {', '.join(_CLOUDS)}")
        arm, authority = _CLOUDS[cloud]
        return cls(arm, lambda: _credential(value, authority.removeprefix("https://"), subscription))

    def token(self) -> str:
        """A token that is good for some minutes at least.

        Raises:
            PublishingError: nobody is signed in, or the sign-in fails; its own words.
        """
        if time.time() > self._until - _EARLY:
            try:
                found = self._credential().get_token(f"{self.arm}/.default")
            except (ClientAuthenticationError, ValueError, OSError) as error:
                raise PublishingError(
                    f"there is no token for {self.arm}: {error}\nSign in with `az login`, or set the ARM_ variables that "
                    "pulumi-azure-native reads (ARM_CLIENT_ID, ARM_TENANT_ID and ARM_CLIENT_SECRET, or ARM_USE_OIDC)"
                ) from None
            self._token, self._until = found.token, float(found.expires_on)
        return self._token


def _credential(value: Callable[..., str], authority: str, subscription: str) -> TokenCredential:
    tenant, client = value("tenantId", "ARM_TENANT_ID"), value("clientId", "ARM_CLIENT_ID")
    if value("useDefaultAzureCredential", "ARM_USE_DEFAULT_AZURE_CREDENTIAL") == "true":
        return DefaultAzureCredential(authority=authority)
    if certificate := value("clientCertificatePath", "ARM_CLIENT_CERTIFICATE_PATH"):
        password = value("clientCertificatePassword", "ARM_CLIENT_CERTIFICATE_PASSWORD") or None
        return CertificateCredential(tenant, client, certificate, password=password, authority=authority)
    if secret := value("clientSecret", "ARM_CLIENT_SECRET"):
        return ClientSecretCredential(tenant, client, secret, authority=authority)
    if value("useOidc", "ARM_USE_OIDC") == "true":
        return ClientAssertionCredential(tenant, client, lambda: _oidc_token(value), authority=authority)
    if value("useMsi", "ARM_USE_MSI") == "true":
        return ManagedIdentityCredential(client_id=client or None)
    return AzureCliCredential(
        tenant_id=tenant,
        subscription=value("subscriptionId", "ARM_SUBSCRIPTION_ID") or subscription or None,
        process_timeout=_PATIENCE,
    )


def _oidc_token(value: Callable[..., str]) -> str:
    """The token of the pipeline that runs this, which Entra ID trusts.

    Raises:
        ValueError: there is none.
    """
    if token := value("oidcToken", "ARM_OIDC_TOKEN"):
        return token
    if path := value("oidcTokenFilePath", "ARM_OIDC_TOKEN_FILE_PATH"):
        return Path(path).read_text(encoding="utf-8").strip()
    url = value("oidcRequestUrl", "ACTIONS_ID_TOKEN_REQUEST_URL")
    if not url:
        raise ValueError("ARM_USE_OIDC is set, but none of ARM_OIDC_TOKEN, ARM_OIDC_TOKEN_FILE_PATH and a request URL")
    answer = requests.get(
        url,
        params={"audience": value("oidcAudience", "ARM_OIDC_AUDIENCE") or "api://AzureADTokenExchange"},
        headers={"Authorization": f"Bearer {value('oidcRequestToken', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN')}"},
        timeout=30,
    )
    if answer.status_code != requests.codes.ok:
        raise ValueError(f"the pipeline gives no OIDC token: it answers {answer.status_code}")
    return str(answer.json()["value"])
