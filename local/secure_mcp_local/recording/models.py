"""What Azure would answer when a resource is created: its id, its name and what it computes.

One row for each type that is modelled. A resource without a row has an id by a general rule, and outputs that nobody knows.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any

from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import azure_types, other_types
from secure_mcp_local.recording.naming import Way
from secure_mcp_local.recording.registration import DEPLOYER, SUBSCRIPTION, Created, Registration
from secure_mcp_local.recording.resources import TENANT


def create(registration: Registration) -> Created:
    """The id and outputs of a custom resource.

    Raises:
        NotModelled: no row for its type.
        LocalCloudError: a name is missing that Azure or Pulumi would make up.
    """
    if registration.type in azure_types.TYPES:
        template, computed = azure_types.TYPES[registration.type]
        id = _arm_id(template, registration)
        return Created(id, {"name": id.rsplit("/", 1)[-1], **computed(registration, id)})
    if registration.type in other_types.TYPES:
        return other_types.TYPES[registration.type](registration)
    raise _not_modelled(registration.type, registration.name)


def modelled(type: str) -> bool:
    """Whether there is a row for a type."""
    return type in azure_types.TYPES or type in other_types.TYPES


def types_of(package: str) -> list[str]:
    """The resource types of a package that there are rows for."""
    return sorted(type for type in (*azure_types.TYPES, *other_types.TYPES) if type.split(":")[0] == package)


def known(type: str) -> bool:
    """Whether there is a row for a type, or it is one of Pulumi's own that are no resources anywhere."""
    return modelled(type) or type.startswith(("pulumi:providers:", "pulumi:pulumi:"))


def own_name(type: str) -> tuple[str, Way] | None:
    """The input that is the resource's own name, and how azure-native makes one up; none if it always has to be given.

    The provider makes up names of what stands directly in a group with random digits, copies those of what is inside something else,
    and makes GUIDs where Azure takes nothing else. Where Azure takes one name only, a made-up one would be refused.
    """
    if type not in azure_types.TYPES:
        return None
    template = azure_types.TYPES[type][0]
    fields = [field for _, field, _, _ in Formatter().parse(template) if field]
    if not template.endswith("}") or fields[-1] in {"policyId", "diagnosticId"}:
        return None
    if type.endswith(("RoleAssignment", "RoleDefinition", ":Workbook")):
        return fields[-1], "uuid"
    return fields[-1], "random" if len(set(fields) - {"group", "subscription"}) == 1 else "copy"


def templates() -> tuple[str, ...]:
    """The form of the ARM id of every type that is modelled."""
    return tuple(template for template, _ in azure_types.TYPES.values())


def parsed(type: str, id: str) -> Mapping[str, str] | None:
    """The inputs that an ARM id of a modelled type is made of, and `subscription`; none if it is not one."""
    if type not in azure_types.TYPES:
        return None
    pattern = ""
    for literal, field, _, _ in Formatter().parse(azure_types.TYPES[type][0]):
        pattern += re.escape(literal)
        match field:
            case None:
                pass
            case "group":
                pattern += r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<resourceGroupName>[^/]+)"
            case "scope" | "resourceUri" | "parentResourcePath":
                pattern += f"(?P<{field}>.+)"
            case _:
                pattern += f"(?P<{field}>[^/]+)"
    match = re.fullmatch(pattern, id, re.IGNORECASE)
    return match.groupdict() if match else None


def general(registration: Registration, own: str | None, parents: Sequence[str]) -> Created:
    """A resource of which nothing is modelled: an id by the pattern that most of Azure's have, and no outputs.

    Args:
        registration: Its inputs, with its own name if it has one.
        own: The input that is its name.
        parents: The inputs that are names of what it is inside of.
    """
    package, module, name = ([*registration.type.split(":"), "", ""])[:3]
    if package != "azure-native":
        return Created(registration.guid("id"), {})
    i = registration.inputs
    group = f"/resourceGroups/{i['resourceGroupName']}" if i.get("resourceGroupName") else ""
    within = "".join(f"/{_several(key.removesuffix('Name'))}/{i[key]}" for key in parents if i.get(key))
    last = i.get(own) if own else None
    id = (
        f"/subscriptions/{registration.subscription}{group}/providers/Microsoft.{module.split('/')[0].capitalize()}"
        f"{within}/{_several(name[:1].lower() + name[1:])}/{last or registration.name}"
    )
    return Created(id, {"name": last or registration.name})


def _several(word: str) -> str:
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def id_properties(type: str) -> frozenset[str]:
    """Inputs that the ARM id of a type is made of; none outside ARM.

    Raises:
        NotModelled: no row for the type.
    """
    if type in other_types.TYPES:
        return frozenset()
    if type not in azure_types.TYPES:
        raise _not_modelled(type, "")
    fields = {field for _, field, _, _ in Formatter().parse(azure_types.TYPES[type][0]) if field}
    return frozenset(("resourceGroupName" if field == "group" else field) for field in fields - {"subscription"})


def _not_modelled(type: str, name: str) -> NotModelled:
    return NotModelled(
        f"the local cloud does not model the resource type {type}{f' ({name})' if name else ''}; "
        "it stands in for what secure_mcp's own components declare"
    )


def looked_up(function: str, arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    """Type and ARM id of the resource that a function such as `azure-native:web:getWebApp` looks up, if that type is modelled."""
    package, _, name = function.rpartition(":")
    type = f"{package}:{name.removeprefix('get')}"
    if type not in azure_types.TYPES or not name.startswith("get"):
        return None
    try:
        return type, azure_types.TYPES[type][0].format_map(
            {
                "subscription": SUBSCRIPTION,
                "group": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{arguments.get('resourceGroupName')}",
                **arguments,
            }
        )
    except KeyError:
        return None


def invoke(
    function: str, arguments: Mapping[str, Any], subscription: str = SUBSCRIPTION, tenant: str = TENANT
) -> Mapping[str, Any]:
    """The answer of a provider function.

    Raises:
        NotModelled: it is not one that is modelled.
    """
    if function == "azure-native:authorization:getClientConfig":
        return {"clientId": DEPLOYER, "objectId": DEPLOYER, "subscriptionId": subscription, "tenantId": tenant}
    if function == "azuread:index/getClientConfig:getClientConfig":
        return {"clientId": DEPLOYER, "objectId": DEPLOYER, "tenantId": tenant, "id": DEPLOYER}
    if function == "azure-native:web:listWebAppHostKeys":
        return {
            "masterKey": master_key(arguments["name"]),
            "functionKeys": {},
            "systemKeys": {"mcp_extension": mcp_extension_key(arguments["name"])},
        }
    raise NotModelled(
        f"the local cloud does not model the function {function}, which asks Azure for what no program declares; "
        "give the program the value by configuration where there is no Azure"
    )


def master_key(site_name: str) -> str:
    """The key of a function app that opens everything in it."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"master|{site_name}".encode()).digest()).decode() + "AzFu"


def mcp_extension_key(site_name: str) -> str:
    """The system key that the MCP extension of a function app has."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"mcp_extension|{site_name}".encode()).digest()).decode() + "AzFu"


def _arm_id(template: str, registration: Registration) -> str:
    inputs = {
        "subscription": registration.subscription,
        "group": f"/subscriptions/{registration.subscription}/resourceGroups/{registration.inputs.get('resourceGroupName')}",
        **registration.inputs,
    }
    try:
        return template.format_map(inputs)
    except KeyError as missing:
        raise LocalCloudError(
            f"{registration.type} {registration.name}: {missing.args[0]} is not set, and Azure refuses a name that Pulumi makes up"
        ) from None
