"""The recording: every resource that one run of the Pulumi program registers.

The only thing that the local cloud is built from. What a stack does not declare is not in it.
"""

from collections.abc import Mapping
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
    from secure_mcp_local.recording.monitor import run  # noqa: PLC0415  (imports Pulumi)

    overrides = dict(config or {})
    if environment.login_endpoint is not None:
        overrides["loginEndpoint"] = environment.login_endpoint
    return run(load_project(root.resolve(), stack, overrides), stack, environment)
