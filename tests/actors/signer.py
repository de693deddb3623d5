"""A client with a key: makes the assertions that it authenticates with, and any wrong one."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
UNSET = object()


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Signer:
    """One RSA key, and what it signs.

    Args:
        kid: Id of the key.
        now: The clock that times are of, in seconds.
    """

    def __init__(self, kid: str = "key-1", now: Callable[[], float] = time.time) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.kid, self.now = kid, now

    @property
    def public(self) -> dict[str, Any]:
        """The public half, as a JSON Web Key."""
        n = base64url(self.key.public_key().public_numbers().n.to_bytes(256))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": n, "e": "AQAB"}

    @property
    def private(self) -> dict[str, Any]:
        """Both halves, which nobody else should see."""
        return self.public | {"d": base64url(self.key.private_numbers().d.to_bytes(256))}

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.public]}

    @property
    def pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def token(self, claims: dict[str, Any], **header: Any) -> str:
        """A token that says this, signed with RS256 unless the header says otherwise; a header of None is left out."""
        protected: dict[str, Any] = {"alg": "RS256", "kid": self.kid} | header
        protected = {name: value for name, value in protected.items() if value is not None}
        signed = f"{base64url(json.dumps(protected).encode())}.{base64url(json.dumps(claims).encode())}"
        if protected["alg"] == "PS256":
            pad: padding.AsymmetricPadding = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        else:
            pad = padding.PKCS1v15()
        digest = hashes.SHA384() if protected["alg"] == "RS384" else hashes.SHA256()
        return f"{signed}.{base64url(self.key.sign(signed.encode(), pad, digest))}"

    def assertion(self, client_id: str, audience: Any, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """An assertion as RFC 7523 has it; a change to `UNSET` leaves a claim out."""
        now = int(self.now())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "exp": now + 300,
            "iat": now,
            "jti": str(uuid4()),
        } | changes
        return self.token({name: value for name, value in claims.items() if value is not UNSET}, **(header or {}))


def unsigned(token: str) -> str:
    """The same claims under `alg: none`."""
    header = base64url(b'{"alg":"none"}')
    return f"{header}.{token.split('.')[1]}."


def confused(signer: Signer, token: str) -> str:
    """The same claims, with HS256 and the public key for a secret."""
    header = base64url(json.dumps({"alg": "HS256", "kid": signer.kid}).encode())
    signed = f"{header}.{token.split('.')[1]}"
    return f"{signed}.{base64url(hmac.digest(signer.public_pem, signed.encode(), hashlib.sha256))}"
