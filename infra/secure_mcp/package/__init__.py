"""The function app's code as a zip: its sources, and its dependencies for the platform that it runs on.

`pulumi up` deploys what this builds, without a build on the other side. The same sources with the same locked dependencies
make the same package on every machine. Dependencies are fetched once and kept in the user's cache, so that all else works
offline and in milliseconds:

    python -m secure_mcp.package function_app
"""

from .archive import Package, build_package, built_package, lay_out
from .dependencies import LOCK_COMMAND, PYTHON_VERSION, PYTHON_VERSIONS
from .failure import PackageError
from .locking import lock

__all__ = [
    "LOCK_COMMAND",
    "PYTHON_VERSION",
    "PYTHON_VERSIONS",
    "Package",
    "PackageError",
    "build_package",
    "built_package",
    "lay_out",
    "lock",
]
