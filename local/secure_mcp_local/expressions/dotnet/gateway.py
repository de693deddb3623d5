"""API Management's own types: `context` and what hangs on it."""

import base64
import re
from datetime import UTC
from typing import Any

from secure_mcp_local.errors import NotModelled
from secure_mcp_local.expressions.containers import Dictionary
from secure_mcp_local.expressions.context import Body, Headers, Jwt, Url, form_decode
from secure_mcp_local.expressions.conversions import tester
from secure_mcp_local.expressions.converting import default as default_of
from secure_mcp_local.expressions.dotnet.collections import missing_key
from secure_mcp_local.expressions.dotnet.registry import Method, Model, Property, out
from secure_mcp_local.expressions.failing import argument_null, invalid_cast, null_reference
from secure_mcp_local.expressions.failures import CSharpException
from secure_mcp_local.expressions.jwt import jwt_of
from secure_mcp_local.expressions.moments import DateTime, TimeSpan
from secure_mcp_local.expressions.newtonsoft import reader
from secure_mcp_local.expressions.runtime import name_of
from secure_mcp_local.expressions.sequences import Sequence
from secure_mcp_local.expressions.text import utf16
from secure_mcp_local.expressions.types import (
    BOOL,
    BYTES,
    DATETIME,
    GUID,
    INT,
    JARRAY,
    JOBJECT,
    JTOKEN,
    OBJECT,
    STRING,
    STRINGS,
    TIMESPAN,
    VOID,
    Type,
    generic,
    holds_null,
    nullable,
)
from secure_mcp_local.expressions.xml.nodes import XDocument, XElement
from secure_mcp_local.expressions.xml.reader import parse_document, parse_element

REQUEST, RESPONSE, URL, BODY = Type("IRequest"), Type("IResponse"), Type("IUrl"), Type("IMessageBody")
HEADERS, QUERY, VARIABLES, CLAIMS = Type("Headers"), Type("Query"), Type("Variables"), Type("Claims")
_STRING_ENUMERABLE = generic("IEnumerable", STRING)
_KEYS = generic("KeyCollection", STRING, STRINGS)
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
            if holds_null(type_):
                return None
            raise null_reference()
        if not matches(value):
            raise invalid_cast(name_of(value), str(type_))
        return value

    return Method((STRING, type_), type_, get, optional=(default_of(type_),))


def _read(body: Body, preserve: bool) -> bytes:
    if body.consumed:
        raise CSharpException("System.InvalidOperationException", "The message body has been read already.")
    body.consumed = not preserve
    return body.content


def _content_text(body: Body, preserve: bool) -> str:
    return utf16(_read(body, preserve).decode("utf-8-sig", "replace"))


def _xml_text(body: Body, preserve: bool) -> str:
    """The text of XML; what another encoding gives is not known."""
    text = _content_text(body, preserve)
    declared = re.match(r"<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)", text)
    if declared is not None and declared[1].lower() not in {"utf-8", "us-ascii"} and not text.isascii():
        raise NotImplementedError(f"XML in the encoding {declared[1]}")
    return text


def _body_as(type_: Type) -> Method:
    readers: dict[Type, Any] = {
        STRING: _content_text,
        BYTES: lambda body, preserve: bytearray(_read(body, preserve)),
        JOBJECT: lambda body, preserve: reader.parse(_content_text(body, preserve), "JObject"),
        JARRAY: lambda body, preserve: reader.parse(_content_text(body, preserve), "JArray"),
        JTOKEN: lambda body, preserve: reader.parse(_content_text(body, preserve)),
        XElement.type: lambda body, preserve: parse_element(_xml_text(body, preserve)),
        XDocument.type: lambda body, preserve: parse_document(_xml_text(body, preserve)),
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


def _header_values(headers: Headers, name: str | None) -> list[str]:
    found, values = _try_header(headers, name)
    if not found:
        raise missing_key(name)
    return values or []


def _query_values(url: Url, name: str | None) -> list[str]:
    found, values = _try_query(url, name)
    if not found:
        raise missing_key(name)
    return values or []


def _claim_values(jwt: Jwt, name: str | None) -> list[str]:
    values = jwt.claims.get(_not_null(name))
    if values is None:
        raise missing_key(name)
    return [utf16(value) for value in values]


def _try_claim(jwt: Jwt, name: str | None) -> tuple[bool, list[str] | None]:
    values = jwt.claims.get(_not_null(name))
    return (False, None) if values is None else (True, [utf16(value) for value in values])


def _try_variable(variables: dict[str, Any], name: str | None) -> tuple[bool, Any]:
    present = _not_null(name) in variables
    return present, inward(variables[name]) if present else None  # type: ignore[index]


def _parameter(values: dict[str, str], name: str | None, default: str | None) -> str | None:
    return values.get(_not_null(name), default)


def _moment(name: str) -> Property:
    """A date of API Management's own objects, which are in UTC."""

    def get(owner: Any) -> DateTime | None:
        value = getattr(owner, name)
        return None if value is None else DateTime.of(value.astimezone(UTC))

    return Property(nullable(DATETIME), get)


def _when(name: str) -> Property:
    return Property(DATETIME, lambda owner: DateTime.of(getattr(owner, name).astimezone(UTC)))


def _list(name: str, element: str) -> Property:
    type_ = Type(element)
    return Property(generic("IEnumerable", type_), lambda owner: Sequence(lambda: getattr(owner, name), type_))


def _texts(name: str) -> Property:
    return Property(_STRING_ENUMERABLE, lambda owner: Sequence(lambda: map(utf16, getattr(owner, name)), STRING))


def _flag(name: str) -> Property:
    return Property(BOOL, lambda owner: getattr(owner, name))


def _try_jwt(text: str | None) -> tuple[bool, Jwt | None]:
    found = jwt_of(text)
    return found is not None, found


class _Credentials:
    """BasicAuthCredentials."""

    type = Type("BasicAuthCredentials")

    def __init__(self, user: str, password: str) -> None:
        self.user_id, self.password = user, password


def _as_basic(text: str | None) -> _Credentials | None:
    if text is None or text[:6].lower() != "basic ":
        return None
    try:
        plain = base64.b64decode(text[6:].strip(), validate=True).decode("utf-8", "replace")
    except ValueError:
        return None
    user, colon, password = plain.partition(":")
    return _Credentials(utf16(user), utf16(password)) if colon else None


def _try_basic(text: str | None) -> tuple[bool, _Credentials | None]:
    found = _as_basic(text)
    return found is not None, found


def _trace(context: Any, message: str | None) -> None:
    context.trace(message or "")


def _claim(jwt: Jwt, name: str | None, default: str | None) -> str | None:
    values = jwt.claims.get(_not_null(name))
    return default if values is None else utf16(",".join(values))


def _matched(request: Any) -> Dictionary:
    found = Dictionary(generic("Dictionary", STRING, STRING))
    for name, value in request.matched_parameters.items():
        found.put(utf16(name), utf16(value))
    return found


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
            "RequestId": Property(GUID, lambda c: c.request_id),
            "Timestamp": _when("timestamp"),
            "Elapsed": Property(
                TIMESPAN,
                lambda c: TimeSpan(
                    (e := c.elapsed()).days * 864_000_000_000 + e.seconds * 10_000_000 + e.microseconds * 10
                ),
            ),
            "Tracing": _flag("tracing"),
            "User": Property(Type("IUser"), lambda c: c.user),
            "Product": Property(Type("IProduct"), lambda c: c.product),
            "Subscription": Property(Type("ISubscription"), lambda c: c.subscription),
        },
        methods={"Trace": [Method((STRING,), VOID, _trace)]},
    ),
    "IRequest": Model(
        properties={
            "Method": _text("method"),
            "IpAddress": _text("ip_address"),
            # The local gateway asks clients for none.
            "Certificate": Property(Type("X509Certificate2"), lambda request: None),
            "Url": Property(URL, lambda r: r.url),
            "OriginalUrl": Property(URL, lambda r: r.original_url),
            "Headers": Property(HEADERS, lambda r: r.headers),
            "Body": Property(BODY, lambda r: r.body),
            "MatchedParameters": Property(_STRING_MAP, _matched),
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
        },
        methods={"ToString": [Method((), STRING, lambda url: utf16(str(url)))]},
    ),
    "Headers": Model(
        methods={
            "TryGetValue": [Method((STRING, out(STRINGS)), BOOL, _try_header)],
            "GetValueOrDefault": [Method((STRING, STRING), STRING, _header, optional=(None,))],
            "ContainsKey": [Method((STRING,), BOOL, lambda headers, name: _not_null(name) in headers)],
        },
        properties={
            "Keys": Property(
                _STRING_ENUMERABLE,
                lambda headers: Sequence(lambda: [utf16(name) for name, _ in headers.groups()], STRING, _KEYS),
            ),
            "Count": Property(INT, len),
        },
        indexer=Method((STRING,), STRINGS, _header_values),
    ),
    "Query": Model(
        methods={
            "TryGetValue": [Method((STRING, out(STRINGS)), BOOL, _try_query)],
            "GetValueOrDefault": [Method((STRING, STRING), STRING, _query, optional=(None,))],
            "ContainsKey": [Method((STRING,), BOOL, lambda url, name: _try_query(url, name)[0])],
        },
        properties={
            "Keys": Property(
                _STRING_ENUMERABLE, lambda url: Sequence(lambda: [utf16(name) for name in url.query()], STRING, _KEYS)
            ),
            "Count": Property(INT, lambda url: len(url.query())),
        },
        indexer=Method((STRING,), STRINGS, _query_values),
    ),
    "Variables": Model(
        methods={
            "ContainsKey": [Method((STRING,), BOOL, lambda variables, name: _not_null(name) in variables)],
            "TryGetValue": [Method((STRING, out(OBJECT)), BOOL, _try_variable)],
        },
        properties={
            "Count": Property(INT, len),
            "Keys": Property(
                _STRING_ENUMERABLE,
                lambda variables: Sequence(lambda: list(variables), STRING, generic("KeyCollection", STRING, OBJECT)),
            ),
        },
        indexer=Method((STRING,), OBJECT, _variable),
        generics={"GetValueOrDefault": _typed_variable},
        inferred=frozenset({"GetValueOrDefault"}),
    ),
    "IMessageBody": Model(
        methods={
            "AsFormUrlEncodedContent": [Method((BOOL,), _FORM, _form, names=("preserveContent",), optional=(False,))]
        },
        generics={"As": _body_as},
    ),
    "IApi": Model(
        properties={
            "Id": _text("id"),
            "Name": _text("name"),
            "Path": _text("path"),
            "Version": _text("version"),
            "Revision": _text("revision"),
            "IsCurrentRevision": _flag("is_current_revision"),
            "Protocols": _texts("protocols"),
            "ServiceUrl": Property(URL, lambda api: api.service_url),
            "SubscriptionKeyParameterNames": Property(Type("ISubscriptionKeyParameterNames"), lambda api: api),
        }
    ),
    "ISubscriptionKeyParameterNames": Model(
        properties={"Header": _text("subscription_key_header"), "Query": _text("subscription_key_query")}
    ),
    "IOperation": Model(
        properties={
            "Id": _text("id"),
            "Name": _text("name"),
            "Method": _text("method"),
            "UrlTemplate": _text("url_template"),
        }
    ),
    "IDeployment": Model(
        properties={
            "ServiceName": _text("service_name"),
            "ServiceId": _text("service_id"),
            "Region": _text("region"),
            "GatewayId": _text("gateway_id"),
        }
    ),
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
    "IGroup": Model(properties={"Id": _text("id"), "Name": _text("name")}),
    "IUserIdentity": Model(properties={"Id": _text("id"), "Provider": _text("provider")}),
    "IUser": Model(
        properties={
            "Id": _text("id"),
            "Email": _text("email"),
            "FirstName": _text("first_name"),
            "LastName": _text("last_name"),
            "Note": _text("note"),
            "RegistrationDate": _when("registration_date"),
            "Groups": _list("groups", "IGroup"),
            "Identities": _list("identities", "IUserIdentity"),
        }
    ),
    "IProduct": Model(
        properties={
            "Id": _text("id"),
            "Name": _text("name"),
            "State": Property(Type("ProductState"), lambda product: product.state),
            "ApprovalRequired": _flag("approval_required"),
            "SubscriptionRequired": _flag("subscription_required"),
            "SubscriptionLimit": Property(nullable(INT), lambda product: product.subscription_limit),
            "Groups": _list("groups", "IGroup"),
            "Apis": _list("apis", "IApi"),
        }
    ),
    "ISubscription": Model(
        properties={
            "Id": _text("id"),
            "Name": _text("name"),
            "Key": _text("key"),
            "PrimaryKey": _text("primary_key"),
            "SecondaryKey": _text("secondary_key"),
            "CreatedDate": _when("created_date"),
            "StartDate": _moment("start_date"),
            "EndDate": _moment("end_date"),
        }
    ),
    "Jwt": Model(
        properties={
            "Claims": Property(CLAIMS, lambda jwt: jwt),
            "Issuer": _text("issuer"),
            "Subject": _text("subject"),
            "Id": _text("id"),
            "Algorithm": _text("algorithm"),
            "Type": _text("type"),
            "Audiences": _texts("audiences"),
            "ExpirationTime": _moment("expiration_time"),
            "NotBefore": _moment("not_before"),
            "IssuedAt": _moment("issued_at"),
        }
    ),
    "Claims": Model(
        methods={
            "GetValueOrDefault": [Method((STRING, STRING), STRING, _claim, optional=(None,))],
            "ContainsKey": [Method((STRING,), BOOL, lambda jwt, name: _not_null(name) in jwt.claims)],
            "TryGetValue": [Method((STRING, out(STRINGS)), BOOL, _try_claim)],
        },
        properties={
            "Keys": Property(
                _STRING_ENUMERABLE, lambda jwt: Sequence(lambda: [utf16(name) for name in jwt.claims], STRING, _KEYS)
            ),
            "Count": Property(INT, lambda jwt: len(jwt.claims)),
        },
        indexer=Method((STRING,), STRINGS, _claim_values),
    ),
    "BasicAuthCredentials": Model(properties={"UserId": _text("user_id"), "Password": _text("password")}),
}
EXTENSIONS: dict[str, dict[str, list[Method]]] = {
    "string": {
        "AsJwt": [Method((), Type("Jwt"), jwt_of, null=True)],
        "AsBasic": [Method((), Type("BasicAuthCredentials"), _as_basic, null=True)],
        "TryParseJwt": [Method((out(Type("Jwt")),), BOOL, _try_jwt, null=True)],
        "TryParseBasic": [Method((out(Type("BasicAuthCredentials")),), BOOL, _try_basic, null=True)],
    },
    "IReadOnlyDictionary": {
        "GetValueOrDefault": [Method((STRING, STRING), STRING, _parameter, optional=(None,))],
    },
}
"""API Management's extension methods, by the types that they extend; those of strings take null, too."""
NAMES = {
    name: "Microsoft.Azure.ApiManagement"
    for name in ("IRequest", "IResponse", "IUrl", "IMessageBody", "Jwt", "BasicAuthCredentials")
}
