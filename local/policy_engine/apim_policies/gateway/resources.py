"""Resources of API Management as Azure Resource Manager writes them, in plain values."""

from collections.abc import Mapping
from typing import Any

from apim_policies.gateway.declaration import NamedValue, ProductDeclaration
from apim_policies.pipeline.backends import Breaker, DeclaredBackend, Member, seconds


def named_value(said: Mapping[str, Any], id: str) -> NamedValue:
    """A named value; one that is secret or in a vault has its id as its value, because an export does not have it."""
    value = said.get("value")
    return NamedValue(str(value) if value else id, bool(said.get("secret") or said.get("keyVault")) and bool(value))


def product(id: str, said: Mapping[str, Any], policy: str | None) -> ProductDeclaration:
    """A product, without its APIs."""
    needs = said.get("subscriptionRequired") is not False
    return ProductDeclaration(id, str(said.get("displayName") or id), (), policy, needs)


def backend(id: str, said: Mapping[str, Any]) -> DeclaredBackend:
    """A backend: single or pool."""
    credentials = said.get("credentials") or {}
    authorization = credentials.get("authorization") or {}
    rules = (said.get("circuitBreaker") or {}).get("rules") or []
    pool = (said.get("pool") or {}).get("services") or []
    return DeclaredBackend(
        id,
        str(said.get("url") or ""),
        [
            Member(str(one["id"]).rpartition("/")[2], int(one.get("priority") or 1), int(one.get("weight") or 1))
            for one in pool
        ],
        breaker(rules[0]) if rules else None,
        credentials.get("header") or {},
        credentials.get("query") or {},
        f"{authorization['scheme']} {authorization['parameter']}" if authorization else "",
    )


def breaker(rule: Mapping[str, Any]) -> Breaker:
    """A circuit breaker."""
    condition = rule.get("failureCondition") or {}
    return Breaker(
        seconds(str(condition.get("interval") or "PT1M")),
        seconds(str(rule.get("tripDuration") or "PT1M")),
        condition.get("count"),
        condition.get("percentage"),
        [(int(one["min"]), int(one["max"])) for one in condition.get("statusCodeRanges") or []],
        condition.get("errorReasons") or [],
        bool(rule.get("acceptRetryAfter")),
    )
