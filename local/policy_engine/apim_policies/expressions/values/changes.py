"""Collections that count their changes: .NET ends an enumeration whose collection was changed meanwhile, whatever its size is."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

_CHANGING = ("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort",
             "__delitem__", "__iadd__", "__setitem__")  # fmt: skip


class Changing(Protocol):
    """A collection that counts."""

    changes: int


T = TypeVar("T")


def counting(collection: type[T]) -> type[T]:
    """A list or dictionary whose methods that change it count in `changes`."""
    for name in _CHANGING:
        if (method := getattr(collection, name, None)) is not None:
            setattr(collection, name, _counted(method))
    return collection


def _counted(method: Callable[..., Any]) -> Callable[..., Any]:
    def changed(self: Changing, *arguments: Any, **named: Any) -> Any:
        self.changes += 1
        return method(self, *arguments, **named)

    return changed


@counting
class ChangingList(list[Any]):
    changes = 0


@counting
class ChangingDict(dict[Any, Any]):
    changes = 0
