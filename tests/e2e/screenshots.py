"""`make screenshots`: the pages that people see, for docs/images."""

import asyncio
import shutil
from pathlib import Path

from playwright.async_api import async_playwright

from actors.application import Application
from secure_mcp_local.cloud import LocalCloud

ROOT = Path(__file__).parents[2]
SIZES = {"phone": (390, 844), "desktop": (1000, 860)}


async def main() -> None:
    target = ROOT / "docs" / "images"
    target.mkdir(parents=True, exist_ok=True)
    async with (
        LocalCloud.open(ROOT, port=0, backend="http://localhost:9/mcp") as cloud,
        async_playwright() as playwright,
    ):
        application = Application(cloud.gateway_url, client_name="Claude Code")
        (await application.register()).raise_for_status()
        pages = {"consent": application.authorize_url(), "error": application.authorize_url(client_id="unknown")}
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for size, (width, height) in SIZES.items():
                context = await browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1
                )
                for name, url in pages.items():
                    page = await context.new_page()
                    await page.goto(url)
                    await page.screenshot(path=target / f"{name}-{scheme}-{size}.png")
                await context.close()
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
