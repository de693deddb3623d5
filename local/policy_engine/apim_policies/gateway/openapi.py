"""Operations of an OpenAPI or Swagger document, as API Management imports them."""

import re
from pathlib import Path
from typing import Any

import yaml

from apim_policies.errors import ExplainedError
from apim_policies.gateway.declaration import OperationDeclaration

FORMATS = ("openapi", "openapi+json", "swagger-json")
"""What the property `format` of an API calls documents whose text is its `value`."""
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def operations_of(file: Path) -> list[OperationDeclaration]:
    """The operations of a document in JSON or YAML.

    Raises:
        ExplainedError: it cannot be read.
    """
    try:
        return operations_in(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExplainedError(f"{file} cannot be read: {error.strerror}") from None


def operations_in(text: str) -> list[OperationDeclaration]:
    """The operations of a document's text; without an operationId, an id is made of method and path.

    https://learn.microsoft.com/azure/api-management/api-management-api-import-restrictions

    Raises:
        ExplainedError: it is no such document.
    """
    try:
        said: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ExplainedError(f"the OpenAPI document cannot be read: {error}") from None
    if not isinstance(said, dict) or not isinstance(said.get("paths"), dict):
        raise ExplainedError("the OpenAPI document has no paths")
    found: list[OperationDeclaration] = []
    for path, each in said["paths"].items():
        for method in _METHODS:
            operation = each.get(method) if isinstance(each, dict) else None
            if isinstance(operation, dict):
                id = str(operation.get("operationId") or f"{method}-{path}")
                if not operation.get("operationId"):
                    id = re.sub(r"[^A-Za-z0-9_]+", "-", id).strip("-").lower()
                name = str(operation.get("summary") or operation.get("operationId") or f"{method.upper()} {path}")
                found.append(OperationDeclaration(id, name, method.upper(), str(path)))
    return found
