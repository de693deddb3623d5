"""The gateway that a stack declares, ready to answer."""

from functools import cache

import platformdirs

from apim_policies.clock import Clock
from apim_policies.expressions.known import Known
from apim_policies.gateway import Gateway
from apim_policies.network import Network
from apim_policies.pipeline.trace import Journal
from secure_mcp_local.azure.api_management.description import SERVICE, describe
from secure_mcp_local.azure.entra.managed_identities import ManagedIdentities
from secure_mcp_local.recording import Recording


def gateway(
    recording: Recording,
    network: Network,
    identities: ManagedIdentities,
    clock: Clock,
    journal: Journal | None = None,
) -> Gateway:
    """Compiles every declared policy.

    Args:
        recording: The stack.
        network: Whom the gateway can reach.
        identities: Of all services of the stack.
        clock: What time it is.
        journal: Where requests are traced. None: one of its own, with all values that may be shown.

    Raises:
        DocumentError: a policy that Azure would refuse to save, or that is not modelled; says where.
        LocalCloudError: the stack declares no gateway, or something about it that is not modelled.
    """
    own = identities.of(recording.one(SERVICE).urn)
    made = Gateway.of(describe(recording), network, clock, own, known().compile, journal)
    known().keep()
    return made


@cache
def known() -> Known:
    """The expressions that this user's gateways have had before."""
    return Known(platformdirs.user_cache_path("secure-mcp", appauthor=False))
