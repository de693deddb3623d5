"""A request as a curl command. What its trace hides are shell variables for whoever sends it again to set."""

import re
import shlex
from urllib.parse import quote

from apim_policies.pipeline.trace import RequestTrace

_HIDDEN = re.compile("(‹[^‹›]*›)")
_NOT_SENT = frozenset(
    {"host", "content-length", "connection", "accept-encoding", "user-agent", "transfer-encoding", "expect"}
)
"""Headers that curl makes by itself."""


def curl(trace: RequestTrace, gateway_url: str) -> str:
    """The command, for a POSIX shell."""
    command = _Command()
    url = command.words(gateway_url + trace.path, "PART")
    for number, (name, value) in enumerate(trace.query):
        url += command.words(f"{'&' if number else '?'}{_encoded(name)}={_encoded(value)}", name)
    lines = [f"curl --include --globoff --request {command.words(trace.method, 'METHOD')} {url}"]
    for name, value in trace.request_headers:
        if name.lower() not in _NOT_SENT:
            lines.append(f"--header {command.words(f'{name}: {value}', name)}")
    if _has_body(trace):
        lines.append("--data-binary @body")
    needs = [*command.variables, *(["the file body"] if _has_body(trace) else [])]
    hint = f"# First set {', '.join(needs)}: traces keep no secrets and no bodies.\n" if needs else ""
    return hint + " \\\n  ".join(lines)


class _Command:
    """Quotes words, and knows which variables they need."""

    def __init__(self) -> None:
        self.variables: list[str] = []

    def words(self, text: str, name: str) -> str:
        """One word of the shell. `name`: what its hidden parts are called."""
        return "".join(
            f'"${self._variable(name)}"' if _HIDDEN.fullmatch(part) else shlex.quote(part)
            for part in _HIDDEN.split(text)
            if part
        )

    def _variable(self, name: str) -> str:
        base = re.sub(r"[^A-Z0-9]+", "_", _HIDDEN.sub("", name).upper()).strip("_") or "VALUE"
        base = f"_{base}" if base[0].isdigit() else base
        variable, number = base, 1
        while variable in self.variables:
            number += 1
            variable = f"{base}_{number}"
        self.variables.append(variable)
        return variable


def _encoded(text: str) -> str:
    """For a query string, without what is hidden."""
    return "".join(part if _HIDDEN.fullmatch(part) else quote(part, safe="") for part in _HIDDEN.split(text))


def _has_body(trace: RequestTrace) -> bool:
    headers = {name.lower(): value for name, value in trace.request_headers}
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
