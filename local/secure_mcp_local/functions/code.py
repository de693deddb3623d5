"""Where the code of a declared function app is: the folder or the package that the stack deploys to it."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apim_policies.errors import NotModelled
from secure_mcp.package import built_package
from secure_mcp_local.functions.site import mapping
from secure_mcp_local.recording import Recording, Resource

_BLOB = "azure-native:storage:Blob"
_STASH = "pulumi:index:Stash"
_FROM_PACKAGE = "WEBSITE_RUN_FROM_PACKAGE"


def code_of(recording: Recording, site: Resource, scratch: Path, published: Path | None = None) -> Path:
    """The folder with the code of a function app.

    Args:
        recording: The stack.
        site: The function app.
        scratch: Folder that packages are unpacked into.
        published: The package that was published to the app, where one was.

    Raises:
        NotModelled: nothing that the stack declares is deployed to it; says what can be done.
    """
    if (package := published or _package(recording, site)) is not None:
        return _unpacked(package, scratch / site.name)
    container = str(
        mapping(mapping(mapping(site.get("functionAppConfig")).get("deployment")).get("storage")).get("value") or ""
    )
    settings: list[Any] = mapping(site.get("siteConfig")).get("appSettings") or []
    url_of_package = next(
        (str(one.get("value")) for one in map(mapping, settings) if one.get("name") == _FROM_PACKAGE), ""
    )
    for blob in recording.all(_BLOB):
        url = str(blob.get("url"))
        if (container and url.startswith(f"{container.rstrip('/')}/")) or (
            url_of_package and url_of_package.startswith(url)
        ):
            path = _path(blob.get("source"))
            if path is not None:
                return _unpacked(recording.folder_of(blob) / path, scratch / site.name)
    raise NotModelled(
        f"{site.name}: the stack declares no code that is deployed to it; run it yourself and say where: --backend NAME=URL"
    )


def _package(recording: Recording, site: Resource) -> Path | None:
    """The package that our components publish when the program is deployed: what they keep of it names app and content."""
    for stash in recording.all(_STASH):
        kept = mapping(stash.get("input"))
        if str(kept.get("app")).lower() == site.id.lower() and kept.get("digest"):
            built = built_package(str(kept["digest"]))
            return built.archive if built else None
    return None


def _path(source: object) -> Path | None:
    """The path of an asset or an archive; of an archive made of several, the one that is its root."""
    asset = mapping(source)
    if isinstance(asset.get("path"), str):
        return Path(asset["path"])
    inside: Mapping[str, Any] = mapping(asset.get("assets"))
    return _path(inside.get("."))


def _unpacked(path: Path, folder: Path) -> Path:
    if path.is_dir():
        return path
    if not zipfile.is_zipfile(path):
        raise NotModelled(f"{path} is neither a folder nor a zip file: the local cloud runs no other code")
    with zipfile.ZipFile(path) as package:
        package.extractall(folder)
    return folder
