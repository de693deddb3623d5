"""Calls of Azure Resource Manager and Microsoft Graph.

https://learn.microsoft.com/rest/api/azure/
"""

import base64
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, cast

import httpx

Token = Callable[[str], str]
"""Gives a token for an audience such as `https://management.azure.com`."""

PUBLIC_CLOUD = "https://management.azure.com"
_ACCEPTED, _NOT_FOUND = 202, 404
_RETRIED = {408, 409, 429, 500, 502, 503, 504}
_ATTEMPTS = 5
_LONGEST_WAIT = 30.0
"""Seconds between two attempts, whatever Retry-After says."""
_TIMEOUT = 60.0


class AzureError(Exception):
    """Azure cannot be asked: names what is wrong and what to do."""


class Refused(Exception):
    """An answer that says no."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}" if code else f"{status}: {message}")
        self.status, self.code, self.message = status, code, message


def login() -> Token:
    """The login of azure-identity: the Azure CLI's, a pipeline's, or whatever else its default chain finds.

    https://learn.microsoft.com/python/api/azure-identity/azure.identity.defaultazurecredential
    """
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415  (takes a third of a second)
    from azure.identity import CredentialUnavailableError, DefaultAzureCredential  # noqa: PLC0415

    # What it tried, one after the other, is a page that nobody can do anything about: the error says what to do.
    logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
    credential = DefaultAzureCredential(process_timeout=30)

    def token(audience: str) -> str:
        try:
            return credential.get_token(f"{audience.rstrip('/')}/.default").token
        except (ClientAuthenticationError, CredentialUnavailableError) as error:
            first = (str(error).splitlines() or [""])[0]
            raise AzureError(f"nobody is signed in to Azure: run az login ({first})") from None

    return token


class ResourceManager:
    """One endpoint with one login; use as a context manager.

    Args:
        token: Gives tokens.
        endpoint: Without a trailing slash; Azure Resource Manager of the public cloud, another cloud's, or Microsoft Graph.
        transport: Of the HTTP client; for tests.
    """

    def __init__(
        self, token: Token, endpoint: str = PUBLIC_CLOUD, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._token, self.endpoint = token, endpoint.rstrip("/")
        self._client = httpx.Client(transport=transport, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def claims(self) -> Mapping[str, Any]:
        """What stands in the token that is sent: who is signed in, and as what. Empty if it cannot be read: it is Azure's own.

        https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
        """
        body = (*self._token(self._audience).split("."), "", "")[1]
        try:
            claims: object = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except ValueError:
            return {}
        return cast("Mapping[str, Any]", claims) if isinstance(claims, dict) else {}

    @property
    def _audience(self) -> str:
        return "https://graph.microsoft.com" if "graph." in self.endpoint else PUBLIC_CLOUD

    def get(self, path: str, version: str = "", **query: str) -> dict[str, Any]:
        """A resource, or what a query gives.

        Args:
            path: With a leading slash.
            version: The `api-version`; Microsoft Graph has none.
            query: Further parameters.

        Raises:
            Refused: the answer is not 2xx.
            AzureError: there is no answer.
        """
        return self._json(self._send("GET", path, version, query=query))

    def pages(self, path: str, version: str = "", **query: str) -> Iterator[dict[str, Any]]:
        """The members of a list, whatever its number of pages."""
        page = self.get(path, version, **query)
        while True:
            yield from page.get("value", [])
            following = page.get("nextLink") or page.get("@odata.nextLink")
            if not following:
                return
            if not str(following).startswith(f"{self.endpoint}/"):
                raise AzureError(f"the list goes on at another host: {httpx.URL(str(following)).host}")
            page = self._json(self._send("GET", str(following).removeprefix(self.endpoint), ""))

    def exists(self, path: str, version: str) -> bool:
        """What a HEAD request says: there, or not."""
        try:
            self._send("HEAD", path, version)
        except Refused as refused:
            if refused.status == _NOT_FOUND:
                return False
            raise
        return True

    def post(self, path: str, version: str, body: object) -> dict[str, Any]:
        """Asks something that takes a body."""
        return self._json(self._finished(self._send("POST", path, version, body=body)))

    def put(self, path: str, version: str, body: object) -> dict[str, Any]:
        """Makes a resource and waits until it is there."""
        answer = self._send("PUT", path, version, body=body)
        return self._json(self._finished(answer))

    def delete(self, path: str, version: str, **query: str) -> None:
        """Takes a resource away. It is no error if there is none."""
        try:
            self._finished(self._send("DELETE", path, version, query=query, headers={"If-Match": "*"}))
        except Refused as refused:
            if refused.status != _NOT_FOUND:
                raise

    def _finished(self, answer: httpx.Response) -> httpx.Response:
        """Waits for an operation that goes on after its answer.

        https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
        """
        for _ in range(120):
            where = answer.headers.get("location") or answer.headers.get("azure-asyncoperation")
            if answer.status_code != _ACCEPTED or not where:
                return answer
            if not where.startswith(f"{self.endpoint}/"):
                raise AzureError(f"the operation goes on at another host: {httpx.URL(where).host}")
            time.sleep(_wait(answer, 2.0))
            answer = self._send("GET", where.removeprefix(self.endpoint), "")
        raise AzureError("the operation does not end")

    def _send(
        self,
        method: str,
        path: str,
        version: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        url = httpx.URL(f"{self.endpoint}{path}").copy_merge_params(
            {**(query or {}), **({"api-version": version} if version else {})}
        )
        sent = {"Authorization": f"Bearer {self._token(self._audience)}", **(headers or {})}
        attempt = 1
        while True:
            try:
                answer = self._client.request(method, url, json=body, headers=sent)
            except httpx.HTTPError as error:
                if attempt == _ATTEMPTS or method != "GET":
                    raise AzureError(f"{url.host} does not answer: {type(error).__name__} {error}") from None
                time.sleep(attempt)
            else:
                if answer.is_success:
                    return answer
                if answer.status_code not in _RETRIED or attempt == _ATTEMPTS:
                    raise _refused(answer)
                time.sleep(_wait(answer, float(attempt)))
            attempt += 1

    def _json(self, answer: httpx.Response) -> dict[str, Any]:
        if not answer.content:
            return {}
        try:
            value: object = answer.json()
        except ValueError:
            raise AzureError(
                f"{answer.url.host} answered {answer.status_code} with something that is not JSON"
            ) from None
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {"value": value}


def _wait(answer: httpx.Response, default: float) -> float:
    """Seconds to wait before asking again."""
    try:
        return min(float(answer.headers.get("retry-after", default)), _LONGEST_WAIT)
    except ValueError:
        return default


def _refused(answer: httpx.Response) -> Refused:
    try:
        error: Any = answer.json()["error"]
        code, message = str(error.get("code", "")), str(error.get("message", ""))
        details = [str(one.get("message", "")) for one in error.get("details") or []]
    except (ValueError, KeyError, TypeError, AttributeError):
        return Refused(answer.status_code, "", answer.text[:300] or answer.reason_phrase)
    return Refused(answer.status_code, code, " ".join([message, *details]).strip())
