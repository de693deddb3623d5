"""`secure-mcp doctor` as people run it: in a process of its own, with a browser or without."""

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import httpx

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.doctor import SECTIONS
from secure_mcp_local.testing import Person

ROOT = Path(__file__).parents[3]
NAMES = [check.name for section in SECTIONS for check in section.checks]
ANONYMOUS = [check.name for section in SECTIONS for check in section.checks if not section.signed_in]


def interruptible() -> None:
    """As in a terminal: a shell starts what runs in the background with Ctrl-C ignored, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def start(*arguments: str, **environment: str) -> Process:
    command = [sys.executable, "-m", "secure_mcp_local", "doctor", *arguments]
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdout=PIPE,
        stderr=PIPE,
        env=os.environ | {"COLUMNS": "80"} | environment,
        preexec_fn=interruptible,
    )


async def run(*arguments: str, **environment: str) -> tuple[int | None, str, str]:
    process = await start(*arguments, **environment)
    out, errors = await asyncio.wait_for(process.communicate(), 100)
    return process.returncode, out.decode(), errors.decode()


async def test_lines_for_people(cloud: LocalCloud) -> None:
    status, out, errors = await run(cloud.gateway_url, "--as", "alice", "--call", "hello_mcp")
    assert status == 0, out + errors
    assert "\x1b" not in out
    assert out.startswith(f"{cloud.gateway_url}/mcp\n")
    assert out.count("\n  PASS  ") == len(NAMES)
    assert f"\n{len(NAMES)} hold, 0 fail, 0 not looked at.\n" in out
    assert "registration" in out.splitlines()[-1]
    assert errors == ""


async def test_one_json_value_for_scripts(cloud: LocalCloud) -> None:
    status, out, errors = await run(cloud.gateway_url + "/mcp", "--anonymous", "--json")
    assert status == 0, out + errors
    report = json.loads(out)
    assert set(report) == {"url", "holds", "summary", "checks", "leftBehind"}
    assert report["url"] == cloud.gateway_url + "/mcp"
    assert report["holds"] is True
    assert report["summary"] == {"pass": len(ANONYMOUS), "fail": 0, "skip": 0}
    assert [check["name"] for check in report["checks"]] == ANONYMOUS
    assert set(report["checks"][0]) == {"name", "line", "section", "title", "outcome", "seen", "why", "fix"}


async def test_a_failure_says_why_and_what_to_do(cloud: LocalCloud) -> None:
    arguments = ("--anonymous", "--only", "cors-allowed", "--only", "https", "--origin", "https://app.example.com")
    status, out, _ = await run(cloud.gateway_url, *arguments)
    assert status == 1
    [line] = re.findall(r"^  FAIL  S1 .*", out, re.MULTILINE)
    assert "https://app.example.com is not allowed" in line
    assert re.search(r"^ +why: .*Inspector", out, re.MULTILINE)
    assert re.search(r"^ +do: +Put the same cors policy", out, re.MULTILINE)
    assert "1 holds, 1 fails, 0 not looked at." in out


async def test_what_cannot_be_examined_is_one_message() -> None:
    for arguments, message in [
        (["http://127.0.0.1:9"], "does not answer"),
        (["nonsense"], "is no address"),
        (["http://localhost", "--only", "nonsense"], "no check is called nonsense"),
        (["https://mcp.example.com", "--as", "alice"], "works with the local cloud only"),
        ([], "give the URL of a server"),
        (["http://localhost", "--wait", "0"], "--wait"),
    ]:
        status, out, errors = await run(*arguments)
        assert (status, out) == (2, ""), arguments
        assert message in re.sub(r"[\s│]+", " ", errors), errors
        assert "Traceback" not in errors


async def test_somebody_whom_nobody_knows_is_one_message(cloud: LocalCloud) -> None:
    status, _, errors = await run(cloud.gateway_url, "--as", "carol", "--only", "sign-in")
    assert status == 2
    assert "--as carol: nobody here is called that; there are alice, bob, mallory" in errors


async def test_a_person_signs_in_with_a_browser_of_their_own(cloud: LocalCloud) -> None:
    arguments = ["--no-browser", "--only", "sign-in", "--only", "revoke", "--json"]
    process = await start(cloud.gateway_url, *arguments)
    assert process.stderr is not None
    assert process.stdout is not None
    person, signed_in = Person("bob"), 0
    while line := (await asyncio.wait_for(process.stderr.readline(), 60)).decode():
        if address := re.search(r"http://localhost\S+/authorize\S+", line):
            end = await person.sign_in(address[0])
            assert isinstance(end, str)
            async with httpx.AsyncClient(trust_env=False) as browser:
                # Whatever else comes to the port is not the answer.
                assert (await browser.get(end.partition("?")[0].replace("callback", "favicon.ico"))).status_code == 404
                page = await browser.get(end)
            assert page.status_code == 200
            assert "close this page" in page.text
            assert page.headers["cache-control"] == "no-store"
            signed_in += 1
    report = json.loads(await process.stdout.read())
    assert await process.wait() == 0, report
    assert signed_in == 2
    assert [check["outcome"] for check in report["checks"]] == ["PASS", "PASS"]


async def test_the_systems_browser_is_opened(cloud: LocalCloud, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    process = await start(cloud.gateway_url, "--only", "sign-in", "--json", BROWSER=str(browser))
    for _ in range(300):
        if opened.exists():
            break
        await asyncio.sleep(0.1)
    end = await Person("alice").sign_in(opened.read_text())
    assert isinstance(end, str)
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(end)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, out
    assert json.loads(out)["holds"] is True


async def test_nobody_at_the_browser_is_a_failure_after_a_while(cloud: LocalCloud) -> None:
    status, out, _ = await run(cloud.gateway_url, "--no-browser", "--wait", "1", "--only", "sign-in", "--only", "tools")
    assert status == 1
    assert "nobody came back from the browser within 1 seconds" in out
    assert "SKIP" in out


async def test_an_answer_with_another_state_is_not_used(cloud: LocalCloud) -> None:
    """Another program on this computer calls the port with a code of its own."""
    process = await start(cloud.gateway_url, "--no-browser", "--only", "sign-in", "--only", "token-answer", "--json")
    assert process.stderr is not None
    assert process.stdout is not None
    while line := (await asyncio.wait_for(process.stderr.readline(), 60)).decode():
        if port := re.search(r"redirect_uri=http%3A%2F%2F127\.0\.0\.1%3A(\d+)", line):
            async with httpx.AsyncClient(trust_env=False) as browser:
                await browser.get(
                    f"http://127.0.0.1:{port[1]}/callback?code=theirs&state=theirs&iss={cloud.gateway_url}"
                )
    report = json.loads(await process.stdout.read())
    assert await process.wait() == 1
    assert [check["outcome"] for check in report["checks"]] == ["FAIL", "SKIP"]


async def test_an_examination_that_is_broken_off_ends_its_sessions(cloud: LocalCloud) -> None:
    before = active(cloud)
    process = await start(cloud.gateway_url, "--as", "bob")
    assert process.stdout is not None
    while b"refresh-bound" not in await asyncio.wait_for(process.stdout.readline(), 60):
        pass
    assert active(cloud) > before
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode not in {0, 1, 2}
    assert b"Traceback" not in errors, errors
    assert active(cloud) == before


def active(cloud: LocalCloud) -> set[str]:
    """Ids of Bob's sessions; other tests have some, too."""
    documents = [document for container in cloud.cosmos.containers for document in container.documents()]
    return {d["id"] for d in documents if d.get("state") == "active" and "bob" in str(d.get("user")).lower()}
