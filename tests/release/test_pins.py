"""What is pinned can be installed with every Python that is promised, not only with the newest patch of one."""

import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]


def test_each_pin_takes_the_oldest_python_that_is_promised() -> None:
    """Debian 12 has 3.11.2; a library that needs 3.11.5 leaves `make setup` without a solution there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    oldest = project["requires-python"].removeprefix(">=") + ".0"
    refused: dict[str, str] = {}
    asked = 0
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        pin = Requirement(line)
        try:
            needed = metadata(pin.name)["Requires-Python"] or ""
        except PackageNotFoundError:
            continue  # of another system or Python
        if pin.marker is not None and "python_full_version" in str(pin.marker):
            continue  # another pin is for older ones
        asked += 1
        if oldest not in SpecifierSet(needed):
            refused[pin.name] = needed
    assert asked > 50
    assert not refused, f"they refuse Python {oldest}"
