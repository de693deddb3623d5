"""APIs of one API Management that the program does not declare: servers of other stacks, and what takes requests away from ours.

Of all APIs whose path begins a request's, API Management takes the one with the longest.
https://learn.microsoft.com/azure/api-management/api-management-howto-add-operations
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from apim_policies.documents.document import Element, parse
from apim_policies.errors import DocumentError

METADATA = ".well-known/oauth-protected-resource/"
"""Where a server's metadata stand, before its path (RFC 9728, section 3)."""
_ANSWER = "resource-metadata"
"""The fragment of the gateway that answers there, and proves that it does: whose API includes it is a server of this gateway."""


@dataclass(frozen=True)
class Declared:
    """What the program declares of one service, by its path in it."""

    apis: Mapping[str, str]
    """Paths of the APIs, by their names."""
    operations: Mapping[str, tuple[str, ...]]
    """Templates of the operations, by the names of their APIs."""
    fragments: frozenset[str] = field(default=frozenset())
    """Ids of the fragments, of a gateway that the program does not make none."""

    def taken(self, path: str) -> str:
        """An address of ours whose requests an API at this path would get; empty if there is none."""
        theirs = _segments(path)
        for api, own in self.apis.items():
            if len(theirs) < len(_segments(own)):
                continue
            for template in self.operations.get(api, ()):
                address = [*_segments(own), *_segments(template)]
                if "*" not in address and len(theirs) <= len(address) and all(map(_fits, address, theirs)):
                    return "/" + "/".join(address)
        return ""

    def includes_answer(self, document: str) -> bool:
        """Whether a policy document has the answer of our gateway's servers in it."""
        try:
            found = set(_fragments(parse(document, "deployed")))
        except DocumentError:
            return False
        return any(id in self.fragments and id.endswith(_ANSWER) for id in found)


def server_path(path: str) -> str:
    """The path of the server whose metadata an API at this path has; empty if it is no such API."""
    return path.removeprefix(METADATA) if path.startswith(METADATA) else ""


def _segments(path: str) -> list[str]:
    return [segment for segment in path.lower().split("/") if segment]


def _fits(ours: str, theirs: str) -> bool:
    return ours == theirs or (ours.startswith("{") and ours.endswith("}"))


def _fragments(element: Element) -> Iterable[str]:
    if element.name == "include-fragment" and (id := element.attributes.get("fragment-id")) is not None:
        yield id.text
    for child in element.children:
        yield from _fragments(child)
