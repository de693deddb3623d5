"""A stand-in for Azure Cosmos DB for NoSQL: the declared containers, for whom a declared role admits."""

from secure_mcp_local.azure.cosmos.access import Access
from secure_mcp_local.azure.cosmos.container import Container
from secure_mcp_local.azure.cosmos.service import Cosmos

__all__ = ["Access", "Container", "Cosmos"]
