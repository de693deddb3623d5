"""Which operation a request is for: the API with the longest matching path, then method and URL template."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from apim_policies.elements.cors import Cors
from apim_policies.errors import NotModelled
from apim_policies.expressions.context import Api, Operation
from apim_policies.pipeline.sections import Scope

_PARAMETER = re.compile(r"\{([^{}*]+)\}")


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

    def __post_init__(self) -> None:
        template = self.operation.url_template
        if "*" in template or "?" in template:
            raise NotModelled(f"operation {self.operation.id}: URL template {template!r} with * or ? is not modelled")
        parts = _PARAMETER.split(template.rstrip("/"))
        literal = [re.escape(part) if index % 2 == 0 else f"(?P<{part}>[^/]+)" for index, part in enumerate(parts)]
        # Like API Management: without case, and a trailing slash makes no difference.
        self.pattern = re.compile("".join(literal) + "/?", re.IGNORECASE)


@dataclass
class DeclaredApi:
    api: Api
    service_url: str | None
    operations: list[DeclaredOperation]


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
        match = operation.pattern.fullmatch(rest.rstrip("/"))
        if operation.operation.method.upper() == method.upper() and match is not None:
            return Route(api, operation, match.groupdict(), rest)
    return None
