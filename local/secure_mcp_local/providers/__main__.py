"""`python -m secure_mcp_local.providers PACKAGE`: the provider plugin, as the engine starts it."""

import os
import signal
import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.providers import faults, plugins
from secure_mcp_local.providers.service import PACKAGES, Provider
from secure_mcp_local.providers.store import Store
from secure_mcp_local.recording.models import Environment

_CALLS = 32
"""At a time; a call that stalls holds one."""


def main(package: str) -> None:
    """Serves until the engine ends the process; the first line of output is the port, as the engine expects."""
    store = Store(Path(os.environ[plugins.STORE]))
    environment = Environment(gateway_url=os.environ.get(plugins.GATEWAY_URL) or None)
    rules = faults.Faults(faults.parsed(os.environ.get(faults.ENVIRONMENT_VARIABLE, "")))
    # Packages of code and long policies do not fit into the 4 MB that gRPC allows by itself.
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(_CALLS), options=unlimited)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(package, store, environment, rules), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
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
            f"usage: {plugins.STORE}=FOLDER python -m secure_mcp_local.providers {{{','.join(PACKAGES)}}}; "
            "pulumi starts it when it runs under: secure-mcp stand-ins"
        )
    try:
        main(sys.argv[1])
    except LocalCloudError as error:
        sys.exit(str(error))
