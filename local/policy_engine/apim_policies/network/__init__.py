"""The network of the local cloud: which hosts exist, how to reach them, and what can go wrong on the way."""

from apim_policies.network.faults import Fault, Faults
from apim_policies.network.transport import Network

__all__ = ["Fault", "Faults", "Network"]
