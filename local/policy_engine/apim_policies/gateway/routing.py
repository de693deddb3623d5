"""Which operation a request is for: the API with the longest matching path, then method and URL template."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apim_policies.elements.cors import Cors
from apim_policies.errors import NotModelled
from apim_policies.expressions.context import Api, Operation
from apim_policies.pipeline.sections import Scope

_PARAMETER = re.compile(r"\{(\*?[^{}*]+)\}|(\*)$")


@dataclass
class DeclaredOperation:
    operation: Operation
    scopes: Sequence[Scope]
    """Global, API and operation."""
    reads_body: bool
    """Whether any expression on the way reads the request's body."""
    reads_response: bool
    """Whether any expression on the way reads the answer's body."""
    cors: Sequence[Cors]
    """The cors policies that its requests meet, in order."""
    pattern: re.Pattern[str] = field(init=False)
    parameters: list[str] = field(init=False)
    """Names of the groups of the pattern."""

    def __post_init__(self) -> None:
        template = self.operation.url_template
        if "?" in template:
            raise NotModelled(f"operation {self.operation.id}: URL template {template!r} with ? is not modelled")
        self.parameters, text, at = [], "", 0
        template = template.rstrip("/")
        for match in _PARAMETER.finditer(template):
            text += re.escape(template[at : match.start()])
            # A star takes the rest of the path, also none of it.
            wild = match[2] is not None or match[1].startswith("*")
            if wild and text.endswith("/"):
                text = text[:-1] + "(?:/(.*))?"
            else:
                text += "(.*)" if wild else "([^/]+)"
            self.parameters.append(match[2] or match[1].removeprefix("*"))
            at = match.end()
        rest = template[at:]
        if "*" in rest:
            raise NotModelled(f"operation {self.operation.id}: URL template {template!r}: * stands at the end only")
        # Like API Management: without case, and a trailing slash makes no difference.
        self.pattern = re.compile(text + re.escape(rest) + "/?", re.IGNORECASE)

    @property
    def wild(self) -> bool:
        """Whether it takes what no other one does."""
        return "*" in self.operation.url_template


@dataclass
class DeclaredApi:
    api: Api
    service_url: str | None
    operations: list[DeclaredOperation]
    needs_key: bool = False
    """Whether its requests need the key of a subscription."""
    of_product: "Mapping[str, DeclaredApi]" = field(default_factory=dict[str, "DeclaredApi"])
    """The same API with the policies of each product that it is in, by the product's id."""

    def __post_init__(self) -> None:
        # Those that take anything come last, and of these the ones that say most come first.
        self.operations.sort(key=lambda one: len(one.operation.url_template) if one.wild else 0, reverse=True)
        self.operations.sort(key=lambda one: one.wild)


@dataclass(frozen=True)
class Route:
    api: DeclaredApi
    operation: DeclaredOperation
    parameters: dict[str, str]
    rest: str
    """The path below the API's."""


def find_api(apis: Sequence[DeclaredApi], path: str) -> tuple[DeclaredApi, str] | None:
    """The API with the longest path that the request's path begins with, and the rest of the path.

    `apis`: those with the longest paths first.
    """
    for declared in apis:
        prefix = "/" + declared.api.path.strip("/") if declared.api.path else ""
        if path[: len(prefix)].lower() == prefix.lower() and path[len(prefix) : len(prefix) + 1] in {"", "/"}:
            return declared, path[len(prefix) :]
    return None


def find_route(apis: Sequence[DeclaredApi], method: str, path: str) -> Route | None:
    """The operation for a request, if there is one."""
    found = find_api(apis, path)
    if found is None:
        return None
    api, rest = found
    for operation in api.operations:
        match = operation.pattern.fullmatch(rest.rstrip("/")) or operation.pattern.fullmatch(rest)
        if operation.operation.method.upper() in {method.upper(), "*"} and match is not None:
            groups = zip(operation.parameters, match.groups(), strict=True)
            return Route(api, operation, {name: value or "" for name, value in groups if name != "*"}, rest)
    return None
