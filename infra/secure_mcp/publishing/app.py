"""A function app that code is published to, and who publishes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from .answers import cause_of, list_of, object_of, text_of
from .failure import PublishingError

API_VERSION = "2024-04-01"
"""Of Microsoft.Web, for an app and the list of its functions."""
CONNECT = 20
ANSWER = 600
"""Seconds for one request: the package goes up within it."""


class Identity(Protocol):
    """Who publishes."""

    @property
    def arm(self) -> str:
        """Address of Azure Resource Manager."""
        ...

    def token(self) -> str:
        """A token for it, valid now."""
        ...


@dataclass(frozen=True)
class App:
    """A function app that code is published to."""

    id: str
    """ARM id of the function app."""
    scm: str
    """Address of its deployment endpoint, without a trailing slash: `https://` and the site's host name of type Repository."""

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]


def scm_host(site: Mapping[str, Any]) -> str:
    """The host name of a site's deployment endpoint: the one of type Repository. With unique default host names it does not
    follow from the site's name.

    Args:
        site: Properties of the site, `hostNameSslStates` among them.

    Raises:
        PublishingError: it has none.
    """
    for state in list_of(site.get("hostNameSslStates")):
        if state.get("hostType") == "Repository" and state.get("name"):
            return str(state["name"])
    raise PublishingError(
        f"Azure names no deployment endpoint of {site.get('name', 'the site')} (a host name of type Repository in "
        "hostNameSslStates), so its code cannot be published; run pulumi up --refresh, or set deployCode to false"
    )


def app_of(id: str, deployer: Identity) -> App:
    """The app with an ARM id, as Azure describes it.

    Raises:
        PublishingError: there is none, or it may not be read.
    """
    import requests  # noqa: PLC0415  (most programs that name an app ask nobody about it)

    try:
        answer = requests.get(
            f"{deployer.arm}{id}",
            params={"api-version": API_VERSION},
            headers={"Authorization": f"Bearer {deployer.token()}"},
            timeout=(CONNECT, ANSWER),
        )
    except requests.RequestException as error:
        raise PublishingError(f"{deployer.arm} cannot be reached: {cause_of(error)}") from None
    if answer.status_code != requests.codes.ok:
        raise PublishingError(f"{id or 'the app'} cannot be read: {answer.status_code} {text_of(answer)}")
    properties: object = object_of(answer).get("properties")
    site = cast("Mapping[str, Any]", properties) if isinstance(properties, dict) else {}
    return App(id, f"https://{scm_host(site)}")
