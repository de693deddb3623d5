"""What a benchmark prints."""

from typing import NamedTuple


class Row(NamedTuple):
    what: str
    measured: str
    ratio: str
    memory: str


HEAD = Row("what", "measured", "ratio", "memory")


def markdown(rows: list[Row]) -> str:
    """The rows as a table."""
    widths = [max(len(row[column]) for row in (HEAD, *rows)) for column in range(len(HEAD))]

    def line(cells: Row) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(HEAD), rule, *(line(row) for row in rows)])
