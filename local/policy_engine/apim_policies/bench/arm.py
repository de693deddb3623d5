"""An ARM template, an export of one, or what `bicep build` made: its API Management resources.

Of the template language what names and policies need is evaluated: parameters with defaults, variables, concat, format, string
literals. What cannot be is its own text, so that a test can replace it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from apim_policies.bench.folder import ANY, BACKEND, URL, guessed
from apim_policies.errors import ExplainedError
from apim_policies.gateway import ApiDeclaration, Declaration, OperationDeclaration, SubscriptionDeclaration
from apim_policies.gateway.openapi import FORMATS, operations_in
from apim_policies.gateway.resources import backend, named_value, product

_SERVICE = "microsoft.apimanagement/service"
_CALL = re.compile(r"\s*([A-Za-z]\w*)\s*\(")
_TEXT = re.compile(r"\s*'((?:[^']|'')*)'")


def template(file: Path) -> Declaration:
    """The gateway that a JSON file declares.

    Raises:
        ExplainedError: it is no JSON, or has no API Management in it.
    """
    try:
        said = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ExplainedError(f"{file} is no JSON: {error}") from None
    found = [(type, names, properties) for type, names, properties in _resources(said)]
    if not found:
        raise ExplainedError(f"{file} has no resource of Microsoft.ApiManagement/service in it")

    def all(type: str) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
        return ((names, properties) for one, names, properties in found if one == f"{_SERVICE}{type}")

    policies = {
        (type, names): str(properties.get("value") or "")
        for type, names, properties in found
        if type.endswith("/policies")
    }
    apis: list[ApiDeclaration] = []
    for names, properties in all("/apis"):
        own = [one for one in all("/apis/operations") if one[0][0] == names[0]]
        operations = [
            OperationDeclaration(
                id,
                str(each.get("displayName") or id),
                str(each.get("method") or "GET"),
                str(each.get("urlTemplate") or "/"),
                policies.get((f"{_SERVICE}/apis/operations/policies", (names[0], id, "policy"))),
            )
            for (_, id), each in own
        ]
        if properties.get("format") in FORMATS and properties.get("value"):
            known = {one.id for one in operations}
            operations += [one for one in operations_in(str(properties["value"])) if one.id not in known]
        apis.append(
            ApiDeclaration(
                names[0],
                str(properties.get("displayName") or names[0]),
                str(properties.get("path") or ""),
                str(properties.get("serviceUrl") or BACKEND),
                operations or ANY,
                policies.get((f"{_SERVICE}/apis/policies", (names[0], "policy"))),
                subscription_required=properties.get("subscriptionRequired") is not False,
                version=properties.get("apiVersion"),
            )
        )
    fragments = {
        names[0]: str(properties.get("value") or "<fragment />")
        for names, properties in all("/policyFragments".lower())
    }
    members: dict[str, list[str]] = {}
    for (of, api), _ in all("/products/apis"):
        members.setdefault(of, []).append(api)
    values = {str(one.get("displayName") or names[0]): named_value(one, names[0]) for names, one in all("/namedvalues")}
    products = []
    for names, properties in all("/products"):
        declared = product(names[0], properties, policies.get((f"{_SERVICE}/products/policies", (names[0], "policy"))))
        products.append(
            type(declared)(
                declared.id, declared.name, members.get(names[0], []), declared.policy, declared.subscription_required
            )
        )
    subscriptions = [
        SubscriptionDeclaration(
            names[0],
            str(one.get("primaryKey") or f"{names[0]}-primary"),
            product=str(one.get("scope")).rpartition("/")[2] if "/products/" in str(one.get("scope")) else None,
            api=str(one.get("scope")).rpartition("/")[2] if "/apis/" in str(one.get("scope")) else None,
        )
        for names, one in all("/subscriptions")
    ]
    texts = [*policies.values(), *fragments.values()]
    return Declaration(
        URL,
        apis,
        named_values={**guessed(texts), **values},
        fragments=fragments,
        policy=policies.get((f"{_SERVICE}/policies", ("policy",))),
        products=products,
        subscriptions=subscriptions,
        backends=[backend(names[0], properties) for names, properties in all("/backends")],
    )


def _resources(said: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], Mapping[str, Any]]]:
    """Type, names below the service, and properties of each resource of API Management, those of nested templates too."""
    evaluate = _Evaluation(said)
    resources = said.get("resources") or []
    for one in resources.values() if isinstance(resources, dict) else resources:
        yield from _resource(one, evaluate, "", ())


def _resource(
    one: Mapping[str, Any], evaluate: "_Evaluation", outer_type: str, outer: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...], Mapping[str, Any]]]:
    own = str(one.get("type") or "").lower()
    kind = f"{outer_type}/{own}" if outer_type and not own.startswith("microsoft.") else own
    names = tuple(part for part in str(evaluate(one.get("name") or "")).split("/") if part)
    whole = (*outer, *names) if outer_type and not own.startswith("microsoft.") else names
    if kind.startswith(_SERVICE):
        properties = evaluate(one.get("properties") or {})
        yield kind, whole[1:], properties if isinstance(properties, dict) else {}
        for inner in one.get("resources") or []:
            yield from _resource(inner, evaluate, kind, whole)
    elif kind == "microsoft.resources/deployments":
        nested = (one.get("properties") or {}).get("template") or {}
        given = {
            name: evaluate(value.get("value"))
            for name, value in ((one.get("properties") or {}).get("parameters") or {}).items()
        }
        inner_evaluate = _Evaluation(nested, given)
        resources = nested.get("resources") or []
        for inner in resources.values() if isinstance(resources, dict) else resources:
            yield from _resource(inner, inner_evaluate, "", ())


class _Evaluation:
    """Values of a template's expressions."""

    def __init__(self, said: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> None:
        self._parameters = {name: one.get("defaultValue", name) for name, one in (said.get("parameters") or {}).items()}
        self._parameters |= given or {}
        self._variables: Mapping[str, Any] = said.get("variables") or {}

    def __call__(self, value: Any) -> Any:
        """A value with all expressions in it evaluated."""
        if isinstance(value, dict):
            return {name: self(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self(inner) for inner in value]
        if not isinstance(value, str):
            return value
        if value.startswith("[["):
            return value[1:]
        if value.startswith("[") and value.endswith("]"):
            result, _ = self._expression(value[1:-1], 0)
            return result
        return value

    def _expression(self, text: str, at: int) -> tuple[Any, int]:
        literal = _TEXT.match(text, at)
        if literal is not None:
            return literal[1].replace("''", "'"), literal.end()
        call = _CALL.match(text, at)
        if call is None:
            number = re.compile(r"\s*(-?\d+)").match(text, at)
            return (int(number[1]), number.end()) if number else (text[at:].strip(), len(text))
        arguments: list[Any] = []
        at = call.end()
        while at < len(text) and text[at : at + 1] != ")":
            argument, at = self._expression(text, at)
            arguments.append(argument)
            at = re.compile(r"[\s,]*").match(text, at).end()  # type: ignore[union-attr]
        at += 1
        # What is taken of a result, such as `.name`, is not followed.
        rest = re.compile(r"(?:\.\w+|\[[^\]]*\])*").match(text, at)
        return self._called(call[1].lower(), arguments), rest.end() if rest else at

    def _called(self, name: str, arguments: list[Any]) -> Any:
        first = str(arguments[0]) if arguments else ""
        match name:
            case "parameters":
                return self(self._parameters.get(first, first))
            case "variables":
                return self(self._variables.get(first, first))
            case "concat":
                return "".join(map(str, arguments))
            case "format":
                return re.sub(r"\{(\d+)\}", lambda match: str(arguments[int(match[1]) + 1]), first)
            case "resourceid" | "subscriptionresourceid":
                return "/" + "/".join(map(str, arguments))
            case "tolower":
                return first.lower()
            case _:
                return f"{name}-{'-'.join(map(str, arguments))}".strip("-")
