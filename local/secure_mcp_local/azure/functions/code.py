"""Where the code of a declared function app is: the folder or the package that the stack deploys to it."""

import io
import platform
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from apim_policies.errors import NotModelled
from secure_mcp.package import PackageError, built_package, lay_out
from secure_mcp_local.azure.functions.site import mapping
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.mistakes import Mistake, near
from secure_mcp_local.recording import Recording, Resource

_BLOB = "azure-native:storage:Blob"
_STASH = "pulumi:index:Stash"
_FROM_PACKAGE = "WEBSITE_RUN_FROM_PACKAGE"


_PACKAGES = Path(".python_packages/lib/site-packages")
"""Where a package holds its dependencies."""


_ENTRY = "function_app"
"""The module that a host imports first: https://learn.microsoft.com/azure/azure-functions/functions-reference-python#programming-model"""


@dataclass(frozen=True)
class Code:
    """What a worker loads."""

    folder: Path
    packages: Path | None = None
    """The dependencies that it brings; none: what is installed here is what it has."""
    live: Path | None = None
    """The author's folder, of which `folder` is a copy; an edit there is to be served."""
    python_version: str = ""
    """What the packages are for."""

    @classmethod
    def of(cls, folder: Path, python_version: str = "") -> "Code":
        """The code in a folder as it is."""
        folder = folder.resolve()
        packages = folder / _PACKAGES
        return cls(folder, packages if packages.is_dir() else None, folder, python_version)

    @property
    def fits(self) -> bool:
        """Whether this interpreter is what the packages are for, so that they are all that is needed."""
        return (
            self.packages is not None
            and (self.packages / "azure" / "functions").is_dir()
            and self.python_version == f"{sys.version_info.major}.{sys.version_info.minor}"
            and (sys.platform, platform.machine(), platform.libc_ver()[0]) == ("linux", "x86_64", "glibc")
        )

    def told(self, said: Mapping[str, Any]) -> str:
        """A mistake in it, as its author wants to read it."""
        mistake = Mistake.parsed(said)
        return mistake.told(self.folder, self.live, self._line_to_add(mistake.missing))

    def _line_to_add(self, module: str) -> str:
        top = module.partition(".")[0]
        if not module or self.packages is None or self.live is None:
            return ""
        if module == _ENTRY:
            return f"The Functions host looks for functions in {near(self.live / _ENTRY)}.py, which is not there."
        own = self.live.joinpath(*module.split("."))
        if (self.live / top).is_dir():
            return f"{near(own)}.py is not there."
        names = packages_distributions().get(top, [])
        name = _package(module, names)
        wanted = self.live / "requirements.in"
        lock = f"secure-mcp package --lock {near(self.live)}"
        if wanted.is_file() and name.lower() in wanted.read_text("utf-8", "replace").lower().split():
            return f"{near(wanted)} has {name!r}, which is not locked: {lock}"
        added = f"add the line {name!r} to {near(wanted)} and lock: {lock}"
        if names:
            return f"The package does not have it, here as in Azure: {added}"
        return f"If it is a module of yours: {near(own)}.py is not there. If it is a package: {added}"


def _package(module: str, names: Sequence[str]) -> str:
    """What a package is most likely called that has a module, by those that are installed here below the same name."""
    guess = module.replace(".", "-")
    near = sorted(name for name in names if name == guess or name.startswith(f"{guess}-")) or sorted(names)
    if not near or guess in near:
        return guess if names else module.partition(".")[0]
    return near[0] if len(near) == 1 else guess


class Codes:
    """Where the code of function apps is put for their workers."""

    def __init__(self, scratch: Path) -> None:
        """`scratch`: folder for copies and unpacked packages."""
        self._scratch = scratch

    def of(self, recording: Recording, site: Resource, published: Path | None = None) -> Code:
        """That of a declared app: see `code_of`."""
        return code_of(recording, site, self._scratch, published)

    def again(self, live: Path, name: str, before: Code) -> Code:
        """That of an author's folder which has changed.

        Raises:
            LocalCloudError: it cannot be packed.
        """
        if before.folder == before.live:
            return Code.of(live, before.python_version)
        return _laid_out(live, self._scratch / name, before.python_version)

    def published(self, content: bytes, name: str, before: Code) -> Code:
        """That of a package which has been published. One beside another: a worker may still run with the last one.

        Raises:
            BadZipFile: it is none.
        """
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._folder()))
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            package.extractall(folder)
        return replace(Code.of(folder, before.python_version), live=None)

    def _folder(self) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch


def code_of(recording: Recording, site: Resource, scratch: Path, published: Path | None = None) -> Code:
    """The code of a function app: the folder that it is packed from, where that is known, else the package.

    Args:
        recording: The stack.
        site: The function app.
        scratch: Folder that packages are unpacked into.
        published: The package that was published to the app, where one was.

    Raises:
        NotModelled: nothing that the stack declares is deployed to it; says what can be done.
        LocalCloudError: it cannot be packed.
    """
    version = str(mapping(mapping(site.get("functionAppConfig")).get("runtime")).get("version") or "")
    if published is not None:
        return _unpacked(published, scratch / site.name, version)
    if (stash := _publication(recording, site)) is not None:
        if stash.code is not None:
            return _laid_out(stash.code, scratch / site.name, version)
        built = built_package(str(mapping(stash.get("input"))["digest"]))
        if built is not None:
            return _unpacked(built.archive, scratch / site.name, version)
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
                return _unpacked(recording.folder_of(blob) / path, scratch / site.name, version)
    raise NotModelled(
        f"{site.name}: the stack declares no code that is deployed to it; run it yourself and say where: --backend NAME=URL"
    )


def _publication(recording: Recording, site: Resource) -> Resource | None:
    """What our components keep of the package that they publish when the program is deployed: it names app and content."""
    for stash in recording.all(_STASH):
        kept = mapping(stash.get("input"))
        if str(kept.get("app")).lower() == site.id.lower() and kept.get("digest"):
            return stash
    return None


def _path(source: object) -> Path | None:
    """The path of an asset or an archive; of an archive made of several, the one that is its root."""
    asset = mapping(source)
    if isinstance(asset.get("path"), str):
        return Path(asset["path"])
    inside: Mapping[str, Any] = mapping(asset.get("assets"))
    return _path(inside.get("."))


def _unpacked(path: Path, folder: Path, python_version: str) -> Code:
    if path.is_dir():
        return Code.of(path, python_version)
    if not zipfile.is_zipfile(path):
        raise NotModelled(f"{path} is neither a folder nor a zip file: the local cloud runs no other code")
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(path) as package:
        package.extractall(folder)
    return replace(Code.of(folder, python_version), live=None)


def _laid_out(source: Path, folder: Path, python_version: str) -> Code:
    """A copy of what a package would have of the folder. One beside another: a worker may still run with the last one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        packages = lay_out(source, copy, python_version)
    except PackageError as error:
        raise LocalCloudError(str(error)) from None
    if packages is None:
        # Nothing is locked, so the package has no dependencies: whatever is installed here, it would not be there in Azure.
        packages = copy / _PACKAGES
        packages.mkdir(parents=True)
    return Code(copy, packages, source.resolve(), python_version)
