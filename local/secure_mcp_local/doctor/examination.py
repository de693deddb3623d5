"""Makes the checks, one after the other."""

from collections.abc import Callable, Collection

from secure_mcp_local.doctor.check import Check, Section
from secure_mcp_local.doctor.checks import SECTIONS
from secure_mcp_local.doctor.report import DoctorError, Failure, Finding, Outcome, Report, Skipped
from secure_mcp_local.doctor.subject import Subject

Told = Callable[[Finding], None]


def chosen(only: Collection[str], *, anonymous: bool) -> list[tuple[Section, Check]]:
    """The checks to make, in their order.

    Args:
        only: Names of checks; empty for all.
        anonymous: Leave out those for which somebody must sign in.

    Raises:
        DoctorError: a name is no check's, or none is left.
    """
    known = {check.name for section in SECTIONS for check in section.checks}
    if unknown := sorted(set(only) - known):
        raise DoctorError(f"no check is called {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
    found = [
        (section, check)
        for section in SECTIONS
        for check in section.checks
        if (not only or check.name in only) and not (anonymous and section.signed_in)
    ]
    if not found:
        raise DoctorError(
            "nothing is left to check: --only names checks that need a sign-in, and --anonymous forbids it"
        )
    return found


async def examine(subject: Subject, checks: list[tuple[Section, Check]], told: Told | None = None) -> Report:
    """Makes the checks and takes back what they made, whatever happens.

    Args:
        told: Called with each line when it is there.

    Raises:
        DoctorError: the server does not answer at all.
    """
    await subject.server.reach()
    findings: list[Finding] = []
    try:
        for section, check in checks:
            finding = await _made(subject, section, check)
            findings.append(finding)
            if told:
                told(finding)
    finally:
        await subject.clean_up()
    return Report(subject.url, tuple(findings), tuple(subject.left_behind))


async def _made(subject: Subject, section: Section, check: Check) -> Finding:
    try:
        outcome, seen = Outcome.PASS, await check.examine(subject)
    except Failure as failure:
        outcome, seen = Outcome.FAIL, str(failure)
    except Skipped as skipped:
        outcome, seen = Outcome.SKIP, str(skipped)
    except ValueError as error:
        # Addresses that are none, most likely; whatever the server says, the examination goes on.
        outcome, seen = Outcome.FAIL, f"what the server says cannot be read: {error}"
    failed = outcome is Outcome.FAIL
    return Finding(
        check.name,
        check.line,
        section.title,
        check.title,
        outcome,
        printable(subject.censored(seen)),
        check.why if failed else "",
        check.fix if failed else "",
    )


def printable(text: str) -> str:
    """One line without control characters: what a server said must not steer a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
