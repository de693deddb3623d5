"""A stand-in for Azure Functions: the declared function app with its code, behind the declared authentication."""

from secure_mcp_local.azure.functions.host import FunctionHost
from secure_mcp_local.azure.functions.process import Spare

__all__ = ["FunctionHost", "Spare"]
