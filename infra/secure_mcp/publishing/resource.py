"""The publication as a resource of a stack."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pulumi
from pulumi_azure_native import web

from secure_mcp.interruption import in_thread, unless_interrupted
from secure_mcp.package import Package

from .app import App, scm_host
from .failure import PublishingError


def publish_code(
    name: str,
    package: Package,
    site: web.WebApp,
    container_url: pulumi.Input[str],
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource],
) -> pulumi.Resource:
    """Has `pulumi up` publish a package, whenever its content or the place that it goes to is another one.

    What is in the state is a digest and where it went, no secret: a built-in resource of the engine (`pulumi.Stash`), whose
    change is a reason to run a hook. A *before* hook: where it fails, the engine does not write down the new digest, so the next
    `pulumi up` tries again. Hooks do not run in a preview and not under mocks; nothing is done when the stack is destroyed.
    No plugin is needed, and it works in programs as in the component provider, which a dynamic provider would not.
    https://www.pulumi.com/docs/iac/concepts/resources/options/hooks/

    Args:
        name: Name of the resource.
        package: What is published.
        site: The function app.
        container_url: The app's deployment container: another one is empty.
        parent: The component that it belongs to, under which progress is shown.
        depends_on: What must be there before.

    Returns:
        The resource, for what needs a running app.
    """
    configured = pulumi.Config("azure-native").get
    archive, digest = Path(package.archive), package.digest

    async def run(args: pulumi.ResourceHookArgs) -> None:
        target = (args.new_inputs or {})["input"]
        await _published(archive, digest, App(target["app"], f"https://{target['scmHost']}"), configured, parent)

    hook = CodeHook(f"secure-mcp:publish:{pulumi.get_stack()}:{name}", run, package)
    return pulumi.Stash(
        name,
        input={
            "digest": digest,
            "app": site.id,
            "scmHost": pulumi.Output.all(site.name, site.host_name_ssl_states).apply(lambda found: _scm_host(*found)),
            "container": container_url,
        },
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[site, *depends_on],
            # A site that is made anew under the same id has no code.
            replace_with=[site],
            hooks=pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook]),
        ),
    )


class CodeHook(pulumi.ResourceHook):
    """Publishes a package. To whoever runs the program in its own process it says what it publishes, and from where.

    A state, which other machines read, has no path of this one; a hook lives as long as the program.
    """

    package: Package

    def __init__(
        self, name: str, callback: Callable[[pulumi.ResourceHookArgs], Awaitable[None]], package: Package
    ) -> None:
        # It is registered by the constructor.
        self.package = package
        super().__init__(name, callback)


async def _published(archive: Path, digest: str, app: App, configured: Any, parent: pulumi.Resource) -> None:
    """Publishes in a thread, which ends with the hook.

    Raises:
        PublishingError: it cannot be published.
        Interrupted: the engine was told to end.
    """
    # What signs in and uploads takes a third of a second to import, and a program that is planned, checked or run here does neither.
    from .deployer import Deployer  # noqa: PLC0415
    from .publication import publish  # noqa: PLC0415

    loop, clock = asyncio.get_running_loop(), _InterruptibleClock()

    def say(text: str) -> None:
        # Messages of the engine are sent by its own event loop.
        loop.call_soon_threadsafe(pulumi.info, text, parent)

    deployer = Deployer.of(configured, app.id.split("/")[2])
    try:
        await unless_interrupted(in_thread(lambda: publish(archive, digest, app, deployer, say, clock)))
    finally:
        clock.interrupt()


class _InterruptibleClock:
    """Real time, until nobody waits for the result any more."""

    def __init__(self) -> None:
        self._gone = threading.Event()

    def interrupt(self) -> None:
        self._gone.set()

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if self._gone.wait(seconds):
            raise PublishingError("the deployment was cancelled")


def _scm_host(site_name: str, states: Sequence[Any] | None) -> str:
    # As outputs they are objects of the SDK, or mappings with its names.
    found = [{"name": state["name"], "hostType": state["host_type"]} for state in states or []]
    return scm_host({"name": site_name, "hostNameSslStates": found})
