"""The command `secure-mcp expression`, as people and scripts call it: in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).parents[1] / "expressions" / "csharp-cases.jsonl"


def expression(*arguments: str, stdin: str = "", encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    """`encoding` is what the command is told to speak, such as a code page of Windows; here all is UTF-8."""
    return subprocess.run(
        [sys.executable, "-m", "secure_mcp_local", "expression", *arguments],
        input=stdin, capture_output=True, text=True, encoding="utf-8", timeout=100, check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip


def test_every_recorded_case_has_the_answer_of_csharp_or_is_unsupported() -> None:
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    lines = [json.dumps({"id": case["id"], "text": case["text"], "ctx": case["ctx"]}) for case in cases]
    run = expression("--jsonl", stdin="\n".join(lines))
    assert run.returncode == 0, run.stderr
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert [answer.pop("id") for answer in answers] == [case["id"] for case in cases]
    unsupported = 0
    for case, answer in zip(cases, answers, strict=True):
        if "unsupported" in answer:
            unsupported += 1
            continue
        (kind,) = answer
        assert answer[kind] == case["expect"].get(kind), case["text"]
    assert unsupported < 20


def test_a_value_and_its_type() -> None:
    run = expression("@(context.Request.Method + 1L)")
    assert (run.returncode, run.stdout, run.stderr) == (0, 'string\n"POST1"\n', "")
    assert expression("@{ long x = 1; return x + 1; }").stdout == "long\n2\n"
    assert expression("@(new[] { 1.5, 2 })").stdout == "double[]\n[0] 1.5\n[1] 2\n"
    assert expression("-", stdin="@(true)\n").stdout == "bool\nTrue\n"


def test_input_is_utf8_and_what_a_code_page_lacks_is_escaped() -> None:
    run = expression("-", stdin='@("\u4f60")', encoding="cp1252")
    assert (run.returncode, run.stdout, run.stderr) == (0, 'string\n"\\u4f60"\n', "")


def test_json_for_scripts() -> None:
    run = expression("--json", '@(new JObject(new JProperty("a", 1)))')
    value = {"type": "JObject", "value": '{"a":1}', "jtype": "Object", "text": '{\n  "a": 1\n}'}
    assert json.loads(run.stdout) == {"result": value}
    run = expression("--json", '@(int.Parse("x"))')
    assert (run.returncode, json.loads(run.stdout)) == (1, {"exception": "System.FormatException"})


def test_a_context_is_merged_into_the_sample(tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(
        '{"request": {"method": "PATCH"}, "variables": {"n": {"type": "int", "value": 7}}}', encoding="utf-8"
    )
    text = '@(context.Request.Method + context.Variables["n"] + context.Variables["num"])'
    assert expression("--context", str(file), text).stdout == 'string\n"PATCH742"\n'
    line = json.dumps({"id": 1, "text": text, "ctx": {"variables": {"n": {"type": "int", "value": 8}}}})
    answer = json.loads(expression("--context", str(file), "--jsonl", stdin=line).stdout)
    assert (answer["id"], answer["result"]["value"]) == (1, "PATCH842")


def test_the_sample_is_a_context_file(tmp_path: Path) -> None:
    file = tmp_path / "sample.json"
    file.write_text(expression("--sample").stdout, encoding="utf-8")
    assert expression("--context", str(file), "@(context.RequestId)").stdout.startswith("Guid\n3f2504e0-")


def test_a_compile_error_says_where() -> None:
    run = expression("@{ var x = 1;\n  return x + nothing; }")
    assert run.returncode == 1
    assert "CS0103" in run.stderr
    assert run.stderr.endswith("  line 2, column 14\n    return x + nothing; }\n               ^\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@(1 +", "this is not C#"),
        ("@(1+)", "error: this is not C#: 1+\n"),
        ("@(new HttpClient())", "API Management refuses this"),
        ("@(TimeZoneInfo.Local)", "TimeZoneInfo.Local is not modelled by the local cloud"),
        ("@{ while (true) { } }", "a loop of more than 10,000,000 rounds is not modelled"),
        ('@(int.Parse("x"))', "System.FormatException: Input string was not in a correct format."),
    ],
)
def test_what_cannot_be_answered_is_named(text: str, message: str) -> None:
    run = expression(text)
    assert (run.returncode, run.stdout) == (1, "")
    assert message in run.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "must hold a JSON object"),
        ("{", "is not JSON"),
        ('{"variables": {"x": {"type": "Foo", "value": 1}}}', "a variable cannot have the type 'Foo'"),
        ('{"request": {"url": 5}}', "the context cannot be read"),
    ],
)
def test_a_wrong_context_is_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "request.json"
    file.write_text(content, encoding="utf-8")
    run = expression("--context", str(file), "@(1)")
    assert run.returncode == 1
    assert message in run.stderr


def test_wrong_lines_are_named() -> None:
    run = expression("--jsonl", stdin='{"id": 1, "text": "@(1)"}\n{"id": 2}\n')
    assert run.returncode == 1
    assert json.loads(run.stdout)["result"]["value"] == 1
    assert "line 2 of the input" in run.stderr


def test_without_an_expression_the_command_says_what_it_wants() -> None:
    run = expression()
    assert run.returncode == 1
    assert "no expression is given" in run.stderr
