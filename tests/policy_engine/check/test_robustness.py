"""No document makes the check fail: whatever it is, there is a report."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.policy_options import PolicyOptions
from apim_policies.check import RULES
from apim_policies.check.document import Document
from apim_policies.check.finding import Finding
from apim_policies.check.inspection import examine
from apim_policies.elements.beyond import BEYOND
from apim_policies.elements.model import SECTIONS
from apim_policies.elements.table import ELEMENTS
from secure_mcp.apis import documents as policy

NAMES = st.sampled_from([*ELEMENTS, *sorted(BEYOND), *SECTIONS, "policies", "fragment", "nonsense", "x:y"])
ATTRIBUTES = st.sampled_from([*sorted({name for model in ELEMENTS.values() for name in model.attributes}), "id", "odd"])
PARTS = st.sampled_from(
    [
        "context", ".", "Variables", '["x"]', '"text"', "(", ")", "[", "]", "{", "}", "==", "!=", "&&", "?", ":", "?.", "??", ";",
        "return ", "var ", "x", "=", "1", "'c'", "null", "(string)", "(int)", "(object)", "new ", "Regex", "(a+)+", '$"{x}"', '@"\\"', "{{N}}",
        "Request", "Body", "As<JObject>", "Headers", "GetValueOrDefault", "Authorization", "StartsWith", "IndexOf", "Compare", "string",
        "StringComparison.", "CurrentCulture", "x => x", "if ", "else ", "foreach (var i in ", "try", "catch (Exception)", "//", "/*", "*/", "\n", " ",
        "Encrypt", ",", "Random", "<", ">", "&", "é", "\ud800", "\U0001f600",
    ]
)  # fmt: skip
EXPRESSIONS = st.lists(PARTS, max_size=12).map("".join)
VALUES = st.one_of(
    st.sampled_from(
        ["true", "false", "1", "-1", "", "GET", "*", "all", "any", "{{Name}}", "{{", "&amp;", "&", "٣", "²"]
    ),
    EXPRESSIONS.map(lambda text: f"@({text})"),
    EXPRESSIONS.map(lambda text: f"@{{{text}}}"),
    st.text(max_size=12),
)


def written(name: str, attributes: dict[str, str], inside: str) -> str:
    given = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{given}>{inside}</{name}>"


ELEMENT = st.recursive(
    st.builds(written, NAMES, st.dictionaries(ATTRIBUTES, VALUES, max_size=4), VALUES | st.just("")),
    lambda inner: st.builds(
        written, NAMES, st.dictionaries(ATTRIBUTES, VALUES, max_size=2), st.lists(inner, max_size=4).map("\n".join)
    ),
    max_leaves=10,
)


def wrapped(elements: list[str], section: str) -> str:
    inside = "\n        ".join(elements)
    return f"<policies>\n    <{section}>\n        {inside}\n    </{section}>\n</policies>"


DOCUMENTS = st.one_of(
    st.text(max_size=60),
    ELEMENT,
    st.builds(wrapped, st.lists(ELEMENT, min_size=1, max_size=4), st.sampled_from(SECTIONS)),
    st.lists(ELEMENT, max_size=4).map(lambda elements: f"<fragment>{''.join(elements)}</fragment>"),
)


def examined(text: str, **known: dict[str, str]) -> list[Finding]:
    findings = list(examine(Document("d.xml", text), **known))  # type: ignore[arg-type]
    lines = text.split("\n")
    for finding in findings:
        assert finding.rule is RULES[finding.rule.name]
        assert finding.file == "d.xml"
        assert 1 <= finding.line <= len(lines), finding
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1, finding
    return findings


@given(DOCUMENTS)
@settings(max_examples=300, deadline=None)
def test_any_document_has_a_report_whose_places_are_in_it(text: str) -> None:
    examined(text)
    examined(text, named_values={"Name": "a longer\nvalue", "N": "1"}, fragments={})


OWN = [policy.fragment(id, PolicyOptions()) for id in policy.fragment_ids()] + [
    policy.document(path, PolicyOptions()) for path in ("mcp/api.xml", "oauth/register.xml")
]


@given(st.sampled_from(OWN), st.integers(0, 20_000), st.integers(0, 40), st.text(max_size=5))
@settings(max_examples=100, deadline=None)
def test_our_own_documents_with_a_hole_have_a_report(text: str, start: int, length: int, instead: str) -> None:
    start %= len(text)
    examined(text[:start] + instead + text[start + length :])


@pytest.mark.parametrize(
    "text",
    [
        "<choose>" * 3000,
        "<fragment>" + "<choose><when condition='true'>" * 2000 + "</when></choose>" * 2000 + "</fragment>",
        '<fragment><set-variable name="x" value="@(' + "(" * 3000 + "1" + ")" * 3000 + ')" /></fragment>',
        '<fragment><set-variable name="x" value="@(' + "1 + " * 3000 + '1)" /></fragment>',
        '<fragment><set-variable name="x" value="@(Regex.IsMatch("", "' + "(" * 3000 + ')"))" /></fragment>',
        "\ufeff<policies />",
        "<policies>\r\n<inbound>\r\n<nonsense />\r\n</inbound></policies>",
        "",
    ],
    ids=["open", "nested", "brackets", "long", "pattern", "mark", "carriage returns", "empty"],
)  # fmt: skip
def test_extremes_have_a_report(text: str) -> None:
    assert examined(text) or text.startswith("<fragment>")


def test_a_value_that_is_filled_in_moves_no_place(tmp_path: Path) -> None:
    text = (
        '<policies><inbound><set-variable name="{{A}}" value="{{B}}" odd="1" />\n<x b="{{A}}" /></inbound></policies>'
    )
    plain = examined(text, named_values={"A": "0000a", "B": "0000b"})
    assert [(f.line, f.column) for f in examined(text, named_values={"A": "", "B": "long\nlines\n" * 9})] == [
        (f.line, f.column) for f in plain
    ]
    assert {f.rule.name for f in plain} >= {"unknown-attribute", "unknown-element"}
