"""All mutants of a stack: from what is recorded, and the types that the provider's SDK declares."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from secure_mcp_local.mutants.mutant import GONE, Mutant, Path
from secure_mcp_local.recording import Recording, Resource, arguments, models
from secure_mcp_local.recording.azure_types import RESOURCE_GROUP
from secure_mcp_local.rules.references import arm_type, parents

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_FOREIGN_GUID = "f0e1d2c3-b4a5-4687-9988-776655443322"
_FOREIGN = "/subscriptions/11112222-3333-4444-8555-666677778888/resourceGroups/rg-of-others"
_LONGEST_LIST = 3
"""Items of a list that are mutated one by one; those behind them are the same again."""


def mutants(recording: Recording) -> list[Mutant]:
    """Every mutant, in the order of the program."""
    return [mutant for resource in recording if _mutable(resource) for mutant in _of(resource, recording)]


def _mutable(resource: Resource) -> bool:
    return (
        resource.custom
        and not resource.read
        and resource.type.startswith(("azure-native:", "azuread:"))
        and models.modelled(resource.type)
    )


def _of(resource: Resource, recording: Recording) -> Iterator[Mutant]:
    arm = resource.id.rpartition("/")[2]
    # Who calls knows an operation by its address.
    addresses = [
        f" {one.inputs.get('urlTemplate')}"
        for one in recording.all("azure-native:apimanagement:ApiOperation")
        if one.inputs.get("operationId") == resource.inputs.get("operationId")
        and one.inputs.get("apiId") == resource.inputs.get("apiId")
        and "operationId" in resource.inputs
    ]
    own = models.own_name(resource.type)

    def mutant(kind: str, path: Path = (), value: Any = GONE, *more: str) -> Mutant:
        named = [one for one in (*more, *_around(resource.inputs, path), *addresses) if len(one) > 3]
        # A short name says something only with the type in front of it.
        needles = {resource.name, arm if len(arm) > 3 else "/".join(resource.id.split("/")[-2:]), *named} - {""}
        return Mutant(
            resource.urn, resource.type, resource.name, kind, path, value, tuple(sorted(one.lower() for one in needles))
        )

    # What is missing is spoken of as missing from what it belongs to.
    owners = [
        one
        for part in _BELONGS
        for value in _texts(resource.inputs.get(part))
        if (
            one := recording.by_id(value.removesuffix("/blobServices/default"))
            or _with_output(recording, value, resource)
        )
    ]
    if "/providers/" in resource.id:
        owners += [
            one
            for id in parents(resource.id)
            if (one := recording.by_id(id)) is not None and one.type != RESOURCE_GROUP
        ]
    own_names = [str(resource.inputs.get(key)) for key in ("displayName", "id") if resource.inputs.get(key)]
    template = cast("Mapping[str, Any]", resource.inputs.get("properties") or {}).get("template")
    if isinstance(template, Mapping):
        inner = cast("Mapping[str, Any]", template).get("resources") or []
        own_names += [str(one.get("name")) for one in cast("list[Mapping[str, Any]]", inner)]
    own_names += [f"fragment {id}" for id in _INCLUDED.findall(str(resource.inputs.get("value")))]
    yield mutant("drop", (), GONE, *own_names, *(name for owner in owners for name in _names_of(owner)))
    for path, value, annotation in _leaves(resource):
        if value in ("", [], {}):
            # What is empty is as good as not given.
            continue
        about = (*_named(value), *_referred(recording, value, resource))
        # Pulumi makes a name up where it is not given, and everything follows it.
        if own is None or path != (own[0],):
            yield mutant("drop", path, GONE, *about)
        if path[-1] in _FOR_PEOPLE:
            # Another text, or none, is the same mistake again.
            continue
        match value:
            case bool():
                if (path[-1], not value) not in _STRONGER:
                    yield mutant("weaker", path, not value)
            case int() | float():
                yield mutant("weaker", path, 0 if value else 1000)
            case str():
                yield mutant("empty", path, "")
                for other in (
                    ()
                    if own is not None and path == (own[0],)
                    else _others(value, resource, path, recording, annotation)
                ):
                    yield mutant(*other, *about)
            case list() | dict() if value:
                yield mutant("empty", path, [] if isinstance(value, list) else {})
            case _:
                pass
    explained = frozenset[str]().union(*resource.sources.values()) if resource.sources else frozenset[str]()
    for urn in sorted(resource.dependencies - explained - {resource.parent}):
        other = recording.by_urn(urn)
        if other is not None and other.custom and _ordered_by(resource, other, recording):
            yield mutant("dependency", (), urn, other.name, other.id.rpartition("/")[2])


_IDENTIFIER = re.compile(r"\w+(?:[./]\w+){2,}")
_BELONGS = (
    "scope", "resourceUri", "applicationId", "clientId", "resourceObjectId", "servicePrincipalObjectId", "resourceServicePrincipalObjectId",
    "loggerId", "sourceId", "scopes", "workspaceId",
)  # fmt: skip
"""Inputs by which a resource says what it is about."""
_FOR_PEOPLE = frozenset(
    {"description", "notes", "displayName", "adminConsentDescription", "adminConsentDisplayName", "userConsentDescription", "userConsentDisplayName"}
)  # fmt: skip
"""Texts that nothing but people reads."""
_STRONGER = frozenset(
    {
        ("secret", True),
        ("appRoleAssignmentRequired", True),
        ("isZoneRedundant", True),
        ("preventDuplicateNames", True),
        ("enableVmProtection", True),
    }
)
"""Values that ask for more than was asked for: no mistake that lets anything in or breaks anything that works."""
_INCLUDED = re.compile(r'<include-fragment\s+fragment-id="([^"]+)"')


def _texts(value: Any) -> list[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str) and one]


def _with_output(recording: Recording, value: str, besides: Resource) -> Resource | None:
    """What declares a GUID, an id without slashes or an address as an output of its own."""
    return next(
        (
            one
            for one in recording
            if one.custom
            and one.urn != besides.urn
            and value
            in (one.outputs.get(key) for key in ("clientId", "objectId", "principalId") if key not in one.inputs)
        ),
        None,
    )


def _names_of(resource: Resource) -> tuple[str, ...]:
    return resource.name, resource.id.rpartition("/")[2]


def _referred(recording: Recording, value: Any, besides: Resource) -> tuple[str, ...]:
    """The names of what a value refers to, whole or by the resource that it is in."""
    if not isinstance(value, str) or len(value) > 400:
        return ()
    if value.startswith("/"):
        segments = value.split("/")
        found = next(
            (
                one
                for end in range(len(segments), 8, -1)
                if (one := recording.by_id("/".join(segments[:end]))) is not None
            ),
            None,
        )
    else:
        found = _with_output(recording, value, besides) if _GUID.fullmatch(value) else None
    return _names_of(found) if found is not None else ()


def _ordered_by(resource: Resource, other: Resource, recording: Recording) -> bool:
    """Whether a dependency does something: nothing else says the same, and it is not one of a policy on what it does not name."""
    if other.type.endswith((":NamedValue", ":PolicyFragment")) and resource.type.endswith(("Policy", "PolicyFragment")):
        value = str(resource.inputs.get("value"))
        named = (
            f"{{{{{other.inputs.get('displayName')}}}}}"
            if other.type.endswith("NamedValue")
            else f'fragment-id="{other.inputs.get("id")}"'
        )
        if named not in value:
            return False
    waiting, seen = [one for one in resource.dependencies if one != other.urn], set[str]()
    while waiting:
        if (urn := waiting.pop()) in seen:
            continue
        seen.add(urn)
        between = recording.by_urn(urn)
        waiting += between.dependencies if between is not None else ()
    return other.urn not in seen


def _around(inputs: Any, path: Path) -> Iterator[str]:
    """Names of the things within the resource that a path goes through, such as a subnet's."""
    for part in path:
        inputs = inputs[part]
        if isinstance(inputs, dict) and isinstance(name := cast("dict[str, Any]", inputs).get("name"), str):
            yield name


def _named(value: Any) -> tuple[str, ...]:
    """The name at the end of an id or an address: what a message about a lost reference speaks of."""
    if not isinstance(value, str) or len(value) > 400:
        return ()
    if value.startswith("/"):
        return (value.rstrip("/").rpartition("/")[2],)
    if "://" in value:
        return (value.partition("://")[2].partition("/")[0].partition(".")[0],)
    # An action, a scope or an event: what is missing is called by its own name.
    return (value,) if _GUID.fullmatch(value) or _IDENTIFIER.fullmatch(value) else ()


def _leaves(resource: Resource) -> Iterator[tuple[Path, Any, Any]]:
    """Every value in the inputs, whole ones before what is in them, with what else its type takes."""
    for key, value in resource.inputs.items():
        yield from _walk((key,), value, arguments.values_of(resource.type, key))


def _walk(path: Path, value: Any, allowed: Sequence[Any]) -> Iterator[tuple[Path, Any, Sequence[Any]]]:
    yield path, value, allowed
    if isinstance(value, Mapping):
        for key, one in cast("Mapping[str, Any]", value).items():
            yield from _walk((*path, key), one, ())
    elif isinstance(value, list):
        for index, one in enumerate(cast("list[Any]", value)[:_LONGEST_LIST]):
            yield from _walk((*path, index), one, ())


def _others(
    value: str, resource: Resource, path: Path, recording: Recording, allowed: Sequence[Any]
) -> Iterator[tuple[str, Path, Any]]:
    """Other texts that the property could hold."""
    for other in [one for one in allowed if one != value][:2]:
        yield "weaker", path, other
    if value.startswith("/subscriptions/"):
        kind = arm_type(value)
        same = next(
            (one.id for one in recording if one.id and one.id.lower() != value.lower() and arm_type(one.id) == kind),
            None,
        )
        if same is not None and kind:
            yield "swap", path, same
        yield "foreign", path, _FOREIGN + "/" + "/".join(value.split("/")[5:]) if "/providers/" in value else _FOREIGN
    elif _GUID.fullmatch(value):
        same = next((other for other in _guids(recording, value) if other != value), None)
        if same is not None:
            yield "swap", path, same
        yield "foreign", path, _FOREIGN_GUID
    elif value.startswith("https://"):
        host, _, rest = value.removeprefix("https://").partition("/")
        yield "foreign", path, f"https://attacker.{host.partition('.')[2] or 'example'}/{rest}"
        yield "weaker", path, f"http://{host}/{rest}"
    elif path[-1] in _NAMES and len(path) == 1 and not _is_own(resource, str(path[0])):
        yield "foreign", path, "of-others"
    elif len(value) > 200:
        same = next(
            (
                one.inputs[str(path[0])]
                for one in recording.all(resource.type)
                if len(path) == 1 and one.urn != resource.urn and one.inputs.get(str(path[0])) not in (None, value)
            ),
            None,
        )
        if same is not None:
            yield "swap", path, same


_NAMES = frozenset(
    {"accountName", "apiId", "databaseName", "name", "operationId", "privateEndpointName", "privateZoneName", "resourceGroupName",
     "serviceName", "vaultName", "location"}
)  # fmt: skip


def _is_own(resource: Resource, key: str) -> bool:
    own = models.own_name(resource.type)
    return own is not None and own[0] == key


def _guids(recording: Recording, value: str) -> Iterator[str]:
    """What of other resources is the same kind of GUID: the same output of the same type."""
    for one in recording:
        for key, output in one.outputs.items():
            if output == value:
                for other in recording.all(one.type):
                    if other.urn != one.urn and isinstance(found := other.get(key), str):
                        yield found
