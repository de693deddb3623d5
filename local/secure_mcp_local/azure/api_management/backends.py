"""Backend resources of a stack: single ones, pools, and their circuit breakers."""

from collections.abc import Mapping
from typing import Any

from apim_policies.pipeline.backends import Breaker, DeclaredBackend, Member, seconds
from secure_mcp_local.recording import Resource


def backend(resource: Resource) -> DeclaredBackend:
    """A Backend in plain values."""
    credentials = resource.get("credentials") or {}
    authorization = credentials.get("authorization") or {}
    rules = (resource.get("circuitBreaker") or {}).get("rules") or []
    pool = (resource.get("pool") or {}).get("services") or []
    return DeclaredBackend(
        str(resource.get("backendId")),
        str(resource.get("url") or ""),
        [
            Member(str(one["id"]).rpartition("/")[2], int(one.get("priority") or 1), int(one.get("weight") or 1))
            for one in pool
        ],
        _breaker(rules[0]) if rules else None,
        credentials.get("header") or {},
        credentials.get("query") or {},
        f"{authorization['scheme']} {authorization['parameter']}" if authorization else "",
    )


def _breaker(rule: Mapping[str, Any]) -> Breaker:
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
