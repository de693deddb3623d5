"""Recorded resources and how to find them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from secure_mcp_local.errors import LocalCloudError

TENANT = "00000000-0000-4000-8000-000000000002"
"""Of every stack that names none."""


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
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """By input: URNs of the resources that it is made of."""
    read: bool = False
    """Whether the program only looked it up (`get`): it is there without the stack."""

    code: Path | None = None
    """Folder whose content is published with it, where the program says so to whoever runs it (see `CodeHook`)."""
    incomplete: bool = False
    """Whether it has outputs that nothing here can know."""

    def get(self, key: str, default: Any = None) -> Any:
        """The output `key` (every input is an output too)."""
        return self.outputs.get(key, self.inputs.get(key, default))


@dataclass(frozen=True)
class Recording:
    """What one run of a program registered: `for resource in recording`, in order of registration.

    Immutable: what changes it returns another one.
    """

    project: str
    stack: str
    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The stack's outputs."""
    output_secrets: frozenset[str] = frozenset()
    output_unknowns: frozenset[str] = frozenset()
    """Outputs that nothing here can know."""
    folders: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """By project, where its program ran: relative paths of files are relative to it."""
    tenant: str = TENANT
    """The tenant that the stack is deployed to."""
    refers: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """By project, those to whose stacks its stack refers: they are deployed before it."""
    filled: tuple[str, ...] = ()
    """Configuration that must be set before the stack is deployed: e-mail addresses, which nothing on this machine needs."""

    @classmethod
    def together(cls, recordings: Sequence["Recording"]) -> "Recording":
        """Several stacks as one. What one looks up and another declares is the other's.

        Raises:
            LocalCloudError: two of them declare the same Azure resource, or they are of different tenants.
        """
        if len(recordings) == 1:
            return recordings[0]
        first = recordings[0]
        declared: dict[str, Resource] = {}
        for resource in (one for recording in recordings for one in recording if one.id and not one.read):
            other = declared.setdefault(resource.id.lower(), resource)
            if other is not resource and resource.id.startswith("/subscriptions/"):
                raise LocalCloudError(f"{other.urn} and {resource.urn} are the same resource: {resource.id}")
        if len(tenants := sorted({recording.tenant for recording in recordings})) > 1:
            raise LocalCloudError(f"the stacks are of several tenants: {', '.join(tenants)}")
        return replace(
            first,
            project=" ".join(recording.project for recording in recordings),
            resources=tuple(
                one for recording in recordings for one in recording if not one.read or one.id.lower() not in declared
            ),
            outputs={key: value for recording in recordings for key, value in recording.outputs.items()},
            output_secrets=frozenset[str]().union(*(recording.output_secrets for recording in recordings)),
            output_unknowns=frozenset[str]().union(*(recording.output_unknowns for recording in recordings)),
            folders={key: value for recording in recordings for key, value in recording.folders.items()},
            refers={key: value for recording in recordings for key, value in recording.refers.items()},
            filled=tuple(key for recording in recordings for key in recording.filled),
        )

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

    def by_urn(self, urn: str) -> Resource | None:
        """The resource with a URN; None if there is none."""
        return next((r for r in self.resources if r.urn == urn), None)

    def unknown(self, resource: Resource, path: str) -> str:
        """Why an input is not known, as a sentence that names it and where it comes from; empty if it is known."""
        found = [one for one in resource.unknowns if one == path or one.startswith((f"{path}.", f"{path}["))]
        if not found:
            return ""
        top = path.partition(".")[0].partition("[")[0]
        sources = (self.by_urn(urn) for urn in sorted(resource.sources.get(top, ())))
        names = " or ".join(f"{one.type} {one.name}" for one in sources if one is not None and one.incomplete)
        return (
            f"{resource.type} {resource.name} needs {found[0]}, which comes from "
            f"{names or 'something that the program looks up'}: the local cloud does not run that"
        )

    def folder_of(self, resource: Resource) -> Path:
        """Where relative paths in a resource's inputs start from."""
        return self.folders.get(resource.urn.split("::")[1], Path())

    def made_known(self, urn: str, path: str) -> "Recording":
        """The same stack in which an input that was unknown has been given."""
        return replace(
            self,
            resources=tuple(
                replace(r, unknowns=r.unknowns - {path}) if r.urn == urn and path in r.unknowns else r
                for r in self.resources
            ),
        )

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
