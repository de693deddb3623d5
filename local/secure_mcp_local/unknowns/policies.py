"""What single policies do: what they send, keep, count, allow and report."""

import base64

from secure_mcp_local.unknowns.probe import UNSAVED
from secure_mcp_local.unknowns.question import Gateway, Operation, Probe, Question, said
from secure_mcp_local.unknowns.tokens import KEY, signed


def _redirect(gateway: Gateway) -> str:
    text = gateway.send("/send-redirect").text
    return {"302": "not followed", "200": "followed", "0": "the gateway cannot call itself"}.get(text, f"status {text}")


SEND_REQUEST_REDIRECT = Question(
    name="send-request-redirect",
    text="Does `send-request` follow redirects?",
    belief="not followed",
    matters="client metadata documents and Entra ID's answers: a redirect that is followed reaches hosts that nobody allowed",
    source="no attribute and no documentation; `forward-request` has follow-redirects, false by default",
    by_hand="let `send-request` call an operation that answers 302, and answer with the status that it saw",
    probe=Probe(
        [
            Operation(
                "redirect",
                """        <return-response>
            <set-status code="302" reason="Found" />
            <set-header name="Location" exists-action="override">
                <value>{base}/redirect-target</value>
            </set-header>
        </return-response>""",
            ),
            Operation("redirect-target", said("followed")),
            Operation(
                "send-redirect",
                """        <send-request mode="new" response-variable-name="redirected" timeout="20" ignore-error="true">
            <set-url>{base}/redirect</set-url>
            <set-method>GET</set-method>
            <set-header name="x-probe-key" exists-action="override">
                <value>{key}</value>
            </set-header>
        </send-request>
"""
                + said(
                    "@{\n"
                    '                var answer = (IResponse)context.Variables["redirected"];\n'
                    '                return answer == null ? "0" : answer.StatusCode.ToString();\n'
                    "            }"
                ),
            ),
        ],
        _redirect,
    ),
)

TWO_COOKIES_OPERATION = Operation(
    "two-cookies",
    """        <return-response>
            <set-status code="200" reason="OK" />
            <set-header name="Set-Cookie" exists-action="override">
                <value>a=1; Path=/</value>
                <value>b=2; Path=/</value>
            </set-header>
        </return-response>""",
)


def _cookies(gateway: Gateway) -> str:
    lines = gateway.send("/two-cookies").headers.get_list("set-cookie")
    return "two header lines" if len(lines) == 2 else f"one header line: {', '.join(lines)}"


TWO_COOKIES = Question(
    name="two-cookies",
    text="How are two values of one `set-header` for Set-Cookie sent?",
    belief="two header lines",
    matters="pages that set and delete cookies in one answer (policies/oauth)",
    source="learn.microsoft.com/azure/api-management/set-header-policy",
    by_hand="answer with a `set-header` of two values and count the lines with `curl -i`",
    probe=Probe([TWO_COOKIES_OPERATION], _cookies),
)


def _cache(gateway: Gateway) -> str:
    if gateway.units < 2:
        return "one unit: it cannot be told"
    gateway.send("/cache-store")
    found = sum(gateway.send("/cache-lookup").text == "there" for _ in range(40))
    return "units share the cache" if found == 40 else f"units have caches of their own ({found} of 40 found it)"


SHARED_CACHE = Question(
    name="shared-cache",
    text="Do the units of one gateway share the internal cache?",
    belief="units share the cache",
    matters="only speed: what a session is stands in the session store, and the cache may forget",
    source="learn.microsoft.com/azure/api-management/api-management-howto-cache; needs a service of two units",
    by_hand="with two units: store a value once, look it up 40 times",
    probe=Probe(
        [
            Operation(
                "cache-store",
                '        <cache-store-value key="{key}" value="there" duration="60" caching-type="internal" />\n'
                + said("stored"),
            ),
            Operation(
                "cache-lookup",
                '        <cache-lookup-value key="{key}" default-value="missing" variable-name="found" '
                'caching-type="internal" />\n' + said('@((string)context.Variables["found"])'),
            ),
        ],
        _cache,
    ),
)


def _query_case(gateway: Gateway) -> str:
    text = gateway.send("/query-case", query="a=1").text
    return {"?A=2": "names are compared without case", "?a=2": "the first spelling is kept"}.get(
        text, f"it gives {text}"
    )


QUERY_CASE = Question(
    name="query-case",
    text="Does `set-query-parameter` with the name A replace the parameter a?",
    belief="names are compared without case",
    matters="a parameter that is meant to be replaced must not stay beside its replacement",
    source="learn.microsoft.com/azure/api-management/set-query-parameter-policy does not say",
    by_hand="override A in a policy, call with `?a=1`, answer with the query",
    probe=Probe(
        [
            Operation(
                "query-case",
                """        <set-query-parameter name="A" exists-action="override">
            <value>2</value>
        </set-query-parameter>
"""
                + said("@(context.Request.Url.QueryString)"),
            )
        ],
        _query_case,
    ),
)


def _origin(gateway: Gateway) -> str:
    answer = gateway.send("/cors-scheme", headers={"Origin": "vscode-webview://probe"})
    allowed = answer.headers.get("access-control-allow-origin", "")
    return "it is allowed" if allowed == "vscode-webview://probe" else "it is not allowed"


CORS_SCHEME = Question(
    name="cors-scheme",
    text="May an `<origin>` of cors have another scheme than http and https?",
    belief="it is allowed",
    matters="none of ours needs it: beside such an origin in allowedOrigins cors allows every page, and the policy compares (policies/macros.jinja)",
    source="learn.microsoft.com/azure/api-management/cors-policy names scheme and host only",
    by_hand="save a cors policy with the origin `vscode-webview://probe`, and call with it",
    probe=Probe(
        [
            Operation(
                "cors-scheme",
                """        <cors allow-credentials="false">
            <allowed-origins>
                <origin>vscode-webview://probe</origin>
            </allowed-origins>
            <allowed-methods>
                <method>GET</method>
            </allowed-methods>
            <allowed-headers>
                <header>x-probe-key</header>
            </allowed-headers>
        </cors>
"""
                + said("allowed"),
            )
        ],
        _origin,
    ),
)

_LARGE = 600 * 1024
"""Bytes of a document above the published limit of 512 KiB."""


def _document(gateway: Gateway) -> str:
    return "it is saved" if gateway.send("/large-document").text == "saved" else "it is saved, and does not run"


DOCUMENT_SIZE = Question(
    name="document-size",
    text="Is a policy document of more than 512 KiB saved on a v2 tier?",
    belief=UNSAVED,
    matters="the size of rendered documents; the largest of ours has a tenth of that",
    source="learn.microsoft.com/azure/api-management/service-limits",
    by_hand="save a policy with a comment of 600 KiB",
    probe=Probe([Operation("large-document", f"        <!-- {'x' * _LARGE} -->\n" + said("saved"))], _document),
)


def _limit(gateway: Gateway) -> str:
    first, second = (gateway.send("/fragment-limit").status_code for _ in range(2))
    if (first, second) == (200, 429):
        return "it counts, and refuses"
    return "it does not count" if (first, second) == (200, 200) else f"status {first}, then {second}"


FRAGMENT_LIMIT = Question(
    name="fragment-limit",
    text="Does rate-limit-by-key count in a fragment that a `choose` includes?",
    belief="it counts, and refuses",
    matters="limits of calls without a key that works, by address (policies/fragments/failed-check.xml)",
    source="learn.microsoft.com/azure/api-management/rate-limit-by-key-policy names sections and scopes, not fragments or choose",
    by_hand="include a fragment with a limit of one call in a `when`, and call twice",
    probe=Probe(
        [
            Operation(
                "fragment-limit",
                """        <choose>
            <when condition="@(true)">
                <include-fragment fragment-id="{fragment}" />
            </when>
        </choose>
"""
                + said("passed"),
                fragment="""<fragment>
    <rate-limit-by-key calls="1" renewal-period="60" counter-key="secure-mcp-probe" />
</fragment>""",
            )
        ],
        _limit,
    ),
)

_ROLELESS = signed("JWT", {"sub": "probe", "exp": 4102444800})
"""Lives for ever, and lacks the claim."""


def _claim(gateway: Gateway) -> str:
    reason = gateway.send("/missing-claim").text
    return "it begins with TokenClaim" if reason.startswith("TokenClaim") else f"it is {reason}"


CLAIM_REASON = Question(
    name="claim-reason",
    text="What is `LastError.Reason` when validate-jwt misses a required claim?",
    belief="it begins with TokenClaim",
    matters="an operator without the role gets 403 and not 401 (policies/oauth/api.xml); nobody gets in either way",
    source="learn.microsoft.com/azure/api-management/api-management-error-handling-policies: TokenClaimNotFound, TokenClaimValueNotAllowed",
    by_hand="require a claim that a token lacks, and answer with LastError.Reason in on-error",
    probe=Probe(
        [
            Operation(
                "missing-claim",
                f"""        <validate-jwt token-value="{_ROLELESS}">
            <issuer-signing-keys>
                <key>{base64.b64encode(KEY).decode()}</key>
            </issuer-signing-keys>
            <required-claims>
                <claim name="roles" match="any">
                    <value>Operator</value>
                </claim>
            </required-claims>
        </validate-jwt>""",
                on_error=said("@(context.LastError.Reason)"),
            )
        ],
        _claim,
    ),
)
