"""Blob Storage by identity: the declared accounts and containers, in front of Azurite.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory
"""

import base64
import hmac
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, unquote, urlencode
from xml.sax.saxutils import escape

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from apim_policies.clock import Clock
from apim_policies.pipeline.refusals import Explain, Refusal, unexplained
from secure_mcp_local.azure.entra import TokenIssuer, TokenRefused
from secure_mcp_local.azure.storage import access
from secure_mcp_local.azure.storage.access import Access
from secure_mcp_local.azure.storage.azurite import Azurite
from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.recording import Recording, Resource

ACCOUNT = "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"
AUDIENCE = "https://storage.azure.com"

_OLDEST_VERSION = "2017-11-09"
"""Of the REST API, from which on it takes tokens of Entra ID."""
_SIGNATURE = {"sv", "ss", "srt", "sr", "sp", "st", "se", "sip", "spr", "si", "skoid", "sktid", "ske", "sks", "sig"}
"""Query parameters of shared access signatures."""
_NOT_FORWARDED = {"authorization", "host", "connection", "cookie", "expect", "transfer-encoding"}
_NOT_RETURNED = {"connection", "keep-alive", "transfer-encoding", "server", "date"}

# (level, method, restype, comp) -> action
_OPERATIONS = {
    ("account", "GET", "", "list"): access.LIST_CONTAINERS,
    ("container", "GET", "container", ""): access.READ_CONTAINER,
    ("container", "HEAD", "container", ""): access.READ_CONTAINER,
    ("container", "GET", "container", "list"): access.READ_BLOB,
    ("container", "PUT", "container", ""): access.WRITE_CONTAINER,
    ("container", "DELETE", "container", ""): access.DELETE_CONTAINER,
    ("blob", "GET", "", ""): access.READ_BLOB,
    ("blob", "HEAD", "", ""): access.READ_BLOB,
    ("blob", "GET", "", "metadata"): access.READ_BLOB,
    ("blob", "HEAD", "", "metadata"): access.READ_BLOB,
    ("blob", "GET", "", "blocklist"): access.READ_BLOB,
    ("blob", "PUT", "", ""): access.WRITE_BLOB,
    ("blob", "PUT", "", "block"): access.WRITE_BLOB,
    ("blob", "PUT", "", "blocklist"): access.WRITE_BLOB,
    ("blob", "PUT", "", "metadata"): access.WRITE_BLOB,
    ("blob", "PUT", "", "properties"): access.WRITE_BLOB,
    ("blob", "DELETE", "", ""): access.DELETE_BLOB,
}


@dataclass
class Refused(Exception):
    """An answer with an error code of Blob Storage."""

    status: int
    code: str
    message: str
    expected: str = ""
    declared: str = ""


def account_names(recording: Recording) -> list[str]:
    """The names of the declared storage accounts.

    Raises:
        LocalCloudError: a declaration without an id.
    """
    return [_name(account) for account in recording.all(ACCOUNT)]


def blob_hosts(recording: Recording) -> list[str]:
    """The host names of their blob endpoints."""
    return [_host(name) for name in account_names(recording)]


def _host(account: str) -> str:
    return f"{account}.blob.core.windows.net"


class BlobStorage:
    """The blob endpoints of every declared account, by host name."""

    def __init__(self, hosts: Mapping[str, ASGIApp]) -> None:
        self.hosts = dict(hosts)

    @classmethod
    async def from_recording(
        cls,
        recording: Recording,
        azurite: Azurite,
        issuer: TokenIssuer,
        clock: Clock,
        explain: Explain = unexplained,
    ) -> "BlobStorage":
        """The declared accounts with their declared containers, empty. `azurite` runs and has the accounts.

        Raises:
            LocalCloudError: a declaration that Azure would refuse.
        """
        del clock  # tokens are verified by the issuer's
        roles = Access.from_recording(recording)
        accounts = {
            _name(declared): Account(declared, roles, azurite, issuer, explain) for declared in recording.all(ACCOUNT)
        }
        for container in recording.all(CONTAINER):
            account = accounts.get(str(container.get("accountName")).lower())
            if account is None:
                raise LocalCloudError(
                    f"{container.name}: the stack declares no storage account {container.get('accountName')!r}"
                )
            await account.create(str(container.get("containerName")))
        return cls({account.host: account for account in accounts.values()})


class Account:
    """One account: an ASGI app."""

    def __init__(
        self,
        declared: Resource,
        roles: Access,
        azurite: Azurite,
        issuer: TokenIssuer,
        explain: Explain = unexplained,
    ) -> None:
        self._explain = explain
        self.id = declared.id
        self.name = _name(declared)
        self.host = _host(self.name)
        self._shared_keys = declared.get("allowSharedKeyAccess", True) is not False
        self._roles = roles
        self._issuer = issuer
        self._audiences = (AUDIENCE, f"{AUDIENCE}/", f"https://{self.host}", f"https://{self.host}/")
        self._azurite = azurite
        if self.name not in azurite.keys:
            raise LocalCloudError(f"{declared.name}: Azurite was started without the account {self.name!r}")
        # Our own way in: Azurite knows keys only.
        self._signature = _signature(self.name, azurite.keys[self.name])

    async def create(self, container: str) -> None:
        """Creates a declared container.

        Raises:
            LocalCloudError: its name is not possible.
        """
        response = await self._azurite.client.put(
            f"{self._azurite.blob_url}/{self.name}/{container}?restype=container&{self._signature}",
            headers={"x-ms-version": "2021-12-02"},
        )
        # 409: a folder with data of an earlier run.
        if response.status_code not in {201, 409}:
            raise LocalCloudError(f"the container {container!r} cannot be created: {response.text}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Refused as refused:
            response = _error(refused.status, refused.code, refused.message)
            self._explain(
                Refusal(
                    service=f"Blob Storage {self.name}",
                    code=f"{refused.status} {refused.code}",
                    message=refused.message,
                    expected=refused.expected,
                    declared=refused.declared,
                )
            )
            if refused.status == 401:
                response.headers["www-authenticate"] = (
                    f"Bearer authorization_uri={self._issuer.base_url}/{self._issuer.tenant}/oauth2/authorize "
                    f"resource_id={AUDIENCE}"
                )
        except NotModelled as missing:
            response = _error(501, "NotImplemented", str(missing))
        except httpx.HTTPError as error:
            response = _error(503, "ServerBusy", f"Azurite does not answer: {type(error).__name__}")
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path: bytes = request.scope["raw_path"]
        query = dict(parse_qsl(request.url.query, keep_blank_values=True))
        principal = self._authenticate(request, query)
        level, resource_id = self._place(path)
        operation = (level, request.method, query.get("restype", "").lower(), query.get("comp", "").lower())
        action = _OPERATIONS.get(operation)
        if action is None or any(name in request.headers for name in ("x-ms-copy-source", "x-ms-lease-action")):
            raise NotModelled(
                f"the local Blob Storage does not model {request.method} of {level} with "
                f"restype={operation[2]!r} comp={operation[3]!r}, nor copies and leases"
            )
        if not self._roles.permits(principal, action, resource_id):
            raise Refused(
                403,
                "AuthorizationPermissionMismatch",
                "This request is not authorized to perform this operation using this permission. "
                f"(No declared role assignment lets the principal {principal} do {action} on {resource_id}.)",
                expected=f"a role assignment that lets {principal} do {action} on {resource_id}",
                declared=self._roles.declared(principal),
            )
        return await self._forward(request, path)

    def _authenticate(self, request: Request, query: Mapping[str, str]) -> str:
        """The object id of the caller."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() in {"sharedkey", "sharedkeylite"} or _SIGNATURE & query.keys():
            if self._shared_keys:
                raise NotModelled("the local Blob Storage does not model account keys; use a token of Entra ID")
            message = "Key based authentication is not permitted on this storage account."
            expected, declared = "a token of Entra ID", "allowSharedKeyAccess false"
            raise Refused(403, "KeyBasedAuthenticationNotPermitted", message, expected, declared)
        if scheme.lower() != "bearer" or not token:
            message = "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
            raise Refused(401, "NoAuthenticationInformation", message)
        if request.headers.get("x-ms-version", "") < _OLDEST_VERSION:
            message = f"Tokens need x-ms-version {_OLDEST_VERSION} or later."
            raise Refused(400, "InvalidHeaderValue", message)
        try:
            claims = self._issuer.verify(token.strip(), self._audiences)
        except TokenRefused as refused:
            message = f"Server failed to authenticate the request: the token is not valid: {refused}"
            expected = f"a token for {AUDIENCE}"
            raise Refused(401, "InvalidAuthenticationInfo", message, expected, str(refused)) from refused
        if not claims.get("oid"):
            raise Refused(401, "InvalidAuthenticationInfo", "The token names no principal.")
        return str(claims["oid"])

    def _place(self, path: bytes) -> tuple[str, str]:
        """What an address means (account, container, blob), and the ARM id that roles are looked up for."""
        segments = [unquote(segment) for segment in path.decode("ascii").split("/")[1:]]
        if any(segment in {".", ".."} or "\\" in segment for segment in segments):
            raise Refused(400, "InvalidUri", "The requested URI does not represent any resource on the server.")
        container, *blob = segments
        if not container:
            if blob:
                raise Refused(400, "InvalidUri", "The requested URI does not represent any resource on the server.")
            return "account", self.id
        if not any(blob):
            if len(blob) > 1:
                raise Refused(400, "InvalidUri", "The requested URI does not represent any resource on the server.")
            return "container", f"{self.id}/blobServices/default/containers/{container}"
        return "blob", f"{self.id}/blobServices/default/containers/{container}"

    async def _forward(self, request: Request, path: bytes) -> Response:
        query: bytes = request.scope["query_string"]
        target = httpx.URL(self._azurite.blob_url).copy_with(
            raw_path=b"/"
            + self.name.encode()
            + path
            + b"?"
            + query
            + (b"&" if query else b"")
            + self._signature.encode()
        )
        headers = [(name, value) for name, value in request.headers.raw if name.decode() not in _NOT_FORWARDED]
        body = _body(request) if request.headers.get("content-length", "0") != "0" else b""
        if "transfer-encoding" in request.headers:
            raise Refused(411, "MissingContentLengthHeader", "The Content-Length header was not specified.")
        answer = await self._azurite.client.send(
            self._azurite.client.build_request(request.method, target, headers=headers, content=body), stream=True
        )
        kept = {name: value for name, value in answer.headers.items() if name not in _NOT_RETURNED}
        # Raw: what Azurite says about encoding and length stays true.
        return StreamingResponse(answer.aiter_raw(), answer.status_code, kept, background=BackgroundTask(answer.aclose))


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk


def _name(declared: Resource) -> str:
    if not declared.id:
        raise LocalCloudError(f"{declared.name}: the recording has no id for this {declared.type}")
    return declared.id.rpartition("/")[2].lower()


def _error(status: int, code: str, message: str) -> Response:
    body = (
        f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>'
    )
    headers = {"x-ms-error-code": code, "x-ms-request-id": str(uuid.uuid4())}
    return Response(body, status, headers, "application/xml")


def _signature(account: str, key: str) -> str:
    """A shared access signature for everything in the blobs of an account, for a year; the SDK's would take half a second to import.

    https://learn.microsoft.com/rest/api/storageservices/create-account-sas#construct-the-signature-string
    """
    version, expiry = "2021-12-02", (datetime.now(UTC) + timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = {"sp": "rwdlacup", "ss": "b", "srt": "sco", "st": "", "se": expiry, "sip": "", "spr": "", "sv": version}
    # The last line is an encryption scope: none.
    signed = "".join(f"{line}\n" for line in (account, *fields.values(), ""))
    signature = hmac.digest(base64.b64decode(key), signed.encode(), "sha256")
    given = {name: value for name, value in fields.items() if value}
    return urlencode({**given, "sig": base64.b64encode(signature).decode()})
