"""Writes what the library has now, under its contract version."""

import tempfile
from pathlib import Path

from actors.projects import project
from releases import PROGRAM, write
from secure_mcp_local.recording import record

with tempfile.TemporaryDirectory() as made:
    write(record(project(Path(made), "release", PROGRAM), "dev"))
