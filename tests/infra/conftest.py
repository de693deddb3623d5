from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet
from google.protobuf.json_format import MessageToDict

import samples
from secure_mcp_local.recording import Recording, monitor, program, record

ROOT = Path(__file__).parents[2]
OURS = [{"stack": "dev"}, {"stack": "prod"}]
CELLS = [
    {"apimSku": sku, "vnetEnabled": network, "backendAuth": backend, "keyVaultEnabled": vault}
    for sku, network in (
        ("BasicV2", "false"),
        ("StandardV2", "false"),
        ("StandardV2", "true"),
        ("PremiumV2", "true"),
    )
    for backend in ("managedIdentity", "functionKey")
    for vault in ("false", "true")
]


State = list[tuple[str, Any]]
"""What the engine would write to the state of a stack: where it stands, and the raw value with the marks on secrets."""
_states: dict[int, State] = {}


@cache
def _recorded(stack: str, config: tuple[tuple[str, str], ...]) -> Recording:
    state: State = []

    class Monitor(monitor.Monitor):
        def RegisterResource(self, request: Any) -> Any:
            answer = super().RegisterResource(request)
            state.append((f"{request.type} {request.name}, input", MessageToDict(request.object)))
            state.append((f"{request.type} {request.name}, output", MessageToDict(answer.object) | {"id": answer.id}))
            return answer

        def RegisterResourceOutputs(self, request: Any) -> Any:
            state.append((f"{request.urn.split('::', 2)[-1]}, output", MessageToDict(request.outputs)))
            return super().RegisterResourceOutputs(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "Monitor", Monitor)
        recording = record(ROOT, stack, dict(config))
    _states[id(recording)] = state
    return recording


@pytest.fixture(scope="session")
def declared() -> Callable[..., Recording]:
    """What a stack declares with some configuration; each program runs once."""

    def declared(stack: str = "dev", **config: str) -> Recording:
        return _recorded(stack, tuple(sorted(config.items())))

    return declared


def _named(config: dict[str, str], *marks: pytest.MarkDecorator) -> ParameterSet:
    return pytest.param(config, marks=marks, id=" ".join(config.values()))


@pytest.fixture(params=[*map(_named, OURS), *(_named(cell, samples.CELLS) for cell in CELLS)])
def anything(request: pytest.FixtureRequest, declared: Callable[..., Recording]) -> Recording:
    """Each cell of SKU, network, backend authentication and key vault."""
    return declared(**request.param)


@pytest.fixture
def state(anything: Recording) -> State:
    """What the state of the same stack would hold."""
    return _states[id(anything)]
