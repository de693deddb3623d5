"""Sections of policies and how they run: scope by scope, element by element."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from apim_policies.expressions import CSharpException
from apim_policies.expressions.context import LastError
from apim_policies.pipeline.call import Call, Failure, Returned
from apim_policies.pipeline.incoming import LargeBody
from apim_policies.pipeline.trace import Place


class Policy(Protocol):
    """One policy element, ready to run."""

    def run(self, call: Call) -> Awaitable[None] | None:
        """What it does; if that takes others, what to wait for: most policies wait for nobody."""
        ...


@dataclass(frozen=True, slots=True)
class Placed:
    """A policy and where it stands."""

    policy: Policy
    place: Place
    id: str | None = None
    """What `context.LastError.PolicyId` says of it."""


@dataclass
class Scope:
    """The policies of one scope, by section. A section that its document does not have is empty."""

    name: str
    """`global`, `api` or `operation`."""
    sections: dict[str, list[Placed]] = field(default_factory=dict[str, list[Placed]])


class Base:
    """`<base />`: the section of the scope around this one."""

    def __init__(self, section: str, outer: Sequence[Scope]) -> None:
        self._section, self._outer = section, outer

    def run(self, call: Call) -> Awaitable[None]:
        return run_section(call, self._section, self._outer)


async def run_section(call: Call, section: str, scopes: Sequence[Scope]) -> None:
    """Runs a section of the innermost scope, the last of `scopes`; `<base />` in it runs the others."""
    if not scopes:
        return
    before = call.section, call.scope
    call.section, call.scope = section, scopes[-1].name
    try:
        await run_policies(call, scopes[-1].sections.get(section, []))
    finally:
        call.section, call.scope = before


async def run_policies(call: Call, policies: Sequence[Placed]) -> None:
    """Runs policies in order.

    Raises:
        Failure: one failed; with its name.
        Returned: one answered.
    """
    trace, section, scope = call.trace, call.section, call.scope
    for placed in policies:
        policy = placed.policy
        if isinstance(policy, Base):
            await policy.run(call)
            continue
        step = trace.begin(section, scope, placed.place)
        try:
            waiting = policy.run(call)
            if waiting is not None:
                await waiting
            step.failed = False
        except Returned:
            step.failed = False
            raise
        except CSharpException as error:
            body = call.context.request.body
            too_large = isinstance(body, LargeBody) and body.attempted
            failure = Failure(
                "ExpressionValueEvaluationFailure", f"{placed.place.element}: {error.type}", 413 if too_large else 500
            )
            trace.failed(step, error.type)
            raise _placed(failure, placed, call) from error
        except Failure as failure:
            if not failure.source:
                trace.failed(step, failure.reason, failure.message)
            raise _placed(failure, placed, call) from failure.__cause__
        finally:
            trace.end(step)


def _placed(failure: Failure, placed: Placed, call: Call) -> Failure:
    """The failure with its place, if it has none yet: the innermost policy is its source."""
    if not failure.source:
        failure.source, failure.policy_id = placed.place.element, placed.id
        failure.section, failure.scope = call.section, call.scope
        failure.path = placed.place.path
    return failure


def last_error(failure: Failure) -> LastError:
    """What `context.LastError` says about a failure.

    The documentation of its path has the example `choose\\otherwise\\choose[3]\\when[2]`.
    """
    return LastError(
        source=failure.source,
        reason=failure.reason,
        message=failure.message,
        scope=failure.scope,
        section=failure.section,
        path="\\".join(failure.path),
        policy_id=failure.policy_id,
    )
