"""`secure-mcp doctor` with a person at a real browser: every line holds, and only the first sign-in takes clicks."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from playwright.async_api import Browser

from secure_mcp_local.cloud import LocalCloud

ROOT = Path(__file__).parents[2]


async def test_a_person_at_a_browser_examines_the_server(cloud: LocalCloud, browser: Browser) -> None:
    command = [sys.executable, "-m", "secure_mcp_local", "doctor", cloud.gateway_url, "--no-browser", "--json"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=PIPE)
    assert process.stderr is not None
    assert process.stdout is not None
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    clicks: list[int] = []
    while line := (await asyncio.wait_for(process.stderr.readline(), 60)).decode():
        address = re.search(r"http://localhost\S+/authorize\S+", line)
        if address is None:
            continue
        clicks.append(0)
        await page.goto(address[0])
        for name in ("Allow and sign in", "alice"):
            button = page.get_by_role("button", name=re.compile(name, re.IGNORECASE))
            if await button.count():
                await button.first.click()
                clicks[-1] += 1
        await page.wait_for_url("http://127.0.0.1:*/callback*")
        assert "close this page" in await page.inner_text("body")
    await context.close()
    report = json.loads(await process.stdout.read())
    assert await process.wait() == 0, [check for check in report["checks"] if check["outcome"] == "FAIL"]
    assert [check["name"] for check in report["checks"] if check["outcome"] == "SKIP"] == ["tool-call"]
    # A client that came by loopback is asked each time (RFC 8252, section 8.6); Entra ID remembers the person.
    assert clicks == [2, 1, 1]
