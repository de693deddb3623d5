"""A stand-in for Azure Storage: Azurite behind the access rules that a stack declares."""

from secure_mcp_local.storage.azurite import Azurite
from secure_mcp_local.storage.installation import install
from secure_mcp_local.storage.service import BlobStorage, account_names

__all__ = ["Azurite", "BlobStorage", "account_names", "install"]
