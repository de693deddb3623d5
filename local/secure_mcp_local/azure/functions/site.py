"""A declared function app: its settings and the host's, as the platform would give them to the host."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.mistakes import near
from secure_mcp_local.recording import Resource
from secure_mcp_local.recording.models import master_key, mcp_extension_key

SITE = "azure-native:web:WebApp"
_HOST_SETTING = "AzureFunctionsJobHost__"
_BUNDLE = "Microsoft.Azure.Functions.ExtensionBundle"
"""https://learn.microsoft.com/azure/azure-functions/extension-bundles"""
_UNRELEASED = (f"{_BUNDLE}.Preview", f"{_BUNDLE}.Experimental")


@dataclass(frozen=True)
class Site:
    """One function app."""

    urn: str
    id: str
    """ARM id."""
    name: str
    settings: Mapping[str, str]
    """The app settings: environment of the code."""

    @property
    def host(self) -> str:
        """The name under which it is reached."""
        return f"{self.name.lower()}.azurewebsites.net"

    @property
    def master_key(self) -> str:
        """Opens the extension's webhook, too, as it opens everything."""
        return master_key(self.name)

    @property
    def system_key(self) -> str:
        """The key `mcp_extension`, which the extension makes for itself."""
        return mcp_extension_key(self.name)

    @classmethod
    def of(cls, declared: Resource) -> "Site":
        """A declared function app.

        Raises:
            LocalCloudError: it has no id.
            NotModelled: it is not one that runs Python functions.
        """
        if not declared.id:
            raise LocalCloudError(f"{declared.name}: the recording has no id for this {declared.type}")
        if "functionapp" not in str(declared.get("kind", "")).split(","):
            raise NotModelled(f"{declared.name}: only function apps are modelled, not kind {declared.get('kind')!r}")
        runtime = mapping(mapping(declared.get("functionAppConfig")).get("runtime")).get("name")
        if runtime != "python":
            raise NotModelled(f"{declared.name}: functionAppConfig.runtime.name must be 'python', not {runtime!r}")
        if declared.get("enabled", True) is False:
            raise NotModelled(f"{declared.name}: an app that is not enabled is not modelled")
        return cls(declared.urn, declared.id, declared.id.rpartition("/")[2], dict(_settings(declared)))


def host_json(code: Path, settings: Mapping[str, str], shown: Path | None = None) -> Mapping[str, Any]:
    """host.json with what app settings named `AzureFunctionsJobHost__...` override.

    https://learn.microsoft.com/azure/azure-functions/functions-host-json#override-hostjson-values

    Args:
        code: Folder of the app.
        settings: Its app settings.
        shown: What that folder is called, where it is a copy of this one.

    Raises:
        LocalCloudError: no host.json, or not one with which MCP triggers work.
        NotModelled: a bundle that is not released.
    """
    path = near((shown or code) / "host.json")
    try:
        document: object = json.loads((code / "host.json").read_text("utf-8"))
    except OSError as error:
        raise LocalCloudError(f"{path} cannot be read ({error.strerror}): it is no function app") from None
    except ValueError as error:
        raise LocalCloudError(f"{path} is not JSON: {error}") from None
    host = dict(mapping(document))
    if host.get("version") != "2.0":
        raise LocalCloudError(f"{path}: version must be '2.0'")
    bundle = mapping(host.get("extensionBundle"))
    id, version = str(bundle.get("id", "")), str(bundle.get("version", ""))
    if id in _UNRELEASED:
        raise NotModelled(
            f"{path}: extensionBundle.id is {id!r}, which is not modelled; the released one is {_BUNDLE!r}"
        )
    if id != _BUNDLE:
        raise LocalCloudError(
            f"{path}: extensionBundle.id is {id!r} and must be {_BUNDLE!r}: MCP triggers come from it"
        )
    if not re.match(r"[\[(]4\.", version):
        raise LocalCloudError(
            f"{path}: extensionBundle.version is {version!r} and must be '[4.0.0, 5.0.0)': older ones have no MCP triggers"
        )
    for name, value in settings.items():
        if name.lower().startswith(_HOST_SETTING.lower()):
            host = _with(host, name[len(_HOST_SETTING) :].split("__"), value)
    return host


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one: for walking through optional parts of declarations."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _settings(declared: Resource) -> Iterable[tuple[str, str]]:
    entries: object = mapping(declared.get("siteConfig")).get("appSettings") or []
    for entry in map(mapping, cast("list[object]", entries)):
        name, value = str(entry["name"]), str(entry.get("value", ""))
        if value.startswith("@Microsoft."):
            raise NotModelled(f"{declared.name}: the app setting {name} is a reference, which is not modelled: {value}")
        yield name, value


def _with(document: Mapping[str, Any], path: list[str], value: str) -> dict[str, Any]:
    """The document with one value replaced. Names of settings are compared without case."""
    key = next((key for key in document if key.lower() == path[0].lower()), path[0])
    return {**document, key: _with(mapping(document.get(key)), path[1:], value) if len(path) > 1 else value}
