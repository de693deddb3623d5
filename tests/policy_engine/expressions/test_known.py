"""What is remembered of expressions: that they are right, and which members they use."""

import os
import sys
import time
from pathlib import Path

import pytest

from apim_policies.expressions import Expression, ExpressionError, Profile, compile_expression, known
from apim_policies.expressions.context import Api, Context, Operation, Request, Url
from apim_policies.expressions.known import Known

RIGHT = '@(context.Request.Body.As<string>(true) + "!")'
WRONG = "@(context.Request.Nothing)"
CONTEXT = Context(
    Request("GET", Url("https", "a.example", 443, "/", ""), Url("https", "a.example", 443, "/", "")),
    Api("a"),
    Operation("o"),
)


def _compiles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is compiled from now on."""
    compiled: list[str] = []

    def compile(text: str, **place: object) -> Expression:
        compiled.append(text)
        return compile_expression(text)

    monkeypatch.setattr(known, "compile_expression", compile)
    return compiled


def _remembered(folder: Path, *texts: str) -> None:
    before = Known(folder)
    for text in texts:
        before.compile(text)
    before.keep()


def test_what_was_right_is_compiled_when_it_first_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _remembered(tmp_path, RIGHT, "@(1 + 1)")
    compiled = _compiles(monkeypatch)
    again = Known(tmp_path)
    body, sum = again.compile(RIGHT), again.compile("@(1 + 1)")
    assert body.members == compile_expression(RIGHT).members
    assert "IRequest.Body" in body.members
    assert compiled == []
    assert sum.evaluate(CONTEXT, Profile()) == 2
    assert sum.evaluate(CONTEXT, Profile()) == 2
    assert compiled == ["@(1 + 1)"]


def test_what_is_wrong_is_refused_each_time_with_its_place(tmp_path: Path) -> None:
    for _ in range(2):
        asked = Known(tmp_path)
        with pytest.raises(ExpressionError) as refused:
            asked.compile(WRONG, document="api.xml", line=7, column=3)
        assert (refused.value.document, refused.value.line) == ("api.xml", 7)
        asked.keep()


def test_another_compiler_is_believed_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _remembered(tmp_path, RIGHT)
    (file,) = tmp_path.iterdir()
    monkeypatch.setattr(known, "_compiler", lambda: "another")
    compiled = _compiles(monkeypatch)
    asked = Known(tmp_path)
    asked.compile(RIGHT)
    assert compiled == [RIGHT]
    asked.keep()
    # Another environment's, which may start again any time.
    assert {one.name for one in tmp_path.iterdir()} == {"expressions-another.json", file.name}


def test_what_was_remembered_for_another_compiler_goes_when_it_is_old(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _remembered(tmp_path, RIGHT)
    (file,) = tmp_path.iterdir()
    os.utime(file, (0, time.time() - 31 * 24 * 3600))
    monkeypatch.setattr(known, "_compiler", lambda: "another")
    _remembered(tmp_path, RIGHT)
    assert [one.name for one in tmp_path.iterdir()] == ["expressions-another.json"]


def test_no_text_is_written_down_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    _remembered(tmp_path, '@("a-secret-of-a-named-value")')
    (file,) = tmp_path.iterdir()
    assert "a-secret" not in file.read_text()
    # Windows has other ways to say so, and folders of users that are theirs alone.
    assert sys.platform == "win32" or file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ["", "[", "[1]", '{"x": 1}', "null"])
def test_a_broken_file_is_no_obstacle(content: str, tmp_path: Path) -> None:
    _remembered(tmp_path, RIGHT)
    (file,) = tmp_path.iterdir()
    file.write_text(content)
    asked = Known(tmp_path)
    assert asked.compile(RIGHT).members == compile_expression(RIGHT).members
    asked.keep()
    assert len(Known(tmp_path).compile(RIGHT).members) > 0


def test_where_nothing_can_be_kept_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    _remembered(tmp_path / "file" / "folder", RIGHT)
    assert Known(tmp_path / "file" / "folder").compile(RIGHT).members
