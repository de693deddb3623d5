"""Queries, as the gateway's list of sessions sends them."""

import json
from collections.abc import Callable

import httpx
import pytest

from secure_mcp_local.azure.cosmos.query import Malformed, Query
from secure_mcp_local.errors import NotModelled
from secure_mcp_local.recording import Recording

DOCS = "https://cosmos-mcp.documents.azure.com/dbs/mcp/colls/sessions/docs"
ASSIGNMENT = "azure-native:cosmosdb:SqlResourceSqlRoleAssignment"

Headers = Callable[..., dict[str, str]]
Serve = Callable[[Recording], httpx.AsyncClient]

DOCUMENTS = [
    {"id": "a", "n": 1, "of": {"name": "Ann"}},
    {"id": "b", "n": 2, "of": {"name": "Bob"}, "done": None},
    {"id": "c", "n": "2", "of": "nobody"},
]


def ids(where: str, **parameters: object) -> str:
    given = [{"name": f"@{name}", "value": value} for name, value in parameters.items()]
    query = Query(json.dumps({"query": f"SELECT c.id FROM c WHERE {where}", "parameters": given}).encode())
    return "".join(document["id"] for document in DOCUMENTS if query.matches(document))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("c.n = 2", "b"),
        ("c.n >= 1", "ab"),
        ("c.n != 2", "ac"),
        ('c.n = "2"', "c"),
        ('c["of"]["name"] = "Bob"', "b"),
        # What is not there is equal to nothing, and different from nothing.
        ('c.of.name != "Bob"', "a"),
        ("c.done = null", "b"),
        ("IS_DEFINED(c.done)", "b"),
        # AND binds more closely than OR.
        ('c.n = 1 OR c.n = 2 AND c.of.name = "x"', "a"),
        ('(c.n = 1 OR c.n = 2) AND c.of.name = "x"', ""),
        ("c.of", ""),
    ],
)
def test_conditions(where: str, found: str) -> None:
    assert ids(where) == found


def test_parameters_are_values_and_never_read_as_a_query() -> None:
    assert ids("c.of.name = @name", name="Bob") == "b"
    assert ids("c.of.name = @name", name='" OR c.n = 1 OR "') == ""
    assert ids('@none = "" OR c.n = 1', none="") == "abc"


def test_fields_are_picked_under_their_names_and_left_out_where_there_are_none() -> None:
    query = Query(b'{"query":"select c.id, c[\\"of\\"][\\"name\\"] as who, c._ts FROM c"}')
    assert [query.picked(document) for document in DOCUMENTS] == [
        {"id": "a", "who": "Ann"}, {"id": "b", "who": "Bob"}, {"id": "c"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"SELECT", b"[]", b'{"query":1}', b'{"query":"SELECT"}', b'{"query":"SELECT c.id"}', b'{"query":"SELECT d.id FROM c"}',
        b'{"query":"SELECT c.id FROM c WHERE @a = 1"}', b'{"query":"SELECT c.id FROM c WHERE ;"}', b'{"query":"SELECT c.id AS FROM c"}',
        b'{"query":"SELECT c.id FROM c WHERE e.n = 1"}',
    ],
)  # fmt: skip
def test_what_cosmos_db_would_not_parse(body: bytes) -> None:
    with pytest.raises(Malformed):
        Query(body)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM c",
        "SELECT c FROM c",
        "SELECT c.id FROM c ORDER BY c.id",
        "SELECT c.id FROM c WHERE LENGTH(c.id) = 1",
    ],
)
def test_what_is_not_modelled_is_said(query: str) -> None:
    with pytest.raises(NotModelled, match=r"does not model|models queries"):
        Query(json.dumps({"query": query}).encode())


QUERY = {"query": "SELECT c.id FROM c WHERE c.n >= @least", "parameters": [{"name": "@least", "value": 0}]}


class TestService:
    @pytest.fixture
    def asking(self, headers: Headers) -> dict[str, str]:
        sent = headers("a")
        del sent["x-ms-documentdb-partitionkey"]
        return sent | {
            "Content-Type": "application/query+json",
            "x-ms-documentdb-isquery": "True",
            "x-ms-documentdb-query-enablecrosspartition": "True",
        }

    async def test_page_by_page(self, client: httpx.AsyncClient, headers: Headers, asking: dict[str, str]) -> None:
        for number in range(5):
            (
                await client.post(DOCS, headers=headers(f"d{number}"), json={"id": f"d{number}", "n": number})
            ).raise_for_status()
        found: list[str] = []
        pages = 0
        sent = asking | {"x-ms-max-item-count": "2"}
        while True:
            answer = await client.post(DOCS, headers=sent, json=QUERY)
            found += [document["id"] for document in answer.json()["Documents"]]
            pages += 1
            if not (after := answer.headers.get("x-ms-continuation")):
                break
            sent["x-ms-continuation"] = after
        assert (found, pages) == ([f"d{number}" for number in range(5)], 3)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"x-ms-documentdb-query-enablecrosspartition": "False"}, "Cross partition query is required but disabled"),
            ({"x-ms-max-item-count": "many"}, "malformed"),
            ({"x-ms-continuation": "%"}, "malformed"),
            ({"Content-Type": "application/json"}, "content type"),
        ],
    )
    async def test_what_is_refused(
        self, client: httpx.AsyncClient, asking: dict[str, str], change: dict[str, str], message: str
    ) -> None:
        answer = await client.post(DOCS, headers=asking | change, json=QUERY)
        assert answer.status_code == 400
        assert message in answer.json()["message"]

    async def test_it_needs_an_action_of_its_own(
        self, recording: Recording, serve: Serve, asking: dict[str, str], headers: Headers
    ) -> None:
        assignment = recording.one(ASSIGNMENT)
        definition = str(assignment.get("roleDefinitionId")).rpartition("/")[0]
        less = recording.changed(assignment.urn, roleDefinitionId=f"{definition}/33333333-3333-4333-8333-333333333333")
        async with serve(less) as client:
            assert (await client.post(DOCS, headers=headers("a"), json={"id": "a"})).status_code == 201
            answer = await client.post(DOCS, headers=asking, json=QUERY)
        assert answer.status_code == 403
        assert "executeQuery" in answer.json()["message"]
