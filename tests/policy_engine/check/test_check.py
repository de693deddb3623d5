"""Everything that is wrong with one document, without running it."""

from pathlib import Path

import pytest

from actors.policy_options import PolicyOptions
from apim_policies.check import check_files
from apim_policies.check.document_check import LARGEST, check_document
from apim_policies.errors import DocumentNotModelled
from secure_mcp.apis import documents as policy

WRONG = """<policies>
    <inbound>
        <set-varible name="x" value="1" />
        <validate-odata-request /><json-to-xml />
        <set-variable name="@("x")" value="1" valeu="2" />
        <set-variable name="y" value="@(context.Nothing)" />
        <rate-limit-by-key calls="many" renewal-period="60" counter-key="@(1 +)" />
        <set-backend-service backend-id="b" base-url="https://b.example" />
    </inbound>
    <outbound>
        <forward-request />
    </outbound>
</policies>"""


def test_every_finding_has_its_place() -> None:
    found = check_document(WRONG, "a.xml")
    assert [(problem.line, problem.column) for problem in found] == [
        (3, 9), (4, 9), (4, 35), (5, 29), (5, 54), (6, 49), (7, 35), (7, 76), (8, 9), (11, 9),
    ]  # fmt: skip
    assert {problem.document for problem in found} == {"a.xml"}
    assert "set-variable is one" in found[0].message
    assert [problem.line for problem in found if isinstance(problem, DocumentNotModelled)] == [4]


@pytest.mark.parametrize(
    ("inbound", "named_values", "messages"),
    [
        ('<set-variable name="x" value="{{A}}" />', None, []),
        ('<set-variable name="x" value="@("{{A}}".Length > {{B}})" />', None, []),
        ('<set-variable name="x" value="{{A}}" />', {"A": "1"}, []),
        ('<set-variable name="x" value="{{A}}{{B}}{{C}}" />', {"B": "1"}, ["'A' is not declared", "'C' is not declared"]),
        ('<set-variable name="x" value="@($"{{{1}}}")" />', None, ["put a blank between"]),
        ('<set-variable name="x" value="@($"{{{1}}}")" />', {}, ["put a blank between"]),
        ('<cache-store-value key="k" value="v" duration="{{Seconds}}" />', None, []),
        ('<cache-store-value key="k" value="v" duration="{{Seconds}}" />', {"Seconds": "soon"}, ["no whole number"]),
        ('<ip-filter action="allow"><address>here</address></ip-filter>', None, ["does not appear to be"]),
        ('<set-body template="liquid">{% if %}</set-body>', None, ["Liquid"]),
        ("<set-body><a>x</a></set-body>", None, ["<a> in <set-body> is not modelled"]),
        ("<send-request />", None, ["needs <set-url>"]),
    ],
)  # fmt: skip
def test_values_and_what_fits_together(inbound: str, named_values: dict[str, str] | None, messages: list[str]) -> None:
    found = check_document(f"<policies><inbound>{inbound}</inbound></policies>", "a.xml", named_values=named_values)
    assert len(found) == len(messages), found
    for problem, message in zip(found, messages, strict=True):
        assert message in problem.message


@pytest.mark.parametrize(
    ("fragments", "message"),
    [
        (None, None),
        ({"f": '<fragment><set-variable name="x" value="1" /></fragment>'}, None),
        ({"f": "<fragment><forward-request /></fragment>"}, "does not belong in inbound"),
        ({"f": "<fragment>"}, None),
        ({}, "'f' is not declared"),
    ],
)
def test_fragments_must_be_declared_and_belong_where_they_are_included(
    fragments: dict[str, str] | None, message: str | None
) -> None:
    text = '<policies><inbound><include-fragment fragment-id="f" /></inbound></policies>'
    found = check_document(text, "a.xml", fragments=fragments)
    assert [message in problem.message for problem in found if message] == ([True] if message else [])


def test_a_document_that_is_none_has_one_finding() -> None:
    assert [problem.message for problem in check_document("<policies>", "a.xml")] == ["<policies> is not closed"]
    assert len(check_document("<html />", "a.xml")) == 1


def test_a_document_can_be_too_large() -> None:
    text = f"<policies><!--{'x' * LARGEST}--></policies>"
    assert "are allowed" in check_document(text, "a.xml")[0].message


def test_our_own_documents_have_no_findings() -> None:
    settings = PolicyOptions(allowed_origins=("https://app.example.com",), client_metadata_hosts=("*",))
    fragments = {id: policy.fragment(id, settings) for id in policy.fragment_ids()}
    documents = {path: policy.document(path, settings) for path in policy.paths()} | fragments
    found = [problem for name, text in documents.items() for problem in check_document(text, name, fragments=fragments)]
    assert found == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ('return h[0].TryParseBasic(out c) ? c.UserId : "";', False),
        ('return h.Length == 1 ? "one" : "";', False),
        ('return h[0].TryParseBasic(out c) ? c.Password : "";', True),
        ("return h[0];", True),
        ("return h[0].Substring(7);", True),
        ("return h.First();", True),
        ('return string.Join(",", h);', True),
        ('return h.Length == 1 ? h[0] : "";', True),
        ('foreach (var one in h) { return one; } return "";', True),
        ("var other = h; return other[0];", True),
        ("return h.Select(one => one.Trim()).Last();", True),
        ('return new JObject { ["a"] = h[0] }.ToString();', True),
        ('return h[0] == "" ? "" : Convert.ToBase64String(Encoding.UTF8.GetBytes(h[0]));', True),
    ],
)
def test_of_a_header_that_is_only_read_nothing_shows(tmp_path: Path, statement: str, told: bool) -> None:
    expression = (
        "@{ string[] h; BasicAuthCredentials c; "
        f'if (context.Request.Headers.TryGetValue("Authorization", out h)) {{ {statement} }} return ""; }}'
    )
    (tmp_path / "api.xml").write_text(
        f'<policies><inbound><base /><set-variable name="who" value="{expression}" />'
        '<trace source="a"><message>@((string)context.Variables["who"])</message></trace></inbound>'
        "<backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    )
    found = {one.rule.name for one in check_files([tmp_path]).findings}
    assert ("secret-in-trace" in found) == told


_TAKEN_APART = (
    'var h = context.Request.Headers.GetValueOrDefault("Authorization", ""); var parts = h.Split(\'.\'); '
    "var json = Encoding.UTF8.GetString(Convert.FromBase64String(parts[1])); var claims = JObject.Parse(json); "
)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ('return claims.GetValue("name")?.ToString() ?? "";', False),
        ('return (claims["oid"] ?? "none").ToString();', False),
        ('return JsonConvert.DeserializeObject<JObject>(json)["sub"].ToString();', False),
        ('return claims.GetValue("access_token")?.ToString() ?? "";', True),
        ('return claims["client_secret"].ToString();', True),
        ('return claims.GetValue("name")?.ToString() ?? h;', True),
        ("return parts[1];", True),
        ("return json + h;", True),
        ('if (h == "") { return h; } return claims["sub"].ToString();', True),
        ('var name = ""; name = h; return name;', True),
    ],
)
def test_claims_of_a_token_are_no_credential(tmp_path: Path, statement: str, told: bool) -> None:
    (tmp_path / "api.xml").write_text(
        f'<policies><inbound><base /><set-variable name="who" value="@{{ {_TAKEN_APART}{statement} }}" />'
        '<log-to-eventhub logger-id="l">@((string)context.Variables["who"])</log-to-eventhub></inbound>'
        "<backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    )
    found = {one.rule.name for one in check_files([tmp_path]).findings}
    assert ("secret-in-trace" in found) == told
