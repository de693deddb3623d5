"""What only the gateway can make: a value that is sealed with its key, for tests of what lies behind the seal."""

import base64
import hashlib
import hmac
import os

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from secure_mcp_local.cloud import LocalCloud

_NAMED_VALUE = "azure-native:apimanagement:NamedValue"


def sealed(cloud: LocalCloud, purpose: str, text: str) -> str:
    """A text as `policies/fragments/seal.xml` seals it for a purpose."""
    key = next(r for r in cloud.recording.all(_NAMED_VALUE) if r.get("displayName") == "EncryptionKey")
    version, material = str(key.get("value")).split(".")
    secret, iv = base64.b64decode(material), os.urandom(16)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(secret[:32]), modes.CBC(iv)).encryptor()
    content = bytes([int(version)]) + iv + encryptor.update(padder.update(text.encode()) + padder.finalize())
    tag = hmac.new(secret[32:], purpose.encode() + b"\0" + content, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(content + tag).rstrip(b"=").decode()
