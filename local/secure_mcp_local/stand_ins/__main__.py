"""`python -m secure_mcp_local.stand_ins PACKAGE`: the provider plugin, as the engine starts it."""

import os
import signal
import sys
import threading
from pathlib import Path

from secure_mcp_local.errors import ExplainedError
from secure_mcp_local.stand_ins import faults, plugins
from secure_mcp_local.stand_ins.service import PACKAGES, Provider, start
from secure_mcp_local.stand_ins.store import Store


def main(package: str) -> None:
    """Serves until the engine ends the process; the first line of output is the port, as the engine expects."""
    store = Store(Path(os.environ[plugins.STORE]))
    url = os.environ.get(plugins.GATEWAY_URL) or None
    rules = faults.Faults(faults.parsed(os.environ.get(faults.ENVIRONMENT_VARIABLE, "")))
    accepted = os.environ.get(plugins.ACCEPTED, "").split()
    server, port = start(Provider(package, store, url, rules, accepted))
    print(port, flush=True)
    ended = threading.Event()
    # The engine ends its plugins by SIGINT; Ctrl-C does not reach them, they have a process group of their own.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    server.stop(None)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in PACKAGES or plugins.STORE not in os.environ:
        sys.exit(
            f"usage: {plugins.STORE}=FOLDER python -m secure_mcp_local.stand_ins {{{','.join(PACKAGES)}}}; "
            "pulumi starts it when it runs under: secure-mcp stand-ins"
        )
    try:
        main(sys.argv[1])
    except ExplainedError as error:
        sys.exit(str(error))
