"""Managed identities: which declared service gets which token."""

from secure_mcp_local.identities.tokens import IdentityUnavailable, ManagedIdentities

__all__ = ["IdentityUnavailable", "ManagedIdentities"]
