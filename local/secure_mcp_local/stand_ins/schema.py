"""The schema of a stand-in's package: what commands of the engine ask for, such as `package get-schema`, and programs in YAML.

It has the types that are modelled, with the names of their inputs; what values they take is checked when they are declared.
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from secure_mcp_local.recording import arguments, models

_ANYTHING: Mapping[str, Any] = {"$ref": "pulumi.json#/Any"}


def of(package: str) -> dict[str, Any]:
    """The schema of a package.

    Args:
        package: Of `service.PACKAGES`.
    """
    return {
        "name": package,
        "version": version(f"pulumi-{package}"),
        "description": f"A stand-in for {package}: the resource types that the local cloud models.",
        "resources": {type: _resource(type) for type in models.types_of(package)},
    }


def _resource(type: str) -> dict[str, Any]:
    properties = {name: _ANYTHING for name in sorted(arguments.known(type))}
    return {"inputProperties": properties, "properties": properties}
