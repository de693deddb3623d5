"""The provider plugins as the engine looks for them: executables `pulumi-resource-NAME` on `PATH`."""

import os
import shlex
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.stand_ins import faults
from secure_mcp_local.stand_ins.service import PACKAGES

STORE = "SECURE_MCP_STAND_IN_STORE"
"""Folder of the resources, for the providers that `pulumi` starts."""
GATEWAY_URL = "SECURE_MCP_STAND_IN_GATEWAY_URL"
"""Address that the first gateway of a stack will be served at; empty or not set: `https://<name>.azure-api.net`."""

ACCEPTED = "SECURE_MCP_STAND_IN_ACCEPTED"
"""Types that are not modelled, may decide who gets in, and are passed by all the same; with blanks between them."""


def environment(
    store: Path, gateway_url: str | None, rules: str, base: Mapping[str, str], accepted: Collection[str] = ()
) -> dict[str, str]:
    """Environment variables under which `pulumi` uses the stand-ins and nothing else.

    Args:
        store: Folder for the resources; made if it is not there. The plugins go into `plugins` in it.
        gateway_url: Address that the deployed gateway will be served at, or none.
        rules: Faults, as `faults.parsed` reads them.
        base: Environment to start from.
        accepted: Types that are not modelled, may decide who gets in, and are passed by all the same.

    Raises:
        LocalCloudError: a wrong fault, or the folder cannot be written to.
    """
    if sys.platform == "win32":
        raise NotModelled("the stand-ins are shell scripts and do not run on Windows; use WSL")
    faults.parsed(rules)
    folder = store.resolve() / "plugins"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        store.resolve().chmod(0o700)
        # Secrets are in it.
        (store / ".gitignore").write_text("*\n")
        for package in PACKAGES:
            plugin = folder / f"pulumi-resource-{package}"
            plugin.write_text(
                f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m secure_mcp_local.stand_ins {package} "$@"\n'
            )
            plugin.chmod(0o755)
        az = folder / "az"
        az.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m secure_mcp_local.stand_ins.az "$@"\n')
        az.chmod(0o755)
    except OSError as error:
        raise LocalCloudError(f"{folder} cannot be written ({error.strerror}); choose another folder") from None
    return {
        **base,
        "PATH": f"{folder}{os.pathsep}{base.get('PATH', os.defpath)}",
        STORE: str(store.resolve()),
        GATEWAY_URL: gateway_url or "",
        ACCEPTED: " ".join(accepted),
        faults.ENVIRONMENT_VARIABLE: rules,
        # Whatever is not on PATH is an error, never the real provider.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
