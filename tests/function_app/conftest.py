"""The function app's modules, as the Python worker imports them, with a container in memory."""

import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from azure.core.exceptions import ResourceNotFoundError

CODE = Path(__file__).parents[2] / "function_app"
sys.path.insert(0, str(CODE))

# The type checker knows a folder of this name, and not that it is on the path.
import function_app as _function_app  # noqa: E402
import snippets  # noqa: E402  # pyright: ignore[reportMissingImports]

function_app = cast("Any", _function_app)

ALICE = "aaaaaaaa-0000-4000-8000-000000000001"
BOB = "bbbbbbbb-0000-4000-8000-000000000002"


class Download:
    def __init__(self, content: bytes, encoding: str) -> None:
        self._text = content.decode(encoding)

    def readall(self) -> str:
        return self._text


class Container:
    """What the storage client does, as far as the app uses it."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.missing: ResourceNotFoundError | None = None

    def upload_blob(self, name: str, data: bytes, overwrite: bool, content_settings: object) -> None:
        assert overwrite
        self.blobs[name] = data

    def download_blob(self, name: str, encoding: str) -> Download:
        self._find(name)
        return Download(self.blobs[name], encoding)

    def delete_blob(self, name: str) -> None:
        self._find(name)
        del self.blobs[name]

    def list_blob_names(self, name_starts_with: str) -> Iterator[str]:
        return (name for name in reversed(self.blobs) if name.startswith(name_starts_with))

    def _find(self, name: str) -> None:
        if self.missing is not None:
            raise self.missing
        if name not in self.blobs:
            error = ResourceNotFoundError("The specified blob does not exist.")
            error.__dict__["error_code"] = "BlobNotFound"
            raise error


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Container:
    made = Container()
    monkeypatch.setattr(function_app, "container", lambda: made)
    return made


@pytest.fixture(scope="session")
def tools() -> dict[str, Any]:
    """The functions that the worker would index, by name."""
    return {function.get_function_name(): function for function in function_app.app.get_functions()}


def invocation(name: str, arguments: dict[str, Any], headers: dict[str, str]) -> str:
    return json.dumps(
        {
            "name": name,
            "arguments": arguments,
            "sessionid": "s",
            "transport": {"name": "http-streamable", "properties": {"headers": headers}},
        }
    )


@pytest.fixture
def call(tools: dict[str, Any], container: Container) -> Callable[..., Awaitable[str]]:
    """Calls a tool as the MCP extension does, for a user; `headers` replace the gateway's."""

    def start(
        tool: str, /, user: str = ALICE, headers: dict[str, str] | None = None, **arguments: Any
    ) -> Awaitable[str]:
        sent = {"X-MCP-User-OID": user, "x-mcp-user-name": "Alice%20M%C3%BCller"} if headers is None else headers
        return tools[tool].get_user_function()(invocation(tool, arguments, sent))

    return start


@pytest.fixture
def alice() -> str:
    return ALICE


@pytest.fixture
def bob() -> str:
    return BOB


@pytest.fixture
def code() -> Path:
    return CODE


@pytest.fixture
def limits() -> tuple[int, int, int]:
    """Characters of a name, bytes of a content, snippets of an owner."""
    return snippets.MAX_NAME, snippets.MAX_CONTENT, snippets.MAX_SNIPPETS
