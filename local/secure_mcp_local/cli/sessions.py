"""`secure-mcp sessions`: an operator ends sessions, through the gateway, whoever else can reach its session store."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import typer

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.resource_manager import AzureError, login

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Ending:
    """Whose sessions end, and who says so."""

    gateway: str
    """Address of the gateway."""
    user: str
    """Object id, or empty."""
    client: str
    """Client id, or empty."""
    application: str
    """Client id of the sign-in application; empty at the local cloud, which says it itself."""
    person: str
    """Who is signed in with the Azure CLI at the local cloud."""

    @property
    def url(self) -> str:
        """Where it is asked for."""
        return self.gateway.rstrip("/") + "/sessions/end"

    def check(self) -> None:
        """
        Raises:
            LocalCloudError: it cannot be asked for like that.
        """
        parts = urlsplit(self.gateway)
        local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not (parts.scheme == "https" or local) or not parts.hostname:
            raise LocalCloudError(
                f"{self.gateway!r} is no address of a gateway; give https://HOST, or http://localhost:PORT"
            )
        if bool(self.user) == bool(self.client):
            raise LocalCloudError("give either --user or --client")
        if self.user and not _GUID.fullmatch(self.user):
            raise LocalCloudError(
                f"--user {self.user!r} is no object id; az ad user show --id NAME --query id prints one"
            )
        # A gateway could name any application; a token for that would be given to whoever runs the address.
        if not local and not _GUID.fullmatch(self.application):
            raise LocalCloudError(
                "give --application, the client id of the gateway's sign-in application: pulumi stack output, or Entra ID"
            )


def end(ending: Ending) -> None:
    """Asks and prints.

    Raises:
        LocalCloudError: nothing was ended; says why.
    """
    ending.check()
    form = {"user": ending.user.lower()} if ending.user else {"client": ending.client}
    try:
        with httpx.Client(timeout=30, trust_env=ending.gateway.startswith("https")) as http:
            token = login_of(ending, http)
            answer = http.post(ending.url, data=form, headers={"Authorization": f"Bearer {token}"})
    except AzureError as error:
        raise LocalCloudError(str(error)) from None
    except httpx.HTTPError as error:
        raise LocalCloudError(f"{ending.gateway} does not answer: {error}") from None
    if answer.status_code != 200:
        raise LocalCloudError(f"nothing was ended: {_said(answer)}")
    before = datetime.fromtimestamp(answer.json()["before"], UTC)
    whose = f"of the user {ending.user}" if ending.user else f"of the client {ending.client}"
    typer.echo(
        f"All sessions {whose} that began until {before:%Y-%m-%d %H:%M:%S} UTC have ended, everywhere within a minute."
    )


def login_of(ending: Ending, http: httpx.Client) -> str:
    """The operator's token for the sign-in application: of the Azure CLI's login, or of the local Entra ID."""
    if ending.application:
        return login()(ending.application)
    challenge = http.post(ending.url).headers.get("www-authenticate", "")
    found = re.search(r'authorization_uri="([^"]+)", resource_id="([^"]+)"', challenge)
    if found is None or urlsplit(found[1]).hostname not in _LOOPBACK:
        raise LocalCloudError(f"{ending.gateway} is no gateway of a local cloud; give --application")
    answer = http.get(f"{found[1]}/local/azure-cli/{found[2]}/{ending.person}")
    if answer.status_code != 200:
        raise LocalCloudError(f"{ending.person} gets no token of the local Entra ID: {_said(answer)}")
    return str(answer.json()["accessToken"])


def _said(answer: httpx.Response) -> str:
    try:
        return f"{answer.status_code}, {answer.json()['error_description']}"
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)
