"""The stand-in for Azure API Management, built from what a stack declares."""

from apim_policies.gateway.gateway import Gateway

__all__ = ["Gateway"]
