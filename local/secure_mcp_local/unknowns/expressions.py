"""What an expression sees and may do, and which .NET evaluates it."""

import gzip

from secure_mcp_local.unknowns.question import Gateway, Operation, Probe, Question, said
from secure_mcp_local.unknowns.tokens import signed

_BODY = "context.Request.Body.As<string>(preserveContent: true)"


def _charset(gateway: Gateway) -> str:
    headers = {"Content-Type": "text/plain; charset=iso-8859-1"}
    code = gateway.send("/body-charset", "POST", headers=headers, content=b"\xe9").text
    return {"233": "the charset is honoured", "65533": "the body is read as UTF-8"}.get(code, f"code point {code}")


BODY_CHARSET = Question(
    name="body-charset",
    text="Does `Body.As<string>` honour the charset of Content-Type?",
    belief="the body is read as UTF-8",
    matters="what the OAuth endpoints read from forms (policies/fragments/form.xml); JSON is UTF-8 anyway",
    source="no documentation",
    by_hand="POST the byte E9 with `charset=iso-8859-1` to a policy that answers with the first character's number",
    probe=Probe([Operation("body-charset", said(f"@(((int){_BODY}[0]).ToString())"), method="POST")], _charset),
)


def _encoding(gateway: Gateway) -> str:
    headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
    text = gateway.send("/body-encoding", "POST", headers=headers, content=gzip.compress(b"plain")).text
    return "the body is decompressed" if text == "plain" else "the body is left as it is"


BODY_ENCODING = Question(
    name="body-encoding",
    text="Does `Body.As<string>` decompress a body with Content-Encoding gzip?",
    belief="the body is left as it is",
    matters="a compressed body must not pass a check that reads it (policies/mcp/api.xml)",
    source="no documentation",
    by_hand="POST a gzipped text with `Content-Encoding: gzip` to a policy that answers with the body",
    probe=Probe([Operation("body-encoding", said(f"@({_BODY})"), method="POST")], _encoding),
)


def _large_body(gateway: Gateway) -> str:
    answer = gateway.send("/body-size", "POST", content=b"x" * (3 * 1024 * 1024))
    return "the length is read" if answer.text == str(3 * 1024 * 1024) else f"status {answer.status_code}"


BODY_SIZE = Question(
    name="body-size",
    text="What does a policy get that reads a body above 2 MiB on a v2 tier?",
    belief="status 413",
    matters="the limit of messages (policies/mcp/api.xml)",
    source="learn.microsoft.com/azure/api-management/service-limits: buffered payload 2 MiB; the status is not documented",
    by_hand="POST 3 MiB to a policy that answers with the body's length",
    probe=Probe([Operation("body-size", said(f"@({_BODY}.Length.ToString())"), method="POST")], _large_body),
)


def _time_limit(gateway: Gateway) -> str:
    short, long = gateway.send("/loop", query="seconds=2"), gateway.send("/loop", query="seconds=8")
    if not short.is_success:
        return f"less than 2 seconds (status {short.status_code})"
    return "more than 8 seconds" if long.is_success else "between 2 and 8 seconds"


EXPRESSION_TIME_LIMIT = Question(
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
)


def _dotnet(gateway: Gateway) -> str:
    text = gateway.send("/dotnet").text
    return {"0.3": ".NET Framework", "0.30000000000000004": ".NET Core 3.0 or later"}.get(text, f"it gives {text}")


DOTNET = Question(
    name="dotnet",
    text="Which .NET evaluates expressions?",
    belief=".NET Core 3.0 or later",
    matters="how numbers are written, texts compared and patterns matched: the local cloud's answers were recorded with "
    ".NET Core 3.1 (docs/expressions.md)",
    source="not documented; the types that expressions may use are those of .NET Framework's time",
    by_hand="`secure-mcp expression '@((0.1 + 0.2).ToString())'` and the same in a policy",
    probe=Probe([Operation("dotnet", said("@((0.1 + 0.2).ToString())"))], _dotnet),
)

_TOKEN = signed("at+jwt", {"sub": "probe"})
"""Of another type than usual."""


def _jwt_type(gateway: Gateway) -> str:
    return f"it is {gateway.send('/jwt-type').text}"


JWT_TYPE = Question(
    name="jwt-type",
    text="What is `Jwt.Type`?",
    belief="it is at+jwt",
    matters="a check of a token's kind; none of ours uses it",
    source="Azure/azure-api-management-policy-toolkit, JwtParser: the header `typ`",
    by_hand='answer with `"TOKEN".AsJwt().Type` for a token whose typ is at+jwt',
    probe=Probe([Operation("jwt-type", said(f'@("{_TOKEN}".AsJwt().Type)'))], _jwt_type),
)

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


def _rsa(gateway: Gateway) -> str:
    return {"True": "it does", "False": "it refuses a good signature"}.get(
        gateway.send("/rsa-in-expressions").text, "it fails"
    )


RSA_IN_EXPRESSIONS = Question(
    name="rsa-in-expressions",
    text="Does an expression verify RS256 with `RSA.Create()`, `FromXmlString` and `VerifyData`?",
    belief="it does",
    matters="what policies/parts/signed-token.xml verifies: assertions of clients with a key (policies/fragments/client-authentication.xml), "
    "an enterprise's (policies/grants/identity-assertion.xml), application tokens of Entra ID at a server (policies/mcp/api.xml): "
    "if not, all of these are refused, and nobody gets in",
    source="learn.microsoft.com/azure/api-management/api-management-policy-expressions allows all members of RSA; tried with .NET",
    by_hand="answer with `RSA.Create()` after `FromXmlString` of a public key: `VerifyData` of a text and its signature",
    probe=Probe([Operation("rsa-in-expressions", said(_RSA))], _rsa),
)

_NULL = Operation(
    "null-variable",
    '        <set-variable name="nothing" value="@(null)" />\n'
    + said('@((context.Variables["nothing"] == null).ToString())'),
)


def _null(gateway: Gateway) -> str:
    return {"True": "it is null", "False": "it is not null"}.get(gateway.send("/null-variable").text, "it fails")


NULL_VARIABLE = Question(
    name="null-variable",
    text="May `set-variable` have the value `@(null)`, and is the variable null then?",
    belief="it is null",
    matters="nothing of ours needs it any more: expressions end with `return null;`, which Microsoft's own policies use",
    source="no public policy does it",
    by_hand='set it, and answer with `context.Variables["x"] == null`',
    probe=Probe([_NULL], _null),
)

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


def _newtonsoft(gateway: Gateway) -> str:
    text = gateway.send("/newtonsoft").text
    return {
        "64 levels": "13.0.1 or later: it stops at 64 levels",
        "any depth": "earlier than 13.0.1: it reads any depth",
    }.get(text, text)


NEWTONSOFT = Question(
    name="newtonsoft",
    text="Which Newtonsoft.Json do policies have, one that reads JSON of any depth or one that stops at 64 levels?",
    belief="13.0.1 or later: it stops at 64 levels",
    matters="messages and forms of strangers: the policies refuse what is deeper themselves (policies/fragments/mcp-message.xml; shallow_object in policies/macros.jinja)",
    source="JamesNK/Newtonsoft.Json, release notes of 13.0.1; API Management names no version",
    by_hand="parse 100 nested arrays with `JObject.Parse` in a policy",
    probe=Probe([Operation("newtonsoft", said(_DEEP))], _newtonsoft),
)

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


def _zones(gateway: Gateway) -> str:
    text = gateway.send("/time-zones").text
    return {
        "W. Europe Standard Time;Europe/Berlin;": "those of Windows and those of IANA",
        "W. Europe Standard Time;-;": "those of Windows",
        "-;Europe/Berlin;": "those of IANA",
    }.get(text, f"it says {text}")


TIME_ZONES = Question(
    name="time-zones",
    text="Which ids does `TimeZoneInfo.FindSystemTimeZoneById` know?",
    belief="those of Windows and those of IANA",
    matters="policies of others that convert times; none of ours does. The local cloud takes both, so an id may be right here and wrong there",
    source="no documentation; a managed gateway runs on Windows, a self-hosted one on Linux, and .NET 6 and later know both on either",
    by_hand="answer with `TimeZoneInfo.FindSystemTimeZoneById(ID).Id` for `W. Europe Standard Time` and for `Europe/Berlin`",
    probe=Probe([Operation("time-zones", said(_ZONES))], _zones),
)

_BASIC = """@{
                BasicAuthCredentials credentials;
                var header = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("a%3Ab:c%2Bd"));
                return header.TryParseBasic(out credentials) ? credentials.UserId + " " + credentials.Password : "nothing";
            }"""


def _basic(gateway: Gateway) -> str:
    text = gateway.send("/basic-decoding").text
    return {"a%3Ab c%2Bd": "it leaves them as they are", "a:b c+d": "it decodes them"}.get(text, f"it gives {text}")


BASIC_DECODING = Question(
    name="basic-decoding",
    text="Does `TryParseBasic` decode %XX in a user name and password, as RFC 6749, section 2.3.1 has clients encode them?",
    belief="it leaves them as they are",
    matters="client secrets at /token (policies/fragments/client-authentication.xml): ours have no sign that would be encoded, so either is right",
    source="no documentation",
    by_hand="answer with the parts of `Basic` + base64 of `a%3Ab:c%2Bd`",
    probe=Probe([Operation("basic-decoding", said(_BASIC))], _basic),
)
