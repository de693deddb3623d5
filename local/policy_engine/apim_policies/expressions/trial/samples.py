"""Sample requests: what `context` is while an expression is tried out, written as JSON.

A context file has the members of `SAMPLE`. Variables say their type: `{"type": "string", "value": "hello"}`, where type is
string, int, long, double, bool, null, bytes (base64), JObject, JArray (text), string[], Guid, DateTime (UTC), IResponse or
Jwt (text).
"""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from apim_policies.errors import ExplainedError
from apim_policies.expressions.context import (
    Api,
    Body,
    Context,
    Deployment,
    Group,
    Headers,
    LastError,
    Operation,
    Product,
    Request,
    Response,
    Subscription,
    Url,
    User,
    UserIdentity,
)
from apim_policies.expressions.newtonsoft import reader
from apim_policies.expressions.types import STRINGS
from apim_policies.expressions.values.containers import Array
from apim_policies.expressions.values.jwt import jwt_of
from apim_policies.expressions.values.moments import DateTime
from apim_policies.expressions.values.numbers import Long
from apim_policies.expressions.values.text import utf16

SAMPLE: dict[str, Any] = json.loads(Path(__file__).with_name("sample.json").read_text(encoding="utf-8"))
"""The request that an expression gets when no other is given."""


def merged(base: Any, changes: Any) -> Any:
    """JSON with parts of it replaced: objects are merged, everything else is put in its place."""
    if isinstance(base, dict) and isinstance(changes, dict):
        return base | {key: merged(base.get(key), value) for key, value in changes.items()}
    return changes


def context_of(given: dict[str, Any]) -> Context:
    """The context that a context file describes.

    Raises:
        ExplainedError: a member is missing or of the wrong form.
    """
    try:
        return _context(given)
    except KeyError as error:
        raise ExplainedError(
            f"the context has no member {error}; `apim-policies expression --sample` prints one that has all"
        ) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ExplainedError(
            f"the context cannot be read: {error}; `apim-policies expression --sample` prints one"
        ) from None


def _context(given: dict[str, Any]) -> Context:
    request = given["request"]
    api = _api(given["api"])
    operation, deployment = given["operation"], given["deployment"]
    elapsed = timedelta(milliseconds=given["elapsedMs"])
    return Context(
        request=Request(
            request["method"],
            _url(request["url"]),
            _url(request["originalUrl"]),
            _headers(request["headers"]),
            _body(request["body"]),
            request["ipAddress"],
            request["matchedParameters"],
        ),
        api=api,
        operation=Operation(operation["id"], operation["name"], operation["method"], operation["urlTemplate"]),
        response=_response(given["response"]) if given.get("response") else None,
        variables={name: _variable(entry) for name, entry in given["variables"].items()},
        last_error=_error(given["lastError"]) if given.get("lastError") else None,
        deployment=Deployment(
            deployment["region"], deployment["serviceId"], deployment["serviceName"], deployment["gatewayId"]
        ),
        request_id=UUID(given["requestId"]),
        timestamp=datetime.fromisoformat(given["timestamp"]).replace(tzinfo=UTC),
        elapsed=lambda: elapsed,
        tracing=given["tracing"],
        product=_product(given["product"], api) if given.get("product") else None,
        user=_user(given["user"]) if given.get("user") else None,
        subscription=_subscription(given["subscription"]) if given.get("subscription") else None,
    )


def _url(text: str) -> Url:
    parts = urlsplit(text)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return Url(parts.scheme, parts.hostname or "", port, parts.path or "/", f"?{parts.query}" if parts.query else "")


def _headers(values: dict[str, list[str]]) -> Headers:
    return Headers([(name, value) for name, listed in values.items() for value in listed])


def _body(text: str | None) -> Body | None:
    return None if text is None else Body(text.encode("utf-8", "surrogatepass"))


def _response(given: dict[str, Any]) -> Response:
    return Response(given["statusCode"], given["statusReason"], _headers(given["headers"]), _body(given["body"]))


def _api(given: dict[str, Any]) -> Api:
    return Api(
        given["id"], given["name"], given["path"], given["revision"], given["version"], given["isCurrentRevision"],
        given["protocols"], _url(given["serviceUrl"]),
    )  # fmt: skip


def _error(given: dict[str, Any]) -> LastError:
    return LastError(
        given.get("source"), given.get("reason"), given.get("message"), given.get("scope"), given.get("section"),
        given.get("path"), given.get("policyId"),
    )  # fmt: skip


def _user(given: dict[str, Any]) -> User:
    return User(
        given["id"], given["email"], given["firstName"], given["lastName"], given["note"],
        datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC),
        [Group(group["id"], group["name"]) for group in given["groups"]],
        [UserIdentity(identity["id"], identity["provider"]) for identity in given["identities"]],
    )  # fmt: skip


def _product(given: dict[str, Any], api: Api) -> Product:
    return Product(
        given["id"], given["name"], subscription_required=True, subscription_limit=given["subscriptionLimit"],
        groups=[Group("developers", "Developers")], apis=[api],
    )  # fmt: skip


def _subscription(given: dict[str, Any]) -> Subscription:
    return Subscription(
        given["id"], given["name"], given["key"], given["key"], given["secondaryKey"],
        datetime(2024, 2, 29, 12, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC),
    )  # fmt: skip


_VARIABLES: dict[str, Callable[[Any], object]] = {
    "string": utf16,
    "int": int,
    "long": Long,
    "double": float,
    "bool": bool,
    "null": lambda value: None,
    "bytes": lambda value: bytearray(base64.b64decode(value)),
    "JObject": lambda value: reader.parse(utf16(value), "JObject"),
    "JArray": lambda value: reader.parse(utf16(value), "JArray"),
    "string[]": lambda value: Array(map(utf16, value), STRINGS),
    "Guid": UUID,
    "DateTime": lambda value: DateTime.of(datetime.fromisoformat(value)),
    "IResponse": _response,
    "Jwt": jwt_of,
}


def _variable(entry: dict[str, Any]) -> object:
    read = _VARIABLES.get(entry["type"])
    if read is None:
        raise ExplainedError(f"a variable cannot have the type {entry['type']!r}; types are {', '.join(_VARIABLES)}")
    return read(entry["value"])
