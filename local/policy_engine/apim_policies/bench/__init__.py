"""The test bench: policies of any project, loaded as a gateway that a test sends requests to."""

from apim_policies.bench.coverage import Coverage
from apim_policies.bench.mocks import Mock, Mocks, Recorded
from apim_policies.bench.policy_gateway import Outcome, PolicyGateway
from apim_policies.bench.sources import load

__all__ = ["Coverage", "Mock", "Mocks", "Outcome", "PolicyGateway", "Recorded", "load"]
