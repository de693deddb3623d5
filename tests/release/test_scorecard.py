"""The scorecard says what the run says, good or bad."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPORT = """<testsuites><testsuite timestamp="2026-11-30T05:54:34+00:00">
<testcase classname="tests.contract.test_token" name="test_M17_M18_a_code_is_good_once[a]"/>
<testcase classname="tests.contract.test_token" name="test_M18_no_verifier"><failure message="no"/></testcase>
<testcase classname="tests.e2e.test_clients" name="test_the_conformance_suite_passes"><skipped/></testcase>
<testcase classname="tests.e2e.test_clients" name="test_B1_the_conformance_suite_says_more">
<properties><property name="checks" value="66 + 2"/></properties></testcase>
</testsuite></testsuites>"""
RUN = {
    "commit": "0123456789abcdef", "changed": True, "python": "3.13.9", "system": "Plan9 mips", "seed": "7",
    "sampled": {"slow": [2, 10], "slower": [1, 3]}, "needing": {"schemas": 5},
}  # fmt: skip


def card(report: Path, page: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "scorecard.py", "--report", report, "--page", page],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_what_failed_and_what_was_not_asked_is_said(tmp_path: Path) -> None:
    (tmp_path / "tests.xml").write_text(REPORT)
    result = card(tmp_path / "tests.xml", tmp_path / "card.md")
    assert result.returncode == 1
    text = (tmp_path / "card.md").read_text()
    assert "**2 of 4 tests passed**, 1 failed, 1 were skipped." in text
    assert "on 2026-11-30, Python unknown." in text
    assert "What was left out is not known." in text
    [m17] = [row for row in text.splitlines() if row.startswith("| M17 ")]
    [m18] = [row for row in text.splitlines() if row.startswith("| M18 ")]
    assert m17.endswith("| 1 | 1 |")
    assert m18.endswith("| 2 | 1 |")
    [bare] = [row for row in text.splitlines() if row.startswith("**Lines of the contract without")]
    assert "M1," in bare
    assert "M18" not in bare
    assert "`test_the_conformance_suite_passes`: skipped\n" in text
    assert "`test_B1_the_conformance_suite_says_more`: passed, checks: 66 + 2\n" in text
    # By attack: a test counts once, however many of the attack's lines it carries.
    [code] = [row for row in text.splitlines() if row.startswith("| A stolen or injected code ")]
    [pkce] = [row for row in text.splitlines() if row.startswith("| PKCE taken away ")]
    assert code.endswith("| M17 | 1 | 1 |")
    assert pkce.endswith("| M18 | 2 | 1 |")
    assert "Not measured in this run: `make test FULL=1 COVERAGE=1` does." in text


def test_what_was_run_and_left_out_is_said(tmp_path: Path) -> None:
    (tmp_path / "tests.xml").write_text(REPORT)
    (tmp_path / "tests.json").write_text(json.dumps(RUN))
    card(tmp_path / "tests.xml", tmp_path / "card.md")
    text = (tmp_path / "card.md").read_text()
    assert "Python 3.13.9, commit `0123456789ab` with changes." in text
    assert (
        "10 were left out by sampling (seed 7; `make test FULL=1` leaves out none) and 5 need what is not part" in text
    )
    assert "this run was on Plan9 mips" in text


def test_coverage_of_another_run_is_none_of_this(tmp_path: Path) -> None:
    measured = {
        "infra/secure_mcp/a.py": {"summary": {"covered_lines": 3, "num_statements": 4}},
        "infra/secure_mcp/b.py": {"summary": {"covered_lines": 0, "num_statements": 4}},
        "local/policy_engine/apim_policies/c.py": {"summary": {"covered_lines": 1, "num_statements": 1}},
    }
    (tmp_path / "tests.xml").write_text(REPORT)
    (tmp_path / "coverage.json").write_text(json.dumps({"files": measured}))
    for told, rows in ((RUN | {"coverage": True}, 2), (RUN, 0)):
        (tmp_path / "tests.json").write_text(json.dumps(told))
        card(tmp_path / "tests.xml", tmp_path / "card.md")
        text = (tmp_path / "card.md").read_text()
        assert ("| `secure_mcp` | 8 | 3 | 37.5 |" in text) + ("| `apim_policies` | 1 | 1 | 100.0 |" in text) == rows


def test_the_lines_that_hold_an_attack_are_lines_of_the_contract() -> None:
    text = (ROOT / ".ci" / "scorecard.py").read_text()
    named = {
        line
        for row in re.findall(r'^    \(.*"([A-Z]\d+(?: [A-Z]\d+)*)"\),$', text, re.MULTILINE)
        for line in row.split()
    }
    page = (ROOT / "docs" / "security.md").read_text()
    assert len(named) > 30
    assert named <= set(re.findall(r"^\| ([A-Z]\d+) \|", page, re.MULTILINE))


def test_no_run_is_no_scorecard(tmp_path: Path) -> None:
    result = card(tmp_path / "none.xml", tmp_path / "card.md")
    assert result.returncode == 2
    assert "make test FULL=1" in result.stderr
    assert not (tmp_path / "card.md").exists()


def test_half_a_report_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "tests.xml").write_text(REPORT[:200])
    result = card(tmp_path / "tests.xml", tmp_path / "card.md")
    assert result.returncode == 2
    assert "is not the whole report of a run" in result.stderr
    assert not (tmp_path / "card.md").exists()
