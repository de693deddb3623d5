"""An importer's unit test, as `docs/testing.md` shows it: in a process of its own, as every test of theirs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEST = f"""
import pulumi
import secure_mcp.testing

declared = secure_mcp.testing.mock()

from secure_mcp import SecureMcpServer

server = SecureMcpServer("tools", {{
    "code": {str(ROOT / "function_app")!r}, "apim_publisher_email": "a@example.com", "location": "westeurope",
}})

@pulumi.runtime.test
def test_it_is_behind_a_gateway():
    def check(url):
        assert url.endswith(".azure-api.net/mcp"), url
        assert len(declared.of("azure-native:apimanagement:ApiManagementService")) == 1
    return server.mcp_url.apply(check)
"""


def test_mocks_take_one_line(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "1 passed" in answer.stdout
