"""Faults: what the services around a gateway do on a bad day, switched on and off by name.

They hit requests through the network. Which there are says who serves the hosts.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableSet
from dataclasses import dataclass

from apim_policies.errors import ExplainedError


@dataclass(frozen=True)
class Fault:
    """One way for a service to fail. Exactly one of the effects below, in this order, if several are set."""

    name: str
    kind: str
    """Which service has it: what a host was served as."""
    description: str
    refuse: bool = False
    """The connection is refused."""
    delay: float = 0.0
    """Seconds until the service answers as usual. A caller with less patience times out."""
    lose_answer: bool = False
    """The service does what it was asked, and the answer never arrives."""
    drop: bool = False
    """The connection breaks in the middle of the answer's body."""
    status: int = 0
    """This answer comes instead of the service's own; the service never sees the request."""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


class ActiveFaults(MutableSet[str]):
    """Names of the faults that are switched on. Unknown names are refused."""

    def __init__(self, table: Mapping[str, Fault]) -> None:
        self._table = table
        self._names: set[str] = set()

    def add(self, value: str) -> None:
        """Switch a fault on.

        Raises:
            ExplainedError: there is no such fault.
        """
        self.require(value)
        self._names.add(value)

    def require(self, value: str) -> None:
        """
        Raises:
            ExplainedError: there is no such fault.
        """
        if value not in self._table:
            raise ExplainedError(f"there is no fault {value!r}; there are: {', '.join(self._table) or 'none'}")

    def discard(self, value: str) -> None:
        """Switch a fault off."""
        self._names.discard(value)

    def __contains__(self, value: object) -> bool:
        return value in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"ActiveFaults({sorted(self._names)})"


class Faults:
    """Which faults are on. The network asks for each request, identities for each token."""

    def __init__(self, table: Iterable[Fault] = ()) -> None:
        self._table = {fault.name: fault for fault in table}
        self.active = ActiveFaults(self._table)
        self.time_scale = 1.0
        """Real seconds for one second of a fault's delay, and of the caller's patience meanwhile: 1 is what a
        person sees; 0.01 lets a minute pass in 0.6 seconds for a test. Requests without a timeout wait in real
        time."""

    def of(self, kind: str | None) -> list[Fault]:
        """The active faults of one kind of service."""
        return [self._table[name] for name in self.active if kind is not None and self._table[name].kind == kind]
