"""What the engine deployed to the stand-ins, as a recording: the local cloud is built from it as from any other."""

from pathlib import Path
from urllib.parse import urlsplit

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.providers.store import Deployed, Store
from secure_mcp_local.recording import Recording, Resource
from secure_mcp_local.recording.wire import plain

_SERVICE = "azure-native:apimanagement:ApiManagementService"


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


def port_of(recording: Recording) -> int:
    """The port that the gateway was deployed for.

    Raises:
        LocalCloudError: it was deployed for other addresses than this machine's; says how to deploy it again.
    """
    url = urlsplit(str(recording.one(_SERVICE).get("gatewayUrl")))
    if url.hostname != "localhost" or not url.port:
        raise LocalCloudError(
            f"the gateway was deployed for {url.geturl()}, which is not on this machine; "
            f"deploy it again with: secure-mcp stand-ins --port 8080 pulumi up --stack {recording.stack}"
        )
    return url.port


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
