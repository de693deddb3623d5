"""Kusto queries, as Azure's own editors read them: parsed, and every name bound to a table's columns. Nothing is run."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from actors.node_tools import installed
from secure_mcp_local.azure.storage.node import node


@dataclass(frozen=True)
class Analysis:
    problems: list[str]
    columns: list[str]
    """Columns of the answer."""


def analyse(queries: Mapping[str, str], tables: Mapping[str, str]) -> dict[str, Analysis]:
    """What the language service says of queries.

    Args:
        queries: Texts by name.
        tables: For each table its columns, as `name:type, name:type`.
    """
    done = subprocess.run(
        [node(), str(Path(__file__).with_suffix(".js"))],
        input=json.dumps({"queries": dict(queries), "tables": dict(tables)}),
        env={**os.environ, "NODE_PATH": str(installed() / "node_modules")},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return {name: Analysis(**found) for name, found in json.loads(done.stdout).items()}
