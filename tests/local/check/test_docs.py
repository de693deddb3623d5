"""`docs/check.md` has every rule, says of it what the command says, and its examples are what it says they are."""

import re
from pathlib import Path

import pytest

from apim_policies.check import check_files
from secure_mcp_local.check import RULES
from secure_mcp_local.check.plan import DECLARED

PAGE = (Path(__file__).parents[3] / "docs" / "check.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### ([\w-]+)\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE))
EXAMPLES = {name: re.findall(r"```xml\n(.*?)```", text, re.DOTALL) for name, text in SECTIONS.items()}
NEEDS_A_STACK = {"unset-variable"}


def findings(folder: Path, example: str) -> set[str]:
    text = example
    if not text.startswith(("<policies>", "<fragment>")):
        others = "".join(f"<{name}><base /></{name}>" for name in ("backend", "outbound", "on-error"))
        text = f"<policies><inbound><base />\n{text}</inbound>{others}</policies>"
    (folder / "example.xml").write_text(text, encoding="utf-8")
    (folder / "challenge.xml").write_text("<fragment />", encoding="utf-8")
    return {finding.rule.name for finding in check_files([folder]).findings if "example" in finding.file}


def test_every_rule_is_there_once() -> None:
    assert sorted(re.findall(r"^### ([\w-]+)$", PAGE, re.MULTILINE)) == sorted(RULES)
    assert set(SECTIONS) == set(RULES)


@pytest.mark.parametrize("name", sorted(RULES))
def test_it_says_what_the_command_says(name: str) -> None:
    rule = RULES[name]
    assert f"{rule.level.capitalize()}. {rule.why}" in SECTIONS[name]
    assert rule.fix in SECTIONS[name]
    assert not rule.source or f"Known from {rule.source}." in SECTIONS[name]
    assert "```" in SECTIONS[name] or name == "size" or name in DECLARED


@pytest.mark.parametrize("name", sorted(name for name, examples in EXAMPLES.items() if examples))
def test_the_first_example_breaks_the_rule_and_the_second_breaks_none(name: str, tmp_path: Path) -> None:
    if name in NEEDS_A_STACK:
        assert len(EXAMPLES[name]) == 1
        return
    wrong, *right = EXAMPLES[name]
    assert name in findings(tmp_path, wrong)
    for example in right:
        assert findings(tmp_path, example) - {"not-modelled", "unauthenticated-encryption"} == set()
