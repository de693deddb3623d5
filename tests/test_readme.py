"""The README is true."""

import re
from pathlib import Path

from secure_mcp_local.recording import record

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_program_declares_a_whole_server(tmp_path: Path) -> None:
    [program] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "Pulumi.yaml").write_text("name: other\nruntime: python\nmain: program.py\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {publisherEmail: me@contoso.com}\n")
    (tmp_path / "program.py").write_text(program.replace("function_app", str(ROOT / "function_app")))
    recording = record(tmp_path, "dev")
    assert recording.one("secure-mcp:index:SecureMcpServer").name == "snippets"
    assert recording.all("azure-native:apimanagement:ApiOperation")


def test_what_it_names_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
    makefile = (ROOT / "Makefile").read_text()
    for command in re.findall(r"^make (\w+)$", README, re.MULTILINE):
        assert f"\n{command}:" in makefile, command


def test_its_configuration_table_is_the_schemas() -> None:
    schema = (ROOT / "Pulumi.yaml").read_text()
    table = README[README.index("## Configuration") :]
    for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE):
        for key in re.findall(r"`(\w+)`", row):
            assert f"\n  {key}:\n" in schema, key
