"""What can be chosen about monitoring."""

from collections.abc import Sequence

from ..options import Options, each, option
from ..options.rules import EMAILS


class MonitoringOptions(Options):
    """Alerts: when, and whom they tell."""

    alert_emails: Sequence[str] = option(each(EMAILS), default=())
    """Addresses that alerts go to. If empty, they go to apimPublisherEmail."""
    alert_latency_seconds: int = option(default=10, at_least=1, at_most=230)
    """Seconds that the slowest of each twenty calls may take before an alert, 1 to 230."""
