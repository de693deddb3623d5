"""A request as a curl command that a shell takes as it is meant."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from apim_policies.console.curl import curl
from apim_policies.expressions.context import Headers, Request, Url
from apim_policies.pipeline.disclosure import Disclosure
from apim_policies.pipeline.trace import RequestTrace

GATEWAY = "http://localhost:8080"


def command(
    method: str = "GET",
    path: str = "/mcp",
    query: str = "",
    headers: dict[str, str] | None = None,
    *,
    detailed: bool = True,
) -> str:
    url = Url("http", "localhost", 8080, path, query)
    request = Request(method, url, url, Headers((headers or {}).items()))
    return curl(
        RequestTrace(
            "1", request, Disclosure(known=["/mcp", "code", "state", "scope", "mcp:tools"]), detailed=detailed
        ),
        GATEWAY,
    )


@pytest.fixture(autouse=True)
def shell() -> None:
    if os.name == "nt":
        pytest.skip("the command is for a shell of POSIX")


def words(command: str, **variables: str) -> list[str]:
    """What a shell would start, with `curl` standing for a program that prints its arguments as JSON."""
    prints = f"{shlex.quote(sys.executable)} -c 'import json, sys; print(json.dumps(sys.argv[1:]))'"
    script = f'curl() {{ {prints} "$@"; }}\n{command}\n'
    done = subprocess.run(["sh", "-c", script], env=variables, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_call_with_a_token_names_what_to_set() -> None:
    text = command(
        "POST",
        headers={
            "Host": "localhost:8080",
            "Authorization": "Bearer s3cret",
            "Content-Type": "application/json",
            "Content-Length": "9",
        },
    )
    assert text.startswith("# First set AUTHORIZATION, the file body:")
    assert "s3cret" not in text
    assert words(text, AUTHORIZATION="mine") == [
        "--include", "--globoff", "--request", "POST", "http://localhost:8080/mcp",
        "--header", "Authorization: Bearer mine", "--header", "Content-Type: application/json", "--data-binary", "@body",
    ]  # fmt: skip


def test_a_query_keeps_what_is_known() -> None:
    text = command(query="?code=s3cret&state=s3cret2&scope=mcp%3Atools&s3cret3=1")
    assert "s3cret" not in text
    url = words(text, CODE="a", STATE="b", VALUE="c", VALUE_2="d")[4]
    assert url.startswith("http://localhost:8080/mcp?code=a&state=b&")
    assert url.endswith("mcp%3Atools&c=d")


def test_a_path_with_an_id_has_a_variable() -> None:
    assert words(command(path="/mcp/1234"), PART="5678")[4] == "http://localhost:8080/mcp/5678"


@pytest.mark.parametrize(
    "hostile", ["'; echo pwned; '", "$(echo pwned)", "`echo pwned`", '"; echo pwned; "', "‹$(echo pwned)›", "\\"]
)
def test_nothing_that_a_client_sends_is_run(hostile: str) -> None:
    text = command(path="/mcp", query=f"?state={hostile}", headers={"Accept": hostile, "User-Agent": hostile})
    started = words(text, STATE="b", ACCEPT="c")
    assert len(started) == 7
    assert started[6] in {f"Accept: {hostile}", "Accept: c"}


def test_a_request_of_which_only_names_are_known() -> None:
    text = command(headers={"Authorization": "Bearer s3cret"}, detailed=False)
    assert words(text) == ["--include", "--globoff", "--request", "GET", "http://localhost:8080/mcp"]
