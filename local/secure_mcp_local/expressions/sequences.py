"""IEnumerable<T>: lazy, and enumerated anew each time."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Sequence:
    __slots__ = ("_source",)

    def __init__(self, source: Callable[[], Iterable[Any]]) -> None:
        self._source = source

    def __iter__(self) -> Iterator[Any]:
        return iter(self._source())
