"""What stacks have deployed, as pulumi knows it."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording.wire import UNKNOWN, plain

_STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class State:
    """The stacks of some projects."""

    ids: Mapping[str, str]
    """Of everything that is deployed, by URN."""
    outputs: Mapping[str, Mapping[str, Any]]
    """Of the stacks, by project. Secret ones are encrypted, and stand here as unknown ones do."""

    def of_type(self, type: str) -> list[str]:
        """ARM ids of what is deployed of a type."""
        return [id for urn, id in self.ids.items() if urn.split("::")[2].rpartition("$")[2] == type]


def state_of(roots: Sequence[Path], stack: str) -> State:
    """Asks pulumi.

    Args:
        roots: Folders of the projects.
        stack: Name of the stack, the same in every project.

    Raises:
        LocalCloudError: pulumi is not there, or knows no such stack.
    """
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise LocalCloudError("the Pulumi CLI is not on PATH, which knows what is deployed")
    ids: dict[str, str] = {}
    outputs: dict[str, Mapping[str, Any]] = {}
    for root in roots:
        command = [pulumi, "stack", "export", "--stack", stack, "--cwd", str(root)]
        run = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)  # noqa: S603
        if run.returncode:
            raise LocalCloudError(f"pulumi stack export --stack {stack} --cwd {root}: {run.stderr.strip()[:300]}")
        for one in json.loads(run.stdout).get("deployment", {}).get("resources", []):
            if one.get("id"):
                ids[str(one["urn"])] = str(one["id"])
            if one["type"] == _STACK:
                secrets: set[str] = set()
                said: dict[str, Any] = plain(one.get("outputs") or {}, secrets, set())
                hidden = {path.partition(".")[0].partition("[")[0] for path in secrets}
                outputs[str(one["urn"]).split("::")[1]] = {k: UNKNOWN if k in hidden else v for k, v in said.items()}
    return State(ids, outputs)
