"""What a trace tells of a request, and where LastError says that it went wrong."""

import json
from typing import Any

import pytest

from apim_policies.pipeline import trace as traces

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
        (
            step.place.document,
            step.place.element,
            "/".join(step.place.path),
            {name: value.type for name, value in step.variables.items()},
        )
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
    assert {(step.section, step.scope, step.place.line, step.failed) for step in stack.trace.steps} == {
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
    assert [step.failed for step in stack.trace.steps if step.place.element == "set-variable"] == [True]


async def test_expressions_are_told_with_their_values_and_variables_before_and_after(stack: Stack) -> None:
    stack.named_value("Secret", "s3cret-named", secret=True)
    stack.inbound(
        SET.format("n", "@(1)")
        + SET.format("n", '@((int)context.Variables["n"] + 1)')
        + SET.format("sent", SENT)
        + SET.format("named", '@("{{Secret}}" + "x")')
        + '<choose><when condition="@((int)context.Variables["n"] > 1)" /></choose>'
    )
    await stack.send(headers={"X-Sent": "s3cret-header"})
    told = stack.trace.as_dict()
    assert "s3cret" not in json.dumps(told)
    _, second, _, named, choose, _ = told["steps"]
    assert [(one["name"], one["text"], one["value"]["text"]) for one in second["evaluations"]] == [
        ("value", '@((int)context.Variables["n"] + 1)', "2")
    ]
    [change] = second["changes"]
    assert (change["name"], change["before"]["text"], change["after"]["text"]) == ("n", "1", "2")
    assert named["evaluations"][0]["text"] == '@("{{Secret}}" + "x")'
    assert (choose["evaluations"][0]["name"], choose["evaluations"][0]["value"]["text"]) == ("condition", "true")


async def test_an_expression_that_throws_is_told_with_its_exception(stack: Stack) -> None:
    stack.policies(f'<choose><when condition="@(true)">{FAIL}</when></choose>')
    await stack.send()
    outer, inner = stack.trace.steps[:2]
    assert (outer.failed, outer.error) == (True, "")
    assert (inner.failed, inner.error) == (True, "System.FormatException")
    assert inner.evaluations[0].error == "System.FormatException"


async def test_a_call_belongs_to_its_policy_even_side_by_side(stack: Stack) -> None:
    call = '<send-request response-variable-name="{0}" ignore-error="true"><set-url>https://{0}.example/x</set-url></send-request>'
    stack.inbound(f'<wait for="all">{call.format("a")}{call.format("b")}</wait>')
    await stack.send()
    steps = stack.trace.steps
    assert {(call["host"], steps[call["step"]].place.label) for call in stack.trace.calls} == {
        ("a.example", "a"),
        ("b.example", "b"),
    }
    assert {change.name for step in steps for change in step.changes if step.place.label == "a"} == {"a"}


async def test_of_a_request_with_very_many_policies_the_first_are_remembered(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "STEPS", 3)
    stack.inbound(SET.format("n", "@(1)") * 5)
    await stack.send()
    assert len(stack.trace.steps) == 3


async def test_no_value_is_recorded_while_nobody_looks(stack: Stack) -> None:
    stack.inbound(SET.format("n", "@(1)"))
    stack.gateway._journal._always = False
    await stack.send(headers={"X-Sent": "s3cret"})
    trace = stack.trace
    assert [step.place.element for step in trace.steps] == ["set-variable", "return-response"]
    assert (trace.variables, trace.request_headers, trace.response_headers) == ({}, [], [])
    assert not any(step.evaluations or step.changes for step in trace.steps)
    assert trace.status == 200
    assert trace.done
