"""Azurite itself: starts, keeps others out, and is gone afterwards."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest

from secure_mcp_local.azure.storage import Azurite, azurite, install, installation
from secure_mcp_local.errors import LocalCloudError


async def test_it_listens_on_loopback_only_and_only_while_it_runs(tmp_path: Path) -> None:
    async with Azurite(tmp_path, ["stmcp"]) as running, httpx.AsyncClient(trust_env=False) as client:
        assert running.blob_url.startswith("http://127.0.0.1:")
        assert running.queue_url.startswith("http://127.0.0.1:")
        assert (await client.get(f"{running.blob_url}/stmcp/snippets/x")).status_code in {403, 404}
        # The account with the key that everybody knows does not exist.
        assert (await client.get(f"{running.blob_url}/devstoreaccount1?comp=list")).status_code in {400, 403, 404}
        assert await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
        url = running.blob_url
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_that_it_was_killed_is_no_reason_to_hang() -> None:
    async with Azurite() as running:
        process = running._process  # pyright: ignore[reportPrivateUsage]
        assert process is not None
        process.kill()


async def test_it_may_be_loaded_before_its_accounts_are_known_and_be_needed_or_not() -> None:
    async with asyncio.timeout(30):
        unneeded = Azurite()
        await unneeded.load()
        process = unneeded._process  # pyright: ignore[reportPrivateUsage]
        await unneeded.stop()
        assert process is not None
        assert process.returncode is not None
    running = Azurite()
    await running.load()
    running.add(["stmcp"])
    async with running, httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{running.blob_url}/stmcp/snippets/x")).status_code in {403, 404}


async def test_an_installation_that_does_not_start_says_what_it_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    main = tmp_path / "main.js"
    main.write_text("console.error('no disk left'); process.exit(1)")
    monkeypatch.setattr(azurite, "install", lambda: main)
    with pytest.raises(LocalCloudError, match="no disk left"):
        async with Azurite():
            pass


def test_it_is_installed_once(capfd: pytest.CaptureFixture[str]) -> None:
    assert install() == install()
    assert capfd.readouterr().err == ""


def test_nothing_is_installed_that_could_tell_anybody_of_us_or_needs_a_database() -> None:
    packages = {each.name: each for each in (install().parents[3]).glob("*")}
    assert "azurite" in packages
    assert not {"@opentelemetry", "@js-joda", "@grpc"} & packages.keys()
    for name in ("applicationinsights", "mysql2", "tedious"):
        assert (packages[name] / "index.js").read_text() == "module.exports = {};\n"


async def test_it_has_nothing_of_an_azurite_that_somebody_has_set_up_for_other_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURITE_DB", "mysql://root@localhost:1/azurite_blob")
    async with Azurite(None, ["stmcp"]) as running, httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{running.blob_url}/stmcp/snippets/x")).status_code in {403, 404}


def test_a_failed_installation_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(installation, "_target", lambda: tmp_path / "storage-x")
    monkeypatch.setattr(
        installation, "npm", lambda: [sys.executable, "-c", "import sys; sys.exit('no network')", "npm"]
    )
    with pytest.raises(LocalCloudError, match="no network"):
        install()
    assert list(tmp_path.iterdir()) == []
