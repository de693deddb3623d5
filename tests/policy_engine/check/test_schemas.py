"""The tables of policy elements against Microsoft's schemas, where these are given.

Each difference is written down here with its reason; one that is new, or gone, fails.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from apim_policies.elements.beyond import BEYOND
from apim_policies.elements.model import POLICIES, SECTIONS, Model
from apim_policies.elements.table import ELEMENTS, STANDALONE
from selection import NEEDS

GIVEN = NEEDS["schemas"].folder()
SCHEMAS = (GIVEN or Path()) / "reference" / "apim-policy-xsd"
pytestmark = pytest.mark.needs("schemas")
XS = "{http://www.w3.org/2001/XMLSchema}"

DIFFERENCES: dict[str, tuple[str, ...]] = {
    # Policies of the documentation that the editor extension has no schema for.
    "beyond the schemas": (
        "llm-emit-token-metric", "llm-semantic-cache-lookup", "llm-semantic-cache-store", "llm-token-limit", "xsl-transform",
    ),
    # The documentation says "required" where the schemas leave it open.
    "authentication-managed-identity": ("authentication-managed-identity: resource is required here",),
    "ip-filter": ("ip-filter: action is required here",),
    "set-status": ("set-status: code is required here",),
    "emit-metric": ("emit-metric: 1 to 10 dimension here, 0 to 10 in the schema",),
    "validate-azure-ad-token": ("validate-azure-ad-token/required-claims/claim: name is required here",),
    # As above; and an empty list of keys, audiences, issuers or claims says nothing, so one of them is needed.
    "validate-jwt": (
        "validate-jwt/audiences: 1 to 1000000 audience here, 0 to 1000000 in the schema",
        "validate-jwt/issuer-signing-keys: 1 to 1000000 key here, 0 to 1000000 in the schema",
        "validate-jwt/issuer-signing-keys: the children are ordered here",
        "validate-jwt/issuers: 1 to 1000000 issuer here, 0 to 1000000 in the schema",
        "validate-jwt/required-claims/claim: name is required here",
        "validate-jwt/required-claims: 1 to 1000000 claim here, 0 to 1000000 in the schema",
    ),
    # One row for the api and operation of quota and of rate-limit.
    "quota": (
        *(
            f"quota/{path}: we have the attribute {name}"
            for path in ("api", "api/operation")
            for name in (
                "remaining-calls-header-name", "remaining-calls-variable-name", "renewal-period", "retry-after-header-name",
                "retry-after-variable-name", "total-calls-header-name",
            )
        ),
        "quota/api: the children are ordered here", "quota: renewal-period is required here",
        "quota: the children are ordered here",
    ),
    "rate-limit": (
        *(f"rate-limit/{path}: we have the attribute bandwidth" for path in ("api", "api/operation", "operation")),
        "rate-limit/api: the children are ordered here", "rate-limit: calls is required here",
        "rate-limit: renewal-period is required here", "rate-limit: the children are ordered here",
    ),
    # Whether Azure takes other identities than these is not known.
    "azure-openai-semantic-cache-lookup": (
        "azure-openai-semantic-cache-lookup: embeddings-backend-auth is one of [] here, ['header', 'system-assigned'] in the schema",
    ),
    # Newer than the schema, whose blocklists are one by mistake.
    "llm-content-safety": (
        "llm-content-safety/blocklists: 1 to 1000000 id here, 1 to 1 in the schema",
        "llm-content-safety: we have the attribute enforce-on-completions",
    ),
    # One row for the header of cors, which is a text, and that of validate-headers, which has attributes.
    "validate-headers": (
        "validate-headers/header: action is not required here",
        "validate-headers/header: action is one of [] here, ['detect', 'ignore', 'prevent'] in the schema",
        "validate-headers/header: name is not required here",
    ),
    # A quota without calls is one of bandwidth, and a backend without an address is one of the resources.
    "quota-by-key": ("quota-by-key: calls is required here", "quota-by-key: renewal-period is required here"),
    "set-backend-service": ("set-backend-service: base-url is required here",),
    # The schema takes any text; the documentation has these three.
    "forward-request": ("forward-request: http-version is one of ['1', '2', '2or1'] here, [] in the schema",),
    # XML as the body: not modelled, and said so.
    "set-body": ("set-body: any policies in the schema",),
}  # fmt: skip


class Schema:
    """One schema file together with the common types."""

    def __init__(self, name: str) -> None:
        roots = [
            etree.fromstring((SCHEMAS / file).read_bytes().lstrip(b"\xef\xbb\xbf"))
            for file in (f"{name}.xsd", "common-types.xsd")
        ]
        self.top = next(node for node in roots[0] if node.tag == XS + "element" and node.get("name") == name)
        self.types = {
            node.get("name"): node
            for root in roots
            for node in root
            if node.tag in {XS + "complexType", XS + "simpleType"}
        }

    def type(self, node: Any) -> Any:
        named = self.types.get(node.get("type"))
        return named if named is not None else node.find(XS + "complexType")

    def attributes(self, node: Any) -> dict[str, Any]:
        type = self.type(node)
        if type is None:
            return {}
        bases = [self.types[one.get("base")] for one in type.iter(XS + "extension") if one.get("base") in self.types]
        return {
            one.get("name"): one
            for each in (type, *bases)
            for one in each.iter(XS + "attribute")
            if self.owner(one, each)
        }

    def children(self, node: Any) -> list[Any]:
        type = self.type(node)
        return [one for one in type.iter(XS + "element") if self.owner(one, type)] if type is not None else []

    @staticmethod
    def owner(one: Any, type: Any) -> bool:
        """Whether an attribute or element belongs to this type, not to one inside it."""
        return next(parent for parent in one.iterancestors(XS + "complexType")) is type

    def any(self, node: Any) -> bool:
        type = self.type(node)
        return type is not None and any(self.owner(one, type) for one in type.iter(XS + "any"))

    def ordered(self, node: Any) -> bool:
        type = self.type(node)
        return type is None or type.find(XS + "sequence") is not None

    def memberships(self, attribute: Any) -> list[str]:
        """The simple types that an attribute's value may have."""
        names = [attribute.get("type") or ""]
        for union in attribute.iter(XS + "union"):
            names += (union.get("memberTypes") or "").split()
        return [name for name in names if name]

    def values(self, attribute: Any) -> set[str]:
        """The literals that are allowed, if they are listed."""
        found = {one.get("value") for one in attribute.iter(XS + "enumeration")}
        for name in self.memberships(attribute):
            if name in self.types:
                found |= {one.get("value") for one in self.types[name].iter(XS + "enumeration")}
        return found


def compared(path: str, schema: Schema, node: Any, model: Model) -> Iterator[str]:
    """Every difference between an element of a schema and our model of it, in words."""
    theirs, ours = schema.attributes(node), model.attributes
    known = {*ours, *model.beyond, "id"}
    for name in sorted(set(theirs) - known):
        yield f"{path}: the schema has the attribute {name}"
    for name in sorted(set(ours) - set(theirs)):
        yield f"{path}: we have the attribute {name}"
    for name in sorted(set(ours) & set(theirs)):
        attribute, own = theirs[name], ours[name]
        if (attribute.get("use") == "required") != own.required:
            yield f"{path}: {name} is {'' if own.required else 'not '}required here"
        members = schema.memberships(attribute)
        # A plain string takes an expression, too, where the documentation says so: the schema cannot tell.
        if "expression" in members and own.expression == "refused":
            yield f"{path}: {name} may be an expression in the schema"
        if "expression" not in members and own.expression != "refused" and "xs:string" not in members:
            yield f"{path}: {name} may be an expression here"
        values = schema.values(attribute) or ({"true", "false"} if "xs:boolean" in members else set())
        if set(own.one_of) != values:
            yield f"{path}: {name} is one of {sorted(own.one_of)} here, {sorted(values)} in the schema"
    if any(child.name == POLICIES for child in model.children) != schema.any(node):
        yield f"{path}: any policies {'' if schema.any(node) else 'not '}in the schema"
    elements = {one.get("name"): one for one in schema.children(node)}
    order = [name for name in elements if name not in model.beyond]
    own_order = [child.name for child in model.children if child.name != POLICIES]
    for name in sorted(set(order) - set(own_order)):
        yield f"{path}: the schema has the child {name}"
    for name in sorted(set(own_order) - set(order)):
        yield f"{path}: we have the child {name}"
    if own_order != order and sorted(own_order) == sorted(order) and model.ordered:
        yield f"{path}: the order of children is {order} in the schema"
    if schema.ordered(node) != model.ordered and own_order:
        yield f"{path}: the children are {'' if model.ordered else 'not '}ordered here"
    for child in model.children:
        one = elements.get(child.name)
        if one is None:
            continue
        least, most = int(one.get("minOccurs", "1")), one.get("maxOccurs", "1")
        wanted = (least, 1_000_000 if most == "unbounded" else int(most))
        if (child.least, child.most) != wanted and model.ordered:
            yield f"{path}: {child.least} to {child.most} {child.name} here, {wanted[0]} to {wanted[1]} in the schema"
        if child.name not in STANDALONE and child.name in ELEMENTS and schema.type(one) is not None:
            yield from compared(f"{path}/{child.name}", schema, one, ELEMENTS[child.name])


def test_every_policy_of_the_schemas_is_known() -> None:
    files = {path.stem for path in SCHEMAS.glob("*.xsd")} - {"common-types", "policies", "block"}
    parts = {"set-url", "authentication-token-store"}
    assert files - parts <= STANDALONE.keys() | BEYOND.keys()
    assert (STANDALONE.keys() | BEYOND.keys()) - files - {"base"} == set(DIFFERENCES.get("beyond the schemas", ()))


def test_each_policy_is_as_in_its_schema() -> None:
    found: dict[str, list[str]] = {}
    for name in sorted(STANDALONE.keys() - {"base", *DIFFERENCES["beyond the schemas"]}):
        schema = Schema(name)
        found[name] = sorted(compared(name, schema, schema.top, ELEMENTS[name]))
    assert len(found) > 50
    assert {name: said for name, said in found.items() if said} == {
        name: sorted(said) for name, said in DIFFERENCES.items() if name != "beyond the schemas"
    }


def test_the_sections_are_those_of_the_schemas() -> None:
    schema = Schema("policies")
    assert tuple(one.get("name") for one in schema.children(schema.top)) == SECTIONS
