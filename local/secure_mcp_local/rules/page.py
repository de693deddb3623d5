"""The part of `docs/check.md` that lists the rules of the table. Written by `python -m secure_mcp_local.rules.page`."""

import sys
from pathlib import Path

from secure_mcp_local.rules.table import RULES

BEGIN, END = "<!-- rules of the table: generated -->", "<!-- end of the rules of the table -->"


def section() -> str:
    """The rules, each with what it says, its types and its source."""
    lines = [BEGIN, ""]
    for rule in RULES:
        if rule.level == "note":
            continue
        types = ", ".join(f"`{type}`" for type in sorted(rule.types)) or "every type"
        when = " Azure refuses it." if rule.operations else ""
        lines += [f"### {rule.name}", "", f"{rule.level.capitalize()}. {rule.why}{when}", "", rule.fix, ""]
        lines += [f"About {types}. Known from {rule.source}.", ""]
    return "\n".join([*lines, END])


def written(page: str) -> str:
    """The page with the rules as they are now."""
    before, _, rest = page.partition(BEGIN)
    return before + section() + rest.partition(END)[2]


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/check.md")
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
