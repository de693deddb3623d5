"""Every pattern of the policies takes time that grows with the text, not with its square: strangers send what they match."""

import itertools
import re
import time

import pytest

from actors.policy_options import PolicyOptions
from apim_policies.expressions.dotnet.patterns import pattern
from secure_mcp.apis import documents, templates

SETTINGS = PolicyOptions(allowed_clients=("127.0.0.1",), client_metadata_hosts=("*",), tool_roles={"a": "B"})
_LITERAL = re.compile(r'@"((?:[^"]|"")*)"')


def patterns() -> list[str]:
    """Every verbatim literal that stands in a call of Regex."""
    found: set[str] = set()
    for path in sorted(templates.directory().rglob("*.xml")):
        name = path.relative_to(templates.directory()).as_posix()
        if name.startswith("grants/"):
            continue  # part of oauth/token.xml
        text = documents.document(name, SETTINGS)
        for call in re.finditer(r"Regex\.(?:IsMatch|Match|Matches|Replace|Split)\(", text):
            literal = _LITERAL.search(text, call.end())
            assert literal is not None
            found.add(literal[1].replace('""', '"'))
    return sorted(found)


PATTERNS = patterns()


def texts(source: str, size: int) -> list[str]:
    """Texts of one size that repeat what the pattern may be about, behind what it may begin with."""
    own = sorted({*'aA0 /.:-\\"{}[],', *re.findall(r"[ -~]", source)})
    others = [unit for unit in own if not unit.isalnum()]
    pieces = [*own, *map("".join, itertools.permutations(others, 2))]
    starts, ends = ("", '"', "https://a"), ("\n", "!")
    return [start + piece * (size // len(piece)) + end for start, piece, end in itertools.product(starts, pieces, ends)]


def test_there_are_patterns() -> None:
    assert len(PATTERNS) > 15


@pytest.mark.parametrize("source", PATTERNS, ids=lambda source: source[:40])
def test_M34_a_pattern_is_linear(source: str) -> None:
    compiled = pattern(source).compiled
    for text in texts(source, 20_000):
        start = time.process_time()
        compiled.search(text)
        # Many times what a linear match takes; a quadratic one takes longer.
        assert time.process_time() - start < 0.1, (source, text[:40])
