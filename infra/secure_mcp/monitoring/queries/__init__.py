"""The Kusto queries of the workbook and of the alert rules: one readable file each.

They run on the workspace's own tables, so that one and the same text works in the workbook, in an alert rule and in the
portal's log search. Tables and columns: https://learn.microsoft.com/azure/azure-monitor/reference/tables-index.
"""

from functools import cache
from importlib.resources import files

_AUDIT = "audit-events"


@cache
def query(name: str) -> str:
    """A query as Log Analytics takes it.

    Args:
        name: name of its file, without the ending. What it says of `audit_events` is defined in front of it.

    Raises:
        ValueError: there is no such query.
    """
    folder = files(__name__)
    try:
        text = (folder / f"{name}.kql").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ValueError(f"there is no query {name!r}; the queries are {', '.join(names())}") from None
    return (folder / f"{_AUDIT}.kql").read_text(encoding="utf-8") + text if "audit_events" in text else text


def is_of_the_gateways_log(name: str) -> bool:
    """Whether a query asks the gateway's own log, which lies in a workspace of its own."""
    return "ApiManagementGatewayLogs" in query(name)


def names() -> list[str]:
    """Names of all queries."""
    found = (path.name for path in files(__name__).iterdir())
    return sorted(name[:-4] for name in found if name.endswith(".kql") and name != f"{_AUDIT}.kql")
