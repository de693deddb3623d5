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


class Publisher:
    """The host where an application publishes its metadata document."""

    def __init__(self) -> None:
        self.asked: list[str] = []
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
            case _:
                pass
        return JSONResponse(document)


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


async def refused(cloud: LocalCloud, url: str) -> httpx.Response:
    page = await Person().request("GET", Application(cloud.gateway_url, client_id=url).authorize_url())
    assert "location" not in page.headers
    return page
