"""Which mistakes in policies no case notices."""

import signal
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from apim_policies.bench.cases import Case, Cases
from apim_policies.bench.coverage import Coverage
from apim_policies.bench.mutants import Mutant, mutants
from apim_policies.bench.policy_gateway import PolicyGateway
from apim_policies.documents.document import NAMED_VALUE, parse
from apim_policies.errors import DocumentError, ExplainedError
from apim_policies.gateway import Declaration
from apim_policies.gateway.declaration import api_document

_LONGEST = 10.0
"""Seconds that a case may take with a mutant: a loop that never ends is noticed."""


@dataclass
class Survival:
    """What came of the mutants of some cases' policies."""

    noticed: list[Mutant] = field(default_factory=list[Mutant])
    refused: list[Mutant] = field(default_factory=list[Mutant])
    """What would not even be saved."""
    survivors: list[Mutant] = field(default_factory=list[Mutant])
    """What cases reach and none notices."""
    unreached: list[Mutant] = field(default_factory=list[Mutant])
    """What no case reaches."""

    def add(self, other: "Survival") -> None:
        """Takes in what came of another file of cases."""
        self.noticed += other.noticed
        self.refused += other.refused
        self.survivors += other.survivors
        self.unreached += other.unreached

    @property
    def share(self) -> float:
        """Of the mutants that would be saved, how many are noticed, in percent."""
        lost = len(self.survivors) + len(self.unreached)
        return 100 * len(self.noticed) / ((len(self.noticed) + lost) or 1)


class FailingCases(ExplainedError):
    """Cases fail as the policies are: nothing can be said about mutants."""


@dataclass(frozen=True)
class _Reached:
    case: Case
    lines: Mapping[str, frozenset[int]]
    """Of each document, the lines of the policies that ran."""

    def reaches(self, mutant: Mutant, known: frozenset[int]) -> bool:
        """Whether a policy around the mistake ran; where none of them is known to run or not, it may have."""
        innermost = next((line for line in mutant.policies if line in known), None)
        ran = self.lines.get(mutant.document, frozenset())
        return bool(ran) if innermost is None else innermost in ran


def survival(cases: Cases, told: Callable[[Mutant, str], None] = lambda *_: None) -> Survival:
    """Runs the cases of a file with every mutant of their policies. Only those cases are run that reach the mistake.

    Args:
        cases: The file.
        told: Hears of each mutant and what came of it: `noticed`, `refused`, `survived` or `not reached`.

    Raises:
        FailingCases: one fails without any mistake.
        ExplainedError: the policies cannot be read.
    """
    declaration, found = cases.declaration(), Survival()
    reached, known = _baseline(cases, declaration)
    kinds = {
        "noticed": found.noticed,
        "refused": found.refused,
        "survived": found.survivors,
        "not reached": found.unreached,
    }
    for name, text in declaration.documents.items():
        inherited = _inherited(declaration, name)
        for mutant in mutants(name, text):
            if mutant.inherits and mutant.inherits not in inherited:
                # There is nothing to inherit: no test could tell.
                continue
            concerned = [one.case for one in reached if one.reaches(mutant, known.get(name, frozenset()))]
            outcome = _outcome(cases, declaration.with_document(name, mutant.text), concerned)
            kinds[outcome].append(mutant)
            told(mutant, outcome)
    return found


def _baseline(cases: Cases, declaration: Declaration) -> tuple[list[_Reached], Mapping[str, frozenset[int]]]:
    """What each case reaches, and the lines of all policies."""
    reached: list[_Reached] = []
    known: dict[str, set[int]] = {}
    for case in cases:
        coverage = Coverage()
        if problems := cases.run(case, declaration, coverage).problems:
            raise FailingCases(f"{cases.file.name}: {case.name} fails as the policies are: {problems[0]}")
        lines: dict[str, set[int]] = {}
        for place, count in coverage.policies.items():
            known.setdefault(place.document, set()).add(place.line)
            if count:
                lines.setdefault(place.document, set()).add(place.line)
        reached.append(_Reached(case, {name: frozenset(found) for name, found in lines.items()}))
    return reached, {name: frozenset(lines) for name, lines in known.items()}


def _inherited(declaration: Declaration, name: str) -> frozenset[str]:
    """The sections in which a document has policies to inherit."""
    outer = [declaration.policy, *(one.policy for one in declaration.products)]
    outer += [
        api.policy for api in declaration.apis if name in {api_document(api.id, one.id) for one in api.operations}
    ]
    found = {"backend"} if declaration.policy is None else set[str]()
    for text in filter(None, outer):
        try:
            root = parse(NAMED_VALUE.sub("0", text), name)
        except DocumentError:
            continue
        found |= {section.name for section in root.children if any(one.name != "base" for one in section.children)}
    return frozenset(found)


def _outcome(cases: Cases, declaration: Declaration, concerned: Sequence[Case]) -> str:
    try:
        PolicyGateway(declaration)
    except ExplainedError:
        return "refused"
    if not concerned:
        return "not reached"
    for case in concerned:
        try:
            with _at_most(_LONGEST):
                if cases.run(case, declaration, Coverage()).problems:
                    return "noticed"
        except (ExplainedError, TimeoutError):
            return "noticed"
    return "survived"


@contextmanager
def _at_most(seconds: float) -> Generator[None]:
    """Ends what takes longer, where the system and the thread let us."""
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
