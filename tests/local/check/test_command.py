"""`secure-mcp check` with files: what it prints, in which form, and how it ends."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from apim_policies.check import Finding, Report, check_files
from apim_policies.check.formats import as_github
from secure_mcp_local.check import RULES
from secure_mcp_local.cli.app import app

GOOD = "<policies><inbound><base /></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
WARNED = GOOD.replace("<on-error><base /></on-error>", "<on-error />")
WRONG = GOOD.replace("<inbound><base />", '<inbound><base />\n    <set-variable name="x" valeu="1" />\n')


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"good.xml": GOOD, "warned.xml": WARNED, "wrong.xml": WRONG}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments])


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["good.xml"], 0),
        (["warned.xml"], 0),
        (["warned.xml", "--strict"], 1),
        (["warned.xml", "--strict", "--ignore", "missing-base"], 0),
        (["wrong.xml"], 1),
        (["good.xml", "wrong.xml"], 1),
        (["."], 1),
    ],
)
@pytest.mark.parametrize("format", ["text", "github", "json"])
@pytest.mark.usefixtures("folder")
def test_the_exit_code_says_whether_it_counts(arguments: list[str], exit_code: int, format: str) -> None:
    assert check(*arguments, "--format", format).exit_code == exit_code


@pytest.mark.usefixtures("folder")
def test_the_text_has_place_rule_line_reason_and_fix() -> None:
    answer = check("wrong.xml")
    assert answer.stdout.split("\n") == [
        "wrong.xml:2:5: error: <set-variable> needs the attribute value [missing-attribute]",
        '  <set-variable name="x" valeu="1" />',
        "  ^",
        f"  why: {RULES['missing-attribute'].why}",
        f"  fix: {RULES['missing-attribute'].fix}",
        "",
        "wrong.xml:2:35: error: <set-variable> has no attribute valeu that the local cloud models; value is one [unknown-attribute]",
        '  <set-variable name="x" valeu="1" />',
        "                                ^",
        f"  why: {RULES['unknown-attribute'].why}",
        f"  fix: {RULES['unknown-attribute'].fix}",
        "",
        "1 policy document: 2 errors",
        "",
    ]
    assert check("good.xml", "warned.xml").stdout.endswith("2 policy documents: 1 warning\n")
    assert check("good.xml").stdout == "1 policy document: nothing found\n"


@pytest.mark.usefixtures("folder")
def test_json_has_everything() -> None:
    report = json.loads(check("wrong.xml", "--json").stdout)
    assert (report["ok"], report["documents"], report["errors"], report["warnings"]) == (False, 1, 2, 0)
    rule = RULES["missing-attribute"]
    assert report["findings"][0] == {
        "file": "wrong.xml", "line": 2, "column": 5, "rendered": False, "document": "", "level": "error", "rule": rule.name,
        "message": "<set-variable> needs the attribute value", "why": rule.why, "source": rule.source, "fix": rule.fix,
        "excerpt": '    <set-variable name="x" valeu="1" />',
    }  # fmt: skip
    assert json.loads(check("warned.xml", "--json").stdout)["ok"]
    assert not json.loads(check("warned.xml", "--json", "--strict").stdout)["ok"]


def read(line: str) -> tuple[str, dict[str, str], str]:
    """An annotation as GitHub's runner reads it (actions/runner, ActionCommand.cs)."""
    match = re.fullmatch(r"::(error|warning) ([^\n\r]*?)::([^\n\r]*)", line)
    assert match, line
    properties = dict(part.split("=", 1) for part in match[2].split(","))
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        properties = {name: value.replace(code, character) for name, value in properties.items()}
    message = match[3].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
    return match[1], properties, message


def test_annotations_survive_what_is_in_them(folder: Path) -> None:
    odd = folder / "100%,a:b.xml"
    odd.write_text(
        '<policies><inbound><base /><set-header name="x" exists-action="a%0Ab::c,\r\nd" /></inbound></policies>'
    )
    report = check_files([odd])
    lines = check(odd.name, "--format", "github").stdout.splitlines()
    assert len(lines) == len(report.findings)
    for line, finding in zip(lines, report.findings, strict=True):
        level, properties, message = read(line)
        assert level == finding.rule.level
        assert properties == {
            "file": odd.name, "title": finding.rule.name, "line": str(finding.line), "col": str(finding.column),
        }  # fmt: skip
        assert message == f"{finding.message}\n{finding.rule.why}\n{finding.rule.fix}"
    assert "a%250Ab::c" in next(line for line in lines if "attribute-value" in line)


def test_a_finding_without_a_file_is_annotated_without_one() -> None:
    rule = RULES["missing-base"]
    finding = Finding(rule, "<on-error> has no <base />", "apis/oauth/token.xml", 12, 5, rendered=True)
    _, properties, message = read(as_github(Report.of([finding], 1)))
    assert properties == {"title": "missing-base"}
    assert message.startswith("apis/oauth/token.xml (rendered) line 12: <on-error> has no <base />\n")


@pytest.mark.usefixtures("folder")
def test_named_values_are_known_once_one_is() -> None:
    Path("named.xml").write_text(
        GOOD.replace("<inbound><base />", '<inbound><base /><trace source="{{A}}"><message>{{B}}</message></trace>')
    )
    assert check("named.xml").exit_code == 0
    assert "'B' is not declared" in check("named.xml", "--named-value", "A").stdout
    assert check("named.xml", "--named-value", "A", "--named-value", "B").exit_code == 0
    answer = check("named.xml", "--named-value", "A", "--secret-value", "B")
    assert answer.exit_code == 1
    assert "the named value B in a <trace>" in answer.stdout


@pytest.mark.usefixtures("folder")
def test_fragments_are_known_once_one_is() -> None:
    Path("user.xml").write_text(
        GOOD.replace("<inbound><base />", '<inbound><base /><include-fragment fragment-id="other" />')
    )
    assert check("user.xml").exit_code == 0
    Path("some.xml").write_text("<fragment />")
    assert "'other' is not declared" in check("user.xml", "some.xml").stdout
    Path("other.xml").write_text("<fragment>\n    <forward-request />\n</fragment>")
    # It may stand in a fragment, but not in one for inbound: a finding in the file of the fragment.
    assert "other.xml:2:5: error: <forward-request> does not belong in inbound" in check("user.xml", "other.xml").stdout


def test_rules_are_shown() -> None:
    answer = check("--rules")
    assert answer.exit_code == 0
    for rule in RULES.values():
        assert f"{rule.name} {rule.level}\n  why: {rule.why}\n  fix: {rule.fix}\n" in answer.stdout


def test_help_teaches() -> None:
    text = " ".join(check("--help").stdout.split())
    for words in ("offline", "Exit code", "--strict", "--named-value", "--format", "Policy files of any project"):
        assert words in text


@pytest.mark.usefixtures("folder")
def test_what_is_no_text_is_said_and_not_thrown() -> None:
    Path("bytes.xml").write_bytes(b"\xff\xfe<")
    answer = check("bytes.xml")
    assert answer.exit_code == 2
    assert "bytes.xml is not UTF-8 text" in answer.stderr
    Path("empty").mkdir()
    assert "has no *.xml" in check("empty").stderr
