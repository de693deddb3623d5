"""Addresses of this machine for what Azure would give a host name of its own."""

import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from apim_policies.listener import bind
from secure_mcp_local import ports

LOGIN_HOSTS = ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn")
"""Entra ID's hosts, that of the public cloud first.

https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud#microsoft-entra-authentication-endpoints
"""


@dataclass(frozen=True)
class Address:
    port: int
    sockets: list[socket.socket]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"


class Addresses:
    """Ports, in the order of `ports`.

    Gateways get theirs when the program declares them, in its order, and keep them as long as the local cloud runs.
    """

    def __init__(self, port: int, deployed: Mapping[str, int] | None = None) -> None:
        """
        Args:
            port: Of the first gateway; 0: all are free ones.
            deployed: Ports that gateways have already, by the names of their services.
        """
        self._port = port
        self._deployed = deployed or {}
        self._opened = ExitStack()
        self.gateways: dict[str, Address] = {}
        """By the name of the API Management service."""
        self._first: Address | None = self._bind(0)
        self.entra = self._bind(ports.ENTRA)
        self.console = self._bind(ports.CONSOLE)

    def of_gateway(self, service: str) -> str:
        """Address of the gateway of an API Management service.

        Raises:
            LocalCloudError: its port is taken.
        """
        if service not in self.gateways:
            offset = self._deployed.get(service, self._port) - self._port
            if self._first is not None and not offset:
                self.gateways[service], self._first = self._first, None
            else:
                self.gateways[service] = self._bind(offset or ports.of_gateway(len(self.gateways)))
        return self.gateways[service].url

    def close(self) -> None:
        self._opened.close()

    def _bind(self, offset: int) -> Address:
        port, sockets = bind(self._port and self._port + offset)
        for opened in sockets:
            self._opened.callback(opened.close)
        return Address(port, sockets)
