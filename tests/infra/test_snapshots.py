"""What each stack declares, as text: a reviewer sees in a diff what a change would do to Azure.

`make snapshots` writes the texts anew.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from secure_mcp.monitoring.queries import names, query
from secure_mcp_local.cli.plan import masked
from secure_mcp_local.recording import Recording, Resource

HERE = Path(__file__).parent / "snapshots"


def shown(resource: Resource) -> dict[str, Any]:
    inputs = masked(resource.inputs, resource.secrets)
    if resource.inputs.get("format") == "rawxml":
        # The documents have their own files; here it counts where they go.
        inputs["value"] = "(policy document)"
    if "serializedData" in inputs:
        # Panels show a query each, and queries have their own files.
        inputs["serializedData"] = [item["name"] for item in json.loads(inputs["serializedData"])["items"]]
    for condition in inputs.get("criteria", {}).get("allOf", []):
        if "query" in condition:
            condition["query"] = next(f"(query {name})" for name in names() if query(name) == condition["query"])
    if "digest" in (inputs.get("input") or ()):
        # What the code is is not what a review of the infrastructure is about.
        inputs["input"] |= {"digest": "(package)"}
    return inputs


def text(recording: Recording) -> str:
    plan = {
        resource.urn.split("::", 2)[2]: shown(resource)
        for resource in sorted(recording, key=lambda resource: resource.urn)
    }
    plan["outputs"] = masked(recording.outputs, recording.output_secrets)
    return yaml.safe_dump(plan, sort_keys=True, width=160, allow_unicode=True)


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_plan_is_what_was_reviewed(declared: Callable[..., Recording], stack: str) -> None:
    path, current = HERE / f"{stack}.yaml", text(declared(stack))
    if os.environ.get("UPDATE_SNAPSHOTS"):
        HERE.mkdir(exist_ok=True)
        path.write_text(current, encoding="utf-8")
    assert current == path.read_text(encoding="utf-8"), "read the difference; if it is meant, run: make snapshots"
