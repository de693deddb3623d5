"""The description on a package index: README.md, with the names of what lies in the repository instead of links, which would lead nowhere."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"!?\[(?P<words>[^\]]*)\]\((?!https://)(?P<page>[^)#]*)[^)]*\)")


class Description(MetadataHookInterface):
    """Gives the package its description; hatchling finds it by the name of this file."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": LINK.sub(_named, text)}


def _named(link: re.Match[str]) -> str:
    words, page = link["words"], link["page"]
    return words if words.casefold() in page.casefold() else f"{words} ({page})"
