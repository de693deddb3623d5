"""Language models behind the gateway: token limits and metrics, content safety, the semantic cache.

Each policy has two names, `llm-…` for models of any maker and `azure-openai-…`.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from apim_policies.documents.document import Element
from apim_policies.elements.calls import exchange
from apim_policies.elements.model import (
    ANY,
    INBOUND,
    LITERAL,
    LITERAL_BOOL,
    NEEDED,
    NEEDED_LITERAL,
    NEEDED_NUMBER,
    NUMBER,
    Attribute,
    Child,
    Declared,
    Model,
    Part,
    PolicyElement,
)
from apim_policies.expressions.context import Body, Headers, Response
from apim_policies.pipeline.backends import AllTripped
from apim_policies.pipeline.bodies import TooLarge, request_body, response_body
from apim_policies.pipeline.cache import Asked
from apim_policies.pipeline.call import Call, Failure, Returned
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source

_MINUTE = 60
_PERIODS = {
    "Indefinite": 0, "Hourly": 3600, "Daily": 86_400, "Weekly": 604_800, "Monthly": 2_592_000, "Yearly": 31_536_000,
}  # fmt: skip
_KINDS = Attribute("refused", one_of=("all", "total-tokens", "prompt-tokens", "completion-tokens"))
_SECONDS = 30.0
"""That a service of the policy's own may take."""


@dataclass(frozen=True)
class Usage:
    """Tokens that a call took."""

    prompt: int = 0
    completion: int = 0

    @property
    def total(self) -> int:
        return self.prompt + self.completion


def usage_of(content: bytes) -> Usage | None:
    """What an answer says of its tokens: a JSON document, or the last of a stream of events that says it."""
    found: Usage | None = None
    text = content.decode("utf-8", "replace")
    events = [line[5:] for line in text.splitlines() if line.startswith("data:")] or [text]
    for event in events:
        try:
            said = json.loads(event)
        except ValueError:
            continue
        usage = said.get("usage") if isinstance(said, dict) else None
        if isinstance(usage, dict):
            # The older names, and those of the Responses API.
            prompt = usage.get("prompt_tokens", usage.get("input_tokens")) or 0
            completion = usage.get("completion_tokens", usage.get("output_tokens")) or 0
            found = Usage(int(prompt), int(completion))
    return found


def estimated(text: str) -> int:
    """About how many tokens a text has: four characters are one, as the makers of models say."""
    return -(-len(text) // 4)


def asked(content: bytes) -> Mapping[str, Any]:
    """The request to a model; empty if it is none."""
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def prompt_of(request: Mapping[str, Any], *, system: bool = True, messages: int | None = None) -> str:
    """The text that a model is asked: messages, a prompt, or the input of embeddings."""
    told = [one for one in request.get("messages") or [] if isinstance(one, dict)]
    if not system:
        told = [one for one in told if one.get("role") not in {"system", "developer"}]
    if messages is not None:
        told = told[-messages:]
    parts: list[str] = []
    for one in (*told, {"content": request.get("prompt")}, {"content": request.get("input")}):
        content = one.get("content")
        for piece in content if isinstance(content, list) else [content]:
            text = piece.get("text") if isinstance(piece, dict) else piece
            if isinstance(text, str):
                parts.append(text)
    return "\n".join(parts)


class _Counted(httpx.AsyncByteStream):
    """A stream that tells at its end what went through it, so that it need not be held back."""

    def __init__(self, inner: httpx.AsyncByteStream, tell: Callable[[bytes], None]) -> None:
        self._inner, self._tell = inner, tell

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = b""
        async for chunk in self._inner:
            content += chunk
            yield chunk
        self._tell(content)

    async def aclose(self) -> None:
        await self._inner.aclose()


def when_answered(call: Call, tell: Callable[[Usage], None]) -> None:
    """Tells what tokens the answer took, as soon as that is known: for a stream at its end."""

    def told(content: bytes) -> None:
        usage = usage_of(content)
        if usage is not None:
            tell(usage)

    def look() -> None:
        response = call.context.response
        if response is not None and response.body is not None:
            told(response.body.content)
        elif call.backend_response is not None:
            call.backend_response.stream = _Counted(call.backend_response.stream, told)

    call.afterwards.append(look)


class TokenLimit:
    """So many tokens in a minute, or in a period, for each key.

    https://learn.microsoft.com/azure/api-management/llm-token-limit-policy
    """

    def __init__(self, source: Source, element: Element) -> None:
        if not element.attributes.keys() & {"tokens-per-minute", "token-quota"}:
            raise source.error(element, f"<{element.name}> needs tokens-per-minute or token-quota")
        self._key = source.attribute(element, "counter-key")
        self._rate = source.optional(element, "tokens-per-minute")
        self._quota = source.optional(element, "token-quota")
        self._period = _PERIODS[source.literal(element, "token-quota-period") or "Indefinite"]
        self._estimate = source.attribute(element, "estimate-prompt-tokens")
        self._names = {
            name: source.literal(element, name)
            for what in ("retry-after", "remaining-tokens", "remaining-quota-tokens", "tokens-consumed")
            for name in (f"{what}-header-name", f"{what}-variable-name")
        }

    async def run(self, call: Call) -> None:
        counters, key = call.services.counters, f"tokens {self._key.text(call)}"
        needed = estimated(prompt_of(asked(await request_body(call)))) if self._estimate.boolean(call) else 0
        if self._quota is not None:
            spent, wait = counters.spent(key, self._period, 0)
            left = int(self._quota.number(call)) - spent
            self._say(call, "remaining-quota-tokens", max(0, left - needed))
            if left <= needed:
                self._say(call, "retry-after", wait)
                raise Failure("QuotaExceeded", "Token quota is exceeded.", 403)
        if self._rate is not None:
            left, wait = counters.left(key, int(self._rate.number(call)), _MINUTE)
            self._say(call, "remaining-tokens", max(0, left - needed))
            if left <= needed:
                wait = wait or _MINUTE
                self._say(call, "retry-after", wait, "Retry-After")
                message = f"Token limit is exceeded. Try again in {wait} seconds."
                raise Failure("TokenLimitExceeded", message, 429)
        if needed:
            self._count(call, key, needed)

        def count(usage: Usage) -> None:
            # The estimate of the prompt is counted already.
            self._count(call, key, max(0, usage.total - needed))
            self._say(call, "tokens-consumed", usage.total)

        when_answered(call, count)

    def _count(self, call: Call, key: str, tokens: int) -> None:
        if self._rate is not None:
            call.services.counters.count(key, tokens)
        if self._quota is not None:
            call.services.counters.spend(key, tokens, self._period, 0)

    def _say(self, call: Call, what: str, value: int, header: str | None = None) -> None:
        header = self._names[f"{what}-header-name"] or header
        if header is not None:
            call.limit_headers.set(header, str(value))
            if call.context.response is not None:
                call.context.response.headers.set(header, str(value))
        variable = self._names[f"{what}-variable-name"]
        if variable is not None:
            call.context.variables[variable] = value


_TOKEN_LIMIT = Model(
    {
        "counter-key": NEEDED,
        "tokens-per-minute": NUMBER,
        "token-quota": NUMBER,
        "token-quota-period": Attribute("refused", one_of=tuple(_PERIODS)),
        "estimate-prompt-tokens": Attribute("refused", required=True, one_of=("true", "false")),
        "prompt-type": Attribute("refused", one_of=("auto", "chat-completion", "completion", "embeddings")),
        "ignore-prompt": LITERAL_BOOL,
        **{
            f"{what}-{kind}-name": LITERAL
            for what in ("retry-after", "remaining-tokens", "remaining-quota-tokens", "tokens-consumed")
            for kind in ("header", "variable")
        },
    },
    sections=INBOUND,
)


class TokenMetric:
    """Tokens of prompts and completions as metrics.

    https://learn.microsoft.com/azure/api-management/llm-emit-token-metric-policy
    """

    def __init__(self, source: Source, element: Element) -> None:
        self._namespace = source.literal(element, "namespace") or "API Management"
        self._kind = source.literal(element, "value-type") or "all"
        self._dimensions = [
            (child.attributes["name"].text, source.optional(child, "value")) for child in element.children
        ]

    def run(self, call: Call) -> None:
        context = call.context
        known = {
            "API ID": context.api.id,
            "Operation ID": context.operation.id,
            "Product ID": context.product.id if context.product is not None else "",
            "User ID": context.user.id if context.user is not None else "",
            "Subscription ID": context.subscription.id if context.subscription is not None else "",
            "Location": context.deployment.region,
            "Gateway ID": context.deployment.gateway_id,
            "Client IP Address": context.request.ip_address,
            "Client IP": context.request.ip_address,
        }
        dimensions = {
            name: value.text(call) if value is not None else known.get(name, "") for name, value in self._dimensions
        }

        def emit(usage: Usage) -> None:
            call.trace.metrics.extend(
                {"name": name, "namespace": self._namespace, "value": value, "dimensions": dimensions}
                for name, value in (
                    ("Prompt Tokens", usage.prompt),
                    ("Completion Tokens", usage.completion),
                    ("Total Tokens", usage.total),
                )
                if self._kind in {"all", name.lower().replace(" ", "-")}
            )

        when_answered(call, emit)


_TOKEN_METRIC = Model(
    {"namespace": LITERAL, "name": LITERAL, "value-type": _KINDS, "ignore-prompt": LITERAL_BOOL},
    (Child("dimension", 0, 10),),
)


class ContentSafety:
    """What people ask, and with `enforce-on-completions` what models answer, as Azure AI Content Safety finds it.

    https://learn.microsoft.com/azure/api-management/llm-content-safety-policy
    """

    def __init__(self, source: Source, element: Element) -> None:
        self._backend = source.attribute(element, "backend-id")
        self._shield = source.attribute(element, "shield-prompt", "false")
        self._completions = source.attribute(element, "enforce-on-completions", "false")
        lists = {child.name: child for child in element.children}
        categories = lists.get("categories")
        self._categories = [
            (source.attribute(one, "name"), source.attribute(one, "threshold"))
            for one in (categories.children if categories is not None else ())
        ]
        self._levels = source.attribute(categories, "output-type", "FourSeverityLevels") if categories else None
        self._blocklists = [
            source.content(one) for one in (lists["blocklists"].children if "blocklists" in lists else ())
        ]

    async def run(self, call: Call) -> None:
        outbound = call.section == "outbound"
        if outbound and not self._completions.boolean(call):
            return
        text = _completion(await response_body(call)) if outbound else prompt_of(asked(await request_body(call)))
        if not text:
            return
        if self._shield.boolean(call) and not outbound:
            said = await self._ask(call, "text:shieldPrompt", {"userPrompt": text, "documents": []})
            if (said.get("userPromptAnalysis") or {}).get("attackDetected"):
                raise _unsafe("the prompt is an attack")
        if self._categories or self._blocklists:
            thresholds = {name.text(call): threshold.number(call) for name, threshold in self._categories}
            question: dict[str, Any] = {"text": text, "categories": list(thresholds)}
            if self._levels is not None:
                question["outputType"] = self._levels.text(call)
            if self._blocklists:
                question["blocklistNames"] = [one.text(call) for one in self._blocklists]
            said = await self._ask(call, "text:analyze", question)
            if said.get("blocklistsMatch"):
                raise _unsafe("it has what a blocklist names")
            for found in said.get("categoriesAnalysis") or []:
                least = thresholds.get(found.get("category"))
                if least is not None and found.get("severity", 0) >= least:
                    raise _unsafe(f"it is {found['category']}")

    async def _ask(self, call: Call, what: str, question: Mapping[str, Any]) -> dict[str, Any]:
        url = f"/contentsafety/{what}?api-version=2024-09-01"
        return await ask(call, self._backend.text(call), url, question)


def _completion(content: bytes) -> str:
    said = asked(content)
    parts = [one.get("message", {}).get("content") or one.get("text") for one in said.get("choices") or []]
    return "\n".join(part for part in parts if isinstance(part, str))


def _unsafe(why: str) -> Failure:
    return Failure("ContentSafetyViolation", f"The request was blocked by content safety: {why}.", 403)


async def ask(call: Call, backend_id: str, path: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """Asks a backend of the gateway, with its own credentials, for JSON.

    Raises:
        Failure: it does not answer.
    """
    backends = call.services.backends
    backend = backends.find(backend_id)
    try:
        single = backends.choose(backend)
        headers = Headers([("Content-Type", "application/json")])
        for name, values in single.headers.items():
            headers.set(name, list(values))
        if single.authorization:
            headers.set("Authorization", single.authorization)
        response = await exchange(
            call, "POST", single.url.rstrip("/") + path, headers, json.dumps(question).encode(), _SECONDS
        )
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, TooLarge, AllTripped) as error:
        raise Failure("BackendConnectionFailure", f"the backend {backend_id!r} does not answer", 502) from error
    if response.status_code >= 400:
        raise Failure("BackendErrorStatusCode", f"the backend {backend_id!r} answered {response.status_code}", 502)
    return dict(asked(response.body.content if response.body is not None else b""))


_CONTENT_SAFETY = Model(
    {
        "backend-id": NEEDED,
        "shield-prompt": ANY,
        "enforce-on-completions": ANY,
    },
    (Child("categories", 0, 1), Child("blocklists", 0, 1)),
    frozenset({"inbound", "outbound"}),
    ordered=False,
)


class SemanticLookup:
    """The answer to a question that means the same.

    https://learn.microsoft.com/azure/api-management/llm-semantic-cache-lookup-policy
    """

    def __init__(self, source: Source, element: Element) -> None:
        self._threshold = source.attribute(element, "score-threshold")
        self._backend = source.attribute(element, "embeddings-backend-id")
        self._system = not source.flag(element, "ignore-system-messages")
        most = source.literal(element, "max-message-count")
        self._most = int(most) if most is not None else None
        self._vary = [source.content(child) for child in element.children]

    async def run(self, call: Call) -> None:
        request = asked(await request_body(call))
        if self._most is not None and len(request.get("messages") or []) > self._most:
            return
        text = prompt_of(request, system=self._system)
        if not text:
            return
        said = await ask(call, self._backend.text(call), "", {"input": text})
        try:
            vector = [float(number) for number in said["data"][0]["embedding"]]
        except (KeyError, IndexError, TypeError, ValueError):
            raise Failure("SemanticCacheLookupFailure", "the embeddings cannot be read", 502) from None
        group = json.dumps([request.get("model"), *(one.text(call) for one in self._vary)])
        question = Asked(group, vector)
        kept = call.services.semantic.nearest(question, self._threshold.number(call))
        if kept is not None:
            raise Returned(kept)
        call.asked = question


_SEMANTIC_LOOKUP = Model(
    {
        "score-threshold": NEEDED_LITERAL,
        "embeddings-backend-id": NEEDED,
        # The documentation has system-assigned, the schema header as well; whether Azure takes others is not known.
        "embeddings-backend-auth": LITERAL,
        "ignore-system-messages": LITERAL,
        "max-message-count": LITERAL,
        "cache-id": LITERAL,
    },
    (Child("vary-by"),),
    INBOUND,
    ordered=False,
)


class SemanticStore:
    """Keeps the answer to the question that the lookup had none to.

    https://learn.microsoft.com/azure/api-management/llm-semantic-cache-store-policy
    """

    def __init__(self, duration: Compiled) -> None:
        self._duration = duration

    async def run(self, call: Call) -> None:
        if call.asked is None or call.response.status_code != 200:
            return
        content = await response_body(call)
        response = call.response
        kept = Response(response.status_code, response.status_reason, response.headers.copy(), Body(content))
        call.services.semantic.store(call.asked, kept, self._duration.number(call))


def _semantic_store(source: Source, element: Element) -> Policy:
    return SemanticStore(source.attribute(element, "duration"))


_SEMANTIC_STORE = Model({"duration": NEEDED_NUMBER}, sections=frozenset({"outbound"}))


ELEMENTS: Sequence[Declared] = (
    *(
        PolicyElement(f"{maker}-{name}", model, build)
        for maker in ("llm", "azure-openai")
        for name, model, build in (
            ("token-limit", _TOKEN_LIMIT, TokenLimit),
            ("emit-token-metric", _TOKEN_METRIC, TokenMetric),
            ("semantic-cache-lookup", _SEMANTIC_LOOKUP, SemanticLookup),
            ("semantic-cache-store", _SEMANTIC_STORE, _semantic_store),
        )
    ),
    PolicyElement("llm-content-safety", _CONTENT_SAFETY, ContentSafety),
    Part(
        "categories",
        Model(
            {"output-type": Attribute(one_of=("FourSeverityLevels", "EightSeverityLevels"))}, (Child("category", 1),)
        ),
    ),
    Part(
        "category",
        Model(
            {
                "name": Attribute(required=True, one_of=("Hate", "SelfHarm", "Sexual", "Violence")),
                "threshold": NEEDED_NUMBER,
            }
        ),
    ),
    Part("blocklists", Model({}, (Child("id", 1),))),
    Part("id", Model(text=True)),
    Part("vary-by", Model(text=True)),
)
