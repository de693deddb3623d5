"""Records what .NET answers to every expression of our own policies, in several contexts.

    PYTHONPATH=tests python -m fuzz.policies

writes tests/policy_engine/expressions/policy-cases.jsonl, to which test_recorded.py holds the local cloud. Asks the oracle (see
`fuzz.oracle`).
"""

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "policy_engine" / "expressions")]

import test_policies  # noqa: E402

from fuzz.comparison import kept  # noqa: E402
from fuzz.lines import written  # noqa: E402
from fuzz.oracle import OracleError, answers  # noqa: E402

TARGET = TESTS / "policy_engine" / "expressions" / "policy-cases.jsonl"
_VARIABLE = re.compile(
    r'\((\w+(?:\[\])?)\)\(?context\.Variables\["([\w-]+)"\]|GetValueOrDefault<(\w+(?:\[\])?)>\("([\w-]+)"'
)
_MEMBER = re.compile(r'\["(\w+)"\]|ContainsKey\("(\w+)"\)|Value<\w+\??>\("(\w+)"\)')


def expressions() -> dict[str, str]:
    """Each expression of all configurations once, with the document it was first found in."""
    found: dict[str, str] = {}
    for settings in test_policies.SETTINGS.values():
        for path, document in sorted(test_policies.documents(settings).items()):
            for text in test_policies.expressions(document):
                found.setdefault(text, path)
    return found


def _number(name: str, salt: int) -> int:
    """A number that a name always has."""
    return int.from_bytes(hashlib.sha256(f"{salt} {name}".encode()).digest()[:4], "big")


_TEXTS = (
    "abc", "", "https://app.example.com/cb?x=1", "invalid_client", "client_id", "mcp:tools", "a b c", "GET", "é <&> \"q\"",
    "http://127.0.0.1:3000/callback", "authorization_code", "refresh_token", "S256", "0123456789abcdef0123456789abcdef",
    "https://client.example/metadata.json", "claude.ai", "invalid_target", "allow", "deny", "2025-06-18",
)  # fmt: skip
_NUMBERS = (200, 0, 404, 409, 412, 429, 500, 503, 1, -1)


def _member(name: str, salt: int) -> Any:
    """What a JSON object holds under a name."""
    pick = _number(name, salt)
    match pick % 8:
        case 0:
            return [_TEXTS[pick // 8 % len(_TEXTS)], _TEXTS[2]]
        case 1:
            return _NUMBERS[pick // 8 % len(_NUMBERS)]
        case 2:
            return None
        case 3:
            return pick % 2 == 0
        case _:
            return _TEXTS[pick // 8 % len(_TEXTS)]


def _json(names: list[str], salt: int) -> str:
    return json.dumps({name: _member(name, salt) for name in names if _number(name, salt + 100) % 4})


def _response(names: list[str], salt: int) -> dict[str, Any]:
    status = _NUMBERS[salt % len(_NUMBERS)]
    return {
        "statusCode": status, "statusReason": "Reason", "headers": {"ETag": ['"1"'], "Retry-After": ["7"]}, "body": _json(names, salt),
    }  # fmt: skip


def _variable(name: str, type_: str, names: list[str], salt: int) -> dict[str, Any]:
    pick = _number(name, salt)
    values: dict[str, Any] = {
        "string": _TEXTS[pick % len(_TEXTS)],
        "int": _NUMBERS[pick % len(_NUMBERS)],
        "long": 1_700_000_000 + pick % 1000,
        "bool": pick % 2 == 0,
        "JObject": _json(names, salt),
        "IResponse": _response(names, salt),
    }
    return {"type": type_, "value": values[type_]} if type_ in values else {"type": "null", "value": None}


def contexts(texts: list[str]) -> list[dict[str, Any]]:
    """What differs from the sample request: variables of all names that the policies use, by their types."""
    types: dict[str, str] = {}
    names: set[str] = set()
    for text in texts:
        for match in _VARIABLE.finditer(text):
            types.setdefault(match[2] or match[4], match[1] or match[3])
        names.update(name for match in _MEMBER.finditer(text) for name in match.groups() if name)
    members = [*sorted(names - types.keys()), "state", "code", "error"]
    found: list[dict[str, Any]] = [{}]
    for salt in range(1, 5):
        body = (
            "grant_type=authorization_code&code=abc%2Fdef&client_id=c1&client_id=c2&state=s",
            _json(members, salt),
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_snippet"}}',
            None,
        )[salt - 1]
        found.append(
            {
                "request": {
                    "method": ("GET", "POST", "DELETE", "OPTIONS")[salt - 1],
                    "ipAddress": ("2001:DB8:1:0002::7", "::ffff:203.0.113.7", "fe80::7%3", "203.0.113.7:443")[salt - 1],
                    "body": body,
                    "originalUrl": f"https://gateway.example/authorize?state=s{salt}&code=c&error=access_denied&client_id=a%20b",
                    "headers": {
                        "Accept": ["application/json, text/event-stream"], "MCP-Protocol-Version": [_TEXTS[-salt]],
                        "Cookie": [f"theme=dark; __Host-consent-{salt}=YWJjOjEyMw; flag"], "Origin": ["https://app.example.com"],
                    },
                },
                "lastError": {"source": "rate-limit-by-key", "reason": "RateLimitExceeded", "message": "Rate limit is exceeded."}
                if salt % 2
                else {"source": "validate-jwt", "reason": "TokenExpired", "message": "JWT token expired."},
                "variables": {name: _variable(name, type_, members, salt) for name, type_ in sorted(types.items())},
            }
        )  # fmt: skip
    found.append({"variables": {name: {"type": "null", "value": None} for name in sorted(types)}})
    return found


_VARYING = re.compile(r"UtcNow|NewGuid|RNGCryptoServiceProvider")


def main() -> None:
    """Ask the oracle and write the file; contexts are written once, by number."""
    texts = expressions()
    given = contexts(list(texts))
    cases = [
        {"id": f"policy-{number:03}-{at}", "text": text, "ctx": context, "context": at, "document": document}
        for number, (text, document) in enumerate(texts.items())
        for at, context in enumerate(given)
    ]
    try:
        real = answers(cases)
    except OracleError as error:
        sys.exit(str(error))
    with TARGET.open("w", encoding="utf-8", newline="\n") as file:
        file.write(written({"contexts": given}))
        previous = ""
        for case in cases:
            line: dict[str, Any] = {"id": case["id"], "context": case["context"], "expect": kept(real[case["id"]])}
            if case["text"] != previous:
                line |= {"document": case["document"], "text": case["text"]}
            varies = sorted(set(_VARYING.findall(case["text"])))
            if varies:
                line["varies"] = varies
            previous = case["text"]
            file.write(written(line))
    print(f"{len(texts)} expressions, {len(cases)} answers: {TARGET}")


if __name__ == "__main__":
    main()
