"""Every rule about documents: what breaks it, at the very place, and what does not."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from apim_policies.check import RULES, check_files
from apim_policies.check.document_check import LARGEST
from apim_policies.check.inspection import UNKNOWN_RULE

MARK = "»"
"""Stands in front of the place of the finding, and is not part of the document."""


@dataclass(frozen=True)
class Case:
    rule: str
    bad: str
    good: str
    names: tuple[str, ...] = ()
    """Declared named values."""
    fragments: tuple[tuple[str, str], ...] = ()


def inbound(policies: str) -> str:
    return f"""<policies>
    <inbound>
        <base />
        {policies}
    </inbound>
    <backend>
        <base />
    </backend>
    <outbound>
        <base />
    </outbound>
    <on-error>
        <base />
    </on-error>
</policies>
"""


def streaming(outbound: str) -> str:
    return f"""<policies>
    <inbound>
        <base />
    </inbound>
    <backend>
        <forward-request buffer-response="false" />
    </backend>
    <outbound>
        <base />
        {outbound}
    </outbound>
    <on-error>
        <base />
    </on-error>
</policies>
"""


def value(expression: str) -> str:
    """An expression as the value of a variable."""
    return inbound(f'<set-variable name="x" value="{expression}" />')


SEND = '<send-request mode="new" response-variable-name="r" timeout="5"{}><set-url>{}</set-url></send-request>'
KEYS = "<issuer-signing-keys><key>c2VjcmV0</key></issuer-signing-keys>"
AUDIENCE = "<audiences><audience>api://x</audience></audiences>"
ORIGINS = "<allowed-origins><origin>https://a.example</origin></allowed-origins>"
FRAGMENT = "<fragment><set-variable name='x' value='1' /></fragment>"
ENCRYPTED = 'var mac = new HMACSHA256(key).ComputeHash(text); return text.Encrypt("Aes", key, iv);'

CASES = [
    Case("well-formed", "<policies>\n    <inbound>\n        »</outbound>\n</policies>", inbound("")),
    Case("well-formed", value("»&quot;a & b&quot;").replace("»&quot;a ", "&quot;a »"), value("&quot;a &amp; b&quot;")),
    Case("well-formed", value("@(1) »x"), value("@(1)")),
    Case("size", f"»<policies><!--{'x' * LARGEST}--></policies>", f"<policies><!--{'x' * (LARGEST - 30)}--></policies>"),
    Case("named-value", value("{{A}} »{{B}}"), value("{{A}} {{C}}"), ("A", "C")),
    Case("named-value", value('@($"»{{{1}}}")'), value('@($"{ 1 }")')),
    Case("fragment", inbound('<include-fragment fragment-id="»other" />'), inbound('<include-fragment fragment-id="f" />'),
         fragments=(("f", FRAGMENT),)),
    Case("unknown-element", inbound('»<set-varible name="x" value="1" />'), value("1")),
    Case("unknown-element", "<policies>»<inbond /></policies>", "<policies><inbound /></policies>"),
    Case("unknown-element", "»<html />", "<fragment />"),
    Case("unknown-attribute", inbound('<set-variable name="x" value="1" valeu="»2" />'), value("1")),
    Case("missing-attribute", inbound('»<set-variable name="x" />'), value("1")),
    Case("attribute-value", inbound('<set-header name="x" exists-action="»replace"><value>1</value></set-header>'),
         inbound('<set-header name="x" exists-action="override"><value>1</value></set-header>')),
    Case("attribute-value", inbound('<cache-store-value key="k" value="v" duration="»soon" />'),
         inbound('<cache-store-value key="k" value="v" duration="60" />')),
    Case("expression-not-allowed", inbound('<set-variable name="»@("x")" value="1" />'), value('@("x")')),
    Case("unexpected-text", inbound("<choose>»stray<when condition='true' /></choose>").replace("»stray", "stray").replace("<choose>", "»<choose>"),
         inbound("<choose><when condition='true' /></choose>")),
    Case("element-place", inbound("»<forward-request />"), streaming("")),
    Case("element-place", inbound('<choose><when condition="true">»<base /></when></choose>'), inbound("")),
    Case("element-place", inbound("»<audience>x</audience>"), inbound("")),
    Case("element-order", inbound('<return-response><set-body>x</set-body>»<set-status code="200" reason="OK" /></return-response>'),
         inbound('<return-response><set-status code="200" reason="OK" /><set-body>x</set-body></return-response>')),
    Case("element-count", "<policies><inbound><base /></inbound>»<inbound><base /></inbound></policies>",
         "<policies><inbound><base /></inbound><outbound><base /></outbound></policies>"),
    Case("element-count", inbound("»<choose />"), inbound("<choose><when condition='true' /></choose>")),
    Case("value-combination", inbound(f'»<validate-jwt header-name="Authorization">{AUDIENCE}</validate-jwt>'),
         inbound(f'<validate-jwt header-name="Authorization">{KEYS}{AUDIENCE}</validate-jwt>')),
    Case("expression-syntax", value("@(»1 + )"), value("@(1 + 1)")),
    Case("expression-type", value("@(1 »+ true)"), value("@(1 + 1)")),
    Case("forbidden-type", value("@(»Aes.Create())"), value("@(SHA256.Create())")),
    Case("not-modelled", inbound("»<cross-domain />"), inbound("")),
    # Comparisons
    Case("culture-compare", value('@("a".»StartsWith("b"))'), value('@("a".StartsWith("b", StringComparison.Ordinal))')),
    Case("culture-compare", value('@(context.Request.Url.Path.»EndsWith(context.Api.Path))'),
         value('@(context.Request.Url.Path.EndsWith(context.Api.Path, StringComparison.Ordinal))')),
    Case("culture-compare", value('@("abc".»IndexOf("b"))'), value("@(\"abc\".IndexOf('b'))")),
    Case("culture-compare", value('@(string.»Compare("a", "b") == 0)'), value('@("a" == "b")')),
    Case("culture-compare", value('@("A".»ToLower())'), value('@("A".ToLowerInvariant())')),
    Case("culture-compare", value('@(string.Equals("a", "b", StringComparison.»CurrentCulture))'),
         value('@(string.Equals("a", "b", StringComparison.OrdinalIgnoreCase))')),
    Case("reference-compare", value('@(context.Variables["a"] »== "lit")'), value('@((string)context.Variables["a"] == "lit")')),
    Case("reference-compare", value('@{\n    var a = context.Variables["a"];\n    return a »!= context.Request.Method;\n}'),
         value('@{ var a = context.Variables["a"]; return a != null; }')),
    Case("reference-compare", value('@{ var o = JObject.Parse("{}"); return o["a"] »== o["b"]; }'),
         value('@{ var o = JObject.Parse("{}"); return (string)o["a"] == (string)o["b"]; }')),
    # Patterns
    Case("regex-backtracking", value('@(Regex.IsMatch("x", »"^(a+)+$"))'), value('@(Regex.IsMatch("x", "^a+$"))')),
    Case("regex-backtracking", value(r'@(Regex.IsMatch("x", »@"\A(?:[a-z]+\s?)*\z"))'), value(r'@(Regex.IsMatch("x", @"\A(?:[a-z]+\.)*\z"))')),
    Case("regex-backtracking", value('@(Regex.IsMatch("x", »context.Request.Url.Path))'),
         value('@(Regex.IsMatch("x", context.Request.Url.Path, RegexOptions.None, TimeSpan.FromMilliseconds(50)))')),
    Case("regex-backtracking", value('@(new Regex(»"(a|b*)*").IsMatch("x"))'), value('@(new Regex("(?>a|b*)*").IsMatch("x"))')),
    Case("regex-over-body",
         value(r'@(»Regex.IsMatch(context.Request.Body.As<string>(preserveContent: true), @"\s+\z"))'),
         value(r'@(Regex.IsMatch(context.Request.Url.Path, @"\s+\z"))')),
    Case("regex-over-body",
         value('@{ var text = context.Request.Body?.As<string>(preserveContent: true) ?? ""; return »Regex.Match(text.Trim(), @"<a>.*?</a>").Value; }'),
         value('@{ var text = context.Request.Body?.As<string>(preserveContent: true) ?? ""; return Regex.Match(text.Trim(), @"<a>[^<]*</a>").Value; }')),
    Case("regex-over-body",
         value(r'@(»new Regex(@"\A\s*(.*)\z").IsMatch(context.Request.Body.As<string>(preserveContent: true)))'),
         value(r'@(new Regex(@"\A(?>\s*)(?>.*)\z").IsMatch(context.Request.Body.As<string>(preserveContent: true)))')),
    # Cryptography
    Case("weak-crypto", value("@(»MD5.Create() != null)"),
         value("@(SHA256.Create() != null)")),
    Case("weak-crypto", inbound('<set-variable name="code" value="@(»new Random().Next())" />'),
         inbound('<set-variable name="turn" value="@(new Random().Next())" />')),
    Case("unauthenticated-encryption", value('@{ var key = new byte[32]; var iv = new byte[16]; return key.»Encrypt("Aes", key, iv); }'),
         value(f"@{{ var key = new byte[32]; var iv = new byte[16]; var text = key; {ENCRYPTED} }}")),
    Case("fixed-iv", value('@{ var key = new byte[32]; return key.Encrypt("Aes", key, »Convert.FromBase64String("{{Iv}}")); }'),
         value('@{ var key = new byte[32]; return key.Encrypt("Aes", key, Guid.NewGuid().ToByteArray()); }')),
    Case("fixed-iv", inbound('<set-variable name="iv" value="{{EncryptionIV}}" /><set-variable name="x" value="@{ var iv = Convert.FromBase64String((string)context.Variables["iv"]); return iv.Encrypt("Aes", iv, »iv); }" />'),
         inbound('<set-variable name="iv" value="@(Guid.NewGuid())" /><set-variable name="x" value="@{ var iv = Convert.FromBase64String((string)context.Variables["iv"]); return iv.Encrypt("Aes", iv, iv); }" />')),
    # Secrets
    Case("secret-in-trace", inbound('<trace source="x"><message>@("got " + »context.Request.Headers.GetValueOrDefault("Authorization", ""))</message></trace>'),
         inbound('<trace source="x"><message>@("got " + context.Request.Headers.ContainsKey("Authorization"))</message></trace>')),
    Case("secret-in-trace", inbound('<trace source="x"><message>m</message><metadata name="k" value="»{{ApiKey}}" /></trace>'),
         inbound('<trace source="x"><message>m</message><metadata name="k" value="{{Region}}" /></trace>')),
    Case("secret-in-trace", inbound('<set-variable name="h" value="@(context.Request.Headers.GetValueOrDefault("Cookie", ""))" />'
         '<trace source="x"><message>@((string)»context.Variables["h"])</message></trace>'),
         inbound('<set-variable name="h" value="@(context.Request.Headers.GetValueOrDefault("Accept", ""))" />'
         '<trace source="x"><message>@((string)context.Variables["h"])</message></trace>')),
    Case("secret-in-trace", inbound('<trace source="x"><message>@(»context.Request.Body.As<string>(true))</message></trace>'),
         inbound('<trace source="x"><message>@(context.Request.Url.Path)</message></trace>')),
    Case("secret-in-url", inbound(SEND.format("", "»https://x.example?code={{FunctionKey}}")), inbound(SEND.format("", "https://{{Host}}/"))),
    Case("secret-in-url", inbound(SEND.format("", '@("https://x.example?t=" + (string)»context.Variables["accessToken"])')),
         inbound(SEND.format("", '@("https://x.example?t=" + context.RequestId)'))),
    # Bodies
    Case("streaming-body", streaming("»<set-body>x</set-body>"), streaming("<return-response><set-body>x</set-body></return-response>")),
    Case("streaming-body", streaming('<set-variable name="x" value="@(context.Response.»Body == null)" />'),
         streaming('<set-variable name="x" value="@(context.Response.StatusCode)" />')),
    Case("body-consumed", value("@(context.Request.Body.»As<JObject>())"), value("@(context.Request.Body.As<JObject>(preserveContent: true))")),
    Case("body-consumed", value("@(context.Request.Body.»As<JObject>())"),
         inbound('<set-variable name="x" value="@(context.Request.Body.As<JObject>())" /><set-body>@("{}")</set-body>')),
    Case("body-consumed", streaming('<set-variable name="x" value="@(context.Response.Body.»As<string>())" />').replace(' buffer-response="false"', ""),
         streaming("<set-body>@(context.Response.Body.As<string>() + \"x\")</set-body>").replace(' buffer-response="false"', "")),
    # Calls
    Case("send-request-timeout", inbound("»" + SEND.format("", "https://x.example").replace(' timeout="5"', "")), inbound(SEND.format("", "https://x.example"))),
    Case("forward-timeout", streaming("").replace("<forward-request", '<forward-request timeout="»300"'),
         streaming("").replace("<forward-request", '<forward-request timeout="240"')),
    Case("ignored-error", inbound(SEND.format(' ignore-error="»true"', "https://x.example")
         + '<set-variable name="s" value="@(((IResponse)context.Variables["r"]).StatusCode)" />'),
         inbound(SEND.format(' ignore-error="true"', "https://x.example")
         + '<set-variable name="s" value="@{ var r = (IResponse)context.Variables["r"]; return r == null ? 0 : r.StatusCode; }" />')),
    Case("ignored-error", inbound('<authentication-managed-identity resource="https://x" ignore-error="»true" />'),
         inbound('<authentication-managed-identity resource="https://x" ignore-error="false" />')),
    Case("forwarded-twice", inbound("").replace("<backend>\n        <base />", "<backend>\n        <base />\n        »<forward-request />"), inbound("")),
    # Access
    Case("token-audience", inbound(f'»<validate-jwt header-name="Authorization">{KEYS}</validate-jwt>'),
         inbound(f'<validate-jwt header-name="Authorization">{KEYS}{AUDIENCE}</validate-jwt>')),
    Case("weak-token-check", inbound(f'<validate-jwt header-name="Authorization" require-expiration-time="»false">{KEYS}{AUDIENCE}</validate-jwt>'),
         inbound(f'<validate-jwt header-name="Authorization" require-expiration-time="true">{KEYS}{AUDIENCE}</validate-jwt>')),
    Case("unverified-token", value('@("x".»AsJwt())'),
         inbound(f'<validate-jwt header-name="Authorization">{KEYS}{AUDIENCE}</validate-jwt><set-variable name="x" value="@("x".AsJwt())" />')),
    Case("cors-credentials", inbound('<cors allow-credentials="true"><allowed-origins><origin>»*</origin></allowed-origins></cors>'),
         inbound(f'<cors allow-credentials="true">{ORIGINS}</cors>')),
    Case("cors-order", inbound(f'<ip-filter action="allow"><address>10.0.0.1</address></ip-filter>»<cors>{ORIGINS}</cors>'),
         inbound(f'<cors>{ORIGINS}</cors><ip-filter action="allow"><address>10.0.0.1</address></ip-filter>')),
    Case("cors-order", inbound(f"<cors>{ORIGINS}</cors>»<cors>{ORIGINS}</cors>"), inbound(f"<cors>{ORIGINS}</cors>")),
    # Flow
    Case("missing-base", inbound("").replace("<on-error>\n        <base />", "»<on-error>\n"), inbound("")),
    Case("missing-base", "»<policies><inbound><base /></inbound><backend /><outbound><base /></outbound></policies>", inbound("")),
    Case("missing-base", inbound("").replace("<on-error>\n        <base />", "»<on-error>\n"),
         "<policies><inbound /><backend><forward-request /></backend><outbound /><on-error /></policies>"),
    Case("missing-base", inbound("").replace("<on-error>\n        <base />", "»<on-error>\n"),
         inbound("").replace("<on-error>\n        <base />", "<!-- policy: allow missing-base: a test -->\n<on-error>\n")),
    Case("unreachable", inbound('<return-response />»<set-variable name="x" value="1" />'), inbound("<return-response />")),
    Case("liquid-in-return-response", inbound('<return-response><set-body template="»liquid">{ {a} }</set-body></return-response>'),
         inbound('<return-response><set-body template="none">a</set-body></return-response>')),
    Case("value-range", inbound('<rate-limit-by-key calls="1" renewal-period="»301" counter-key="k" />'),
         inbound('<rate-limit-by-key calls="1" renewal-period="300" counter-key="k" />')),
    Case("value-range", inbound('<quota-by-key calls="1" renewal-period="»60" counter-key="k" />'),
         inbound('<quota-by-key calls="1" renewal-period="0" counter-key="k" />')),
    Case("shared-counter", inbound('<rate-limit-by-key calls="9" renewal-period="60" counter-key="k" /><rate-limit-by-key calls="1" renewal-period="1" counter-key="»k" />'),
         inbound('<rate-limit-by-key calls="9" renewal-period="60" counter-key="k" /><rate-limit-by-key calls="9" renewal-period="60" counter-key="k" />')),
    # Variables
    Case("variable-type", inbound('<set-variable name="n" value="5" /><set-variable name="x" value="@(»(int)context.Variables["n"] + 1)" />'),
         inbound('<set-variable name="n" value="@(5)" /><set-variable name="x" value="@((int)context.Variables["n"] + 1)" />')),
    Case("variable-type", inbound('<set-variable name="n" value="true" /><set-variable name="x" value="@(context.Variables.GetValueOrDefault<bool>»("n"))" />'),
         inbound('<set-variable name="n" value="a" /><set-variable name="x" value="@(context.Variables.GetValueOrDefault<string>("n"))" />')),
    Case("unknown-rule", inbound("»<!-- policy: allow missing-bases: a mistake -->"), inbound("<!-- allow what you like -->")),
]  # fmt: skip


def found(folder: Path, text: str, case: Case) -> list[tuple[str, int, int]]:
    document = folder / "document.xml"
    document.write_text(text, encoding="utf-8")
    for id, fragment in case.fragments:
        (folder / f"{id}.xml").write_text(fragment, encoding="utf-8")
    report = check_files([folder], case.names)
    assert all(finding.message and finding.file.endswith(".xml") for finding in report.findings)
    return [(one.rule.name, one.line, one.column) for one in report.findings if one.file == document.as_posix()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_rule_finds_its_mistake_at_its_place_and_nothing_else(case: Case, tmp_path: Path) -> None:
    index = case.bad.index(MARK)
    line, column = case.bad.count("\n", 0, index) + 1, index - case.bad.rfind("\n", 0, index)
    findings = found(tmp_path, case.bad.replace(MARK, ""), case)
    assert (case.rule, line, column) in findings
    assert [one for one in findings if one[0] == case.rule] == [(case.rule, line, column)]
    assert case.rule not in {one[0] for one in found(tmp_path, case.good, case)}


def test_every_rule_about_documents_has_a_case() -> None:
    needs_a_stack = {"cors-options", "unset-variable"}
    assert {case.rule for case in CASES} == set(RULES) - needs_a_stack
    assert UNKNOWN_RULE.name in RULES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_what_is_found_is_explained(case: Case) -> None:
    rule = RULES[case.rule]
    assert rule.level in {"error", "warning"}
    assert len(rule.why) > 20
    assert rule.why.endswith((".", ":"))
    assert rule.fix.endswith(".")
