"""What is modelled of policies, as the table that the documentation shows."""

from apim_policies.elements.beyond import BEYOND
from apim_policies.elements.model import SECTIONS
from apim_policies.elements.table import ELEMENTS, STANDALONE


def table() -> str:
    """A Markdown table: each policy of API Management, where it may stand, and what of it does not run here."""
    rows = ["| policy | sections | not modelled |", "|---|---|---|"]
    for name in sorted(STANDALONE):
        model = ELEMENTS[name]
        sections = (
            "all"
            if len(model.sections) == len(SECTIONS)
            else ", ".join(one for one in SECTIONS if one in model.sections)
        )
        missing = sorted(model.beyond)
        missing += [
            f"expressions in {key}" for key, one in sorted(model.attributes.items()) if one.expression == "not modelled"
        ]
        rows.append(f"| {name} | {sections} | {', '.join(missing)} |")
    rows.append("")
    rows.append("Refused by name: " + ", ".join(sorted(BEYOND)) + ".")
    return "\n".join(rows)
