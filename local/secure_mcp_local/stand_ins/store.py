"""What is deployed: a folder with one JSON file for each resource, shared by all provider processes.

A file is written aside and moved into place, so that a reader sees a resource as it was or as it is. Its name comes from the
resource's id: two processes cannot create the same resource. Secrets are in it in plain text, as they are in Azure; only the
owner can read the folder.
"""

import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from secure_mcp_local.errors import LocalCloudError

_PACKAGE, _FUNCTIONS = ".zip", ".functions"


class AlreadyExists(LocalCloudError):
    """There is a resource with this id."""


def stack_of(urn: str) -> str:
    """Name of the stack that a URN is of."""
    return urn.split("::", 1)[0].rsplit(":", 1)[-1]


@dataclass(frozen=True)
class Deployed:
    """A resource as it is in the cloud."""

    id: str
    urn: str
    """Of the stack's resource that wrote it last."""
    type: str
    """Type token."""
    seed: str
    """What its made-up values (GUIDs, random bytes) come from; another one for each creation."""
    inputs: Mapping[str, Any]
    """Wire values, with the marks of secrets."""
    outputs: Mapping[str, Any]
    """Wire values."""
    created: int
    """When, in nanoseconds since 1970."""
    place: int = 0
    """Of a gateway, among those of its stack: 0 for the first one. It keeps it as long as it is there."""

    @property
    def name(self) -> str:
        """Pulumi name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def adopted(self) -> bool:
        """Whether it belongs to the directory rather than to a stack, such as the service principal of Microsoft Graph."""
        return self.inputs.get("useExisting") is True

    @property
    def stack(self) -> str:
        return stack_of(self.urn)

    @property
    def project(self) -> str:
        return self.urn.split("::")[1]


class Store:
    """The resources in a folder, which is made when the first one is created."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __iter__(self) -> Iterator[Deployed]:
        """Every resource, in order of creation."""
        found = [resource for path in self.folder.glob("*.json") if (resource := _read(path))]
        yield from sorted(found, key=lambda resource: (resource.created, resource.id))

    def get(self, id: str) -> Deployed | None:
        """The resource with an id; ARM ids are compared without case."""
        return _read(self._path(id))

    def of(self, stack: str) -> list[Deployed]:
        """What a stack has deployed, and what it shares with others: directory objects that were there before."""
        return [r for r in self if r.stack == stack or r.adopted]

    def create(self, resource: Deployed) -> None:
        """Adds a resource.

        Raises:
            AlreadyExists: there is one with its id.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        written = self._write(resource)
        try:
            # A link, unlike a move, fails where something is.
            os.link(written, self._path(resource.id))
        except FileExistsError:
            raise AlreadyExists(f"cannot create already existing resource {resource.id!r}") from None
        finally:
            written.unlink()

    def replace(self, resource: Deployed) -> None:
        """Writes a resource that is there."""
        self._write(resource).replace(self._path(resource.id))

    def delete(self, id: str) -> list[str]:
        """Takes a resource away and, as Azure does, everything in it.

        Returns:
            The ids of what is gone.
        """
        inside = f"{id.lower().rstrip('/')}/"
        gone = [r.id for r in self if r.id.lower() == id.lower() or r.id.lower().startswith(inside)]
        for each in gone:
            for suffix in (".json", _PACKAGE, _FUNCTIONS):
                self._path(each).with_suffix(suffix).unlink(missing_ok=True)
        return gone

    def publish(self, id: str, package: bytes, functions: Sequence[str]) -> None:
        """Keeps the code of a function app, and the names of the functions in it. It goes with the app."""
        self._replace(self._path(id).with_suffix(_PACKAGE), package)
        self._replace(self._path(id).with_suffix(_FUNCTIONS), json.dumps(list(functions)).encode())

    def package(self, id: str) -> Path | None:
        """The published code of a function app, if there is any."""
        path = self._path(id).with_suffix(_PACKAGE)
        return path if path.exists() else None

    def functions(self, id: str) -> list[str]:
        """Names of the functions in the published code."""
        path = self._path(id).with_suffix(_FUNCTIONS)
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []

    def free_place(self, stack: str, type: str) -> int:
        """The first place among the resources of a type in a stack that none of them has."""
        taken = {r.place for r in self if r.stack == stack and r.type == type}
        return next(place for place in range(len(taken) + 1) if place not in taken)

    @contextmanager
    def alone(self) -> Generator[None]:
        """Keeps all other processes waiting that want the same."""
        import portalocker  # noqa: PLC0415  (of no use to who only reads)

        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / ".lock").open("wb") as lock:
            portalocker.lock(lock, portalocker.LockFlags.EXCLUSIVE)
            yield

    def version(self) -> int:
        """A number that changes when anything is created, changed or deleted; 0: nothing was ever deployed."""
        try:
            return self.folder.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _path(self, id: str) -> Path:
        return self.folder / f"{hashlib.sha256(id.lower().encode()).hexdigest()[:32]}.json"

    def _replace(self, path: Path, content: bytes) -> None:
        handle, written = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self.folder)
        with open(handle, "wb") as file:
            file.write(content)
        Path(written).replace(path)

    def _write(self, resource: Deployed) -> Path:
        handle, path = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self.folder)
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(resource), file, indent=1)
        return Path(path)


def _read(path: Path) -> Deployed | None:
    try:
        found = path.stat()
        return _parsed(path, found.st_ino, found.st_mtime_ns)
    except FileNotFoundError:
        return None


@functools.lru_cache(maxsize=4096)
def _parsed(path: Path, inode: int, changed: int) -> Deployed:
    """Files are never written in place: what was read once stays as it is."""
    del inode, changed
    try:
        return Deployed(**json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise LocalCloudError(
            f"{path} is no resource of the local cloud ({error}); delete the folder and deploy again"
        ) from None
