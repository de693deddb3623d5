"""What pages of `docs/` say of things that are declared in code, between marks. `make pages` writes it.

python -m secure_mcp_local.pages [DOCS]
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from apim_policies.elements.listing import table as policies
from secure_mcp_local.doctor import SECTIONS as EXAMINED
from secure_mcp_local.markdown import replaced, table
from secure_mcp_local.preflight import CHECKS
from secure_mcp_local.rules.page import section as rules
from secure_mcp_local.unknowns.page import tables as questions


def examined() -> str:
    """The checks of `doctor`, by section."""
    parts: list[str] = []
    for section in EXAMINED:
        rows = [(f"`{one.name}`", one.line or "-", one.title, one.why, one.fix) for one in section.checks]
        parts += [f"### {section.title}", *(["Needs a sign-in."] if section.signed_in else [])]
        parts += [table(("check", "line", "what holds", "why it matters", "what to do"), rows)]
    return "\n\n".join(parts)


def asked() -> str:
    """The checks of `preflight`."""
    rows = [(f"`{one.name}`", one.title, one.source) for one in CHECKS]
    return table(("check", "what holds", "source of the rule and the call"), rows)


SECTIONS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "azure-unknowns.md": {"questions": questions},
    "check.md": {"rules of the table": rules},
    "doctor.md": {"checks": examined},
    "policy-engine.md": {"policies": policies},
    "preflight.md": {"checks": asked},
}
"""By page and the name of its marks."""


def written(name: str, page: str) -> str:
    """A page of `SECTIONS` as it should be.

    Raises:
        ValueError: it lacks marks.
    """
    for mark, text in SECTIONS[name].items():
        page = replaced(page, mark, text())
    return page


def write(docs: Path) -> None:
    """Writes each page of `SECTIONS` in a folder as it should be."""
    for name in SECTIONS:
        page = (docs / name).read_text(encoding="utf-8")
        (docs / name).write_text(written(name, page), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
