"""Comparisons by culture, where every culture and every version of .NET agrees: for plain text."""

import re

_PRINTABLE = re.compile(r"[ -~]*")
_ORDERED = re.compile(r"[0-9A-Za-z_-]*")


def searched(*texts: str) -> None:
    """Texts in which a search by culture is one by units.

    Raises:
        NotImplementedError: they have others than printable ASCII characters.
    """
    for text in texts:
        if not _PRINTABLE.fullmatch(text):
            raise NotImplementedError(f"a culture-sensitive search of {text!r}; with StringComparison.Ordinal it")


def _keys(text: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """What a text is sorted by: without case, then small letters first.

    Windows leaves hyphens out, as far as others decide; ICU sorts them before digits. Which of both a version of .NET asks
    differs, so that a comparison is only known where they agree.

    Raises:
        NotImplementedError: the text has other characters.
    """
    if not _ORDERED.fullmatch(text):
        raise NotImplementedError(f"the culture-sensitive order of {text!r}; with StringComparer.Ordinal it")
    marked = text.replace("_", "\x01").replace("-", "\x02")
    words = marked.replace("\x02", "")
    return (marked.lower(), marked.swapcase()), (words.lower(), words.swapcase())


def compare(one: str | None, two: str | None, *, fold: bool = False) -> int:
    if one is None or two is None:
        return (one is not None) - (two is not None)
    if one == two:
        return 0
    answers: set[int] = set()
    for first, second in zip(_keys(one), _keys(two), strict=True):
        left, right = (first[:1], second[:1]) if fold else (first, second)
        answers.add((left > right) - (left < right))
    if len(answers) > 1:
        raise NotImplementedError(f"the culture-sensitive order of {one!r} and {two!r}; with StringComparer.Ordinal it")
    return answers.pop()
