"""Held to real C#: expressions with what .NET answered. An expression gives the same answer or is refused, never another."""

import base64
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from secure_mcp_local.errors import NotModelled
from secure_mcp_local.expressions import CSharpException, ExpressionError, Profile, compile_expression, to_text
from secure_mcp_local.expressions import newtonsoft as tokens
from secure_mcp_local.expressions.context import Api, Body, Context, Headers, Operation, Request, Response, Url
from secure_mcp_local.expressions.conversions import iterate
from secure_mcp_local.expressions.moments import Moment
from secure_mcp_local.expressions.numbers import Long
from secure_mcp_local.expressions.sequences import Sequence
from secure_mcp_local.expressions.text import utf16

HERE = Path(__file__).parent
CASES = [
    json.loads(line)
    for name in ("csharp-cases.jsonl", "dotnet-cases.jsonl")
    for line in (HERE / name).read_text(encoding="utf-8").splitlines()
]
FIXTURE = json.loads((HERE / "fixture.json").read_text(encoding="utf-8"))

REFUSED = (HERE / "refused.txt").read_text(encoding="utf-8").split()
"""Ids of the cases that are not modelled. A case that begins to work must leave the list."""


def merged(base: Any, changes: Any) -> Any:
    if isinstance(base, dict) and isinstance(changes, dict):
        return base | {key: merged(base.get(key), value) for key, value in changes.items()}
    return changes


def url(text: str) -> Url:
    parts = urlsplit(text)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    query = f"?{parts.query}" if parts.query else ""
    return Url(parts.scheme, str(parts.hostname), port, parts.path, query)


def body(text: str | None) -> Body | None:
    return None if text is None else Body(text.encode())


def headers(values: dict[str, list[str]]) -> Headers:
    return Headers([(name, value) for name, listed in values.items() for value in listed])


def variable(entry: dict[str, Any]) -> object:
    value = entry["value"]
    match entry["type"]:
        case "long":
            return Long(value)
        case "string":
            return utf16(value)
        case "JObject" | "JArray":
            return tokens.parse(utf16(value))
        case "bytes":
            return bytearray(base64.b64decode(value))
        case "Guid":
            return uuid.UUID(value)
        case "DateTime":
            return Moment.of_unix(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp(), offset=False)
        case "IResponse":
            return Response(value["statusCode"], value["statusReason"], headers(value["headers"]), body(value["body"]))
        case _:
            return value


def context(given: dict[str, Any]) -> Context:
    request, response = given["request"], given["response"]
    return Context(
        request=Request(
            request["method"],
            url(request["url"]),
            url(request["originalUrl"]),
            headers(request["headers"]),
            body(request["body"]),
            request["ipAddress"],
            request["matchedParameters"],
        ),
        api=Api(given["api"]["id"], given["api"]["name"], given["api"]["path"]),
        operation=Operation(**{"url_template": given["operation"]["urlTemplate"]} | {k: v for k, v in given["operation"].items() if k != "urlTemplate"}),
        response=Response(response["statusCode"], response["statusReason"], headers(response["headers"]), body(response["body"])),
        variables={name: variable(entry) for name, entry in given["variables"].items()},
        request_id=uuid.UUID(given["requestId"]),
    )  # fmt: skip


def agrees(value: object, result: dict[str, Any]) -> bool:
    """Whether a value is what .NET gave, in the encoding of the cases."""
    if "items" in result:
        assert isinstance(value, list | Sequence | bytearray), value
        items = list(iterate(value))
        return len(items) == len(result["items"]) and all(
            agrees(item, wanted) for item, wanted in zip(items, result["items"], strict=True)
        )
    if "entries" in result:
        pytest.fail("a dictionary was not refused")
    if isinstance(value, tokens.JToken):
        return json.loads(value.write()) == json.loads(result["value"])
    if value is None:
        return result.get("value") is None
    if isinstance(value, bytearray):
        return base64.b64encode(value).decode() == result["value"]
    return to_text(value) == result["text"]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_as_csharp_or_refused(case: dict[str, Any]) -> None:
    expected = case["expect"]
    try:
        expression = compile_expression(case["text"])
        value = expression.evaluate(context(merged(FIXTURE, case["ctx"])), Profile())
    except CSharpException as error:
        outcome = "same" if error.type == expected.get("exception") else str(error)
    except ExpressionError as error:
        outcome = "same" if "compile_error" in expected and error.kind != "not modelled" else "refused"
        if error.kind == "not modelled" and "compile_error" in expected:
            outcome = "same"  # it would not get into Azure either
    except NotModelled:
        outcome = "refused"
    else:
        assert "result" in expected, f"gave {value!r} instead of {expected}"
        assert agrees(value, expected["result"]), f"gave {value!r} instead of {expected['result']}"
        outcome = "same"
    assert (outcome == "refused") == (case["id"] in REFUSED), outcome
