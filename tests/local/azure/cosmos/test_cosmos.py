"""The session store, spoken to as the gateway's policies do."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

import httpx
import pytest

from apim_policies.clock import Clock
from secure_mcp_local.azure.cosmos import Cosmos
from secure_mcp_local.azure.entra import TokenIssuer
from secure_mcp_local.errors import ExplainedError, NotModelled
from secure_mcp_local.recording import Recording

DOCS = "https://cosmos-mcp.documents.azure.com/dbs/mcp/colls/sessions/docs"
ASSIGNMENT = "azure-native:cosmosdb:SqlResourceSqlRoleAssignment"
CONTAINER = "azure-native:cosmosdb:SqlResourceSqlContainer"
ACCOUNT = "azure-native:cosmosdb:DatabaseAccount"

Headers = Callable[..., dict[str, str]]
Serve = Callable[[Recording], httpx.AsyncClient]


class TestDocuments:
    async def test_created_read_replaced_deleted(self, client: httpx.AsyncClient, headers: Headers) -> None:
        created = await client.post(DOCS, headers=headers("a"), json={"id": "a", "n": 1})
        assert created.status_code == 201
        read = await client.get(f"{DOCS}/a", headers=headers("a"))
        assert read.status_code == 200
        document = read.json()
        assert document["n"] == 1
        assert {"_etag", "_ts", "_rid", "_self"} <= document.keys()
        assert read.headers["etag"] == document["_etag"] == created.json()["_etag"]
        replaced = await client.put(f"{DOCS}/a", headers=headers("a"), json={"id": "a", "n": 2})
        assert (replaced.status_code, replaced.json()["n"]) == (200, 2)
        assert replaced.json()["_etag"] != document["_etag"]
        assert (await client.delete(f"{DOCS}/a", headers=headers("a"))).status_code == 204
        assert (await client.get(f"{DOCS}/a", headers=headers("a"))).status_code == 404

    async def test_an_id_is_created_once(self, client: httpx.AsyncClient, headers: Headers) -> None:
        creations = [client.post(DOCS, headers=headers("a"), json={"id": "a"}) for _ in range(8)]
        statuses = sorted([answer.status_code for answer in await asyncio.gather(*creations)])
        assert statuses == [201] + [409] * 7

    @pytest.mark.parametrize("method", ["PUT", "DELETE"])
    async def test_of_those_with_one_etag_only_the_first_wins(
        self, client: httpx.AsyncClient, headers: Headers, method: str
    ) -> None:
        etag = (await client.post(DOCS, headers=headers("a"), json={"id": "a"})).headers["etag"]
        conditional = {**headers("a"), "If-Match": etag}
        calls = [client.request(method, f"{DOCS}/a", headers=conditional, json={"id": "a"}) for _ in range(8)]
        statuses = sorted([answer.status_code for answer in await asyncio.gather(*calls)])
        assert statuses == ([200] + [412] * 7 if method == "PUT" else [204] + [404] * 7)

    async def test_any_etag_matches_a_star(self, client: httpx.AsyncClient, headers: Headers) -> None:
        await client.post(DOCS, headers=headers("a"), json={"id": "a"})
        answer = await client.delete(f"{DOCS}/a", headers={**headers("a"), "If-Match": "*"})
        assert answer.status_code == 204

    async def test_upsert_creates_then_replaces(self, client: httpx.AsyncClient, headers: Headers) -> None:
        upsert = {**headers("a"), "x-ms-documentdb-is-upsert": "True"}
        assert (await client.post(DOCS, headers=upsert, json={"id": "a"})).status_code == 201
        assert (await client.post(DOCS, headers=upsert, json={"id": "a"})).status_code == 200

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    async def test_nothing_there(self, client: httpx.AsyncClient, headers: Headers, method: str) -> None:
        answer = await client.request(method, f"{DOCS}/a", headers=headers("a"), json={"id": "a"})
        assert (answer.status_code, answer.json()["code"]) == (404, "NotFound")

    async def test_a_read_of_the_known_version_is_304(self, client: httpx.AsyncClient, headers: Headers) -> None:
        etag = (await client.post(DOCS, headers=headers("a"), json={"id": "a"})).headers["etag"]
        answer = await client.get(f"{DOCS}/a", headers={**headers("a"), "If-None-Match": etag})
        assert answer.status_code == 304


class TestRules:
    @pytest.mark.parametrize("id", ["a/b", "a\\b", "a?b", "a#b", "a ", "", "é" * 512, None, 5])
    async def test_ids_that_azure_refuses(self, client: httpx.AsyncClient, headers: Headers, id: object) -> None:
        sent = {**headers("x"), "x-ms-documentdb-partitionkey": json.dumps([id])}
        assert (await client.post(DOCS, headers=sent, json={"id": id})).status_code == 400

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"a"', b'{"id":"a","n":NaN}', b"\xff", b"[" * 100_000, b"{}"])
    async def test_bodies_that_are_not_documents(
        self, client: httpx.AsyncClient, headers: Headers, body: bytes
    ) -> None:
        assert (await client.post(DOCS, headers=headers("a"), content=body)).status_code == 400

    async def test_a_document_has_at_most_two_mebibytes(self, client: httpx.AsyncClient, headers: Headers) -> None:
        fits = json.dumps({"id": "a", "x": ""}).encode()
        padding = b"x" * (2 * 1024 * 1024 - len(fits))
        fits = fits.replace(b'"x": ""', b'"x": "' + padding + b'"')
        assert (await client.post(DOCS, headers=headers("a"), content=fits + b" ")).status_code == 413
        assert (await client.post(DOCS, headers=headers("a"), content=fits)).status_code == 201

    @pytest.mark.parametrize("key", ['["b"]', "[]", '["a","a"]', "a", '{"a":1}', "[1]", None])
    async def test_the_partition_key_must_be_the_documents(
        self, client: httpx.AsyncClient, headers: Headers, key: str | None
    ) -> None:
        sent = headers("a")
        del sent["x-ms-documentdb-partitionkey"]
        if key is not None:
            sent["x-ms-documentdb-partitionkey"] = key
        assert (await client.post(DOCS, headers=sent, json={"id": "a"})).status_code == 400

    async def test_a_read_in_another_partition_finds_nothing(self, client: httpx.AsyncClient, headers: Headers) -> None:
        await client.post(DOCS, headers=headers("a"), json={"id": "a"})
        assert (await client.get(f"{DOCS}/a", headers=headers("b"))).status_code == 404

    async def test_an_id_cannot_change(self, client: httpx.AsyncClient, headers: Headers) -> None:
        await client.post(DOCS, headers=headers("a"), json={"id": "a"})
        answer = await client.put(f"{DOCS}/a", headers=headers("a"), json={"id": "b"})
        assert answer.status_code == 400

    @pytest.mark.parametrize("path", ["/dbs/other/colls/sessions/docs/a", "/dbs/mcp/colls/other/docs/a"])
    async def test_undeclared_places_are_not_found(
        self, client: httpx.AsyncClient, headers: Headers, path: str
    ) -> None:
        answer = await client.get(f"https://cosmos-mcp.documents.azure.com{path}", headers=headers("a"))
        assert (answer.status_code, answer.headers["x-ms-substatus"]) == (404, "1003")

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/"),
            ("GET", "/dbs/mcp/colls/sessions/docs"),
            ("GET", "//dbs/mcp/colls/sessions/docs/a"),
            ("PATCH", "/dbs/mcp/colls/sessions/docs/a"),
            ("POST", "/dbs"),
        ],
    )
    async def test_what_is_not_modelled_says_so(
        self, client: httpx.AsyncClient, headers: Headers, method: str, path: str
    ) -> None:
        answer = await client.request(method, f"https://cosmos-mcp.documents.azure.com{path}", headers=headers("a"))
        assert answer.status_code == 501
        assert "local Cosmos DB" in answer.json()["message"]

    async def test_an_encoded_slash_stays_in_the_id(self, client: httpx.AsyncClient, headers: Headers) -> None:
        await client.post(DOCS, headers=headers("a"), json={"id": "a"})
        answer = await client.get(f"{DOCS}/..%2Fdocs%2Fa", headers=headers("a"))
        assert answer.status_code == 404


class TestTimeToLive:
    async def test_a_document_expires_by_its_own_time(
        self, client: httpx.AsyncClient, headers: Headers, clock: Clock
    ) -> None:
        await client.post(DOCS, headers=headers("a"), json={"id": "a", "ttl": 120})
        clock.advance(118)
        assert (await client.get(f"{DOCS}/a", headers=headers("a"))).status_code == 200
        clock.advance(3)
        assert (await client.get(f"{DOCS}/a", headers=headers("a"))).status_code == 404
        assert (await client.post(DOCS, headers=headers("a"), json={"id": "a"})).status_code == 201

    async def test_or_by_the_containers(self, client: httpx.AsyncClient, headers: Headers, clock: Clock) -> None:
        await client.post(DOCS, headers=headers("a"), json={"id": "a"})
        await client.post(DOCS, headers=headers("b"), json={"id": "b", "ttl": -1})
        clock.advance(86401)
        assert (await client.get(f"{DOCS}/a", headers=headers("a"))).status_code == 404
        assert (await client.get(f"{DOCS}/b", headers=headers("b"))).status_code == 200

    async def test_a_write_begins_it_anew(self, client: httpx.AsyncClient, headers: Headers, clock: Clock) -> None:
        await client.post(DOCS, headers=headers("a"), json={"id": "a", "ttl": 100})
        clock.advance(90)
        await client.put(f"{DOCS}/a", headers=headers("a"), json={"id": "a", "ttl": 100})
        clock.advance(90)
        assert (await client.get(f"{DOCS}/a", headers=headers("a"))).status_code == 200

    async def test_without_the_containers_it_is_off(
        self, recording: Recording, serve: Serve, headers: Headers, clock: Clock
    ) -> None:
        declared = recording.one(CONTAINER)
        settings = {k: v for k, v in declared.inputs["resource"].items() if k != "defaultTtl"}
        async with serve(recording.changed(declared.urn, resource=settings)) as client:
            await client.post(DOCS, headers=headers("a"), json={"id": "a", "ttl": 1})
            clock.advance(1000)
            assert (await client.get(f"{DOCS}/a", headers=headers("a"))).status_code == 200

    @pytest.mark.parametrize("ttl", [0, -2, "60", 1.5, True, 2**31])
    async def test_ttls_that_azure_refuses(self, client: httpx.AsyncClient, headers: Headers, ttl: object) -> None:
        answer = await client.post(DOCS, headers=headers("a"), json={"id": "a", "ttl": ttl})
        assert answer.status_code == 400


class TestAuthentication:
    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": "https://management.azure.com"},
            {"aud": "https://other.documents.azure.com"},
            {"iss": "https://login.microsoftonline.com/other/v2.0"},
            {"exp": 1_000_000_000},
            {"nbf": 100_000_000_000},
            {"oid": ""},
            {"exp": None},
        ],
    )
    async def test_tokens_that_are_not_for_it(
        self, client: httpx.AsyncClient, headers: Headers, claims: dict[str, object]
    ) -> None:
        assert (await client.get(f"{DOCS}/a", headers=headers("a", **claims))).status_code == 401

    async def test_the_accounts_own_name_is_an_audience(self, client: httpx.AsyncClient, headers: Headers) -> None:
        sent = headers("a", aud="https://cosmos-mcp.documents.azure.com")
        assert (await client.get(f"{DOCS}/a", headers=sent)).status_code == 404

    async def test_a_token_of_another_key(
        self, client: httpx.AsyncClient, headers: Headers, issuer: TokenIssuer
    ) -> None:
        forged = TokenIssuer(issuer.base_url, issuer.tenant, Clock())
        token = forged.sign(issuer.verify_signature(headers("a")["Authorization"].rpartition("%3D")[2]))
        sent = {**headers("a"), "Authorization": f"type%3Daad%26ver%3D1.0%26sig%3D{token}"}
        assert (await client.get(f"{DOCS}/a", headers=sent)).status_code == 401

    @pytest.mark.parametrize(
        ("header", "status"),
        [
            ("Authorization", 401),
            ("x-ms-version", 400),
            ("x-ms-documentdb-partitionkey", 400),
        ],
    )
    async def test_required_headers(
        self, client: httpx.AsyncClient, headers: Headers, header: str, status: int
    ) -> None:
        sent = headers("a")
        del sent[header]
        assert (await client.get(f"{DOCS}/a", headers=sent)).status_code == status

    async def test_with_a_token_neither_a_date_nor_encoding_is_needed(
        self, client: httpx.AsyncClient, headers: Headers
    ) -> None:
        sent = headers("a")
        del sent["x-ms-date"]
        sent["Authorization"] = unquote(sent["Authorization"])
        assert (await client.get(f"{DOCS}/a", headers=sent)).status_code == 404
        assert (await client.get(f"{DOCS}/a", headers={**sent, "x-ms-date": "today"})).status_code == 401

    async def test_account_keys_are_off(self, client: httpx.AsyncClient, headers: Headers) -> None:
        sent = {**headers("a"), "Authorization": "type%3Dmaster%26ver%3D1.0%26sig%3Dabc%3D"}
        answer = await client.get(f"{DOCS}/a", headers=sent)
        assert answer.status_code == 401
        assert "Local Authorization is disabled" in answer.json()["message"]

    @pytest.mark.parametrize("value", ["Bearer x", "type=aad&ver=1.0&sig=x", "type%3Daad%26sig%3Dx", "%00"])
    async def test_other_authorization_headers(self, client: httpx.AsyncClient, headers: Headers, value: str) -> None:
        sent = {**headers("a"), "Authorization": value}
        assert (await client.get(f"{DOCS}/a", headers=sent)).status_code == 401

    async def test_an_unknown_api_version(self, client: httpx.AsyncClient, headers: Headers) -> None:
        sent = {**headers("a"), "x-ms-version": "2021-03-15"}
        assert (await client.get(f"{DOCS}/a", headers=sent)).status_code == 400


class TestAccess:
    async def test_without_an_assignment_nothing_is_allowed(
        self, recording: Recording, serve: Serve, headers: Headers
    ) -> None:
        async with serve(recording.without(lambda r: r.type == ASSIGNMENT)) as client:
            answers = [
                await client.post(DOCS, headers=headers("a"), json={"id": "a"}),
                await client.get(f"{DOCS}/a", headers=headers("a")),
                await client.put(f"{DOCS}/a", headers=headers("a"), json={"id": "a"}),
                await client.delete(f"{DOCS}/a", headers=headers("a")),
            ]
        assert [answer.status_code for answer in answers] == [403] * 4
        assert "principal [gateway] does not have required RBAC permissions" in answers[0].json()["message"]
        assert "containers/items/create" in answers[0].json()["message"]

    async def test_another_principal_is_not_allowed(self, client: httpx.AsyncClient, headers: Headers) -> None:
        assert (await client.get(f"{DOCS}/a", headers=headers("a", principal="somebody"))).status_code == 403

    @pytest.mark.parametrize(
        ("role", "create", "read", "delete"),
        [
            ("00000000-0000-0000-0000-000000000001", 403, 404, 403),
            ("00000000-0000-0000-0000-000000000002", 201, 200, 204),
            ("33333333-3333-4333-8333-333333333333", 201, 200, 403),
        ],
        ids=["built-in reader", "built-in contributor", "declared role"],
    )
    async def test_a_role_allows_what_its_definition_says(
        self,
        *,
        recording: Recording,
        serve: Serve,
        headers: Headers,
        role: str,
        create: int,
        read: int,
        delete: int,
    ) -> None:
        assignment = recording.one(ASSIGNMENT)
        definition = f"{recording.one(ACCOUNT).id}/sqlRoleDefinitions/{role}"
        async with serve(recording.changed(assignment.urn, roleDefinitionId=definition)) as client:
            answers = [
                await client.post(DOCS, headers=headers("a"), json={"id": "a"}),
                await client.get(f"{DOCS}/a", headers=headers("a")),
                await client.delete(f"{DOCS}/a", headers=headers("a")),
            ]
        assert [answer.status_code for answer in answers] == [create, read, delete]

    @pytest.mark.parametrize(
        ("scope", "status"),
        [
            ("", 404),
            ("/dbs/mcp", 404),
            ("/dbs/mcp/", 404),
            ("/dbs/mcp/colls/sessions", 404),
            ("/dbs/mc", 403),
            ("/dbs/mcp/colls/sess", 403),
            ("/dbs/mcp/colls/sessions2", 403),
            ("/dbs/MCP", 403),
        ],
    )
    async def test_a_scope_covers_what_is_below_it(
        self, recording: Recording, serve: Serve, headers: Headers, scope: str, status: int
    ) -> None:
        assignment = recording.one(ASSIGNMENT)
        changed = recording.changed(assignment.urn, scope=recording.one(ACCOUNT).id + scope)
        async with serve(changed) as client:
            assert (await client.get(f"{DOCS}/a", headers=headers("a"))).status_code == status


class TestDeclarations:
    @pytest.mark.parametrize(
        ("type", "change", "message"),
        [
            (ASSIGNMENT, {"scope": "/subscriptions/x/resourceGroups/rg"}, "not a data plane scope"),
            (ASSIGNMENT, {"roleDefinitionId": "00000000-0000-0000-0000-000000000002"}, "must begin with"),
            (ASSIGNMENT, {"principalId": None}, "principalId"),
            (CONTAINER, {"databaseName": "other"}, "declares no database 'other'"),
            (
                CONTAINER,
                {"resource": {"id": "x", "partitionKey": {"paths": ["/a", "/b"]}}},
                "one partition key",
            ),
            (CONTAINER, {"resource": {"id": "x", "uniqueKeyPolicy": {"uniqueKeys": []}}}, "uniqueKeyPolicy"),
            (ACCOUNT, {"kind": "MongoDB"}, "NoSQL"),
        ],
    )
    def test_what_azure_refuses_or_is_not_modelled_is_refused_by_name(
        self,
        *,
        recording: Recording,
        issuer: TokenIssuer,
        clock: Clock,
        type: str,
        change: dict[str, object],
        message: str,
    ) -> None:
        changed = recording.changed(recording.one(type).urn, **change)
        with pytest.raises(ExplainedError, match=message):
            Cosmos.from_recording(changed, issuer, clock)

    def test_an_undeclared_role(self, recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
        definition = f"{recording.one(ACCOUNT).id}/sqlRoleDefinitions/44444444-4444-4444-8444-444444444444"
        changed = recording.changed(recording.one(ASSIGNMENT).urn, roleDefinitionId=definition)
        with pytest.raises(ExplainedError, match="declares no role definition"):
            Cosmos.from_recording(changed, issuer, clock)

    async def test_keys_that_are_on_are_not_modelled(
        self, recording: Recording, serve: Serve, headers: Headers
    ) -> None:
        changed = recording.changed(recording.one(ACCOUNT).urn, disableLocalAuth=False)
        async with serve(changed) as client:
            sent = {**headers("a"), "Authorization": "type%3Dmaster%26ver%3D1.0%26sig%3Dabc%3D"}
            assert (await client.get(f"{DOCS}/a", headers=sent)).status_code == 501

    async def test_nothing_declared_nothing_there(
        self, recording: Recording, issuer: TokenIssuer, clock: Clock
    ) -> None:
        empty = replace(recording, resources=())
        assert Cosmos.from_recording(empty, issuer, clock).hosts == {}
        assert issubclass(NotModelled, ExplainedError)

    async def test_documents_can_be_edited_by_hand(
        self, recording: Recording, issuer: TokenIssuer, clock: Clock
    ) -> None:
        cosmos = Cosmos.from_recording(recording, issuer, clock)
        (container,) = cosmos.containers
        before = container.create(b'{"id":"session-a","scope":"x"}', "session-a")
        container.create(b'{"id":"client-a","scope":"x"}', "client-a")
        cosmos.edit("session-", scope="other")
        after = container.read("session-a", "session-a")
        assert (after.content["scope"], container.read("client-a", "client-a").content["scope"]) == (
            "other",
            "x",
        )
        assert after.etag != before.etag
        with pytest.raises(ExplainedError, match="begins with 'none-'"):
            cosmos.edit("none-", scope="other")

    async def test_live_documents_can_be_listed(self, recording: Recording, issuer: TokenIssuer, clock: Clock) -> None:
        (container,) = Cosmos.from_recording(recording, issuer, clock).containers
        container.create(b'{"id":"a","ttl":5}', "a")
        assert [document["id"] for document in container.documents()] == ["a"]
        clock.advance(6)
        assert container.documents() == []
