"""Documents of one container: conditional writes, ETags, time to live."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from apim_policies.clock import Clock
from secure_mcp_local.azure.cosmos.throughput import Throughput
from secure_mcp_local.errors import NotModelled
from secure_mcp_local.recording import Resource

MAX_BYTES = 2 * 1024 * 1024
"""Largest document, as UTF-8 JSON."""
_MAX_ID_BYTES = 1023
_MAX_TTL = 2**31 - 1
# What a container can declare without effect on what is modelled here. Anything else is refused.
_HARMLESS = {"id", "partitionKey", "defaultTtl", "indexingPolicy", "createMode"}


class Refused(Exception):
    """Cosmos DB's refusal: status, the code in its body, a message, and perhaps a sub-status."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        substatus: int | None = None,
        *,
        expected: str = "",
        declared: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds, where it is a matter of time."""
        self.status, self.code, self.message, self.substatus = status, code, message, substatus
        self.expected, self.declared = expected, declared


@dataclass(frozen=True)
class Document:
    """A stored document, with its system properties (`_etag`, `_ts` and so on)."""

    content: Mapping[str, Any]
    expires: float | None
    """Seconds since the Unix epoch."""

    @property
    def etag(self) -> str:
        """Includes its quotes, as in the header."""
        return str(self.content["_etag"])


class Container:
    """A declared container. Every method is atomic: concurrent requests never interleave in one."""

    def __init__(self, declared: Resource, clock: Clock) -> None:
        """Read the declaration.

        Raises:
            NotModelled: it has a feature that is not modelled.
        """
        self.database = str(declared.get("databaseName"))
        resource = cast("Mapping[str, Any]", declared.get("resource") or {})
        self.name = str(resource.get("id") or declared.get("containerName"))
        for key in sorted(set(resource) - _HARMLESS):
            # Azure's answer repeats system properties with a leading underscore.
            if resource[key] is not None and not key.startswith("_"):
                raise NotModelled(f"{declared.name}: the local Cosmos DB does not model {key} of a container")
        key = cast("Mapping[str, Any]", resource.get("partitionKey") or {})
        paths = cast("list[object]", key.get("paths") or [])
        if len(paths) != 1 or key.get("kind", "Hash") != "Hash":
            raise NotModelled(f"{declared.name}: the local Cosmos DB models one partition key path of kind Hash")
        self._key_path = str(paths[0]).strip("/").split("/")
        default_ttl = resource.get("defaultTtl")
        self._default_ttl = None if default_ttl is None else int(default_ttl)
        """Seconds; -1: documents live for ever unless they say otherwise; None: time to live is off."""
        self._clock = clock
        self.throughput = Throughput(clock)
        self._documents: dict[tuple[str, str], Document] = {}
        self.rid = f"{uuid.uuid4().hex[:11]}="
        """The container's id as the system gives it."""

    def documents(self) -> list[Mapping[str, Any]]:
        """Every live document: for the trace console and for tests that look for leaks."""
        return [document.content for key in list(self._documents) if (document := self._live(key)) is not None]

    def edit(self, prefix: str, **properties: object) -> int:
        """Change properties of documents whose id begins so, as a person can in the portal; says how many."""
        edited = [d for d in self.documents() if str(d["id"]).startswith(prefix)]
        for document in edited:
            key = next(key for key, stored in self._documents.items() if stored.content is document)
            self._store(key, {k: v for k, v in document.items() if not k.startswith("_")} | properties)
        return len(edited)

    def succeed(self, other: "Container") -> None:
        """Has the documents of another one, whose place it takes."""
        self._documents = other._documents

    def kept(self) -> list[Any]:
        """Every live document with when it expires, JSON-ready."""
        live = ((key, self._live(key)) for key in list(self._documents))
        return [[*key, document.content, document.expires] for key, document in live if document is not None]

    def restore(self, kept: Sequence[Any]) -> None:
        """What `kept` gave, in an earlier run."""
        for partition, id, content, expires in kept:
            self._documents[partition, id] = Document(content, expires)

    def clear(self) -> None:
        """Forget every document."""
        self._documents.clear()

    def create(self, body: bytes, partition: object) -> Document:
        """Store a new document.

        Raises:
            Refused: 400 malformed, 409 the id is taken, 413 too large.
        """
        content = self._parse(body, partition)
        key = _key(partition, content["id"])
        if self._live(key) is not None:
            message = "Entity with the specified id already exists in the system."
            raise Refused(409, "Conflict", message)
        return self._store(key, content)

    def upsert(self, body: bytes, partition: object, if_match: str | None) -> tuple[Document, bool]:
        """Store a document; also says whether it is new.

        Raises:
            Refused: 400 malformed, 412 changed since, 413 too large.
        """
        content = self._parse(body, partition)
        key = _key(partition, content["id"])
        existing = self._live(key)
        if existing is not None:
            _require_match(existing, if_match)
        return self._store(key, content), existing is None

    def read(self, id: str, partition: object) -> Document:
        """A document.

        Raises:
            Refused: 404 there is none, or it has expired.
        """
        document = self._live(_key(partition, id))
        if document is None:
            raise Refused(404, "NotFound", "Entity with the specified id does not exist in the system.")
        return document

    def replace(self, id: str, body: bytes, partition: object, if_match: str | None) -> Document:
        """Replace an existing document, if its ETag still is `if_match`.

        Raises:
            Refused: 400 malformed, 404 there is none, 412 changed since, 413 too large.
        """
        content = self._parse(body, partition)
        existing = self.read(id, partition)
        if content["id"] != id:
            raise Refused(400, "BadRequest", "The id in the document is not the id in the address.")
        _require_match(existing, if_match)
        return self._store(_key(partition, id), content)

    def delete(self, id: str, partition: object, if_match: str | None) -> None:
        """Delete a document, if its ETag still is `if_match`.

        Raises:
            Refused: 404 there is none, 412 changed since.
        """
        _require_match(self.read(id, partition), if_match)
        del self._documents[_key(partition, id)]

    def _live(self, key: tuple[str, str]) -> Document | None:
        document = self._documents.get(key)
        if document is not None and document.expires is not None and document.expires <= self._clock.now():
            del self._documents[key]
            return None
        return document

    def _store(self, key: tuple[str, str], content: dict[str, Any]) -> Document:
        now = self._clock.now()
        rid = f"{self.rid[:8]}{uuid.uuid4().hex[:8]}=="
        system = {
            "_rid": rid,
            "_self": f"dbs/{self.rid[:6]}==/colls/{self.rid}/docs/{rid}/",
            "_etag": f'"{uuid.uuid4()}"',
            "_attachments": "attachments/",
            "_ts": int(now),
        }
        # An item's own time to live counts only where the container has one at all.
        own = content.get("ttl")
        ttl = -1 if self._default_ttl is None else self._default_ttl if own is None else own
        expires = None if ttl == -1 else int(now) + ttl
        self._documents[key] = Document({**content, **system}, expires)
        return self._documents[key]

    def _parse(self, body: bytes, partition: object) -> dict[str, Any]:
        if len(body) > MAX_BYTES:
            raise Refused(413, "RequestEntityTooLarge", "Request size is too large")
        try:
            content: object = json.loads(body, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise Refused(400, "BadRequest", "The request body is not valid JSON.") from None
        if not isinstance(content, dict):
            raise Refused(400, "BadRequest", "The request body must be a JSON object.")
        document = cast("dict[str, Any]", content)
        id = document.get("id")
        if not isinstance(id, str) or not id:
            message = "The input content is invalid because the required properties - 'id; ' - are missing"
            raise Refused(400, "BadRequest", message)
        _require_valid_id(id)
        ttl = document.get("ttl")
        if ttl is not None and (
            not isinstance(ttl, int) or isinstance(ttl, bool) or not (ttl == -1 or 0 < ttl <= _MAX_TTL)
        ):
            message = (
                f"The input ttl '{ttl}' is invalid. Ensure to provide a nonzero positive integer "
                f"up to '{_MAX_TTL}', or -1 for no expiration."
            )
            raise Refused(400, "BadRequest", message)
        value: object = document
        for name in self._key_path:
            value = cast("dict[str, object]", value).get(name, {}) if isinstance(value, dict) else {}
        if value != partition or isinstance(value, bool) != isinstance(partition, bool):
            message = "PartitionKey extracted from document doesn't match the one specified in the header."
            raise Refused(400, "BadRequest", message, 1001)
        return document


def _key(partition: object, id: str) -> tuple[str, str]:
    return json.dumps(partition), id


def _require_match(document: Document, if_match: str | None) -> None:
    if if_match is not None and if_match not in {"*", document.etag}:
        message = "One of the specified pre-condition is not met. Operation cannot be performed."
        raise Refused(412, "PreconditionFailed", message)


def _require_valid_id(id: str) -> None:
    if forbidden := sorted(set("/\\?#") & set(id)):
        raise Refused(400, "BadRequest", f"The id contains illegal characters: {' '.join(forbidden)}")
    if len(id.encode()) > _MAX_ID_BYTES:
        raise Refused(400, "BadRequest", f"The id is longer than {_MAX_ID_BYTES} bytes.")
    if id.endswith(" "):
        raise Refused(400, "BadRequest", "The id ends with a space.")


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
