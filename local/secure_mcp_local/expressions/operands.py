"""Operands that need no call: a variable is read from the environment, a constant is known. Most operations have one."""

from collections.abc import Callable
from typing import Any

Run = Callable[[list[Any]], Any]

_NONE = object()


def variable(slot: int) -> Run:
    """Reads a variable."""

    def read(env: list[Any]) -> Any:
        return env[slot]

    read.slot = slot  # pyright: ignore[reportFunctionMemberAccess]
    return read


def known(value: Any) -> Run:
    """Gives a constant."""

    def give(env: list[Any]) -> Any:
        del env
        return value

    give.value = value  # pyright: ignore[reportFunctionMemberAccess]
    return give


def slot_of(run: Run) -> int | None:
    """The slot of the variable that is read; None if it is something else."""
    return getattr(run, "slot", None)


def both(function: Callable[[Any, Any], Any], first: Run, second: Run) -> Run:
    """A function of two operands, the first of which is looked at first."""
    one, two, constant = slot_of(first), slot_of(second), getattr(second, "value", _NONE)
    if constant is not _NONE:
        if one is not None:
            return lambda env: function(env[one], constant)
        return lambda env: function(first(env), constant)
    if one is not None and two is not None:
        return lambda env: function(env[one], env[two])
    if one is not None:
        return lambda env: function(env[one], second(env))
    if two is not None:
        return lambda env: function(first(env), env[two])
    return lambda env: function(first(env), second(env))
