"""What single policies do, as API Management's reference of policies says it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

Stack = Any
NOWHERE = "<set-url>https://nowhere.example/</set-url>"


async def sent(stack: Stack, inbound: str, path: str = "/api", **options: Any) -> httpx.Request:
    """What the backend gets after some policies."""
    stack.policies(inbound)
    response = await stack.send(path=path, **options)
    assert response.status_code == 200, response.text
    return stack.backend.last


# -- message


@pytest.mark.parametrize(
    ("policy", "path", "url"),
    [
        ("", "/api", "/base"),
        ("", "/api/", "/base"),
        ("", "/api/more?b=%20x", "/base/more?b=%20x"),
        ('<rewrite-uri template="/new" />', "/api?x=1", "/base/new?x=1"),
        ('<rewrite-uri template="/new" copy-unmatched-params="false" />', "/api?x=1", "/base/new"),
        ('<rewrite-uri template="/new?x=2" />', "/api?X=1&amp;y=3", "/base/new?x=2&amp;y=3"),
        ('<rewrite-uri template="@("/" + "e")" />', "/api", "/base/e"),
        ('<set-backend-service base-url="https://backend.azurewebsites.net/other/" />', "/api/more", "/other/more"),
        ('<set-query-parameter name="x"><value>a b</value></set-query-parameter>', "/api?X=1&amp;y=2", "/base?y=2&amp;x=a%20b"),
        ('<set-query-parameter name="x" exists-action="append"><value>2</value></set-query-parameter>', "/api?x=1", "/base?x=1&amp;x=2"),
        ('<set-query-parameter name="x" exists-action="skip"><value>2</value></set-query-parameter>', "/api?x=1", "/base?x=1"),
        ('<set-query-parameter name="x" exists-action="delete" />', "/api?x=1", "/base"),
    ],
)  # fmt: skip
async def test_the_address_of_the_backend(stack: Stack, policy: str, path: str, url: str) -> None:
    request = await sent(stack, policy, path.replace("&amp;", "&"))
    assert str(request.url) == "https://backend.azurewebsites.net" + url.replace("&amp;", "&")


async def test_a_rewritten_path_takes_parameters_of_the_operation(stack: Stack) -> None:
    stack.api()
    stack.operation("GET", "/things/{id}", '<policies><inbound><rewrite-uri template="/t/{ID}/x" /></inbound>'
                    "<backend><forward-request /></backend></policies>")  # fmt: skip
    stack.build()
    await stack.send(path="/api/things/7")
    assert stack.backend.last.url.path == "/base/t/7/x"


async def test_a_header_beyond_ascii_is_not_forwarded_as_something_else(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.policies(backend="<forward-request />")
    response = await stack.send(headers={"X-Name": "Zo\u00eb".encode("latin-1")})  # type: ignore[dict-item]
    assert response.status_code == 501
    assert not stack.backend.requests
    assert capsys.readouterr().err == (
        "error: a header beyond ASCII that goes to the backend is not modelled by the local cloud\n"
    )


async def test_set_method_and_set_body_change_what_is_forwarded(stack: Stack) -> None:
    request = await sent(stack, '<set-method>POST</set-method><set-body>@("a" + 1)</set-body>')
    assert (request.method, request.content, request.headers["content-length"]) == ("POST", b"a1", "2")


async def test_what_the_backend_is_told_about_the_client(stack: Stack) -> None:
    request = await sent(stack, "", headers={"Connection": "X-Hop", "X-Hop": "1", "TE": "x", "X-Own": "1"})
    assert request.headers["host"] == "backend.azurewebsites.net"
    assert request.headers["x-forwarded-for"] == "127.0.0.1"
    assert request.headers["x-forwarded-proto"] == "https"
    assert request.headers["x-forwarded-host"] == "apim.example"
    assert request.headers["x-own"] == "1"
    assert not {"connection", "x-hop", "te"} & set(request.headers)


async def test_variables_keep_their_type(stack: Stack) -> None:
    policies = '<set-variable name="b" value="@(true)" /><set-variable name="t" value="true" />'
    assert await stack.value('@(context.Variables.GetValueOrDefault<bool>("b", false))', policies) == "True"


async def test_a_variable_of_another_type_is_an_error(stack: Stack) -> None:
    policies = '<set-variable name="t" value="true" />'
    told = await stack.value('@(context.Variables.GetValueOrDefault<bool>("t", false))', policies)
    assert told == "return-response ExpressionValueEvaluationFailure"


async def test_a_mocked_response_ends_the_pipeline(stack: Stack) -> None:
    stack.policies('<mock-response status-code="202" content-type="text/plain" /><set-variable name="x" value="@(1/0)" />'
                   .replace("1/0", 'int.Parse("x")'))  # fmt: skip
    response = await stack.send()
    assert (response.status_code, response.headers["content-type"], response.content) == (202, "text/plain", b"")


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_content_have_no_length(stack: Stack, status: int) -> None:
    stack.policies(f'<return-response><set-status code="{status}" reason="" /></return-response>')
    response = await stack.send()
    assert response.status_code == status
    assert "content-length" not in response.headers


# -- flow


COUNT = '<set-variable name="n" value="@(context.Variables.GetValueOrDefault<int>("n", 0) + 1)" />'
SAY = '@(context.Variables["n"].ToString())'


@pytest.mark.parametrize(("until", "count", "said"), [(1, 5, "1"), (3, 5, "3"), (9, 2, "3")])
async def test_retry_runs_once_and_then_again_while_its_condition_holds(
    stack: Stack, until: int, count: int, said: str
) -> None:
    condition = f'@((int)context.Variables["n"] &lt; {until})'.replace("&lt;", "<")
    retry = f'<retry condition="{condition}" count="{count}" interval="0">{COUNT}</retry>'
    assert await stack.value(SAY, retry) == said


async def test_the_first_true_condition_wins(stack: Stack) -> None:
    when = '<when condition="@({})"><set-variable name="n" value="{}" /></when>'
    choose = f"<choose>{when.format('false', 1)}{when.format('true', 2)}{when.format('true', 3)}</choose>"
    assert await stack.value(SAY, choose) == "2"


async def test_a_condition_that_is_no_bool_is_an_error(stack: Stack) -> None:
    choose = '<choose><when condition="@("true")" /></choose>'
    assert await stack.value(SAY, choose) == "choose ExpressionValueEvaluationFailure"


async def slow(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0.05)
    await PlainTextResponse("slow")(scope, receive, send)


@pytest.mark.parametrize(("which", "said"), [("all", "slow"), ("any", "none")])
async def test_wait_for_all_or_any(stack: Stack, which: str, said: str) -> None:
    stack.network.serve("slow.example", slow)
    wait = (
        f'<wait for="{which}"><send-request response-variable-name="r"><set-url>https://slow.example/</set-url>'
        '</send-request><cache-lookup-value key="k" variable-name="c" /></wait>'
    )
    told = '@(context.Variables.ContainsKey("r") ? ((IResponse)context.Variables["r"]).Body.As<string>() : "none")'
    assert await stack.value(told, wait) == said


async def test_concurrency_is_limited_for_each_key(stack: Stack) -> None:
    stack.network.serve("slow.example", slow)
    inside = '<send-request response-variable-name="r"><set-url>https://slow.example/</set-url></send-request>'
    key = '@(context.Request.Headers.GetValueOrDefault("X-Key", ""))'
    stack.inbound(f'<limit-concurrency key="{key}" max-count="1">{inside}</limit-concurrency>')
    answers = await asyncio.gather(*(stack.send(headers={"X-Key": key}) for key in ("a", "a", "b")))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429]
    assert (await stack.send(headers={"X-Key": "a"})).status_code == 200


async def test_return_response_with_a_variable_is_that_answer_changed(stack: Stack) -> None:
    stack.backend.answer = httpx.Response(418, headers={"X-A": "1"}, content=b"tea")
    stack.policies(
        '<send-request response-variable-name="r"><set-url>https://backend.azurewebsites.net/</set-url></send-request>'
        '<return-response response-variable-name="r"><set-header name="X-B"><value>2</value></set-header></return-response>'
    )
    response = await stack.send()
    assert (response.status_code, response.text) == (418, "tea")
    assert (response.headers["x-a"], response.headers["x-b"]) == ("1", "2")


# -- calls


async def test_send_request_sends_what_it_says_and_nothing_of_the_clients(stack: Stack) -> None:
    stack.inbound(
        '<send-request response-variable-name="r" timeout="5"><set-url>@("https://backend.azurewebsites.net/a?b=" + 1)</set-url>'
        '<set-method>PUT</set-method><set-header name="X-A"><value>1</value></set-header><set-body>hello</set-body>'
        '<authentication-managed-identity resource="https://graph.microsoft.com" /></send-request>'
    )
    await stack.send(headers={"Authorization": "Bearer client", "Cookie": "c=1"})
    request = stack.backend.last
    assert (request.method, str(request.url), request.content) == ("PUT", "https://backend.azurewebsites.net/a?b=1", b"hello")  # fmt: skip
    assert request.headers["x-a"] == "1"
    assert request.headers["authorization"].startswith("Bearer ey")
    assert "cookie" not in request.headers


@pytest.mark.parametrize("reads", [True, False])
async def test_a_copy_is_the_clients_request_changed(stack: Stack, reads: bool) -> None:
    read = '<set-variable name="b" value="@(context.Request.Body.As<string>(true))" />' if reads else ""
    stack.inbound(
        f'{read}<send-request mode="copy" response-variable-name="r" timeout-ms="5000"><set-url>https://backend.azurewebsites.net/a</set-url>'
        '<set-header name="X-B" exists-action="append"><value>2</value></set-header></send-request>'
    )
    await stack.send("POST", content=b"hello", headers={"X-A": "1", "X-B": "1"})
    request = stack.backend.last
    assert (request.method, request.url.path, request.content) == ("POST", "/a", b"hello")
    assert (request.headers["x-a"], request.headers.get_list("x-b")) == ("1", ["1", "2"])
    assert request.headers["host"] == "backend.azurewebsites.net"


async def late(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(5)


async def broken(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x", "more_body": True})
    raise ConnectionError


async def huge(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("x" * (2 * 1024 * 1024 + 1))(scope, receive, send)


async def dripping(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(100):
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(0.01)


FAILURES: list[tuple[Callable[[Any, Any, Any], Awaitable[None]], str]] = [
    (late, "Timeout"),
    (broken, "BackendConnectionFailure"),
    (huge, "BackendConnectionFailure"),
]


@pytest.mark.parametrize(("app", "reason"), [*FAILURES, (dripping, "Timeout")])
async def test_calls_that_fail_have_a_reason(stack: Stack, app: Any, reason: str) -> None:
    stack.backend.app = app
    url = "<set-url>https://backend.azurewebsites.net/</set-url>"
    failing = f'<send-request response-variable-name="r" timeout="@(0.02)">{url}</send-request>'
    assert await stack.value("ok", failing) == f"send-request {reason}"


@pytest.mark.parametrize(("app", "reason"), FAILURES)
async def test_a_backend_that_fails_has_a_reason_and_a_status(stack: Stack, app: Any, reason: str) -> None:
    stack.backend.app = app
    told = '@(context.LastError.Source + " " + context.LastError.Reason + " " + context.LastError.Section)'
    stack.policies(
        backend='<forward-request timeout="@(0.02)" />',
        on_error=f'<set-header name="X-Told"><value>{told}</value></set-header>',
    )
    response = await stack.send()
    assert response.status_code == (504 if reason == "Timeout" else 502)
    assert response.json() == {"statusCode": response.status_code, "message": "Internal server error"}
    assert response.headers["x-told"] == f"forward-request {reason} backend"


async def test_ignored_failures_leave_null(stack: Stack) -> None:
    failing = f'<send-request response-variable-name="r" ignore-error="true">{NOWHERE}</send-request>'
    assert await stack.value('@(context.Variables["r"] == null ? "null" : "")', failing) == "null"


async def test_a_status_of_an_error_can_be_a_failure(stack: Stack) -> None:
    stack.backend.answer = httpx.Response(503)
    stack.policies(backend='<forward-request fail-on-error-status-code="true" />')
    assert (await stack.send()).json()["statusCode"] == 503


async def test_an_empty_backend_section_calls_nobody(stack: Stack) -> None:
    stack.policies(backend="", outbound="<set-body>made here</set-body>")
    assert (await stack.send()).text == "made here"
    assert not stack.backend.requests


# -- cache


async def test_what_the_cache_forgets_is_not_there(stack: Stack) -> None:
    store = '<cache-store-value key="k" value="@(7)" duration="10" /><cache-remove-value key="k" />'
    look = '<cache-lookup-value key="k" variable-name="c" />'
    assert await stack.value('@(context.Variables.ContainsKey("c"))', store + look) == "False"


async def test_a_full_cache_forgets_the_oldest(stack: Stack) -> None:
    cache = stack.policies().cache
    for number in range(10_001):
        cache.store(str(number), number, 60)
    assert cache.get("0") == (False, None)
    assert cache.get("1") == (True, 1)
    assert cache.get("10000") == (True, 10000)


# -- access


async def test_a_token_of_the_gateways_identity_becomes_the_authorization(stack: Stack) -> None:
    request = await sent(
        stack,
        '<authentication-managed-identity resource="https://graph.microsoft.com" />',
        headers={"Authorization": "Bearer of-the-client"},
    )
    assert request.headers["authorization"].startswith("Bearer ey")
    assert len(request.headers.get_list("authorization")) == 1


@pytest.mark.parametrize(("ignore", "said"), [("true", "none"), ("false", "authentication-managed-identity ManagedIdentityTokenNotAvailable")])  # fmt: skip
async def test_an_identity_that_is_not_declared_gives_no_token(stack: Stack, ignore: str, said: str) -> None:
    policy = (
        '<authentication-managed-identity resource="https://graph.microsoft.com" client-id="other" '
        f'output-token-variable-name="t" ignore-error="{ignore}" />'
    )
    assert await stack.value('@(context.Variables.ContainsKey("t") ? "some" : "none")', policy) == said


@pytest.mark.parametrize(
    ("values", "header", "said"),
    [
        ("", None, "check-header HeaderNotFound"),
        ("", "x", "ok"),
        ("<value>a</value><value>b</value>", "B", "ok"),
        ("<value>a</value>", "b", "check-header HeaderValueNotAllowed"),
    ],
)
async def test_check_header(stack: Stack, values: str, header: str | None, said: str) -> None:
    policy = (
        '<check-header name="X-A" failed-check-httpcode="400" failed-check-error-message="no" ignore-case="true">'
        f"{values}</check-header>"
    )
    assert await stack.value("ok", policy, headers={"X-A": header} if header else {}) == said


@pytest.mark.parametrize(
    ("action", "content", "said"),
    [
        ("allow", "<address>127.0.0.1</address>", "ok"),
        ("allow", "<address>127.0.0.2</address>", "ip-filter CallerIpNotAllowed"),
        ("allow", '<address-range from="127.0.0.0" to="127.0.0.9" />', "ok"),
        ("forbid", '<address-range from="127.0.0.0" to="127.0.0.9" />', "ip-filter CallerIpBlocked"),
        ("forbid", "<address>::1</address>", "ok"),
    ],
)
async def test_ip_filter(stack: Stack, action: str, content: str, said: str) -> None:
    assert await stack.value("ok", f'<ip-filter action="{action}">{content}</ip-filter>') == said


# -- limits


async def test_a_rate_limit_tells_what_is_left(stack: Stack) -> None:
    stack.policies(
        '<rate-limit-by-key calls="2" renewal-period="60" counter-key="@(context.Request.Headers.GetValueOrDefault("K", ""))" '
        'remaining-calls-header-name="X-Left" total-calls-header-name="X-Total" retry-after-header-name="Retry-After" />'
    )
    answers = [await stack.send(headers={"K": key}) for key in ("a", "a", "a", "b")]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert [answer.headers["x-left"] for answer in answers] == ["1", "0", "0", "1"]
    assert {answer.headers["x-total"] for answer in answers} == {"2"}
    assert answers[2].headers["retry-after"] == "60"
    assert answers[2].json()["message"] == "Rate limit is exceeded. Try again in 60 seconds."


async def test_a_quota_lasts_until_the_next_period_from_a_fixed_start(stack: Stack) -> None:
    start = datetime.fromtimestamp(stack.clock.now() - 100, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    period = f'renewal-period="300" first-period-start="{start}"'
    stack.inbound(f'<quota-by-key calls="1" {period} counter-key="k" />')
    assert (await stack.send()).status_code == 200
    refused = await stack.send()
    assert refused.status_code == 403
    assert int(refused.headers["retry-after"]) == pytest.approx(200, abs=2)
    assert refused.json()["message"].startswith("Out of call volume quota. Quota will be replenished in 00:03:")
    stack.clock.advance(205)
    assert (await stack.send()).status_code == 200
    stack.clock.advance(300)
    assert (await stack.send()).status_code == 200


async def test_without_a_period_a_quota_is_for_ever_and_counts_a_request_once(stack: Stack) -> None:
    quota = '<quota-by-key calls="2" renewal-period="0" counter-key="k" increment-count="1" />'
    stack.inbound(quota + quota)
    assert [(await stack.send()).status_code for _ in range(3)] == [200, 200, 403]
    stack.clock.advance(10**9)
    refused = await stack.send()
    assert refused.status_code == 403
    assert "retry-after" not in refused.headers


@pytest.mark.parametrize(
    ("attributes", "statuses"),
    [
        ('increment-count="2"', [200, 429, 429]),
        ('increment-condition="@(false)"', [200, 200, 200]),
        ('increment-condition="@(context.Response.StatusCode >= 500)"', [200, 200, 200]),
        ('increment-condition="@(context.Response.StatusCode == 200)"', [200, 200, 429]),
        ('increment-condition="@(int.Parse("x") == 1)" increment-after-response="true"', [200, 200, 200]),
        ('increment-after-response="true"', [200, 200, 429]),
    ],
)
async def test_what_a_limit_counts(stack: Stack, attributes: str, statuses: list[int]) -> None:
    stack.policies(f'<rate-limit-by-key calls="2" renewal-period="60" counter-key="k" {attributes} />')
    answers = [await stack.send() for _ in statuses]
    assert [answer.status_code for answer in answers] == statuses
    assert ["retry-after" in answer.headers for answer in answers] == [status == 429 for status in statuses]


@pytest.mark.parametrize(
    ("attributes", "waits"),
    [
        ('interval="2"', [2, 2, 2, 2]),
        ('interval="2" first-fast-retry="true"', [0, 2, 2, 2]),
        ('interval="2" delta="3"', [2, 5, 8, 11]),
        ('interval="10" delta="10" max-interval="50"', [10, 20, 40, 50]),
    ],
)
async def test_how_long_retry_waits(
    stack: Stack, attributes: str, waits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("apim_policies.elements.flow.sleep", sleep)
    await stack.value(
        "ok", f'<retry condition="@(true)" count="4" {attributes}><set-variable name="x" value="" /></retry>'
    )
    assert waited == waits


# -- telemetry


async def test_metrics_are_remembered_with_the_trace(stack: Stack) -> None:
    stack.inbound(
        '<emit-metric name="calls" namespace="mine" value="@(2.5)"><dimension name="API ID" />'
        '<dimension name="user" value="@("a" + "b")" /></emit-metric>'
    )
    await stack.send()
    assert stack.trace.metrics == [
        {"name": "calls", "namespace": "mine", "value": 2.5, "dimensions": {"API ID": "api", "user": "ab"}}
    ]


async def test_traces_show_truth_values_and_numbers_and_of_texts_only_those_of_the_document(stack: Stack) -> None:
    sent = 'context.Request.Headers.GetValueOrDefault("Authorization", "")'
    policies = (
        '<set-variable name="yes" value="@(true)" /><set-variable name="n" value="@(42)" />'
        f'<set-variable name="text" value="@({sent})" /><set-variable name="nothing" value="@(null)" />'
        f'<set-variable name="json" value="@(new JObject {{ ["a"] = {sent}, ["b"] = "mine" }})" />'
    )
    await stack.value("ok", policies, headers={"Authorization": "s3cret"}, path="/api?code=s3cret")
    shown = {name: re.sub("#[0-9a-f]{4}", "#", value.text) for name, value in stack.trace.variables.items()}
    assert shown == {
        "yes": "true",
        "n": "42",
        "text": "‹6 chars #›",
        "nothing": "null",
        "json": '{"a": ‹6 chars #›, "b": "mine"}',
    }
    assert "s3cret" not in str(stack.trace.as_dict())
