"""The part of `docs/check.md` that lists the rules of the table. `make pages` writes it."""

from secure_mcp_local.rules.table import RULES


def section() -> str:
    """The rules, each with what it says, its types and its source."""
    lines: list[str] = []
    for rule in RULES:
        if rule.level == "note":
            continue
        types = ", ".join(f"`{type}`" for type in sorted(rule.types)) or "every type"
        when = " Azure refuses it." if rule.operations else ""
        lines += [f"### {rule.name}", "", f"{rule.level.capitalize()}. {rule.why}{when}", "", rule.fix, ""]
        lines += [f"About {types}. Known from {rule.source}.", ""]
    return "\n".join(lines)
