"""How requests run through policies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse

Answer = Callable[..., Awaitable[httpx.Response]]


async def echo(scope: Any, receive: Any, send: Any) -> None:
    request = Request(scope, receive)
    content = {
        "method": request.method,
        "url": str(request.url),
        "headers": {name: ", ".join(request.headers.getlist(name)) for name in request.headers},
        "body": (await request.body()).decode(),
    }
    await JSONResponse(content, headers={"X-From": "backend"})(scope, receive, send)


RETURN = '<return-response><set-status code="200" reason="OK" /><set-body>{}</set-body></return-response>'


@pytest.mark.parametrize(
    ("template", "path", "status"),
    [
        ("/", "/a", 200),
        ("/", "/a/", 200),
        ("/", "/A", 200),
        ("/", "/ab", 404),
        ("/", "/a/x", 404),
        ("/x/{id}", "/a/x/7", 200),
        ("/x/{id}", "/a/x", 404),
        ("/x/{id}", "/a/x/7/8", 404),
        ("/X", "/a/x", 200),
    ],
)
async def test_routing(stack: Any, template: str, path: str, status: int) -> None:
    response = await stack.operation(template=template).backend(echo).call(path=path)
    assert response.status_code == status
    if status == 404:
        assert response.json() == {"statusCode": 404, "message": "Resource not found"}


async def test_only_declared_methods_and_hosts_are_routed(stack: Any) -> None:
    stack.operation().backend(echo)
    assert (await stack.call("POST")).status_code == 404
    assert (await stack.call(headers={"Host": "other.example"})).status_code == 404


async def test_forwarding_keeps_the_request_and_the_answer(stack: Any) -> None:
    stack.operation(method="POST", template="/x").backend(echo)
    response = await stack.call("POST", "/a/x?q=1&q=2", content=b"body", headers={"X-Own": "1"})
    seen = response.json()
    assert seen["url"] == "https://back.azurewebsites.net/base/x?q=1&q=2"
    assert seen["body"] == "body"
    assert seen["headers"]["x-own"] == "1"
    assert seen["headers"]["host"] == "back.azurewebsites.net"
    assert response.headers["x-from"] == "backend"


async def test_sections_run_outside_in_where_base_stands(stack: Any) -> None:
    trace = '<set-variable name="t" value="@((string)context.Variables.GetValueOrDefault<string>("t", "") + "{}")" />'
    stack.add(
        "Policy", "service", policyId="policy", format="rawxml",
        value=f"<policies><inbound>{trace.format('g')}</inbound><backend /><outbound /><on-error /></policies>",
    )  # fmt: skip
    api = f"<policies><inbound>{trace.format('1')}<base />{trace.format('2')}</inbound><backend /></policies>"
    stack.add("ApiPolicy", "api", apiId="api", format="rawxml", value=api)
    operation = f"<policies><inbound>{trace.format('a')}<base />{RETURN.format('@((string)context.Variables[&quot;t&quot;])'.replace('&quot;', chr(34)))}</inbound></policies>"
    assert (await stack.operation(document=operation).call()).text == "a1g2"


async def test_without_base_the_outer_policies_do_not_run(stack: Any) -> None:
    stack.add(
        "ApiPolicy",
        "api",
        apiId="api",
        format="rawxml",
        value="<policies><inbound>" + RETURN.format("api") + "</inbound></policies>",
    )
    stack.operation(document="<policies><inbound>" + RETURN.format("operation") + "</inbound></policies>")
    assert (await stack.call()).text == "operation"


async def test_return_response_ends_everything_and_drops_what_was_set_before(answer: Answer) -> None:
    response = await answer(RETURN.format("first") + RETURN.format("second"))
    assert response.text == "first"


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ('<set-variable name="x" value="@(int.Parse("x"))" />', "ExpressionValueEvaluationFailure"),
        ('<send-request response-variable-name="r"><set-url>https://nowhere.example/</set-url></send-request>', "BackendConnectionFailure"),
        ('<rate-limit-by-key calls="0" renewal-period="60" counter-key="k" />', "RateLimitExceeded"),
        ('<set-header name="a"><value>@("b\\r\\nc: d")</value></set-header>', "ExpressionValueEvaluationFailure"),
    ],
)  # fmt: skip
async def test_failures_reach_on_error(answer: Answer, policy: str, reason: str) -> None:
    told = RETURN.format('@(context.LastError.Source + " " + context.LastError.Reason)')
    response = await answer(policy, on_error=told)
    name = policy[1 : policy.index(" ")]
    assert response.text == f"{name} {reason}"


async def test_a_failure_without_on_error_says_nothing_about_itself(answer: Answer) -> None:
    response = await answer('<set-variable name="x" value="@(int.Parse("secret"))" />')
    assert response.status_code == 500
    assert response.json() == {"statusCode": 500, "message": "Internal server error"}


async def test_ignored_errors_leave_null(answer: Answer) -> None:
    call = '<send-request response-variable-name="r" ignore-error="true"><set-url>https://nowhere.example/</set-url></send-request>'
    assert (await answer(call + RETURN.format('@(context.Variables["r"] == null ? "null" : "some")'))).text == "null"


async def test_the_cache_may_be_late(stack: Any) -> None:
    store = '<cache-store-value key="k" value="v" duration="10" />'
    look = '<cache-lookup-value key="k" variable-name="c" default-value="none" />' + RETURN.format(
        '@((string)context.Variables["c"])'
    )
    stack.operation("store", "POST", document=FRAME.format(store + RETURN.format("ok")))
    stack.operation("look", document=FRAME.format(look))
    gateway = stack.gateway()
    gateway.cache.delay = 5
    await stack.call("POST", gateway=gateway)
    assert (await stack.call(gateway=gateway)).text == "none"
    stack.clock.advance(6)
    assert (await stack.call(gateway=gateway)).text == "v"
    stack.clock.advance(6)
    assert (await stack.call(gateway=gateway)).text == "none"


FRAME = "<policies><inbound>{}</inbound></policies>"


async def test_a_rate_limit_is_a_sliding_window(stack: Any) -> None:
    limit = '<rate-limit-by-key calls="2" renewal-period="60" counter-key="k" retry-after-header-name="Retry-After" />'
    gateway = stack.operation(document=FRAME.format(limit + RETURN.format("ok"))).gateway()
    assert [(await stack.call(gateway=gateway)).status_code for _ in range(3)] == [200, 200, 429]
    refused = await stack.call(gateway=gateway)
    assert refused.headers["retry-after"] == "60"
    stack.clock.advance(60)
    assert (await stack.call(gateway=gateway)).status_code == 200


CORS = (
    '<cors allow-credentials="false" terminate-unmatched-request="false"><allowed-origins><origin>https://ok.example</origin>'
    "</allowed-origins><allowed-methods><method>POST</method></allowed-methods><allowed-headers><header>X-A</header>"
    "</allowed-headers><expose-headers><header>X-B</header></expose-headers></cors>"
)


async def test_cors_answers_preflights_and_marks_every_answer(stack: Any) -> None:
    stack.operation(method="POST", document=FRAME.format(CORS + RETURN.format("ok")))
    asked = {"Origin": "https://ok.example", "Access-Control-Request-Method": "POST"}
    preflight = await stack.call("OPTIONS", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://ok.example"
    assert preflight.headers["access-control-allow-headers"] == "X-A"
    foreign = await stack.call("OPTIONS", headers=asked | {"Origin": "https://no.example"})
    assert (foreign.status_code, foreign.content) == (200, b"")
    assert not [name for name in foreign.headers if name.startswith("access-control")]
    assert (await stack.call("OPTIONS", headers=asked | {"Access-Control-Request-Method": "PUT"})).status_code == 404
    answer = await stack.call("POST", headers={"Origin": "https://ok.example"})
    assert answer.headers["access-control-expose-headers"] == "X-B"
    assert "access-control-allow-origin" not in (await stack.call("POST")).headers


async def test_an_options_operation_switches_cors_off(stack: Any) -> None:
    stack.operation(method="POST", document=FRAME.format(CORS))
    stack.operation("options", "OPTIONS", document=FRAME.format(RETURN.format("mine")))
    asked = {"Origin": "https://ok.example", "Access-Control-Request-Method": "POST"}
    preflight = await stack.call("OPTIONS", headers=asked)
    assert preflight.text == "mine"
    assert "access-control-allow-origin" not in preflight.headers


async def test_streams_pass_unread_and_end_when_the_client_leaves(stack: Any) -> None:
    ended = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                yield b"one"
                await asyncio.sleep(60)
            finally:
                ended.set()

        await StreamingResponse(pieces(), media_type="text/event-stream")(scope, receive, send)

    stack.operation(document='<policies><backend><forward-request buffer-response="false" /></backend></policies>')
    stack.backend(slow)
    got: list[bytes] = []
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message.get("body"):
            got.append(message["body"])
            raise ConnectionResetError

    scope = {
        "type": "http", "method": "GET", "raw_path": b"/a", "path": "/a", "query_string": b"",
        "headers": [(b"host", b"gw.azure-api.net")], "client": ("127.0.0.1", 1), "scheme": "https",
    }  # fmt: skip
    with pytest.raises(ConnectionResetError):
        await stack.gateway().app(scope, receive, send)
    assert got == [b"one"]
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_long_query_and_a_large_body_are_refused(stack: Any) -> None:
    read = FRAME.format(RETURN.format("@(context.Request.Body.As<string>())"))
    stack.operation().operation("post", "POST", document=read).backend(echo)
    assert (await stack.call(path="/a?" + "x" * 2049)).status_code == 414
    assert (await stack.call("POST", content=b"x" * (2 * 1024 * 1024 + 1))).status_code == 413
    assert (await stack.call("POST", content=b"fits")).text == "fits"


async def test_headers_are_set_appended_skipped_and_deleted(stack: Any) -> None:
    inbound = (
        '<set-header name="X-A"><value>1</value><value>2</value></set-header>'
        '<set-header name="x-b" exists-action="append"><value>new</value></set-header>'
        '<set-header name="X-C" exists-action="skip"><value>new</value></set-header>'
        '<set-header name="@("X-" + "D")" exists-action="delete" />'
    )
    stack.operation(
        document=f"<policies><inbound>{inbound}</inbound><backend><forward-request /></backend></policies>"
    ).backend(echo)
    sent = {"X-B": "old", "X-C": "old", "X-D": "old"}
    seen = (await stack.call(headers=sent)).json()["headers"]
    assert seen["x-a"] == "1, 2"
    assert seen["x-b"] == "old, new"
    assert seen["x-c"] == "old"
    assert "x-d" not in seen


async def test_traces_name_policies_and_never_values(stack: Any) -> None:
    audit = '<trace source="audit"><message>said</message><metadata name="who" value="alice" /></trace>'
    hidden = '<set-variable name="token" value="@(context.Request.Headers.GetValueOrDefault("X-Token", ""))" />'
    gateway = stack.operation(document=FRAME.format(hidden + audit + RETURN.format("ok"))).gateway()
    await stack.call(path="/a?code=s3cret-query", headers={"X-Token": "s3cret-value"}, gateway=gateway)
    [trace] = gateway.traces
    assert [step.place.element for step in trace.steps] == ["set-variable", "trace", "return-response"]
    assert trace.events("audit") == [{"source": "audit", "severity": "verbose", "message": "said", "who": "alice"}]
    assert "s3cret" not in str(trace.as_dict())
