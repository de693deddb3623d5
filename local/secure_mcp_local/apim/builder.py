"""From checked elements to policies that run."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, ClassVar

from secure_mcp_local.apim.document import Element
from secure_mcp_local.apim.pipeline import Base, Placed, Policy, Scope
from secure_mcp_local.apim.policies import access, caching, calls, cors, filters, flow, limits, message, telemetry
from secure_mcp_local.apim.schema import check_section
from secure_mcp_local.apim.values import Compiled, Source
from secure_mcp_local.errors import DocumentError

_IDENTITY = "authentication-managed-identity"
_DEFAULT_TIMEOUT = "300"
"""Seconds of forward-request."""


class Builder:
    """Builds the policies of one document.

    Args:
        source: Compiles its values.
        fragments: Checked fragments by id, each with the source that compiles its values.
        outer: The scopes around the document's, outermost first.
    """

    def __init__(
        self, source: Source, fragments: Mapping[str, tuple[Element, Source]], outer: Sequence[Scope] = ()
    ) -> None:
        self._source, self._fragments, self._outer = source, fragments, outer
        self._section = ""
        self.reads: set[str] = set()

    def sections(self, root: Element) -> dict[str, list[Placed]]:
        """The policies of a `<policies>` document by section."""
        built: dict[str, list[Placed]] = {}
        for section in root.children:
            self._section = section.name
            built[section.name] = self._policies(section.children)
        self.reads |= self._source.reads
        return built

    def _policies(self, elements: Sequence[Element]) -> list[Placed]:
        return [self._placed(element) for element in elements]

    def _placed(self, element: Element) -> Placed:
        id = element.attributes.get("id")
        return Placed(element.name, self._builders[element.name](self, element), id.text if id else None)

    def _attribute(self, element: Element, name: str, default: str | None = None) -> Compiled:
        return self._source.attribute(element, name, default)

    def _base(self, element: Element) -> Policy:
        del element
        return Base(self._section, self._outer)

    def _fragment(self, element: Element) -> Policy:
        id = element.attributes["fragment-id"].text
        if id not in self._fragments:
            raise DocumentError(
                f"the policy fragment {id!r} is not declared; declare a PolicyFragment with this id",
                document=self._source.document,
                line=element.line,
                column=element.column,
            )
        fragment, source = self._fragments[id]
        check_section(fragment, self._section, source.document)
        inner = Builder(source, {}, ())
        inner._section = self._section
        policies = inner._policies(fragment.children)
        self.reads |= source.reads
        return flow.Fragment(policies)

    def _choose(self, element: Element) -> Policy:
        branches = [
            (self._attribute(when, "condition"), self._policies(when.children))
            for when in element.children
            if when.name == "when"
        ]
        last = element.children[-1]
        return flow.Choose(branches, self._policies(last.children) if last.name == "otherwise" else [])

    def _retry(self, element: Element) -> Policy:
        for name in ("delta", "max-interval"):
            if name in element.attributes:
                raise self._not_modelled(element, name)
        return flow.Retry(
            self._attribute(element, "condition"),
            self._attribute(element, "count"),
            self._attribute(element, "interval"),
            self._attribute(element, "first-fast-retry", "false"),
            self._policies(element.children),
        )

    def _wait(self, element: Element) -> Policy:
        return flow.Wait(self._policies(element.children), all=_literal(element, "for") == "all")

    def _limit_concurrency(self, element: Element) -> Policy:
        most = _literal(element, "max-count") or ""
        if not most.isdecimal():
            raise self._error(element, f"max-count={most!r} is no number")
        return flow.LimitConcurrency(self._attribute(element, "key"), int(most), self._policies(element.children))

    def _mock_response(self, element: Element) -> Policy:
        status = _literal(element, "status-code") or "200"
        if not status.isdecimal():
            raise self._error(element, f"status-code={status!r} is no number")
        return flow.MockResponse(int(status), _literal(element, "content-type") or "application/json")

    def _rewrite_uri(self, element: Element) -> Policy:
        return message.RewriteUri(
            self._attribute(element, "template"), copy_unmatched=_literal(element, "copy-unmatched-params") != "false"
        )

    def _set_backend_service(self, element: Element) -> Policy:
        return message.SetBackendService(self._attribute(element, "base-url"))

    def _emit_metric(self, element: Element) -> Policy:
        return telemetry.EmitMetric(
            element.attributes["name"].text,
            _literal(element, "namespace") or "",
            self._attribute(element, "value", "1"),
            [(child.attributes["name"].text, self._source.optional(child, "value")) for child in element.children],
        )

    def _return_response(self, element: Element) -> Policy:
        return flow.ReturnResponse(
            _literal(element, "response-variable-name"), [self._placed(child).policy for child in element.children]
        )

    def _set_variable(self, element: Element) -> Policy:
        return message.SetVariable(element.attributes["name"].text, self._attribute(element, "value"))

    def _set_header(self, element: Element) -> message.SetHeader:
        return message.SetHeader(
            self._attribute(element, "name"),
            _literal(element, "exists-action") or "override",
            [self._source.content(value) for value in element.children],
        )

    def _set_query_parameter(self, element: Element) -> Policy:
        return message.SetQueryParameter(
            self._attribute(element, "name"),
            _literal(element, "exists-action") or "override",
            [self._source.content(value) for value in element.children],
        )

    def _set_body(self, element: Element) -> message.SetBody:
        return message.SetBody(self._source.content(element))

    def _set_status(self, element: Element) -> Policy:
        return message.SetStatus(self._attribute(element, "code"), self._attribute(element, "reason"))

    def _set_method(self, element: Element) -> Policy:
        return message.SetMethod(self._source.content(element))

    def _send_request(self, element: Element) -> Policy:
        if _literal(element, "mode") == "copy":
            raise self._not_modelled(element, "mode=copy")
        by_name = {child.name: child for child in element.children}
        if "set-url" not in by_name:
            raise self._not_modelled(element, "no <set-url>")
        return calls.SendRequest(
            _literal(element, "response-variable-name"),
            self._attribute(element, "timeout", "60"),
            _literal(element, "ignore-error") == "true",
            self._source.content(by_name["set-url"]),
            self._source.content(by_name["set-method"]) if "set-method" in by_name else Compiled("GET", None),
            [self._set_header(child) for child in element.children if child.name == "set-header"],
            self._set_body(by_name["set-body"]) if "set-body" in by_name else None,
            self._managed_identity(by_name[_IDENTITY]) if _IDENTITY in by_name else None,
            _literal(element, "fail-on-error-status-code") == "true",
        )

    def _forward_request(self, element: Element) -> Policy:
        if _literal(element, "follow-redirects") == "true":
            raise self._not_modelled(element, "follow-redirects=true")
        return calls.ForwardRequest(
            self._attribute(element, "timeout", _DEFAULT_TIMEOUT),
            _literal(element, "buffer-response") != "false",
            _literal(element, "fail-on-error-status-code") == "true",
        )

    def _cache_lookup(self, element: Element) -> Policy:
        return caching.Lookup(
            self._attribute(element, "key"),
            element.attributes["variable-name"].text,
            self._source.optional(element, "default-value"),
        )

    def _cache_store(self, element: Element) -> Policy:
        return caching.Store(
            self._attribute(element, "key"), self._attribute(element, "value"), self._attribute(element, "duration")
        )

    def _cache_remove(self, element: Element) -> Policy:
        return caching.Remove(self._attribute(element, "key"))

    def _rate_limit(self, element: Element) -> Policy:
        return limits.RateLimitByKey(
            self._attribute(element, "calls"),
            self._attribute(element, "renewal-period"),
            self._attribute(element, "counter-key"),
            limits.Report(
                _literal(element, "retry-after-header-name"),
                _literal(element, "retry-after-variable-name"),
                _literal(element, "remaining-calls-header-name"),
                _literal(element, "remaining-calls-variable-name"),
                _literal(element, "total-calls-header-name"),
            ),
        )

    def _quota(self, element: Element) -> Policy:
        return limits.QuotaByKey(
            self._attribute(element, "calls"),
            self._attribute(element, "renewal-period"),
            self._attribute(element, "counter-key"),
        )

    def _check_header(self, element: Element) -> Policy:
        return filters.CheckHeader(
            self._attribute(element, "name"),
            self._attribute(element, "failed-check-httpcode"),
            self._source.optional(element, "failed-check-error-message"),
            self._attribute(element, "ignore-case", "false"),
            [self._source.content(value) for value in element.children],
        )

    def _ip_filter(self, element: Element) -> Policy:
        ranges: list[tuple[filters.Address, filters.Address]] = []
        for child in element.children:
            texts = (
                (child.text.text, child.text.text)
                if child.text
                else (_literal(child, "from") or "", _literal(child, "to") or "")
            )
            try:
                ranges.append((ip_address(texts[0].strip()), ip_address(texts[1].strip())))
            except ValueError as error:
                raise self._error(child, str(error)) from None
        return filters.IpFilter(ranges, allow=_literal(element, "action") != "forbid")

    def _managed_identity(self, element: Element) -> access.ManagedIdentity:
        return access.ManagedIdentity(
            self._attribute(element, "resource"),
            _literal(element, "client-id"),
            _literal(element, "output-token-variable-name"),
            _literal(element, "ignore-error") == "true",
        )

    def _validate_azure_ad_token(self, element: Element) -> Policy:
        tenant = self._attribute(element, "tenant-id").literal(
            self._not_modelled(element, "an expression as tenant-id")
        )
        endpoint = (_literal(element, "authentication-endpoint") or "https://login.microsoftonline.com").rstrip("/")
        lists = {child.name: child.children for child in element.children}
        audiences = [*lists.get("audiences", []), *lists.get("backend-application-ids", [])]
        return access.ValidateJwt(
            **self._token(element),
            configurations=[Compiled(f"{endpoint}/{tenant}/v2.0/.well-known/openid-configuration", None)],
            audiences=[self._source.content(item) for item in audiences],
            issuers=[],
            clients=[self._source.content(item) for item in lists.get("client-application-ids", [])],
            any_of_tenant=tenant,
        )

    def _token(self, element: Element) -> dict[str, Any]:
        """What the two policies that validate tokens have in common."""
        sources = [n for n in ("header-name", "query-parameter-name", "token-value") if n in element.attributes]
        if len(sources) > 1 or (not sources and element.name == "validate-jwt"):
            raise self._error(element, "the token has one place: header-name, query-parameter-name or token-value")
        lists = {child.name: child.children for child in element.children}
        return {
            "header": _literal(element, "header-name"),
            "query": _literal(element, "query-parameter-name"),
            "token": self._source.optional(element, "token-value"),
            "require_scheme": _literal(element, "require-scheme"),
            "status": self._attribute(element, "failed-validation-httpcode", "401"),
            "message": self._source.optional(element, "failed-validation-error-message"),
            "require_expiry": self._attribute(element, "require-expiration-time", "true"),
            "clock_skew": self._attribute(element, "clock-skew", "0"),
            "variable": _literal(element, "output-token-variable-name"),
            "claims": [
                access.RequiredClaim(
                    item.attributes["name"].text,
                    [self._source.content(value) for value in item.children],
                    _literal(item, "match") != "any",
                    _literal(item, "separator"),
                )
                for item in lists.get("required-claims", [])
            ],
        }

    def _validate_jwt(self, element: Element) -> Policy:
        if "require-signed-tokens" in element.attributes and _literal(element, "require-signed-tokens") != "true":
            raise self._not_modelled(element, "require-signed-tokens other than true")
        lists = {child.name: child.children for child in element.children}
        return access.ValidateJwt(
            **self._token(element),
            configurations=[self._attribute(c, "url") for c in element.children if c.name == "openid-config"],
            audiences=[self._source.content(item) for item in lists.get("audiences", [])],
            issuers=[self._source.content(item) for item in lists.get("issuers", [])],
        )

    def _cors(self, element: Element) -> Policy:
        lists = {child.name: child for child in element.children}

        def texts(name: str) -> tuple[str, ...]:
            return tuple(item.text.text.strip() for item in lists[name].children if item.text) if name in lists else ()

        methods = lists.get("allowed-methods")
        return cors.Cors(
            origins=texts("allowed-origins"),
            methods=texts("allowed-methods") or ("GET", "POST"),
            headers=texts("allowed-headers"),
            exposed=texts("expose-headers"),
            max_age=_literal(methods, "preflight-result-max-age") if methods else None,
            allow_credentials=_literal(element, "allow-credentials") == "true",
            terminate_unmatched=_literal(element, "terminate-unmatched-request") != "false",
        )

    def _trace(self, element: Element) -> Policy:
        texts = [child for child in element.children if child.name == "message"]
        return telemetry.Trace(
            element.attributes["source"].text,
            _literal(element, "severity") or "verbose",
            self._source.content(texts[0]) if texts else None,
            [
                (child.attributes["name"].text, self._attribute(child, "value"))
                for child in element.children
                if child.name == "metadata"
            ],
        )

    def _not_modelled(self, element: Element, what: str) -> DocumentError:
        return self._error(element, f"<{element.name}> with {what} is not modelled by the local cloud")

    def _error(self, element: Element, message: str) -> DocumentError:
        return DocumentError(
            message,
            document=self._source.document,
            line=element.line,
            column=element.column,
        )

    _builders: ClassVar[Mapping[str, Callable[[Any, Element], Policy]]] = {
        "base": _base,
        "include-fragment": _fragment,
        "choose": _choose,
        "retry": _retry,
        "return-response": _return_response,
        "set-status": _set_status,
        "set-variable": _set_variable,
        "set-header": _set_header,
        "set-query-parameter": _set_query_parameter,
        "set-body": _set_body,
        "set-method": _set_method,
        "send-request": _send_request,
        "forward-request": _forward_request,
        "cache-lookup-value": _cache_lookup,
        "cache-store-value": _cache_store,
        "cache-remove-value": _cache_remove,
        "rate-limit-by-key": _rate_limit,
        "authentication-managed-identity": _managed_identity,
        "validate-jwt": _validate_jwt,
        "cors": _cors,
        "trace": _trace,
        "wait": _wait,
        "limit-concurrency": _limit_concurrency,
        "mock-response": _mock_response,
        "rewrite-uri": _rewrite_uri,
        "set-backend-service": _set_backend_service,
        "quota-by-key": _quota,
        "check-header": _check_header,
        "ip-filter": _ip_filter,
        "validate-azure-ad-token": _validate_azure_ad_token,
        "emit-metric": _emit_metric,
    }


def _literal(element: Element, name: str) -> str | None:
    value = element.attributes.get(name)
    return value.text if value else None
