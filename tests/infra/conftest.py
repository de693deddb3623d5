from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from secure_mcp_local.recording import Recording, record

ROOT = Path(__file__).parents[2]
CONFIGURATIONS = [
    {"stack": "dev"},
    {"stack": "prod"},
    *(
        {"apimSku": sku, "vnetEnabled": network, "backendAuth": backend, "keyVaultEnabled": vault}
        for sku, network in (
            ("BasicV2", "false"),
            ("StandardV2", "false"),
            ("StandardV2", "true"),
            ("PremiumV2", "true"),
        )
        for backend in ("managedIdentity", "functionKey")
        for vault in ("false", "true")
    ),
]


@cache
def _recorded(stack: str, config: tuple[tuple[str, str], ...]) -> Recording:
    return record(ROOT, stack, dict(config))


@pytest.fixture(scope="session")
def declared() -> Callable[..., Recording]:
    """What a stack declares with some configuration; each program runs once."""

    def declared(stack: str = "dev", **config: str) -> Recording:
        return _recorded(stack, tuple(sorted(config.items())))

    return declared


@pytest.fixture(params=CONFIGURATIONS, ids=lambda config: " ".join(config.values()))
def anything(request: pytest.FixtureRequest, declared: Callable[..., Recording]) -> Recording:
    """Each cell of SKU, network, backend authentication and key vault."""
    return declared(**request.param)
