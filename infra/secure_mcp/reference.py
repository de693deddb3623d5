"""What a server needs to know of its gateway: plain values, which can be the output of one stack and the input of another.

A gateway and its servers are deployed at different times by different teams. What they share (this, the fragments that a server's
policies include with their variables, the documents of sessions, the metadata that the gateway asks a server for) has a
contract version. It goes up when a server of the new version would not work on a gateway of the old one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from .options import ConfigError, Options, option
from .options.declared import fields_of

CONTRACT = 1
"""What servers of this release need."""
OLDEST_CONTRACT = 1
"""The oldest servers that gateways of this release still work with."""


class GatewayReference(Options):
    """A gateway, as its servers know it."""

    contract: pulumi.Input[int] = CONTRACT
    """Contract version of the gateway."""
    oldest_contract: pulumi.Input[int] = OLDEST_CONTRACT
    """The oldest contract version of servers that it works with."""
    url: pulumi.Input[str]
    """Public address, without a trailing slash."""
    service_name: pulumi.Input[str]
    """Name of the API Management instance."""
    service_resource_group_name: pulumi.Input[str]
    """Resource group of the API Management instance."""
    policy_parts: pulumi.Input[Sequence[pulumi.Input[str]]]
    """URNs of the gateway's named values and fragments, which a server's policies wait for."""
    prefix: pulumi.Input[str] = ""
    """What the ids of all that is ours begin with, in an API Management instance that others use, too."""
    logger_id: pulumi.Input[str] = ""
    """Logger that a server's APIs write to; empty: that of the whole service."""
    azure_monitor_logger_id: pulumi.Input[str] = ""
    """Logger of Azure Monitor that a server's APIs write to; empty: that of the whole service."""
    tenant_id: pulumi.Input[str]
    """Tenant whose users sign in."""
    login_endpoint: pulumi.Input[str] = "https://login.microsoftonline.com"
    """Entra ID's address in this Azure cloud."""
    sign_in_principal_id: pulumi.Input[str]
    """Object id of the service principal of the application that users sign in to."""
    user_tokens_client_id: pulumi.Input[str] = ""
    """Client id of the application that users sign in to, where servers may ask for their users' tokens; empty: they may not."""
    identity_client_id: pulumi.Input[str]
    """Client id of the gateway's identity, which alone may call hosts."""
    identity_principal_id: pulumi.Input[str]
    """Object id of the gateway's identity."""
    subscription_id: pulumi.Input[str]
    """Subscription of the gateway."""
    app_insights_id: pulumi.Input[str] = ""
    """Resource id of the Application Insights component of the gateway."""
    workspace_id: pulumi.Input[str] = ""
    """Resource id of the Log Analytics workspace."""
    function_subnet_id: pulumi.Input[str] = ""
    """Subnet that function apps call others through; empty: there is no private network."""
    endpoint_subnet_id: pulumi.Input[str] = ""
    """Subnet of private endpoints."""
    private_dns_zones: pulumi.Input[Mapping[str, pulumi.Input[str]]] = option(default={})
    """Resource ids of the private DNS zones, by what they are for: blob, queue, sites, Sql."""

    def exported(self) -> dict[str, Any]:
        """As an output of a stack."""
        return {name: getattr(self, name) for name in fields_of(type(self))}

    @classmethod
    def read(cls, given: "pulumi.Input[Mapping[str, Any]]") -> "GatewayReference":
        """A reference from the same program, or from another stack. Of that only outputs are known.

        Raises:
            ConfigError: it is none, or gateway and server do not go together; for another stack's, when it is deployed.
        """
        if isinstance(given, Mapping):
            return cls._checked(given)
        found = pulumi.Output.from_input(given).apply(cls._checked)
        return cls(**{name: found.apply(lambda one, name=name: getattr(one, name)) for name in fields_of(cls)})

    @classmethod
    def _checked(cls, given: Mapping[str, Any]) -> "GatewayReference":
        if not isinstance(given, Mapping):
            raise ConfigError("gateway", given, "give the output `reference` of a Gateway")
        known = fields_of(cls)
        named = {_snake(name): value for name, value in given.items()}
        # What a newer gateway says beside is for newer servers.
        reference = cls.of({name: value for name, value in named.items() if name in known})
        if isinstance(reference.contract, int) and reference.contract < CONTRACT:
            raise ConfigError(
                "gateway.contract",
                reference.contract,
                f"this server needs a gateway of contract {CONTRACT}; update the gateway's stack first, or use an older secure-mcp here",
            )
        if isinstance(reference.oldest_contract, int) and reference.oldest_contract > CONTRACT:
            raise ConfigError(
                "gateway.oldestContract",
                reference.oldest_contract,
                f"this server is of contract {CONTRACT}, which the gateway does not work with any more; use a newer secure-mcp here",
            )
        return reference


def _snake(name: str) -> str:
    """A name as programs of other languages export it, as it is here."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
