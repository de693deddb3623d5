"""A stand-in for Microsoft Entra ID: the declared applications, a few users, and really signed tokens."""

from secure_mcp_local.azure.entra.directory import Application, Directory
from secure_mcp_local.azure.entra.issuer import TokenIssuer, TokenRefused
from secure_mcp_local.azure.entra.service import Entra
from secure_mcp_local.azure.entra.users import User

__all__ = ["Application", "Directory", "Entra", "TokenIssuer", "TokenRefused", "User"]
