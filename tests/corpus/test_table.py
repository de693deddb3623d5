"""The table that says how the engine gets on with folders of policy files: each document is counted as what it is."""

from pathlib import Path

import pytest

from corpus.__main__ import main

DOCUMENTS = {
    "runs.xml": '<choose><when condition="@(context.Request.Method == "GET")"><mock-response /></when><otherwise><set-status code="400" /></otherwise></choose>',
    "refused.xml": "<no-such-policy />",
    "later.xml": '<json-to-xml apply="always" namespace-prefix="x" />',
    "breaks.xml": '<set-variable name="a" value="@(int.Parse("x"))" />',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "theirs").mkdir()
    for name, policy in DOCUMENTS.items():
        text = f"<policies><inbound><base />{policy}</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
        (tmp_path / "theirs" / name).write_text(text, encoding="utf-8")
    return tmp_path / "theirs"


def counted(printed: str) -> dict[str, int]:
    lines = [line.rsplit(maxsplit=3) for line in printed.splitlines() if line.startswith("  ") and line.endswith(" %")]
    return {name.strip(): int(count) for name, count, _, _ in lines}


def test_each_document_is_counted_as_what_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder)]) == 1
    printed = capsys.readouterr().out
    assert counted(printed) == {"runnable": 2, "refused": 0, "false error": 1, "not modelled": 1, "crashed": 0}
    assert "2 different expressions, 2 compile (100.0 %)" in printed
    assert "namespace-prefix of <json-to-xml>" in printed


def test_an_error_is_false_until_somebody_has_judged_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judgements = folder.parent / "judged"
    judgements.write_text("# of these\ntheirs/refused.xml there is no such policy\n", encoding="utf-8")
    assert main([str(folder), "--refused", str(judgements)]) == 0
    assert counted(capsys.readouterr().out)["refused"] == 1
