"""The recording: every resource that one run of the Pulumi program registers.

The only thing that the local cloud is built from. What a stack does not declare is not in it.
"""

import gc
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording.project import load_project, name_of, shared_out
from secure_mcp_local.recording.registration import Environment
from secure_mcp_local.recording.resources import Recording, Resource

__all__ = ["Environment", "Recording", "Resource", "record", "record_together"]


def record(
    root: Path,
    stack: str,
    config: Mapping[str, str] | None = None,
    environment: Environment = Environment(),  # noqa: B008  (frozen)
    others: Sequence[Recording] = (),
    accept: Collection[str] | None = (),
) -> Recording:
    """Runs a Pulumi program and records what it declares: offline, in-process.

    Args:
        root: Folder of the project, with Pulumi.yaml.
        stack: Name of the stack; Pulumi.<stack>.yaml must be there.
        config: Configuration that wins over the stack's, as `pulumi up --config` gives it.
        environment: Addresses of the local cloud, if there is one.
        others: Stacks that its stack references can lead to.
        accept: Types that may be passed by although they are not modelled and may decide who gets in. None: nothing is refused.

    Raises:
        LocalCloudError: no such project or stack, a wrong value, a failing program, or something that is not modelled and must not
            be passed by.
    """
    project = load_project(root.resolve(), stack, config or {})
    with _collecting_later():
        from secure_mcp_local.recording.program import run  # noqa: PLC0415  (imports Pulumi)
        from secure_mcp_local.recording.unmodelled import refuse  # noqa: PLC0415

        recording = run(project, stack, environment, others)
        if accept is not None:
            refuse(recording, accept)
        return recording


def record_together(
    roots: Sequence[Path],
    stack: str,
    config: Mapping[str, str] | None = None,
    environment: Environment = Environment(),  # noqa: B008  (frozen)
    accept: Collection[str] | None = (),
    outputs: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Recording]:
    """Runs the programs of several projects, in the order in which they refer to each other.

    Arguments and errors are those of `record`; `stack` is the name of the stack in every project, and configuration goes to those
    that declare its key.

    Args:
        outputs: By project, what its deployed stack has for outputs: programs that refer to it get these instead of what its
            program says here.

    Raises:
        LocalCloudError: also for stacks that refer to each other in a circle.
    """
    if len(roots) == 1:
        return [record(roots[0], stack, config, environment, accept=accept)]
    from secure_mcp_local.recording.monitor import MissingStack  # noqa: PLC0415
    from secure_mcp_local.recording.unmodelled import refuse  # noqa: PLC0415

    names = {name_of(root): root for root in roots}
    if len(names) < len(roots):
        raise LocalCloudError(f"two of the projects have the same name; the names are {', '.join(map(name_of, roots))}")
    given = shared_out(config or {}, roots)
    done: dict[str, Recording] = {}
    waiting = list(names)
    asked: list[str] = []
    while waiting:
        name = waiting[0]
        try:
            others = [replace(one, **_said(outputs.get(one.project))) if outputs else one for one in done.values()]
            done[name] = record(names[name], stack, given[name], environment, others, accept=None)
        except MissingStack as missing:
            if missing.project not in names or missing.stack != stack or missing.project in done:
                raise
            if missing.project in asked:
                circle = ", ".join([*asked, name])
                raise LocalCloudError(f"the stacks refer to each other in a circle: {circle}") from None
            asked.append(name)
            waiting.remove(missing.project)
            waiting.insert(0, missing.project)
            continue
        waiting.remove(name)
        asked.clear()
    if accept is not None:
        refuse(Recording.together(list(done.values())), accept)
    return list(done.values())


def _said(outputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a recording has for outputs if these are what there is."""
    return {"outputs": outputs or {}, "output_secrets": frozenset(), "output_unknowns": frozenset()}


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
