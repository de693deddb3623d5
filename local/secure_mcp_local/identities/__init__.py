"""Managed identities: which declared service gets which token."""

from secure_mcp_local.identities.tokens import ManagedIdentities

__all__ = ["ManagedIdentities"]
