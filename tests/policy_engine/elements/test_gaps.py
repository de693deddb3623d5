"""What policies do that came after the first ones: backends, templates, caches, limits, models, conversions, validations."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from apim_policies.errors import ExplainedError
from apim_policies.expressions.context import Authorization, Certificate, Subscription
from apim_policies.pipeline.backends import AllTripped, Backends, Breaker, DeclaredBackend, Member, seconds

Stack = Any
JSON = {"Content-Type": "application/json"}


class Clock:
    """Says what a test wants."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def now(self) -> float:
        return self.time


# -- backends


def pool(**breaker: Any) -> tuple[Backends, Clock]:
    clock = Clock()
    rule = Breaker(**{"interval": 60, "trip": 30, "count": 2, "statuses": [(429, 429), (500, 599)], **breaker})
    singles = {id: DeclaredBackend(id, f"https://{id}.example", breaker=rule) for id in ("first", "second", "spare")}
    members = [Member("first", 1, 3), Member("second", 1, 1), Member("spare", 2)]
    return Backends({**singles, "pool": DeclaredBackend("pool", members=members)}, clock), clock  # type: ignore[arg-type]


def test_a_pool_goes_to_those_that_come_first_by_their_weights() -> None:
    backends, _ = pool()
    chosen = [backends.choose(backends.find("POOL")).id for _ in range(400)]
    assert set(chosen) == {"first", "second"}
    assert 240 < chosen.count("first") < 360


def test_a_backend_that_fails_is_left_alone_and_then_asked_again() -> None:
    backends, clock = pool()
    first, second = backends.find("first"), backends.find("second")
    for _ in range(2):
        backends.answered(first, 503)
    assert {backends.choose(backends.find("pool")).id for _ in range(50)} == {"second"}
    for _ in range(2):
        backends.failed(second, "Timeout")
    # Without an answer there is no status: only reasons that are named count.
    assert {backends.choose(backends.find("pool")).id for _ in range(50)} == {"second"}
    for _ in range(2):
        backends.answered(second, 429)
    assert backends.choose(backends.find("pool")).id == "spare"
    for _ in range(2):
        backends.answered(backends.find("spare"), 500)
    with pytest.raises(AllTripped) as tripped:
        backends.choose(backends.find("pool"))
    assert tripped.value.seconds == 30
    clock.time += 31
    assert {backends.choose(backends.find("pool")).id for _ in range(50)} == {"first", "second"}


def test_a_breaker_counts_in_its_interval_and_minds_retry_after() -> None:
    backends, clock = pool(accept_retry_after=True)
    first = backends.find("first")
    backends.answered(first, 500)
    clock.time += 61
    backends.answered(first, 500)
    assert backends.open_until("first") == 0
    backends.answered(first, 429, "7")
    assert backends.open_until("first") == clock.time + 7
    backends.answered(first, 200)


@pytest.mark.parametrize(("text", "wanted"), [("PT1M", 60), ("PT1H30M", 5400), ("P1DT2S", 86_402), ("PT0.5S", 0.5)])
def test_durations(text: str, wanted: float) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["1m", "P", "", "PT"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ExplainedError, match="write PT1M"):
        seconds(text)


async def test_a_backend_resource_gets_the_request_with_its_credentials(stack: Stack) -> None:
    stack.declare(
        "Backend", "models", backendId="models", url="https://backend.azurewebsites.net/openai",
        credentials={"header": {"api-key": ["k"]}, "query": {"v": ["1"]}, "authorization": {"scheme": "Basic", "parameter": "p"}},
    )  # fmt: skip
    stack.policies(
        '<set-backend-service backend-id="Models" /><set-header name="x-b"><value>@(context.Backend.Id)</value></set-header>'
    )
    assert (await stack.send(path="/api/more?a=2")).status_code == 200
    request = stack.backend.last
    assert str(request.url) == "https://backend.azurewebsites.net/openai/more?a=2&v=1"
    assert (request.headers["api-key"], request.headers["authorization"], request.headers["x-b"]) == (
        "k",
        "Basic p",
        "models",
    )


async def test_an_open_circuit_answers_503_without_asking(stack: Stack) -> None:
    rule = {
        "name": "r", "tripDuration": "PT1M",
        "failureCondition": {"count": 1, "interval": "PT1M", "statusCodeRanges": [{"min": 500, "max": 599}]},
    }  # fmt: skip
    stack.declare(
        "Backend", "b", backendId="b", url="https://backend.azurewebsites.net", circuitBreaker={"rules": [rule]}
    )
    stack.policies('<set-backend-service backend-id="b" />')
    stack.backend.answer = httpx.Response(500)
    assert (await stack.send()).status_code == 500
    answer = await stack.send()
    assert (answer.status_code, answer.headers["retry-after"], len(stack.backend.requests)) == (503, "60", 1)


# -- bodies


@pytest.mark.parametrize(
    ("body", "kind", "template", "wanted"),
    [
        ('{"a": {"b": [1, 2]}}', "application/json", "{% for x in body.a.b %}<{{ x }}>{% endfor %}", "<1><2>"),
        ("<a><b>x</b><b>y</b></a>", "text/xml", "{{ body.a.b[1] }}", "y"),
        ("{}", "application/json", "{{ context.Request.Method }} {{ context.Request.Headers.x-a }}", "POST h"),
        ("{}", "application/json", "{{ context.Variables.v }}{{ body.none }}", "5"),
    ],
)
async def test_liquid_bodies(stack: Stack, body: str, kind: str, template: str, wanted: str) -> None:
    stack.policies('<set-variable name="v" value="@(5)" />' + f'<set-body template="liquid">{template}</set-body>')
    await stack.send("POST", headers={"Content-Type": kind, "x-a": "h"}, content=body)
    assert stack.backend.last.content.decode() == wanted


async def test_find_and_replace_in_both_directions(stack: Stack) -> None:
    change = '<find-and-replace from="a" to="@("b" + "c")" />'
    stack.policies(change, outbound='<find-and-replace from="backend" to="gateway" />')
    answer = await stack.send("POST", content="xaa")
    assert (stack.backend.last.content, answer.json()) == (b"xbcbc", {"from": "gateway"})


async def test_a_status_without_a_reason_has_the_usual_one(stack: Stack) -> None:
    stack.policies('<return-response><set-status code="418" /></return-response>')
    answer = await stack.send()
    assert answer.status_code == 418
    assert await stack_value(stack) == "Not Found"


async def stack_value(stack: Stack) -> str:
    stack.resources = stack.resources[:1]
    stack.policies(outbound='<set-status code="404" /><set-body>@(context.Response.StatusReason)</set-body>')
    return (await stack.send()).text


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("direct", {"a": {"@k": "v", "b": ["1", "2"], "c": None}}),
        ("javascript-friendly", {"a": {"k": "v", "b": ["1", "2"], "c": None}}),
    ],
)
async def test_xml_becomes_json(stack: Stack, kind: str, wanted: object) -> None:
    stack.policies(outbound=f'<xml-to-json kind="{kind}" apply="always" consider-accept-header="false" />')
    stack.backend.answer = httpx.Response(
        200, text='<a k="v"><b>1</b><b>2</b><c /></a>', headers={"Content-Type": "text/xml"}
    )
    answer = await stack.send()
    assert (answer.json(), answer.headers["content-type"]) == (wanted, "application/json")


async def test_json_becomes_xml_for_who_wants_it(stack: Stack) -> None:
    stack.policies(outbound='<json-to-xml apply="content-type-json" consider-accept-header="true" />')
    stack.backend.answer = httpx.Response(200, json={"a b": [1, None], "c": {"d": "<"}})
    assert (await stack.send(headers={"Accept": "application/json"})).json() == {"a b": [1, None], "c": {"d": "<"}}
    answer = await stack.send(headers={"Accept": "application/xml"})
    assert answer.text == "<Document><a_x0020_b>1</a_x0020_b><a_x0020_b /><c><d>&lt;</d></c></Document>"


async def test_jsonp_calls_what_is_a_name_only(stack: Stack) -> None:
    stack.policies(outbound='<jsonp callback-parameter-name="cb" />')
    assert (await stack.send(path="/api?cb=f.g")).text == 'f.g({"from":"backend"})'
    assert (await stack.send(path="/api?cb=alert(1)%2F%2F")).status_code == 400


async def test_addresses_of_the_backend_become_those_of_the_gateway(stack: Stack) -> None:
    stack.policies(outbound="<redirect-content-urls />")
    there = "https://backend.azurewebsites.net/base/x"
    stack.backend.answer = httpx.Response(201, text=there, headers={"Location": there})
    answer = await stack.send()
    assert (answer.text, answer.headers["location"]) == ("https://apim.example/api/x",) * 2


# -- calls


async def test_a_one_way_request_fails_for_nobody(stack: Stack) -> None:
    stack.policies("<send-one-way-request><set-url>https://nowhere.example</set-url></send-one-way-request>"
                   '<send-one-way-request mode="new"><set-url>https://backend.azurewebsites.net/log</set-url>'
                   "<set-method>PUT</set-method><set-body>m</set-body></send-one-way-request>")  # fmt: skip
    assert (await stack.send()).status_code == 200
    assert [(one.method, one.url.path) for one in stack.backend.requests] == [("PUT", "/log"), ("GET", "/base")]


async def test_redirects_are_followed_without_the_credentials_for_others(stack: Stack) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        del receive
        place = b"https://other.example/end" if scope["path"] == "/base" else b""
        headers = (
            [(b"location", place)] if place else [(b"x-auth", dict(scope["headers"]).get(b"authorization", b"none"))]
        )
        await send({"type": "http.response.start", "status": 302 if place else 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    stack.backend.app = app
    stack.network.serve("other.example", app)
    stack.policies(backend='<forward-request follow-redirects="true" />')
    answer = await stack.send(headers={"Authorization": "Basic x"})
    assert (answer.status_code, answer.headers["x-auth"]) == (200, "none")


async def test_a_name_and_a_password_become_an_authorization(stack: Stack) -> None:
    stack.policies('<authentication-basic username="u" password="@("p" + 1)" />')
    await stack.send()
    assert stack.backend.last.headers["authorization"] == "Basic dTpwMQ=="


# -- caches


async def test_a_whole_answer_is_kept_for_requests_alike(stack: Stack) -> None:
    stack.policies(
        '<cache-lookup vary-by-developer="false" vary-by-developer-groups="false">'
        "<vary-by-query-parameter>a</vary-by-query-parameter><vary-by-header>Accept</vary-by-header></cache-lookup>",
        outbound='<cache-store duration="60" />',
    )
    for path in ("/api?a=1", "/api?a=1&amp;b=2", "/api?a=2"):
        assert (await stack.send(path=path)).json() == {"from": "backend"}
    assert len(stack.backend.requests) == 2
    await stack.send(path="/api?a=1", headers={"Accept": "text/html"})
    await stack.send("POST", path="/api?a=1")
    # Who shows credentials gets no answer of others.
    await stack.send(path="/api?a=1", headers={"Authorization": "x"})
    assert len(stack.backend.requests) == 5


# -- limits


def subscribed(stack: Stack) -> None:
    """Every request is one of a subscription."""
    make = stack.gateway._call

    def call(*given: Any) -> Any:
        made = make(*given)
        made.context.subscription = Subscription("s")
        return made

    stack.gateway._call = call


async def test_a_rate_limit_counts_for_each_subscription(stack: Stack) -> None:
    stack.policies('<rate-limit calls="2" renewal-period="60" remaining-calls-header-name="x-left" />')
    assert [(await stack.send()).status_code for _ in range(4)] == [200] * 4
    subscribed(stack)
    answers = [await stack.send() for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert (answers[0].headers["x-left"], answers[2].headers["retry-after"]) == ("1", "60")


async def test_a_quota_of_calls_and_of_bytes(stack: Stack) -> None:
    stack.policies('<quota calls="5" bandwidth="1" renewal-period="3600" />')
    subscribed(stack)
    assert (await stack.send("POST", content="x" * 1100)).status_code == 200
    answer = await stack.send()
    assert (answer.status_code, "bandwidth" in answer.text) == (403, True)


# -- models


def model(stack: Stack, **usage: int) -> None:
    said = {"choices": [{"message": {"content": "hi"}}], "usage": usage}
    stack.backend.answer = httpx.Response(200, json=said)


PROMPT = {"messages": [{"role": "user", "content": "x" * 40}]}
LIMIT = '<llm-token-limit counter-key="k" tokens-per-minute="100" estimate-prompt-tokens="{}" remaining-tokens-header-name="x-left" />'


async def test_tokens_are_counted_by_what_the_model_says(stack: Stack) -> None:
    model(stack, prompt_tokens=40, completion_tokens=50)
    stack.policies(LIMIT.format("false"))
    answers = [await stack.send("POST", json=PROMPT) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert [one.headers["x-left"] for one in answers] == ["100", "10", "0"]
    assert "retry-after" in answers[2].headers


async def test_a_prompt_that_is_too_long_is_refused_before_the_model_is_asked(stack: Stack) -> None:
    model(stack, prompt_tokens=10, completion_tokens=1)
    stack.policies(LIMIT.format("true"))
    assert (await stack.send("POST", json={"prompt": "x" * 400})).status_code == 429
    assert not stack.backend.requests


async def test_tokens_of_a_stream_are_counted_at_its_end(stack: Stack) -> None:
    text = (
        'data: {"choices": []}\n\ndata: {"usage": {"prompt_tokens": 90, "completion_tokens": 20}}\n\ndata: [DONE]\n\n'
    )
    stack.backend.answer = httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})
    stack.policies(LIMIT.format("false"), backend='<forward-request buffer-response="false" />')
    answers = [await stack.send("POST", json=PROMPT) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 429]
    assert answers[0].text == text


async def test_a_quota_of_tokens(stack: Stack) -> None:
    model(stack, prompt_tokens=40, completion_tokens=60)
    stack.policies(
        '<azure-openai-token-limit counter-key="k" token-quota="100" token-quota-period="Daily" estimate-prompt-tokens="false" />'
    )
    assert [(await stack.send("POST", json=PROMPT)).status_code for _ in range(2)] == [200, 403]


async def test_tokens_are_metrics(stack: Stack) -> None:
    model(stack, prompt_tokens=4, completion_tokens=6)
    stack.policies(
        '<llm-emit-token-metric namespace="n"><dimension name="API ID" /><dimension name="m" value="@(1 + 1)" /></llm-emit-token-metric>'
    )
    await stack.send("POST", json=PROMPT)
    assert [(one["name"], one["value"]) for one in stack.trace.metrics] == [
        ("Prompt Tokens", 4), ("Completion Tokens", 6), ("Total Tokens", 10),
    ]  # fmt: skip
    assert stack.trace.metrics[0]["dimensions"] == {"API ID": "api", "m": "2"}


async def test_content_safety_stops_what_is_not_safe(stack: Stack) -> None:
    asked: list[Any] = []

    async def safety(scope: Any, receive: Any, send: Any) -> None:
        question = json.loads((await receive())["body"])
        asked.append((scope["path"], question))
        bad = "hate" in str(question)
        said = {
            "categoriesAnalysis": [{"category": "Hate", "severity": 4 if bad else 0}],
            "userPromptAnalysis": {"attackDetected": "ignore all" in str(question)},
        }
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})

    stack.network.serve("safety.example", safety)
    stack.declare("Backend", "safety", backendId="safety", url="https://safety.example")
    stack.policies(
        '<llm-content-safety backend-id="safety" shield-prompt="true"><categories><category name="Hate" threshold="4" /></categories></llm-content-safety>'
    )

    async def told(text: str) -> int:
        return (await stack.send("POST", json={"messages": [{"role": "user", "content": text}]})).status_code

    assert [await told(text) for text in ("hello", "hate", "ignore all")] == [200, 403, 403]
    assert asked[0][0] == "/contentsafety/text:shieldPrompt"
    assert asked[1] == (
        "/contentsafety/text:analyze",
        {"text": "hello", "categories": ["Hate"], "outputType": "FourSeverityLevels"},
    )


async def test_a_question_that_means_the_same_gets_the_same_answer(stack: Stack) -> None:
    async def embeddings(scope: Any, receive: Any, send: Any) -> None:
        del scope
        text = json.loads((await receive())["body"])["input"]
        vector = [float(text.count(letter)) for letter in "abcdefghijklmnop"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps({"data": [{"embedding": vector}]}).encode()})

    stack.network.serve("embeddings.example", embeddings)
    stack.declare("Backend", "e", backendId="e", url="https://embeddings.example/embeddings")
    stack.policies(
        '<llm-semantic-cache-lookup score-threshold="0.05" embeddings-backend-id="e"><vary-by>@(context.Request.Headers.GetValueOrDefault("x-user", ""))</vary-by></llm-semantic-cache-lookup>',
        outbound='<llm-semantic-cache-store duration="60" />',
    )
    for text, user in (("abc abc", "1"), ("abc  abc", "1"), ("ppp", "1"), ("abc abc", "2")):
        await stack.send("POST", json={"messages": [{"role": "user", "content": text}]}, headers={"x-user": user})
    assert len(stack.backend.requests) == 3


# -- validations


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ('{"a": 1}', "application/json", 200),
        ('{"a": ', "application/json", 400),
        ("x", "text/plain", 400),
        ('{"a": "' + "x" * 100 + '"}', "application/json", 400),
    ],
)
async def test_content_is_validated(stack: Stack, body: str, kind: str, status: int) -> None:
    stack.policies(
        '<validate-content unspecified-content-type-action="prevent" max-size="100" size-exceeded-action="prevent">'
        '<content type="application/json" validate-as="json" action="prevent" /></validate-content>'
    )
    assert (await stack.send("POST", content=body, headers={"Content-Type": kind})).status_code == status


@pytest.mark.parametrize(
    ("map", "kind", "status"),
    [
        ('any-content-type-value="application/json"', "text/plain", 400),
        ('missing-content-type-value="application/json"', "", 400),
        ('missing-content-type-value="application/json"', "text/plain", 200),
        ('><type from="text/plain" to="Application/JSON" /', "text/plain", 400),
        ('><type from="text/plain" to="application/json" /', "text/html", 200),
        ('><type when="@(context.Request.Method == "POST")" to="application/json" /', "text/html", 400),
        ('><type when="@(context.Request.Method == "PUT")" to="application/json" /', "text/html", 200),
    ],
)
async def test_a_body_is_taken_for_what_the_map_says(stack: Stack, map: str, kind: str, status: int) -> None:
    stack.policies(
        '<validate-content unspecified-content-type-action="ignore" max-size="100" size-exceeded-action="prevent">'
        f"<content-type-map {map}></content-type-map>"
        '<content type="application/json" validate-as="json" action="prevent" /></validate-content>'
    )
    assert (
        await stack.send("POST", content="no JSON", headers={"Content-Type": kind} if kind else {})
    ).status_code == status


async def test_what_is_only_detected_goes_on_and_is_told(stack: Stack) -> None:
    stack.policies(outbound='<validate-status-code unspecified-status-code-action="detect" errors-variable-name="e" />'
                   '<set-body>@((string)context.Variables["e"])</set-body>')  # fmt: skip
    assert "200" in (await stack.send()).text


def certificate(name: str) -> Certificate:
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, name),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "O, Inc"),
        ]
    )
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(0x8123).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    return Certificate(built, key)


async def test_the_certificates_of_the_gateway_sign(stack: Stack) -> None:
    held = certificate("signer")
    stack.policies('<return-response><set-body>@{ var c = context.Deployment.Certificates.First().Value; '
                   "using (var rsa = c.GetRSAPrivateKey()) { var data = Encoding.UTF8.GetBytes(\"x\"); "
                   "var s = rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1); "
                   "return c.Subject + \" \" + c.SerialNumber + \" \" + c.GetRSAPublicKey().VerifyData(data, s, "
                   "HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1); } }</set-body></return-response>")  # fmt: skip
    services = stack.gateway._services
    stack.gateway._services = type(services)(**{**services.__dict__, "certificates": [held]})
    assert (await stack.send()).text == 'O="O, Inc", CN=signer 008123 True'


async def test_a_connection_of_the_credential_manager(stack: Stack) -> None:
    stack.policies('<get-authorization-context provider-id="p" authorization-id="a" context-variable-name="c" identity-type="managed" ignore-error="true" />'
                   '<return-response><set-body>@(((Authorization)context.Variables.GetValueOrDefault("c"))?.AccessToken ?? "none")</set-body></return-response>')  # fmt: skip
    assert (await stack.send()).text == "none"
    services = stack.gateway._services
    held = {("p", "a"): Authorization("token")}
    stack.gateway._services = type(services)(**{**services.__dict__, "authorizations": held})
    assert (await stack.send()).text == "token"


async def test_events_are_remembered(stack: Stack) -> None:
    stack.policies(
        '<log-to-eventhub logger-id="hub" partition-key="@("p" + 1)">@(context.Request.Method)</log-to-eventhub>'
    )
    await stack.send()
    (event,) = stack.gateway._services.events
    assert (event.logger, event.content, event.partition) == ("hub", "GET", "p1")


async def test_a_token_is_checked_with_a_certificate_of_the_gateway(stack: Stack) -> None:
    from joserfc import jwt
    from joserfc.jwk import RSAKey

    held, other = certificate("signer"), certificate("other")
    stack.policies(
        '<validate-jwt header-name="Authorization"><issuer-signing-keys><key certificate-id="c" /></issuer-signing-keys></validate-jwt>'
    )
    services = stack.gateway._services
    named = Certificate(held.certificate, held.key, id="c")
    stack.gateway._services = type(services)(**{**services.__dict__, "certificates": [named]})

    def token(signer: Certificate) -> dict[str, str]:
        key = RSAKey.import_key(
            signer.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )  # type: ignore[union-attr]
        return {"Authorization": "Bearer " + jwt.encode({"alg": "RS256"}, {"exp": 4_000_000_000}, key)}

    assert (await stack.send(headers=token(named))).status_code == 200
    assert (await stack.send(headers=token(other))).status_code == 401
