"""What a value of an option may be, each with the sentence that says so."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

Check = Callable[[Any], str | None]
"""What is wrong with a value of the right type, and what to write instead; None if it can work."""


@dataclass(frozen=True)
class Rule:
    """A pattern with its sentence."""

    pattern: str
    """Regular expression for the whole text."""
    problem: str
    """What to write instead."""


def matches(rule: Rule) -> Check:
    """A text of this kind."""
    return lambda value: None if re.fullmatch(rule.pattern, value) else rule.problem


def each(rule: Rule) -> Check:
    """A list whose items, or a map whose keys, are of this kind."""
    return lambda value: None if all(re.fullmatch(rule.pattern, item) for item in value) else rule.problem


def names(rule: Rule) -> Check:
    """A map whose values are of this kind."""
    return lambda value: None if all(re.fullmatch(rule.pattern, item) for item in value.values()) else rule.problem


def one_of(*allowed: str) -> Check:
    """One of a few words."""
    return lambda value: None if value in allowed else f"use one of {', '.join(allowed)}"


def between(at_least: int | None, at_most: int | None) -> Check:
    """A number within bounds, both included."""

    def check(value: int) -> str | None:
        if (at_least is None or value >= at_least) and (at_most is None or value <= at_most):
            return None
        if at_most is None:
            return f"use {at_least} or more"
        return f"use {at_most} or less" if at_least is None else f"use {at_least} to {at_most}"

    return check


def length(at_least: int = 0, at_most: int | None = None) -> Check:
    """A list or map of so many."""

    def check(value: Collection[Any]) -> str | None:
        if len(value) < at_least:
            return "give at least one" if at_least == 1 else f"give at least {at_least}"
        return None if at_most is None or len(value) <= at_most else f"give at most {at_most}"

    return check


def unlike(words: Collection[str], problem: str) -> Check:
    """A list without any of these."""
    return lambda value: problem if set(words) & set(value) else None
