"""Sections, scopes, failures, and what browsers of other origins are told."""

from typing import Any

import httpx
import pytest

Stack = Any
FAIL = '<set-variable name="x" value="@(int.Parse("x"))" />'
TELL = (
    '<set-header name="X-Told"><value>@(context.LastError.Source + " " + context.LastError.Section + " " '
    '+ context.LastError.Scope + " " + context.LastError.PolicyId)</value></set-header>'
)


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"inbound": FAIL.replace("<set-variable", '<set-variable id="mine"')}, "set-variable inbound api mine"),
        ({"inbound": f'<choose><when condition="@(true)">{FAIL}</when></choose>'}, "set-variable inbound api "),
        ({"inbound": '<include-fragment fragment-id="failing" />'}, "set-variable inbound api "),
        ({"backend": '<forward-request timeout="@(int.Parse("x"))" />'}, "forward-request backend api "),
        ({"outbound": FAIL}, "set-variable outbound api "),
    ],
)
async def test_the_last_error_says_where(stack: Stack, sections: dict[str, str], told: str) -> None:
    stack.fragment("failing", FAIL)
    stack.policies(**sections, on_error=TELL)
    response = await stack.send()
    assert response.headers["x-told"].strip() == told.strip()
    assert response.json() == {"statusCode": 500, "message": "Internal server error"}


async def test_a_failure_in_the_global_scope_is_told_as_such(stack: Stack) -> None:
    value = f"<policies><inbound>{FAIL}</inbound><backend><forward-request /></backend></policies>"
    stack.declare("Policy", "global", format="rawxml", value=value)
    stack.policies(on_error=TELL)
    assert (await stack.send()).headers["x-told"] == "set-variable inbound global "


async def test_after_a_failure_the_rest_does_not_run(stack: Stack) -> None:
    stack.policies(FAIL, outbound='<set-header name="X-Out"><value>1</value></set-header>')
    response = await stack.send()
    assert "x-out" not in response.headers
    assert not stack.backend.requests


async def test_a_failure_in_on_error_is_a_plain_500(stack: Stack) -> None:
    stack.policies(FAIL, on_error=f'<set-header name="X-A"><value>1</value></set-header>{FAIL}')
    response = await stack.send()
    assert response.status_code == 500
    assert response.json() == {"statusCode": 500, "message": "Internal server error"}
    assert "x-a" not in response.headers


async def test_on_error_may_change_the_answer(stack: Stack) -> None:
    stack.policies(
        FAIL, on_error='<set-status code="418" reason="Tea" /><set-body>@(context.LastError.Reason)</set-body>'
    )
    response = await stack.send()
    assert (response.status_code, response.text) == (418, "ExpressionValueEvaluationFailure")


async def test_a_bug_of_the_gateway_says_nothing_of_itself(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.policies('<cache-lookup-value key="k" variable-name="c" />')

    def broken(key: str) -> None:
        raise RuntimeError(f"details of {key}")

    stack.gateway.cache.get = broken
    response = await stack.send()
    assert response.status_code == 500
    assert response.json() == {"statusCode": 500, "message": "Internal server error"}
    assert "details of k" in capsys.readouterr().err


async def test_a_response_before_the_backend_answers_is_replaced_by_its_own(stack: Stack) -> None:
    stack.policies(outbound='<set-header name="X-A"><value>1</value></set-header>')
    response = await stack.send()
    assert (response.json(), response.headers["x-a"]) == ({"from": "backend"}, "1")


async def test_backend_headers_of_its_connection_stay_behind(stack: Stack) -> None:
    stack.backend.answer = httpx.Response(200, headers={"Connection": "close", "Keep-Alive": "x", "X-A": "1"})
    stack.policies()
    response = await stack.send()
    assert "keep-alive" not in response.headers
    assert response.headers["x-a"] == "1"


async def test_a_request_knows_itself(stack: Stack) -> None:
    expression = (
        '@(string.Join(" ", new[] { context.Request.OriginalUrl.Scheme, context.Request.OriginalUrl.Host, '
        "context.Request.OriginalUrl.Path, context.Request.OriginalUrl.QueryString, context.Request.IpAddress, "
        "context.Request.Method, context.Api.Id, context.Operation.UrlTemplate, context.Deployment.ServiceName }))"
    )
    said = await stack.value(expression, path="/api/more?a=b")
    assert said == "https apim.example /api/more ?a=b 127.0.0.1 GET api /more apim"


CORS = (
    '<cors terminate-unmatched-request="{}"><allowed-origins><origin>https://ok.example</origin></allowed-origins>'
    '<allowed-methods preflight-result-max-age="60"><method>GET</method><method>POST</method></allowed-methods>'
    "<allowed-headers><header>X-A</header></allowed-headers>"
    "<expose-headers><header>X-B</header></expose-headers></cors>"
)
GOOD, EVIL = {"Origin": "https://ok.example"}, {"Origin": "https://evil.example"}


@pytest.mark.parametrize(
    "policies",
    [
        "",
        "<return-response />",
        FAIL,
        '<rate-limit-by-key calls="0" renewal-period="60" counter-key="k" />',
        '<mock-response status-code="204" />',
    ],
)
async def test_every_answer_can_be_read_from_an_allowed_origin(stack: Stack, policies: str) -> None:
    stack.policies(CORS.format("true") + policies)
    response = await stack.send(headers=GOOD)
    assert response.headers["access-control-allow-origin"] == "https://ok.example"
    assert response.headers["access-control-expose-headers"] == "X-B"
    assert response.headers["vary"] == "Origin"


async def test_vary_of_the_backend_is_kept(stack: Stack) -> None:
    stack.backend.answer = httpx.Response(200, headers={"Vary": "Accept"})
    stack.policies(CORS.format("true"))
    assert (await stack.send(headers=GOOD)).headers.get_list("vary") == ["Accept", "Origin"]


@pytest.mark.parametrize(
    ("terminate", "method", "reached"), [("true", "GET", 0), ("false", "GET", 1), ("true", "POST", 1)]
)
async def test_foreign_origins_end_here_or_get_no_headers(
    stack: Stack, terminate: str, method: str, reached: int
) -> None:
    stack.policies(CORS.format(terminate))
    response = await stack.send(method, headers=EVIL)
    assert response.status_code == 200
    assert len(stack.backend.requests) == reached
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_a_preflight_is_answered_before_any_other_policy(stack: Stack) -> None:
    stack.policies(FAIL + CORS.format("false"))
    response = await stack.send("OPTIONS", headers=GOOD | {"Access-Control-Request-Method": "POST"})
    assert response.status_code == 200
    assert response.headers["access-control-max-age"] == "60"
    assert response.headers["access-control-allow-methods"] == "GET,POST"
