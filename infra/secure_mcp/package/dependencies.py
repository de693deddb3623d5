"""What a function app needs, unpacked for the platform that it runs on."""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pathspec
from packaging.markers import InvalidMarker, Marker

from .cache import cached, made
from .failure import PackageError

PYTHON_VERSIONS = ("3.13", "3.12")
"""What a function app can run on, the default first."""
PYTHON_VERSION = PYTHON_VERSIONS[0]
"""What a function app runs on, and what its dependencies are chosen for, if nobody says otherwise."""

# The Functions images for these are Debian 12 (glibc 2.36); wheels for an older glibc run on every later one. 2.28 is the
# newest that wheels commonly ask for, and leaves room should the platform's image be older.
# https://github.com/Azure/azure-functions-docker/tree/dev/host/4/bookworm/python
_GLIBC = 28
_PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in range(_GLIBC, 4, -1)] + [
    f"manylinux{name}_x86_64" for name in ("2014", "2010", "1")
]

LOCK_COMMAND = "python -m secure_mcp.package --lock ."
"""Run in the folder of an app."""

_COMMENT = re.compile(r"(^|\s)#.*")
_PINNED = re.compile(
    r"[A-Za-z0-9][\w.-]*(\[[\w,.\s-]+\])?\s*==\s*[\w.+!-]+\s*(;[^#]*?)?(\s+--hash=sha256:[0-9a-f]{64})+"
)

# What pip writes and no program needs: where, when and by whom it was installed, and commands with that place in them.
_UNREPRODUCIBLE = ["/bin/", "__pycache__/", "*.pyc"] + [
    f"*.dist-info/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
]
_FORMAT = "1"
"""Goes up when the same lock makes other files."""


@dataclass(frozen=True)
class Dependencies:
    """The locked dependencies of one app."""

    source: Path
    """Folder of the app."""
    python_version: str
    requirements: Sequence[str]
    """One pinned package each, without comments, sorted."""

    @property
    def identity(self) -> str:
        """Is another one when other files would be installed: every file follows from the lock's hashes and the platform."""
        content = json.dumps([_FORMAT, self.python_version, *_PLATFORMS, *self.requirements])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def installed(self) -> Path:
        """A zip of site-packages from the cache; fetched when it is not there.

        Raises:
            PackageError: it cannot be fetched.
        """
        archive = cached(f"dependencies-{self.identity}.zip")
        if not archive.exists():
            print(
                f"Fetching {len(self.requirements)} dependencies of {self.source.absolute().name} for Python "
                f"{self.python_version} on Linux (x86-64), once; kept in {archive.parent}",
                file=sys.stderr,
                flush=True,
            )
            with tempfile.TemporaryDirectory(prefix="secure-mcp-") as folder, made(archive) as target:
                self._install(Path(folder))
                _pack(Path(folder, "site-packages"), target)
        return archive

    def unpacked(self) -> Path:
        """The same as a folder in the cache, unpacked when it is not there.

        Raises:
            PackageError: it cannot be fetched.
        """
        archive = self.installed()
        folder = cached(f"dependencies-{self.identity}")
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=folder.parent) as made_in:
                with zipfile.ZipFile(archive) as site_packages:
                    site_packages.extractall(made_in + "/site-packages")
                with suppress(OSError):  # somebody else was faster
                    Path(made_in, "site-packages").rename(folder)
        return folder

    def _install(self, folder: Path) -> None:
        """Has pip unpack the wheels; nothing of theirs is run.

        Raises:
            PackageError: pip failed; its own words.
        """
        lock = folder / "requirements.txt"
        lock.write_text("\n".join(self.requirements) + "\n", encoding="utf-8")
        finished = subprocess.run(  # noqa: S603  (our own interpreter, arguments that we make)
            [
                *(sys.executable, "-X", "utf8", "-m", "pip"),
                *("install", "--quiet", "--disable-pip-version-check", "--no-input"),
                *("--retries", "2", "--require-hashes", "--no-deps", "--no-compile", *wheels_for(self.python_version)),
                *("--target", str(folder / "site-packages"), "--requirement", str(lock)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if finished.returncode:
            said = [line for line in finished.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
            raise PackageError(
                f"pip cannot fetch the dependencies of {self.source.absolute()} (requirements.txt) for Python "
                f"{self.python_version} on Linux (x86-64):\n"
                + "\n".join(f"  {line}" for line in said[-8:])
                + "\nThey are fetched once, then kept. Connect this machine to a package index (pip's own settings and "
                f"proxies apply) and run: python -m secure_mcp.package {self.source.absolute()}"
            )


def wheels_for(python_version: str) -> list[str]:
    """Arguments with which pip chooses what runs on the platform."""
    return [
        *("--only-binary=:all:", "--implementation", "cp", "--python-version", python_version),
        *("--abi", "cp" + python_version.replace(".", "")),
        *(argument for platform in _PLATFORMS for argument in ("--platform", platform)),
    ]


def dependencies_of(source: Path, python_version: str) -> Dependencies | None:
    """What the app's requirements.txt locks, or none.

    Raises:
        PackageError: a line is not pinned to one version and to hashes, or it is an option of pip.
    """
    file = source / "requirements.txt"
    if not file.is_file():
        return None
    text = re.sub(r"\\\r?\n", " ", file.read_text(encoding="utf-8"))
    lines = [" ".join(_COMMENT.sub("", line).split()) for line in text.splitlines()]
    written = sorted(filter(None, lines))
    for requirement in written:
        if not _PINNED.fullmatch(requirement):
            raise PackageError(
                f"{file.absolute()}: {requirement.split(' --hash')[0]!r} is not pinned to one version with hashes, so two "
                "deployments could differ. Write what the app imports to requirements.in and run, in that folder: "
                f"{LOCK_COMMAND}"
            )
    requirements = [pin for pin in (_meant(file, line, python_version) for line in written) if pin is not None]
    return Dependencies(source, python_version, requirements) if requirements else None


def _meant(file: Path, requirement: str, python_version: str) -> str | None:
    """A line without its condition, or None if that does not hold where the app runs. pip would ask where *it* runs.

    Raises:
        PackageError: the condition cannot be read.
    """
    pin, marker, rest = requirement.partition(";")
    if not marker:
        return requirement
    condition, hashes, values = rest.partition("--hash")
    there = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python_version}.0",
        "python_version": python_version,
        "sys_platform": "linux",
    }
    try:
        holds = Marker(condition.strip()).evaluate(there)
    except InvalidMarker as error:
        raise PackageError(f"{file.absolute()}: {pin.strip()!r} has a condition that cannot be read: {error}") from None
    return f"{pin.strip()} {hashes}{values}" if holds else None


def _pack(folder: Path, target: Path) -> None:
    unwanted = pathspec.GitIgnoreSpec.from_lines(_UNREPRODUCIBLE)
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()):
            if not unwanted.match_file(name):
                archive.write(folder / name, name)
