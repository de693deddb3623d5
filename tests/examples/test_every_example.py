"""Every example is planned, checked and run: a table of all there are, and no project below `examples` that is not in it."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from samples import EVERY_EXAMPLE
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Example:
    """Stacks that belong together."""

    folders: tuple[str, ...]
    servers: Mapping[str, str]
    """Paths of its servers, each with a scope that the server has."""
    gateways: int = 1
    elsewhere: Mapping[str, str] = field(default_factory=dict[str, str])
    """Servers that run elsewhere: ids of their APIs, and where something answers in their place."""


EXAMPLE = {
    "adopted-gateway": Example(
        ("adopted-gateway/before", "adopted-gateway"),
        {"notes": "mcp:tools"},
        elsewhere={"secure-mcp-mcp-notes": "localhost:9"},
    ),
    "container-app": Example(("container-app",), {"weather": "mcp:tools"}, elsewhere={"mcp-weather": "localhost:9"}),
    "existing-server": Example(("existing-server",), {"mcp": "mcp:tools"}, elsewhere={"mcp": "localhost:9"}),
    "platform and teams": Example(
        ("platform", "team-notes", "team-calendar"),
        {"notes": "notes:read", "teams/calendar": "calendar"},
        elsewhere={"mcp-notes": "localhost:9", "mcp-teams--calendar": "localhost:10"},
    ),
    "whole-server": Example(("whole-server",), {"mcp": "mcp:tools"}, gateways=2),
}
OTHER_LANGUAGES = {"typescript": "nodejs", "yaml": "yaml"}
"""Their programs need the real engine: `tests/engine/test_languages.py` runs them."""


def run(example: Example, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    stacks = [part for folder in example.folders for part in ("-C", folder)]
    return subprocess.run(
        [sys.executable, "-m", "secure_mcp_local", command, *stacks, *arguments],
        cwd=EXAMPLES, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def test_no_example_is_left_out() -> None:
    there = {
        str(file.parent.relative_to(EXAMPLES))
        for file in EXAMPLES.rglob("Pulumi.yaml")
        if "node_modules" not in file.parts
    }
    assert there == {folder for each in EXAMPLE.values() for folder in each.folders} | set(OTHER_LANGUAGES)
    for folder, language in OTHER_LANGUAGES.items():
        runtime = yaml.safe_load((EXAMPLES / folder / "Pulumi.yaml").read_text())["runtime"]
        assert (runtime["name"] if isinstance(runtime, dict) else runtime) == language


@EVERY_EXAMPLE
@pytest.mark.parametrize("name", EXAMPLE)
def test_it_is_planned(name: str) -> None:
    done = run(EXAMPLE[name], "plan", "--json")
    assert done.returncode == 0, done.stderr
    planned = json.loads(done.stdout)
    for path in EXAMPLE[name].servers:
        assert f"/{path}" in json.dumps(planned["outputs"])


@EVERY_EXAMPLE
@pytest.mark.parametrize("name", EXAMPLE)
def test_each_of_its_policies_is_written(name: str, tmp_path: Path) -> None:
    done = run(EXAMPLE[name], "policies", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    planned = json.loads(run(EXAMPLE[name], "plan", "--json").stdout)["resources"]
    declared = [one for one in planned if one["type"].endswith(("Policy", "PolicyFragment"))]
    assert len(list(tmp_path.rglob("*.xml"))) == len(declared) > 2


@EVERY_EXAMPLE
@pytest.mark.parametrize("name", EXAMPLE)
def test_nothing_is_wrong_with_it(name: str) -> None:
    done = run(EXAMPLE[name], "check", "--strict", "--config", "publisherEmail=me@contoso.com")
    assert done.returncode == 0, done.stdout
    assert "nothing found" in done.stdout


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}})(scope, receive, send)


@EVERY_EXAMPLE
@pytest.mark.parametrize("name", EXAMPLE)
async def test_a_person_uses_each_of_its_servers(name: str) -> None:
    example = EXAMPLE[name]
    backend = {api: f"http://{host}/mcp" for api, host in example.elsewhere.items()}
    async with LocalCloud.open([EXAMPLES / folder for folder in example.folders], port=0, backend=backend) as cloud:
        for host in example.elsewhere.values():
            cloud.network.serve(host, answering, kind="functions")
        urls = cloud.gateway_urls
        assert len(urls) == example.gateways
        for url in urls:
            for path, scope in example.servers.items():
                application = Application(url, path=f"/{path}", scope=scope)
                key = (await application.tokens(Person("alice" if url == urls[0] else "bob")))["access_token"]
                assert (await application.call(key)).status_code == 200
                if not example.elsewhere:
                    # Its own code runs, and keeps what it is given where the program said.
                    kept = {"name": "kept", "content": "here"}
                    for tool, arguments in (("save_snippet", kept), ("get_snippet", {"name": "kept"})):
                        answer = await application.call(key, "tools/call", {"name": tool, "arguments": arguments})
                    assert "here" in answer.text
