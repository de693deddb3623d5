"""Tables of the docs that are what a test counted: between two marks, written anew with UPDATE_SNAPSHOTS=1."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path


def hold(document: Path, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Holds the table between `<!-- NAME -->` and `<!-- end of NAME -->` to its rows, or writes it.

    Raises:
        AssertionError: it says something else.
    """
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    table, text = "\n".join(lines) + "\n", document.read_text("utf-8")
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, rest = text.split(begin)
    written, after = rest.split(end)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        document.write_text(before + begin + table + end + after, "utf-8")
        return
    assert written == table, f"{document.name}: UPDATE_SNAPSHOTS=1 writes it anew"
