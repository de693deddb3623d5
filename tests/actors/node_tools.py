"""Clients from npm, pinned by a lock file and installed once into the virtual environment.

    PYTHONPATH=tests python -m actors.node_tools

installs them before the tests, of which each has a limit of its own.
"""

import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from secure_mcp_local.azure.storage.node import node, npm
from secure_mcp_local.testing import Person

HERE = Path(__file__).parents[1] / "e2e" / "node"


def installed() -> Path:
    """The folder whose `node_modules` holds what the lock file pins."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    target = Path(sys.prefix) / "share" / "secure-mcp" / f"test-clients-{lock}"
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        sys.stderr.write("Installing the clients that the tests drive ...\n")
        folder = Path(tempfile.mkdtemp(prefix="installing-", dir=target.parent))
        for each in ("package.json", "package-lock.json"):
            shutil.copy(HERE / each, folder / each)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([*npm(), "ci", *options], cwd=folder, check=True, timeout=300)
        folder.rename(target)
    return target


async def run_signing_in(
    tool: str | Path, arguments: list[str], person: Person, home: Path, address: str, seconds: float = 60
) -> tuple[int, str]:
    """Runs a client that prints an address to open, opens it as a person, and returns exit code and output.

    Args:
        tool: Name of the package's program, or the file of one.
        arguments: Its arguments.
        person: Who signs in.
        home: Where the client keeps its state.
        address: How the address begins that it prints.
        seconds: How long it may take.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "NO_COLOR": "1",
        "BROWSER": "true",
        "MCP_AUTO_OPEN_ENABLED": "true",
    }
    program = tool if isinstance(tool, Path) else installed() / "node_modules" / ".bin" / tool
    process = await asyncio.create_subprocess_exec(
        node(), str(program), *arguments, env=environment, cwd=home,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    output, opened = "", False
    try:
        async with asyncio.timeout(seconds):
            while chunk := await process.stdout.read(4096):
                output += chunk.decode()
                found = re.search(re.escape(address) + r"\S+(?=\s)", output)
                if found and not opened:
                    opened = True
                    end = await person.sign_in(found.group())
                    assert isinstance(end, str), end.text
                    answer = await person.request("GET", end)
                    assert answer.status_code < 400, answer.text
            return await process.wait(), output
    except TimeoutError:
        raise AssertionError(f"{tool} did not end:\n{output}") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


if __name__ == "__main__":
    installed()
