"""cors: who may call from a browser.

https://learn.microsoft.com/azure/api-management/cors-policy
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from apim_policies.documents.document import Element
from apim_policies.elements.model import (
    ANY,
    BOOL_HERE_LITERAL,
    INBOUND,
    LITERAL,
    Attribute,
    Child,
    Declared,
    Model,
    Part,
    PolicyElement,
)
from apim_policies.expressions.context import Headers, Response
from apim_policies.pipeline.call import Call, Returned
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Source

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Cors:
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: str | None
    allow_credentials: bool
    terminate_unmatched: bool

    def run(self, call: Call) -> None:
        """Adds its headers to the answer of an allowed origin, whatever it will be."""
        origin = call.context.request.headers.get("Origin")
        if origin is None:
            return
        if not self.allows(origin):
            # Only what a browser sends without asking first; the documentation names these two methods.
            if self.terminate_unmatched and call.context.request.method in {"GET", "HEAD"}:
                raise Returned(Response(200, "OK"))
            return
        if len(call.cors_headers):
            # Another one, of an outer scope: only the first is applied.
            return
        call.cors_headers = self._common(origin)
        if self.exposed:
            call.cors_headers.set("Access-Control-Expose-Headers", ",".join(self.exposed))

    def preflight(self, origin: str, method: str) -> Headers | None:
        """The headers of the answer to a preflight request, or None if it is not allowed."""
        if not self.allows(origin) or not ("*" in self.methods or method.upper() in self.methods):
            return None
        headers = self._common(origin)
        headers.set("Access-Control-Allow-Methods", ",".join(self.methods))
        if self.headers:
            headers.set("Access-Control-Allow-Headers", ",".join(self.headers))
        if self.max_age is not None:
            headers.set("Access-Control-Max-Age", self.max_age)
        return headers

    def allows(self, origin: str) -> bool:
        return "*" in self.origins or _same(origin) in {_same(allowed) for allowed in self.origins}

    def _common(self, origin: str) -> Headers:
        headers = Headers([("Access-Control-Allow-Origin", "*" if "*" in self.origins else origin)])
        if "*" not in self.origins:
            headers.set("Vary", "Origin")
        if self.allow_credentials:
            headers.set("Access-Control-Allow-Credentials", "true")
        return headers


def answer_preflight(policies: Sequence[Cors], origin: str, method: str) -> Response:
    """The answer to a preflight request: of the first policy that allows it, else empty.

    A policy that terminates what it does not allow keeps those of outer scopes from being asked.
    """
    for policy in policies:
        headers = policy.preflight(origin, method)
        if headers is not None:
            return Response(200, "OK", headers)
        if policy.terminate_unmatched:
            break
    return Response(200, "OK")


def _same(origin: str) -> tuple[str, str, int | None] | str:
    """An origin in a form that can be compared: a port that is left out is that of the scheme."""
    try:
        parts = urlsplit(origin.strip())
        port = parts.port
    except ValueError:
        return origin
    if not parts.scheme or not parts.hostname:
        return origin
    return parts.scheme, parts.hostname, port or _PORTS.get(parts.scheme)


def _cors(source: Source, element: Element) -> Policy:
    lists = {child.name: child for child in element.children}

    def texts(name: str) -> tuple[str, ...]:
        items = lists[name].children if name in lists else []
        for item in items:
            if item.text is not None and item.text.expression:
                raise source.not_modelled(item, "an expression")
        return tuple(item.text.text.strip() for item in items if item.text)

    methods = lists.get("allowed-methods")
    return Cors(
        origins=texts("allowed-origins"),
        methods=texts("allowed-methods") or ("GET", "POST"),
        headers=texts("allowed-headers"),
        exposed=texts("expose-headers"),
        max_age=source.literal(methods, "preflight-result-max-age") if methods else None,
        allow_credentials=source.flag(element, "allow-credentials"),
        terminate_unmatched=source.flag(element, "terminate-unmatched-request", default=True),
    )


CORS = PolicyElement(
    "cors",
    Model(
        {"allow-credentials": BOOL_HERE_LITERAL, "terminate-unmatched-request": BOOL_HERE_LITERAL},
        (
            Child("allowed-origins", 1, 1),
            Child("allowed-methods", 0, 1),
            Child("allowed-headers", 0, 1),
            Child("expose-headers", 0, 1),
        ),
        INBOUND,
        ordered=False,
    ),
    _cors,
)

ELEMENTS: Sequence[Declared] = (
    CORS,
    Part("allowed-origins", Model({}, (Child("origin", 1),))),
    Part("origin", Model(text=True)),
    Part(
        "allowed-methods",
        Model({"preflight-result-max-age": Attribute("not modelled", number=True)}, (Child("method", 1),)),
    ),
    Part("method", Model(text=True)),
    Part("allowed-headers", Model({}, (Child("header", 1),))),
    Part("expose-headers", Model({}, (Child("header", 1),))),
    Part("header", Model({"name": LITERAL, "action": ANY}, text=True)),
)
