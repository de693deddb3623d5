"""IEnumerable<T>: lazy, and enumerated anew each time."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from apim_policies.expressions.types import Type


class Sequence:
    __slots__ = ("_source", "element", "shown")

    def __init__(
        self, source: Callable[[], Iterable[Any]], element: Type | None = None, shown: Type | None = None
    ) -> None:
        self._source = source
        self.element = element
        """The static type of what it gives, once known."""
        self.shown = shown
        """The type that it says to be, where that is not one of LINQ's own."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self._source())
