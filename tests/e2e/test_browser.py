"""The pages that people see, in a real browser."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

import pytest
from playwright.async_api import Browser, Error, Page, expect

from actors.reader import LOWEST_CONTRAST
from samples import SIZES
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, answer_of


@asynccontextmanager
async def callback_server() -> AsyncIterator[tuple[str, asyncio.Queue[str]]]:
    """What a desktop client does: listens on a loopback port for the answer."""
    answers: asyncio.Queue[str] = asyncio.Queue()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = request.split(" ")[1]
        if path.startswith("/callback"):
            answers.put_nowait(path)
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://127.0.0.1:{port}/callback", answers


@asynccontextmanager
async def page_of(
    browser: Browser,
    *,
    width: int = 1000,
    scheme: Literal["light", "dark"] = "light",
    javascript: bool = False,
) -> AsyncIterator[Page]:
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=javascript
    )
    yield await context.new_page()
    await context.close()


async def registered(cloud: LocalCloud, redirect_uri: str, name: str = "Claude Code") -> Application:
    application = Application(cloud.gateway_url, redirect_uri=redirect_uri, client_name=name)
    (await application.register()).raise_for_status()
    return application


async def test_M13_a_person_signs_in_by_clicking_without_javascript(cloud: LocalCloud, browser: Browser) -> None:
    async with callback_server() as (redirect_uri, answers), page_of(browser) as page:
        application = await registered(cloud, redirect_uri)
        await page.goto(application.authorize_url())
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Claude Code")
        await page.get_by_role("button", name="Allow and sign in").click()
        await page.wait_for_url(cloud.entra_url + "/**")
        await page.get_by_role("button", name=re.compile("alice", re.IGNORECASE)).click()
        answer = answer_of(await asyncio.wait_for(answers.get(), 10))
        tokens = await application.exchange(answer["code"])
        assert (await application.call(tokens.json()["access_token"])).status_code == 200


async def test_M39_a_returning_person_is_asked_again_for_a_program_on_this_computer(
    cloud: LocalCloud, browser: Browser
) -> None:
    async with callback_server() as (redirect_uri, answers), page_of(browser) as page:
        application = await registered(cloud, redirect_uri)
        for visit in range(2):
            await page.goto(application.authorize_url())
            await page.get_by_role("button", name="Allow and sign in").click()
            if visit == 0:
                await page.get_by_role("button", name=re.compile("alice", re.IGNORECASE)).click()
            await asyncio.wait_for(answers.get(), 10)


async def test_S5_a_returning_person_goes_straight_to_a_client_with_a_host(cloud: LocalCloud, browser: Browser) -> None:
    redirect_uri = "https://app.example.com/callback"
    async with page_of(browser) as page:
        application = await registered(cloud, redirect_uri)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for visit in range(3):
            asked.clear()
            # The host of the client is nowhere: what matters is that the browser looks for it.
            with suppress(Error):
                await page.goto(application.authorize_url())
            if visit == 0:
                await page.get_by_role("button", name="Allow and sign in").click()
                person = page.get_by_role("button", name=re.compile("alice", re.IGNORECASE))
                await person.click(no_wait_after=True)
                await page.wait_for_timeout(1000)
            assert asked[-1].startswith(redirect_uri + "?code=")


async def test_M15_cancelling_reaches_the_client(cloud: LocalCloud, browser: Browser) -> None:
    async with callback_server() as (redirect_uri, answers), page_of(browser) as page:
        application = await registered(cloud, redirect_uri)
        await page.goto(application.authorize_url())
        await page.get_by_role("button", name="Cancel").click()
        answer = answer_of(await asyncio.wait_for(answers.get(), 10))
        assert answer["error"] == "access_denied"


async def test_M13_the_consent_page_works_by_keyboard_alone(cloud: LocalCloud, browser: Browser) -> None:
    async with callback_server() as (redirect_uri, answers), page_of(browser) as page:
        application = await registered(cloud, redirect_uri)
        await page.goto(application.authorize_url())
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Allow and sign in")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Cancel")).to_be_focused()
        await page.keyboard.press("Enter")
        assert answer_of(await asyncio.wait_for(answers.get(), 10))["error"] == "access_denied"


async def test_M13_the_consent_page_cannot_be_framed(cloud: LocalCloud, browser: Browser) -> None:
    application = await registered(cloud, "http://127.0.0.1:1/callback")
    async with page_of(browser, javascript=True) as page:
        await page.set_content(f'<iframe src="{application.authorize_url()}"></iframe>'.replace("&", "&amp;"))
        frame = page.frames[-1]
        await page.wait_for_timeout(500)
        assert "Claude Code" not in await frame.content()


async def test_M13_a_hostile_name_stays_text(cloud: LocalCloud, browser: Browser) -> None:
    name = "<img src=x onerror=alert(1)>{{McpClientId}}%client%</h1>"
    application = await registered(cloud, "http://127.0.0.1:1/callback", name)
    async with page_of(browser, javascript=True) as page:
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await page.goto(application.authorize_url())
        await expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        assert await page.locator("img").count() == 0
        assert dialogs == []


async def test_M13_the_client_may_lead_on_to_an_app(cloud: LocalCloud, browser: Browser) -> None:
    """Chromium holds a page's form-action against the whole chain of redirects, and calls its own refusal one in the console."""
    reached = asyncio.Event()

    async def lead_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: claude://callback\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        await writer.drain()
        writer.close()
        reached.set()

    server = await asyncio.start_server(lead_on, "127.0.0.1", 0)
    redirect_uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callback"
    async with server, page_of(browser) as first:
        application = await registered(cloud, redirect_uri)
        refused: list[str] = []
        for silent in (False, True):  # first with a page of Entra ID's in between
            reached.clear()
            page = await first.context.new_page()
            page.on("console", lambda message: refused.append(message.text))
            await page.goto(application.authorize_url(prompt="consent"))
            await page.get_by_role("button", name="Allow and sign in").click(no_wait_after=True)
            if not silent:
                person = page.get_by_role("button", name=re.compile("alice", re.IGNORECASE))
                await person.click(no_wait_after=True)
            await asyncio.wait_for(reached.wait(), 10)
            await page.wait_for_timeout(300)
        assert [text for text in refused if "form-action" in text] == []


async def test_S5_the_browser_of_a_person_who_often_returns_stays_small(cloud: LocalCloud, browser: Browser) -> None:
    async with callback_server() as (redirect_uri, answers), page_of(browser) as page:
        application = await registered(cloud, redirect_uri)
        kept: list[int] = []
        for visit in range(30):
            await page.goto(application.authorize_url(prompt="consent"))
            await page.get_by_role("button", name="Allow and sign in").click()
            if visit == 0:
                await page.get_by_role("button", name=re.compile("alice", re.IGNORECASE)).click()
            assert "code" in answer_of(await asyncio.wait_for(answers.get(), 10))
            kept.append(len(await page.context.cookies()))
        assert kept[-1] == kept[1]


@SIZES
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1000])
async def test_M13_the_pages_fit_and_can_be_read(
    cloud: LocalCloud, browser: Browser, scheme: Literal["light", "dark"], width: int
) -> None:
    application = await registered(cloud, "http://127.0.0.1:1/callback", "An application with a rather long name" * 2)
    async with page_of(browser, width=width, scheme=scheme, javascript=True) as page:
        for url in (
            application.authorize_url(),
            application.authorize_url(client_id="unknown"),
            cloud.gateway_url + "/",
        ):
            requests: list[str] = []
            page.on("request", lambda request, seen=requests: seen.append(request.url))
            await page.goto(url)
            assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            assert await page.evaluate(LOWEST_CONTRAST) >= 4.5
            assert [seen for seen in requests if not seen.startswith(url) and "favicon" not in seen] == []
            assert await page.get_attribute("html", "lang") == "en"
