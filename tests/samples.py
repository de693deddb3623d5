"""What the gate takes of tests that are slow and rarely break: of each group some, by the seed of the run. See `selection`.

All of it runs weekly, and with `make test FULL=1`.
"""

import pytest


def _some(keep: int, why: str, of: str | None = None) -> pytest.MarkDecorator:
    return pytest.mark.sampled(keep=keep, why=why, of=of)


LATER_STEPS = _some(1, "later steps in the life of a deployed stack, by the real engine")
SMALL_STACKS = _some(1, "what the real engine does to a small stack")
OTHER_LANGUAGES = _some(1, "programs in other languages, by the real engine")
PROVIDER = _some(3, "components for other languages, each by a provider's process")
STACKS_OF_OTHERS = _some(3, "stacks of others, each by a command")
COMMANDS = _some(3, "what commands say of mistakes, and how they end")
TERMINAL = _some(1, "`secure-mcp local` in a terminal, with an author or from run to run")
TUTORIALS = _some(1, "tutorials and a client's weeks, from the first line to the last")
REFUSALS = _some(2, "refusals of `check`, each a process of its own")
CELLS = _some(4, "configurations of the stack", of="anything")
WHOLE_STACKS = _some(4, "what check finds in a whole stack")
CONFIGURED = _some(5, "the gateway with other configuration, a cloud for each")
RACES = _some(2, "races of eight, two hundred times")
CHECKS_BROKEN = _some(3, "each check of an identity assertion, broken once")
BROKEN_SESSIONS = _some(2, "each line of the contract on sessions, broken once")
BROKEN_DOORS = _some(
    3, "each line of the contract on clients, consent, calls, workloads and users' tokens, broken once"
)
EXPLANATIONS = _some(1, "explanations at a terminal")
WIRING = _some(2, "one thing is missing in Entra ID or the gateway, and a client meets it")
DOCTOR = _some(2, "what doctor finds at a gateway that is wrong in one place")
LEAVINGS = _some(1, "a probe that is interrupted leaves nothing")
NEW_PROJECTS = _some(1, "new projects, from the first command to their tests")
WORKLOADS = _some(2, "ways in which a workload gets its token")
RELEASES = _some(1, "what a release has, installed in an empty environment")
EVERY_EXAMPLE = _some(4, "examples planned, checked, written and used")
PUBLISHED_CODE = _some(4, "code that is published, with its faults")
AUTHOR = _some(1, "an author's mistake that is there at the start")
CONFORMANCE = _some(1, "the conformance suite of each era, through the gateway and without it")
SIZES = _some(2, "pages in other sizes and colours, in a browser")
SDKS = _some(5, "how the TypeScript SDKs authenticate")
