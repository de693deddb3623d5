"""Namespace System.Security.Cryptography, and API Management's Encrypt and Decrypt of byte arrays."""

import hashlib
import hmac
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from apim_policies.errors import NotModelled
from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.types import BYTES, INT, STRING, VOID, Type
from apim_policies.expressions.values.failing import argument_null, out_of_range
from apim_policies.expressions.values.failures import CSharpException

PROFILE = 1
_RANDOM = Type("RNGCryptoServiceProvider")
_NAMES = ("MD5", "SHA1", "SHA256", "SHA384", "SHA512")


class _Hash:
    def __init__(self, name: str) -> None:
        self.name = name
        self.type = Type(name)

    def compute(self, data: bytearray | None) -> bytearray:
        if data is None:
            raise argument_null("buffer")
        return bytearray(hashlib.new(self.name.lower(), bytes(data)).digest())


_BLOCKS = {"MD5": 64, "SHA1": 64, "SHA256": 64, "SHA384": 128, "SHA512": 128}
"""How long the random keys are that .NET makes."""


_HMACS = {name: Type(f"HMAC{name}") for name in _BLOCKS}


class _Hmac:
    def __init__(self, name: str, key: bytearray | bytes | None) -> None:
        if key is None:
            raise argument_null("key")
        self.name, self.key = name, bytes(key)
        self.type = _HMACS[name]

    def take(self, key: bytearray | None) -> None:
        """Another key."""
        if key is None:
            raise NotImplementedError("null as the key of an HMAC")
        self.key = bytes(key)

    def compute(self, data: bytearray | None) -> bytearray:
        if data is None:
            raise argument_null("buffer")
        return bytearray(hmac.digest(self.key, data, self.name.lower()))


class _Random:
    def fill(self, env: list[Any], data: bytearray | None) -> None:
        if data is None:
            raise argument_null("data")
        data[:] = env[PROFILE].random_bytes(len(data))


def _cipher(name: str | None, key: bytearray | None, iv: bytearray | None) -> Cipher[modes.CBC]:
    if name is None or name.lower() != "aes":
        raise NotModelled(f"the symmetric algorithm {name!r} is not modelled by the local cloud; only Aes is")
    if key is None or iv is None:
        raise argument_null("rgbKey" if key is None else "rgbIV")
    if len(key) not in {16, 24, 32}:
        raise _failure("Specified key is not a valid size for this algorithm.")
    if len(iv) != 16:
        raise _failure("Specified initialization vector (IV) does not match the block size for this algorithm.")
    return Cipher(algorithms.AES(bytes(key)), modes.CBC(bytes(iv)))


def _failure(message: str) -> CSharpException:
    return CSharpException("System.Security.Cryptography.CryptographicException", message)


def _encrypt(data: bytearray, name: str | None, key: bytearray | None, iv: bytearray | None) -> bytearray:
    padder = padding.PKCS7(128).padder()
    padded = padder.update(bytes(data)) + padder.finalize()
    encryptor = _cipher(name, key, iv).encryptor()
    return bytearray(encryptor.update(padded) + encryptor.finalize())


def _decrypt(data: bytearray, name: str | None, key: bytearray | None, iv: bytearray | None) -> bytearray:
    decryptor = _cipher(name, key, iv).decryptor()
    if len(data) % 16:
        raise _failure("The input data is not a complete block.")
    padded = decryptor.update(bytes(data)) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    try:
        return bytearray(unpadder.update(padded) + unpadder.finalize())
    except ValueError:
        raise _failure("Padding is invalid and cannot be removed.") from None


def _fill(env: list[Any], random: _Random, data: bytearray | None) -> None:
    random.fill(env, data)


ARRAY_METHODS = {
    "Encrypt": [Method((STRING, BYTES, BYTES), BYTES, _encrypt)],
    "Decrypt": [Method((STRING, BYTES, BYTES), BYTES, _decrypt)],
}
"""Of byte arrays."""


def _computed(algorithm: Any, data: bytearray | None, start: int, count: int) -> bytearray:
    if data is None:
        raise argument_null("buffer")
    if start < 0:
        raise out_of_range("offset")
    if count < 0 or start + count > len(data):
        raise CSharpException("System.ArgumentException", "Value was invalid.")
    result: bytearray = algorithm.compute(data[start : start + count])
    return result


_COMPUTING = {
    "ComputeHash": [
        Method((BYTES,), BYTES, lambda algorithm, data: algorithm.compute(data)),
        Method((BYTES, INT, INT), BYTES, _computed),
    ],
    "Dispose": [Method((), VOID, lambda algorithm: None)],
}
_SIZE = Property(INT, lambda algorithm: hashlib.new(algorithm.name.lower()).digest_size * 8)


def _hashes(name: str) -> Model:
    type_ = Type(name)
    return Model(
        methods=_COMPUTING,
        properties={"HashSize": _SIZE},
        statics={"Create": [Method((), type_, lambda: _Hash(name))]},
    )


def _managed(name: str) -> Model:
    type_ = Type(f"{name}Managed")
    return Model(
        methods=_COMPUTING,
        properties={"HashSize": _SIZE},
        constructors=[Method((), type_, lambda: _Hash(name))],
    )


def _keyed(name: str) -> Model:
    type_ = Type(f"HMAC{name}")
    return Model(
        methods=_COMPUTING,
        properties={
            "HashSize": _SIZE,
            "Key": Property(BYTES, lambda algorithm: bytearray(algorithm.key), put=_Hmac.take),
        },
        constructors=[
            Method((BYTES,), type_, lambda key: _Hmac(name, key)),
            Method((), type_, lambda env: _Hmac(name, env[PROFILE].random_bytes(_BLOCKS[name])), env=True),
        ],
    )


MODELS: dict[str, Model] = {
    **{name: _hashes(name) for name in _NAMES},
    **{f"{name}Managed": _managed(name) for name in _NAMES if name != "MD5"},
    **{f"HMAC{name}": _keyed(name) for name in _NAMES},
    **{
        name: Model(methods=_COMPUTING, properties={"HashSize": _SIZE})
        for name in ("HashAlgorithm", "KeyedHashAlgorithm", "HMAC")
    },
    "RNGCryptoServiceProvider": Model(
        methods={"GetBytes": [Method((BYTES,), VOID, _fill, env=True)]},
        constructors=[Method((), _RANDOM, _Random)],
    ),
}
NAMES = dict.fromkeys(MODELS, "System.Security.Cryptography")
