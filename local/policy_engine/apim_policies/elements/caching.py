"""cache-lookup-value, cache-store-value, cache-remove-value."""

from apim_policies.pipeline.call import Call
from apim_policies.pipeline.values import Compiled


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


class Store:
    def __init__(self, key: Compiled, value: Compiled, duration: Compiled) -> None:
        self._key, self._value, self._duration = key, value, duration

    def run(self, call: Call) -> None:
        call.services.cache.store(self._key.text(call), self._value.evaluate(call), self._duration.number(call))


class Remove:
    def __init__(self, key: Compiled) -> None:
        self._key = key

    def run(self, call: Call) -> None:
        call.services.cache.remove(self._key.text(call))
