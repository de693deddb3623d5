"""The trace console: a page that shows the gateway's requests live, policy by policy."""

from apim_policies.console.service import Console

__all__ = ["Console"]
