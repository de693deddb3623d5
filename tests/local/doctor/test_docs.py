"""docs/doctor.md is true: it has every line of the contract."""

import re
from pathlib import Path

from secure_mcp_local.doctor import SECTIONS

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "doctor.md").read_text(encoding="utf-8")


def test_every_line_of_the_contract_is_looked_at_or_said_to_be_out_of_sight() -> None:
    security = (DOCS / "security.md").read_text(encoding="utf-8")
    contract = set(re.findall(r"^\| ([MSBWEU]\d+) \|", security, re.MULTILINE))
    assert len(contract) > 40
    seen = {check.line for section in SECTIONS for check in section.checks} - {""}
    hidden = PAGE[PAGE.index("## What cannot be seen") :]
    unseen = {line for row in re.findall(r"^\| ([MSBWEU][^|]*) \|", hidden, re.MULTILINE) for line in row.split(", ")}
    assert seen <= contract
    assert contract - seen == unseen & contract
    assert not seen & unseen


def test_every_check_says_enough() -> None:
    for section in SECTIONS:
        for check in section.checks:
            assert re.fullmatch(r"[a-z]+(-[a-z]+)*", check.name)
            for text in (check.why, check.fix):
                assert len(text) > 20, check.name
                assert text.endswith("."), check.name
                assert "|" not in text, check.name
            for file in re.findall(r"policies/[\w/.-]+\.(?:xml|html)", check.fix):
                assert (DOCS.parent / file).is_file(), file
