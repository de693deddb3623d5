"""What a trace tells of a request, and where LastError says that it went wrong."""

import json
from typing import Any

import pytest

Stack = Any

SENT = '@(context.Request.Headers.GetValueOrDefault("X-Sent", ""))'
SET = '<set-variable name="{}" value="{}" />'


async def test_steps_are_in_order_with_their_place_and_what_they_set(stack: Stack) -> None:
    stack.fragment("f", SET.format("c", "@(3)"))
    stack.inbound(
        SET.format("a", "@(1)")
        + f'<choose><when condition="@(true)">{SET.format("b", SENT)}</when></choose>'
        + '<include-fragment fragment-id="f" />'
    )
    await stack.send(headers={"X-Sent": "s3cret"})
    steps = [
        (step.document, step.element, "/".join(step.path), {name: value.type for name, value in step.variables.items()})
        for step in stack.trace.steps
    ]
    assert steps == [
        ("apis/api/api.xml", "set-variable", "", {"a": "int"}),
        ("apis/api/api.xml", "choose", "", {}),
        ("apis/api/api.xml", "set-variable", "choose/when", {"b": "string"}),
        ("apis/api/api.xml", "include-fragment", "", {}),
        ("fragments/f.xml", "set-variable", "include-fragment", {"c": "int"}),
        ("apis/api/api.xml", "return-response", "", {}),
    ]
    assert {(step.section, step.scope, step.line, step.failed) for step in stack.trace.steps} == {
        ("inbound", "api", 1, False)
    }
    assert "s3cret" not in json.dumps(stack.trace.as_dict())


async def test_a_call_is_told_with_its_host_and_status_only(stack: Stack) -> None:
    stack.policies(
        '<send-request response-variable-name="r" ignore-error="true"><set-url>@("https://nowhere.example/" + context.Request.Headers.GetValueOrDefault("X-Sent", ""))</set-url></send-request>'
    )
    await stack.send(path="/api?code=s3cret", headers={"X-Sent": "s3cret"})
    calls = [(call["method"], call["host"], call["status"]) for call in stack.trace.calls]
    assert calls == [("GET", "nowhere.example", 0), ("GET", "backend.azurewebsites.net", 200)]
    assert "s3cret" not in json.dumps(stack.trace.as_dict())


FAIL = '<set-variable name="x" value="@(int.Parse("x"))" />'
NO = '<choose><when condition="@(false)" /></choose>'


@pytest.mark.parametrize(
    ("inbound", "path"),
    [
        (FAIL, ""),
        (f'<choose><when condition="@(true)">{FAIL}</when></choose>', "choose\\when"),
        (
            f'{NO}<choose><when condition="@(false)" /><when condition="@(true)">{FAIL}</when></choose>{NO}',
            "choose[2]\\when[2]",
        ),
        (f'<choose><when condition="@(false)" /><otherwise>{NO}{FAIL}</otherwise></choose>', "choose\\otherwise"),
        (f'<retry condition="@(false)" count="1" interval="1">{FAIL}</retry>', "retry"),
    ],
)
async def test_the_last_error_has_the_path(stack: Stack, inbound: str, path: str) -> None:
    stack.policies(inbound, on_error="<set-body>@(context.LastError.Path)</set-body>")
    assert (await stack.send()).text == path
    assert [step.failed for step in stack.trace.steps if step.element == "set-variable"] == [True]
