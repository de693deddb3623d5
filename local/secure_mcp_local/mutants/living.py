"""The local cloud with a mutant in it: a sign-in and calls, as `secure-mcp doctor` makes them."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.doctor import Options, Outcome, Person, Server, Subject, chosen, examine
from secure_mcp_local.errors import ExplainedError
from secure_mcp_local.mutants.judgement import Verdict

_PATIENCE = 90.0
"""Seconds for one mutant; what hangs is not noticed."""
_PLENTY = {"signInRateLimit": "100000", "mcpRateLimit": "100000"}


def lived(verdict: Verdict, roots: Sequence[Path], stack: str, config: Mapping[str, str]) -> Verdict:
    """A verdict on a mutant on which `check` is silent, after the stack with it was run and used."""
    said = asyncio.run(_seen(verdict, roots, stack, config))
    named = any(needle in said.lower() for needle in verdict.mutant.needles)
    return Verdict(verdict.mutant, "local" if named else "", said or verdict.said, verdict.equivalent)


async def _seen(verdict: Verdict, roots: Sequence[Path], stack: str, config: Mapping[str, str]) -> str:
    """What goes wrong, with what the local cloud tells of it; empty: nothing."""
    lines: list[str] = []
    try:
        async with asyncio.timeout(_PATIENCE):
            cloud = LocalCloud.open(roots, stack, {**_PLENTY, **config}, port=0, recording_hook=verdict.mutant.applied)
            cloud.journal.tellers.append(lines.append)
            async with cloud:
                address = next(iter(cloud.servers.values()), f"{cloud.gateway_url}/mcp")
                async with Server(address) as server:
                    subject = Subject(server, Person(server, cloud.entra.users[0].name.lower()), Options(patience=0))
                    report = await examine(subject, chosen((), anonymous=False))
        lines += [f"{one.name}: {one.seen} {one.why}" for one in report.findings if one.outcome is Outcome.FAIL]
    except (ExplainedError, TimeoutError) as error:
        lines.append(str(error) or "it does not end")
    return "\n".join(lines)
