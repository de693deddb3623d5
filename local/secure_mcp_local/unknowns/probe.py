"""One run: a temporary API is made on a real service, asked, and taken away again."""

import re
import secrets
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl

import httpx

from secure_mcp_local.resource_manager import AzureError, Refused, ResourceManager
from secure_mcp_local.unknowns.question import Answer, Operation, Question, said

VERSION = "2024-05-01"
"""Of the API Management REST API."""
PREFIX = "secure-mcp-probe-"
"""Of the temporary API's id and path."""
_KEY_HEADER = "x-probe-key"
_ID = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.ApiManagement/service/[^/]+", re.IGNORECASE
)
_READY = "ready"
_NOT_FOUND = 404
_PATIENCE = 180.0
"""Seconds in which the gateway must have learned of the API."""
_GUARD = f"""        <choose>
            <when condition="@(context.Request.Headers.GetValueOrDefault("{_KEY_HEADER}", "") != "{{key}}")">
                <return-response>
                    <set-status code="404" reason="Not Found" />
                </return-response>
            </when>
        </choose>"""
"""Nobody but the command may call what it makes."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Service:
    """An API Management service as Azure Resource Manager knows it."""

    id: str
    gateway_url: str
    sku: str
    units: int
    location: str

    @classmethod
    def of(cls, azure: ResourceManager, id: str) -> "Service":
        """Looks a service up by its ARM id.

        Raises:
            AzureError: it is no such id, or there is none.
        """
        if not _ID.fullmatch(id):
            raise AzureError(
                f"{id!r} is no ARM id of an API Management service: az apim show -n NAME -g GROUP --query id -o tsv prints one"
            )
        try:
            found = azure.get(id, VERSION)
        except Refused as refused:
            raise AzureError(f"the service {id} cannot be read: {refused}") from None
        properties, sku = found.get("properties") or {}, found.get("sku") or {}
        if not properties.get("gatewayUrl"):
            raise AzureError(f"{id} is no API Management service with a gateway: it has no gatewayUrl")
        return cls(
            str(found.get("id") or id),
            str(properties["gatewayUrl"]).rstrip("/"),
            str(sku.get("name", "")),
            int(sku.get("capacity") or 0),
            str(found.get("location", "")),
        )


class TemporaryApi:
    """The API as its caller sees it.

    Args:
        url: Address below which its operations are.
        key: Its secret.
        units: Scale units of the service.
    """

    def __init__(self, client: httpx.Client, url: str, key: str, units: int) -> None:
        self.units = units
        self._client, self._url, self._key = client, url, key

    def send(
        self,
        path: str,
        method: str = "GET",
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        query: str = "",
    ) -> httpx.Response:
        """Calls an operation. `path` is sent as it is: nothing in it is resolved or encoded."""
        url = httpx.URL(self._url)
        raw = f"{url.path.rstrip('/')}{path}{'?' + query if query else ''}"
        return self._client.request(
            method,
            url,
            headers={_KEY_HEADER: self._key, **(headers or {})},
            content=content or None,
            # Addresses of httpx are normalised; this is what is sent.
            extensions={"target": raw.encode("ascii")},
        )


def ask(
    azure: ResourceManager,
    service: Service,
    questions: Iterable[Question],
    progress: Progress,
    *,
    via: str = "",
    transport: httpx.BaseTransport | None = None,
) -> list[Answer]:
    """Asks a service everything that can be asked, and leaves nothing behind.

    Args:
        azure: Whoever may change the service.
        service: Whom to ask.
        questions: Those with a probe are asked, the others come back as not asked.
        progress: Is told what is being done.
        via: Address at which the gateway is to be called, such as a Front Door's; its own if empty.
        transport: Of the calls to the gateway; for tests.

    Raises:
        AzureError: the temporary API cannot be made, or is not found at the gateway.
    """
    asked = list(questions)
    key = secrets.token_urlsafe(24)
    with temporary_api(azure, service, key, progress) as name, httpx.Client(transport=transport, timeout=60) as client:
        base = f"{service.gateway_url}/{name}"
        refused = _make_operations(azure, service.id, name, asked, base, key, progress)
        api = TemporaryApi(client, f"{(via or service.gateway_url).rstrip('/')}/{name}", key, service.units)
        _wait(api, progress)
        answers: list[Answer] = []
        for question in asked:
            progress(f"Asking {question.name}")
            answers.append(_answer(question, api, refused))
        return answers


@contextmanager
def temporary_api(azure: ResourceManager, service: Service, key: str, progress: Progress) -> Generator[str]:
    """An API that is there as long as the block lasts, however it ends, and its fragment. Gives their id, which is the path, too."""
    name = f"{PREFIX}{secrets.token_hex(4)}"
    id = f"{service.id}/apis/{name}"
    progress(f"Making the temporary API {name}")
    try:
        api = {
            "displayName": f"Temporary: {name}",
            "path": name,
            "protocols": [httpx.URL(service.gateway_url).scheme],
            "subscriptionRequired": False,
            "serviceUrl": f"{service.gateway_url}/{name}",
        }
        guard = Operation("", _GUARD).document("", key)
        try:
            azure.put(id, VERSION, {"properties": api})
            azure.put(f"{id}/policies/policy", VERSION, _policy(guard))
        except Refused as refused:
            raise AzureError(f"the temporary API cannot be made: {refused}") from None
        yield name
    finally:
        progress(f"Taking the temporary API {name} away")
        _take_away(azure, "API", f"{id}?api-version={VERSION}&deleteRevisions=true")
        # After the API: a fragment that a policy includes stays.
        _take_away(azure, "fragment", f"{service.id}/policyFragments/{name}?api-version={VERSION}")


def _take_away(azure: ResourceManager, what: str, address: str) -> None:
    id, _, query = address.partition("?")
    try:
        azure.delete(id, VERSION, **{name: value for name, value in parse_qsl(query) if name != "api-version"})
    except (AzureError, Refused, KeyboardInterrupt) as error:
        if isinstance(error, Refused) and error.status == _NOT_FOUND:
            return
        raise AzureError(
            f"the temporary {what} is still there ({error or type(error).__name__}); take it away with: "
            f"az rest --method delete --url '{azure.endpoint}{address}' --headers If-Match='*'"
        ) from None


def _make_operations(
    azure: ResourceManager,
    service: str,
    name: str,
    questions: Iterable[Question],
    base: str,
    key: str,
    progress: Progress,
) -> dict[str, str]:
    """Makes all operations. Gives the ids of those whose policy Azure does not save, and what it says."""
    refused: dict[str, str] = {}
    api = f"{service}/apis/{name}"
    operations = {o.id: o for question in questions if question.probe for o in question.probe.operations}
    for operation in [*operations.values(), Operation(_READY, said("ready"))]:
        progress(f"Making the operation {operation.id}")
        template = operation.template or f"/{operation.id}"
        parameters = [part.strip("{}") for part in template.split("/") if part.startswith("{")]
        body = {
            "displayName": operation.id,
            "method": operation.method,
            "urlTemplate": template,
            "templateParameters": [{"name": one, "type": "string", "required": True} for one in parameters],
        }
        try:
            azure.put(f"{api}/operations/{operation.id}", VERSION, {"properties": body})
            if operation.fragment:
                # One is enough for all questions so far.
                azure.put(f"{service}/policyFragments/{name}", VERSION, _policy(operation.fragment))
            document = operation.document(base, key, name)
            azure.put(f"{api}/operations/{operation.id}/policies/policy", VERSION, _policy(document))
        except Refused as error:
            refused[operation.id] = f"{error.code}: {error.message}"[:200]
    return refused


def _wait(api: TemporaryApi, progress: Progress) -> None:
    """Until the gateway knows the last operation."""
    progress("Waiting for the gateway to know it")
    until = time.monotonic() + _PATIENCE
    seen = "no answer"
    while time.monotonic() < until:
        try:
            answer = api.send(f"/{_READY}")
        except httpx.HTTPError as error:
            seen = type(error).__name__
        else:
            if answer.is_success and answer.text == "ready":
                return
            seen = str(answer.status_code)
        time.sleep(1)
    raise AzureError(f"the gateway does not know the temporary API after {_PATIENCE:g} seconds: {seen}")


def _answer(question: Question, api: TemporaryApi, refused: Mapping[str, str]) -> Answer:
    if question.probe is None:
        return Answer(question, "", question.by_hand)
    unsaved = [refused[operation.id] for operation in question.probe.operations if operation.id in refused]
    if unsaved:
        return Answer(question, UNSAVED, unsaved[0])
    try:
        return Answer(question, question.probe.ask(api))
    except httpx.HTTPError as error:
        return Answer(question, f"no answer: {type(error).__name__}")


UNSAVED = "the policy is refused when it is saved"


def _policy(document: str) -> dict[str, object]:
    return {"properties": {"format": "rawxml", "value": document}}
