"""The recording: every resource that one run of the Pulumi program registers.

The only thing that the local cloud is built from. What a stack does not declare is not in it.
"""

from secure_mcp_local.recording.model import Recording, Resource

__all__ = ["Recording", "Resource"]
