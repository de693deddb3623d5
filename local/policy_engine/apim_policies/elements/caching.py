"""cache-lookup-value, cache-store-value, cache-remove-value."""

from collections.abc import Sequence

from apim_policies.documents.document import Element
from apim_policies.elements.model import (
    ANY,
    NEEDED,
    NEEDED_LITERAL,
    NEEDED_NUMBER,
    Attribute,
    Declared,
    Model,
    PolicyElement,
)
from apim_policies.pipeline.call import Call
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source

_CACHING = Attribute("refused", one_of=("prefer-external", "external", "internal"))


class Lookup:
    """Without a value and without a default the variable is not set."""

    def __init__(self, key: Compiled, variable: str, default: Compiled | None) -> None:
        self._key, self._variable, self._default = key, variable, default

    def run(self, call: Call) -> None:
        found, value = call.services.cache.get(self._key.text(call))
        if found:
            call.context.variables[self._variable] = value
        elif self._default is not None:
            call.context.variables[self._variable] = self._default.evaluate(call)


def _cache_lookup(source: Source, element: Element) -> Policy:
    return Lookup(
        source.attribute(element, "key"),
        element.attributes["variable-name"].text,
        source.optional(element, "default-value"),
    )


CACHE_LOOKUP_VALUE = PolicyElement(
    "cache-lookup-value",
    Model({"key": NEEDED, "variable-name": NEEDED_LITERAL, "default-value": ANY, "caching-type": _CACHING}),
    _cache_lookup,
)


class Store:
    def __init__(self, key: Compiled, value: Compiled, duration: Compiled) -> None:
        self._key, self._value, self._duration = key, value, duration

    def run(self, call: Call) -> None:
        call.services.cache.store(self._key.text(call), self._value.evaluate(call), self._duration.number(call))


def _cache_store(source: Source, element: Element) -> Policy:
    return Store(
        source.attribute(element, "key"), source.attribute(element, "value"), source.attribute(element, "duration")
    )


CACHE_STORE_VALUE = PolicyElement(
    "cache-store-value",
    Model({"key": NEEDED, "value": NEEDED, "duration": NEEDED_NUMBER, "caching-type": _CACHING}),
    _cache_store,
)


class Remove:
    def __init__(self, key: Compiled) -> None:
        self._key = key

    def run(self, call: Call) -> None:
        call.services.cache.remove(self._key.text(call))


def _cache_remove(source: Source, element: Element) -> Policy:
    return Remove(source.attribute(element, "key"))


CACHE_REMOVE_VALUE = PolicyElement(
    "cache-remove-value", Model({"key": NEEDED, "caching-type": _CACHING}), _cache_remove
)

ELEMENTS: Sequence[Declared] = (
    CACHE_LOOKUP_VALUE,
    CACHE_STORE_VALUE,
    CACHE_REMOVE_VALUE,
)
