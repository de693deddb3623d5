"""`AsJwt()`: a token read without checking it."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from apim_policies.expressions.context import Jwt
from apim_policies.expressions.values.text import joined


def _part(text: str) -> Any:
    data = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    return json.loads(data.decode("utf-8", "replace"))


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [item if isinstance(item, str) else json.dumps(item, separators=(",", ":")) for item in values]


def jwt_of(text: str | None) -> Jwt | None:
    """A JSON web token, with or without `Bearer ` before it; None if the text is none."""
    if text is None:
        return None
    if text[:7].lower() == "bearer ":
        text = text[7:]
    parts = joined(text).strip().split(".")
    if len(parts) != 3:
        return None
    try:
        header, claims = _part(parts[0]), _part(parts[1])
    except ValueError:
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return None

    def moment(name: str) -> datetime | None:
        value = claims.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)

    def single(values: dict[str, Any], name: str) -> str | None:
        value = values.get(name)
        return value if isinstance(value, str) or value is None else json.dumps(value)

    return Jwt(
        algorithm=single(header, "alg") or "",
        claims={name: _texts(value) for name, value in claims.items()},
        issuer=single(claims, "iss"),
        subject=single(claims, "sub"),
        id=single(claims, "jti"),
        type=single(header, "typ"),
        audiences=_texts(claims["aud"]) if "aud" in claims else [],
        expiration_time=moment("exp"),
        not_before=moment("nbf"),
        issued_at=moment("iat"),
    )
