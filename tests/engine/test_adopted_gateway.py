"""An API Management that others made and use: what the real engine does to it in the life of a gateway of ours."""

from pathlib import Path

import pytest

from engine.workspace import Workspace, copied_examples
from samples import LATER_STEPS

SERVER = "server = Server("


@pytest.fixture
def adopting(cli: str, tmp_path: Path) -> Workspace:
    """The example, with what is there before deployed."""
    workspace = copied_examples(tmp_path / "adopting", "adopted-gateway").within("adopted-gateway")
    workspace.within("adopted-gateway/before").up()
    return workspace


@LATER_STEPS
def test_what_is_others_stays_as_it_is_and_a_server_leaves_no_orphan(adopting: Workspace) -> None:
    before = adopting.everything()
    assert any("/apis/mcp" in id for id in before)

    def added() -> set[str]:
        now = adopting.everything()
        assert now.items() >= before.items()
        return set(now) - set(before)

    program = adopting.project / "__main__.py"
    text = program.read_text()
    head, _, _ = text.partition(SERVER)
    program.write_text(head)
    adopting.up()
    gateway = added()
    assert any("/apis/secure-mcp-oauth" in id for id in gateway)

    program.write_text(text)
    adopting.up()
    assert any("/apis/secure-mcp-mcp-notes" in id for id in added() - gateway)
    assert set(adopting.up().counts) <= {"same", "read"}

    program.write_text(text.replace('"location"', '"sign_in_rate_limit": 7, "location"', 1))
    assert set(adopting.up().changed().values()) == {"update"}
    added()

    program.write_text(head)
    adopting.up()
    assert added() == gateway

    adopting.destroy()
    assert added() == set()
