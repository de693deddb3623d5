"""API Management's Jwt and BasicAuthCredentials, and its extension methods."""

import base64

from apim_policies.expressions.context import Jwt
from apim_policies.expressions.dotnet.gateway import moment, text_property, texts
from apim_policies.expressions.dotnet.lookups import CLAIMS, parameter_of
from apim_policies.expressions.dotnet.registry import Method, Model, Property, out
from apim_policies.expressions.types import (
    BOOL,
    STRING,
    Type,
)
from apim_policies.expressions.values.jwt import jwt_of
from apim_policies.expressions.values.text import utf16


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


MODELS: dict[str, Model] = {
    "Jwt": Model(
        properties={
            "Claims": Property(CLAIMS, lambda jwt: jwt),
            "Issuer": text_property("issuer"),
            "Subject": text_property("subject"),
            "Id": text_property("id"),
            "Algorithm": text_property("algorithm"),
            "Type": text_property("type"),
            "Audiences": texts("audiences"),
            "ExpirationTime": moment("expiration_time"),
            "NotBefore": moment("not_before"),
            "IssuedAt": moment("issued_at"),
        }
    ),
    "BasicAuthCredentials": Model(
        properties={"UserId": text_property("user_id"), "Password": text_property("password")}
    ),
}
EXTENSIONS: dict[str, dict[str, list[Method]]] = {
    "string": {
        "AsJwt": [Method((), Type("Jwt"), jwt_of, null=True)],
        "AsBasic": [Method((), Type("BasicAuthCredentials"), _as_basic, null=True)],
        "TryParseJwt": [Method((out(Type("Jwt")),), BOOL, _try_jwt, null=True)],
        "TryParseBasic": [Method((out(Type("BasicAuthCredentials")),), BOOL, _try_basic, null=True)],
    },
    "IReadOnlyDictionary": {
        "GetValueOrDefault": [Method((STRING, STRING), STRING, parameter_of, optional=(None,))],
    },
}
"""API Management's extension methods, by the types that they extend; those of strings take null, too."""
NAMES = dict.fromkeys(MODELS, "Microsoft.Azure.ApiManagement")
