"""Values and whole answers: cache-lookup-value, cache-store-value, cache-remove-value, cache-lookup, cache-store."""

import json
from collections.abc import Sequence

from apim_policies.documents.document import Element
from apim_policies.elements.model import (
    ANY,
    BOOL,
    CONDITION,
    INBOUND,
    LITERAL,
    NEEDED,
    NEEDED_LITERAL,
    NEEDED_NUMBER,
    Attribute,
    Child,
    Declared,
    Model,
    Part,
    PolicyElement,
)
from apim_policies.expressions.context import Response
from apim_policies.pipeline.bodies import response_body
from apim_policies.pipeline.call import Call, Returned
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


class LookupResponse:
    """The answer that an earlier request got; what differs between requests is in the key.

    https://learn.microsoft.com/azure/api-management/cache-lookup-policy
    """

    def __init__(self, source: Source, element: Element) -> None:
        self._developer = source.attribute(element, "vary-by-developer")
        self._groups = source.attribute(element, "vary-by-developer-groups")
        self._private = source.attribute(element, "allow-private-response-caching", "false")
        self._downstream = source.attribute(element, "downstream-caching-type", "none")
        self._headers = [source.content(one) for one in element.children if one.name == "vary-by-header"]
        self._query = [source.content(one) for one in element.children if one.name == "vary-by-query-parameter"]

    def run(self, call: Call) -> None:
        request = call.context.request
        if request.method.upper() != "GET" or ("Authorization" in request.headers and not self._private.boolean(call)):
            return
        key = self._key(call)
        kept = call.services.responses.get(key)
        if kept is not None:
            raise Returned(kept)
        downstream = self._downstream.text(call)

        def keep(response: Response, seconds: float) -> None:
            call.services.responses.store(key, response, seconds)
            if downstream != "none":
                response.headers.set("Cache-Control", f"{downstream}, max-age={int(seconds)}")

        call.keeping = keep

    def _key(self, call: Call) -> str:
        request, user = call.context.request, call.context.user
        query = request.original_url.query()
        names = [one.text(call) for one in self._query]
        # Without names, all of them make a difference.
        chosen = {
            name.lower(): values for name, values in query.items() if not names or name.lower() in map(str.lower, names)
        }
        return json.dumps(
            [
                call.context.api.id,
                request.original_url.path,
                sorted(chosen.items()),
                [(one.text(call), request.headers.get(one.text(call))) for one in self._headers],
                user.id if user is not None and self._developer.boolean(call) else None,
                sorted(group.id for group in user.groups) if user is not None and self._groups.boolean(call) else None,
            ]
        )


CACHE_LOOKUP = PolicyElement(
    "cache-lookup",
    Model(
        {
            "vary-by-developer": CONDITION,
            "vary-by-developer-groups": CONDITION,
            "downstream-caching-type": Attribute(one_of=("none", "private", "public")),
            "must-revalidate": BOOL,
            "caching-type": _CACHING,
            "allow-private-response-caching": BOOL,
        },
        (Child("vary-by-header"), Child("vary-by-query-parameter")),
        INBOUND,
        ordered=False,
    ),
    LookupResponse,
)


class StoreResponse:
    """Keeps the answer for requests with the key that cache-lookup made.

    https://learn.microsoft.com/azure/api-management/cache-store-policy
    """

    def __init__(self, duration: Compiled, keeps: Compiled | None) -> None:
        self._duration, self._keeps = duration, keeps

    async def run(self, call: Call) -> None:
        if call.keeping is None:
            return
        keeps = self._keeps.boolean(call) if self._keeps is not None else call.response.status_code == 200
        if keeps:
            await response_body(call)
            call.keeping(call.response, self._duration.number(call))


def _store_response(source: Source, element: Element) -> Policy:
    return StoreResponse(source.attribute(element, "duration"), source.optional(element, "cache-response"))


CACHE_STORE = PolicyElement(
    "cache-store",
    Model(
        {"duration": NEEDED_NUMBER, "cache-response": BOOL, "caching-mode": LITERAL},
        sections=frozenset({"outbound"}),
    ),
    _store_response,
)

ELEMENTS: Sequence[Declared] = (
    CACHE_LOOKUP,
    CACHE_STORE,
    Part("vary-by-header", Model(text=True)),
    Part("vary-by-query-parameter", Model(text=True)),
    CACHE_LOOKUP_VALUE,
    CACHE_STORE_VALUE,
    CACHE_REMOVE_VALUE,
)
