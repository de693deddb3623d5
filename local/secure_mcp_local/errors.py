"""What the local cloud says when it cannot stand in for Azure: one clear message, never a silent guess."""

from apim_policies.errors import ExplainedError, NotModelled


class LocalCloudError(ExplainedError):
    """About what a stack declares, or about this machine."""


__all__ = ["ExplainedError", "LocalCloudError", "NotModelled"]
