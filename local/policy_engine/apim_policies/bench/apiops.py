"""An APIops extract: a folder for each resource, with what Azure says of it as JSON and its policy beside it.

https://azure.github.io/apiops/
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from apim_policies.bench.folder import ANY, BACKEND, URL, guessed, shown
from apim_policies.errors import ExplainedError
from apim_policies.gateway import ApiDeclaration, Declaration, OperationDeclaration
from apim_policies.gateway.declaration import SERVICE, api_document, fragment_document, product_document
from apim_policies.gateway.openapi import operations_of
from apim_policies.gateway.resources import backend, named_value, product

_SPECIFICATIONS = ("specification.yaml", "specification.yml", "specification.json")


def extract(root: Path) -> Declaration:
    """The gateway that an extract describes.

    Raises:
        ExplainedError: one of its files cannot be read.
    """
    fragments = {
        folder.name: _text(folder / "policy.xml") or "<fragment />" for folder in _folders(root, "policy fragments")
    }
    apis = [_api(folder) for folder in _folders(root, "apis")]
    values = {}
    for folder in _folders(root, "named values"):
        said = _properties(folder / "namedValueInformation.json")
        values[str(said.get("displayName") or folder.name)] = named_value(said, folder.name)
    texts = [
        *fragments.values(),
        *(one.policy or "" for one in apis),
        *(op.policy or "" for one in apis for op in one.operations),
    ]
    service = _text(root / "policy.xml")
    products = [
        replace(
            product(folder.name, _properties(folder / "productInformation.json"), _text(folder / "policy.xml")),
            apis=[one.name for one in _folders(folder, "apis")],
        )
        for folder in _folders(root, "products")
    ]
    return Declaration(
        URL,
        apis,
        named_values={**guessed([*texts, service or ""]), **values},
        fragments=fragments,
        policy=service,
        products=products,
        backends=[
            backend(folder.name, _properties(folder / "backendInformation.json"))
            for folder in _folders(root, "backends")
        ],
        files=dict(_files(root)),
    )


def _files(root: Path) -> Iterator[tuple[str, str]]:
    """The file of each document."""
    places = [(SERVICE, root)]
    places += [(fragment_document(one.name), one) for one in _folders(root, "policy fragments")]
    places += [(product_document(one.name), one) for one in _folders(root, "products")]
    for api in _folders(root, "apis"):
        places.append((api_document(api.name), api))
        places += [(api_document(api.name, one.name), one) for one in _folders(api, "operations")]
    for name, folder in places:
        if (file := folder / "policy.xml").is_file():
            yield name, shown(file)


def _api(folder: Path) -> ApiDeclaration:
    said = _properties(folder / "apiInformation.json")
    policies = {one.name: _text(one / "policy.xml") for one in _folders(folder, "operations")}
    specification = next((folder / name for name in _SPECIFICATIONS if (folder / name).is_file()), None)
    operations = operations_of(specification) if specification is not None else [*ANY]
    known = {one.id.lower() for one in operations}
    operations = [replace(one, policy=policies.get(one.id)) for one in operations]
    operations += [
        OperationDeclaration(id, id, "GET", f"/{id}", text) for id, text in policies.items() if id.lower() not in known
    ]
    return ApiDeclaration(
        folder.name,
        str(said.get("displayName") or folder.name),
        # Of an API that is not current, revisions are asked for by `;rev=`.
        str(said.get("path") or folder.name)
        + (f";rev={said['apiRevision']}" if said.get("isCurrent") is False else ""),
        str(said.get("serviceUrl") or BACKEND),
        operations,
        _text(folder / "policy.xml"),
        version=said.get("apiVersion"),
        revision=str(said.get("apiRevision") or "1"),
    )


def _folders(root: Path, name: str) -> Iterator[Path]:
    folder = root / name
    yield from sorted(one for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else ()


def _text(file: Path) -> str | None:
    return file.read_text(encoding="utf-8-sig") if file.is_file() else None


def _properties(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8-sig")).get("properties") or {}
    except ValueError as error:
        raise ExplainedError(f"{file} is no JSON: {error}") from None
