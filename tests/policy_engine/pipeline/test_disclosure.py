"""What traces show of values, and what they hide."""

import re
import uuid

import pytest

from apim_policies.clock import Clock
from apim_policies.expressions import Profile, compile_expression
from apim_policies.expressions.context import Api, Body, Context, Headers, Jwt, Operation, Request, Response, Url
from apim_policies.pipeline.disclosure import Disclosure, Vocabulary, hidden

KEY = "1.c2VjcmV0LWtleS1vZi10aGUtZ2F0ZXdheQ=="
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."
SESSION = "s_q9Jd7Hf0aK2mZ81xP5vQ"


@pytest.fixture
def disclosure() -> Disclosure:
    return Disclosure(
        {KEY: "EncryptionKey", "hunter2": "Password"},
        ["https://gateway.example/mcp", "https://backend.example/docs/", "active", "invalid_token", "state"],
        Vocabulary(names=["id", "name", "code"]),
    )


def plain(text: str) -> str:
    """The text without fingerprints, which are others each time."""
    return re.sub(" #[0-9a-f]{4}›", "›", text)


def value_of(expression: str) -> object:
    url = Url("https", "gateway.example", 443, "/mcp")
    context = Context(Request("GET", url, url), Api("api"), Operation("get"))
    return compile_expression(expression).evaluate(context, Profile(Clock()))


@pytest.mark.parametrize(
    ("value", "type", "shown"),
    [
        (None, "null", "null"),
        (True, "bool", "true"),
        (42, "int", "42"),
        (2**40, "long", str(2**40)),
        (0.5, "double", "0.5"),
        ("", "string", '""'),
        ("active", "string", '"active"'),
        ("GET", "string", '"GET"'),
        (" active", "string", "‹7 chars›"),
        (SESSION, "string", f"‹{len(SESSION)} chars›"),
        ("x", "string", "‹1 char›"),
        (b"\x01" * 32, "byte[]", "‹32 bytes›"),
        (uuid.UUID(int=7), "Guid", "‹36 chars›"),
        ("https://gateway.example/mcp", "string", '"https://gateway.example/mcp"'),
        ("https://backend.example/docs/abc?state=xyz", "string", '"https://backend.example/docs/‹3 chars›?state=‹3 chars›"'),
        ("https://u:p@evil.example:99/docs#f", "string", '"https://‹3 chars›@‹12 chars›:99/docs#‹1 char›"'),
        ("http://127.0.0.1:53682/callback", "string", '"http://127.0.0.1:53682/‹8 chars›"'),
        ("http://[::1]:80/mcp", "string", '"http://[::1]:80/mcp"'),
        ("http://[x", "string", '"‹9 chars›"'),
        (Response(200, "OK", Headers([("A", "b")]), Body(b"secret")), "IResponse", "200, 1 header, 6 bytes"),
        (Jwt("RS256", {"sub": ["alice"]}), "Jwt", "1 claim"),
    ],
)  # fmt: skip
def test_only_what_is_known_is_shown(disclosure: Disclosure, value: object, type: str, shown: str) -> None:
    found = disclosure.value(value)
    assert (found.type, plain(found.text)) == (type, shown)


def test_json_shows_its_shape_and_hides_what_is_not_known(disclosure: Disclosure) -> None:
    document = value_of(
        '@(new JObject { ["state"] = "active", ["id"] = 4711, ["name"] = "alice", ["gone"] = null, ["other"] = true,'
        ' ["access_token"] = "active", ["code"] = new JArray("GET", "x") })'
    )
    shown = disclosure.value(document)
    assert shown.type == "JObject"
    assert plain(shown.text) == (
        '{"state": "active", "id": ‹4 chars›, "name": ‹5 chars›, "‹4 chars›": null, "‹5 chars›": true,'
        ' "‹12 chars›": ‹…›, "code": ["GET", ‹1 char›]}'
    )


def test_a_large_document_is_cut(disclosure: Disclosure) -> None:
    shown = disclosure.value(value_of(f'@(JArray.Parse("[{"1," * 5000}1]"))'))
    assert shown.text.endswith("…]")
    assert len(shown.text) < 3000


def test_a_deep_document_is_cut(disclosure: Disclosure) -> None:
    shown = disclosure.value(value_of(f'@(JArray.Parse("{"[" * 20}{"]" * 20}"))'))
    assert "…" in shown.text


@pytest.mark.parametrize(
    "name", ["token", "accessToken", "access_token", "PASSWORD", "client-secret", "apiKey", "cookies"]
)
def test_a_name_that_says_secret_hides_even_what_is_known(disclosure: Disclosure, name: str) -> None:
    assert plain(disclosure.named(name, "active").text) == "‹6 chars›"
    assert disclosure.named(name, None).text == "null"


@pytest.mark.parametrize("text", [KEY, f"a {KEY} b", "hunter2", TOKEN, "Bearer " + TOKEN, "abcdefgh1jklmnop2rstuvwx3z"])
def test_what_is_or_looks_like_a_credential_is_never_learnt(disclosure: Disclosure, text: str) -> None:
    disclosure.learn(text)
    disclosure.learn_expression(f'@("{text}" + @"{text}")')
    assert text not in disclosure.value(text).text
    assert text not in disclosure.header("User-Agent", text)
    assert text not in disclosure.header("X-Other", text)
    assert text not in disclosure.message(text)
    assert text not in disclosure.path("/" + text)


def test_named_values_that_are_secret_stand_by_name_in_the_text_of_expressions(disclosure: Disclosure) -> None:
    source = disclosure.source(f'@(Convert.FromBase64String("{KEY}"))')
    assert source == '@(Convert.FromBase64String("{{EncryptionKey}}"))'
    assert TOKEN not in disclosure.source(f'@("{TOKEN}")')
    assert disclosure.source('@(context.Request.Headers.GetValueOrDefault("Authorization", ""))').count("‹") == 0


def test_strings_in_expressions_are_known(disclosure: Disclosure) -> None:
    disclosure.learn_expression('@(context.Request.Method == "MINE" ? @"a""b" : "c\\"d")')
    assert disclosure.value("MINE").text == '"MINE"'
    assert disclosure.value('a"b').text == '"a"b"'


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer abc", "Bearer ‹3 chars›"),
        ("Authorization", "abc", "‹3 chars›"),
        ("Cookie", "a=b", "‹3 chars›"),
        ("Set-Cookie", "a=b; Path=/", "‹11 chars›"),
        ("Mcp-Session-Id", "abc", "‹3 chars›"),
        ("X-Functions-Key", "abc", "‹3 chars›"),
        ("Accept", "application/json, text/event-stream", "application/json, text/event-stream"),
        ("User-Agent", "curl/8.5", "curl/8.5"),
        ("User-Agent", "x\x1b[31m", "‹6 chars›"),
        ("Content-Length", "17", "17"),
        ("Host", "gateway.example", "gateway.example"),
        ("Host", "evil.example", "‹12 chars›"),
        ("Host", "localhost:8080", "localhost:8080"),
        ("WWW-Authenticate", 'Bearer error="invalid_token", x="abc"', 'Bearer error="invalid_token", x="‹3 chars›"'),
        ("Location", "https://gateway.example/mcp?code=abc", "https://gateway.example/mcp?code=‹3 chars›"),
    ],
)
def test_headers(disclosure: Disclosure, name: str, value: str, shown: str) -> None:
    assert plain(disclosure.header(name, value)) == shown


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/mcp", "/mcp"),
        ("/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource/mcp"),
        ("/docs/abc123", "/docs/‹6 chars›"),
        ("/" + SESSION, f"/‹{len(SESSION)} chars›"),
        ("/%3Cscript%3E", "/‹12 chars›"),
    ],
)
def test_parts_of_a_path_that_could_be_an_id_are_hidden(disclosure: Disclosure, path: str, shown: str) -> None:
    disclosure.learn("/.well-known/oauth-protected-resource")
    assert plain(disclosure.path(path)) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("tool called", "tool called"),
        ("Rate limit is exceeded. Try again in 42 seconds.", "Rate limit is exceeded. Try again in 42 seconds."),
        ("save_snippet", "save_snippet"),
        ("a11ce000-0000-4000-8000-000000000001", "a11ce000-0000-4000-8000-000000000001"),
        (f"key {SESSION} used", f"key ‹{len(SESSION)} chars› used"),
        ("content-of-alice-4711", "‹21 chars›"),
        ("hunter2", "‹7 chars›"),
        ("pin 471199", "pin ‹6 chars›"),
    ],
)
def test_what_a_policy_says_is_shown_word_by_word(disclosure: Disclosure, message: str, shown: str) -> None:
    assert plain(disclosure.message(message)) == shown


def test_equal_values_have_equal_fingerprints_and_large_ones_none() -> None:
    assert hidden("a") == hidden("a") != hidden("b")
    assert hidden("a" * 5000) == "‹5000 chars›"
    assert hidden("\ud800").startswith("‹1 char #")
