"""`secure-mcp sessions`: an operator lists and ends sessions, through the gateway, whoever else can reach its session store."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import typer

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.resource_manager import AzureError, login

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_COLUMNS = ("user", "client", "server", "created", "last used", "ends")


@dataclass(frozen=True)
class Asked:
    """Whose sessions it is about, and who asks."""

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
    def form(self) -> dict[str, str]:
        """The fields that say whose sessions are meant."""
        given = {"user": self.user.lower(), "client": self.client}
        return {name: value for name, value in given.items() if value}

    def url(self, operation: str) -> str:
        """Where `list` or `end` is asked for."""
        return f"{self.gateway.rstrip('/')}/sessions/{operation}"

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
        if self.user and self.client:
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


def end(asked: Asked) -> None:
    """Ends sessions and says so.

    Raises:
        LocalCloudError: nothing was ended; says why.
    """
    asked.check()
    if not asked.form:
        raise LocalCloudError("give either --user or --client")
    [answer] = _answers(asked, "end", "nothing was ended")
    before = _time(answer["before"], "seconds")
    whose = f"of the user {asked.user}" if asked.user else f"of the client {asked.client}"
    typer.echo(f"All sessions {whose} that began until {before} UTC have ended, everywhere within a minute.")


def show(asked: Asked, *, as_json: bool) -> None:
    """Prints the sessions that there are, those that were used last at the end: a line each, or JSON with times in seconds since 1970.

    Raises:
        LocalCloudError: they cannot be read; says why.
    """
    asked.check()
    found = sessions(asked)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    rows = [
        (
            f"{_shown(one['name']) or 'without a name'} {_shown(one['user'])}{' (workload)' if one['caller'] == 'workload' else ''}",
            _client(one),
            _shown(urlsplit(one["server"]).path),
            *(_time(one[name], "minutes") for name in ("began", "used", "ends")),
        )
        for one in found
    ]
    widths = [max(len(row[column]) for row in [_COLUMNS, *rows]) for column in range(len(_COLUMNS))]
    for row in [_COLUMNS, *rows] if rows else []:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    typer.echo(f"{len(rows)} session{'' if len(rows) == 1 else 's'}; times are UTC", err=True)


def sessions(asked: Asked) -> list[dict[str, Any]]:
    """The sessions that there are, by when they were last used.

    Raises:
        LocalCloudError: they cannot be read; says why.
    """
    found: list[dict[str, Any]] = []
    ended: dict[tuple[str, str], int] = {}
    for page in _answers(asked, "list", "the sessions cannot be read"):
        found += page["sessions"]
        # What was ended stays in the store until its time is over. It counts however late it is read.
        ended |= {(one["user"], one["client"]): one["before"] for one in page["ended"]}

    def goes_on(one: Mapping[str, Any]) -> bool:
        endings = (ended.get((one["user"], ""), -1), ended.get(("", one["client"]), -1))
        return max(endings) < one["began"]

    return sorted(filter(goes_on, found), key=lambda one: (one["used"], one["began"]))


def _answers(asked: Asked, operation: str, otherwise: str) -> Iterator[dict[str, Any]]:
    """The gateway's answer, page by page.

    Args:
        asked: By whom, about whom.
        operation: `list` or `end`.
        otherwise: What to say when it refuses.
    """
    after = ""
    try:
        with httpx.Client(timeout=30, trust_env=asked.gateway.startswith("https")) as http:
            headers = {"Authorization": f"Bearer {login_of(asked, http)}"}
            while True:
                form = asked.form | ({"next": after} if after else {})
                answer = http.post(asked.url(operation), data=form, headers=headers)
                if answer.status_code != 200:
                    raise LocalCloudError(f"{otherwise}: {_said(answer)}")
                page: dict[str, Any] = answer.json()
                yield page
                after = str(page.get("next") or "")
                if not after:
                    return
    except AzureError as error:
        raise LocalCloudError(str(error)) from None
    except httpx.HTTPError as error:
        raise LocalCloudError(f"{asked.gateway} does not answer: {error}") from None


def login_of(asked: Asked, http: httpx.Client) -> str:
    """The operator's token for the sign-in application: of the Azure CLI's login, or of the local Entra ID."""
    if asked.application:
        return login()(asked.application)
    challenge = http.post(asked.url("list")).headers.get("www-authenticate", "")
    found = re.search(r'authorization_uri="([^"]+)", resource_id="([^"]+)"', challenge)
    if found is None or urlsplit(found[1]).hostname not in _LOOPBACK:
        raise LocalCloudError(f"{asked.gateway} is no gateway of a local cloud; give --application")
    answer = http.get(f"{found[1]}/local/azure-cli/{found[2]}/{asked.person}")
    if answer.status_code != 200:
        raise LocalCloudError(
            f"{asked.person} gets no token of the local Entra ID: {_said(answer)} "
            "(the option operators says who may; --as NAME is who you are)"
        )
    return str(answer.json()["accessToken"])


def _client(one: Mapping[str, Any]) -> str:
    """A client's id says nothing to people; where its answers go does."""
    redirect = urlsplit(one["redirect"])
    where = redirect.hostname or redirect.scheme
    return _shown(one["client"]) + (f" ({_shown(where)})" if where and where not in one["client"] else "")


def _time(seconds: int, timespec: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(" ", timespec)


def _shown(text: str) -> str:
    """Names are others' words; a terminal obeys some signs."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _said(answer: httpx.Response) -> str:
    try:
        return f"{answer.status_code}, {answer.json()['error_description']}"
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)
