"""The local cloud: recorded stacks, running on this machine."""

from secure_mcp_local.cloud.cloud import LocalCloud
from secure_mcp_local.cloud.projects import Backends

__all__ = ["Backends", "LocalCloud"]
