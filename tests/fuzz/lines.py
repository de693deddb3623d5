"""Cases as lines of JSON."""

import json
from pathlib import Path
from typing import Any


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def written(line: dict[str, Any]) -> str:
    """A line as people read it; one with halves of surrogate pairs, which UTF-8 does not have, in ASCII."""
    text = json.dumps(line, ensure_ascii=False)
    halves = any("\ud800" <= unit <= "\udfff" for unit in text)
    return (json.dumps(line) if halves else text) + "\n"
