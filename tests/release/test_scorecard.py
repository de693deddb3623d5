"""The scorecard says what the run says, good or bad."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPORT = """<testsuites><testsuite timestamp="2026-11-30T05:54:34+00:00">
<testcase classname="tests.contract.test_token" name="test_M17_M18_a_code_is_good_once[a]"/>
<testcase classname="tests.contract.test_token" name="test_M18_no_verifier"><failure message="no"/></testcase>
<testcase classname="tests.e2e.test_clients" name="test_the_conformance_suite_passes"><skipped/></testcase>
</testsuite></testsuites>"""


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
    assert "**1 of 3 tests passed**, 1 failed, 1 were skipped." in text
    assert "on 2026-11-30, Python" in text
    [m17] = [row for row in text.splitlines() if row.startswith("| M17 ")]
    [m18] = [row for row in text.splitlines() if row.startswith("| M18 ")]
    assert m17.endswith("| 1 | 1 |")
    assert m18.endswith("| 2 | 1 |")
    [bare] = [row for row in text.splitlines() if row.startswith("**Lines of the contract without")]
    assert "M1," in bare
    assert "M18" not in bare
    assert "`test_the_conformance_suite_passes`: skipped" in text


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
