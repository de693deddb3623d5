"""A stand-in for Azure Functions: the declared function app with its code, behind the declared authentication."""

from secure_mcp_local.azure.functions.host import FunctionHost

__all__ = ["FunctionHost"]
