"""A small project of somebody's own: a program, a server with one tool, tests, CI and a README."""

import re
from pathlib import Path

from secure_mcp_local.errors import LocalCloudError

_FILES = Path(__file__).parent / "files"
_PLACE = "${PROJECT}"
"""What stands in the files for the name: as in a template of `pulumi new`, which the folder is as well
(https://www.pulumi.com/docs/iac/reference/cli/pulumi_new/)."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,18}[a-z0-9]", re.ASCII)


def write(name: str, folder: Path) -> list[Path]:
    """Writes a project; its files, relative to the folder.

    Args:
        name: Of project and server: part of the names of resources, so small letters, digits and hyphens.
        folder: Where to; made if it is not there.

    Raises:
        LocalCloudError: a name that resources cannot have, or something is there already.
    """
    if not _NAME.fullmatch(name):
        raise LocalCloudError(f"{name!r} is no name for it: 2 to 20 small letters, digits and hyphens, a letter first")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        what = "not empty" if folder.is_dir() else "no folder"
        raise LocalCloudError(f"{folder} is there already and {what}: name another folder with --out")
    written: list[Path] = []
    for source in sorted(path for path in _FILES.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        relative = source.relative_to(_FILES)
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text(encoding="utf-8").replace(_PLACE, name), encoding="utf-8")
        written.append(relative)
    return written
