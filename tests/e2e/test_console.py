"""The trace console in a real browser, and what it sends while people sign in."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from actors.reader import LOWEST_CONTRAST
from apim_policies.pipeline import trace as traces
from apim_policies.pipeline.trace import RequestTrace
from samples import SIZES
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

Scheme = Literal["light", "dark"]


@dataclass
class Listener:
    """Reads all that the console sends, as a page that opens every request does."""

    url: str
    heard: str = ""
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    async def __aenter__(self) -> "Listener":
        begun = asyncio.Event()
        self._task = asyncio.create_task(self._listen(begun))
        await begun.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def open_all(self, ids: list[str]) -> None:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            for id in ids:
                answer = await client.get(f"/requests/{id}")
                # As text, so that what is escaped in JSON is found, too.
                self.heard += json.dumps(answer.json(), ensure_ascii=False) + json.dumps(dict(answer.headers))

    async def _listen(self, begun: asyncio.Event) -> None:
        async with (
            httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=None) as client,
            client.stream("GET", "/events") as answer,
        ):
            async for chunk in answer.aiter_text():
                self.heard += chunk
                begun.set()


async def test_nothing_that_the_console_sends_opens_anything(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: dict[str, object] = {}
    remember = RequestTrace.set

    def note(trace: RequestTrace, name: str, value: object) -> None:
        if isinstance(value, str):
            held[value] = name
        remember(trace, name, value)

    monkeypatch.setattr(RequestTrace, "set", note)
    cloud.journal.traces.clear()
    secrets = set(cloud.gateway.secrets)
    async with Listener(cloud.console_url) as listener:
        for person in (Person("alice"), Person("bob")):
            application = Application(cloud.gateway_url)
            (await application.register()).raise_for_status()
            code = await application.code(person)
            first = (await application.exchange(code)).json()
            second = (await application.refresh(first["refresh_token"])).json()
            content = f"content-of-{person.name}-4711"
            save = {"name": "save_snippet", "arguments": {"snippetname": "secret", "snippet": content}}
            saved = await application.call(second["access_token"], "tools/call", save)
            assert saved.status_code == 200
            await application.call(second["access_token"], query={"access_token": second["access_token"]})
            await application.call(None, headers={"X-Custom": second["access_token"], "Cookie": f"a={content}"})
            await application.send("GET", f"/{second['refresh_token']}/{content}")
            await application.exchange(code)
            for fault in ("entra-error-page", "cosmos-503", "functions-500", "identity-unavailable"):
                cloud.network.faults.active.add(fault)
                try:
                    await Person(person.name).sign_in(application.authorize_url())
                    await application.call(second["access_token"], "tools/call", save)
                finally:
                    cloud.network.faults.active.discard(fault)
            secrets |= {code, content, application.verifier, application.challenge, application.state}
            secrets |= {tokens[kind] for tokens in (first, second) for kind in ("access_token", "refresh_token")}
            secrets |= {value for jar in person.cookies.values() for value in jar.values() if len(value) > 30}
            for page in person.visited:
                secrets |= set(re.findall(r'name="(?:tx|csrf)" value="([^"]+)"', page.text))
                secrets |= set(
                    re.findall(r"[?&](?:code|state|nonce|code_challenge)=([^&\s]+)", page.headers.get("location", ""))
                )
                secrets |= {line.split(";")[0].partition("=")[2] for line in page.headers.get_list("set-cookie")}
        ids = [trace.request_id for trace in cloud.journal.traces]
        await listener.open_all(ids)
        await asyncio.sleep(0.2)
    heard = listener.heard
    assert len(ids) > 40
    secrets = {secret for secret in secrets if len(secret) > 10}
    assert len(secrets) > 25
    for secret in secrets:
        assert secret not in heard
    assert not re.search(r"eyJ[\w-]{10,}\.eyJ", heard)
    assert "content-of" not in heard
    # Whatever a policy held: seals, keys, tokens, documents of the session store. Ids are in audit events, addresses are
    # taken apart, and what failed is the gateway's own word.
    guid = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
    spelled = "\n".join(
        policy.get("value")
        for policy in cloud.recording
        if policy.type.endswith(("Policy", "PolicyFragment")) and policy.get("value")
    )
    for value, name in held.items():
        if (
            name != "failed"
            and len(value) > 16
            and value not in spelled
            and not guid.fullmatch(value)
            and not value.startswith("http")
        ):
            assert value not in heard, name
    # And yet somebody who writes policies can work with it.
    for shown in (
        '"tools/call"',
        "save_snippet",
        "sealPurpose",
        "{{EncryptionKey}}",
        "documents.azure.com",
        "invalid_token",
    ):
        assert shown.replace('"', '\\"') in heard or shown in heard, shown


@asynccontextmanager
async def console(
    cloud: LocalCloud, browser: Browser, *, width: int = 1280, scheme: Scheme = "light", path: str = ""
) -> AsyncIterator[Page]:
    """The console's page, in which nothing goes wrong."""
    context = await browser.new_context(viewport={"width": width, "height": 860}, color_scheme=scheme)
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=cloud.console_url)
    page = await context.new_page()
    trouble: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: trouble.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(cloud.console_url + path)
    try:
        await expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        yield page
    finally:
        await context.close()
    assert trouble == []
    assert [url for url in asked if not url.startswith((cloud.console_url, "data:"))] == []


@pytest.fixture
async def key(cloud: LocalCloud) -> AsyncIterator[tuple[Application, str]]:
    """An application with a session key, and no requests yet."""
    application = Application(cloud.gateway_url)
    token = (await application.tokens(Person()))["access_token"]
    cloud.journal.traces.clear()
    yield application, token
    cloud.journal.traces.clear()


SAVE = {"name": "save_snippet", "arguments": {"snippetname": "a", "snippet": "b"}}


async def test_requests_appear_as_they_come_and_show_policy_by_policy_what_happened(
    cloud: LocalCloud, browser: Browser, key: tuple[Application, str]
) -> None:
    application, token = key
    async with console(cloud, browser) as page:
        await expect(page.get_by_text("No requests yet")).to_be_visible()
        await application.call(token, "tools/call", SAVE)
        row = page.get_by_role("region", name="Requests").get_by_role("button")
        await expect(row).to_contain_text("/mcp")
        await row.click()
        await expect(page.get_by_role("heading", level=2)).to_contain_text("POST /mcp")
        for section in ("inbound", "backend"):
            await expect(page.get_by_role("heading", name=section, exact=True)).to_be_visible()

        # An expression and its value, the place, the variable before and after.
        step = page.locator(".step", has_text="set-variable tool =")
        await step.locator("summary").first.click()
        await expect(step).to_contain_text("inbound · api · policies/mcp/api.xml:")
        await expect(step).to_contain_text("tool.Substring(0, Math.Min(tool.Length, 129))")
        cells = await step.locator("table").first.get_by_role("cell").all_inner_texts()
        assert cells[:2] == ["tool", "not set"]
        assert re.fullmatch(r"•*\s*12 chars #[0-9a-f]{4}", cells[2])
        await step.get_by_text(re.compile(r"All \d+ variables before")).click()
        await expect(step.get_by_role("cell", name="userId")).to_be_visible()

        # A condition with its value, and the backend call.
        await expect(page.locator(".step", has_text="choose").first).to_contain_text("→ false")
        forward = page.locator(".step", has_text="forward-request")
        await forward.locator("summary").first.click()
        await expect(forward).to_contain_text("azurewebsites.net/runtime/webhooks/mcp")
        await expect(forward.locator(".status")).to_have_text("200")

        await page.get_by_role("tab", name="Variables").click()
        await expect(page.get_by_role("row", name="sealPurpose")).to_contain_text('"session"')
        await page.get_by_role("tab", name="Headers").click()
        await expect(page.get_by_role("row", name="authorization")).to_contain_text("Bearer")
        await page.get_by_role("tab", name="Traces").click()
        await expect(page.get_by_role("tabpanel")).to_contain_text("tool called")
        assert token not in await page.content()


async def test_search_and_filters(cloud: LocalCloud, browser: Browser, key: tuple[Application, str]) -> None:
    application, token = key
    async with console(cloud, browser) as page:
        await application.call(token)
        await application.call("wrong")
        await application.send("GET", "/nothing/here")
        rows = page.locator("#requests li:visible")
        await expect(rows).to_have_count(3)
        await page.get_by_label("Show requests").select_option("failed")
        await expect(rows).to_have_count(2)
        await page.get_by_label(re.compile("Search requests")).fill("nothing 404")
        await expect(rows).to_have_count(1)
        await expect(page.get_by_text("1 of 3 requests")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.get_by_label("Show requests").select_option("4")
        await page.get_by_label("API", exact=True).select_option("mcp")
        await expect(rows).to_have_count(1)
        await rows.first.click()
        await expect(page.locator(".title .status")).to_have_text("401")

        steps = page.locator(".step:visible")
        everything = await steps.count()
        await page.get_by_label("Search policies").fill("challengeerror")
        assert 0 < await steps.count() < everything
        await page.get_by_label("Search policies").fill("")
        await page.get_by_label("Show policies").select_option("slow")
        await expect(steps).to_have_count(10)
        await page.get_by_label("Show policies").select_option("failed")
        await expect(page.get_by_text("No policy matches.")).to_be_visible()


async def test_pause_and_clear(cloud: LocalCloud, browser: Browser, key: tuple[Application, str]) -> None:
    application, _ = key
    async with console(cloud, browser) as page:
        rows = page.locator("#requests li:visible")
        await page.get_by_role("button", name="Pause").click()
        await application.call("wrong")
        await page.wait_for_timeout(300)
        await expect(rows).to_have_count(0)
        await page.get_by_role("button", name="Resume").click()
        await expect(rows).to_have_count(1)
        await page.get_by_role("button", name="Clear").click()
        await expect(rows).to_have_count(0)
        await application.call("wrong")
        await expect(rows).to_have_count(1)


async def test_copy_as_curl_sends_the_request_again(
    cloud: LocalCloud, browser: Browser, key: tuple[Application, str], tmp_path: Any
) -> None:
    application, token = key
    async with console(cloud, browser) as page:
        sent = await application.call(token)
        await page.locator(".row").first.click()
        await page.get_by_role("button", name="Copy as curl").click()
        await expect(page.get_by_text("Copied.")).to_be_visible()
        command = await page.evaluate("navigator.clipboard.readText()")
    assert token not in command
    (tmp_path / "body").write_bytes(sent.request.content)
    shell = await asyncio.create_subprocess_shell(
        command, cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "AUTHORIZATION": token}, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await shell.communicate()
    assert re.match(rb"HTTP/1\.1 200 ", output), output
    assert b'"jsonrpc"' in output


async def test_it_works_by_keyboard_alone(cloud: LocalCloud, browser: Browser, key: tuple[Application, str]) -> None:
    application, token = key
    async with console(cloud, browser) as page:
        await application.call("wrong")
        await application.call(token)
        await expect(page.locator(".row")).to_have_count(2)
        await page.keyboard.press("/")
        await expect(page.get_by_label(re.compile("Search requests"))).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await expect(page.locator(".row").first).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(page.locator(".title .status")).to_have_text("401")
        await page.get_by_role("tab", name="Policies").focus()
        await page.keyboard.press("ArrowRight")
        await expect(page.get_by_role("tab", name="Variables")).to_be_focused()
        await expect(page.get_by_role("tab", name="Variables")).to_have_attribute("aria-selected", "true")
        await page.keyboard.press("ArrowLeft")
        await page.locator(".step summary").first.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(".step").first).to_have_attribute("open", "")


async def test_a_request_that_came_before_anybody_looked_says_so(
    cloud: LocalCloud, browser: Browser, key: tuple[Application, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    application, token = key
    monkeypatch.setattr(traces, "_LINGER", 0.0)
    for _ in range(200):
        if cloud.journal.watchers:
            await asyncio.sleep(0.05)
    await application.call(token)
    [trace] = cloud.journal.traces
    async with console(cloud, browser, path=f"#{trace.request_id}") as page:
        await expect(page.get_by_text("No console was open when this request came")).to_be_visible()
        await expect(page.locator(".step", has_text="forward-request")).to_be_visible()
        await expect(page.get_by_role("tab", name=re.compile("Variables 0"))).to_be_visible()


HOSTILE = "<img src=x onerror=alert(1)>"


async def test_what_clients_send_stays_text(cloud: LocalCloud, browser: Browser, key: tuple[Application, str]) -> None:
    application, _ = key
    async with console(cloud, browser) as page:
        await application.send(
            "GET",
            "/mcp/%3Cimg%20src=x%20onerror=alert(1)%3E",
            params={HOSTILE: HOSTILE},
            headers={"User-Agent": HOSTILE},
        )
        await page.locator(".row").first.click()
        await page.get_by_role("tab", name="Headers").click()
        await expect(page.get_by_role("row", name="user-agent")).to_contain_text(HOSTILE)
        assert await page.locator("img").count() == 0


@SIZES
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_it_fits_and_can_be_read(
    cloud: LocalCloud, browser: Browser, key: tuple[Application, str], scheme: Scheme, width: int
) -> None:
    application, token = key
    async with console(cloud, browser, width=width, scheme=scheme) as page:
        await application.call("wrong")
        await application.call(token, "tools/call", SAVE)
        await expect(page.locator(".row")).to_have_count(2)

        async def check() -> None:
            assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            assert await page.evaluate(LOWEST_CONTRAST) >= 4.5

        await page.wait_for_timeout(1300)  # until what is new has faded in
        await check()
        await page.locator(".row").first.click()
        await page.get_by_role("button", name="Open or close all").click()
        await check()
        for tab in ("Variables", "Calls", "Headers", "Traces"):
            await page.get_by_role("tab", name=tab).click()
            await check()
        assert await page.get_attribute("html", "lang") == "en"
        if width < 900:
            await page.get_by_role("button", name="‹ Requests").click()
            await expect(page.locator(".row").first).to_be_focused()
