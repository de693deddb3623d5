"""Builds the policies that let requests in or not, from their elements."""

from datetime import datetime
from ipaddress import ip_address
from typing import Any

from apim_policies.documents.document import Element
from apim_policies.elements import access, cors, filters, limits
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source


def rate_limit(source: Source, element: Element) -> Policy:
    return limits.RateLimitByKey(
        source.attribute(element, "calls"),
        source.attribute(element, "renewal-period"),
        source.attribute(element, "counter-key"),
        _increment(source, element),
        limits.Report(
            source.literal(element, "retry-after-header-name") or "Retry-After",
            source.literal(element, "retry-after-variable-name"),
            source.literal(element, "remaining-calls-header-name"),
            source.literal(element, "remaining-calls-variable-name"),
            source.literal(element, "total-calls-header-name"),
        ),
    )


def quota(source: Source, element: Element) -> Policy:
    start, text = limits.FIRST_PERIOD, source.literal(element, "first-period-start")
    if text is not None:
        try:
            start = datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError):
            raise source.error(element, f"first-period-start={text!r} is no time; write 2026-01-31T00:00:00Z") from None
    return limits.QuotaByKey(
        int(source.literal(element, "calls") or ""),
        int(source.literal(element, "renewal-period") or ""),
        start,
        source.attribute(element, "counter-key"),
        _increment(source, element),
    )


def _increment(source: Source, element: Element) -> limits.Increment:
    return limits.Increment(
        source.optional(element, "increment-condition"),
        source.attribute(element, "increment-count", "1"),
        after_response=source.flag(element, "increment-after-response"),
    )


def check_header(source: Source, element: Element) -> Policy:
    return filters.CheckHeader(
        source.attribute(element, "name"),
        source.attribute(element, "failed-check-httpcode"),
        source.optional(element, "failed-check-error-message"),
        source.attribute(element, "ignore-case", "false"),
        [source.content(value) for value in element.children],
    )


def ip_filter(source: Source, element: Element) -> Policy:
    ranges: list[tuple[filters.Address, filters.Address]] = []
    for child in element.children:
        if child.text is not None and child.text.expression:
            raise source.not_modelled(child, "an expression")
        first = child.text.text if child.text else source.literal(child, "from") or ""
        last = child.text.text if child.text else source.literal(child, "to") or ""
        try:
            ranges.append((ip_address(first.strip()), ip_address(last.strip())))
        except ValueError as error:
            raise source.error(child, str(error)) from None
    return filters.IpFilter(ranges, allow=source.literal(element, "action") != "forbid")


def managed_identity(source: Source, element: Element) -> access.ManagedIdentity:
    return access.ManagedIdentity(
        source.attribute(element, "resource"),
        source.literal(element, "client-id"),
        source.literal(element, "output-token-variable-name"),
        source.flag(element, "ignore-error"),
    )


def validate_azure_ad_token(source: Source, element: Element) -> Policy:
    tenant = element.attributes["tenant-id"].text
    endpoint = (source.literal(element, "authentication-endpoint") or "https://login.microsoftonline.com").rstrip("/")
    lists = {child.name: child.children for child in element.children}
    audiences = [*lists.get("audiences", []), *lists.get("backend-application-ids", [])]
    return access.ValidateJwt(
        **_token(source, element),
        configurations=[Compiled(f"{endpoint}/{tenant}/v2.0/.well-known/openid-configuration", None)],
        audiences=[source.content(item) for item in audiences],
        issuers=[Compiled(f"https://sts.windows.net/{tenant}/", None)],
        clients=[source.content(item) for item in lists.get("client-application-ids", [])],
    )


def validate_jwt(source: Source, element: Element) -> Policy:
    if not source.flag(element, "require-signed-tokens", default=True):
        raise source.not_modelled(element, "require-signed-tokens other than true")
    lists = {child.name: child.children for child in element.children}
    configurations = [source.attribute(c, "url") for c in element.children if c.name == "openid-config"]
    keys = [_signing_key(source, child) for child in lists.get("issuer-signing-keys", [])]
    if not configurations and not keys:
        raise source.error(element, "<validate-jwt> needs <openid-config> or <issuer-signing-keys>")
    return access.ValidateJwt(
        **_token(source, element),
        configurations=configurations,
        keys=keys,
        audiences=[source.content(item) for item in lists.get("audiences", [])],
        issuers=[source.content(item) for item in lists.get("issuers", [])],
    )


def _signing_key(source: Source, element: Element) -> access.SigningKey:
    by_parts = [name for name in ("n", "e") if name in element.attributes]
    if len(by_parts) == 1 or bool(by_parts) == bool(element.text):
        raise source.error(element, "a <key> holds a key in base64, or has n and e")
    return access.SigningKey(
        source.literal(element, "id"),
        source.content(element) if element.text else None,
        source.optional(element, "n"),
        source.optional(element, "e"),
    )


def _token(source: Source, element: Element) -> dict[str, Any]:
    """What the two policies that validate tokens have in common."""
    places = [n for n in ("header-name", "query-parameter-name", "token-value") if n in element.attributes]
    if len(places) > 1 or (not places and element.name == "validate-jwt"):
        raise source.error(element, "the token has one place: header-name, query-parameter-name or token-value")
    lists = {child.name: child.children for child in element.children}
    return {
        "header": source.attribute(element, "header-name", "Authorization"),
        "query": source.optional(element, "query-parameter-name"),
        "token": source.optional(element, "token-value"),
        "require_scheme": source.optional(element, "require-scheme"),
        "status": source.attribute(element, "failed-validation-httpcode", "401"),
        "message": source.optional(element, "failed-validation-error-message"),
        "require_expiry": source.attribute(element, "require-expiration-time", "true"),
        "clock_skew": source.attribute(element, "clock-skew", "0"),
        "variable": source.literal(element, "output-token-variable-name"),
        "claims": [
            access.RequiredClaim(
                item.attributes["name"].text,
                [source.content(value) for value in item.children],
                source.literal(item, "match") != "any",
                source.literal(item, "separator"),
            )
            for item in lists.get("required-claims", [])
        ],
    }


def cors_policy(source: Source, element: Element) -> Policy:
    lists = {child.name: child for child in element.children}

    def texts(name: str) -> tuple[str, ...]:
        items = lists[name].children if name in lists else []
        for item in items:
            if item.text is not None and item.text.expression:
                raise source.not_modelled(item, "an expression")
        return tuple(item.text.text.strip() for item in items if item.text)

    methods = lists.get("allowed-methods")
    return cors.Cors(
        origins=texts("allowed-origins"),
        methods=texts("allowed-methods") or ("GET", "POST"),
        headers=texts("allowed-headers"),
        exposed=texts("expose-headers"),
        max_age=source.literal(methods, "preflight-result-max-age") if methods else None,
        allow_credentials=source.flag(element, "allow-credentials"),
        terminate_unmatched=source.flag(element, "terminate-unmatched-request", default=True),
    )
