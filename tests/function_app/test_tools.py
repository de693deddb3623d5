"""The tools, called as the MCP extension calls them."""

import json
import logging
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError

Call = Callable[..., Awaitable[str]]


def test_the_tools_and_what_they_ask_for(tools: dict[str, Any]) -> None:
    asked = {}
    for name, function in tools.items():
        [binding] = json.loads(function.get_function_json())["bindings"]
        assert (binding["type"], binding["toolName"]) == ("mcpToolTrigger", name)
        assert binding["description"]
        properties = json.loads(binding["toolProperties"])
        assert all(p["propertyType"] == "string" and p["isRequired"] and p["description"] for p in properties)
        asked[name] = [p["propertyName"] for p in properties]
    assert asked == {
        "hello_mcp": [],
        "save_snippet": ["name", "content"],
        "get_snippet": ["name"],
        "list_snippets": [],
        "delete_snippet": ["name"],
    }


async def test_hello_knows_who_you_are(call: Call) -> None:
    assert (await call("hello_mcp")).startswith("Hello, Alice Müller!")


async def test_a_snippet_from_cradle_to_grave(call: Call) -> None:
    assert await call("list_snippets") == "You have no snippets."
    assert await call("save_snippet", name="b", content="first") == "Saved 'b'."
    assert await call("save_snippet", name="b", content="second\n") == "Saved 'b'."
    await call("save_snippet", name="a", content="")
    assert await call("list_snippets") == "a\nb"
    assert await call("get_snippet", name="b") == "second\n"
    assert await call("get_snippet", name="a") == ""
    assert await call("delete_snippet", name="b") == "Deleted 'b'."
    assert await call("get_snippet", name="b") == "You have no snippet named 'b'."
    assert await call("delete_snippet", name="b") == "You have no snippet named 'b'."


async def test_snippets_belong_to_the_user_of_the_verified_header(call: Call, alice: str, bob: str) -> None:
    await call("save_snippet", user=alice, name="x", content="alice's")
    assert await call("get_snippet", user=bob, name="x") == "You have no snippet named 'x'."
    assert await call("delete_snippet", user=bob, name="x") == "You have no snippet named 'x'."
    assert await call("list_snippets", user=bob) == "You have no snippets."
    await call("save_snippet", user=bob, name="x", content="bob's")
    assert await call("get_snippet", user=alice.upper(), name="x") == "alice's"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-mcp-user-oid": ""},
        {"x-mcp-user-oid": "alice"},
        {"x-mcp-user-oid": "aaaaaaaa-0000-4000-8000-000000000001,bbbbbbbb-0000-4000-8000-000000000002"},
        {"x-mcp-user-oid": "aaaaaaaa-0000-4000-8000-000000000001/../bbbbbbbb-0000-4000-8000-000000000002"},
        {"x-mcp-user-oid": "aaaaaaaa-0000-4000-8000-00000000000١"},
        {"x-ms-client-principal-id": "aaaaaaaa-0000-4000-8000-000000000001"},
    ],
)
@pytest.mark.parametrize("tool", ["hello_mcp", "list_snippets"])
async def test_without_a_verified_user_nothing_works(call: Call, tool: str, headers: dict[str, str]) -> None:
    with pytest.raises(Exception, match="x-mcp-user-oid"):
        await call(tool, headers=headers)


@pytest.mark.parametrize("context", ["{}", '{"transport": null}', '{"transport": {"properties": {"headers": []}}}'])
async def test_a_context_without_headers_names_no_user(tools: dict[str, Any], context: str) -> None:
    with pytest.raises(Exception, match="x-mcp-user-oid"):
        await tools["hello_mcp"].get_user_function()(context)


BAD_NAMES = [
    "",
    " ",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    "/etc/passwd",
    "%2e%2e",
    "a%2Fb",
    ".hidden",
    "-rf",
    "end.",
    "end ",
    " start",
    "nul\x00",
    "line\nbreak",
    "tab\t",
    "zero\u200bwidth",
    "over\u202eride",
    "\ufeffbom",
    "lone\ud800",
    "emoji\U0001f600",
    "<b>",
    "a?b",
    "a#b",
    "a:b",
    "a" * 101,
    "a" * 1_000_000,
    # Longer in normal form than it was.
    "\u0958" * 60,
]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: ascii(name[:20]))
@pytest.mark.parametrize("tool", ["save_snippet", "get_snippet", "delete_snippet"])
async def test_names_that_are_none(call: Call, container: Any, tool: str, name: str) -> None:
    arguments = {"content": "x"} if tool == "save_snippet" else {}
    assert (await call(tool, name=name, **arguments)).startswith("A name ")
    assert container.blobs == {}


@pytest.mark.parametrize("name", ["a", "A.b-c_d 1", "7", "Übung", "日本語", "हिन्दी", "a..b", "x" * 100])
async def test_names_of_any_script(call: Call, container: Any, alice: str, name: str) -> None:
    await call("save_snippet", name=name, content="x")
    assert await call("get_snippet", name=name) == "x"
    assert list(container.blobs) == [f"{alice}/{unicodedata.normalize('NFC', name)}"]


async def test_one_word_is_one_name_however_it_was_typed(call: Call) -> None:
    await call("save_snippet", name="e\u0301", content="x")
    assert await call("get_snippet", name="\u00e9") == "x"


@pytest.mark.parametrize("value", [None, 1, ["a"], {"a": 1}, True])
async def test_what_is_not_text_is_refused(call: Call, container: Any, value: object) -> None:
    assert await call("save_snippet", name=value, content="x") == "The name must be text."
    assert await call("save_snippet", name="x", content=value) == "The content must be text."
    assert await call("save_snippet", name="x", content="\ud800") == "The content is not valid Unicode text."
    assert container.blobs == {}


async def test_content_has_a_limit_in_bytes(call: Call, container: Any, limits: tuple[int, int, int]) -> None:
    _, most, _ = limits
    assert "bytes" in await call("save_snippet", name="x", content="ü" * (most // 2) + "a")
    assert container.blobs == {}
    assert await call("save_snippet", name="x", content="ü" * (most // 2)) == "Saved 'x'."


async def test_a_user_has_room_for_so_many(
    call: Call, container: Any, alice: str, bob: str, limits: tuple[int, int, int]
) -> None:
    *_, most = limits
    container.blobs = {f"{alice}/{n}": b"" for n in range(most)}
    assert "Delete one first" in await call("save_snippet", name="one more", content="x")
    assert await call("save_snippet", name="1", content="x") == "Saved '1'."
    assert await call("save_snippet", user=bob, name="one more", content="x") == "Saved 'one more'."


async def test_a_missing_container_is_not_the_users_fault(call: Call, container: Any) -> None:
    container.missing = ResourceNotFoundError("The specified container does not exist.")
    container.missing.__dict__["error_code"] = "ContainerNotFound"
    with pytest.raises(ResourceNotFoundError):
        await call("get_snippet", name="x")


async def test_contents_names_and_users_are_never_logged(
    call: Call, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], alice: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        await call("save_snippet", name="name-of-it", content="content-of-it")
        await call("get_snippet", name="name-of-it")
        await call("delete_snippet", name="name-of-it")
        await call("get_snippet", name="name-of-it")
    logged = caplog.text + "".join(capfd.readouterr())
    assert not any(secret in logged for secret in ("name-of-it", "content-of-it", alice))


def test_the_sdks_do_not_log_addresses() -> None:
    logger = logging.getLogger("azure.core.pipeline.policies.http_logging_policy")
    assert not logger.isEnabledFor(logging.INFO)
