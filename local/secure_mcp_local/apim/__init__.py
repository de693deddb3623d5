"""The stand-in for Azure API Management, built from what a stack declares."""

from secure_mcp_local.apim.gateway import Gateway

__all__ = ["Gateway"]
