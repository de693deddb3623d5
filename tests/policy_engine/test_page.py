"""`docs/policy-engine.md`: its examples run."""

import re
from pathlib import Path

from apim_policies.bench.cases import Cases
from apim_policies.check import check_files

FILE = Path(__file__).parents[2] / "docs" / "policy-engine.md"
PAGE = FILE.read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_cases_of_the_page_pass(tmp_path: Path) -> None:
    (tmp_path / "orders.xml").write_text(block("xml"), encoding="utf-8")
    (tmp_path / "orders.policies.yaml").write_text(block("yaml"), encoding="utf-8")
    assert [one for one in check_files([tmp_path / "orders.xml"]).findings if one.rule.level == "error"] == []
    cases = Cases(tmp_path / "orders.policies.yaml")
    assert {case.name: cases.run(case).problems for case in cases} == {
        "nobody gets in without a token": [],
        "a reader reads": [],
        "a reader does not write": [],
        "a writer writes, with the key of the backend": [],
    }


def test_the_test_of_the_page_passes(tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "orders.xml").write_text(block("xml"), encoding="utf-8")
    (tmp_path / "test_page.py").write_text(block("python"), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in told.stdout, told.stdout
