"""What is asked of a provider when a resource is created, and its answer."""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from secure_mcp_local.recording.resources import TENANT

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
DEPLOYER = "00000000-0000-4000-8000-000000000003"
"""Object id of whoever deploys."""

_GUIDS = uuid.UUID("b4a6b7a3-9e5e-4a5e-8f33-2c7b6b1d7e55")


@dataclass(frozen=True)
class Environment:
    """What whoever runs a program knows and Azure would not."""

    gateway_url: Callable[[str], str | None] = lambda _: None
    """Where the gateway of an API Management service of this name is, or none: `https://<name>.azure-api.net`."""
    permissions: Callable[[str], Mapping[str, str] | None] = lambda _: None
    """Delegated permissions that the application of a client id offers, their ids by their names; None: nobody here declares it."""
    over: Callable[[], bool] = lambda: False
    """Whether nobody waits for the program any more."""


@dataclass(frozen=True)
class Created:
    """A resource as its provider answers."""

    id: str
    outputs: Mapping[str, Any]
    """What the provider adds to the inputs."""
    secrets: frozenset[str] = frozenset()
    """Names of outputs that the provider itself marks as secret."""
    complete: bool = True
    """Whether these are all its outputs; nobody knows others."""


@dataclass(frozen=True)
class Registration:
    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    environment: Environment
    subscription: str = SUBSCRIPTION
    tenant: str = TENANT

    def guid(self, kind: str) -> str:
        """A GUID that this resource has in every run."""
        return str(uuid.uuid5(_GUIDS, f"{self.urn}|{kind}"))

    def bytes(self, length: int) -> bytes:
        """Bytes that this resource has in every run: sealed values survive a restart of the local cloud."""
        return hashlib.shake_256(self.urn.encode()).digest(length)
