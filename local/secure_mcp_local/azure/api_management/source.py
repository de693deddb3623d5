"""A Pulumi project as a source of policies: what its program declares, run without an engine and without Azure."""

import os
from pathlib import Path

from apim_policies.gateway import Declaration
from secure_mcp_local.azure.api_management.description import describe
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import record

STACK = "PULUMI_STACK"
"""The environment variable that says which stack, as Pulumi's own command reads it.

https://www.pulumi.com/docs/iac/cli/environment-variables/
"""


def declared(folder: Path) -> Declaration:
    """The gateway that a project's program declares; `PULUMI_STACK` says for which stack where there are several.

    What nothing here models is passed by: policies alone are looked at.

    Raises:
        LocalCloudError: there is no such stack, or the program fails or declares no API Management.
    """
    return describe(record(folder, _stack(folder), accept=None))


def _stack(folder: Path) -> str:
    given = os.environ.get(STACK)
    if given:
        return given
    stacks = sorted(file.name.split(".")[1] for file in folder.glob("Pulumi.*.yaml"))
    if len(stacks) != 1:
        found = ", ".join(stacks) or "none"
        raise LocalCloudError(f"{folder} has more stacks than one, or none ({found}): say which one with {STACK}=NAME")
    return stacks[0]
