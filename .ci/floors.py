#!/usr/bin/env python3
"""Whether every range of the two distributions begins where `make ends END=lowest` tests it: run by the Python of that environment.

A distribution that only the tests need may lift one that the product needs, too. Then nobody has seen what pyproject.toml promises,
and the range is to begin where the tests do.
"""

import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]


def promised() -> dict[str, Requirement]:
    """What a user gets with the two distributions and `[local]`, by name, for this Python and system."""
    library, engine = (
        tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for folder in (ROOT, ROOT / "local" / "policy_engine")
    )
    lines = [*library["dependencies"], *library["optional-dependencies"]["local"], *engine["dependencies"]]
    needed = [Requirement(line) for line in lines]
    return {str(one): one for one in needed if one.marker is None or one.marker.evaluate()}


def complaint(needed: Requirement, installed: Version) -> str | None:
    """What is wrong with where a range begins, if anything."""
    begins = [Version(one.version) for one in needed.specifier if one.operator in {">=", "=="}]
    if not begins:
        return f"{needed.name}: no oldest version is named; {installed} is tested"
    if begins != [installed]:
        return f"{needed.name}: begins at {begins[0]}, the tests ran with {installed}: write >={installed}"
    return None


def main() -> int:
    found = [complaint(one, Version(version(one.name))) for one in promised().values()]
    for one in filter(None, found):
        print(f"floors: {one}", file=sys.stderr)
    return int(any(found))


if __name__ == "__main__":
    sys.exit(main())
