"""What Azure would refuse to save, with the place."""

from typing import Any

import pytest

from apim_policies.documents.document import parse, substitute
from apim_policies.errors import DocumentError

FRAME = "<policies>\n<inbound>\n{}\n</inbound>\n</policies>"


@pytest.mark.parametrize(
    ("inbound", "message"),
    [
        ("<unknown-policy />", "<unknown-policy> is no policy of API Management"),
        ("<cross-domain />", "<cross-domain> is not modelled"),
        ('<set-variable name="a" value="b" other="c" />', "has no attribute other"),
        ('<set-variable name="a" />', "needs the attribute value"),
        ('<set-variable name="@(1)" value="b" />', "cannot be an expression"),
        ('<set-header name="a" exists-action="replace"><value>1</value></set-header>', "use override, append"),
        ("<forward-request />", "does not belong in inbound, only in backend"),
        ("<choose></choose>", "needs at least one <when>"),
        ('<choose><otherwise /><when condition="@(true)" /></choose>', "<when> comes before <otherwise>"),
        ('<choose><when condition="@(true)"><base /></when></choose>', "directly in a section only"),
        ("<when />", "is no policy of its own"),
        ('<return-response><set-body>x</set-body><set-status code="200" reason="x" /></return-response>', "<set-status> comes before <set-body>"),
        ('<set-header name="a">text</set-header>', "holds no text"),
        ('<include-fragment fragment-id="none" />', "the policy fragment 'none' is not declared"),
        ('<set-variable name="a" value="@(1 +)" />', "C#"),
        ('<set-variable name="a" value="@(context.Nothing)" />', "Nothing"),
        ('<set-variable name="a" value="@(new Aes())" />', "does not allow the type Aes"),
        ('<set-variable name="a" value="@(1) x" />', "text after an expression"),
        ('<set-variable name="a" value="@(1" />', "string"),
        ('<set-variable name="a" value="{{Missing}}" />', "named value 'Missing' is not declared"),
        ('<set-variable name="a" value="1">', "</inbound> where </set-variable> belongs"),
        ('<set-variable name=a value="1" />', "has no quotes"),
        ('<set-variable name="a" value="a & b" />', "'&' is written &amp;"),
    ],
)  # fmt: skip
def test_refused_with_a_place(stack: Any, inbound: str, message: str) -> None:
    stack.operation(document=FRAME.format(inbound))
    with pytest.raises(DocumentError, match=r"apis/api/op\.xml:\d+:\d+: ") as caught:
        stack.gateway()
    assert message in str(caught.value)
    assert caught.value.line == 3 or "inbound" in message


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("<fragment />", "a policy document is <policies>"),
        ("<policies><inbound /><inbound /></policies>", "twice"),
        ("<policies><middle /></policies>", "is no section"),
        ("<policies><inbound>", "is not closed"),
        ("<policies /><policies />", "exactly one root"),
    ],
)
def test_refused_documents(stack: Any, document: str, message: str) -> None:
    stack.operation(document=document)
    with pytest.raises(DocumentError, match=message):
        stack.gateway()


@pytest.mark.parametrize(
    ("fragment", "message"),
    [
        ("<policies />", "a policy fragment is <fragment>"),
        ("<fragment><base /></fragment>", "directly in a section"),
        ('<fragment><include-fragment fragment-id="x" /></fragment>', "cannot include another"),
    ],
)
def test_refused_fragments(stack: Any, fragment: str, message: str) -> None:
    stack.operation().add("PolicyFragment", "f", id="f", format="rawxml", value=fragment)
    with pytest.raises(DocumentError, match=message):
        stack.gateway()


def test_expressions_need_no_escaping() -> None:
    root = parse('<a b="@(x < y && "q" == \'"\' )" c=\'@{ return "}"; }\'>@("</a>")</a>', "d")
    assert root.attributes["b"].text == '@(x < y && "q" == \'"\' )'
    assert root.attributes["c"].text == '@{ return "}"; }'
    assert root.text is not None
    assert root.text.text == '@("</a>")'


def test_literals_are_unescaped() -> None:
    root = parse("<a b='&lt;&amp;&#65;'> x </a>", "d")
    assert root.attributes["b"].text == "<&A"
    assert root.text is not None
    assert root.text.text == " x "


def test_named_values_are_put_in_before_anything_is_parsed() -> None:
    assert substitute('@("{{a}}")', {"a": "1"}, "d") == '@("1")'
