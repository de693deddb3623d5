"""Policy files as other projects write them: what Azure takes is no error, whether the local cloud runs it or not."""

from pathlib import Path

import pytest

from apim_policies.check import check_files
from apim_policies.documents.document import parse


def errors(folder: Path, inbound: str) -> list[str]:
    others = "".join(f"<{name}><base /></{name}>" for name in ("backend", "outbound", "on-error"))
    (folder / "api.xml").write_text(
        f"<policies><inbound><base />{inbound}</inbound>{others}</policies>", encoding="utf-8"
    )
    return [f"{one.rule.name}: {one.message}" for one in check_files([folder]).findings if one.rule.level == "error"]


@pytest.mark.parametrize(
    "inbound",
    [
        # A backend of the service, and one that Dapr finds.
        '<set-backend-service backend-id="orders" />',
        '<set-backend-service backend-id="@(context.Request.Method == "GET" ? "a" : "b")" />',
        '<set-backend-service dapr-app-id="orders" dapr-method="list" />',
        # Expressions with entities, in documents that are well-formed and in such that are not.
        '<set-variable name="x" value="@(context.Request.Method == &quot;GET&quot; &amp;&amp; 1 &lt; 2)" />',
        '<set-variable name="x" value="@{ var a = &quot;b&quot;; return a + &apos;c&apos;; }" />'
        '<set-variable name="y" value="@("z")" />',
        "<set-variable name='x' value='@(context.Request.Method == \"GET\" &amp;&amp; true)' />",
        "<set-body>@(context.Request.Body.As&lt;string&gt;(true))</set-body>",
        # As CDATA, after a processing instruction.
        '<set-body><![CDATA[@{ return 1 < 2 && true ? "yes" : "no"; }]]></set-body>',
        '<?made by="hand"?><set-body><![CDATA[<a b="c" />]]></set-body>',
        # Policies that the local cloud does not run.
        '<rate-limit calls="5" renewal-period="60" /><quota calls="100" renewal-period="3600" />'
        '<log-to-eventhub logger-id="x">@(context.Request.Method)</log-to-eventhub>'
        '<cache-lookup vary-by-developer="false" vary-by-developer-groups="false" />'
        '<llm-token-limit counter-key="x" estimate-prompt-tokens="true" tokens-per-minute="5" />',
        # Liquid has brackets and elements of its own.
        '<set-body template="liquid">{% assign vars = context.Variables["x"] %}<a><b c="{{ vars[\'d\'] }}" />'
        "{{body.e}}</a></set-body>",
        # The message in the policy itself.
        '<trace source="x" severity="information">[COUNT] Request</trace>',
        '<trace source="x">@(context.Request.Method)</trace>',
        # How many tokens a model took is no secret, nor is how long a body is.
        '<set-variable name="totalTokens" value="@(7)" /><trace source="x"><message>@("took " + '
        'context.Variables["totalTokens"])</message></trace>',
        '<trace source="x"><message>@(context.Request.Body?.As<string>(true)?.Length.ToString())</message></trace>',
    ],
)
def test_what_azure_takes_is_no_error(tmp_path: Path, inbound: str) -> None:
    assert errors(tmp_path, inbound) == []


@pytest.mark.parametrize(
    ("inbound", "rule"),
    [
        ("<set-backend-service />", "missing-attribute"),
        # Also of policies that the local cloud does not run.
        ('<rate-limit calls="5" />', "missing-attribute"),
        ('<cache-store duration="60" />', "element-place"),
        ('<log-to-eventhub logger-id="x">@(1 +)</log-to-eventhub>', "expression-syntax"),
        ('<set-variable name="x" value="@(1 &amp;&amp; true)" />', "expression-type"),
        ('<set-body template="liquid">{{ a }}</set-body><set-variable name="x" value="{{ }}" />', "named-value"),
        (
            '<trace source="x"><message>@((string)context.Variables["accessTokens"])</message></trace>',
            "secret-in-trace",
        ),
    ],
)
def test_what_azure_refuses_is_one(tmp_path: Path, inbound: str, rule: str) -> None:
    assert [error.split(":")[0] for error in errors(tmp_path, inbound)] == [rule]


@pytest.mark.parametrize(
    ("value", "expression"),
    [
        # Entities in literals are what they say, unless there are others.
        ('@("a &amp; b")', '@("a &amp; b")'),
        ('@("<p>&lt;</p>" + 1)', '@("<p>&lt;</p>" + 1)'),
        ("@(&quot;a &amp;amp; b&quot;)", '@("a &amp; b")'),
        ("@( 1 &lt; 2 )", "@( 1 < 2 )"),
        ("@(x &amp;&amp; &quot;)&quot; == y)", '@(x && ")" == y)'),
    ],
)
def test_entities_are_decoded_where_they_can_be_nothing_else(value: str, expression: str) -> None:
    found = parse(f"<policies><set-body>{value}</set-body></policies>", "x").children[0].text
    assert found is not None
    assert (found.text, found.expression) == (expression, True)
