"""`make screenshots`: the pages that people see, for docs/images."""

import asyncio
import re
import shutil
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, async_playwright, expect

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.testing import Application, Person

ROOT = Path(__file__).parents[2]
SIZES = {"phone": (390, 844), "desktop": (1000, 860)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SAVE = {"name": "save_snippet", "arguments": {"snippetname": "greeting", "snippet": "Hello"}}


async def main() -> None:
    target = ROOT / "docs" / "images"
    target.mkdir(parents=True, exist_ok=True)
    async with LocalCloud.open(ROOT, port=0) as cloud, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        await sign_in_pages(cloud, browser, target)
        await console(cloud, browser, target)
        await browser.close()


async def sign_in_pages(cloud: LocalCloud, browser: Browser, target: Path) -> None:
    application = Application(cloud.gateway_url, client_name="Claude Code")
    (await application.register()).raise_for_status()
    pages = {"consent": application.authorize_url(), "error": application.authorize_url(client_id="unknown")}
    for scheme in SCHEMES:
        for size, (width, height) in SIZES.items():
            context = await browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1
            )
            for name, url in pages.items():
                page = await context.new_page()
                await page.goto(url)
                await page.screenshot(path=target / f"{name}-{scheme}-{size}.png")
            await context.close()


async def console(cloud: LocalCloud, browser: Browser, target: Path) -> None:
    """The trace console, after a sign-in and a few calls."""
    cloud.journal.traces.clear()
    for scheme, (width, height) in (("light", (1280, 900)), ("dark", (1280, 900)), ("dark", SIZES["phone"])):
        context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        page = await context.new_page()
        await page.goto(cloud.console_url)
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
        if not cloud.journal.traces:
            application = Application(cloud.gateway_url, client_name="Claude Code")
            token = (await application.tokens(Person()))["access_token"]
            await application.call(None, "initialize")
            await application.call(token, "tools/list")
            await application.call(token, "tools/call", SAVE)
        calls = page.locator(".row", has_text="/mcp").filter(has_text="200")
        await expect(calls.first).to_be_visible()
        await page.wait_for_timeout(1500)  # until what is new has faded in
        await calls.first.click()
        if width > 1000:
            step = page.locator(".step", has_text=re.compile("set-variable tool ="))
            await step.locator("summary").first.click()
            await step.evaluate("step => step.scrollIntoView({ block: 'center' })")
        await page.mouse.move(0, 0)
        await page.screenshot(path=target / f"console-{scheme}-{'desktop' if width > 1000 else 'phone'}.png")
        await context.close()


if __name__ == "__main__":
    asyncio.run(main())
