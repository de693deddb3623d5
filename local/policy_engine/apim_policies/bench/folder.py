"""Policies as files: any folder of documents, and a file that says what each of them is for."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from apim_policies.documents.document import NAMED_VALUE
from apim_policies.errors import ExplainedError
from apim_policies.gateway import (
    ApiDeclaration,
    Declaration,
    NamedValue,
    OperationDeclaration,
    ProductDeclaration,
    SubscriptionDeclaration,
)
from apim_policies.gateway.declaration import SERVICE, api_document, fragment_document, product_document
from apim_policies.gateway.openapi import operations_of
from apim_policies.pipeline.backends import Breaker, DeclaredBackend, Member, seconds

URL = "https://gateway.example"
BACKEND = "https://backend.example"
ANY = (OperationDeclaration("any", "Any", "*", "/*"),)
"""The operation of an API of which nothing more is known."""

_FRAGMENT = re.compile(r"<fragment\b")
_POLICIES = re.compile(r"<policies\b")
_GLOBAL = frozenset({"global", "service", "all-apis"})


def documents(path: Path) -> Declaration:
    """A folder of documents: each `<policies>` is an API at the path of its file, each `<fragment>` goes by its file's name.

    A document called `global.xml` is the policy of the whole service. Named values have their own names as values.

    Raises:
        ExplainedError: there is no policy document.
    """
    apis: list[ApiDeclaration] = []
    fragments: dict[str, str] = {}
    service: str | None = None
    root = path if path.is_dir() else path.parent
    texts = {file: text for file, text in _read(path)}
    files: dict[str, str] = {}
    for file, text in texts.items():
        id = file.relative_to(root).with_suffix("").as_posix().replace("/", "-")
        if _FRAGMENT.search(text) and not _POLICIES.search(text):
            fragments[fragment_id(file)] = text
            files[fragment_document(fragment_id(file))] = shown(file)
        elif _POLICIES.search(text):
            if file.stem.lower() in _GLOBAL:
                service = text
                files[SERVICE] = shown(file)
            else:
                apis.append(ApiDeclaration(id, id, id, BACKEND, ANY, text))
                files[api_document(id)] = shown(file)
    if not apis and service is None and not fragments:
        raise ExplainedError(f"{path} has no policy document in it: no *.xml with <policies> or <fragment>")
    values = guessed(texts.values())
    return Declaration(URL, apis, named_values=values, fragments=fragments, policy=service, files=files)


def shown(file: Path) -> str:
    """A file as people in this folder write it, and as tools of CI find it."""
    full, here = file.resolve(), Path.cwd()
    return full.relative_to(here).as_posix() if full.is_relative_to(here) else full.as_posix()


def _read(path: Path) -> Iterator[tuple[Path, str]]:
    for file in sorted(path.rglob("*.xml")) if path.is_dir() else [path]:
        yield file, file.read_text(encoding="utf-8-sig")


def fragment_id(file: Path) -> str:
    """The id of a fragment by its file: its name, or that of its folder if it is called policy.xml."""
    return file.parent.name if file.stem == "policy" else file.stem


def guessed(texts: Any) -> dict[str, NamedValue]:
    """Every named value that documents use, with its own name as its value."""
    names = {match[1] for text in texts for match in NAMED_VALUE.finditer(text)}
    return {name: NamedValue(name) for name in sorted(names)}


def manifest(file: Path) -> Declaration:
    """A `gateway.yaml`.

    ```yaml
    url: https://gateway.example
    policy: global.xml                       # documents are files beside it
    fragments: {check-key: fragments/check-key.xml}      # or a folder: fragments
    named_values: {Region: westeurope, Key: {value: k, secret: true}}
    backends: [{id: models, url: https://models.example, breaker: {count: 3, interval: PT1M, trip: PT1M, statuses: [429, 500-599]}}]
    products: [{id: gold, apis: [orders], policy: gold.xml}]
    subscriptions: [{id: s1, key: key-1, product: gold}]
    apis:
      - {id: orders, path: orders, service_url: https://orders.example, policy: orders.xml, openapi: orders.yaml}
      - id: users
        path: users
        operations: [{id: get, method: GET, template: "/{id}", policy: get-user.xml}]
    ```

    Raises:
        ExplainedError: it cannot be read, or names a file that is not there.
    """
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ExplainedError(f"{file} is no YAML: {error}") from None
    return declared(said, file.parent)


def declared(said: Mapping[str, Any], folder: Path) -> Declaration:
    """What a mapping in the form of `gateway.yaml` says; its documents are files in a folder."""

    files: dict[str, str] = {}

    def text(name: str | None, document: str) -> str | None:
        if name is None:
            return None
        if "<" in name:
            return name
        found = folder / name
        if not found.is_file():
            raise ExplainedError(f"{found} is not there")
        files[document] = shown(found)
        return found.read_text(encoding="utf-8-sig")

    fragments = said.get("fragments") or {}
    if isinstance(fragments, str):
        texts = {fragment_id(one): content for one, content in _read(folder / fragments)}
        files |= {fragment_document(fragment_id(one)): shown(one) for one, _ in _read(folder / fragments)}
    else:
        texts = {id: text(name, fragment_document(id)) or "" for id, name in fragments.items()}
    apis = [
        ApiDeclaration(
            one["id"],
            one.get("name", one["id"]),
            one.get("path", ""),
            one.get("service_url", BACKEND),
            _operations(one, text, folder),
            text(one.get("policy"), api_document(one["id"])),
            subscription_required=bool(one.get("subscription_required", False)),
            version=one.get("version"),
        )
        for one in said.get("apis") or []
    ]
    values = {
        name: NamedValue(str(value["value"]), bool(value.get("secret")))
        if isinstance(value, dict)
        else NamedValue(str(value))
        for name, value in (said.get("named_values") or {}).items()
    }
    products = [
        ProductDeclaration(
            one["id"],
            one.get("name", one["id"]),
            one.get("apis") or [],
            text(one.get("policy"), product_document(one["id"])),
            bool(one.get("subscription_required", True)),
        )
        for one in said.get("products") or []
    ]
    subscriptions = [
        SubscriptionDeclaration(one["id"], one["key"], product=one.get("product"), api=one.get("api"))
        for one in said.get("subscriptions") or []
    ]
    return Declaration(
        said.get("url", URL),
        apis,
        named_values=values,
        fragments=texts,
        policy=text(said.get("policy"), SERVICE),
        products=products,
        subscriptions=subscriptions,
        backends=[backend_of(one) for one in said.get("backends") or []],
        files=files,
    )


def _operations(api: Mapping[str, Any], text: Any, folder: Path) -> list[OperationDeclaration]:
    policies = {
        one["id"]: text(one.get("policy"), api_document(api["id"], one["id"])) for one in api.get("operations") or []
    }
    if api.get("openapi"):
        found = operations_of(folder / api["openapi"])
        return [
            OperationDeclaration(one.id, one.name, one.method, one.url_template, policies.get(one.id)) for one in found
        ]
    listed = [
        OperationDeclaration(
            one["id"],
            one.get("name", one["id"]),
            one.get("method", "GET"),
            one.get("template", "/"),
            policies[one["id"]],
        )
        for one in api.get("operations") or []
    ]
    return listed or list(ANY)


def backend_of(said: Mapping[str, Any]) -> DeclaredBackend:
    """A backend as `gateway.yaml` has it."""
    breaker = said.get("breaker")
    return DeclaredBackend(
        said["id"],
        said.get("url", ""),
        [Member(one["id"], one.get("priority", 1), one.get("weight", 1)) for one in said.get("pool") or []],
        _breaker(breaker) if breaker else None,
        said.get("headers") or {},
        said.get("query") or {},
        said.get("authorization", ""),
    )


def _breaker(said: Mapping[str, Any]) -> Breaker:
    ranges = [str(one).partition("-") for one in said.get("statuses") or ["500-599"]]
    return Breaker(
        seconds(said.get("interval", "PT1M")),
        seconds(said.get("trip", "PT1M")),
        said.get("count"),
        said.get("percentage"),
        [(int(first), int(last or first)) for first, _, last in ranges],
        said.get("reasons") or [],
        bool(said.get("accept_retry_after")),
    )
