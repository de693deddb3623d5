"""Blob bindings: what the host reads before a function runs, and writes after it.

Source: Azure/azure-webjobs-sdk (BlobPath, WriteBlobArgumentBinding, BindingTemplate), Azure/azure-functions-mcp-extension 1.6
(McpToolTriggerBinding.BindingDataContract: what a path may name).
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from secure_mcp_local.azure.functions.identity import IdentityEndpoint
from secure_mcp_local.azure.functions.process import FunctionFailed
from secure_mcp_local.azure.functions.site import Site, mapping
from secure_mcp_local.errors import ExplainedError, LocalCloudError, NotModelled

TYPE = "blob"
_RESOURCE = "https://storage.azure.com/"
_HOST_STORAGE = "AzureWebJobsStorage"
_VERSION = "2025-01-05"
"""Of the service's REST interface."""
_EXPRESSION = re.compile(r"\{([^{}]*)\}")
_SETTING = re.compile(r"%([^%]*)%")
_LONGEST_NAME = 1024
_NOT_FOUND, _CONFLICT = 404, 409


@dataclass(frozen=True)
class BlobBinding:
    """One parameter of a function that is a blob."""

    function: str
    name: str
    """Of the parameter."""
    path: str
    """Container and blob, with expressions in braces."""
    connection: str
    """Prefix of the app settings that say where the account is, and as whom it is reached."""
    written: bool
    """Whether the function sets it; else it reads it."""

    @classmethod
    def of(cls, function: str, binding: Mapping[str, Any], settings: Mapping[str, str]) -> "BlobBinding":
        """A binding as in function.json.

        Raises:
            LocalCloudError: one that the host refuses when it starts.
            NotModelled: a direction, or an expression, that is not modelled.
        """
        name, direction = str(binding.get("name")), str(binding.get("direction", "")).lower()
        told = f"function {function}: the blob binding {name!r}"
        if direction not in ("in", "out"):
            raise NotModelled(f"{told} has the direction {direction!r}; in and out are modelled")
        if name == "$return":
            raise NotModelled(f"{told} takes what the function returns, which is the answer of the tool")

        def setting(match: re.Match[str]) -> str:
            value = next((value for key, value in settings.items() if key.lower() == match[1].lower()), None)
            if value is None:
                raise LocalCloudError(f"{told} names %{match[1]}%, and the app has no such setting")
            return value

        path = _SETTING.sub(setting, str(binding.get("path", "")))
        container, _, blob = path.partition("/")
        if not container or not blob:
            raise LocalCloudError(f"{told} has the path {path!r}; it must be CONTAINER/BLOB")
        for expression in _EXPRESSION.findall(path):
            if not (
                expression.lower() in ("mcpsessionid", "rand-guid") or expression.lower().startswith("mcptoolargs.")
            ):
                raise NotModelled(
                    f"{told} has {{{expression}}} in its path; "
                    "{mcptoolargs.NAME}, {mcpsessionid} and {rand-guid} are modelled"
                )
        return cls(function, name, path, str(binding.get("connection") or _HOST_STORAGE), direction == "out")

    def address(self, context: Mapping[str, Any]) -> tuple[str, str]:
        """Container and name of the blob for a call.

        Args:
            context: The call as the trigger describes it: `arguments`, `sessionid`.

        Raises:
            FunctionFailed: the call lacks what the path names, or it makes no name of a blob.
        """
        container, _, blob = _EXPRESSION.sub(lambda match: self._value(match[1], context), self.path).partition("/")
        # BlobPath.IsValidBlobName. Of dots it says nothing: what a client makes of them may be another container, so they end here.
        wrong = (
            "1 to 1024 characters are needed"
            if not 0 < len(blob) <= _LONGEST_NAME
            else "a backslash is not allowed"
            if "\\" in blob
            else "a segment of dots leads elsewhere"
            if {".", ".."} & set(blob.split("/"))
            else "it must not end with a dot or a slash"
            if blob.endswith((".", "/"))
            else ""
        )
        if wrong:
            raise FunctionFailed(f"{self.function}: {blob[:100]!r} is no name of a blob ({wrong})")
        return container, blob

    def _value(self, expression: str, context: Mapping[str, Any]) -> str:
        root, _, member = expression.partition(".")
        match root.lower():
            case "rand-guid":
                return str(uuid.uuid4())
            case "mcpsessionid":
                value = context.get("sessionid")
            case _:
                value = mapping(context.get("arguments")).get(member)
                # As JsonElement.ToString says it.
                value = str(value) if isinstance(value, bool | int | float) else value
        if not isinstance(value, str):
            raise FunctionFailed(
                f"{self.function}: no value for {{{expression}}} in the path of the blob binding {self.name!r}"
            )
        return value


class Blobs:
    """The blobs of a function app's bindings, read and written by its host as the app settings say."""

    def __init__(self, site: Site, identity: IdentityEndpoint, client: httpx.AsyncClient) -> None:
        self._site, self._identity, self._client = site, identity, client

    async def read(self, binding: BlobBinding, context: Mapping[str, Any]) -> bytes | None:
        """What the blob holds; none: there is none, of which the function is told.

        https://github.com/Azure/azure-functions-python-library/pull/67

        Raises:
            FunctionFailed: the account does not answer, or does not let the host in.
        """
        container, blob = binding.address(context)
        answer = await self._send("GET", binding, f"/{container}/{quote(blob)}")
        return None if answer.status_code == _NOT_FOUND else self._taken(answer, binding).content

    async def write(self, binding: BlobBinding, context: Mapping[str, Any], content: bytes) -> None:
        """Puts a blob, in a container that the host makes if there is none.

        Raises:
            FunctionFailed: as `read`.
        """
        container, blob = binding.address(context)
        made = await self._send("PUT", binding, f"/{container}?restype=container")
        if made.status_code != _CONFLICT:
            self._taken(made, binding)
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
        self._taken(await self._send("PUT", binding, f"/{container}/{quote(blob)}", headers, content), binding)

    async def _send(
        self,
        method: str,
        binding: BlobBinding,
        path: str,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> httpx.Response:
        account, client_id = self._connection(binding)
        try:
            token = self._identity.token(_RESOURCE, client_id)
            return await self._client.request(
                method,
                account + path,
                headers={"Authorization": f"Bearer {token}", "x-ms-version": _VERSION, **(headers or {})},
                content=content,
            )
        except (ExplainedError, httpx.HTTPError) as error:
            raise FunctionFailed(f"{binding.function}: the blob binding {binding.name!r}: {error}") from None

    def _connection(self, binding: BlobBinding) -> tuple[str, str | None]:
        """Address of the account and client id of the identity.

        https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-blob#common-properties-for-identity-based-connections
        """
        prefix = f"{binding.connection}__".lower()
        given = {
            key.lower().removeprefix(prefix): value
            for key, value in self._site.settings.items()
            if key.lower().startswith(prefix)
        }
        address = given.get("blobserviceuri") or given.get("serviceuri") or ""
        if not address and given.get("accountname"):
            address = f"https://{given['accountname']}.blob.core.windows.net"
        if not address:
            raise FunctionFailed(
                f"{binding.function}: the blob binding {binding.name!r} has the connection {binding.connection!r}, and no app "
                f"setting {binding.connection}__blobServiceUri says where that is (keys are not modelled)"
            )
        return address.rstrip("/"), given.get("clientid") or None

    def _taken(self, answer: httpx.Response, binding: BlobBinding) -> httpx.Response:
        if not answer.is_success:
            code = answer.headers.get("x-ms-error-code", "")
            raise FunctionFailed(
                f"{binding.function}: the blob binding {binding.name!r}: the account answered {answer.status_code} {code}".rstrip()
            )
        return answer
