"""The zip that is deployed."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pathspec

from .cache import cached, made
from .dependencies import PYTHON_VERSION, PYTHON_VERSIONS, Dependencies, dependencies_of
from .failure import PackageError

_SITE_PACKAGES = ".python_packages/lib/site-packages"
"""Where the platform's Python worker looks. https://learn.microsoft.com/azure/azure-functions/functions-reference-python"""

# Not part of an app wherever it is developed; a .funcignore says what else is not, or is after all.
_IGNORED = ["__pycache__/", "*.pyc", ".git*", ".vscode/", ".venv*/", ".*_cache/", "requirements.in"]
# Settings of a developer's machine hold connection strings: no .funcignore can bring them in. The dependencies are ours.
_NEVER = ["local.settings.json", ".env", ".funcignore", "/.python_packages/"]

# The oldest time a zip can carry: the content alone decides what the archive is.
_TIME = (1980, 1, 1, 0, 0, 0)
_FORMAT = "1"
"""Goes up when the same input makes another archive."""


@dataclass(frozen=True)
class Package:
    archive: Path
    """The zip, in the user's cache."""
    digest: str
    """16 hex digits of the SHA-256 of what is in it, and not of how it is compressed: libraries differ in that."""
    source: Path | None = None
    """The folder that it was built from, where that is known."""
    python_version: str = PYTHON_VERSION
    """What its dependencies are for."""


def build_package(source: Path, python_version: str = PYTHON_VERSION) -> Package:
    """Builds the package of a function app, or finds the one that was built from the same content.

    Args:
        source: Folder with host.json. Its requirements.txt, if there is one, pins every dependency with hashes.
        python_version: Such as `3.12`: what the app runs on, not what runs this.

    Raises:
        PackageError: no function app, dependencies that are not pinned, or they cannot be fetched.
    """
    if not (source / "host.json").is_file():
        raise PackageError(f"{source.absolute()} is no function app: it has no host.json")
    files = {name: (source / name).read_bytes() for name in _sources(source)}
    if python_version not in PYTHON_VERSIONS:
        raise PackageError(
            f"no package can be built for Python {python_version!r}: a function app runs on {' or '.join(PYTHON_VERSIONS)}"
        )
    dependencies = dependencies_of(source, python_version)
    digest = _digest(files, dependencies)
    archive = cached(f"package-{digest}.zip")
    if not archive.exists():
        installed = dependencies.installed() if dependencies else None
        with made(archive) as target:
            _write(target, files, installed)
    return Package(archive, digest, source.absolute(), python_version)


def lay_out(source: Path, target: Path, python_version: str = PYTHON_VERSION) -> Path | None:
    """Puts what a package has of an app's own into a folder, and says where what it has of others lies.

    The same as unpacking the package, without making one: for whoever runs it again after each edit.

    Args:
        source: Folder with host.json.
        target: Empty folder.
        python_version: What the app runs on.

    Returns:
        The folder with the dependencies, kept for the next time; none if it has none.

    Raises:
        PackageError: as `build_package`.
    """
    if not (source / "host.json").is_file():
        raise PackageError(f"{source.absolute()} is no function app: it has no host.json")
    for name in _sources(source):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((source / name).read_bytes())
    dependencies = dependencies_of(source, python_version)
    return dependencies.unpacked() if dependencies else None


def _sources(source: Path) -> list[str]:
    """The files of the app as .funcignore says (it reads like a .gitignore), in the same order on every machine."""
    ignore = source / ".funcignore"
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    ignored = pathspec.GitIgnoreSpec.from_lines([*_IGNORED, *lines])
    never = pathspec.GitIgnoreSpec.from_lines(_NEVER)
    names = sorted(path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file())
    return [name for name in names if not ignored.match_file(name) and not never.match_file(name)]


def built_package(digest: str) -> Package | None:
    """The package with a digest, if it was built on this machine."""
    archive = cached(f"package-{digest}.zip")
    return Package(archive, digest) if archive.exists() else None


def _digest(files: Mapping[str, bytes], dependencies: Dependencies | None) -> str:
    content = [[name, hashlib.sha256(text).hexdigest()] for name, text in files.items()]
    identity = json.dumps([_FORMAT, dependencies.identity if dependencies else None, content])
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _write(target: Path, files: Mapping[str, bytes], installed: Path | None) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            _add(archive, name, content)
        if installed is not None:
            with zipfile.ZipFile(installed) as site_packages:
                for name in site_packages.namelist():
                    _add(archive, f"{_SITE_PACKAGES}/{name}", site_packages.read(name))


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, on whatever machine it is made
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)
