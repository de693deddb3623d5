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
    log_retention_days: int = option(default=30, at_least=30, at_most=730)
    """Days that logs are kept, 30 to 730; the first 31 cost nothing."""
    daily_cap_gb: int = option(default=5, at_least=1, at_most=4000)
    """Gigabytes of telemetry a day, after which Azure takes no more until the next. The gateway's own log, which has the audit
    events, lies in a workspace of its own and goes on."""
