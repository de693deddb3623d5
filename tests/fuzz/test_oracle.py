"""What the C# oracle is given and how its answers are read: all but .NET itself."""

import json
from pathlib import Path

import pytest

from apim_policies.expressions.trial.samples import SAMPLE
from fuzz.lines import read, written
from fuzz.oracle import OracleError, installation
from fuzz.oracle.answers import contexts
from fuzz.oracle.source import mistakes, program
from fuzz.recorded import FOLDER, cases, same


def test_each_expression_is_a_function_under_its_number() -> None:
    text = program({0: "@(1 + 1)", 7: "@{ return 2; }"})
    assert '["0"] = Case0.Evaluate' in text
    assert '["7"] = Case7.Evaluate' in text
    assert '#line 1 "case-0"\n' in text
    assert "return (\n1 + 1\n);" in text
    assert "\n return 2; \n" in text
    assert text.count("{") == text.count("}")


def test_errors_belong_to_the_expression_whose_line_they_name() -> None:
    said = (
        "/tmp/x/case-3(1,9): error CS0029: Cannot implicitly convert type 'string' to 'int'\n"
        "case-3(2,1): error CS0161: 'Case3.Evaluate(IExpressionContext)': not all code paths return a value\n"
        "case-12(1,1,1,4): error CS1002: ; expected\n"
        "/tmp/x/Program.cs(1,1): error CS1002: ; expected\n"
    )
    found = mistakes(said)
    assert [code for code, _ in found[3]] == ["CS0029", "CS0161"]
    assert found[12] == [("CS1002", "; expected")]
    assert set(found) == {3, 12}


def test_a_context_is_the_sample_with_changes_and_is_written_once() -> None:
    change = {"request": {"method": "PUT"}}
    given = json.loads(contexts({0: {}, 4: {"ctx": change}, 5: {"ctx": {}}, 6: {"ctx": change}}))
    assert given["cases"] == {"0": 0, "4": 1, "5": 0, "6": 1}
    assert given["contexts"][0] == SAMPLE
    assert given["contexts"][1]["request"] == SAMPLE["request"] | change["request"]


def test_every_recorded_answer_can_be_asked_again() -> None:
    for path in FOLDER.glob("*-cases.jsonl"):
        lines = read(path)
        asked = list(cases(lines))
        assert len(asked) == sum("expect" in line for line in lines)
        for line, case in asked:
            assert case["text"].startswith(("@(", "@{"))
            assert same(line, line["expect"])


def test_lines_are_readable_and_keep_what_utf_8_does_not_have(tmp_path: Path) -> None:
    lines = [{"id": "a", "text": "é😀"}, {"id": "b", "text": "\ud83d"}]
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(map(written, lines)), encoding="utf-8")
    assert "é😀" in path.read_text(encoding="utf-8")
    assert read(path) == lines


def test_another_answer_is_a_difference() -> None:
    line = {"id": "a", "expect": {"result": {"type": "int", "value": 1, "text": "1"}}}
    assert not same(line, {"result": {"type": "long", "value": 1, "text": "1"}})
    assert not same(line, {"exception": "System.Exception"})
    assert same(line | {"varies": ["UtcNow"]}, {"result": {"type": "int", "value": 2, "text": "2"}})
    assert not same(line | {"varies": ["UtcNow"]}, {"result": {"type": "long", "value": 1, "text": "1"}})
    assert not same(line, {"failure": "no end after 20 seconds"})


def test_elsewhere_than_on_linux_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("platform.system", lambda: "Windows")
    with pytest.raises(OracleError, match=r"Linux on x86_64 only, and this is Windows.*workflow 'fuzz'"):
        installation.install()
    assert not list(tmp_path.iterdir())


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    with pytest.raises(OracleError, match=r"XDG_CACHE_HOME names another folder"):
        installation.install()
