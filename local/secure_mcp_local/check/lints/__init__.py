"""Lints: what Azure accepts and a reviewer would not. One module for each theme."""

from secure_mcp_local.check.lint import Lint
from secure_mcp_local.check.lints import (
    access,
    bodies,
    calls,
    comparisons,
    cryptography,
    flow,
    patterns,
    secrets,
    variables,
)

LINTS: tuple[Lint, ...] = (
    *comparisons.LINTS,
    *patterns.LINTS,
    *cryptography.LINTS,
    *secrets.LINTS,
    *bodies.LINTS,
    *calls.LINTS,
    *access.LINTS,
    *flow.LINTS,
    *variables.LINTS,
)
