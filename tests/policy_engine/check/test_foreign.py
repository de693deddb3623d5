"""Policy files as other projects write them: what Azure takes is no error, whether the local cloud runs it or not."""

from pathlib import Path

import pytest

from apim_policies.check import RULES, check_files
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
        '<trace source="x"><message>@(context.Request.Body.As<JObject>(true)["model"].ToString())</message></trace>',
        '<trace source="x"><message>@{ var b = context.Request.Body.As<JObject>(true); return (string)b["model"]; }'
        "</message></trace>",
        '<trace source="x"><message>@(context.Request.Headers.GetValueOrDefault("Authorization", "").AsJwt()?.Subject)'
        "</message></trace>",
        '<trace source="@(context.Api.Name)"><message>m</message></trace>',
        # A comment that begins with a bracket.
        "<!--> a note <--><set-method>GET</set-method>",
        # Templates in answers: the documentation warns, many have them.
        '<return-response><set-body template="liquid">{{ body.a }}</set-body></return-response>',
    ],
)
def test_what_azure_takes_is_no_error(tmp_path: Path, inbound: str) -> None:
    assert errors(tmp_path, inbound) == []


def test_sections_stand_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "api.xml").write_text(
        "<policies><on-error><base /></on-error><outbound><base /><authentication-managed-identity resource='x' "
        "output-token-variable-name='t' /></outbound><backend><base /></backend><inbound><base /></inbound></policies>",
        encoding="utf-8",
    )
    assert not check_files([tmp_path]).findings


def test_named_values_are_found_without_regard_to_case(tmp_path: Path) -> None:
    assert errors(tmp_path, "") == []
    (tmp_path / "api.xml").write_text(
        (tmp_path / "api.xml").read_text().replace("<base />", "<base /><set-method>{{VerbName}}</set-method>", 1)
    )
    assert not check_files([tmp_path], ["verbname"]).findings
    assert [one.rule.name for one in check_files([tmp_path], ["other"]).findings] == ["named-value"]


@pytest.mark.parametrize(
    ("inbound", "backend"),
    [
        (
            "",
            '<retry condition="@(context.Response.StatusCode == 429)" count="2" interval="1"><forward-request /></retry>',
        ),
        ("", '<limit-concurrency key="k" max-count="3"><forward-request /></limit-concurrency>'),
        ("", '<choose><when condition="@(true)"><forward-request /></when></choose>'),
        ("", '<include-fragment fragment-id="forwarding" />'),
        ('<set-variable name="backend" value="@(new Random().Next(0, 2))" />', "<base />"),
        ("<send-one-way-request><set-url>https://x.example</set-url></send-one-way-request>", "<base />"),
        (
            '<choose><when condition="@(context.Request.Body.As<JObject>()["a"] == null)"><return-response /></when>'
            '<otherwise><set-variable name="x" value="@(context.Request.Body.As<string>())" /><return-response />'
            "</otherwise></choose><return-response />",
            "<base />",
        ),
        (
            '<choose><when condition="@(true)"><rate-limit-by-key calls="1" renewal-period="9" counter-key="k" /></when>'
            '<otherwise><rate-limit-by-key calls="2" renewal-period="9" counter-key="k" /></otherwise></choose>',
            "<base />",
        ),
        (
            '<validate-jwt header-name="Authorization"><openid-config url="https://x.example" /><required-claims>'
            '<claim name="aud"><value>me</value></claim></required-claims></validate-jwt>',
            "<base />",
        ),
        (
            '<authentication-managed-identity resource="x" output-token-variable-name="t" ignore-error="true" />'
            '<choose><when condition="@(context.Variables.GetValueOrDefault("t") == null)"><return-response /></when></choose>',
            "<base />",
        ),
    ],
)
def test_a_reviewer_would_say_nothing(tmp_path: Path, inbound: str, backend: str) -> None:
    (tmp_path / "api.xml").write_text(
        f"<policies><inbound><base />{inbound}</inbound><backend>{backend}</backend><outbound><base /></outbound>"
        "<on-error><base /></on-error></policies>",
        encoding="utf-8",
    )
    found = [(one.rule.name, one.message) for one in check_files([tmp_path]).findings]
    assert [one for one in found if one[0] != "not-modelled"] == []


def test_what_forwards_inside_another_policy_forwards_twice(tmp_path: Path) -> None:
    (tmp_path / "api.xml").write_text(
        "<policies><inbound><base /></inbound><backend><base /><retry condition='@(false)' count='1' interval='1'>"
        "<forward-request /></retry></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    )
    assert [one.rule.name for one in check_files([tmp_path]).findings] == ["forwarded-twice"]


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
            '<trace source="x"><message>@((string)context.Variables["accessToken"])</message></trace>',
            "secret-in-trace",
        ),
        # Members and types that there are not, as far as .NET and the documentation go.
        ('<set-variable name="x" value="@(context.Request.Metod)" />', "expression-type"),
        ('<set-variable name="x" value="@(context.Request.MatchedParameters("x"))" />', "expression-type"),
        ('<set-variable name="x" value="@(DateTime.UtcNow.AddSeconds("5"))" />', "expression-type"),
        ('<set-variable name="x" value="@(System.IO.File.ReadAllText("x"))" />', "forbidden-type"),
        ('<set-variable name="x" value="@(XmlReader.Create("x"))" />', "forbidden-type"),
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


def test_every_error_says_from_where_it_is_known() -> None:
    assert [name for name, rule in RULES.items() if rule.level == "error" and not rule.source] == []
