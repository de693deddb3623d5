"""Comparisons by culture, where every culture and every version of .NET agrees: for plain text."""

import re

_PRINTABLE = re.compile(r"[ -~]*")
_ALPHANUMERIC = re.compile(r"[0-9A-Za-z]*")


def searched(*texts: str) -> None:
    """Texts in which a search by culture is one by units.

    Raises:
        NotImplementedError: they have others than printable ASCII characters.
    """
    for text in texts:
        if not _PRINTABLE.fullmatch(text):
            raise NotImplementedError(f"a culture-sensitive search of {text!r}; with StringComparison.Ordinal it")


def key(text: str) -> tuple[str, str]:
    """What texts of letters and digits are sorted by: without case, then small letters first.

    Raises:
        NotImplementedError: the text has other characters.
    """
    if not _ALPHANUMERIC.fullmatch(text):
        raise NotImplementedError(f"the culture-sensitive order of {text!r}; with StringComparer.Ordinal it")
    return text.lower(), text.swapcase()


def compare(one: str | None, two: str | None, *, fold: bool = False) -> int:
    if one is None or two is None:
        return (one is not None) - (two is not None)
    if one == two:
        return 0
    first, second = key(one), key(two)
    if fold:
        return (first[0] > second[0]) - (first[0] < second[0])
    return (first > second) - (first < second)
