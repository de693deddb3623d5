"""Recorded resources and how to find them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from secure_mcp_local.errors import LocalCloudError


@dataclass(frozen=True)
class Resource:
    """One registered resource. `inputs` and `outputs` are plain JSON values with camelCase keys."""

    urn: str
    type: str
    """Type token, such as `azure-native:apimanagement:Api` or `secure-mcp:index:Gateway`."""
    name: str
    parent: str
    """URN of the parent, empty for the stack."""
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Inputs merged with what the resource model computes as Azure would."""
    id: str = ""
    """ARM id of custom resources, empty for components."""
    custom: bool = True
    secrets: frozenset[str] = frozenset()
    """Paths of secret inputs, such as `value` or `siteConfig.appSettings[0].value`."""
    unknowns: frozenset[str] = frozenset()
    dependencies: frozenset[str] = frozenset()
    """URNs."""
    deleted_with: str = ""
    """URN of the resource with which it goes, without being deleted itself; empty: none."""
    retained: bool = False
    """Whether it stays when it is no longer declared."""

    def get(self, key: str, default: Any = None) -> Any:
        """The output `key` (every input is an output too)."""
        return self.outputs.get(key, self.inputs.get(key, default))


@dataclass(frozen=True)
class Recording:
    project: str
    stack: str
    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The stack's outputs."""
    output_secrets: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def all(self, type: str) -> list[Resource]:
        """Every resource of a type token, in order of registration."""
        return [resource for resource in self.resources if resource.type == type]

    def one(self, type: str, name: str | None = None) -> Resource:
        """The only resource of a type token (and Pulumi name).

        Raises:
            LocalCloudError: none or several match.
        """
        found = [r for r in self.all(type) if name is None or r.name == name]
        if len(found) != 1:
            wanted = f"{type} {name}" if name else type
            names = ", ".join(r.name for r in found) or "none"
            raise LocalCloudError(f"the stack {self.stack!r} must declare exactly one {wanted}; found: {names}")
        return found[0]

    def by_id(self, id: str) -> Resource | None:
        """The resource with an ARM id (compared without case, as Azure does)."""
        return next((r for r in self.resources if r.id and r.id.lower() == id.lower()), None)

    def without(self, unwanted: Callable[[Resource], bool]) -> "Recording":
        """The same stack with some declared things taken away: for tests of protections by wiring.

        Raises:
            LocalCloudError: nothing matched, so the test would prove nothing.
        """
        kept = tuple(r for r in self.resources if not unwanted(r))
        if len(kept) == len(self.resources):
            raise LocalCloudError("no recorded resource matches what should be taken away")
        return replace(self, resources=kept)

    def changed(self, urn: str, **properties: Any) -> "Recording":
        """The same stack with some properties of one resource replaced, in inputs and outputs."""
        if not any(r.urn == urn for r in self.resources):
            raise LocalCloudError(f"no recorded resource has the URN {urn}")
        return replace(
            self,
            resources=tuple(
                replace(r, inputs={**r.inputs, **properties}, outputs={**r.outputs, **properties})
                if r.urn == urn
                else r
                for r in self.resources
            ),
        )
