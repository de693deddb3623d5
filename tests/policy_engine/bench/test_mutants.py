"""Mistakes in policies, and which of them cases notice."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from apim_policies.bench.cases import Cases
from apim_policies.bench.mutants import Mutant, mutants
from apim_policies.bench.survival import FailingCases, survival

DOCUMENT = """<policies>
    <inbound>
        <base />
        <choose>
            <when condition="@(context.Request.Method == "POST" && !context.Request.Headers.ContainsKey("x-go"))">
                <return-response>
                    <set-status code="403" reason="No" />
                </return-response>
            </when>
            <otherwise>
                <set-header name="x-a" exists-action="override">
                    <value>{{Key}}</value>
                </set-header>
            </otherwise>
        </choose>
        <trace source="s">
            <message>only tells</message>
        </trace>
    </inbound>
    <backend>
        <base />
    </backend>
    <outbound>
        <base />
    </outbound>
    <on-error>
        <base />
    </on-error>
</policies>
"""
CASES = """
source: .
named_values: {Key: k}
mocks: [{url: "https://backend.example/*", json: {}}]
cases:
  - name: who may not
    request: {method: POST, path: /a}
    expect: {status: 403, calls: []}
"""
MORE = """
  - name: who may
    request: {method: POST, path: /a, headers: {x-go: "1", x-a: theirs}}
    expect: {status: 200, calls: [{headers: {x-a: k}}]}
  - name: who reads
    request: {path: /a}
    expect: {status: 200, calls: [{headers: {x-a: k}}]}
"""


def said(found: list[Mutant]) -> set[str]:
    return {f"{one.line}: {one.what}" for one in found}


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    def make(cases: str, document: str = DOCUMENT) -> Path:
        (tmp_path / "a.xml").write_text(document)
        file = tmp_path / "a.policies.yaml"
        file.write_text(cases)
        return file

    return make


def test_every_mutant_is_the_document_with_one_thing_changed() -> None:
    found = list(mutants("a", DOCUMENT))
    assert {one.line: one.what for one in found if one.line == 5} != {}
    assert said(found) >= {
        "3: <base> is gone",
        "4: <choose> is gone",
        "5: <when> is gone",
        "5: condition of <when> is the other way round",
        "5: != instead of == in condition of <when>",
        "5: || instead of && in condition of <when>",
        "5: nothing instead of ! in condition of <when>",
        "7: code of <set-status> is '404' instead of '403'",
        "7: reason of <set-status> is 'No-changed' instead of 'No'",
        "10: <otherwise> is gone",
        "11: <set-header x-a> is gone",
        "11: exists-action of <set-header> is 'skip' instead of 'override'",
    }
    assert not [one for one in found if "trace" in one.what or "message" in one.what]
    for one in found:
        assert one.text != DOCUMENT
        kept = one.text.splitlines()
        assert kept[: one.line - 1] == DOCUMENT.splitlines()[: one.line - 1]


def test_texts_and_comments_of_expressions_stay_as_they_are() -> None:
    expression = '@{ /* a == b */ var x = "a == b" + @"c""!=" + $"{1}&&"; // true\n return x.Length < 3 ? new List<string>() : null; }'
    document = f"<fragment><set-variable name='v' value='{expression}' /></fragment>"
    changed = [one.what for one in mutants("f", document) if "instead" in one.what and "value of" in one.what]
    assert changed == [">= instead of < in value of <set-variable>"]


def test_named_values_and_entities_are_left_alone() -> None:
    document = """<fragment><set-header name="x" exists-action="skip"><value>{{A}}</value></set-header>
      <choose><when condition="@(&quot;a&quot; == &quot;b&quot;)"><set-method>GET</set-method></when></choose></fragment>"""
    found = said(list(mutants("f", document)))
    assert not [one for one in found if "text of <value>" in one or "condition of" in one]
    assert "2: the text of <set-method> is 'GET-changed' instead of 'GET'" in found


def test_what_no_case_notices_survives_and_what_none_reaches_is_told_apart(folder: Callable[..., Path]) -> None:
    found = survival(Cases(folder(CASES)))
    assert "5: condition of <when> is the other way round" in said(found.noticed)
    assert "5: nothing instead of ! in condition of <when>" in said(found.noticed)
    assert "7: reason of <set-status> is 'No-changed' instead of 'No'" in said(found.survivors)
    # Another way of the same <choose> ran.
    assert "10: <otherwise> is gone" in said(found.survivors)
    assert "11: <set-header x-a> is gone" in said(found.unreached)
    assert "7: <set-status> is gone" not in said(found.survivors) | said(found.noticed) or found.share < 100


def test_more_cases_notice_more(folder: Callable[..., Path]) -> None:
    found = survival(Cases(folder(CASES + MORE)))
    assert said(found.survivors) == {"7: reason of <set-status> is 'No-changed' instead of 'No'"}
    assert said(found.unreached) == set()
    assert {
        "10: <otherwise> is gone",
        "11: <set-header x-a> is gone",
        "5: || instead of && in condition of <when>",
    } <= said(found.noticed)


def test_what_is_not_inherited_cannot_be_missed(folder: Callable[..., Path], tmp_path: Path) -> None:
    file = folder(CASES + MORE)
    gone = {one.line for one in survival(Cases(file)).noticed if one.what == "<base> is gone"}
    assert gone == {21}, "the service's own policy has something in backend only"
    (tmp_path / "global.xml").write_text(
        '<policies><inbound><set-header name="x-global"><value>1</value></set-header></inbound><backend><forward-request />'
        "</backend><outbound /><on-error /></policies>"
    )
    lost = survival(Cases(file)).survivors
    assert "3: <base> is gone" in {f"{one.line}: {one.what}" for one in lost if one.document == "apis/a/api.xml"}


def test_a_mistake_that_never_ends_is_noticed(folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apim_policies.bench.survival._LONGEST", 0.3)
    loop = '<set-variable name="n" value="@{ var i = 0; while (i < 3) { i = i + 1; } return i; }" />'
    document = DOCUMENT.replace('<trace source="s">', loop + '<trace source="s">')
    cases = CASES + MORE.replace("calls: [{headers: {x-a: k}}]}", "calls: [{headers: {x-a: k}}], variables: {n: 3}}")
    found = survival(Cases(folder(cases, document)))
    assert ">= instead of < in value of <set-variable>" in {one.what for one in found.noticed}


def test_cases_that_fail_anyway_say_nothing_about_mutants(folder: Callable[..., Path]) -> None:
    with pytest.raises(FailingCases, match="who may not fails as the policies are"):
        survival(Cases(folder(CASES.replace("403", "404"))))


def test_the_command_names_file_and_line(folder: Callable[..., Path]) -> None:
    file = folder(CASES + MORE)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "apim_policies", "mutate", ".", *arguments]
        return subprocess.run(command, cwd=file.parent, capture_output=True, text=True, timeout=100, check=False)

    told = run()
    assert told.returncode == 1
    assert "a.xml:7: reason of <set-status> is 'No-changed' instead of 'No': no case notices" in told.stdout
    assert "1 survive, 0 are where no case gets" in told.stdout
    assert run("--least", "50").returncode == 0
    listed = json.loads(run("--json").stdout)
    assert [one["line"] for one in listed["survivors"]] == [7]
    assert listed["share"] > 90
