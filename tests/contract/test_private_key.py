"""C1, M6, M19: clients with a key (private_key_jwt, RFC 7523), by metadata document and by registration."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from actors.signer import ASSERTION_TYPE, UNSET, Signer, confused, unsigned
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

HOST, KEYS = "app.example.com", "keys.example.com"
SIGNER, OTHER = Signer(), Signer()


class Publisher:
    """Where an application publishes its document, and where its keys are."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, Any] | None = SIGNER.jwks
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []
        self.app = Starlette(routes=[Route("/{path:path}", self.answer)])

    def publish(self, name: str, **document: Any) -> str:
        url = f"https://{HOST}/{name}"
        self.documents[f"/{name}"] = {
            "client_id": url,
            "client_name": "Published client",
            "redirect_uris": ["http://127.0.0.1:53682/callback"],
            "token_endpoint_auth_method": "private_key_jwt",
        } | document
        return url

    async def answer(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        if request.url.path == "/keys":
            return JSONResponse(self.keys or {}, 200 if self.keys else 500, self.headers)
        return JSONResponse(self.documents[request.url.path], headers=self.headers)


@pytest.fixture(scope="module")
async def cloud() -> Any:
    config = {
        "signInRateLimit": "100000",
        "clientMetadataHosts": json.dumps([HOST, KEYS]),
    }
    backend = "http://localhost:9/mcp"
    async with LocalCloud.open(
        Path(__file__).parents[2], stack="dev", config=config, port=0, backend=backend
    ) as running:
        for signer in (SIGNER, OTHER):
            signer.now = running.clock.now
        yield running


@pytest.fixture
def publisher(cloud: LocalCloud) -> Publisher:
    publisher = Publisher()
    cloud.network.serve(HOST, publisher.app)
    cloud.network.serve(KEYS, publisher.app)
    cloud.network.serve("elsewhere.example.org", publisher.app)
    cloud.gateway.cache.clear()
    return publisher


async def by_document(cloud: LocalCloud, publisher: Publisher) -> Application:
    return Application(cloud.gateway_url, client_id=publisher.publish("client.json", jwks=SIGNER.jwks))


async def by_registration(cloud: LocalCloud, publisher: Publisher) -> Application:
    application = Application(cloud.gateway_url)
    answer = await application.register(token_endpoint_auth_method="private_key_jwt", jwks=SIGNER.jwks)
    assert answer.status_code == 201, answer.text
    assert answer.json()["token_endpoint_auth_method"] == "private_key_jwt"
    assert answer.json()["jwks"] == SIGNER.jwks
    assert "client_secret" not in answer.json()
    return application


WAYS: list[Callable[[LocalCloud, Publisher], Awaitable[Application]]] = [by_document, by_registration]


def asserted(assertion: str, **changes: str | None) -> dict[str, str | None]:
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion} | changes


def assert_refused(answer: httpx.Response, error: str = "invalid_client") -> None:
    assert answer.status_code == (401 if error == "invalid_client" else 400), answer.text
    assert answer.json()["error"] == error
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("audience", ["", "/", "/token"])
async def test_C1_M6_a_client_with_a_key_signs_in_refreshes_and_revokes(
    cloud: LocalCloud, publisher: Publisher, way: Any, audience: str
) -> None:
    application = await way(cloud, publisher)
    issuer = cloud.gateway_url + audience

    def proof() -> dict[str, str | None]:
        return asserted(SIGNER.assertion(application.client_id, issuer))

    code = await application.code(Person())
    # The subject of the assertion says who it is (RFC 7521, section 4.2).
    tokens = (await application.exchange(code, **proof(), client_id=None)).json()
    assert (await application.refresh(tokens["refresh_token"], **proof())).status_code == 200
    assert (await application.call(tokens["access_token"])).status_code != 401
    form = {"token": tokens["refresh_token"], "client_id": application.client_id}
    assert_refused(await application.send("POST", "/revoke", data=form))
    assert (await application.call(tokens["access_token"])).status_code != 401
    assert (await application.send("POST", "/revoke", data=form | proof())).status_code == 200
    assert (await application.call(tokens["access_token"])).status_code == 401


def wrong(client_id: str, issuer: str, now: int) -> dict[str, dict[str, str | None]]:
    """Every way in which an assertion can be wrong."""
    good = SIGNER.assertion(client_id, issuer)
    forged = OTHER.assertion(client_id, issuer).split(".")[1]

    def changed(header: dict[str, Any] | None = None, **claims: Any) -> dict[str, str | None]:
        return asserted(SIGNER.assertion(client_id, claims.pop("aud", issuer), header, **claims))

    return {
        "none at all": {},
        "no type": {"client_assertion": good},
        "no assertion": {"client_assertion_type": ASSERTION_TYPE},
        "another type": asserted(good, client_assertion_type=ASSERTION_TYPE.replace("jwt", "saml2")),
        "type in capitals": asserted(good, client_assertion_type=ASSERTION_TYPE.upper()),
        "alg none": asserted(unsigned(good)),
        "alg none with a signature": asserted(unsigned(good) + good.split(".")[2]),
        "HS256 with the public key": asserted(confused(SIGNER, good)),
        "RS384": changed({"alg": "RS384"}),
        "PS256": changed({"alg": "PS256"}),
        "signed, and says none": changed({"alg": "none"}),
        "signed, and says HS256": changed({"alg": "HS256"}),
        "another's key": asserted(OTHER.assertion(client_id, issuer)),
        "another key id": changed({"kid": "key-2"}),
        "an extension that must be understood": changed({"crit": ["b64"], "b64": True}),
        "made for something else": changed({"typ": "oauth-id-jag+jwt"}),
        "a claim changed": asserted(".".join([good.split(".")[0], forged, good.split(".")[2]])),
        "signature cut": asserted(good[:-4]),
        "two parts": asserted(good.rpartition(".")[0]),
        "garbage": asserted("a.b.c"),
        "much": asserted("a" * 9000 + ".b.c"),
        "no issuer": changed(iss=UNSET),
        "an issuer that is a list": changed(iss=[client_id]),
        "a subject that is an object": changed(sub={"id": client_id}),
        "another issuer": changed(iss="https://evil.example.com/c"),
        "no subject": changed(sub=UNSET),
        "another subject": changed(sub="someone"),
        "a list for a subject": changed(sub=[client_id]),
        "no audience": changed(aud=UNSET),
        "another audience": changed(aud="https://other.example.com"),
        "the resource as audience": changed(aud=issuer + "/mcp"),
        "for another server too": changed(aud=[issuer, "https://other.example.com"]),
        "an empty list of audiences": changed(aud=[]),
        "no expiry": changed(exp=UNSET),
        "a text for an expiry": changed(exp=str(now + 300)),
        "expired": changed(exp=now - 120),
        "lives for long": changed(exp=now + 7200),
        "not yet": changed(nbf=now + 300),
        "issued in the future": changed(iat=now + 300),
        "a text for a time": changed(nbf="now"),
        "a huge time": changed(nbf=1e300),
        "brackets without end": changed(x=[[]] * 300),
        "brackets without end in what says how it is signed": changed({"x": [[]] * 300}),
        "an id of brackets": changed({"kid": [[]]}),
    }


@pytest.mark.parametrize("case", wrong("c", "https://i.example.com", 0))
@pytest.mark.parametrize("way", WAYS)
async def test_C1_D17_a_wrong_assertion_authenticates_nobody(
    cloud: LocalCloud, publisher: Publisher, way: Any, case: str
) -> None:
    application = await way(cloud, publisher)
    code = await application.code(Person())
    form = wrong(application.client_id, cloud.gateway_url, int(cloud.clock.now()))[case]
    assert_refused(await application.exchange(code, **form))
    # It is the assertion that was wrong: the code is still good.
    good = asserted(SIGNER.assertion(application.client_id, cloud.gateway_url))
    assert (await application.exchange(code, **good)).status_code == 200
    refused = await application.send("POST", "/revoke", data={"token": "x", "client_id": application.client_id, **form})
    assert_refused(refused)


async def test_C1_never_both_methods(cloud: LocalCloud, publisher: Publisher) -> None:
    application = await by_document(cloud, publisher)
    good = SIGNER.assertion(application.client_id, cloud.gateway_url)
    assert_refused(await application.exchange("x", **asserted(good), client_secret="s"), "invalid_request")
    form = {"grant_type": "authorization_code", "code": "x", "client_id": application.client_id, **asserted(good)}
    both = await application.send("POST", "/token", data=form, auth=(quote(application.client_id, safe=""), "s"))
    assert_refused(both, "invalid_request")
    basic = await application.send("POST", "/token", data={"grant_type": "refresh_token", "refresh_token": "x"}, auth=(quote(application.client_id, safe=""), ""))  # fmt: skip
    assert_refused(basic)
    assert basic.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("method", ["none", "client_secret_post"])
async def test_C1_who_has_no_key_cannot_come_with_an_assertion(
    cloud: LocalCloud, publisher: Publisher, method: str
) -> None:
    application = Application(cloud.gateway_url)
    await application.register(token_endpoint_auth_method=method)
    assertion = SIGNER.assertion(application.client_id, cloud.gateway_url)
    assert_refused(await application.exchange(await application.code(Person()), **asserted(assertion)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("jti", ["with", "without"])
async def test_C1_an_assertion_is_good_once_also_at_once(
    cloud: LocalCloud, publisher: Publisher, way: Any, jti: str
) -> None:
    application = await way(cloud, publisher)
    code = await application.code(Person())
    extra: dict[str, Any] = {} if jti == "with" else {"jti": UNSET}
    tokens = (await application.exchange(code, **asserted(SIGNER.assertion(application.client_id, cloud.gateway_url)))).json()  # fmt: skip
    once = asserted(SIGNER.assertion(application.client_id, cloud.gateway_url, **extra))
    answers = await asyncio.gather(*(application.refresh(tokens["refresh_token"], **once) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7
    cloud.gateway.cache.clear()
    assert_refused(await application.refresh(tokens["refresh_token"], **once))
    documents = [d for c in cloud.cosmos.containers for d in c.documents() if "assertion-" in d["id"]]
    assert documents
    assert all(document["ttl"] <= 3660 + 62 for document in documents)
    assert all(document["id"].startswith("stranger-") for document in documents)


async def test_C1_the_same_id_of_another_client_is_another(cloud: LocalCloud, publisher: Publisher) -> None:
    for application in (await by_registration(cloud, publisher), await by_registration(cloud, publisher)):
        form = asserted(SIGNER.assertion(application.client_id, cloud.gateway_url, jti="same"))
        assert (await application.exchange(await application.code(Person()), **form)).status_code == 200


async def test_C1_a_store_that_is_away_lets_no_assertion_through(cloud: LocalCloud, publisher: Publisher) -> None:
    application = await by_document(cloud, publisher)
    code = await application.code(Person())
    form = asserted(SIGNER.assertion(application.client_id, cloud.gateway_url))

    def failing(app: ASGIApp) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            refused = scope["method"] == "POST" and "/colls/registrations" in scope["path"]
            await (Response(status_code=503) if refused else app)(scope, receive, send)

        return answer

    for host, app in cloud.cosmos.hosts.items():
        cloud.network.serve(host, failing(app), kind="cosmos")
    try:
        assert (await application.exchange(code, **form)).status_code == 503
    finally:
        for host, app in cloud.cosmos.hosts.items():
            cloud.network.serve(host, app, kind="cosmos")
    assert (await application.exchange(code, **form)).status_code == 200, "it was not used"


async def test_C1_keys_behind_an_address_are_cached_and_a_new_one_is_found(
    cloud: LocalCloud, publisher: Publisher
) -> None:
    publisher.headers = {"Cache-Control": "max-age=600"}
    url = publisher.publish("by-address.json", jwks_uri=f"https://{KEYS}/keys")
    application = Application(cloud.gateway_url, client_id=url)

    async def exchanged(signer: Signer, **header: Any) -> int:
        form = asserted(signer.assertion(url, cloud.gateway_url, header))
        return (await application.exchange(await application.code(Person()), **form)).status_code

    assert await exchanged(SIGNER) == 200
    assert await exchanged(SIGNER, kid=None) == 200
    assert publisher.asked.count("/keys") == 1
    new = Signer("key-2", cloud.clock.now)
    publisher.keys = {"keys": [SIGNER.public, new.public]}
    # Whoever makes up key ids makes nobody ask more than once a minute.
    assert await exchanged(new) == 401
    assert await exchanged(OTHER, kid="made-up") == 401
    assert publisher.asked.count("/keys") == 1
    cloud.clock.advance(61)
    assert await exchanged(new) == 200
    assert publisher.asked.count("/keys") == 2
    # A key that was taken back is gone when the answer may no longer be kept.
    publisher.keys = {"keys": [new.public]}
    cloud.clock.advance(601)
    assert await exchanged(SIGNER) == 401
    assert await exchanged(new) == 200


async def test_C1_a_key_whose_private_half_is_published_proves_nothing(cloud: LocalCloud, publisher: Publisher) -> None:
    """draft-ietf-oauth-client-id-metadata-document, restrictions on client authentication."""
    url = publisher.publish("leaked.json", jwks_uri=f"https://{KEYS}/keys")
    publisher.keys = {"keys": [SIGNER.private]}
    application = Application(cloud.gateway_url, client_id=url)
    proof = asserted(SIGNER.assertion(url, cloud.gateway_url))
    assert_refused(await application.exchange(await application.code(Person()), **proof))
    assert "/keys" in publisher.asked


async def test_C1_keys_that_cannot_be_read_now_are_503(cloud: LocalCloud, publisher: Publisher) -> None:
    publisher.keys = None
    url = publisher.publish("no-keys.json", jwks_uri=f"https://{KEYS}/keys")
    application = Application(cloud.gateway_url, client_id=url)
    code = await application.code(Person())
    answer = await application.exchange(code, **asserted(SIGNER.assertion(url, cloud.gateway_url)))
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


async def test_M5_metadata_of_brackets_without_end_are_refused(cloud: LocalCloud) -> None:
    """Thousands of levels would take more stack than .NET has; no level is without a bracket."""
    application = Application(cloud.gateway_url)
    metadata: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt", "jwks": SIGNER.jwks}
    assert (await application.register(**metadata, contacts=[[]] * 200)).status_code == 201
    answer = await application.register(**metadata, contacts=[[]] * 300)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


BAD_DOCUMENTS: dict[str, dict[str, Any]] = {
    "a secret": {"token_endpoint_auth_method": "client_secret_basic"},
    "a secret in the form": {"token_endpoint_auth_method": "client_secret_post"},
    "a secret for a JWT": {"token_endpoint_auth_method": "client_secret_jwt", "jwks": SIGNER.jwks},
    "a certificate": {"token_endpoint_auth_method": "tls_client_auth"},
    "a number": {"token_endpoint_auth_method": 1, "jwks": SIGNER.jwks},
    "a secret that all can read": {"token_endpoint_auth_method": "none", "client_secret": "s"},
    "no key": {},
    "no keys in it": {"jwks": {"keys": []}},
    "both": {"jwks": SIGNER.jwks, "jwks_uri": f"https://{KEYS}/keys"},
    "keys of a host that nobody listed": {"jwks_uri": "https://elsewhere.example.org/keys"},
    "keys of a private address": {"jwks_uri": "https://169.254.169.254/keys"},
    "keys by http": {"jwks_uri": f"http://{KEYS}/keys"},
    "a secret key": {"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}},
    "a private key": {"jwks": {"keys": [SIGNER.private]}},
    "the primes of a key": {"jwks": {"keys": [SIGNER.public | {"p": "AQAB", "q": "AQAB"}]}},
    "a short key": {"jwks": {"keys": [SIGNER.public | {"n": SIGNER.public["n"][:171]}]}},
    "a small exponent": {"jwks": {"keys": [SIGNER.public | {"e": "Aw"}]}},
    "an exponent of one": {"jwks": {"keys": [SIGNER.public | {"e": "AQ"}]}},
    "a key for encryption": {"jwks": {"keys": [SIGNER.public | {"use": "enc"}]}},
    "a key of another algorithm": {"jwks": {"keys": [SIGNER.public | {"alg": "RS512"}]}},
}


@pytest.mark.parametrize("case", BAD_DOCUMENTS)
async def test_C1_a_document_whose_client_could_not_authenticate_is_no_client(
    cloud: LocalCloud, publisher: Publisher, case: str
) -> None:
    url = publisher.publish(case.replace(" ", "-") + ".json", **BAD_DOCUMENTS[case])
    page = await Person().request("GET", Application(cloud.gateway_url, client_id=url).authorize_url())
    assert page.status_code == 400
    assert "location" not in page.headers
    assert "/keys" not in publisher.asked


@pytest.mark.parametrize("case", ["none", "unnamed", "null"])
async def test_C1_a_document_with_none_is_public(cloud: LocalCloud, publisher: Publisher, case: str) -> None:
    url = publisher.publish(f"{case}.json", token_endpoint_auth_method="none")
    if case == "unnamed":
        del publisher.documents["/unnamed.json"]["token_endpoint_auth_method"]
    if case == "null":
        publisher.documents["/null.json"]["token_endpoint_auth_method"] = None
    assert "access_token" in await Application(cloud.gateway_url, client_id=url).tokens(Person())


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        ("max-age=120", 120),
        ('public, max-age="900"', 900),
        ("max-age=999999999", 3600),
        ("max-age=5", 60),
        ("no-store", 60),
        ("no-cache, max-age=900", 60),
        ("", 300),
        ("max-age=x", 300),
        # A cache that many share (RFC 9111, section 5.2.2).
        ("max-age=120, s-maxage=600", 600),
        ("private, max-age=900", 60),
    ],
)
async def test_C1_a_document_is_kept_as_its_headers_say_within_bounds(
    cloud: LocalCloud, publisher: Publisher, control: str, seconds: int
) -> None:
    publisher.headers = {"Cache-Control": control} if control else {}
    await assert_kept(cloud, publisher, seconds)


@pytest.mark.parametrize(
    ("expires", "others", "seconds"),
    [
        (900, {}, 900),
        (5, {}, 60),
        (999999, {}, 3600),
        (900, {"Cache-Control": "max-age=120"}, 120),
        (900, {"Age": "600"}, 300),
        # RFC 9111, section 4.2.1: by the publisher's own clock.
        (900 - 300, {"Date": -300}, 900),
        (0, {}, 60),
        ("0", {}, 60),
        ("tomorrow", {}, 60),
    ],
)
async def test_C1_a_document_is_kept_until_it_expires(
    cloud: LocalCloud, publisher: Publisher, expires: int | str, others: dict[str, Any], seconds: int
) -> None:
    def date(at: int | str) -> str:
        return formatdate(cloud.clock.now() + at, usegmt=True) if isinstance(at, int) else at

    publisher.headers = {"Expires": date(expires)} | {name: date(value) for name, value in others.items()}
    await assert_kept(cloud, publisher, seconds)


async def assert_kept(cloud: LocalCloud, publisher: Publisher, seconds: int) -> None:
    url = publisher.publish("kept.json", token_endpoint_auth_method="none")
    application = Application(cloud.gateway_url, client_id=url)
    for wait, count in ((0, 1), (seconds - 10, 1), (20, 2)):
        cloud.clock.advance(wait)
        await Person().request("GET", application.authorize_url())
        assert publisher.asked.count("/kept.json") == count, wait


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"jwks": SIGNER.jwks, "jwks_uri": f"https://{KEYS}/keys"},
        {"jwks_uri": "https://elsewhere.example.org/keys"},
        {"jwks_uri": "https://localhost/keys"},
        {"jwks": {"keys": [SIGNER.private]}},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [1, None]}},
        {"jwks": "x"},
    ],
)
async def test_M6_a_registration_with_a_wrong_key_is_refused(
    cloud: LocalCloud, publisher: Publisher, fields: Any
) -> None:
    answer = await Application(cloud.gateway_url).register(token_endpoint_auth_method="private_key_jwt", **fields)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata"), answer.text


async def test_M6_a_registration_may_name_the_address_of_its_keys(cloud: LocalCloud, publisher: Publisher) -> None:
    application = Application(cloud.gateway_url)
    answer = await application.register(token_endpoint_auth_method="private_key_jwt", jwks_uri=f"https://{KEYS}/keys")
    assert answer.json()["jwks_uri"] == f"https://{KEYS}/keys"
    form = asserted(SIGNER.assertion(application.client_id, cloud.gateway_url))
    assert (await application.exchange(await application.code(Person()), **form)).status_code == 200


async def test_M36_a_host_that_is_off_the_list_is_asked_for_no_key(cloud: LocalCloud, publisher: Publisher) -> None:
    application = Application(cloud.gateway_url)
    await application.register(token_endpoint_auth_method="private_key_jwt", jwks_uri=f"https://{KEYS}/keys")
    code = await application.code(Person())
    try:
        cloud.reconfigure(clientMetadataHosts=json.dumps([HOST]))
        form = asserted(SIGNER.assertion(application.client_id, cloud.gateway_url))
        assert_refused(await application.exchange(code, **form))
        assert "/keys" not in publisher.asked
    finally:
        cloud.reconfigure(clientMetadataHosts=json.dumps([HOST, KEYS]))


async def test_M3_metadata_says_what_assertions_may_be(cloud: LocalCloud) -> None:
    metadata = (await Application(cloud.gateway_url).send("GET", "/.well-known/oauth-authorization-server")).json()
    for endpoint in ("token", "revocation"):
        assert "private_key_jwt" in metadata[f"{endpoint}_endpoint_auth_methods_supported"]
        assert metadata[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] == ["RS256"]


async def test_M31_no_assertion_is_logged(cloud: LocalCloud, publisher: Publisher) -> None:
    application = await by_registration(cloud, publisher)
    cloud.gateway.traces.clear()
    assertion = SIGNER.assertion(application.client_id, cloud.gateway_url)
    await application.exchange(await application.code(Person()), **asserted(assertion))
    stored = [json.dumps(document) for container in cloud.cosmos.containers for document in container.documents()]
    traced = [json.dumps(trace.as_dict(), default=str) for trace in cloud.gateway.traces]
    assert any("/token" in trace for trace in traced)
    assert assertion.split(".")[2] not in "".join([*stored, *traced])
    assert assertion.split(".")[1] not in "".join([*stored, *traced])
