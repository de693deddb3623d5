"""Queue<T> and Stack<T>: one line of items, taken at one end."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.dotnet.collections import COPY_TO, COUNT, NAMESPACE, SEQUENCE, place
from apim_policies.expressions.dotnet.registry import T0, Method, Model, out
from apim_policies.expressions.objects.iteration import iterate
from apim_policies.expressions.types import BOOL, INT, VOID, Type, array, generic
from apim_policies.expressions.values.containers import Queue
from apim_policies.expressions.values.failing import argument_null, invalid_operation, out_of_range


def _first(kind: str, *, take: bool) -> Callable[[Queue], Any]:
    def read(items: Queue) -> Any:
        if not items:
            raise invalid_operation(f"{kind} empty.")
        return items.pop(0) if take else items[0]

    return read


def _roomy(build: Callable[[Type], Queue]) -> Callable[[Type, int], Queue]:
    def made(type_: Type, capacity: int) -> Queue:
        if capacity < 0:
            raise out_of_range("capacity")
        return build(type_)

    return made


def _tried(*, take: bool) -> Callable[[Queue], tuple[bool, Any]]:
    def read(items: Queue) -> tuple[bool, Any]:
        if not items:
            return False, None
        return True, items.pop(0) if take else items[0]

    return read


def _line(name: str, add: str, take: str, put: Callable[[Queue, Any], None], *, backwards: bool) -> Model:
    type_ = generic(name, T0)

    def build(made: Type, source: Any = ()) -> Queue:
        if source is None:
            raise argument_null("collection")
        items = list(iterate(source))
        return Queue(items[::-1] if backwards else items, made)

    return Model(
        methods={
            add: [Method((T0,), VOID, put)],
            take: [Method((), T0, _first(name, take=True))],
            "Peek": [Method((), T0, _first(name, take=False))],
            f"Try{take}": [Method((out(T0),), BOOL, _tried(take=True))],
            "TryPeek": [Method((out(T0),), BOOL, _tried(take=False))],
            "CopyTo": [COPY_TO],
            "Contains": [Method((T0,), BOOL, lambda items, item: place(items, item) >= 0)],
            "Clear": [Method((), VOID, lambda items: items.clear())],
            "ToArray": [Method((), array(T0), list)],
        },
        properties=COUNT,
        constructors=[
            Method((), type_, build, typed=True),
            Method((INT,), type_, _roomy(build), typed=True),
            Method((SEQUENCE,), type_, build, typed=True),
        ],
    )


MODELS: dict[str, Model] = {
    "Queue": _line("Queue", "Enqueue", "Dequeue", lambda items, item: items.append(item), backwards=False),
    "Stack": _line("Stack", "Push", "Pop", lambda items, item: items.insert(0, item), backwards=True),
}
GENERIC = {"Queue": 1, "Stack": 1}
NAMES = dict.fromkeys(GENERIC, NAMESPACE)
