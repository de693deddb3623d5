"""From rendered lines back to templates: never to a wrong line, and for most lines to the right one.

The truth is made by rendering with a mark at the begin of each line of a template, which says where the line is from.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from actors.policy_options import PolicyOptions
from secure_mcp.apis import documents as policy
from secure_mcp.apis import templates
from secure_mcp_local.check.templates import Templates

FOLDER = Path(__file__).parents[3] / "policies"
SETTINGS = PolicyOptions(
    allowed_origins=("https://app.example.com", "https://b.example.com"), custom_domains=("mcp.example.com",),
    allowed_clients=("claude.ai",), client_metadata_hosts=("*",),
)  # fmt: skip
MARK = re.compile(r"⟦([^⟧]*):(\d+)⟧")


class Marks(Extension):
    """Puts a mark at the begin of each line of what a template says by itself."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        for token in stream:
            if token.type == "data":
                lines = enumerate(token.value.split("\n"), token.lineno)
                marked = [f"⟦{stream.name}:{number}⟧{line}" for number, line in lines]
                yield Token(token.lineno, token.type, "\n".join(marked))
            else:
                yield token


def truth(path: str) -> list[set[tuple[str, int]]]:
    """For each line of the rendered document, the template lines that it can be said to come from."""
    marking = templates.environment().overlay(extensions=[Marks], bytecode_cache=None)
    marking.cache = {}
    text = marking.get_template(path).render(settings=SETTINGS)
    marked = [line for line in text.split("\n") if MARK.sub("", line).strip()]
    rendered = policy.document(path, SETTINGS).split("\n")
    assert [MARK.sub("", line) for line in marked] == [line for line in rendered if line.strip()]
    # Lines with nothing but marks are not blank to Jinja, which treats them otherwise.
    waiting = iter(marked)
    return [
        {(name, int(number)) for name, number in MARK.findall(next(waiting))} if line.strip() else set()
        for line in rendered
    ]


DOCUMENTS = sorted({f"fragments/{id}.xml" for id in policy.fragment_ids()} | set(policy.paths()))


TEMPLATES = Templates(FOLDER)


def checked(path: str) -> tuple[int, int]:
    """How many lines of a document come from a template, and how many of them are traced, each to where it is from."""
    rendered = policy.document(path, SETTINGS)
    lines, origins = rendered.split("\n"), truth(path)
    traced = known = 0
    for number, (line, possible) in enumerate(zip(lines, origins, strict=True), 1):
        column = len(line) - len(line.lstrip()) + 1
        origin = TEMPLATES.origin(rendered, number, column)
        known += bool(possible)
        if origin is None or not possible:
            continue
        found = (origin.file.relative_to(FOLDER).as_posix(), origin.line)
        own = (FOLDER / found[0]).read_text(encoding="utf-8").split("\n")[origin.line - 1]
        # The marks see where a line begins; what stands at the end of a tag's line belongs to that line as well.
        assert found in possible or own.strip() == line.strip(), (number, line, found, possible)
        assert own[origin.column - 1] == line[column - 1] or "[[" in own or "]]" in own, (line, own)
        traced += 1
    return known, traced


@pytest.mark.parametrize("path", DOCUMENTS)
def test_no_line_is_traced_to_a_wrong_one(path: str) -> None:
    known, traced = checked(path)
    assert 0 < traced <= known


def test_most_lines_are_traced() -> None:
    counts = [checked(path) for path in DOCUMENTS]
    assert sum(traced for _, traced in counts) >= 0.7 * sum(known for known, _ in counts), counts


def test_a_folder_without_templates_traces_nothing(tmp_path: Path) -> None:
    assert Templates(tmp_path / "policies").origin("<policies />", 1, 1) is None
    assert Templates(FOLDER).origin("<policies />", 7, 1) is None
