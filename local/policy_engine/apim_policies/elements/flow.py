"""Control flow: choose, retry, wait, limit-concurrency, return-response, mock-response, include-fragment."""

import asyncio
from asyncio import sleep
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from apim_policies.documents.document import Element
from apim_policies.elements.model import (
    BOOL,
    CONDITION,
    LITERAL,
    LITERAL_NUMBER,
    NEEDED,
    NEEDED_LITERAL,
    NEEDED_LITERAL_NUMBER,
    NEEDED_NUMBER,
    NUMBER,
    POLICIES,
    Attribute,
    Building,
    Child,
    Declared,
    HoldingElement,
    Model,
    Part,
    PolicyElement,
)
from apim_policies.expressions.context import Headers, Response
from apim_policies.pipeline.call import Call, Failure, Returned
from apim_policies.pipeline.sections import Base, Placed, Policy, run_policies
from apim_policies.pipeline.values import Compiled, Source


def _base(building: Building, element: Element) -> Policy:
    del element
    return Base(building.section, building.outer)


BASE = HoldingElement("base", Model(), _base)


class Choose:
    def __init__(self, branches: Sequence[tuple[Compiled, list[Placed]]], otherwise: list[Placed]) -> None:
        self._branches, self._otherwise = branches, otherwise

    @property
    def branches(self) -> list[list[Placed]]:
        """The policies of each branch, those of `otherwise` last."""
        return [*(policies for _, policies in self._branches), self._otherwise]

    def run(self, call: Call) -> Awaitable[None] | None:
        for condition, policies in self._branches:
            if condition.boolean(call):
                return run_policies(call, policies) if policies else None
        return run_policies(call, self._otherwise) if self._otherwise else None


def _choose(building: Building, element: Element) -> Policy:
    branches: list[tuple[Compiled, list[Placed]]] = []
    otherwise: list[Placed] = []
    for branch in element.children:
        policies = building.branch(branch, element)
        if branch.name == "when":
            branches.append((building.source.attribute(branch, "condition"), policies))
        else:
            otherwise = policies
    return Choose(branches, otherwise)


CHOOSE = HoldingElement("choose", Model({}, (Child("when", 1), Child("otherwise", 0, 1))), _choose)


@dataclass(frozen=True)
class Intervals:
    """How long to wait before each further attempt: always the same, linearly or exponentially longer."""

    interval: Compiled
    delta: Compiled | None
    longest: Compiled | None
    first_fast: Compiled

    def seconds(self, call: Call, attempt: int) -> float:
        """Before an attempt, the first of which is 1. The documentation of retry has the formulas."""
        if attempt == 1 and self.first_fast.boolean(call):
            return 0
        interval = self.interval.number(call)
        if self.delta is None:
            return interval
        delta = self.delta.number(call)
        if self.longest is None:
            return interval + (attempt - 1) * delta
        # Without the chance that spreads callers in Azure: what runs here is to be told in advance.
        return min(interval + (2 ** (attempt - 1) - 1) * delta, self.longest.number(call))


class Retry:
    """Runs its policies, then again while the condition holds, at most `count` more times.

    https://learn.microsoft.com/azure/api-management/retry-policy
    """

    def __init__(self, condition: Compiled, count: Compiled, intervals: Intervals, policies: list[Placed]) -> None:
        self._condition, self._count = condition, count
        self._intervals, self.policies = intervals, policies

    async def run(self, call: Call) -> None:
        await run_policies(call, self.policies)
        for attempt in range(1, int(self._count.number(call)) + 1):
            if not self._condition.boolean(call):
                return
            await sleep(self._intervals.seconds(call, attempt))
            await run_policies(call, self.policies)


def _retry(building: Building, element: Element) -> Policy:
    if "max-interval" in element.attributes and "delta" not in element.attributes:
        # The documentation says what all three, or interval with or without delta, mean.
        raise building.source.not_modelled(element, "max-interval but no delta")
    return Retry(
        building.source.attribute(element, "condition"),
        building.source.attribute(element, "count"),
        Intervals(
            building.source.attribute(element, "interval"),
            building.source.optional(element, "delta"),
            building.source.optional(element, "max-interval"),
            building.source.attribute(element, "first-fast-retry", "false"),
        ),
        building.policies(element.children),
    )


RETRY = HoldingElement(
    "retry",
    Model(
        {
            "condition": CONDITION,
            "count": NEEDED_NUMBER,
            "interval": NEEDED_NUMBER,
            "max-interval": NUMBER,
            "delta": NUMBER,
            "first-fast-retry": BOOL,
        },
        (Child(POLICIES),),
    ),
    _retry,
)


class Wait:
    """Runs its policies side by side, until all or any of them are done."""

    def __init__(self, policies: list[Placed], *, all: bool) -> None:
        self.policies, self._all = policies, all

    async def run(self, call: Call) -> None:
        tasks = [asyncio.create_task(run_policies(call, [policy])) for policy in self.policies]
        try:
            when = asyncio.FIRST_EXCEPTION if self._all else asyncio.FIRST_COMPLETED
            done, _ = await asyncio.wait(tasks, return_when=when)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _wait(building: Building, element: Element) -> Policy:
    return Wait(building.policies(element.children), all=building.source.literal(element, "for") == "all")


WAIT = HoldingElement(
    "wait",
    Model(
        {"for": Attribute("not modelled", required=True, one_of=("all", "any"))},
        tuple(
            Child(name)
            for name in (
                "choose",
                "forward-request",
                "send-request",
                "cache-lookup-value",
                "cache-store-value",
                "authentication-managed-identity",
            )
        ),
        frozenset({"inbound", "backend", "outbound"}),
        ordered=False,
        beyond=frozenset({"authentication-token"}),
    ),
    _wait,
)


class LimitConcurrency:
    """No more than so many requests with a key run its policies at once.

    https://learn.microsoft.com/azure/api-management/limit-concurrency-policy
    """

    def __init__(self, key: Compiled, most: int, policies: list[Placed]) -> None:
        self._key, self._most, self.policies = key, most, policies

    async def run(self, call: Call) -> None:
        running, key = call.services.running, self._key.text(call)
        if running[key] >= self._most:
            # The documentation names the status, not the reason.
            raise Failure("ConcurrencyLimitExceeded", "Too many requests at once.", 429)
        running[key] += 1
        try:
            await run_policies(call, self.policies)
        finally:
            running[key] -= 1
            if not running[key]:
                del running[key]


def _limit_concurrency(building: Building, element: Element) -> Policy:
    most = int(building.source.literal(element, "max-count") or "")
    return LimitConcurrency(building.source.attribute(element, "key"), most, building.policies(element.children))


LIMIT_CONCURRENCY = HoldingElement(
    "limit-concurrency",
    Model({"key": NEEDED, "max-count": NEEDED_LITERAL_NUMBER}, (Child(POLICIES),)),
    _limit_concurrency,
)


class MockResponse:
    """Ends the pipeline with a status and no content: examples of operations are not modelled."""

    def __init__(self, status: int, content_type: str) -> None:
        self._status, self._content_type = status, content_type

    def run(self, call: Call) -> None:
        del call
        raise Returned(Response(self._status, "", Headers([("Content-Type", self._content_type)])))


def _mock_response(source: Source, element: Element) -> Policy:
    return MockResponse(
        int(source.literal(element, "status-code") or "200"),
        source.literal(element, "content-type") or "application/json",
    )


MOCK_RESPONSE = PolicyElement(
    "mock-response",
    Model(
        {"status-code": LITERAL_NUMBER, "content-type": LITERAL},
        sections=frozenset({"inbound", "outbound", "on-error"}),
        beyond=frozenset({"index", "enabled"}),
    ),
    _mock_response,
)


class Fragment:
    """`include-fragment`: the fragment's policies, as if they stood here."""

    def __init__(self, build: Callable[[], list[Placed]]) -> None:
        self._build = build

    @cached_property
    def policies(self) -> list[Placed]:
        return self._build()

    def run(self, call: Call) -> Awaitable[None]:
        return run_policies(call, self.policies)


def _fragment(building: Building, element: Element) -> Policy:
    return Fragment(building.fragment(element))


INCLUDE_FRAGMENT = HoldingElement("include-fragment", Model({"fragment-id": NEEDED_LITERAL}), _fragment)


class ReturnResponse:
    """Ends the pipeline with a response of its own; what was set on another before is gone."""

    def __init__(self, variable: str | None, policies: Sequence[Policy]) -> None:
        self._variable, self._policies = variable, policies

    async def run(self, call: Call) -> None:
        response = Response(200, "OK", Headers())
        if self._variable is not None:
            held = call.context.variables.get(self._variable)
            if isinstance(held, Response):
                response = Response(held.status_code, held.status_reason, held.headers.copy(), held.body)
        outer = call.context.response
        call.context.response = response
        section, call.section = call.section, "outbound"
        try:
            for policy in self._policies:
                waiting = policy.run(call)
                if waiting is not None:
                    await waiting
        finally:
            call.context.response, call.section = outer, section
        raise Returned(response)


def _return_response(building: Building, element: Element) -> Policy:
    return ReturnResponse(
        building.source.literal(element, "response-variable-name"),
        [placed.policy for placed in building.policies(element.children)],
    )


RETURN_RESPONSE = HoldingElement(
    "return-response",
    Model(
        {"response-variable-name": LITERAL}, (Child("set-status", 0, 1), Child("set-header"), Child("set-body", 0, 1))
    ),
    _return_response,
)


def inside(policy: Policy) -> Sequence[list[Placed]]:
    """The lists of policies that a policy holds."""
    match policy:
        case Choose():
            return policy.branches
        case Retry() | Wait() | LimitConcurrency() | Fragment():
            return [policy.policies]
        case _:
            return []


ELEMENTS: Sequence[Declared] = (
    BASE,
    CHOOSE,
    RETRY,
    WAIT,
    LIMIT_CONCURRENCY,
    MOCK_RESPONSE,
    INCLUDE_FRAGMENT,
    RETURN_RESPONSE,
    Part("when", Model({"condition": CONDITION}, (Child(POLICIES),))),
    Part("otherwise", Model({}, (Child(POLICIES),))),
)
