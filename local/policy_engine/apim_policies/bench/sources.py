"""Where policies come from: a folder of documents, an APIops extract, an ARM template or export of one, or a project of something else.

`load` finds out which of them a path is. What the engine does not read itself, another distribution may: it has an entry point of the
group `apim_policies.sources`, called as the file by which a folder is told to be of its kind, such as `Pulumi.yaml`. What is there is a
function of the folder that gives a `Declaration`, or raises an `ExplainedError`.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

from apim_policies.bench.apiops import extract
from apim_policies.bench.arm import template
from apim_policies.bench.folder import documents, manifest
from apim_policies.errors import ExplainedError
from apim_policies.gateway import Declaration, NamedValue

MANIFEST = "gateway.yaml"
"""Says what is in a folder: APIs with their paths, operations and documents; see `folder.manifest`."""


def load(path: Path, *, named_values: Mapping[str, str] | None = None, url: str | None = None) -> Declaration:
    """The gateway that a path describes.

    Args:
        path: A file `gateway.yaml`, a JSON file of ARM, or a folder: with a `gateway.yaml`, of APIops, of documents, or a Pulumi
            project if its package is installed.
        named_values: Values of named values that the source does not have, or instead of those it has.
        url: Address of the gateway.

    Raises:
        ExplainedError: there is nothing of these there.
    """
    if (other := _other(path)) is not None:
        found = other
    elif path.is_dir() and (path / MANIFEST).is_file():
        found = manifest(path / MANIFEST)
    elif path.is_dir() and any((path / name).is_dir() for name in ("apis", "policy fragments", "named values")):
        found = extract(path)
    elif path.is_dir():
        found = documents(path)
    elif path.suffix in {".yaml", ".yml"} and path.is_file():
        found = manifest(path)
    elif path.suffix == ".json" and path.is_file():
        found = template(path)
    elif path.is_file():
        found = documents(path)
    else:
        raise ExplainedError(f"{path} is not there")
    values = {**found.named_values, **{name: NamedValue(value) for name, value in (named_values or {}).items()}}
    return replace(found, named_values=values, url=url or found.url)


_GROUP = "apim_policies.sources"
_PROGRAMS = frozenset({"Pulumi.yaml"})
"""Files of projects whose documents are made by a program: the files beside it say little."""


def _other(path: Path) -> Declaration | None:
    """What a reader of another distribution makes of a folder; None if none is for it."""
    readers = {one.name: one for one in entry_points(group=_GROUP)}
    for name in sorted({*readers, *_PROGRAMS}):
        if (path / MANIFEST).is_file() or not (path / name).is_file():
            continue
        if name not in readers:
            raise ExplainedError(
                f"{path} is a project with {name}, and nothing that is installed reads it: a distribution with the entry point {name} of "
                f"the group {_GROUP} does. Name a folder of documents in it otherwise"
            )
        declared: Declaration = readers[name].load()(path)
        return declared
    return None
