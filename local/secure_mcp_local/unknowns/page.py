"""The tables of docs/azure-unknowns.md. `make pages` writes them."""

from secure_mcp_local.markdown import table
from secure_mcp_local.unknowns import QUESTIONS
from secure_mcp_local.unknowns.question import Question


def tables() -> str:
    """Both tables: what the command asks, and what is asked by hand."""
    asked = [question for question in QUESTIONS if question.probe is not None]
    by_hand = [question for question in QUESTIONS if question.probe is None]
    return "\n\n".join(
        [
            "## What the command asks",
            _table(asked),
            "## What is asked by hand",
            _table(by_hand),
        ]
    )


def _table(questions: list[Question]) -> str:
    rows: list[tuple[str, ...]] = []
    for one in questions:
        belief = f"**{one.belief}** ({one.source})"
        if not one.modelled:
            belief += "; the local cloud does not model it"
        rows.append((f"`{one.name}`", one.text, belief, one.matters, one.by_hand))
    return table(("name", "question", "what we believe, and why", "what depends on it", "five minutes by hand"), rows)
