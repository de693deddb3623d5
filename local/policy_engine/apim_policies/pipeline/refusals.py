"""Why a service refused something: what it expected and what is declared, for whoever looks at the terminal or the console."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from urllib.parse import parse_qsl, urlsplit

_LONGEST = 300
"""Characters of one part: what strangers send may be in it."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TOKEN = re.compile(r"\beyJ[\w-]{8,}(\.[\w-]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refusal, as the service itself would name it. No part of it may hold what opens anything."""

    service: str
    """Whose it is, such as `Entra ID`, and of which resource."""
    code: str
    """The service's own error code, such as `AADSTS700213` or `403/5302 RbacUnauthorizedNameBasedDataRequest`."""
    message: str
    """What the service says."""
    expected: str = ""
    """What would have been let through."""
    declared: str = ""
    """What the stack declares instead."""
    remedy: str = ""
    """What to change, if the two do not say it."""
    asked: str = ""
    """The address that a browser brought here, which tells whose redirect sent it; empty if another service called."""
    answered: str = ""
    """The address that the browser is sent to with the refusal; empty if it stays."""

    @property
    def why(self) -> str:
        """What was expected and what was declared, in one line; what the service says where that is all there is."""
        parts = [
            f"{name}{_plain(text)}"
            for name, text in (("expected ", self.expected), ("declared: ", self.declared), ("", self.remedy))
            if text
        ]
        return "; ".join(parts if self.expected else [_plain(self.message), *parts])

    def shown(self, hidden: Iterable[str]) -> dict[str, str]:
        """JSON-ready: what a page may show, without any of some texts."""
        shown = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        del shown["asked"], shown["answered"]
        shown["why"] = self.why
        for secret in hidden:
            shown = {name: text.replace(secret, "[secret]") for name, text in shown.items()}
        return shown

    def __str__(self) -> str:
        return f"{_plain(self.service)} refused, {_plain(self.code)}: {self.why}"


Explain = Callable[[Refusal], None]
"""Takes what a service has refused, where that is told to a person."""


def unexplained(refusal: Refusal) -> None:
    """For services that run alone: nobody listens."""
    del refusal


def leads_to(location: str, address: str) -> bool:
    """Whether a redirect to `location` brought a browser to `address`, which may have got more parameters on the way.

    Hosts are not compared: on this machine a browser finds a service at another address than the one that policies name.
    """
    try:
        one, other = urlsplit(location), urlsplit(address)
    except ValueError:
        return False
    if not location or one.path != other.path:
        return False
    return set(parse_qsl(one.query, keep_blank_values=True)) <= set(parse_qsl(other.query, keep_blank_values=True))


def _plain(text: str) -> str:
    """One line without anything that a terminal would obey, and without tokens."""
    text = _TOKEN.sub("[token]", _CONTROL.sub(" ", text))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
