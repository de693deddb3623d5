"""All checks, in the order in which they are made: first those for which nobody has to sign in."""

from secure_mcp_local.doctor.check import Section
from secure_mcp_local.doctor.checks import (
    access,
    answers,
    authorization,
    calls,
    consent,
    grants,
    lifecycle,
    metadata,
    registration,
    session,
    token,
)

SECTIONS: tuple[Section, ...] = (
    access.SECTION,
    metadata.SECTION,
    registration.SECTION,
    authorization.SECTION,
    consent.SECTION,
    token.SECTION,
    grants.SECTION,
    session.SECTION,
    calls.SECTION,
    lifecycle.SECTION,
    answers.SECTION,
)

__all__ = ["SECTIONS"]
