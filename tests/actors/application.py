"""The application of the pytest plugin, which the tests of the plugin's own house use, too."""

from secure_mcp_local.testing.application import Application, answer_of

__all__ = ["Application", "answer_of"]
