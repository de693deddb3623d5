"""Policy expressions: how long they take to compile, and to evaluate against the same thing written in Python."""

import time
from collections.abc import Callable, Iterator
from itertools import count
from statistics import median
from typing import Any

from apim_policies.expressions import Profile, compile_expression
from apim_policies.expressions.context import Api, Context, Headers, Operation, Request, Url
from benchmark.table import Row

ROUNDS, TIMES = 7, 2000

# (what, C#, the same in Python)
CASES: list[tuple[str, str, Callable[[Context], Any]]] = [
    (
        "a header",
        '@(context.Request.Headers.GetValueOrDefault("Authorization", "").StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))',
        lambda context: context.request.headers.get_all("Authorization")[0].lower().startswith("bearer "),
    ),
    (
        "text",
        '@(context.Request.Url.Path.Trim(\'/\').Split(\'/\').Length > 2 ? "deep" : context.Request.Method.ToLowerInvariant())',
        lambda context: "deep" if len(context.request.url.path.strip("/").split("/")) > 2 else context.request.method.lower(),
    ),
    (
        "a loop",
        "@{ var total = 0; for (var i = 0; i < 100; i++) { total += i % 7; } return total; }",
        lambda _: sum(i % 7 for i in range(100)),
    ),
]  # fmt: skip


def rows() -> Iterator[Row]:
    context = _sample()
    profile = Profile()
    for what, text, python in CASES:
        # A comment makes another text of it each time, so that it does not come from the cache of what has been compiled.
        numbers = count()
        compiling = _time(
            lambda text=text, numbers=numbers: compile_expression(f"{text[:-1]}/*{next(numbers)}*/{text[-1]}"), 50
        )
        expression = compile_expression(text)
        ours = _time(lambda expression=expression: expression.evaluate(context, profile), TIMES)
        peer = _time(lambda python=python: python(context), TIMES)
        yield Row(f"expression, {what}: compile", f"{compiling * 1e6:.0f} µs", "", "")
        yield Row(f"expression, {what}: evaluate", f"{ours * 1e6:.1f} µs", f"{ours / peer:.1f} x Python", "")


def _time(run: Callable[[], Any], times: int) -> float:
    """Seconds for one run: the middle one of several rounds."""
    rounds: list[float] = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(times):
            run()
        rounds.append((time.perf_counter() - started) / times)
    return median(rounds)


def _sample() -> Context:
    headers = Headers([("Authorization", "Bearer abc"), ("Accept", "application/json")])
    url = Url("https", "gateway.example", 443, "/mcp/message", "?a=1")
    return Context(Request("POST", url, url, headers), Api("mcp"), Operation("mcp-post"))
