"""The engine alone: every module imports with nothing but what its distribution asks for."""

import subprocess
import sys
from pathlib import Path

ENGINE = Path(__file__).parents[2] / "local" / "policy_engine"

# Runs in a process of its own. What belongs to other distributions only cannot be imported there.
_ALONE = """
import importlib, pkgutil, re, sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

def wanted(name, seen):
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name in seen:
        return
    seen.add(name)
    try:
        needs = requires(name) or []
    except PackageNotFoundError:
        return
    for need in needs:
        if "extra ==" not in need:
            wanted(re.match(r"[\\w.-]+", need)[0], seen)

asked = set()
wanted("apim-policies", asked)
normal = lambda name: re.sub(r"[-_.]+", "-", name).lower()
others = {module for module, owners in packages_distributions().items() if not {normal(o) for o in owners} & asked}
others |= {"secure_mcp", "secure_mcp_local"}

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in others else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path if hasattr(finder, "find_spec")]
import apim_policies
count = 0
for found in pkgutil.walk_packages(apim_policies.__path__, "apim_policies."):
    # pytest loads its plugin itself.
    if not found.name.endswith(("__main__", "bench.plugin")):
        importlib.import_module(found.name)
        count += 1
print(count, "pulumi" in others, "httpx" in others)
"""


def test_every_module_imports_with_its_own_dependencies() -> None:
    command = [sys.executable, "-c", _ALONE]
    told = subprocess.run(command, cwd=ENGINE, capture_output=True, text=True, timeout=110, check=False)
    assert told.returncode == 0, told.stderr
    count, pulumi, httpx = told.stdout.split()
    assert int(count) > 150
    assert (pulumi, httpx) == ("True", "False")


def test_the_licence_goes_along() -> None:
    # What is built from this folder has no other.
    assert (ENGINE / "LICENSE").read_text() == (ENGINE.parents[1] / "LICENSE").read_text()
