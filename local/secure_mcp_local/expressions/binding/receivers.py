"""Calls of what .NET objects have: the receiver must exist, and results know their type."""

from collections.abc import Callable
from typing import Any

from secure_mcp_local.expressions import conversions
from secure_mcp_local.expressions.code import Code, Constant, simple
from secure_mcp_local.expressions.failing import missing
from secure_mcp_local.expressions.types import Type


def existing(run: Code) -> Code:
    """The receiver, or a NullReferenceException."""
    if isinstance(run, Constant) and run.value is not None:
        return run
    return Code("{o} if ({o} := {0}) is not None else {missing}()", run, missing=missing)


def called(
    function: Callable[..., Any], receiver: Code, *arguments: Code, before: str = "", checked: bool = True
) -> Code:
    """A call of a member; `before` stands before its arguments. C# looks whether the receiver exists after them."""
    given = [f"{{{n}}}" for n in range(len(arguments) + 1)]
    if not checked or all(map(simple, arguments)):
        owner = existing(receiver) if checked else receiver
        return Code(f"{{function}}({before}{', '.join(given)})", owner, *arguments, function=function)
    names = [f"{{a{n}}}" for n in range(len(given))]
    evaluated = ", ".join(f"{name} := {part}" for name, part in zip(names, given, strict=True))
    return Code(
        f"{{function}}({before}{', '.join(names)}) if ({evaluated}) and {{a0}} is not None else {{missing}}()",
        receiver, *arguments, function=function, missing=missing,
    )  # fmt: skip


def stamped(run: Code, type: Type) -> Code:
    """Plain lists become arrays of their static type."""
    stamp = conversions.stamp(type)
    return run if stamp is None else Code("{stamp}({0})", run, stamp=stamp)
