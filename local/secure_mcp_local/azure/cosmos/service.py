"""The REST API of Cosmos DB: documents by id, and simple queries.

https://learn.microsoft.com/rest/api/cosmos-db/documents
"""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from apim_policies.clock import Clock
from apim_policies.pipeline.refusals import Explain, Refusal, unexplained
from secure_mcp_local.azure.cosmos.access import ITEMS, QUERY, Access
from secure_mcp_local.azure.cosmos.container import MAX_BYTES, Container, Document, Refused
from secure_mcp_local.azure.cosmos.query import Malformed, Query
from secure_mcp_local.azure.cosmos.throughput import cost
from secure_mcp_local.azure.entra import TokenIssuer, TokenRefused
from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import Recording, Resource

ACCOUNT = "azure-native:cosmosdb:DatabaseAccount"
DATABASE = "azure-native:cosmosdb:SqlResourceSqlDatabase"
CONTAINER = "azure-native:cosmosdb:SqlResourceSqlContainer"

AUDIENCE = "https://cosmos.azure.com"
_REFUSALS = {400, 401, 403}
"""Statuses that say that a request was wrong or not allowed; the others belong to the store's normal answers."""
# Azure/azure-cosmos-dotnet-v3, Microsoft.Azure.Cosmos/src/direct/StatusCodes.cs
_SUBSTATUSES = {1003: "OwnerResourceNotFound", 5202: "LocalAuthDisabled", 5302: "RbacUnauthorizedNameBasedDataRequest"}
_VERSIONS = {"2018-12-31", "2020-07-15", "2020-11-05"}
"""REST API versions with partition keys in the present format."""
_QUERY_TYPE = "application/query+json"


class Cosmos:
    """Every declared account, by host name."""

    def __init__(self, accounts: Mapping[str, "Account"]) -> None:
        self.accounts = accounts
        self.hosts: dict[str, ASGIApp] = {account.host: account for account in accounts.values()}

    @classmethod
    def from_recording(
        cls, recording: Recording, issuer: TokenIssuer, clock: Clock, explain: Explain = unexplained
    ) -> "Cosmos":
        """Empty containers, as declared.

        Raises:
            LocalCloudError: a declaration that Azure would refuse, or that is not modelled.
        """
        accounts = [Account(recording, declared, issuer, clock, explain) for declared in recording.all(ACCOUNT)]
        return cls({account.name: account for account in accounts})

    def edit(self, prefix: str, **properties: object) -> None:
        """Change properties of every document whose id begins so, in whatever container.

        Raises:
            LocalCloudError: there is none.
        """
        if not sum(container.edit(prefix, **properties) for container in self.containers):
            raise LocalCloudError(f"no document has an id that begins with {prefix!r}")

    def succeed(self, other: "Cosmos") -> None:
        """Has the documents of the same containers of another one, whose place it takes."""
        before = dict(other.by_path())
        for path, container in self.by_path():
            if path in before:
                container.succeed(before[path])

    def kept(self) -> dict[str, Any]:
        """JSON-ready: every document, by the path of its container."""
        return {path: container.kept() for path, container in self.by_path()}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """What `kept` gave, in an earlier run, for the containers that are still declared."""
        for path, container in self.by_path():
            container.restore(kept.get(path, []))

    def by_path(self) -> Iterator[tuple[str, Container]]:
        """Every container with account, database and name."""
        for account in self.accounts.values():
            for (database, name), container in account.containers.items():
                yield f"{account.name}/{database}/{name}", container

    @property
    def containers(self) -> list[Container]:
        """Every container of every account."""
        return [container for account in self.accounts.values() for container in account.containers.values()]


class Account:
    """One account: an ASGI app."""

    def __init__(
        self,
        recording: Recording,
        declared: Resource,
        issuer: TokenIssuer,
        clock: Clock,
        explain: Explain = unexplained,
    ) -> None:
        self._explain = explain
        if not declared.id:
            raise LocalCloudError(f"{declared.name}: the recording has no id for this {declared.type}")
        self.name = declared.id.rpartition("/")[2].lower()
        self.host = f"{self.name}.documents.azure.com"
        if declared.get("kind", "GlobalDocumentDB") != "GlobalDocumentDB":
            raise NotModelled(f"{declared.name}: only accounts of kind GlobalDocumentDB (NoSQL) are modelled")
        self._local_auth = not declared.get("disableLocalAuth", False)
        self._access = Access(recording, declared)
        self._issuer = issuer
        self._audiences = (AUDIENCE, f"https://{self.host}")
        databases = {str(r.get("databaseName")) for r in recording.all(DATABASE) if self._owns(r)}
        self.containers: dict[tuple[str, str], Container] = {}
        for resource in filter(self._owns, recording.all(CONTAINER)):
            container = Container(resource, clock)
            if container.database not in databases:
                raise LocalCloudError(f"{resource.name}: the stack declares no database {container.database!r}")
            self.containers[container.database, container.name] = container

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        activity = str(uuid.uuid4())
        try:
            response = await self._answer(request)
        except Refused as refused:
            body = {"code": refused.code, "message": f"{refused.message}\r\nActivityId: {activity}, local"}
            response = _json(refused.status, body)
            if refused.status in _REFUSALS:
                self._explain(self._explained(refused))
            if refused.substatus is not None:
                response.headers["x-ms-substatus"] = str(refused.substatus)
            if refused.retry_after is not None:
                response.headers["x-ms-retry-after-ms"] = str(round(refused.retry_after * 1000))
        except NotModelled as missing:
            response = _json(501, {"code": "NotImplemented", "message": str(missing)})
        response.headers["x-ms-activity-id"] = activity
        response.headers["x-ms-request-charge"] = f"{cost(request.method, _size(request)):g}"
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        principal = self._authenticate(request)
        container, id = self._place(request)
        # What is too large is refused before it costs anything.
        size = _size(request)
        wait = container.throughput.take(cost(request.method, size) if size <= MAX_BYTES else 0)
        if wait is not None:
            message = "Request rate is large. More Request Units may be needed, so no changes were made. Please retry this request later."
            raise Refused(429, "TooManyRequests", message, 3200, retry_after=wait)
        if request.method == "POST" and id is None and _is_query(request):
            self._authorize(principal, QUERY, container)
            return await _queried(request, container)
        partition = _partition(request)
        if_match = request.headers.get("if-match")
        match request.method, id:
            case "POST", None:
                upsert = request.headers.get("x-ms-documentdb-is-upsert", "").lower() == "true"
                self._authorize(principal, f"{ITEMS}/{'upsert' if upsert else 'create'}", container)
                body = await _body(request)
                if upsert:
                    document, created = container.upsert(body, partition, if_match)
                    return _document(201 if created else 200, document)
                return _document(201, container.create(body, partition))
            case "GET", str():
                self._authorize(principal, f"{ITEMS}/read", container)
                document = container.read(id, partition)
                if request.headers.get("if-none-match") == document.etag:
                    return Response(status_code=304, headers={"etag": document.etag})
                return _document(200, document)
            case "PUT", str():
                self._authorize(principal, f"{ITEMS}/replace", container)
                return _document(200, container.replace(id, await _body(request), partition, if_match))
            case "DELETE", str():
                self._authorize(principal, f"{ITEMS}/delete", container)
                container.delete(id, partition, if_match)
                return Response(status_code=204)
            case _:
                raise NotModelled(f"the local Cosmos DB does not model {request.method} {request.url.path}")

    def _authenticate(self, request: Request) -> str:
        """The object id of the caller."""
        if not request.headers.get("x-ms-version"):
            raise Refused(400, "BadRequest", "Required header 'x-ms-version' is missing.")
        if request.headers["x-ms-version"] not in _VERSIONS:
            message = "Invalid API version. Ensure a valid x-ms-version header value is passed."
            raise Refused(400, "BadRequest", message)
        header = request.headers.get("authorization")
        if not header:
            message = "Required Header authorization is missing. Ensure a valid Authorization token is passed."
            raise Refused(401, "Unauthorized", message)
        _check_date(request.headers.get("x-ms-date"))
        decoded = unquote(header)
        fields: dict[str, str] = {}
        for pair in decoded.split("&"):
            name, _, value = pair.partition("=")
            fields[name] = value
        if fields.keys() != {"type", "ver", "sig"} or fields["ver"] != "1.0":
            message = (
                "Authorization header doesn't confirm to the required format. Please verify and try again: "
                "URL-encode type=aad&ver=1.0&sig=<token>."
            )
            raise Refused(401, "Unauthorized", message)
        if fields["type"] != "aad":
            if self._local_auth:
                raise NotModelled("the local Cosmos DB does not model account keys; use a token of Entra ID")
            message = "Local Authorization is disabled. Use an AAD token to authorize all requests."
            raise Refused(
                401, "Unauthorized", message, 5202, expected="a token of Entra ID", declared="disableLocalAuth"
            )
        try:
            claims = self._issuer.verify(fields["sig"], self._audiences)
        except TokenRefused as refused:
            message = f"Request blocked by Auth {self.name} : The token is not valid: {refused}"
            expected = f"a token for {' or '.join(self._audiences)}"
            raise Refused(401, "Unauthorized", message, expected=expected, declared=f"{refused}") from refused
        if not claims.get("oid"):
            message = f"Request blocked by Auth {self.name} : The token names no principal."
            raise Refused(401, "Unauthorized", message)
        return str(claims["oid"])

    def _explained(self, refused: Refused) -> Refusal:
        status = str(refused.status) if refused.substatus is None else f"{refused.status}/{refused.substatus}"
        return Refusal(
            service=f"Cosmos DB {self.name}",
            code=f"{status} {_SUBSTATUSES.get(refused.substatus or 0, refused.code)}",
            message=refused.message,
            expected=refused.expected,
            declared=refused.declared,
        )

    def _authorize(self, principal: str, action: str, container: Container) -> None:
        if not self._access.permits(principal, action, container.database, container.name):
            message = (
                f"Request blocked by Auth {self.name} : Request is blocked because principal [{principal}] "
                f"does not have required RBAC permissions to perform action [{action}] on resource "
                f"[dbs/{container.database}/colls/{container.name}]. "
                "Learn more: https://aka.ms/cosmos-native-rbac."
            )
            raise Refused(
                403,
                "Forbidden",
                message,
                5302,
                expected=f"a role assignment that lets {principal} do {action} in {container.database}/{container.name}",
                declared=self._access.declared(principal),
            )

    def _place(self, request: Request) -> tuple[Container, str | None]:
        """The container and the document id in the address."""
        raw: bytes = request.scope.get("raw_path", b"")
        # Split before decoding: an encoded slash is part of a name. Empty segments are refused with the rest.
        segments = [unquote(segment) for segment in raw.decode("ascii").split("/")[1:]]
        match segments:
            case ["dbs", database, "colls", container, "docs"]:
                id = None
            case ["dbs", database, "colls", container, "docs", id] if id:
                pass
            case _:
                raise NotModelled(f"the local Cosmos DB models /dbs/…/colls/…/docs[/id] only, not {request.url.path}")
        found = self.containers.get((database, container))
        if found is None:
            raise Refused(404, "NotFound", 'Message: {"Errors":["Owner resource does not exist"]}', 1003)
        return found, id

    def _owns(self, resource: Resource) -> bool:
        return str(resource.get("accountName")).lower() == self.name


def _check_date(value: str | None) -> None:
    """A date is part of what a key signs. With a token it may be missing, and the header need not be encoded either: so calls
    Azure-Samples/remote-mcp-apim-functions-python the real one, though the page says "Required".
    """
    if value is None:
        return
    try:
        parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        message = "The authorization token requires a date in RFC 1123 format in the header 'x-ms-date'."
        raise Refused(401, "Unauthorized", message) from None


def _partition(request: Request) -> object:
    header = request.headers.get("x-ms-documentdb-partitionkey")
    if header is None:
        raise Refused(400, "BadRequest", "PartitionKey value must be supplied for this operation.", 1001)
    try:
        keys: Any = json.loads(header)
    except (ValueError, RecursionError):
        keys = None
    if not isinstance(keys, list) or len(keys) != 1 or isinstance(keys[0], dict | list):
        message = f"Partition key {header} is invalid: it must be a JSON array of one value."
        raise Refused(400, "BadRequest", message)
    return keys[0]


def _is_query(request: Request) -> bool:
    type = request.headers.get("content-type", "")
    return request.headers.get("x-ms-documentdb-isquery", "").lower() == "true" or type.startswith(_QUERY_TYPE)


async def _queried(request: Request, container: Container) -> Response:
    """A page of what a query finds. Where it goes on is said by a token that means nothing to callers. It costs what a write costs,
    however many documents are looked at: what a scan costs is written nowhere.

    https://learn.microsoft.com/rest/api/cosmos-db/query-documents
    """
    headers = request.headers
    if headers.get("content-type") != _QUERY_TYPE:
        raise Refused(400, "BadRequest", f"The content type of a query must be {_QUERY_TYPE}.")
    if "x-ms-documentdb-partitionkey" in headers:
        raise NotModelled("the local Cosmos DB models queries of all partitions, not of one")
    if headers.get("x-ms-documentdb-query-enablecrosspartition", "").lower() != "true":
        message = (
            "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to true, "
            "specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
        )
        raise Refused(400, "BadRequest", message)
    try:
        query = Query(await _body(request))
        most = int(headers.get("x-ms-max-item-count", "100"))
        given = headers.get("x-ms-continuation")
        after = "" if given is None else base64.b64decode(given, validate=True).decode()
    except Malformed as malformed:
        raise Refused(400, "BadRequest", str(malformed)) from None
    except ValueError:
        raise Refused(400, "BadRequest", "x-ms-max-item-count or x-ms-continuation is malformed.") from None
    documents = sorted(container.documents(), key=lambda document: str(document["id"]))
    left = [document for document in documents if str(document["id"]) > after and query.matches(document)]
    page = left[:most] if most > 0 else left
    found = [query.picked(document) for document in page]
    response = _json(200, {"_rid": container.rid, "Documents": found, "_count": len(found)})
    response.headers["x-ms-item-count"] = str(len(found))
    if len(page) < len(left):
        response.headers["x-ms-continuation"] = base64.b64encode(str(page[-1]["id"]).encode()).decode()
    return response


def _size(request: Request) -> int:
    """Bytes of what is written, as the caller says."""
    length = request.headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise Refused(413, "RequestEntityTooLarge", "Request size is too large")
    return bytes(body)


def _document(status: int, document: Document) -> Response:
    response = _json(status, document.content)
    response.headers["etag"] = document.etag
    return response


def _json(status: int, content: Mapping[str, Any]) -> Response:
    return Response(json.dumps(content, separators=(",", ":")), status, media_type="application/json")
