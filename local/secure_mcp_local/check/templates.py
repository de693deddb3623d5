"""From a line of a rendered policy document back to the line of the template that it came from.

A recorded document does not say which template it was rendered from, nor how. Its lines do: most of them stand in
the template as they are, in the same order, or are one of its lines with other text in the places of `[[ ]]`.
What a macro gave is looked for in all templates, and is only traced if it can come from one line alone.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

_TAG = re.compile(r"(\[\[.*?\]\]|\[%.*?%\]|\[#.*?#\])", re.DOTALL)
_TELLING = 8
"""Characters other than blanks that a line needs to be found among all others."""


@dataclass(frozen=True)
class Origin:
    file: Path
    line: int
    column: int


@dataclass(frozen=True)
class _Line:
    """A line of a template."""

    file: Path
    number: int
    parts: tuple[tuple[int, str | None], ...]
    """Columns and texts; None for what is rendered."""

    @cached_property
    def literal(self) -> str | None:
        """Its text, if nothing in it is rendered."""
        return (
            "".join(text or "" for _, text in self.parts) if all(text is not None for _, text in self.parts) else None
        )

    @cached_property
    def weight(self) -> int:
        return sum(len("".join(text.split())) for _, text in self.parts if text)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("".join("(.*)" if text is None else f"({re.escape(text)})" for _, text in self.parts))

    def column(self, rendered: str, column: int) -> int | None:
        """The column in the template of a column of a line that was rendered from this one; None: it was not."""
        if self.literal is not None:
            return column if self.literal == rendered else None
        match = self._pattern.fullmatch(rendered)
        if match is None:
            return None
        for group, (start, text) in enumerate(self.parts, 1):
            if column - 1 < match.end(group) or group == len(self.parts):
                return start if text is None else start + column - 1 - match.start(group)
        return None

    def indented(self, rendered: str, column: int) -> int | None:
        """As `column`, for a line that was moved to the right or left."""
        first = self.parts[0][1] if self.parts else None
        if first is None:
            return None
        own = len(first) - len(first.lstrip())
        given = len(rendered) - len(rendered.lstrip())
        if not rendered.startswith(first.lstrip(), given):
            return None
        return self.column(" " * own + rendered[given:], column + own - given) if column > given else None


class Templates:
    """The templates of a project.

    Args:
        folder: Where they are; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        files = sorted([*folder.rglob("*.xml"), *folder.rglob("*.jinja")])
        self._lines = {file: tuple(_lines(file)) for file in files}
        self._texts: dict[str, list[_Line]] = {}
        """Lines in which nothing is rendered, by their text without blanks before it: a long document has thousands to look up."""
        self._rendered: list[_Line] = []
        for one in (one for lines in self._lines.values() for one in lines):
            if one.literal is None:
                self._rendered.append(one)
            else:
                self._texts.setdefault(one.literal.lstrip(), []).append(one)

    def origin(self, text: str, line: int, column: int) -> Origin | None:
        """Where a place of a rendered document comes from.

        Args:
            text: The rendered document.
            line: From 1.
            column: From 1.

        Returns:
            The line and column in a template; None if no line, or more than one, could be it.
        """
        rendered = text.split("\n")
        one = self._placed(text).get(line)
        if one is None:
            return None
        aligned = self._aligned(text).get(line) is one
        found = (one.column if aligned else one.indented)(rendered[line - 1], column)
        return Origin(one.file, one.number, found) if found is not None else None

    @lru_cache(maxsize=64)  # noqa: B019  (an instance lives as long as one check)
    def _placed(self, text: str) -> dict[int, _Line]:
        """Where each line comes from: of the document's own template, of one line alone, or beside one that is known."""
        placed = dict(self._aligned(text))
        rendered = dict(enumerate(text.split("\n"), 1))
        for number, line in rendered.items():
            if number not in placed and (only := self._only(line)) is not None:
                placed[number] = only
        for step, numbers in ((1, rendered), (-1, reversed(rendered))):
            for number in numbers:
                before = placed.get(number - step)
                if number in placed or before is None or not (line := rendered[number]).strip():
                    continue
                beside = self._beside(before, step)
                if beside is not None and beside.indented(line, len(line) - len(line.lstrip()) + 1) is not None:
                    placed[number] = beside
        return placed

    def _only(self, rendered: str) -> _Line | None:
        """The one line that this one can come from."""
        weight = sum(not blank.isspace() for blank in rendered)
        column = len(rendered) - len(rendered.lstrip()) + 1
        candidates = [
            one
            for one in (*self._texts.get(rendered.lstrip(), ()), *self._rendered)
            # A line with little but places says nothing of where it stands: anything could have been put into them.
            if one.weight >= max(_TELLING, weight / 2) and one.indented(rendered, column) is not None
        ]
        return candidates[0] if len(candidates) == 1 else None

    def _beside(self, line: _Line, step: int) -> _Line | None:
        """The line of the same template before or after one, if it is the same in each rendering."""
        lines, index = self._lines[line.file], line.number - 1 + step
        return lines[index] if 0 <= index < len(lines) and lines[index].literal is not None else None

    def file(self, text: str) -> Path | None:
        """The template that most of a rendered document comes from; None if that is less than half of any."""
        count = Counter(text.split("\n"))
        scores = {
            file: sum(line.weight for line in lines if line.literal is not None and count[line.literal])
            for file, lines in self._lines.items()
        }
        best = max(scores, key=lambda file: scores[file], default=None)
        if best is None:
            return None
        total = sum(line.weight for line in self._lines[best] if line.literal is not None)
        return None if scores[best] * 2 < total else best

    @lru_cache(maxsize=64)  # noqa: B019  (an instance lives as long as one check)
    def _aligned(self, text: str) -> dict[int, _Line]:
        best = self.file(text)
        return {} if best is None else _matched(text.split("\n"), self._lines[best])


def _lines(file: Path) -> Iterator[_Line]:
    number, column = 1, 1
    parts: list[tuple[int, str | None]] = []
    for chunk in _TAG.split(file.read_text(encoding="utf-8")):
        tag = bool(_TAG.fullmatch(chunk))
        for index, text in enumerate(chunk.split("\n")):
            if index:
                yield _Line(file, number, tuple(parts))
                number, column, parts = number + 1, 1, []
            if tag:
                parts.append((column + len(text) - len(text.lstrip()), None))
            elif text:
                parts.append((column, text))
            column += len(text)
    yield _Line(file, number, tuple(parts))


def _matched(rendered: Sequence[str], lines: Sequence[_Line]) -> dict[int, _Line]:
    """The heaviest way to go through both in order."""
    usable = [line for line in lines if line.weight]
    rows = len(rendered)
    best = [[0] * (len(usable) + 1) for _ in range(rows + 1)]
    fits = [[line.column(text, 1) is not None for line in usable] for text in rendered]
    for i in range(rows - 1, -1, -1):
        for j in range(len(usable) - 1, -1, -1):
            skip = max(best[i + 1][j], best[i][j + 1])
            taken = best[i + 1][j + 1] + usable[j].weight if fits[i][j] else 0
            best[i][j] = max(skip, taken)
    matched: dict[int, _Line] = {}
    i = j = 0
    while i < rows and j < len(usable):
        if fits[i][j] and best[i][j] == best[i + 1][j + 1] + usable[j].weight:
            matched[i + 1] = usable[j]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return matched
