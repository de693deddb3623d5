"""API Management: what a stack declares of it, run by the policy engine."""

from secure_mcp_local.azure.api_management.description import describe
from secure_mcp_local.azure.api_management.service import gateway, known

__all__ = ["describe", "gateway", "known"]
