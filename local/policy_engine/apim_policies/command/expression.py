"""What the command `expression` shows: a value with its type, or what is wrong and where; and the same by the line."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from apim_policies.errors import ExplainedError, NotModelled
from apim_policies.expressions import CSharpException, ExpressionError, Profile, compile_expression
from apim_policies.expressions.trial.answers import Answerer
from apim_policies.expressions.trial.encoding import encoded
from apim_policies.expressions.trial.samples import SAMPLE, context_of, merged

_KINDS = {
    "syntax": "this is not C#",
    "compile": "C# would not compile this",
    "refused": "API Management refuses this",
    "not modelled": "this is not modelled",
}


def context_file(path: Path | None) -> dict[str, Any]:
    """The sample request, with what a file changes of it.

    Raises:
        ExplainedError: the file is not there or holds no JSON object.
    """
    if path is None:
        return SAMPLE
    try:
        given = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ExplainedError(f"--context {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ExplainedError(f"--context {path} is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ExplainedError(f"--context {path} must hold a JSON object; `expression --sample` prints one")
    return merged(SAMPLE, given)


def show(text: str, context: dict[str, Any], *, as_json: bool) -> bool:
    """Evaluates one expression and shows what it gives.

    Returns:
        Whether it gave a value.
    """
    if as_json:
        answer = _guarded(Answerer(context), text, {})
        sys.stdout.write(json.dumps(answer) + "\n")
        return "result" in answer
    out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        value = compile_expression(text).evaluate(context_of(context), Profile())
        shown = encoded(value, Profile().newline)
    except ExpressionError as error:
        kind = _KINDS.get(error.kind, error.kind)
        said = error.message if error.message.startswith(kind) else f"{kind}: {error.message}"
        err.print(Text.assemble(("error: ", "red"), said))
        err.print(pointed(text, error.line, error.column), markup=False)
        return False
    except CSharpException as error:
        err.print(Text.assemble(("exception: ", "red"), f"{error.type}: {error.message}"))
        return False
    except NotImplementedError as error:
        raise NotModelled(f"{error} is not modelled by the local cloud") from None
    out.print(Text(shown["type"], "cyan"))
    out.print(readable(shown), markup=False)
    return True


def pointed(text: str, line: int, column: int) -> str:
    """A line of the expression, with a caret below the place."""
    lines = text.replace("\r\n", "\n").split("\n")
    found = lines[line - 1] if 0 < line <= len(lines) else ""
    blank = "".join("\t" if unit == "\t" else " " for unit in found[: column - 1])
    where = f"  line {line}, column {column}\n" if len(lines) > 1 else ""
    return f"{where}  {found}\n  {blank}^"


def readable(shown: dict[str, Any]) -> str:
    """An encoded value for people: strings in quotes, sequences line by line."""
    if "items" in shown:
        return "\n".join(_indented(f"[{n}] ", readable(item)) for n, item in enumerate(shown["items"])) or "(empty)"
    if "entries" in shown:
        pairs = [(readable(key), readable(value)) for key, value in shown["entries"]]
        return "\n".join(_indented(f"{key}: ", value) for key, value in pairs) or "(empty)"
    if shown["type"] == "string":
        return json.dumps(shown["value"], ensure_ascii=False)
    text = shown.get("text", shown["value"])
    return "null" if text is None else str(text).replace("\r\n", "\n")


def _indented(start: str, text: str) -> str:
    first, *rest = text.split("\n")
    return "\n".join([start + first, *("    " + line for line in rest)])


def answers(lines: Iterable[str], context: dict[str, Any]) -> Iterator[str]:
    """A line of JSON for each line `{"id", "text", "ctx"}`.

    Raises:
        ExplainedError: a line is not of this form.
    """
    answerer = Answerer(context)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
            name, text, changes = case["id"], case["text"], case.get("ctx") or {}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ExplainedError(
                f'line {number} of the input is not {{"id": …, "text": "@(…)", "ctx": {{…}}}}: {line.strip()[:80]}'
            ) from None
        yield json.dumps({"id": name, **_guarded(answerer, text, changes)})


def _guarded(answerer: Answerer, text: str, changes: dict[str, Any]) -> dict[str, Any]:
    """An answer, even where the local cloud itself fails: that is no answer of C#'s."""
    try:
        return answerer.answer(text, changes)
    except ExplainedError:
        raise
    except Exception as error:
        return {"unsupported": f"a fault of the local cloud ({error.__class__.__name__}: {error})"}
