"""What one request did, policy by policy: names and times, and what may be shown of values while somebody looks."""

import re
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from apim_policies.expressions.context import Headers, Request, Response
from apim_policies.network.messages import Outgoing
from apim_policies.pipeline.disclosure import Disclosure, Shown
from apim_policies.pipeline.refusals import Refusal, leads_to

TRACES = 500
"""How many requests are remembered."""
STEPS = 1000
"""How many policies of one request are."""
_PER_STEP = 100
"""How many values of one policy are."""
_LINES, _LINE = 200, 2000
"""How much of what code prints is kept of one request: lines, and characters of one."""
_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_AWAITED = 20
"""How many refusals are remembered that a browser has yet to bring back."""
_LINGER = 60.0
"""Seconds that values are still recorded after the last one who looked has gone: a page may be loaded again."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from: an attribute or a child of a policy's element."""

    name: str
    given: str
    """The expression or literal. Never shown as it is."""
    disclosure: Disclosure
    expression: bool
    line: int

    @property
    def text(self) -> str:
        """The expression or literal, with secrets named by their named values."""
        return self.disclosure.source(self.given)


@dataclass(slots=True)
class Evaluation:
    """A value that a policy used."""

    origin: Origin
    value: Shown | None = None
    """None: it is a literal, or the expression threw."""
    error: str = ""
    """The .NET type of the exception."""


@dataclass(frozen=True, slots=True)
class Change:
    """A variable that a policy set."""

    name: str
    before: Shown | None
    """None: it was not set before."""
    after: Shown


@dataclass(frozen=True, slots=True)
class Place:
    """Where a policy stands."""

    element: str
    document: str = ""
    line: int = 0
    path: tuple[str, ...] = ()
    """The policies around it, outermost first, such as `choose[3]` and `when[2]`."""
    label: str = ""
    """What tells it from others of its kind, such as the name of a variable."""


class Step:
    """One policy that ran, in the order in which they began."""

    # There are fifty for each request, of hundreds of requests: what most of them never have is the class's.
    ended = 0.0
    """With the policies in it. Both times on the clock of `time.perf_counter`, in seconds: most traces are never looked at."""
    failed = True
    """Until it has run."""
    error = ""
    """Why, if it failed by itself."""
    evaluations: Sequence[Evaluation] = ()
    changes: Sequence[Change] = ()
    outer: Token["Step | None"] | None = None
    """What makes the policy around it the one that runs again."""

    def __init__(self, section: str, scope: str, place: Place) -> None:
        self.section, self.scope, self.place = section, scope, place
        self.began = time.perf_counter()

    @property
    def variables(self) -> dict[str, Shown]:
        """What it set."""
        return {change.name: change.after for change in self.changes}


_CURRENT: ContextVar[Step | None] = ContextVar("step", default=None)
"""The policy that runs; of its own in each of the tasks of `wait`."""


class RequestTrace:
    """What is known of one request.

    Args:
        request_id: As `context.RequestId` gives it.
        request: As it came.
        disclosure: What may be shown of values.
        detailed: Whether values are recorded at all: that takes time.
    """

    def __init__(self, request_id: str, request: Request, disclosure: Disclosure, *, detailed: bool) -> None:
        self.request_id, self.detailed = request_id, detailed
        self._disclosure = disclosure
        self.began = time.time()
        """Seconds since 1970."""
        self._start = time.perf_counter()
        self.method = disclosure.name(request.method)
        self.path = disclosure.path(request.original_url.path)
        self.api = self.operation = ""
        self.status = 0
        """0: there is no answer yet, or the client has left."""
        self.milliseconds = 0.0
        self.done = False
        self.query: list[tuple[str, str]] = []
        self.request_headers: list[tuple[str, str]] = []
        self.response_headers: list[tuple[str, str]] = []
        if detailed:
            self.query = disclosure.query(request.original_url.query_string)
            self.request_headers = disclosure.headers(request.headers)
        self.steps: list[Step] = []
        self.messages: list[dict[str, str]] = []
        """One for each `trace` policy that ran: source, severity, message and its metadata, as the policy wants them."""
        self.metrics: list[dict[str, Any]] = []
        """One for each `emit-metric` policy that ran: name, namespace, value and dimensions."""
        self.calls: list[dict[str, object]] = []
        """One for each request of the gateway's own: number of the step, method, host, status (0: no answer),
        milliseconds; if it is detailed, address and headers."""
        self.variables: dict[str, Shown] = {}
        """The variables so far, if it is detailed."""
        self.refusals: list[dict[str, str]] = []
        """What services refused while it ran, or because of where it sent the browser: see `Refusal`, with the `place` of the policy."""
        self.said: list[dict[str, str]] = []
        """What the code behind the gateway printed or logged while it ran: source and line, as it is."""
        self.address = str(request.original_url)
        """Where it came. Never shown."""
        self.location = ""
        """Where its answer sends the browser. Never shown."""

    def begin(self, section: str, scope: str, place: Place) -> Step:
        """A policy begins. What is noted until `end` is the policy's own."""
        step = Step(section, scope, place)
        if len(self.steps) < STEPS:
            self.steps.append(step)
        if self.detailed:
            step.outer = _CURRENT.set(step)
        return step

    def end(self, step: Step) -> None:
        """A policy ends."""
        step.ended = time.perf_counter()
        if step.outer is not None:
            _CURRENT.reset(step.outer)

    def failed(self, step: Step, reason: str, message: str = "") -> None:
        """A policy fails by itself, not because of one in it."""
        step.error = f"{reason}: {self._disclosure.message(message)}" if message and self.detailed else reason

    def answered(self, response: Response) -> None:
        """The answer is known."""
        self.status = response.status_code
        self.location = response.headers.get("Location") or ""
        self.milliseconds = self._elapsed()
        if self.detailed:
            self.response_headers = self._disclosure.headers(response.headers)

    def finish(self) -> None:
        """The answer has been sent, or the client has left."""
        self.milliseconds, self.done = self._elapsed(), True

    def evaluated(self, origin: Origin, value: object) -> None:
        """An expression has a value."""
        self._note(Evaluation(origin, self._disclosure.value(value)))

    def used(self, origin: Origin) -> None:
        """A literal was used."""
        self._note(Evaluation(origin))

    def threw(self, origin: Origin, type: str) -> None:
        """An expression has no value, but an exception."""
        self._note(Evaluation(origin, error=type))

    def called(self, request: Outgoing) -> dict[str, object]:
        """The gateway calls somebody. What comes of it is to be put into what this returns."""
        note: dict[str, object] = {
            "step": len(self.steps) - 1,
            "method": self._disclosure.name(request.method),
            "host": request.url.host,
            "status": 0,
            "milliseconds": 0.0,
        }
        if self.detailed:
            note["url"] = self._disclosure.url(str(request.url))
            note["headers"] = self._disclosure.headers(Headers(httpx.Headers(request.headers).multi_items()))
            step = _CURRENT.get()
            note["step"] = next((number for number, other in enumerate(self.steps) if other is step), -1)
        if len(self.calls) < _PER_STEP:
            self.calls.append(note)
        return note

    def set(self, name: str, value: object) -> None:
        """A variable has a value."""
        if not self.detailed:
            return
        after = self._disclosure.named(name, value)
        step = _CURRENT.get()
        if step is not None and len(step.changes) < _PER_STEP:
            step.changes = [*step.changes, Change(name, self.variables.get(name), after)]
        self.variables[name] = after

    @property
    def running(self) -> Place | None:
        """Where the innermost policy stands that runs now."""
        return next((step.place for step in reversed(self.steps) if not step.ended), None)

    def events(self, source: str) -> list[dict[str, str]]:
        """The metadata of every `trace` policy with a source."""
        return [message for message in self.messages if message["source"] == source]

    def summary(self) -> dict[str, object]:
        """JSON-ready: what a list of requests shows."""
        return {
            "requestId": self.request_id,
            "began": self.began,
            "method": self.method,
            "path": self.path,
            "api": self.api,
            "operation": self.operation,
            "status": self.status,
            "milliseconds": self.milliseconds,
            "done": self.done,
            "detailed": self.detailed,
            "policies": len(self.steps),
            "calls": len(self.calls),
            "failed": any(step.failed for step in self.steps),
            "refused": self.refusals[0]["code"] if self.refusals else "",
        }

    def as_dict(self) -> dict[str, object]:
        """JSON-ready: everything."""
        return self.summary() | {
            "query": self.query,
            "requestHeaders": self.request_headers,
            "responseHeaders": self.response_headers,
            "steps": [self._step(step) for step in self.steps],
            "messages": [self._readable(message) for message in self.messages],
            "metrics": [metric | {"dimensions": self._readable(metric["dimensions"])} for metric in self.metrics],
            "calls": self.calls,
            "refusals": self.refusals,
            "said": self.said,
            "variables": {name: shown._asdict() for name, shown in self.variables.items()},
        }

    def _step(self, step: Step) -> dict[str, object]:
        return {
            "section": step.section,
            "scope": step.scope,
            **asdict(step.place),
            "start": _milliseconds(step.began - self._start),
            "milliseconds": _milliseconds(max(0.0, step.ended - step.began)),
            "failed": step.failed,
            "error": step.error,
            "evaluations": [_evaluation(evaluation) for evaluation in step.evaluations],
            "changes": [_change(change) for change in step.changes],
        }

    def _readable(self, said: Mapping[str, str]) -> dict[str, str]:
        return {name: self._disclosure.message(text) for name, text in said.items()}

    def _elapsed(self) -> float:
        """Milliseconds since it began."""
        return _milliseconds(time.perf_counter() - self._start)

    def _note(self, evaluation: Evaluation) -> None:
        step = _CURRENT.get()
        if step is not None and len(step.evaluations) < _PER_STEP:
            step.evaluations = [*step.evaluations, evaluation]


class Variables(dict[str, object]):
    """The variables of a request, whose trace is told what they are set to."""

    def __init__(self, trace: RequestTrace) -> None:
        super().__init__()
        self._trace = trace

    def __setitem__(self, name: str, value: object) -> None:
        super().__setitem__(name, value)
        self._trace.set(name, value)


Watcher = Callable[[RequestTrace], None]

_REQUEST: ContextVar[RequestTrace | None] = ContextVar("request", default=None)
"""The request that is answered; the tasks of services in this process that it calls have it, too."""


class Journal:
    """The last requests of a gateway.

    Args:
        always: Whether values are recorded even while nobody watches.
    """

    def __init__(self, *, always: bool = False) -> None:
        self.traces: deque[RequestTrace] = deque(maxlen=TRACES)
        self._always, self._left = always, float("-inf")
        self._watchers: list[Watcher] = []
        self._awaited: deque[tuple[str, dict[str, str]]] = deque(maxlen=_AWAITED)
        self.tellers: list[Callable[[str], None]] = []
        """Are told of each refusal, in one line."""
        self.locate: Callable[[str, int], str] = lambda document, line: f"{document}:{line}"
        """What a line of a policy document is called: its template, where that is known."""
        self.secrets: set[str] = set()
        """Never part of what is told of a refusal."""

    @property
    def detailed(self) -> bool:
        """Whether the values of requests that begin now are recorded."""
        return self._always or bool(self._watchers) or time.monotonic() < self._left + _LINGER

    @property
    def watchers(self) -> int:
        """How many watch."""
        return len(self._watchers)

    def begin(self, trace: RequestTrace) -> None:
        """A request has come."""
        self.traces.append(trace)
        _REQUEST.set(trace)
        for awaited in [one for one in self._awaited if one[0] == trace.address]:
            self._awaited.remove(awaited)
            trace.refusals.append(awaited[1])
        self.tell(trace)

    def refused(self, refusal: Refusal) -> None:
        """A service has refused something: the request that it did so for, if that is known, says so from now on."""
        request = self._concerned(refusal)
        place = request.running if request is not None and not request.done else None
        shown = refusal.shown(self.secrets)
        shown["place"] = self.locate(place.document, place.line) if place and place.document else ""
        line = f"{shown['service']} refused, {shown['code']}: {shown['why']}"
        if request is not None:
            request.refusals.append(shown)
            at = f" at {shown['place']}" if shown["place"] else ""
            line += f" ({request.method} {request.path}{at})"
        if refusal.answered:
            self._awaited.append((refusal.answered, shown))
        for teller in self.tellers:
            teller(line)
        if request is not None:
            self.tell(request)

    def said(self, source: str, line: str) -> str:
        """Code behind a gateway has printed or logged a line. Says the id of the request that it runs for, empty if for none.

        Called in the context of that request. The line is shown as it is, but for control characters and what is known to be secret.
        """
        request = _REQUEST.get()
        if request is None:
            return ""
        if len(request.said) < _LINES:
            for secret in self.secrets:
                line = line.replace(secret, "[secret]")
            request.said.append({"source": source, "line": _UNSHOWN.sub(" ", line)[:_LINE]})
            self.tell(request)
        return request.request_id

    def _concerned(self, refusal: Refusal) -> RequestTrace | None:
        """The request that a service was called for, or whose answer sent the browser to the service.

        What runs in another process does not say which request it works for: it is the one that runs, if there is one only.
        """
        if refusal.asked:
            return next((trace for trace in reversed(self.traces) if leads_to(trace.location, refusal.asked)), None)
        if (request := _REQUEST.get()) is not None:
            return request
        running = [trace for trace in self.traces if not trace.done]
        return running[0] if len(running) == 1 else None

    def tell(self, trace: RequestTrace) -> None:
        """More is known of a request."""
        for watcher in self._watchers:
            watcher(trace)

    @contextmanager
    def watched(self, watcher: Watcher) -> Generator[None]:
        """Tells `watcher` of every request that begins, is answered or ends."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)
            self._left = time.monotonic()


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _evaluation(evaluation: Evaluation) -> Mapping[str, object]:
    origin = evaluation.origin
    return {
        "name": origin.name,
        "text": origin.text,
        "expression": origin.expression,
        "line": origin.line,
        "value": evaluation.value and evaluation.value._asdict(),
        "error": evaluation.error,
    }


def _change(change: Change) -> Mapping[str, object]:
    return {
        "name": change.name,
        "before": change.before and change.before._asdict(),
        "after": change.after._asdict(),
    }
