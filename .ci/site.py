"""Hooks of mkdocs: the README is the first page, and links to files beside docs/ lead to the repository or are said to be wrong."""

import logging
import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
# Where the repository can be read; on GitHub's runners they say.
REPOSITORY = f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{os.environ.get('GITHUB_REPOSITORY', 'OWNER/REPOSITORY')}"
LOG = logging.getLogger("mkdocs.hooks.site")
# What is shown as it stands, in a fence or a line, has no links.
_CODE = re.compile(r"(^ *```.*?^ *```[ \t]*$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def on_files(files: Files, config: Any) -> Files:
    files.append(File.generated(config, "index.md", content=(ROOT / "README.md").read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Addresses from the file's own folder; the README's is the root."""
    folder = ROOT if page.file.src_uri == "index.md" else (ROOT / "docs" / page.file.src_uri).parent

    def led(found: re.Match[str]) -> str:
        target = (folder / found[1]).resolve()
        if not target.exists():
            LOG.warning("%s links to %s, which is not there", page.file.src_uri, found[1])
            return found[0]
        if target.is_relative_to(ROOT / "docs"):
            here = (ROOT / "docs" / page.file.src_uri).parent
            return f"]({Path(os.path.relpath(target, here)).as_posix()}"
        kind = "tree" if target.is_dir() else "blob"
        return f"]({REPOSITORY}/{kind}/main/{target.relative_to(ROOT).as_posix()}"

    parts = _CODE.split(markdown)
    return "".join(part if code % 2 else _LINK.sub(led, part) for code, part in enumerate(parts))
