"""Lints: what Azure accepts and a reviewer would not. One module for each theme."""

from apim_policies.check.lint import Lint
from apim_policies.check.lints import (
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
