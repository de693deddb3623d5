"""All checks in a row, and what each says."""

import ipaddress
import socket
from collections.abc import Callable, Sequence

from secure_mcp_local.preflight import capacity, directory, subscription
from secure_mcp_local.preflight.check import Check, Line, Outcome, Unknown, Wrong
from secure_mcp_local.preflight.subject import Subject
from secure_mcp_local.resource_manager import Refused

_CONNECT = 3.0
"""Seconds."""
_FORBIDDEN = {401, 403}


def _private_reach(subject: Subject) -> str:
    """Whether this machine is where the code must be published from."""
    endpoints = subject.all("network:PrivateEndpoint")
    sites = [one for one in endpoints if "/sites/" in str(one.inputs.get("privateLinkServiceConnections")).lower()]
    if not sites:
        raise Unknown("the function app is public")
    if not subject.apps:
        raise Unknown("the network is not there yet; ask again after the first pulumi up")
    for app in subject.apps:
        host = f"{app.lower()}.scm.azurewebsites.net"
        address = subject.reach(host)
        if not address or not ipaddress.ip_address(address).is_private:
            seen = f"{host} is {address}, a public address" if address else f"{host} cannot be reached"
            raise Wrong(
                seen,
                "run pulumi up from inside the network (a runner, a VPN) that resolves privatelink.azurewebsites.net",
            )
    return "reached at a private address"


def reached(host: str) -> str:
    """The address at which a host takes connections at port 443; empty if none."""
    try:
        with socket.create_connection((host, 443), timeout=_CONNECT) as connection:
            return str(connection.getpeername()[0])
    except OSError:
        return ""


CHECKS: tuple[Check, ...] = (
    *subscription.CHECKS,
    *capacity.CHECKS,
    *directory.CHECKS,
    Check("private-reach", "This machine reaches the private function app", "learn.microsoft.com/azure/app-service/overview-private-endpoint", _private_reach),
)  # fmt: skip


def examine(subject: Subject, checks: Sequence[Check], tell: Callable[[Line], None]) -> list[Line]:
    """Asks everything; a check that cannot be asked does not stop the others.

    Raises:
        AzureError: nobody is signed in, or Azure does not answer.
    """
    lines: list[Line] = []
    for check in checks:
        line = _line(check, subject)
        lines.append(line)
        tell(line)
    return lines


def _line(check: Check, subject: Subject) -> Line:
    try:
        return Line(check, Outcome.OK, check.ask(subject))
    except Wrong as wrong:
        return Line(check, Outcome.WRONG, wrong.seen, wrong.remedy)
    except Unknown as unknown:
        return Line(check, Outcome.UNKNOWN, str(unknown))
    except Refused as refused:
        reading = "the right to read it is missing" if refused.status in _FORBIDDEN else "it could not be asked"
        return Line(check, Outcome.UNKNOWN, f"{reading} ({refused})")
