"""`python -m secure_mcp.publishing`: publishes a package as `pulumi up` does, where a pipeline of its own brings the code."""

import argparse
import sys
from pathlib import Path

from secure_mcp.package import PYTHON_VERSION, PackageError, build_package
from secure_mcp.publishing.app import app_of
from secure_mcp.publishing.deployer import Deployer
from secure_mcp.publishing.failure import PublishingError
from secure_mcp.publishing.publication import publish


def main() -> int:
    """Returns 0, or 1 when the code is not published."""
    parser = argparse.ArgumentParser(
        prog="python -m secure_mcp.publishing",
        description="Builds the package of a function app and publishes it, as `pulumi up` does: for pipelines that bring the "
        "code themselves (deployCode: false). Signs in with the ARM_ variables that pulumi-azure-native reads, or as Azure CLI.",
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("function_app"), help="default: function_app")
    parser.add_argument("--app", required=True, metavar="RESOURCE-ID", help="/subscriptions/…/sites/NAME")
    parser.add_argument("--python-version", default=PYTHON_VERSION, help="what the app runs on (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        package = build_package(arguments.folder, arguments.python_version)
        segments = arguments.app.split("/")
        deployer = Deployer.of(lambda _: None, segments[2] if len(segments) > 2 else "")
        app = app_of(arguments.app, deployer)
        publish(package.archive, package.digest, app, deployer, lambda text: print(text, file=sys.stderr, flush=True))
    except (PackageError, PublishingError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
