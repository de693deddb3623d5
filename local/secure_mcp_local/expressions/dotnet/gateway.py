"""API Management's own types: `context` and what hangs on it."""

from typing import Any

from secure_mcp_local.errors import NotModelled
from secure_mcp_local.expressions import newtonsoft as json
from secure_mcp_local.expressions.context import Body, Headers, Jwt, Url, form_decode
from secure_mcp_local.expressions.conversions import name_of, tester
from secure_mcp_local.expressions.dotnet.registry import Method, Model, Property, out
from secure_mcp_local.expressions.failing import argument_null, invalid_cast, null_reference
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.text import utf16
from secure_mcp_local.expressions.types import (
    BOOL,
    BYTES,
    INT,
    JARRAY,
    JOBJECT,
    JTOKEN,
    OBJECT,
    STRING,
    STRINGS,
    Type,
    generic,
    is_reference,
)

REQUEST, RESPONSE, URL, BODY = Type("IRequest"), Type("IResponse"), Type("IUrl"), Type("IMessageBody")
HEADERS, QUERY, VARIABLES, CLAIMS = Type("Headers"), Type("Query"), Type("Variables"), Type("Claims")
_STRING_ENUMERABLE = generic("IEnumerable", STRING)
_STRING_MAP = generic("IReadOnlyDictionary", STRING, STRING)
_FORM = generic("IDictionary", STRING, generic("IList", STRING))


def inward(value: Any) -> Any:
    """A value that came from outside: ordinary text becomes UTF-16 units."""
    return utf16(value) if isinstance(value, str) else value


def _text(name: str) -> Property:
    return Property(STRING, lambda owner: inward(getattr(owner, name)))


def _not_null(name: str | None) -> str:
    if name is None:
        raise argument_null("key")
    return name


def _try_header(headers: Headers, name: str | None) -> tuple[bool, list[str] | None]:
    values = headers.get_all(_not_null(name))
    return (True, [utf16(value) for value in values]) if values else (False, None)


def _try_query(url: Url, name: str | None) -> tuple[bool, list[str] | None]:
    wanted = _not_null(name).lower()
    for key, values in url.query().items():
        if utf16(key).lower() == wanted:
            return True, [utf16(value) for value in values]
    return False, None


def _header(headers: Headers, name: str | None, default: str | None) -> str | None:
    found = headers.get(_not_null(name))
    return default if found is None else utf16(found)


def _query(url: Url, name: str | None, default: str | None) -> str | None:
    found, values = _try_query(url, name)
    return ",".join(values or []) if found else default


def _variable(variables: dict[str, Any], name: str | None) -> Any:
    if _not_null(name) not in variables:
        raise CSharpException(
            "System.Collections.Generic.KeyNotFoundException",
            f"The given key '{name}' was not present in the dictionary.",
        )
    return inward(variables[name])  # type: ignore[index]


def _typed_variable(type_: Type) -> Method:
    matches = tester(type_)
    if matches is None:
        raise NotModelled(f"Variables.GetValueOrDefault<{type_}> is not modelled by the local cloud")

    def get(variables: dict[str, Any], name: str | None, default: Any) -> Any:
        if _not_null(name) not in variables:
            return default
        value = inward(variables[name])  # type: ignore[index]
        if value is None:
            if is_reference(type_):
                return None
            raise null_reference()
        if not matches(value):
            raise invalid_cast(name_of(value), str(type_))
        return value

    defaults = {"bool": False, "int": 0, "long": 0, "byte": 0, "double": 0.0}
    return Method((STRING, type_), type_, get, optional=(defaults.get(type_.name),))


def _read(body: Body, preserve: bool) -> bytes:
    if body.consumed:
        raise CSharpException("System.InvalidOperationException", "The message body has been read already.")
    body.consumed = not preserve
    return body.content


def _content_text(body: Body, preserve: bool) -> str:
    return utf16(_read(body, preserve).decode("utf-8-sig", "replace"))


def _body_as(type_: Type) -> Method:
    readers: dict[Type, Any] = {
        STRING: _content_text,
        BYTES: lambda body, preserve: bytearray(_read(body, preserve)),
        JOBJECT: lambda body, preserve: json.parse(_content_text(body, preserve), "JObject"),
        JARRAY: lambda body, preserve: json.parse(_content_text(body, preserve), "JArray"),
        JTOKEN: lambda body, preserve: json.parse(_content_text(body, preserve)),
    }
    if type_ not in readers:
        raise NotModelled(f"Body.As<{type_}> is not modelled by the local cloud")
    return Method((BOOL,), type_, readers[type_], names=("preserveContent",), optional=(False,))


def _form(body: Body, preserve: bool) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for part in _read(body, preserve).decode("utf-8", "replace").split("&"):
        if part:
            name, _, value = part.partition("=")
            fields.setdefault(utf16(form_decode(name)), []).append(utf16(form_decode(value)))
    return fields


def _claim(jwt: Jwt, name: str | None, default: str | None) -> str | None:
    values = jwt.claims.get(_not_null(name))
    return default if values is None else utf16(",".join(values))


def _port(url: Url) -> int:
    return url.port


MODELS: dict[str, Model] = {
    "IProxyRequestContext": Model(
        properties={
            "Request": Property(REQUEST, lambda c: c.request),
            "Response": Property(RESPONSE, lambda c: c.response),
            "Variables": Property(VARIABLES, lambda c: c.variables),
            "Api": Property(Type("IApi"), lambda c: c.api),
            "Operation": Property(Type("IOperation"), lambda c: c.operation),
            "Deployment": Property(Type("IDeployment"), lambda c: c.deployment),
            "LastError": Property(Type("ILastError"), lambda c: c.last_error),
            "RequestId": Property(Type("Guid"), lambda c: c.request_id),
        }
    ),
    "IRequest": Model(
        properties={
            "Method": _text("method"),
            "IpAddress": _text("ip_address"),
            "Url": Property(URL, lambda r: r.url),
            "OriginalUrl": Property(URL, lambda r: r.original_url),
            "Headers": Property(HEADERS, lambda r: r.headers),
            "Body": Property(BODY, lambda r: r.body),
            "MatchedParameters": Property(
                _STRING_MAP, lambda r: {k: utf16(v) for k, v in r.matched_parameters.items()}
            ),
        }
    ),
    "IResponse": Model(
        properties={
            "StatusCode": Property(INT, lambda r: r.status_code),
            "StatusReason": _text("status_reason"),
            "Headers": Property(HEADERS, lambda r: r.headers),
            "Body": Property(BODY, lambda r: r.body),
        }
    ),
    "IUrl": Model(
        properties={
            "Scheme": _text("scheme"),
            "Host": _text("host"),
            "Port": Property(INT, _port),
            "Path": _text("path"),
            "QueryString": _text("query_string"),
            "Query": Property(QUERY, lambda url: url),
        }
    ),
    "Headers": Model(
        methods={
            "TryGetValue": [Method((STRING, out(STRINGS)), BOOL, _try_header)],
            "GetValueOrDefault": [Method((STRING, STRING), STRING, _header, optional=(None,))],
            "ContainsKey": [Method((STRING,), BOOL, lambda headers, name: _not_null(name) in headers)],
        },
        properties={
            "Keys": Property(_STRING_ENUMERABLE, lambda headers: [utf16(name) for name, _ in headers.groups()])
        },
    ),
    "Query": Model(
        methods={
            "TryGetValue": [Method((STRING, out(STRINGS)), BOOL, _try_query)],
            "GetValueOrDefault": [Method((STRING, STRING), STRING, _query, optional=(None,))],
            "ContainsKey": [Method((STRING,), BOOL, lambda url, name: _try_query(url, name)[0])],
        },
        properties={"Keys": Property(_STRING_ENUMERABLE, lambda url: [utf16(name) for name in url.query()])},
    ),
    "Variables": Model(
        methods={"ContainsKey": [Method((STRING,), BOOL, lambda variables, name: _not_null(name) in variables)]},
        indexer=Method((STRING,), OBJECT, _variable),
        generics={"GetValueOrDefault": _typed_variable},
    ),
    "IMessageBody": Model(
        methods={
            "AsFormUrlEncodedContent": [Method((BOOL,), _FORM, _form, names=("preserveContent",), optional=(False,))]
        },
        generics={"As": _body_as},
    ),
    "IApi": Model(properties={"Id": _text("id"), "Name": _text("name"), "Path": _text("path")}),
    "IOperation": Model(
        properties={
            "Id": _text("id"),
            "Name": _text("name"),
            "Method": _text("method"),
            "UrlTemplate": _text("url_template"),
        }
    ),
    "IDeployment": Model(properties={"ServiceName": _text("service_name"), "Region": _text("region")}),
    "ILastError": Model(
        properties={
            "Source": _text("source"),
            "Reason": _text("reason"),
            "Message": _text("message"),
            "Scope": _text("scope"),
            "Section": _text("section"),
            "Path": _text("path"),
            "PolicyId": _text("policy_id"),
        }
    ),
    "Jwt": Model(
        properties={
            "Claims": Property(CLAIMS, lambda jwt: jwt),
            "Issuer": _text("issuer"),
            "Subject": _text("subject"),
            "Id": _text("id"),
            "Algorithm": _text("algorithm"),
        }
    ),
    "Claims": Model(
        methods={
            "GetValueOrDefault": [Method((STRING, STRING), STRING, _claim)],
            "ContainsKey": [Method((STRING,), BOOL, lambda jwt, name: _not_null(name) in jwt.claims)],
        }
    ),
}
NAMES = {name: "Microsoft.Azure.ApiManagement" for name in ("IRequest", "IResponse", "IUrl", "IMessageBody", "Jwt")}
