"""Objects with parts, as they are while an expression runs. Each knows its own type, as .NET's objects do."""

from collections.abc import Iterable
from typing import Any

from apim_policies.expressions.types import Type
from apim_policies.expressions.values.changes import counting


class Array(list[Any]):
    """An array of anything but bytes, which are a bytearray."""

    __slots__ = ("type",)

    def __init__(self, items: Iterable[Any], type: Type) -> None:
        super().__init__(items)
        self.type = type


@counting
class List(Array):
    """List<T>."""

    changes = 0


@counting
class Queue(Array):
    """Queue<T>, the next first; also Stack<T>, the top first."""

    changes = 0


class _Table:
    """The order of a hash table: a new key takes the place that was freed last, else the one after all."""

    def __init__(self, folds: bool) -> None:
        self.folds = folds
        self.places: dict[Any, int] = {}
        self.free: list[int] = []
        self.next = 0

    def compared(self, key: Any) -> Any:
        return folded(key) if self.folds and key is not None else key

    def take(self, compared: Any) -> None:
        if self.free:
            self.places[compared] = self.free.pop()
        else:
            self.places[compared], self.next = self.next, self.next + 1

    def release(self, compared: Any) -> None:
        self.free.append(self.places.pop(compared))

    def reset(self) -> None:
        self.places, self.free, self.next = {}, [], 0

    def ordered(self) -> list[Any]:
        return sorted(self.places, key=self.places.__getitem__)


class Dictionary(dict[Any, Any]):
    """Dictionary<K, V>: `folds` says that keys are compared without case (StringComparer.OrdinalIgnoreCase)."""

    __slots__ = ("changes", "spelled", "table", "touched", "type")

    def __init__(self, type: Type, folds: bool = False) -> None:
        super().__init__()
        self.type, self.table = type, _Table(folds)
        self.changes = 0
        """How often something was added, which ends an enumeration."""
        self.touched = 0
        """How often something was replaced or removed, which ends it in some versions of .NET only."""
        self.spelled: dict[Any, Any] = {}
        """Keys as they were first written, by what they are compared by."""

    def compared(self, key: Any) -> Any:
        return self.table.compared(key)

    def put(self, key: Any, value: Any) -> None:
        compared = self.compared(key)
        if compared not in self:
            self.table.take(compared)
            self.spelled[compared] = key
            self.changes += 1
        else:
            self.touched += 1
        self[compared] = value

    def drop(self, key: Any) -> bool:
        compared = self.compared(key)
        if compared not in self:
            return False
        del self[compared], self.spelled[compared]
        self.touched += 1
        self.table.release(compared)
        return True

    def empty(self) -> None:
        self.clear()
        self.spelled.clear()
        self.touched += 1
        self.table.reset()

    def pairs(self) -> list[tuple[Any, Any]]:
        return [(self.spelled[key], self[key]) for key in self.table.ordered()]


class HashSet(dict[Any, Any]):
    """HashSet<T>: items as they were added, by what they are compared by."""

    __slots__ = ("changes", "table", "type")

    def __init__(self, type: Type, folds: bool = False) -> None:
        super().__init__()
        self.type, self.table = type, _Table(folds)
        self.changes = 0

    def holds(self, item: Any) -> bool:
        return self.table.compared(item) in self

    def add(self, item: Any) -> bool:
        compared = self.table.compared(item)
        if compared in self:
            return False
        self.table.take(compared)
        self[compared] = item
        self.changes += 1
        return True

    def drop(self, item: Any) -> bool:
        compared = self.table.compared(item)
        if compared not in self:
            return False
        del self[compared]
        self.table.release(compared)
        self.changes += 1
        return True

    def items_in_order(self) -> list[Any]:
        return [self[key] for key in self.table.ordered()]


class Pair(tuple[Any, Any]):
    """A boxed KeyValuePair."""

    type: Type


class Anonymous:
    """An object of an anonymous type: equal to another with equal members."""

    __slots__ = ("type", "values")

    def __init__(self, type: Type, values: tuple[Any, ...]) -> None:
        self.type, self.values = type, values

    @property
    def names(self) -> list[str]:
        return self.type.name.split(" ")[1:]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Anonymous) and (self.type, self.values) == (other.type, other.values)

    def __hash__(self) -> int:
        return hash(self.values)


class Enumeration:
    """A boxed value of an enumeration."""

    __slots__ = ("name", "type")

    def __init__(self, type: Type, name: str) -> None:
        self.type, self.name = type, name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Enumeration) and (self.type, self.name) == (other.type, other.name)

    def __hash__(self) -> int:
        return hash(self.name)


MOST = 20_000_000
"""How long a string or sequence can be made at once; .NET's limits lie higher, and are left to it."""


def within(count: int) -> int:
    """
    Raises:
        NotImplementedError: so many units or items.
    """
    if count > MOST:
        raise NotImplementedError(f"{count} characters or items at once")
    return count


def folded(text: str) -> str:
    """What strings are compared by without case (ordinal): each unit by its simple upper case."""
    if text.isascii():
        return text.upper()
    return "".join(upper if len(upper := unit.upper()) == 1 else unit for unit in text)
