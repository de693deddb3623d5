"""The diagrams of `docs/flows.md` are what `make diagrams` draws now."""

from dataclasses import replace
from pathlib import Path

import pytest

from diagrams.page import FOLDER, drawn
from diagrams.trust import trusts
from secure_mcp_local.recording import Recording, record

ROOT = Path(__file__).parents[2]


async def test_they_show_what_is_declared_and_what_happens() -> None:
    now = await drawn()
    page = (ROOT / "docs" / "flows.md").read_text(encoding="utf-8")
    for name, text in now.items():
        assert f"(images/{name})" in page, f"{name} is on no page"
        assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name} is not what happens now: make diagrams"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(ROOT, "prod", {"apimPublisherEmail": "docs@localhost"})


def test_a_permission_more_is_a_line_more(recording: Recording) -> None:
    roles = recording.all("azure-native:authorization:RoleAssignment")
    fewer = recording.without(lambda resource: resource is roles[0])
    assert len(trusts(fewer)) == len(trusts(recording)) - 1


def test_what_decides_who_gets_in_is_drawn_or_refused(recording: Recording) -> None:
    policy = replace(recording.resources[-1], type="azure-native:keyvault:AccessPolicy", custom=True)
    with pytest.raises(ValueError, match="AccessPolicy"):
        trusts(replace(recording, resources=(*recording.resources, policy)))
