"""What packages offer to programs and tests of others says what it is."""

import importlib
import inspect
from collections.abc import Iterator

import pytest

# Those that the documentation tells people to import from.
OFFERED = (
    "secure_mcp",
    "secure_mcp.testing",
    "secure_mcp_local.testing",
    "secure_mcp_local.cloud",
    "secure_mcp_local.recording",
    "apim_policies.bench",
)


def members(name: str, of: type) -> Iterator[tuple[str, object]]:
    """The public methods and properties that a class has itself."""
    fields = getattr(of, "__dataclass_fields__", {})
    for key, value in vars(of).items():
        if (
            key not in fields
            and not key.startswith("_")
            and (inspect.isfunction(value) or isinstance(value, (property, classmethod, staticmethod)))
        ):
            # As the class has it: an override has the words of what it overrides.
            yield f"{name}.{key}", value if isinstance(value, property) else getattr(of, key)


def undocumented(module: str) -> list[str]:
    there = importlib.import_module(module)
    # A class without words of its own has those of the class above it, or those that dataclasses make of its fields.
    own = {name: getattr(there, name) for name in there.__all__}
    found = [module] if not there.__doc__ else []
    for name, value in own.items():
        if inspect.isclass(value):
            words = vars(value).get("__doc__") or ""
            if not words or words.startswith(f"{name}("):
                found.append(f"{module}.{name}")
            found += [f"{module}.{member}" for member, one in members(name, value) if not inspect.getdoc(one)]
        elif inspect.isfunction(value) and not value.__doc__:
            found.append(f"{module}.{name}")
    return found


@pytest.mark.parametrize("module", OFFERED)
def test_each_public_name_says_what_it_is(module: str) -> None:
    assert undocumented(module) == []


@pytest.mark.parametrize("module", OFFERED)
def test_what_is_offered_is_there_and_in_order(module: str) -> None:
    there = importlib.import_module(module)
    assert sorted(there.__all__) == list(there.__all__)
    assert all(hasattr(there, name) for name in there.__all__)
