"""The local cloud with a mutant in it: a sign-in and calls, as `secure-mcp doctor` makes them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from secure_mcp_local.cloud import Backends, LocalCloud
from secure_mcp_local.doctor import Options, Outcome, Person, Server, Subject, chosen, examine
from secure_mcp_local.errors import ExplainedError, LocalCloudError
from secure_mcp_local.mutants.judgement import Verdict
from secure_mcp_local.recording import Recording

_PATIENCE = 90.0
"""Seconds for one mutant; what hangs is not noticed."""
_CALLS = "tools"
"""The doctor's check that signs in and calls."""
_PLENTY = {"signInRateLimit": "100000", "mcpRateLimit": "100000"}


@dataclass
class Life:
    """A stack that is run and used, once for each mutant on which `check` is silent.

    Args:
        roots: Folders of the Pulumi projects.
        stack: Name of the stack.
        config: Configuration that wins over the stack's. Somebody has to be assigned: nobody else can sign in.
        accept: Types that are passed by although they are not modelled.
        backends: Addresses of servers behind the gateway that the local cloud does not run itself.
    """

    roots: Sequence[Path]
    stack: str
    config: Mapping[str, str]
    accept: Sequence[str] = ()
    backends: Backends = None
    known: frozenset[str] = field(default=frozenset(), init=False)
    """Names of the doctor's checks that fail without any mistake; nothing is learned of them."""

    def expect(self) -> None:
        """Runs and uses the stack as it is.

        Raises:
            LocalCloudError: nobody can sign in or call: no mistake could be seen.
        """
        wrong, told = asyncio.run(self._seen(None))
        if missing := [wrong[name] for name in ("", _CALLS) if name in wrong]:
            raise LocalCloudError(
                f"stack {self.stack} cannot be used here without a mistake, so that none can be seen. Assign somebody, and name "
                f"the server behind it with --backend.\n{missing[0]}\n{told}".rstrip()
            )
        self.known = frozenset(wrong)

    def lived(self, verdict: Verdict) -> Verdict:
        """A verdict on a mutant on which `check` is silent, after the stack with it was run and used."""
        wrong, told = asyncio.run(self._seen(verdict))
        new = [said for name, said in wrong.items() if name not in self.known]
        # What is told on the way says where it comes from, once something is wrong.
        said = "\n".join([*new, told]) if new else ""
        named = any(needle in said.lower() for needle in verdict.mutant.needles)
        return Verdict(verdict.mutant, "local" if named else "", said or verdict.said, verdict.equivalent)

    async def _seen(self, verdict: Verdict | None) -> tuple[Mapping[str, str], str]:
        """What goes wrong by the names of the doctor's checks, none if it does not run at all; and what is told meanwhile."""
        told: list[str] = []
        wrong: dict[str, str] = {}
        try:
            async with asyncio.timeout(_PATIENCE):
                cloud = LocalCloud.open(
                    self.roots, self.stack, self._configured(), port=0, accept=self.accept, backend=self.backends,
                    recording_hook=verdict.mutant.applied if verdict is not None else _unchanged,
                )  # fmt: skip
                cloud.journal.tellers.append(told.append)
                async with cloud:
                    address = next(iter(cloud.servers.values()), f"{cloud.gateway_url}/mcp")
                    async with Server(address) as server:
                        subject = Subject(
                            server, Person(server, cloud.entra.users[0].name.lower()), Options(patience=0)
                        )
                        report = await examine(subject, chosen((), anonymous=False))
            wrong |= {
                one.name: f"{one.name}: {one.seen} {one.why}" for one in report.findings if one.outcome is Outcome.FAIL
            }
            called = any(one.name == _CALLS and one.outcome is Outcome.PASS for one in report.findings)
            if not called and _CALLS not in wrong:
                # It was not got so far; what comes before it says why.
                wrong[_CALLS] = next(iter(wrong.values()), "nothing was called")
        except (ExplainedError, TimeoutError) as error:
            wrong[""] = str(error) or "it does not end"
        return wrong, "\n".join(told)

    def _configured(self) -> Mapping[str, str]:
        # Another project's program does not know our options.
        return {**_PLENTY, **self.config} if len(self.roots) == 1 and _ours(self.roots[0]) else self.config


def _unchanged(recording: Recording) -> Recording:
    return recording


def _ours(root: Path) -> bool:
    """Whether a project's program takes the options of the whole server."""
    return "signInRateLimit" in (root / "Pulumi.yaml").read_text(encoding="utf-8")
