"""API Management's context and what it consists of."""

from datetime import UTC
from typing import Any

from apim_policies.expressions.context import Url
from apim_policies.expressions.dotnet.bodies import BODY
from apim_policies.expressions.dotnet.certificates import CERTIFICATE, CERTIFICATES, held
from apim_policies.expressions.dotnet.lookups import HEADERS, QUERY, STRING_ENUMERABLE, STRING_MAP, VARIABLES, inward
from apim_policies.expressions.dotnet.registry import Method, Model, Property, attribute
from apim_policies.expressions.dotnet.web import Uri
from apim_policies.expressions.types import (
    BOOL,
    DATETIME,
    GUID,
    INT,
    OBJECT,
    STRING,
    TIMESPAN,
    VOID,
    Type,
    generic,
    nullable,
)
from apim_policies.expressions.values.containers import Dictionary
from apim_policies.expressions.values.moments import DateTime, TimeSpan
from apim_policies.expressions.values.sequences import Sequence
from apim_policies.expressions.values.text import utf16

REQUEST = Type("IRequest")
RESPONSE = Type("IResponse")
URL = Type("IUrl")


def text_property(name: str) -> Property:
    return Property(STRING, lambda owner: inward(getattr(owner, name)))


def moment(name: str) -> Property:
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


def texts(name: str) -> Property:
    return Property(STRING_ENUMERABLE, lambda owner: Sequence(lambda: map(utf16, getattr(owner, name)), STRING))


def _flag(name: str) -> Property:
    return Property(BOOL, lambda owner: getattr(owner, name))


def _trace(context: Any, message: str | None) -> None:
    context.trace(message or "")


def _matched(request: Any) -> Dictionary:
    found = Dictionary(generic("Dictionary", STRING, STRING))
    for name, value in request.matched_parameters.items():
        found.put(utf16(name), utf16(value))
    return found


def _claims(authorization: Any) -> Dictionary:
    found = Dictionary(generic("Dictionary", STRING, OBJECT))
    for name, value in authorization.claims.items():
        found.put(utf16(name), inward(value))
    return found


def _port(url: Url) -> int:
    return url.port


MODELS: dict[str, Model] = {
    "IProxyRequestContext": Model(
        properties={
            "Request": attribute(REQUEST, "request", exists=True),
            "Response": attribute(RESPONSE, "response"),
            "Variables": attribute(VARIABLES, "variables", exists=True),
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
            "Workspace": Property(Type("IWorkspace"), lambda c: c.workspace),
            "Backend": Property(Type("IBackend"), lambda c: c.backend),
        },
        methods={"Trace": [Method((STRING,), VOID, _trace)]},
    ),
    "IRequest": Model(
        properties={
            "Method": text_property("method"),
            "IpAddress": text_property("ip_address"),
            "Certificate": Property(CERTIFICATE, lambda request: request.certificate),
            "Url": attribute(URL, "url", exists=True),
            "OriginalUrl": attribute(URL, "original_url", exists=True),
            "Headers": attribute(HEADERS, "headers", exists=True),
            "Body": attribute(BODY, "body"),
            "MatchedParameters": Property(STRING_MAP, _matched),
        }
    ),
    "IResponse": Model(
        properties={
            "StatusCode": attribute(INT, "status_code"),
            "StatusReason": text_property("status_reason"),
            "Headers": attribute(HEADERS, "headers", exists=True),
            "Body": attribute(BODY, "body"),
        }
    ),
    "IUrl": Model(
        properties={
            "Scheme": text_property("scheme"),
            "Host": text_property("host"),
            "Port": Property(INT, _port),
            "Path": text_property("path"),
            "QueryString": text_property("query_string"),
            "Query": Property(QUERY, lambda url: url),
        },
        methods={
            "ToString": [Method((), STRING, lambda url: utf16(str(url)))],
            "ToUri": [Method((), Type("Uri"), lambda url: Uri(utf16(str(url))))],
        },
    ),
    "IApi": Model(
        properties={
            "Id": text_property("id"),
            "Name": text_property("name"),
            "Path": text_property("path"),
            "Version": text_property("version"),
            "Revision": text_property("revision"),
            "IsCurrentRevision": _flag("is_current_revision"),
            "Protocols": texts("protocols"),
            "ServiceUrl": Property(URL, lambda api: api.service_url),
            "SubscriptionKeyParameterNames": Property(Type("ISubscriptionKeyParameterNames"), lambda api: api),
        }
    ),
    "ISubscriptionKeyParameterNames": Model(
        properties={
            "Header": text_property("subscription_key_header"),
            "Query": text_property("subscription_key_query"),
        }
    ),
    "IOperation": Model(
        properties={
            "Id": text_property("id"),
            "Name": text_property("name"),
            "Method": text_property("method"),
            "UrlTemplate": text_property("url_template"),
        }
    ),
    "IDeployment": Model(
        properties={
            "ServiceName": text_property("service_name"),
            "ServiceId": text_property("service_id"),
            "Region": text_property("region"),
            "GatewayId": text_property("gateway_id"),
            "Gateway": Property(Type("IGateway"), lambda deployment: deployment),
            "Certificates": Property(CERTIFICATES, held),
        }
    ),
    "IGateway": Model(
        properties={
            "Id": text_property("gateway_id"),
            "InstanceId": text_property("instance_id"),
            "IsManaged": Property(BOOL, lambda deployment: deployment.gateway_id == "managed"),
        }
    ),
    "IWorkspace": Model(properties={"Id": text_property("id"), "Name": text_property("name")}),
    "IBackend": Model(
        properties={
            "Id": text_property("id"),
            "Type": text_property("type"),
            "AzureRegion": text_property("azure_region"),
        }
    ),
    "Authorization": Model(
        properties={
            "AccessToken": text_property("access_token"),
            "Claims": Property(generic("IReadOnlyDictionary", STRING, OBJECT), _claims),
        }
    ),
    "ILastError": Model(
        properties={
            "Source": text_property("source"),
            "Reason": text_property("reason"),
            "Message": text_property("message"),
            "Scope": text_property("scope"),
            "Section": text_property("section"),
            "Path": text_property("path"),
            "PolicyId": text_property("policy_id"),
            "HttpErrorCode": attribute(INT, "http_error_code"),
        }
    ),
    "IGroup": Model(properties={"Id": text_property("id"), "Name": text_property("name")}),
    "IUserIdentity": Model(properties={"Id": text_property("id"), "Provider": text_property("provider")}),
    "IUser": Model(
        properties={
            "Id": text_property("id"),
            "Email": text_property("email"),
            "FirstName": text_property("first_name"),
            "LastName": text_property("last_name"),
            "Note": text_property("note"),
            "RegistrationDate": _when("registration_date"),
            "Groups": _list("groups", "IGroup"),
            "Identities": _list("identities", "IUserIdentity"),
        }
    ),
    "IProduct": Model(
        properties={
            "Id": text_property("id"),
            "Name": text_property("name"),
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
            "Id": text_property("id"),
            "Name": text_property("name"),
            "Key": text_property("key"),
            "PrimaryKey": text_property("primary_key"),
            "SecondaryKey": text_property("secondary_key"),
            "CreatedDate": _when("created_date"),
            "StartDate": moment("start_date"),
            "EndDate": moment("end_date"),
        }
    ),
}
NAMES = dict.fromkeys(("IRequest", "IResponse", "IUrl", "Authorization"), "Microsoft.Azure.ApiManagement")
