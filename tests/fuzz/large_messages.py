"""How long the gateway's check of a message takes for 2 MiB of each shape: by the policy engine here, and by .NET.

    PYTHONPATH=tests python -m fuzz.large_messages

prints the table of docs/performance.md. Both evaluate the expression of the mcp-message fragment; the processor time of the
best of three runs counts, so that what else the machine does does not.
Asks the oracle (see `fuzz.oracle`).
"""

import re
import sys
import time
from typing import Any

from actors.large_messages import PASS, REFUSED, tool_call
from actors.policy_options import PolicyOptions
from apim_policies.expressions import Expression, Profile, compile_expression, scan_expression
from apim_policies.expressions.context import Api, Body, Context, Operation, Request, Url
from fuzz.oracle import OracleError, answers
from secure_mcp.apis import documents

_RUNS = 3
_TIMED = """@{{
    var best = double.MaxValue;
    JObject last = null;
    for (var run = 0; run < {runs}; run++)
    {{
        var start = System.Diagnostics.Process.GetCurrentProcess().TotalProcessorTime;
        Func<JObject> read = () => {{ {body} }};
        last = read();
        best = Math.Min(best, (System.Diagnostics.Process.GetCurrentProcess().TotalProcessorTime - start).TotalMilliseconds);
    }}
    return (last == null ? "refused " : "passes ") + best.ToString("F0");
}}"""


def check() -> str:
    """The expression that reads a message."""
    fragment = documents.fragment("mcp-message", PolicyOptions())
    starts = [match.start() + 1 for match in re.finditer(r'"@\{', fragment)]
    found = [fragment[start : scan_expression(fragment, start)] for start in starts]
    (text,) = [text for text in found if "JObject.Parse" in text]
    return text


def here(expression: Expression, body: str) -> tuple[bool, float]:
    """Whether the policy engine lets a message pass, and after how many milliseconds."""
    url = Url("https", "gateway.example", 443, "/mcp")
    best, passes = float("inf"), False
    for _ in range(_RUNS):
        request = Request("POST", url, url, body=Body(body.encode()))
        context = Context(request, Api("mcp"), Operation("post"))
        start = time.process_time()
        passes = expression.evaluate(context, Profile()) is not None
        best = min(best, (time.process_time() - start) * 1000)
    return passes, best


def main() -> None:
    text = check()
    bodies = PASS | REFUSED
    timed = _TIMED.format(runs=_RUNS, body=text[2:-1])
    cases: list[dict[str, Any]] = [{"id": "warm", "text": timed, "ctx": {"request": {"body": tool_call("{}")}}}]
    cases += [{"id": shape, "text": timed, "ctx": {"request": {"body": body}}} for shape, body in bodies.items()]
    try:
        real = answers(cases)
    except OracleError as error:
        sys.exit(str(error))
    expression = compile_expression(text, document="mcp-message")
    here(expression, tool_call("{}"))
    print("| 2 MiB of | answer | policy engine | .NET Core 3.1 |\n|---|---|---|---|")
    for shape, body in bodies.items():
        passes, ours = here(expression, body)
        if "result" not in real[shape]:
            sys.exit(f"{shape}: .NET gives no answer: {real[shape]}")
        answer, _, theirs = str(real[shape]["result"]["value"]).partition(" ")
        if (answer == "passes") != passes:
            sys.exit(f"{shape}: the policy engine and .NET do not agree")
        print(f"| {shape} | {answer} | {ours:.0f} ms | {theirs} ms |")


if __name__ == "__main__":
    main()
