"""What a policy document may say: refused with its place before anything runs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apim_policies.documents.document import parse, substitute
from apim_policies.errors import DocumentError, ExplainedError

Stack = Any


@pytest.mark.parametrize(
    ("inbound", "message"),
    [
        ("<set-variable name='x' value='1' ", "needs a name here"),
        ("<set-varible name='x' value='1' />", "set-varible"),
        ("<set-variable name='x' value='1' scope='y' />", "no attribute scope"),
        ("<set-variable name='x' />", "needs the attribute value"),
        ("<set-variable name=\"@('x')\" value='1' />", "cannot be an expression"),
        ("<set-variable name='x' value='@(1) and' />", "one expression or none"),
        ("<set-variable name='x' name='y' value='' />", "twice"),
        ("<set-variable name='x' value='a & b' />", "&amp;"),
        ("<set-variable name='x' value='a < b' />", "&lt;"),
        ("<set-variable name='x' value='@(1' />", ""),
        ("<set-variable name='x' value='@(nonsense)' />", "nonsense"),
        ("<return-response><set-body>x</set-body><set-status code='1' reason='' /></return-response>", "comes before"),
        ("<return-response><set-body>x</set-body><set-body>y</set-body></return-response>", "at most one"),
        ("<choose><when condition='@(true)'><base /></when></choose>", "directly in a section"),
        ("<choose><otherwise /></choose>", "at least one <when>"),
        ("<choose><when condition='@(true)' /><otherwise /><when condition='@(true)' /></choose>", "comes before"),
        ("<forward-request />", "does not belong in inbound"),
        ("<include-fragment fragment-id='missing' />", "PolicyFragment"),
        ("<include-fragment fragment-id='inner' />", "does not belong in inbound"),
        ("<set-header name='x' exists-action='replace'><value>y</value></set-header>", "override"),
        ("<set-variable name='x' value='{{Missing}}' />", "Missing"),
        ("some text", "holds no text"),
        ("<!-- never ends", "comment"),
        ("<![CDATA[x]]>", "holds no text"),
        ("<![CDATA[x", "CDATA does not end"),
        ("<!DOCTYPE x>", "declarations"),
        ("<set-variable name='x' value='@(1 &amp;lt; 2)' />", ""),
        ("</inbound>", ""),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(stack: Stack, inbound: str, message: str) -> None:
    stack.fragment("inner", "<forward-request />")
    with pytest.raises(DocumentError, match=r":\d+:\d+: ") as caught:
        stack.policies(f"\n{inbound}\n")
    assert message in str(caught.value)
    assert caught.value.line >= 1


def test_the_place_of_an_expression_is_its_own(stack: Stack) -> None:
    with pytest.raises(DocumentError) as caught:
        stack.policies('\n  <set-variable name="x"\n    value="@(context.Nothing)" />')
    assert (caught.value.document, caught.value.line) == ("apis/api/api.xml", 3)
    assert caught.value.column >= 12


@pytest.mark.parametrize(
    "document",
    [
        "<fragment />",
        "<policies><inbound /><inbound /></policies>",
        "<policies><middle /></policies>",
        "<policies id='x'><inbound /></policies>",
        "<policies><inbound /></policies><policies />",
        "<policies><inbound></policies>",
        "",
    ],
)
def test_sections_are_checked(stack: Stack, document: str) -> None:
    stack.api()
    stack.declare("ApiPolicy", "policy", apiId="api", format="rawxml", value=document)
    with pytest.raises(DocumentError):
        stack.build()


@pytest.mark.parametrize("content", ["<base />", "<include-fragment fragment-id='other' />", "<inbound />"])
def test_a_fragment_has_no_sections_and_no_fragments(stack: Stack, content: str) -> None:
    stack.fragment("other", "")
    stack.fragment("mine", content)
    with pytest.raises(DocumentError, match=r"fragments/mine\.xml"):
        stack.build()


def test_formats_and_keys_that_are_not_modelled_are_named(stack: Stack) -> None:
    stack.api(policy="<policies />")
    stack.resources[-1].inputs["format"] = "rawxml-link"  # type: ignore[index]
    with pytest.raises(ExplainedError, match="rawxml"):
        stack.build()


def test_two_apis_cannot_have_one_path(stack: Stack) -> None:
    stack.api("one", "same")
    stack.api("two", "Same")
    with pytest.raises(ExplainedError, match="same path"):
        stack.build()


TOKENS = ["<policies>", "</policies>", "<inbound>", "</inbound>", "<a", " b=", '"', "'", ">", "/>", "@(", "@{", ")", "}",
          "<!--", "-->", "{{X}}", "{{Y}}", "&", "&amp;", "x", "\n", "$", "\\", "//", "/*", "\ufeff", "\0"]  # fmt: skip


@given(st.lists(st.sampled_from(TOKENS), max_size=30))
def test_whatever_is_no_document_is_a_document_error_with_a_place(tokens: list[str]) -> None:
    error = problem("".join(tokens))
    assert error is None or (error.document, error.line > 0, error.column > 0) == ("d.xml", True, True)


def problem(text: str) -> DocumentError | None:
    try:
        parse(substitute(text, {"X": "1"}, "d.xml"), "d.xml")
    except DocumentError as error:
        return error
    return None


async def test_named_values_are_text_before_anything_is_parsed(stack: Stack) -> None:
    stack.named_value("Word", "hello")
    stack.named_value("Key", "s3cret", secret=True)
    assert await stack.value('@("{{Word}} {{ Key }}".ToUpperInvariant())') == "HELLO S3CRET"
    assert list(stack.gateway.secrets) == ["s3cret"]


async def test_quotes_angles_and_entities_in_expressions_are_as_written(stack: Stack) -> None:
    assert (
        await stack.value('@{ var s = "a\\"<b>&amp;"; return s.Length > 1 && s != "" ? s + \'"\' : ""; }')
        == 'a"<b>&amp;"'
    )


async def test_a_literal_is_unescaped_and_trimmed(stack: Stack) -> None:
    assert await stack.value("\n  a &lt; b &amp; c\n") == "a < b & c"
