"""The person of the pytest plugin, which the tests of the plugin's own house use, too."""

from secure_mcp_local.testing.person import Person

__all__ = ["Person"]
