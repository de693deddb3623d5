"""What expressions become: one function of Python, with nothing of the policy in it but literals."""

import json
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apim_policies.errors import NotModelled
from apim_policies.expressions import ExpressionError, Profile, compile_expression
from apim_policies.expressions.code import Code, Constant, Module, Statement, Variable, compiled, shallow
from apim_policies.expressions.context import Api, Context, Headers, Operation, Request, Url

HERE = Path(__file__).parent


def evaluate(text: str) -> object:
    url = Url("https", "gateway.example", 443, "/mcp", "")
    return compile_expression(text).evaluate(
        Context(Request("POST", url, url, Headers([])), Api("mcp"), Operation("post")), Profile()
    )


def test_parts_are_evaluated_in_place_and_objects_have_names() -> None:
    code = Code("{larger}({0}, {v} if ({v} := {1}) > 0 else -{v})", Constant(2), Variable(3), larger=max)
    assert code.written(Module()) == "(o0(2, v1 if (v1 := env[3]) > 0 else -v1))"
    assert code([None, None, None, -7]) == 7


def test_statements_stand_within_statements() -> None:
    body = Statement("for {n} in {0}:\n    {inner}\nreturn env[2]", Variable(3), inner=(Statement("env[2] += 1"),))
    assert compiled(body)([None, None, 0, "abc"]) == 3


@given(st.text(), st.integers(), st.floats())
def test_literals_are_what_they_were(text: str, number: int, real: float) -> None:
    found = compiled(Code("({0}, {1}, {2})", Constant(text), Constant(number), Constant(real)))([])
    assert repr(found) == repr((text, number, real))


@pytest.mark.parametrize("text", ["{0}", "{o0}", "'); import os; ('", '"""', "\\", "\n return 1\n", "{{", "%s"])
def test_a_literal_is_never_read_as_source(text: str) -> None:
    literal = json.dumps(text)
    assert evaluate(f"@({literal} + context.Request.Method)") == text + "POST"
    assert (
        evaluate(f'@{{ switch ({literal}) {{ case {literal}: return "same"; default: return "other"; }} }}') == "same"
    )


def test_what_is_deep_becomes_functions_of_their_own() -> None:
    deep: Code = Variable(0)
    for _ in range(5000):
        deep = shallow(Code("{0} + 1", deep))
    assert deep.depth <= 31
    assert deep([1]) == 5001


def test_statements_that_python_cannot_nest_are_refused_by_name() -> None:
    loops = "".join(f"for (var i{n} = 0; i{n} < 1; i{n}++) {{ " for n in range(30))
    with pytest.raises(ExpressionError, match="nested this deep") as caught:
        compile_expression(f"@{{ {loops}{'}' * 30} return 1; }}")
    assert caught.value.kind == "not modelled"


@pytest.mark.parametrize("times", [1000, 5000])
def test_what_is_deeper_than_the_compiler_is_refused_by_name(times: int) -> None:
    for text in (f"@({' + '.join(['1'] * times)})", f"@({'(' * times}1{')' * times})"):
        with pytest.raises(ExpressionError, match="nested this deep") as caught:
            compile_expression(text, document="deep.xml", line=7)
        assert (caught.value.kind, caught.value.document, caught.value.line) == ("not modelled", "deep.xml", 7)


def test_finally_does_not_hide_what_is_not_modelled() -> None:
    unknown = 'string.Compare("ä", "ö", StringComparison.OrdinalIgnoreCase)'
    with pytest.raises(NotModelled, match="the order of 'ä' and 'ö'"):
        evaluate(
            f'@{{ try {{ try {{ return {unknown}; }} finally {{ throw new Exception("hidden"); }} }} catch (Exception) {{ return 0; }} }}'
        )


def test_python_has_nothing_to_warn_of() -> None:
    """Each warning would be printed to the console of `secure-mcp local`."""
    # Recorded: as an error, a warning would be one of compiling, which is what a refusal looks like.
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        texts = ['@("a" == null || null != "b")']
        for name in ("csharp-cases", "forms-cases", "jumps-cases", "fuzz-cases"):
            lines = (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
            texts += [json.loads(line)["text"] for line in lines]
        for text in texts:
            with suppress(ExpressionError):
                # Another text, so that it is compiled here.
                compile_expression(f"{text[:-1]} {text[-1]}")
    assert not [str(each.message) for each in given]
