"""The trace console: a page that shows the gateway's requests live, policy by policy."""

from secure_mcp_local.console.service import Console

__all__ = ["Console"]
