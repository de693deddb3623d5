"""A stand-in for Azure Storage: Azurite behind the access rules that a stack declares."""

from secure_mcp_local.azure.storage.azurite import Azurite
from secure_mcp_local.azure.storage.installation import install
from secure_mcp_local.azure.storage.service import BlobStorage, account_names, blob_hosts

__all__ = ["Azurite", "BlobStorage", "account_names", "blob_hosts", "install"]
