"""Calls of what .NET objects have: the receiver must exist, and results know their type."""

from collections.abc import Callable
from typing import Any, Never

from apim_policies.expressions.code import Code, places, simple
from apim_policies.expressions.objects import boxing
from apim_policies.expressions.types import Type
from apim_policies.expressions.values.failing import missing, null_reference
from apim_policies.expressions.values.failures import CSharpException


def existing(run: Code) -> Code:
    """The receiver, or a NullReferenceException."""
    if run.exists:
        return run
    return Code("{o} if ({o} := {0}) is not None else {missing}()", run, missing=missing)


def called(
    function: Callable[..., Any], receiver: Code, *arguments: Code, before: str = "", checked: bool = True
) -> Code:
    """A call of a member; `before` stands before its arguments. C# looks whether the receiver exists after them."""
    given = places(len(arguments) + 1)
    if not checked or receiver.exists or all(map(simple, arguments)):
        owner = existing(receiver) if checked else receiver
        return Code(f"{{function}}({before}{given})", owner, *arguments, function=function)
    names = [f"{{a{n}}}" for n in range(len(arguments) + 1)]
    evaluated = ", ".join(f"{name} := {{{n}}}" for n, name in enumerate(names))
    return Code(
        f"{{function}}({before}{', '.join(names)}) if ({evaluated}) and {{a0}} is not None else {{missing}}()",
        receiver, *arguments, function=function, missing=missing,
    )  # fmt: skip


def element(receiver: Code, index: Code) -> Code:
    """An element of an array, which is what loops read."""
    evaluated = "({o} := {0}) is not None" if simple(index) else "(({o} := {0}), ({i} := {1})) and {o} is not None"
    at = "{1}" if simple(index) else "{i}"
    return Code(
        f"{{o}}[{at}] if {evaluated} and 0 <= {at} < {{len}}({{o}}) else {{outside}}({{o}})",
        receiver, index, len=len, outside=_outside,
    )  # fmt: skip


def _outside(owner: Any) -> Never:
    if owner is None:
        raise null_reference()
    raise CSharpException("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")


def stamped(run: Code, type: Type) -> Code:
    """Plain lists become arrays of their static type."""
    stamp = boxing.stamp(type)
    return run if stamp is None else Code("{stamp}({0})", run, stamp=stamp)
