"""Configuration: typed, validated before any resource exists, with messages that name key, value and fix."""

import pytest

from secure_mcp import ConfigError, SecureMcpServerArgs

VAULT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv-certs"
CERTIFICATE = "https://kv-certs.vault.azure.net/secrets/mcp"
DOMAIN = {
    "custom_domains": ("mcp.contoso.com",),
    "domain_certificates": {"mcp.contoso.com": CERTIFICATE},
    "domain_vault_id": VAULT,
}
ID = "00000000-0000-4000-8000-0000000000b0"
GOOD = {"code": "function_app", "location": "westeurope", "apim_publisher_email": "mcp@example.com"}


@pytest.mark.parametrize(
    ("changes", "key", "fix"),
    [
        ({"apim_sku": "Consumption"}, "apimSku", "BasicV2"),
        ({"vnet_enabled": True}, "vnetEnabled", "StandardV2"),
        ({"backend_auth": "none"}, "backendAuth", "managedIdentity"),
        ({"backend_auth": "functionKey", "sse_transport": "enabled"}, "sseTransport", "managedIdentity"),
        ({"sse_transport": "auto"}, "sseTransport", "disabled, enabled"),
        ({"sse_transport": "enabled", "tool_roles": {"a": "B"}}, "sseTransport", "toolRoles would guard nothing"),
        (
            {"sse_transport": "enabled", "mcp_scopes": ("a", "b"), "tool_scopes": {"x": "b"}},
            "sseTransport",
            "toolScopes would guard nothing",
        ),
        ({"allowed_origins": ("null",)}, "allowedOrigins", "null is that of any page"),
        ({"allowed_origins": ("https://app.example.com/",)}, "allowedOrigins", "without a path"),
        ({"allowed_origins": ("https://app.example.com:443",)}, "allowedOrigins", "own port"),
        ({"allowed_origins": ("https://*.example.com",)}, "allowedOrigins", "as browsers write it"),
        ({"allowed_origins": ("tauri:localhost",)}, "allowedOrigins", "as browsers write it"),
        ({"mcp_param_headers": ("Mcp Region",)}, "mcpParamHeaders", "what follows Mcp-Param-"),
        ({"oauth_scopes": "profile offline_access"}, "oauthScopes", "openid"),
        ({"oauth_scopes": "openid"}, "oauthScopes", "offline_access"),
        ({"mcp_scopes": ()}, "mcpScopes", "at least one"),
        ({"mcp_scopes": ("a b",)}, "mcpScopes", "spaces"),
        ({"mcp_scopes": ("a", "b"), "tool_scopes": {"save": "c"}}, "toolScopes", "mcpScopes"),
        ({"mcp_scopes": ("a", "b"), "tool_scopes": {"save": "a"}}, "toolScopes", "every session has a"),
        ({"mcp_scopes": ("a", "b"), "tool_scopes": {"save it": "b"}}, "toolScopes", "tool's name"),
        ({"mcp_scopes": ("a", "b"), "tool_scopes": {"Save": "b", "save": "b"}}, "toolScopes", "in case only"),
        ({"tool_roles": {"save it": "Snippets.Write"}}, "toolRoles", "tool's name"),
        ({"tool_roles": {"Save": "A", "save": "A"}}, "toolRoles", "in case only"),
        ({"tool_roles": {"save": "Snippets Write"}}, "toolRoles", "a role has letters"),
        ({"tool_roles": {"save": ""}}, "toolRoles", "a role has letters"),
        ({"assigned_roles": {"bob": "A"}, "tool_roles": {"save": "A"}}, "assignedRoles", "object ids"),
        ({"assigned_roles": {ID: "B"}, "tool_roles": {"save": "A"}}, "assignedRoles", "no tool needs 'B'"),
        ({"assigned_roles": {ID: "A  A"}, "tool_roles": {"save": "A"}}, "assignedRoles", "no tool needs ''"),
        ({"assigned_roles": {ID: "A"}}, "assignedRoles", "toolRoles has no roles"),
        ({"allowed_origins": ("https://app.example.com/",)}, "allowedOrigins", "scheme://host"),
        ({"allowed_origins": ("*",)}, "allowedOrigins", "scheme://host"),
        ({"redirect_schemes": ("javascript",)}, "redirectSchemes", "script"),
        ({"redirect_schemes": ("http",)}, "redirectSchemes", "web"),
        ({"client_metadata_hosts": ("https://x.example",)}, "clientMetadataHosts", "host names"),
        ({"custom_domains": ("MCP.example.com",)}, "customDomains", "lower case"),
        ({"session_minutes": 61}, "sessionMinutes", "1 to 60"),
        ({"refresh_days": 0}, "refreshDays", "1 to 90"),
        ({"encryption_key_version": 256}, "encryptionKeyVersion", "1 to 255"),
        ({"sign_in_rate_limit": 0}, "signInRateLimit", "1 to"),
        ({"login_endpoint": "http://login.example"}, "loginEndpoint", "https"),
        ({"login_endpoint": "https://login.example/"}, "loginEndpoint", "without a path"),
        ({"vnet_address_space": "10.0.0.0/33"}, "vnetAddressSpace", "10.40.0.0/22"),
        ({"vnet_address_space": "10.0.0.0/28"}, "vnetAddressSpace", "/24"),
        ({"assigned_users": ("alice@example.com",)}, "assignedUsers", "object ids"),
        ({"apim_publisher_email": "nobody"}, "apimPublisherEmail", "e-mail"),
        ({"alert_emails": ("ops@example.com", "nobody")}, "alertEmails", "e-mail addresses"),
        ({"alert_latency_seconds": 0}, "alertLatencySeconds", "1 to 230"),
        ({"alert_latency_seconds": 231}, "alertLatencySeconds", "1 to 230"),
        # https://learn.microsoft.com/azure/api-management/configure-custom-domain
        (
            DOMAIN | {"domain_certificates": {"mcp.contoso.com": "managed"}},
            "domainCertificates",
            "no managed certificates",
        ),
        (
            DOMAIN | {"domain_certificates": {"mcp.contoso.com": CERTIFICATE.replace("secrets", "certificates")}},
            "domainCertificates",
            "secret identifier",
        ),
        (
            DOMAIN | {"domain_certificates": {"mcp.contoso.com": f"{CERTIFICATE}/0a1b"}},
            "domainCertificates",
            "without a version",
        ),
        (
            DOMAIN | {"domain_certificates": {"mcp.contoso.com": CERTIFICATE.replace("kv-certs", "kv-other")}},
            "domainCertificates",
            "not in the vault",
        ),
        (
            DOMAIN | {"domain_certificates": {"mcp.contoso.com": CERTIFICATE, "b.contoso.com": CERTIFICATE}},
            "domainCertificates",
            "BasicV2 has one custom host name",
        ),
        (
            DOMAIN
            | {
                "apim_sku": "StandardV2",
                "domain_certificates": {"mcp.contoso.com": CERTIFICATE, "b.contoso.com": CERTIFICATE},
            },
            "domainCertificates",
            "StandardV2 has one custom host name",
        ),
        (DOMAIN | {"domain_certificates": {"*.contoso.com": CERTIFICATE}}, "domainCertificates", "no wildcard"),
        (DOMAIN | {"domain_certificates": {"MCP.contoso.com": CERTIFICATE}}, "domainCertificates", "lower case"),
        (DOMAIN | {"domain_vault_id": ""}, "domainVaultId", "resource id of the vault"),
        (DOMAIN | {"domain_vault_id": "kv-certs"}, "domainVaultId", "az keyvault show"),
        (DOMAIN | {"custom_domains": ()}, "customDomains", "certificate of mcp.contoso.com"),
        (
            DOMAIN
            | {
                "apim_sku": "StandardV2",
                "custom_domains": ("a.b.contoso.com",),
                "domain_certificates": {"*.contoso.com": CERTIFICATE},
            },
            "customDomains",
            "certificate of *.contoso.com",
        ),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, object], key: str, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SecureMcpServerArgs.of(GOOD | changes)
    assert key in str(caught.value)
    assert fix in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        DOMAIN,
        DOMAIN | {"apim_sku": "StandardV2", "domain_certificates": {"*.contoso.com": CERTIFICATE}},
        DOMAIN
        | {
            "apim_sku": "PremiumV2",
            "custom_domains": ("mcp.contoso.com", "b.contoso.com", "proxied.contoso.com"),
            "domain_certificates": {"mcp.contoso.com": CERTIFICATE, "b.contoso.com": CERTIFICATE},
        },
    ],
)
def test_domains_with_certificates_that_work(changes: dict[str, object]) -> None:
    assert SecureMcpServerArgs.of(GOOD | changes).domain_certificates
