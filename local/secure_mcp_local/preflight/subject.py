"""What is asked about: a stack as it is declared, a subscription, a directory."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from secure_mcp_local.recording import Recording, Resource, models
from secure_mcp_local.resource_manager import ResourceManager

_PROVIDERS = "2022-09-01"
Reach = Callable[[str], str]
"""Tells what a host name means from this machine: empty if it cannot be reached at port 443, else an address."""


@dataclass
class Subject:
    recording: Recording
    azure: ResourceManager
    graph: ResourceManager
    subscription: str
    """Its id."""
    reach: Reach
    apps: tuple[str, ...] = ()
    """Names of the function apps that the stack has deployed; none: it is not there yet."""
    there: Collection[str] = ()
    """URNs of all that the stack has deployed."""

    @property
    def scope(self) -> str:
        """ARM id of the subscription."""
        return f"/subscriptions/{self.subscription}"

    @cached_property
    def providers(self) -> Sequence[Mapping[str, Any]]:
        """The resource providers of the subscription, with their types.

        Raises:
            Refused
        """
        return list(self.azure.pages(f"{self.scope}/providers", _PROVIDERS))

    def placed(self, text: str) -> str:
        """The same with the real subscription where the offline recording has a made-up one."""
        return text.replace(f"/subscriptions/{models.SUBSCRIPTION}", self.scope)

    def all(self, type: str) -> list[Resource]:
        """Resources of azure-native by their module and name, such as `web:WebApp`."""
        return self.recording.all(f"azure-native:{type}")

    @property
    def locations(self) -> set[str]:
        """Every region of the stack, in lower case without blanks."""
        return {normal(str(one.get("location"))) for one in self.recording if one.get("location")} - {"global"}

    def coming(self, type: str) -> list[Resource]:
        """The same, without what is deployed already: the names of that are taken by itself."""
        return [one for one in self.all(type) if one.urn not in self.there]


def normal(region: str) -> str:
    """A region's name as ARM compares it: `West Europe` is `westeurope`."""
    return region.replace(" ", "").lower()


def properties(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `properties` of a resource, empty if it has none."""
    return answer.get("properties") or {}
