"""Tables of the docs that are what a test counted: between two marks. `make snapshots` writes them anew, by UPDATE_SNAPSHOTS=1."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from secure_mcp_local.markdown import replaced, table


def hold(document: Path, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Holds the table of a page between the marks of that name to its rows, or writes it.

    Raises:
        AssertionError: it says something else.
    """
    text = document.read_text("utf-8")
    right = replaced(text, name, table(header, rows))
    if os.environ.get("UPDATE_SNAPSHOTS"):
        document.write_text(right, "utf-8")
        return
    assert text == right, f"{document.name}: run make snapshots"
