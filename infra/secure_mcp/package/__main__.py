"""`python -m secure_mcp.package`: builds the package, and by that fetches the dependencies."""

import argparse
import json
import sys
from pathlib import Path

from secure_mcp.package import LOCK_COMMAND, PYTHON_VERSION, PackageError, build_package, lock


def main() -> int:
    """Returns 0, or 1 when no package can be built."""
    parser = argparse.ArgumentParser(
        prog="python -m secure_mcp.package",
        description="Builds the package of a function app as `pulumi up` deploys it. Its dependencies are fetched once; "
        "afterwards this works offline. Nothing is sent to Azure.",
        epilog=f"To lock the dependencies anew, in the folder of the app: {LOCK_COMMAND}",
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("function_app"), help="default: function_app")
    parser.add_argument("--python-version", default=PYTHON_VERSION, help="what the app runs on (default: %(default)s)")
    parser.add_argument(
        "--lock",
        action="store_true",
        help="first write requirements.txt anew: what requirements.in asks for, with hashes",
    )
    parser.add_argument("--json", action="store_true", help="print archive, digest and size as JSON")
    arguments = parser.parse_args()
    try:
        if arguments.lock:
            lock(arguments.folder)
        package = build_package(arguments.folder, arguments.python_version)
    except PackageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    size = package.archive.stat().st_size
    if arguments.json:
        print(json.dumps({"archive": str(package.archive), "digest": package.digest, "bytes": size}))
    else:
        print(f"{package.archive} ({size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
