"""S3: Client ID Metadata Documents."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

CloudWith = Callable[..., AbstractAsyncContextManager[LocalCloud]]
HOST = "client.example.com"
GOOD = f"https://{HOST}/client.json"
ANSWERS = [
    "https://app.example/cb?code=1&state=2",
    "https://app.example/cb?a=b;c%6Fde[]=1",
    "http://127.0.0.1:53682/cb?ISS=x",
]


class Publisher:
    """The host where an application publishes its metadata document."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.app = Starlette(routes=[Route("/{path:path}", self.answer)])

    async def answer(self, request: Request) -> Response:
        url = f"https://{HOST}{request.url.path}"
        self.asked.append(url)
        document: dict[str, Any] = {
            "client_id": url,
            "client_name": "Published client",
            "redirect_uris": ["http://127.0.0.1:53682/callback"],
        }
        match request.path_params["path"]:
            case "other-id.json":
                document["client_id"] = GOOD
            case "redirect.json":
                return RedirectResponse(GOOD)
            case "large.json":
                document["client_name"] = "x" * 10000
            case "text.json":
                return Response("not json")
            case "list.json":
                return JSONResponse([document])
            case "no-redirect.json":
                del document["redirect_uris"]
            case "odd-redirect.json":
                document["redirect_uris"] = [1, None]
            case "missing.json":
                return JSONResponse(document, 404)
            case "bidi.json":
                document["client_name"] = "good\u202eevil"
            case "answers.json":
                document["redirect_uris"] = ANSWERS
            case _:
                pass
        return JSONResponse(document, self.status)


@pytest.fixture(scope="module")
async def published(request: pytest.FixtureRequest) -> Any:
    from pathlib import Path

    config = {"signInRateLimit": "100000", "clientMetadataHosts": f'["{HOST}"]'}
    async with LocalCloud.open(
        Path(__file__).parents[2], stack="dev", config=config, port=0, backend="http://localhost:9/mcp"
    ) as cloud:
        publisher = Publisher()
        cloud.network.serve(HOST, publisher.app)
        yield cloud, publisher


async def test_S3_a_published_client_signs_in_without_registration(published: tuple[LocalCloud, Publisher]) -> None:
    cloud, _ = published
    application = Application(cloud.gateway_url, client_id=GOOD)
    metadata = await application.send("GET", "/.well-known/oauth-authorization-server")
    assert metadata.json()["client_id_metadata_document_supported"] is True
    page = await Person().request("GET", application.authorize_url())
    assert "Published client" in page.text
    assert "access_token" in await application.tokens(Person())


@pytest.mark.parametrize(
    "name",
    [
        "other-id.json",
        "redirect.json",
        "large.json",
        "text.json",
        "list.json",
        "no-redirect.json",
        "odd-redirect.json",
        "missing.json",
    ],
)
async def test_S3_a_wrong_document_is_no_client(published: tuple[LocalCloud, Publisher], name: str) -> None:
    cloud, publisher = published
    url = f"https://{HOST}/{name}"
    page = await refused(cloud, url)
    assert page.status_code == 400
    assert url in publisher.asked, "the refusal is about the document"


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/client.json",
        f"https://{HOST}",
        f"https://{HOST}/",
        f"https://{HOST}:8443/client.json",
        f"https://user@{HOST}/client.json",
        f"https://{HOST}/client.json#x",
        f"https://{HOST}/client.json?x=1",
        f"https://{HOST}/a/../client.json",
        f"https://{HOST}/a/%2E%2e/client.json",
        f"https://{HOST}/a/.%2e/client.json",
        f"https://{HOST}.evil.example/client.json",
        "https://unlisted.example.org/client.json",
        "https://127.0.0.1/client.json",
        "https://[::1]/client.json",
        "https://2130706433/client.json",
        "https://169.254.169.254/metadata/identity",
        "https://localhost/client.json",
        "https://internal/client.json",
        "https://client.internal/client.json",
    ],
)
async def test_S3_other_addresses_are_not_even_asked(published: tuple[LocalCloud, Publisher], url: str) -> None:
    cloud, publisher = published
    before = list(publisher.asked)
    assert (await refused(cloud, url)).status_code == 400
    assert publisher.asked == before


async def test_S3_a_published_redirect_uri_must_be_of_an_acceptable_kind(
    published: tuple[LocalCloud, Publisher],
) -> None:
    cloud, _ = published
    application = Application(cloud.gateway_url, client_id=GOOD, redirect_uri="javascript:alert(1)")
    page = await Person().request("GET", application.authorize_url())
    assert page.status_code == 400


@pytest.mark.parametrize("uri", ANSWERS)
async def test_S3_M5_D12_a_published_redirect_uri_has_nothing_of_an_answer(
    published: tuple[LocalCloud, Publisher], uri: str
) -> None:
    """The client would get the code twice, and whoever published the address chose the first."""
    cloud, _ = published
    application = Application(cloud.gateway_url, client_id=f"https://{HOST}/answers.json", redirect_uri=uri)
    page = await Person().request("GET", application.authorize_url())
    assert (page.status_code, "Wrong return address" in page.text) == (400, True)
    assert "location" not in page.headers


@pytest.mark.parametrize("status", [429, 500, 503, "no answer"])
async def test_S3_M19_a_document_that_cannot_be_read_now_is_503(
    published: tuple[LocalCloud, Publisher], status: int | str
) -> None:
    """After `invalid_client` a client forgets who it is (RFC 6749, section 5.2), and its user signs in again."""
    cloud, publisher = published
    application = Application(cloud.gateway_url, client_id=GOOD)
    tokens = await application.tokens(Person())
    cloud.gateway.cache.clear()
    if isinstance(status, int):
        publisher.status = status
    else:
        cloud.network.forward(HOST, "http://127.0.0.1:1")
    try:
        page = await Person().request("GET", application.authorize_url())
        refreshed = await application.refresh(tokens["refresh_token"])
        revoked = await application.send("POST", "/revoke", data={"token": tokens["refresh_token"], "client_id": GOOD})
    finally:
        publisher.status = 200
        cloud.network.serve(HOST, publisher.app)
    assert page.status_code == 503
    for answer in (refreshed, revoked):
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert (await application.refresh(tokens["refresh_token"])).status_code == 200


async def refused(cloud: LocalCloud, url: str) -> httpx.Response:
    page = await Person().request("GET", Application(cloud.gateway_url, client_id=url).authorize_url())
    assert "location" not in page.headers
    return page
