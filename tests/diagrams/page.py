"""Which diagrams there are."""

from pathlib import Path

from diagrams.drawing import network, sequence
from diagrams.flows import flows
from diagrams.trust import trusts
from secure_mcp_local.cloud import LocalCloud

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "images"


async def drawn() -> dict[str, str]:
    """Each diagram, as SVG, by the name of its file. Runs the dev stack, signs in, calls and refreshes."""
    async with LocalCloud.open(ROOT, "dev", port=0) as cloud:
        diagrams = {"trust.svg": network("Who trusts whom in the dev stack", trusts(cloud.recording))}
        for name, title, messages in await flows(cloud):
            diagrams[f"flow-{name}.svg"] = sequence(title, messages)
    return diagrams
