"""What an edit of the program changes: what is served at once, and what needs another start."""

from dataclasses import replace

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording


def but_for_code(recording: Recording) -> Recording:
    """The stack without what follows from the content of code folders, whose edits are served by themselves, to be compared: programs
    declare in an order that differs from run to run."""
    resources = (one if one.code is None else replace(one, inputs={}, outputs={}) for one in recording)
    return replace(recording, resources=tuple(sorted(resources, key=lambda one: one.urn)))


def refuse_other_places(served: Recording, recording: Recording) -> None:
    """Raises where a change is one of those that need other processes or other addresses than the running ones.

    Raises:
        LocalCloudError: says what has changed, and that a restart serves it.
    """
    if served.tenant != recording.tenant:
        raise LocalCloudError(_RESTART.format("the tenant is another one"))
    for type, key in _PLACES.items():
        before, now = ({one.id.lower(): one.get(key) for one in some.all(type)} for some in (served, recording))
        for id in sorted(before.keys() | now.keys()):
            if id not in before or id not in now or before[id] != now[id]:
                change = "is new" if id not in before else "is gone" if id not in now else f"has another {key}"
                raise LocalCloudError(_RESTART.format(f"{type} {id.rpartition('/')[2]} {change}"))
    before, now = ({one.urn: one.code for one in some if one.code} for some in (served, recording))
    if before != now:
        folders = ", ".join(str(folder) for folder in sorted({*now.values()} - {*before.values()}))
        raise LocalCloudError(_RESTART.format(f"code comes from another folder{folders and f' ({folders})'}"))


_RESTART = "{}: Ctrl-C and secure-mcp local again serves it; sessions stay"
_PLACES = {
    "azure-native:apimanagement:ApiManagementService": "gatewayUrl",
    "azure-native:storage:StorageAccount": "accountName",
    "azure-native:web:WebApp": "siteConfig",
}
"""Resource types that processes or addresses are made for when the local cloud starts, and what of them these depend on."""
