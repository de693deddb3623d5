"""A rule about what Azure, Entra ID, a host or a provider makes of a declaration, and the declaration that it looks at."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, cast

from secure_mcp_local.recording.resources import Resource

Level = Literal["error", "warning", "note"]
NATIVE = "azure-native:"
SUBNET = re.compile(r"^(?P<network>.+/virtualNetworks/[^/]+)/subnets/(?P<name>[^/]+)$", re.IGNORECASE)

ON_SAVE = frozenset({"create", "update"})
ON_DELETE = frozenset({"delete"})
NEVER: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rule:
    """One rule. `docs/check.md` lists all of them."""

    name: str
    level: Level
    """Error: Azure refuses it, it cannot work, or it opens something. Warning: it is likely to be a mistake. Note: to be done by people."""
    why: str
    """A sentence: what happens."""
    fix: str
    source: str
    """Addresses."""
    types: frozenset[str]
    """Type tokens without `azure-native:`; none: every type."""
    broken: Callable[[Resource, "Stack"], Iterable[str]]
    """What is wrong with a resource, as sentences that name the property and its value; none: nothing."""
    operations: frozenset[str] = field(default=NEVER)
    """At which of `create`, `update` and `delete` Azure refuses it; none: Azure takes it, and it does not do what it should."""

    def concerns(self, type: str) -> bool:
        return not self.types or type.removeprefix(NATIVE) in self.types


class Stack:
    """Declared resources, and how rules find what they name."""

    def __init__(self, resources: Iterable[Resource], outputs: Mapping[str, Any] | None = None) -> None:
        """`outputs`: of the stack, which others may use."""
        self.resources = tuple(one for one in resources if one.custom)
        self.outputs = outputs or {}

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    @cached_property
    def _by_id(self) -> Mapping[str, Resource]:
        return {one.id.lower(): one for one in self.resources if one.id}

    @cached_property
    def _by_type(self) -> Mapping[str, Sequence[Resource]]:
        found: dict[str, list[Resource]] = {}
        for one in self.resources:
            found.setdefault(one.type.removeprefix(NATIVE), []).append(one)
        return found

    def at(self, id: object) -> Resource | None:
        """What has an ARM id, whose case does not count."""
        return self._by_id.get(id.rstrip("/").lower()) if isinstance(id, str) and id else None

    def all(self, type: str) -> Sequence[Resource]:
        """Every resource of a type, without `azure-native:`."""
        return self._by_type.get(type, ())

    @cached_property
    def _texts(self) -> Mapping[str, str]:
        """All texts in the inputs of each resource, in lower case: most rules look for an id in all of them."""
        return {one.urn: "\n".join(value for _, value in strings(one.inputs)).lower() for one in self.resources}

    def names(self, resource: Resource, needles: Iterable[str]) -> bool:
        """Whether the inputs of a resource have one of some texts in them, in lower case."""
        text = self._texts[resource.urn]
        return any(needle in text for needle in needles)

    @cached_property
    def groups(self) -> frozenset[str]:
        """Ids of the declared resource groups, in lower case."""
        return frozenset(one.id.lower() for one in self.all("resources:ResourceGroup"))

    def inside(self, id: str) -> bool:
        """Whether an ARM id is in a group that the stack declares, so that what has it must be declared, too."""
        return "/".join(id.lower().split("/")[:5]) in self.groups

    def subnet(self, id: object) -> Mapping[str, Any] | None:
        """A subnet of a declared network."""
        match = SUBNET.match(id) if isinstance(id, str) else None
        network = self.at(match["network"]) if match else None
        if match is None or network is None:
            return None
        name = match["name"].lower()
        return next((one for one in lists(network, "subnets") if str(one.get("name")).lower() == name), None)

    @cached_property
    def identities(self) -> Mapping[str, Resource]:
        """Declared user-assigned identities by their ids, client ids and principal ids, in lower case."""
        found: dict[str, Resource] = {}
        for one in self.all("managedidentity:UserAssignedIdentity"):
            found |= {str(one.get(key)).lower(): one for key in ("clientId", "principalId")}
            found[one.id.lower()] = one
        return found

    @cached_property
    def policies(self) -> Mapping[str, str]:
        """The policy documents of each API Management service by its id in lower case, one after the other."""
        found: dict[str, list[str]] = {}
        for one in self.resources:
            if one.type.startswith(f"{NATIVE}apimanagement:") and one.type.endswith(("Policy", "PolicyFragment")):
                service = "/".join(one.id.lower().split("/")[:9])
                found.setdefault(service, []).append(str(one.inputs.get("value") or ""))
        return {id: "\n".join(texts) for id, texts in found.items()}

    def attached(self, resource: Resource) -> Sequence[str]:
        """Ids of the user-assigned identities that a resource has, in lower case."""
        given = mapping(resource.inputs, "identity").get("userAssignedIdentities") or ()
        return [str(id).lower() for id in given]

    def principals(self, resource: Resource) -> frozenset[str]:
        """Object ids that a resource can act as, in lower case."""
        found = {
            str(self.identities[id].get("principalId")).lower()
            for id in self.attached(resource)
            if id in self.identities
        }
        if own := mapping(resource.outputs, "identity").get("principalId"):
            found.add(str(own).lower())
        return frozenset(found)

    @cached_property
    def every_principal(self) -> frozenset[str]:
        """Object ids that anything of the stack can act as, in lower case."""
        return frozenset(one for resource in self.resources for one in self.principals(resource))

    def roles(self, principal: object, scope: str) -> frozenset[str]:
        """GUIDs of the role definitions that a principal has on a resource, there or above it."""
        wanted, own = str(principal).lower(), f"{scope.lower()}/"
        return frozenset(
            text(one, "roleDefinitionId").rpartition("/")[2].lower()
            for one in self.all("authorization:RoleAssignment")
            if text(one, "principalId").lower() == wanted
            and own.startswith(f"{text(one, 'scope').rstrip('/').lower()}/")
        )


def mapping(value: object, *path: str) -> Mapping[str, Any]:
    """The object at a path; an empty one where there is none."""
    for key in path:
        value = cast("Mapping[str, Any]", value).get(key) if isinstance(value, Mapping) else None
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def at(value: object, path: str) -> Any:
    """The value at a dotted path of inputs; None where there is none."""
    for key in path.split("."):
        value = cast("Mapping[str, Any]", value).get(key) if isinstance(value, Mapping) else None
    return value


def text(resource: Resource, path: str) -> str:
    """The text at a dotted path of a resource's inputs and outputs; empty where there is none."""
    first, _, rest = path.partition(".")
    value = resource.get(first)
    value = at(value, rest) if rest else value
    return value if isinstance(value, str) else ""


def lists(value: object, path: str) -> Sequence[Mapping[str, Any]]:
    """The objects in the list at a dotted path."""
    found = at(value.inputs if isinstance(value, Resource) else value, path)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else ()


def known(resource: Resource, path: str) -> bool:
    """Whether an input is known when the program runs: nothing is said against one that is not."""
    return not any(
        one == path or one.startswith((f"{path}.", f"{path}[")) or path.startswith(f"{one}.")
        for one in resource.unknowns
    )


def strings(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, with its path."""
    match value:
        case str():
            yield path, value
        case Mapping():
            for key, one in cast("Mapping[str, Any]", value).items():
                inner = f"{path}.{key}" if path else str(key)
                yield inner, str(key)
                yield from strings(one, inner)
        case list():
            for index, one in enumerate(cast("list[Any]", value)):
                yield from strings(one, f"{path}[{index}]")
        case _:
            return
