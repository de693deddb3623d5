"""Resource types that the local cloud does not model: recorded and passed by, unless that would open something.

The local cloud answers for what it models: whom a gateway lets in, what a role may do, which secret is read. A declaration that
would change such an answer and is not understood must not be passed by in silence. So an error, unless it is accepted by name, is
whatever is not modelled and

* is a child of something that is: it may change how that behaves; or
* is a policy, a role, or a setting of authentication or of a network, by its module or a word of its name.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import models
from secure_mcp_local.recording.azure_types import RESOURCE_GROUP
from secure_mcp_local.recording.resources import Recording, Resource

_MODULES = frozenset(
    {
        "authorization",
        "dnsresolver",
        "iam",
        "network",
        "networkcloud",
        "policyinsights",
        "privatedns",
        "rbac",
        "security",
    }
)
"""Whose every resource says who may do what, or who reaches whom."""
_PACKAGES = frozenset({"azuread"})
_WORDS = frozenset(
    {
        "access", "acl", "admin", "administrator", "assignment", "auth", "authentication", "authorization", "cors", "credential",
        "federated", "firewall", "grant", "identity", "network", "permission", "policies", "policy", "principal", "private", "role",
        "scope", "subnet",
    }
)  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SCOPES = ("scope", "resourceUri", "resourceScope", "resourceId", "targetResourceId", "parentId")
"""Inputs that name what a resource is attached to."""


@dataclass(frozen=True)
class Passed:
    """A resource that nothing stands in for."""

    resource: Resource
    reason: str
    """Why it has to be accepted by name; empty: it need not be."""

    def __str__(self) -> str:
        return f"{self.resource.type} {self.resource.name} {self.reason}".rstrip()


def passed(recording: Recording) -> list[Passed]:
    """What a stack declares and the local cloud does not model, in the order of the program."""
    modelled = [one for one in recording if one.custom and models.modelled(one.type)]
    return [
        Passed(one, "" if one.read else reason(one, modelled))
        for one in recording
        if one.custom and not models.known(one.type)
    ]


def refused(recording: Recording, accepted: Collection[str] = ()) -> list[Passed]:
    """What of it is an error: it has a reason, and its type is not among the accepted ones."""
    return [one for one in passed(recording) if one.reason and one.resource.type not in accepted]


def refuse(recording: Recording, accepted: Collection[str]) -> None:
    """Raises if anything is passed by that would have to be accepted, or accepted that is not there.

    Raises:
        NotModelled: names every such resource, and how to accept it.
        LocalCloudError: an accepted type is not declared: a name with a mistake in it accepts nothing.
    """
    unused(recording, accepted)
    if not (found := refused(recording, accepted)):
        return
    lines = "".join(f"\n  {one}" for one in found)
    types = " ".join(f"--accept {type}" for type in dict.fromkeys(one.resource.type for one in found))
    raise NotModelled(
        f"the local cloud does not model what may decide who gets in:{lines}\n"
        f"To go on without it, as if it were not declared: {types}"
    )


def passed_by(some: Iterable[Passed]) -> list[str]:
    """Each type with how many there are; none if nothing was passed by."""
    found = list(some)
    lines: list[str] = []
    for title, group in (
        ("Declared, recorded and not run", [one for one in found if not one.reason]),
        ("Accepted, and as if it were not declared", [one for one in found if one.reason]),
    ):
        counts = Counter(one.resource.type for one in group)
        if counts:
            types = ", ".join(type if count == 1 else f"{type} ({count})" for type, count in sorted(counts.items()))
            lines.append(f"{title}: {types}")
    return lines


def unused(recording: Recording, accepted: Collection[str]) -> None:
    """Raises if a type is accepted that the stack does not declare.

    Raises:
        LocalCloudError: names the types that could be accepted.
    """
    there = dict.fromkeys(one.resource.type for one in passed(recording))
    for type in accepted:
        if type not in there:
            raise LocalCloudError(
                f"--accept {type}: the stack declares nothing of this type that is not modelled"
                + (f"; there are: {', '.join(there)}" if there else "")
            )


def reason(resource: Resource, modelled: Collection[Resource]) -> str:
    """Why a resource of a type that is not modelled has to be accepted by name; empty: it need not be.

    Args:
        resource: Of such a type.
        modelled: What there is of modelled types.
    """
    parent = next((one for one in modelled if _child(resource, one)), None)
    if parent is not None:
        return f"(belongs to {parent.type} {parent.name})"
    package, module, name = ([*resource.type.split(":"), "", ""])[:3]
    name = name.rpartition("/")[2]
    if package in _PACKAGES or module.split("/")[0] in _MODULES or set(_words(name)) & _WORDS:
        return "(a policy, a role, or a setting of authentication or of a network)"
    return ""


def _words(name: str) -> Iterator[str]:
    for match in _WORD.finditer(name):
        word = match[0].lower()
        yield word
        yield word.removesuffix("s")


def _child(resource: Resource, parent: Resource) -> bool:
    """Whether a resource is below another one, by the names of its address or by what it is attached to."""
    for key in _SCOPES:
        value = resource.inputs.get(key)
        if isinstance(value, str) and parent.id and f"{value.lower()}/".startswith(f"{parent.id.lower()}/"):
            # Everything is below a resource group and says so; that alone changes nothing in it.
            return parent.type != RESOURCE_GROUP
    package, module, _ = ([*resource.type.split(":"), "", ""])[:3]
    if parent.type.split(":")[:2] != [package, module] or not parent.id:
        return False
    # Imports Pulumi, and most stacks have no such resource.
    from secure_mcp_local.recording import arguments  # noqa: PLC0415

    names = models.id_properties(parent.type) - {"resourceGroupName"}
    own = arguments.own_name(resource.type)
    return bool(names) and all(
        key != own and str(resource.inputs.get(key, "")).lower() == str(parent.inputs.get(key)).lower() for key in names
    )
