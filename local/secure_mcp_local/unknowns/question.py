"""A question that only Azure can answer: what is believed, what depends on it, and how to ask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import httpx

_DOCUMENT = """<policies>
    <inbound>
        <base />
{inbound}
    </inbound>
    <backend>
        <base />
    </backend>
    <outbound>
        <base />
    </outbound>
    <on-error>
        <base />
{on_error}
    </on-error>
</policies>"""


class Gateway(Protocol):
    """The temporary API of a run."""

    units: int
    """Scale units of the service."""

    def send(
        self,
        path: str,
        method: str = "GET",
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        query: str = "",
    ) -> httpx.Response:
        """Calls an operation. `path` is sent as it is, below the API's own."""
        ...


@dataclass(frozen=True)
class Operation:
    """An operation of the temporary API."""

    id: str
    inbound: str
    """Its inbound policies. `{base}`, `{key}` and `{fragment}` stand for the API's address, its secret and the id of its fragment."""
    template: str = ""
    """Of its address; `/<id>` if empty."""
    method: str = "GET"
    on_error: str = ""
    """Its policies for errors."""
    fragment: str = ""
    """What is in a fragment of its own, which its policies may include."""

    def document(self, base: str, key: str, fragment: str = "") -> str:
        """Its policy document."""
        inbound = self.inbound.replace("{base}", base).replace("{key}", key).replace("{fragment}", fragment)
        return _DOCUMENT.format(inbound=inbound, on_error=self.on_error)


@dataclass(frozen=True)
class Probe:
    """How the command asks."""

    operations: Sequence[Operation]
    ask: Callable[[Gateway], str]
    """Gives the answer, in the words of one of the beliefs where it can."""


@dataclass(frozen=True, kw_only=True)
class Question:
    name: str
    text: str
    belief: str
    """The answer that the code is written for."""
    matters: str
    """What depends on it."""
    source: str
    """Where the belief comes from."""
    by_hand: str
    """How to find out in five minutes."""
    probe: Probe | None = None
    """None: nothing in a policy can ask."""
    modelled: bool = True
    """Whether the local cloud behaves as believed."""


@dataclass(frozen=True)
class Answer:
    question: Question
    said: str
    """Empty: it could not be asked."""
    problem: str = ""
    """Why it could not."""

    @property
    def outcome(self) -> str:
        """`as believed`, `differs` or `not asked`."""
        if not self.said:
            return "not asked"
        return "as believed" if self.said == self.question.belief else "differs"

    def as_json(self) -> dict[str, str]:
        """Plain JSON values, keys in a fixed order."""
        return {
            "name": self.question.name,
            "question": self.question.text,
            "answer": self.said,
            "belief": self.question.belief,
            "outcome": self.outcome,
            "matters": self.question.matters,
            "problem": self.problem,
        }


def said(expression: str) -> str:
    """A policy that answers with the value of an expression as text."""
    return f"""        <return-response>
            <set-status code="200" reason="OK" />
            <set-header name="Content-Type" exists-action="override">
                <value>text/plain; charset=utf-8</value>
            </set-header>
            <set-body>{expression}</set-body>
        </return-response>"""
