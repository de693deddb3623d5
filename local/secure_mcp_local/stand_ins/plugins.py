"""The provider plugins as the engine looks for them: executables `pulumi-resource-NAME` on `PATH`."""

import os
import shlex
import sys
from collections.abc import Collection, Mapping
from importlib.metadata import version
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
        (store / ".gitignore").write_text("*\n", encoding="utf-8")
        for package in PACKAGES:
            plugin = folder / f"pulumi-resource-{package}"
            plugin.write_text(
                f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m secure_mcp_local.stand_ins {package} "$@"\n',
                encoding="utf-8",
            )
            plugin.chmod(0o755)
        home = _home(store.resolve(), base)
    except OSError as error:
        raise LocalCloudError(f"{folder} cannot be written ({error.strerror}); choose another folder") from None
    return {
        **base,
        **home,
        "PATH": f"{folder}{os.pathsep}{base.get('PATH', os.defpath)}",
        STORE: str(store.resolve()),
        GATEWAY_URL: gateway_url or "",
        ACCEPTED: " ".join(accepted),
        faults.ENVIRONMENT_VARIABLE: rules,
        # Whatever is not on PATH is an error, never the real provider.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def _home(store: Path, base: Mapping[str, str]) -> dict[str, str]:
    """A home of Pulumi's in which the stand-ins are what is installed. All else in it is the user's own, so that who is logged in and which
    stacks are selected stay so.

    What plugins need themselves (`package get-schema`, `package add`, `install`) the engine looks for among the installed ones only,
    not on `PATH`, and would fetch it from the internet.
    """
    own = Path(base.get("PULUMI_HOME") or Path(base.get("HOME") or "~").expanduser() / ".pulumi").absolute()
    home = store / "home"
    (own / "workspaces").mkdir(parents=True, exist_ok=True)
    (home / "plugins").mkdir(parents=True, exist_ok=True)
    for each in own.iterdir():
        if each.name not in {"plugins", "credentials.json"}:
            _link(home / each.name, each)
    for each in (own / "plugins").glob("*"):
        if not any(each.name.startswith(f"resource-{package}-v") for package in PACKAGES):
            _link(home / "plugins" / each.name, each)
    for package in PACKAGES:
        installed = home / "plugins" / f"resource-{package}-v{version(f'pulumi-{package}')}"
        installed.mkdir(exist_ok=True)
        name = f"pulumi-resource-{package}"
        _link(installed / name, store / "plugins" / name)
    return {"PULUMI_HOME": str(home), "PULUMI_CREDENTIALS_PATH": base.get("PULUMI_CREDENTIALS_PATH") or str(own)}


def _link(link: Path, target: Path) -> None:
    if link.is_symlink():
        link.unlink()
    if not link.exists():
        link.symlink_to(target)
