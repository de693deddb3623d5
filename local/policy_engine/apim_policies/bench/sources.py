"""Where policies come from: a folder of documents, an APIops extract, an ARM template or export of one.

`load` finds out which of them a path is.
"""

from collections.abc import Mapping
from dataclasses import replace
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
        path: A file `gateway.yaml`, a JSON file of ARM, or a folder: with a `gateway.yaml`, of APIops, or of documents.
        named_values: Values of named values that the source does not have, or instead of those it has.
        url: Address of the gateway.

    Raises:
        ExplainedError: there is nothing of these there.
    """
    if path.is_dir() and (path / MANIFEST).is_file():
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
