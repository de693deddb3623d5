"""What the engine deployed to the stand-ins, as a recording: the local cloud is built from it as from any other."""

from pathlib import Path
from urllib.parse import urlsplit

from secure_mcp_local import ports
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording, Resource
from secure_mcp_local.recording.azure_types import API_MANAGEMENT
from secure_mcp_local.recording.wire import plain
from secure_mcp_local.stand_ins.store import Deployed, Store


def deployed(folder: Path, stack: str) -> Recording:
    """The resources that a stack has now.

    Args:
        folder: Of the store.
        stack: Name of the stack.

    Raises:
        LocalCloudError: the stack has nothing there.
    """
    found = Store(folder).of(stack)
    own = [resource for resource in found if resource.stack == stack]
    if not own:
        stacks = ", ".join(sorted({resource.stack for resource in Store(folder)})) or "none"
        raise LocalCloudError(
            f"{folder} holds nothing of the stack {stack!r} (stacks there: {stacks}); deploy it with: "
            f"secure-mcp stand-ins --state {folder} pulumi up --stack {stack}"
        )
    return Recording(project=own[0].project, stack=stack, resources=tuple(map(resource_of, found)))


def everything(store: Store) -> Recording:
    """All that is deployed, of whatever stack: what Azure sees."""
    return Recording(project="", stack="", resources=tuple(map(resource_of, store)))


def ports_of(folder: Path, stack: str) -> tuple[int, dict[str, int]]:
    """The port from which all others count, and those that the gateways of a stack were deployed for, by their services' names.

    Raises:
        LocalCloudError: one was deployed for other addresses than this machine's; says how to deploy it again.
    """
    first, found = 0, dict[str, int]()
    deployed(folder, stack)
    services = [one for one in Store(folder).of(stack) if one.type == API_MANAGEMENT]
    for one in sorted(services, key=lambda service: service.place):
        url = urlsplit(str(one.outputs["gatewayUrl"]))
        if url.hostname != "localhost" or not url.port:
            raise LocalCloudError(
                f"the gateway was deployed for {url.geturl()}, which is not on this machine; "
                f"deploy it again with: secure-mcp stand-ins --port 8080 pulumi up --stack {stack}"
            )
        found[one.id.rpartition("/")[2]] = url.port
        first = first or url.port - ports.of_gateway(one.place)
    return first, found


def gateway_url(first: str, place: int) -> str:
    """The address of a gateway.

    Args:
        first: Address of the stack's first gateway.
        place: Among the gateways of its stack.
    """
    url = urlsplit(first)
    return f"{url.scheme}://{url.hostname}:{(url.port or 80) + ports.of_gateway(place)}"


def resource_of(found: Deployed) -> Resource:
    """A deployed resource as if it were declared."""
    secrets: set[str] = set()
    return Resource(
        urn=found.urn,
        type=found.type,
        name=found.name,
        parent="",
        inputs=plain(found.inputs, secrets, set()),
        outputs=plain(found.outputs, set(), set()),
        id=found.id,
        secrets=frozenset(secrets),
    )
