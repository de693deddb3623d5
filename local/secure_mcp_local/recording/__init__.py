"""The recording: every resource that one run of the Pulumi program registers.

The only thing that the local cloud is built from. What a stack does not declare is not in it.
"""

import gc
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from secure_mcp_local.recording.model import Recording, Resource
from secure_mcp_local.recording.models import Environment
from secure_mcp_local.recording.project import load_project

__all__ = ["Environment", "Recording", "Resource", "record"]


def record(
    root: Path,
    stack: str,
    config: Mapping[str, str] | None = None,
    environment: Environment = Environment(),  # noqa: B008  (frozen)
) -> Recording:
    """Runs a Pulumi program and records what it declares: offline, in-process.

    Args:
        root: Folder of the project, with Pulumi.yaml.
        stack: Name of the stack; Pulumi.<stack>.yaml must be there.
        config: Configuration that wins over the stack's, as `pulumi up --config` gives it.
        environment: Addresses of the local cloud, if there is one.

    Raises:
        LocalCloudError: no such project or stack, a wrong value, a failing program, or a resource that is not modelled.
    """
    overrides = dict(config or {})
    if environment.login_endpoint is not None:
        overrides["loginEndpoint"] = environment.login_endpoint
    project = load_project(root.resolve(), stack, overrides)
    with _collecting_later():
        from secure_mcp_local.recording.monitor import run  # noqa: PLC0415  (imports Pulumi)

        return run(project, stack, environment)


@contextmanager
def _collecting_later() -> Generator[None]:
    """No garbage is looked for meanwhile: the SDK's modules are a million objects that stay, gone through again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
