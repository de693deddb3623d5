"""The part of .NET and of API Management's own types that expressions can use here."""

from secure_mcp_local.expressions.dotnet import collections, cryptography, gateway, json, system, text
from secure_mcp_local.expressions.dotnet.registry import Model

_MODULES = (system, text, cryptography, json, gateway, collections)

MODELS: dict[str, Model] = {name: model for module in _MODULES for name, model in module.MODELS.items()}
NAMES: dict[str, str] = {name: namespace for module in _MODULES for name, namespace in module.NAMES.items()}
"""Namespaces of the types that can be named."""

# What people reach for and API Management refuses.
# https://learn.microsoft.com/azure/api-management/api-management-policy-expressions#CLRTypes
REFUSED = frozenset(
    {
        "Aes", "AesManaged", "AesGcm", "AesCcm", "ChaCha20Poly1305", "ECDsa", "RandomNumberGenerator", "CryptographicOperations",
        "Rfc2898DeriveBytes", "HKDF", "HttpUtility", "Environment", "Buffer", "MemoryStream", "JwtSecurityTokenHandler",
        "Lazy", "ValueTuple", "JsonSerializer", "JsonDocument", "HttpClient", "File", "Thread", "Task", "Process", "Activator",
        "Console", "Assembly", "MatchEvaluator", "FormatException", "ArgumentException",
    }
)  # fmt: skip
