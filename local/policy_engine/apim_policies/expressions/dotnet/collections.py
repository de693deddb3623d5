"""Namespace System.Collections.Generic: what all collections are, and what those kept in a row share."""

from collections.abc import Callable
from typing import Any

from apim_policies.expressions.dotnet.registry import T0, Method, Model, Property
from apim_policies.expressions.newtonsoft.tokens import JToken
from apim_policies.expressions.objects.iteration import iterate
from apim_policies.expressions.types import BOOL, INT, VOID, Type, array, generic
from apim_policies.expressions.values.failing import argument_null, out_of_range
from apim_policies.expressions.values.failures import CSharpException

NAMESPACE = "System.Collections.Generic"
SEQUENCE = generic("IEnumerable", T0)
TEST = Type("Func", (T0, BOOL))
COUNT = {"Count": Property(INT, len)}


def getter(outside: Callable[[], CSharpException]) -> Callable[[Any, int], Any]:
    """Reads the item at an index; `outside` gives what is thrown where there is none."""

    def get(items: Any, index: int) -> Any:
        if not 0 <= index < len(items):
            raise outside()
        return items[index]

    return get


def setter(outside: Callable[[], CSharpException]) -> Callable[[Any, int, Any], None]:
    """Writes the item at an index; `outside` gives what is thrown where there is none."""

    def put(items: Any, index: int, value: Any) -> None:
        if not 0 <= index < len(items):
            raise outside()
        items[index] = value

    return put


def same(one: Any, two: Any) -> bool:
    if isinstance(one, JToken) or isinstance(two, JToken):
        raise NotImplementedError("the equality of JSON tokens in a list")
    return one.__class__ is two.__class__ and (one == two)


def place(items: list[Any], item: Any) -> int:
    return next((n for n, each in enumerate(items) if same(each, item)), -1)


def copy_to(source: Any, target: Any, at: int) -> None:
    if target is None:
        raise argument_null("array")
    items = list(iterate(source))
    if at < 0:
        raise out_of_range("arrayIndex")
    if at + len(items) > len(target):
        raise CSharpException("System.ArgumentException", "Destination array was not long enough.")
    target[at : at + len(items)] = items


COPY_TO = Method((array(T0), INT), VOID, copy_to)

MODELS: dict[str, Model] = {
    "ICollection": Model(properties={"Count": Property(INT, lambda items: sum(1 for _ in iterate(items)))}),
    "IReadOnlyCollection": Model(properties=COUNT),
}
GENERIC = {"ICollection": 1, "IReadOnlyCollection": 1, "IEnumerable": 1}
NAMES = dict.fromkeys(GENERIC, NAMESPACE)
