"""What only a real API Management can say about its gateway: each with the policies that ask it."""

import base64
import gzip
import hmac
import json

from secure_mcp_local.unknowns.probe import UNSAVED
from secure_mcp_local.unknowns.question import Gateway, Operation, Probe, Question, said

_BODY = "context.Request.Body.As<string>(preserveContent: true)"
_KEY = b"a key of a probe, which no other token is signed with"
_LARGE = 600 * 1024
"""Bytes of a document above the published limit of 512 KiB."""


def _charset(gateway: Gateway) -> str:
    headers = {"Content-Type": "text/plain; charset=iso-8859-1"}
    code = gateway.send("/body-charset", "POST", headers=headers, content=b"\xe9").text
    return {"233": "the charset is honoured", "65533": "the body is read as UTF-8"}.get(code, f"code point {code}")


def _encoding(gateway: Gateway) -> str:
    headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
    text = gateway.send("/body-encoding", "POST", headers=headers, content=gzip.compress(b"plain")).text
    return "the body is decompressed" if text == "plain" else "the body is left as it is"


def _large_body(gateway: Gateway) -> str:
    answer = gateway.send("/body-size", "POST", content=b"x" * (3 * 1024 * 1024))
    return "the length is read" if answer.text == str(3 * 1024 * 1024) else f"status {answer.status_code}"


def _redirect(gateway: Gateway) -> str:
    text = gateway.send("/send-redirect").text
    return {"302": "not followed", "200": "followed", "0": "the gateway cannot call itself"}.get(text, f"status {text}")


def _connection(gateway: Gateway) -> str:
    headers = {"Connection": "x-mcp-user-oid", "x-mcp-user-oid": "client"}
    answer = gateway.send("/connection", headers=headers)
    if not answer.is_success:
        return f"status {answer.status_code}"
    return {"policy": "what the policy sets arrives", "none": "what the policy sets is dropped"}.get(
        answer.text, f"the backend sees {answer.text}"
    )


def _cookies(gateway: Gateway) -> str:
    lines = gateway.send("/two-cookies").headers.get_list("set-cookie")
    return "two header lines" if len(lines) == 2 else f"one header line: {', '.join(lines)}"


def _address(gateway: Gateway) -> str:
    text = gateway.send("/ip-address", headers={"X-Forwarded-For": "203.0.113.7"}).text
    return "X-Forwarded-For is believed" if text == "203.0.113.7" else "the direct peer"


def _time_limit(gateway: Gateway) -> str:
    short, long = gateway.send("/loop", query="seconds=2"), gateway.send("/loop", query="seconds=8")
    if not short.is_success:
        return f"less than 2 seconds (status {short.status_code})"
    return "more than 8 seconds" if long.is_success else "between 2 and 8 seconds"


def _cache(gateway: Gateway) -> str:
    if gateway.units < 2:
        return "one unit: it cannot be told"
    gateway.send("/cache-store")
    found = sum(gateway.send("/cache-lookup").text == "there" for _ in range(40))
    return "units share the cache" if found == 40 else f"units have caches of their own ({found} of 40 found it)"


def _query_case(gateway: Gateway) -> str:
    text = gateway.send("/query-case", query="a=1").text
    return {"?A=2": "names are compared without case", "?a=2": "the first spelling is kept"}.get(
        text, f"it gives {text}"
    )


def _encoded_slash(gateway: Gateway) -> str:
    answer = gateway.send("/segments/a%2Fb")
    if answer.status_code == 404:
        return "it ends the segment"
    return {"a%2Fb": "it stays as it is", "a/b": "it is decoded in the parameter"}.get(
        answer.text, f"status {answer.status_code}: {answer.text[:40]}"
    )


def _dot_segments(gateway: Gateway) -> str:
    answer = gateway.send("/segments/../two-cookies")
    cookies = answer.headers.get_list("set-cookie")
    return "they are resolved" if cookies else f"they are not resolved (status {answer.status_code})"


def _dotnet(gateway: Gateway) -> str:
    text = gateway.send("/dotnet").text
    return {"0.3": ".NET Framework", "0.30000000000000004": ".NET Core 3.0 or later"}.get(text, f"it gives {text}")


def _jwt_type(gateway: Gateway) -> str:
    return f"it is {gateway.send('/jwt-type').text}"


def _rsa(gateway: Gateway) -> str:
    return {"True": "it does", "False": "it refuses a good signature"}.get(
        gateway.send("/rsa-in-expressions").text, "it fails"
    )


def _null(gateway: Gateway) -> str:
    return {"True": "it is null", "False": "it is not null"}.get(gateway.send("/null-variable").text, "it fails")


def _query_limit(gateway: Gateway) -> str:
    status = gateway.send("/null-variable", query="q=" + "x" * 3000).status_code
    return "it is taken" if status == 200 else f"status {status}"


def _origin(gateway: Gateway) -> str:
    answer = gateway.send("/cors-scheme", headers={"Origin": "vscode-webview://probe"})
    allowed = answer.headers.get("access-control-allow-origin", "")
    return "it is allowed" if allowed == "vscode-webview://probe" else "it is not allowed"


def _newtonsoft(gateway: Gateway) -> str:
    text = gateway.send("/newtonsoft").text
    return {
        "64 levels": "13.0.1 or later: it stops at 64 levels",
        "any depth": "earlier than 13.0.1: it reads any depth",
    }.get(text, text)


def _zones(gateway: Gateway) -> str:
    text = gateway.send("/time-zones").text
    return {
        "W. Europe Standard Time;Europe/Berlin;": "those of Windows and those of IANA",
        "W. Europe Standard Time;-;": "those of Windows",
        "-;Europe/Berlin;": "those of IANA",
    }.get(text, f"it says {text}")


def _basic(gateway: Gateway) -> str:
    text = gateway.send("/basic-decoding").text
    return {"a%3Ab c%2Bd": "it leaves them as they are", "a:b c+d": "it decodes them"}.get(text, f"it gives {text}")


def _document(gateway: Gateway) -> str:
    return "it is saved" if gateway.send("/large-document").text == "saved" else "it is saved, and does not run"


def _slash(gateway: Gateway) -> str:
    without, with_one = gateway.send("").text, gateway.send("/").text
    if without != "root":
        return "the operation / is not found without the slash"
    return "both are the operation /" if with_one == "root" else "only the path without the slash is"


def _limit(gateway: Gateway) -> str:
    first, second = (gateway.send("/fragment-limit").status_code for _ in range(2))
    if (first, second) == (200, 429):
        return "it counts, and refuses"
    return "it does not count" if (first, second) == (200, 200) else f"status {first}, then {second}"


def _claim(gateway: Gateway) -> str:
    reason = gateway.send("/missing-claim").text
    return "it begins with TokenClaim" if reason.startswith("TokenClaim") else f"it is {reason}"


def _token() -> str:
    """A token that nobody signed, with another type than usual."""
    parts = [{"alg": "HS256", "typ": "at+jwt"}, {"sub": "probe"}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


# A public key that nobody has the other half of, and what it signed once: the word probe.
_MODULUS = (
    "vJN1dr6z2i/p4Hw1mQRo3ZM3NhvS+VZeSi+pkgBNVQ59FjYz1HiEdsReT/Scp9Ll7Q48Djc7Fx3qkdGpIRybQTWYTEqlRshttdRVKpiAeLc7qeKO"
    "WO1jgkbVvdrLD7nAiWF/yj6sMUGivkFXGjJ7MagcO/T2EYHB8GYcaFEQSqYjy5cb1jMQ6c/6RhLN0iImaiB4sc7/ld90OvdKG4kAO8Qgqy/efB9R"
    "+KwDrGhXdpSeDDOXdiC0czpWlPInGBX4Qy5ngKL6k2Z62WBZ6/Joi2cerczdiSb+ez+SpS6keaiAqo5lC9c0a/yQVkxcHQOe9Q4mI3iy03Tzd+w8"
    "HE4Eew=="
)
_SIGNATURE = (
    "U4sHEdp08DSUKz0ysDqVPaGb9mJbJVWipMKJBfjNLDcjivLtEwdEanF214p4Xs6bdJdwj67etu6yxCCkpuG+jQn8ZbctPXIwDeqMQpNXFt8/AD/N"
    "4PBh5/5yOSSmvxOKOuNfzMrjxE8bcjSkqyVQ6yEwbC1u2+Aj8Ayk207LHm8TGDu+oseSWBrvj68Fo12Ifs/eJ7Pn8QMyfUDnH2pnItnS/zrzgpPA"
    "C0osC8Paf8aC5G+Skaw46wbPHiaqnK9bfkvQ7HacNA1h+5pPBIUZhWg0/RjXz/coiCBx9UKCPOMiIXY/h/ez0D/P+ij7esHxivXhfnjVzoiZGfQK"
    "suuBhQ=="
)
_RSA = (
    "@{ using (var rsa = RSA.Create()) { "
    f'rsa.FromXmlString("<RSAKeyValue><Modulus>{_MODULUS}</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>"); '
    f'return rsa.VerifyData(Encoding.ASCII.GetBytes("probe"), Convert.FromBase64String("{_SIGNATURE}"), '
    "HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).ToString(); } }"
)


def _signed() -> str:
    """A token that lives for ever, signed with a key that everybody knows."""
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": "probe", "exp": 4102444800}]
    signed = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    signature = hmac.digest(_KEY, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


_TWO_COOKIES = Operation(
    "two-cookies",
    """        <return-response>
            <set-status code="200" reason="OK" />
            <set-header name="Set-Cookie" exists-action="override">
                <value>a=1; Path=/</value>
                <value>b=2; Path=/</value>
            </set-header>
        </return-response>""",
)
_SEGMENTS = Operation("segments", said('@(context.Request.MatchedParameters["name"])'), template="/segments/{name}")
_DEEP = """@{
                try
                {
                    JObject.Parse("{\\"a\\":" + new string('[', 100) + new string(']', 100) + "}");
                    return "any depth";
                }
                catch (Exception)
                {
                    return "64 levels";
                }
            }"""
_ZONES = """@{
                var found = "";
                foreach (var id in new[] { "W. Europe Standard Time", "Europe/Berlin" })
                {
                    try
                    {
                        found += TimeZoneInfo.FindSystemTimeZoneById(id).Id + ";";
                    }
                    catch (Exception)
                    {
                        found += "-;";
                    }
                }
                return found;
            }"""
_BASIC = """@{
                BasicAuthCredentials credentials;
                var header = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("a%3Ab:c%2Bd"));
                return header.TryParseBasic(out credentials) ? credentials.UserId + " " + credentials.Password : "nothing";
            }"""
_NULL = Operation(
    "null-variable",
    '        <set-variable name="nothing" value="@(null)" />\n'
    + said('@((context.Variables["nothing"] == null).ToString())'),
)

QUESTIONS: tuple[Question, ...] = (
    Question(
        name="body-charset",
        text="Does `Body.As<string>` honour the charset of Content-Type?",
        belief="the body is read as UTF-8",
        matters="what the OAuth endpoints read from forms (policies/fragments/form.xml); JSON is UTF-8 anyway",
        source="no documentation",
        by_hand="POST the byte E9 with `charset=iso-8859-1` to a policy that answers with the first character's number",
        probe=Probe([Operation("body-charset", said(f"@(((int){_BODY}[0]).ToString())"), method="POST")], _charset),
    ),
    Question(
        name="body-encoding",
        text="Does `Body.As<string>` decompress a body with Content-Encoding gzip?",
        belief="the body is left as it is",
        matters="a compressed body must not pass a check that reads it (policies/mcp/api.xml)",
        source="no documentation",
        by_hand="POST a gzipped text with `Content-Encoding: gzip` to a policy that answers with the body",
        probe=Probe([Operation("body-encoding", said(f"@({_BODY})"), method="POST")], _encoding),
    ),
    Question(
        name="body-size",
        text="What does a policy get that reads a body above 2 MiB on a v2 tier?",
        belief="status 413",
        matters="the limit of messages (policies/mcp/api.xml)",
        source="learn.microsoft.com/azure/api-management/service-limits: buffered payload 2 MiB; the status is not documented",
        by_hand="POST 3 MiB to a policy that answers with the body's length",
        probe=Probe([Operation("body-size", said(f"@({_BODY}.Length.ToString())"), method="POST")], _large_body),
    ),
    Question(
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
    ),
    Question(
        name="connection-header",
        text="What does `Connection: x-mcp-user-oid` from a client do to the header of that name that a policy sets?",
        belief="what the policy sets arrives",
        matters="the verified user's headers for the server: a client must not be able to have them dropped (policies/mcp/api.xml)",
        source="RFC 9110, section 7.6.1: the gateway takes away what the client names, before a policy runs",
        by_hand="set the header in a policy, forward to an echo, and call with that Connection header over HTTP/1.1",
        probe=Probe(
            [
                Operation(
                    "connection",
                    """        <set-header name="x-mcp-user-oid" exists-action="override">
            <value>policy</value>
        </set-header>
        <rewrite-uri template="/connection-echo" copy-unmatched-params="false" />""",
                ),
                Operation(
                    "connection-echo", said('@(context.Request.Headers.GetValueOrDefault("x-mcp-user-oid", "none"))')
                ),
            ],
            _connection,
        ),
    ),
    Question(
        name="two-cookies",
        text="How are two values of one `set-header` for Set-Cookie sent?",
        belief="two header lines",
        matters="pages that set and delete cookies in one answer (policies/oauth)",
        source="learn.microsoft.com/azure/api-management/set-header-policy",
        by_hand="answer with a `set-header` of two values and count the lines with `curl -i`",
        probe=Probe([_TWO_COOKIES], _cookies),
    ),
    Question(
        name="ip-address",
        text="Is `context.Request.IpAddress` the direct peer, or what X-Forwarded-For says? With `--via`: behind Front Door?",
        belief="the direct peer",
        matters="limits by address (policies/oauth/api.xml): behind a proxy all callers share one, or could choose one",
        source="learn.microsoft.com/azure/api-management/rate-limit-by-key-policy",
        by_hand="answer with `context.Request.IpAddress`, once directly and once through Front Door",
        probe=Probe([Operation("ip-address", said("@(context.Request.IpAddress)"))], _address),
    ),
    Question(
        name="expression-time-limit",
        text="When is an expression ended that does not end?",
        belief="between 2 and 8 seconds",
        matters="no expression of ours may come near it, whatever strangers send",
        source="API Management release notes, March 2022: a loop longer than 5 seconds is ended",
        by_hand="loop on `DateTime.UtcNow` for as many seconds as the query says",
        probe=Probe(
            [
                Operation(
                    "loop",
                    said(
                        "@{\n"
                        "                var until = DateTime.UtcNow.AddSeconds("
                        'int.Parse(context.Request.Url.Query.GetValueOrDefault("seconds", "1")));\n'
                        "                var count = 0;\n"
                        "                while (DateTime.UtcNow < until)\n"
                        "                {\n"
                        "                    count = count + 1;\n"
                        "                }\n"
                        '                return "ended";\n'
                        "            }"
                    ),
                )
            ],
            _time_limit,
        ),
        modelled=False,
    ),
    Question(
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
    ),
    Question(
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
    ),
    Question(
        name="encoded-slash",
        text="What is `%2F` in a segment of the path?",
        belief="it stays as it is",
        matters="which operation a request belongs to, and so which policies run (routes of the OAuth and MCP APIs)",
        source="no documentation",
        by_hand="call `/segments/a%2Fb` of an operation `/segments/{name}` that answers with the parameter",
        probe=Probe([_SEGMENTS], _encoded_slash),
    ),
    Question(
        name="dot-segments",
        text="Are `..` segments of a path resolved before an operation is chosen?",
        belief="they are not resolved (status 404)",
        matters="as with encoded slashes",
        source="no documentation",
        by_hand="`curl --path-as-is https://…/segments/../two-cookies`",
        probe=Probe([_SEGMENTS, _TWO_COOKIES], _dot_segments),
    ),
    Question(
        name="dotnet",
        text="Which .NET evaluates expressions?",
        belief=".NET Core 3.0 or later",
        matters="how numbers are written, texts compared and patterns matched: the local cloud's answers were recorded with "
        ".NET Core 3.1 (docs/expressions.md)",
        source="not documented; the types that expressions may use are those of .NET Framework's time",
        by_hand="`secure-mcp expression '@((0.1 + 0.2).ToString())'` and the same in a policy",
        probe=Probe([Operation("dotnet", said("@((0.1 + 0.2).ToString())"))], _dotnet),
    ),
    Question(
        name="jwt-type",
        text="What is `Jwt.Type`?",
        belief="it is at+jwt",
        matters="a check of a token's kind; none of ours uses it",
        source="Azure/azure-api-management-policy-toolkit, JwtParser: the header `typ`",
        by_hand='answer with `"TOKEN".AsJwt().Type` for a token whose typ is at+jwt',
        probe=Probe([Operation("jwt-type", said(f'@("{_token()}".AsJwt().Type)'))], _jwt_type),
    ),
    Question(
        name="rsa-in-expressions",
        text="Does an expression verify RS256 with `RSA.Create()`, `FromXmlString` and `VerifyData`?",
        belief="it does",
        matters="what policies/parts/signed-token.xml verifies: assertions of clients with a key (policies/fragments/client-authentication.xml), "
        "an enterprise's (policies/grants/identity-assertion.xml), application tokens of Entra ID at a server (policies/mcp/api.xml): "
        "if not, all of these are refused, and nobody gets in",
        source="learn.microsoft.com/azure/api-management/api-management-policy-expressions allows all members of RSA; tried with .NET",
        by_hand="answer with `RSA.Create()` after `FromXmlString` of a public key: `VerifyData` of a text and its signature",
        probe=Probe([Operation("rsa-in-expressions", said(_RSA))], _rsa),
    ),
    Question(
        name="null-variable",
        text="May `set-variable` have the value `@(null)`, and is the variable null then?",
        belief="it is null",
        matters="nothing of ours needs it any more: expressions end with `return null;`, which Microsoft's own policies use",
        source="no public policy does it",
        by_hand='set it, and answer with `context.Variables["x"] == null`',
        probe=Probe([_NULL], _null),
    ),
    Question(
        name="query-limit",
        text="What happens to a query of more than 2,048 bytes on a v2 tier?",
        belief="status 414",
        matters="Entra ID's code and our state come back in a query (policies/oauth/oauth-callback.xml)",
        source="learn.microsoft.com/azure/api-management/service-limits; the status is not documented, nor any case of it",
        by_hand="call anything with a query of 3,000 bytes",
        probe=Probe([_NULL], _query_limit),
    ),
    Question(
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
    ),
    Question(
        name="newtonsoft",
        text="Which Newtonsoft.Json do policies have, one that reads JSON of any depth or one that stops at 64 levels?",
        belief="13.0.1 or later: it stops at 64 levels",
        matters="messages and forms of strangers: the policies refuse what is deeper themselves (policies/fragments/mcp-message.xml)",
        source="JamesNK/Newtonsoft.Json, release notes of 13.0.1; API Management names no version",
        by_hand="parse 100 nested arrays with `JObject.Parse` in a policy",
        probe=Probe([Operation("newtonsoft", said(_DEEP))], _newtonsoft),
    ),
    Question(
        name="time-zones",
        text="Which ids does `TimeZoneInfo.FindSystemTimeZoneById` know?",
        belief="those of Windows and those of IANA",
        matters="policies of others that convert times; none of ours does. The local cloud takes both, so an id may be right here and wrong there",
        source="no documentation; a managed gateway runs on Windows, a self-hosted one on Linux, and .NET 6 and later know both on either",
        by_hand="answer with `TimeZoneInfo.FindSystemTimeZoneById(ID).Id` for `W. Europe Standard Time` and for `Europe/Berlin`",
        probe=Probe([Operation("time-zones", said(_ZONES))], _zones),
    ),
    Question(
        name="basic-decoding",
        text="Does `TryParseBasic` decode %XX in a user name and password, as RFC 6749, section 2.3.1 has clients encode them?",
        belief="it leaves them as they are",
        matters="client secrets at /token (policies/fragments/client-authentication.xml): ours have no sign that would be encoded, so either is right",
        source="no documentation",
        by_hand="answer with the parts of `Basic` + base64 of `a%3Ab:c%2Bd`",
        probe=Probe([Operation("basic-decoding", said(_BASIC))], _basic),
    ),
    Question(
        name="document-size",
        text="Is a policy document of more than 512 KiB saved on a v2 tier?",
        belief=UNSAVED,
        matters="the size of rendered documents; the largest of ours has a tenth of that",
        source="learn.microsoft.com/azure/api-management/service-limits",
        by_hand="save a policy with a comment of 600 KiB",
        probe=Probe([Operation("large-document", f"        <!-- {'x' * _LARGE} -->\n" + said("saved"))], _document),
    ),
    Question(
        name="trailing-slash",
        text="Are an API's path with and without a slash at its end both its operation `/`?",
        belief="both are the operation /",
        matters="clients whose users typed `/mcp/` (infra/secure_mcp/server/mcp_api.py declares `/` alone)",
        source="learn.microsoft.com/azure/api-management/api-management-howto-add-operations does not say",
        by_hand="call the path of an API with an operation `/`, with and without a slash at its end",
        probe=Probe([Operation("root", said("root"), template="/")], _slash),
    ),
    Question(
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
    ),
    Question(
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
                    f"""        <validate-jwt token-value="{_signed()}">
            <issuer-signing-keys>
                <key>{base64.b64encode(_KEY).decode()}</key>
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
    ),
)
