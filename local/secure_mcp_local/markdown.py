"""Parts of pages that are written from something else."""

import re
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table. What stands between its bars is text: a bar in it is written so that it divides nothing."""
    head, *body = [" | ".join(str(cell).replace("|", "\\|") for cell in line) for line in (header, *rows)]
    return "\n".join([f"| {head} |", "|---" * len(header) + "|", *(f"| {line} |" for line in body)])


def replaced(page: str, name: str, text: str) -> str:
    """The page with a text between `<!-- NAME: written by … -->` and `<!-- end of NAME -->`.

    Raises:
        ValueError: the page has not both marks, once and in this order.
    """
    begin, end = re.findall(rf"^<!-- {name}: written by .+ -->$", page, re.MULTILINE), f"<!-- end of {name} -->"
    if len(begin) != 1 or page.count(end) != 1 or page.index(end) < page.index(begin[0]):
        raise ValueError(f"the page has not <!-- {name}: written by … --> and {end} after it, each once")
    before, after = page[: page.index(begin[0])], page[page.index(end) :]
    return f"{before}{begin[0]}\n\n{text.strip()}\n\n{after}"
