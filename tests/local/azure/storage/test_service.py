"""Blobs by identity: what each role lets each principal do, and who is refused."""

from collections.abc import Callable

import httpx
import pytest

from apim_policies.clock import Clock
from secure_mcp_local.azure.entra import TokenIssuer
from secure_mcp_local.azure.storage import Azurite, BlobStorage
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording

Headers = Callable[..., dict[str, str]]
BLOB = "/snippets/folder/%C3%A4%20b.txt"


async def test_what_is_written_can_be_read_listed_and_deleted(client: httpx.AsyncClient, headers: Headers) -> None:
    written = await client.put(
        BLOB, content="grüße".encode(), headers=headers("owner") | {"Content-Type": "text/plain"}
    )
    assert written.status_code == 201, written.text
    read = await client.get(BLOB, headers=headers("owner"))
    assert (read.status_code, read.text, read.headers["content-type"]) == (200, "grüße", "text/plain")
    listed = await client.get("/snippets", params={"restype": "container", "comp": "list"}, headers=headers("owner"))
    assert "<Name>folder/ä b.txt</Name>" in listed.text
    assert (await client.delete(BLOB, headers=headers("owner"))).status_code == 202
    missing = await client.get(BLOB, headers=headers("owner"))
    assert (missing.status_code, missing.headers["x-ms-error-code"]) == (404, "BlobNotFound")


@pytest.mark.parametrize(
    ("principal", "write", "read", "elsewhere"),
    [
        ("owner", 201, 200, 201),
        ("group", 201, 200, 201),
        ("snippets", 201, 200, 403),
        ("reader", 403, 200, 403),
        ("queues", 403, 403, 403),
        ("neighbour", 403, 403, 403),
        ("nobody", 403, 403, 403),
    ],
)
async def test_roles_count_where_they_are_declared(
    client: httpx.AsyncClient, headers: Headers, principal: str, write: int, read: int, elsewhere: int
) -> None:
    await client.put("/snippets/there", content=b"x", headers=headers("owner"))
    answers = [
        await client.put("/snippets/new", content=b"x", headers=headers(principal)),
        await client.get("/snippets/there", headers=headers(principal)),
        await client.put("/deployment/new", content=b"x", headers=headers(principal)),
    ]
    assert [answer.status_code for answer in answers] == [write, read, elsewhere]
    for answer in answers:
        if answer.status_code == 403:
            assert answer.headers["x-ms-error-code"] == "AuthorizationPermissionMismatch"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://cosmos.azure.com"},
        {"aud": "https://other.blob.core.windows.net"},
        {"iss": "https://login.microsoftonline.com/other/v2.0"},
        {"exp": 1},
        {"oid": ""},
    ],
)
async def test_a_token_for_something_else_is_refused(
    client: httpx.AsyncClient, headers: Headers, claims: dict[str, object]
) -> None:
    answer = await client.get(BLOB, headers=headers("owner", **claims))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer authorization_uri=http://localhost:8081/")


async def test_without_a_token_nothing_is_told(client: httpx.AsyncClient) -> None:
    answer = await client.get("/snippets?restype=container&comp=list", headers={"x-ms-version": "2025-01-05"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("path", "authorization"),
    [
        (BLOB, "SharedKey stmcp:c2ln"),
        (BLOB, "SharedKeyLite stmcp:c2ln"),
        (f"{BLOB}?sv=2021-12-02&ss=b&srt=o&sp=r&se=2099-01-01&sig=x", ""),
        (f"{BLOB}?sig=x", ""),
    ],
)
async def test_keys_are_refused_as_declared(client: httpx.AsyncClient, path: str, authorization: str) -> None:
    answer = await client.get(path, headers={"authorization": authorization, "x-ms-version": "2025-01-05"})
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "KeyBasedAuthenticationNotPermitted")


async def test_our_own_way_in_cannot_be_widened(client: httpx.AsyncClient, headers: Headers) -> None:
    answer = await client.get(f"{BLOB}?sp=rwdl", headers=headers("owner"))
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/snippets/../deployment/new", "/snippets/%2e%2e/deployment/new", "/snippets/..%5Cx"])
async def test_no_path_leads_out_of_a_container(client: httpx.AsyncClient, headers: Headers, path: str) -> None:
    url = client.base_url.copy_with(raw_path=path.encode())
    answer = await client.get(url, headers=headers("snippets"))
    assert answer.status_code in {400, 403}


async def test_what_is_not_modelled_is_said(client: httpx.AsyncClient, headers: Headers) -> None:
    answer = await client.put("/snippets/x?comp=lease", headers=headers("owner") | {"x-ms-lease-action": "acquire"})
    assert answer.status_code == 501
    assert "lease" in answer.text


async def test_only_declared_containers_exist(client: httpx.AsyncClient, headers: Headers) -> None:
    answer = await client.put("/other/x", content=b"x", headers=headers("owner"))
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (404, "ContainerNotFound")


async def test_a_container_of_an_account_that_is_not_declared(
    recording: Recording, azurite: Azurite, issuer: TokenIssuer, clock: Clock
) -> None:
    broken = recording.without(lambda r: r.type == "azure-native:storage:StorageAccount")
    with pytest.raises(LocalCloudError, match="no storage account 'stmcp'"):
        await BlobStorage.from_recording(broken, azurite, issuer, clock)


async def test_an_account_that_azurite_does_not_know(recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
    with pytest.raises(LocalCloudError, match="without the account"):
        await BlobStorage.from_recording(recording, Azurite(), issuer, clock)
