"""Addresses of this machine for what Azure would give a host name of its own."""

import socket
from contextlib import ExitStack
from dataclasses import dataclass

from apim_policies.listener import bind

LOGIN_HOSTS = ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn")
"""Entra ID's hosts, that of the public cloud first.

https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud#microsoft-entra-authentication-endpoints
"""
_AFTER_CONSOLE = 3


@dataclass(frozen=True)
class Address:
    port: int
    sockets: list[socket.socket]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"


class Addresses:
    """Ports: the first gateway's, then Entra ID's and the trace console's, then those of further gateways.

    Gateways get theirs when the program declares them, in its order, and keep them as long as the local cloud runs.
    """

    def __init__(self, port: int) -> None:
        """`port`: of the first gateway; 0: all are free ones."""
        self._port = port
        self._opened = ExitStack()
        self.gateways: dict[str, Address] = {}
        """By the name of the API Management service."""
        self._first: Address | None = self._bind(0)
        self.entra = self._bind(1)
        self.console = self._bind(2)

    def of_gateway(self, service: str) -> str:
        """Address of the gateway of an API Management service.

        Raises:
            LocalCloudError: its port is taken.
        """
        if service not in self.gateways:
            if self._first is not None:
                self.gateways[service], self._first = self._first, None
            else:
                self.gateways[service] = self._bind(_AFTER_CONSOLE + len(self.gateways) - 1)
        return self.gateways[service].url

    def close(self) -> None:
        self._opened.close()

    def _bind(self, offset: int) -> Address:
        port, sockets = bind(self._port and self._port + offset)
        for opened in sockets:
            self._opened.callback(opened.close)
        return Address(port, sockets)
