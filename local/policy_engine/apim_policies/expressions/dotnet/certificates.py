"""Certificates and RSA keys: what a gateway holds, and what expressions sign with."""

import base64
import re
from collections.abc import Callable
from datetime import UTC
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import pkcs12

from apim_policies.expressions.context import Certificate
from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.types import BOOL, BYTES, DATETIME, INT, STRING, VOID, Type, generic
from apim_policies.expressions.values.certificates import distinguished, thumbprint
from apim_policies.expressions.values.containers import Dictionary
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.moments import DateTime
from apim_policies.expressions.values.text import joined

CERTIFICATE = Type("X509Certificate2")
CERTIFICATES = generic("IReadOnlyDictionary", STRING, CERTIFICATE)
_DISTINGUISHED = Type("X500DistinguishedName")
_RSA = Type("RSA")
_HASH_NAME, _SIGNATURE, _ENCRYPTION = (
    Type("HashAlgorithmName"),
    Type("RSASignaturePadding"),
    Type("RSAEncryptionPadding"),
)
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "MD5": hashes.MD5,
    "SHA1": hashes.SHA1,
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}


_PUBLIC_KEY = re.compile(
    r"<RSAKeyValue><Modulus>([A-Za-z0-9+/=]*)</Modulus><Exponent>([A-Za-z0-9+/=]*)</Exponent></RSAKeyValue>"
)


class _Named:
    """One of a fixed set: a hash algorithm or a padding."""

    def __init__(self, type: Type, name: str) -> None:
        self.type, self.name = type, name

    def text(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Named) and (self.type, self.name) == (other.type, other.name)

    def __hash__(self) -> int:
        return hash((self.type, self.name))


class Rsa:
    """An RSA key, perhaps its public half only."""

    type = _RSA

    def __init__(self, public: rsa.RSAPublicKey, private: rsa.RSAPrivateKey | None) -> None:
        self.public, self._private = public, private

    @classmethod
    def made(cls, bits: int = 2048) -> "Rsa":
        """`RSA.Create()`: a new key."""
        if bits not in {1024, 2048, 3072, 4096}:
            raise NotImplementedError(f"an RSA key of {bits} bits")
        key = rsa.generate_private_key(65537, bits)
        return cls(key.public_key(), key)

    def take(self, text: str | None) -> None:
        """`FromXmlString`: another key, by modulus and exponent; one with private parts is not modelled."""
        if text is None:
            raise argument_null("xmlString")
        found = _PUBLIC_KEY.fullmatch(text)
        if found is None:
            raise NotImplementedError("RSA.FromXmlString with anything but <Modulus> and <Exponent>")
        try:
            modulus, exponent = (int.from_bytes(base64.b64decode(part, validate=True)) for part in found.groups())
        except ValueError:
            raise CSharpException("System.FormatException", "The input is not a valid Base-64 string.") from None
        try:
            self.public, self._private = rsa.RSAPublicNumbers(exponent, modulus).public_key(), None
        except ValueError:
            raise _failure("Bad Data.") from None

    def private(self) -> rsa.RSAPrivateKey:
        if self._private is None:
            raise _failure("Key does not exist.")
        return self._private

    def sign(self, data: bytearray | None, name: _Named, how: _Named | None) -> bytearray:
        """`SignData`."""
        algorithm = _algorithm(name)
        return bytearray(self.private().sign(_needed(data), _signature(how, algorithm), algorithm))

    def sign_hash(self, data: bytearray | None, name: _Named, how: _Named | None) -> bytearray:
        """`SignHash`."""
        algorithm = _algorithm(name)
        if len(_needed(data)) != algorithm.digest_size:
            raise _failure("The hash has not the length of the algorithm.")
        return bytearray(self.private().sign(_needed(data), _signature(how, algorithm), Prehashed(algorithm)))

    def verify(self, data: bytearray | None, signature: bytearray | None, name: _Named, how: _Named | None) -> bool:
        """`VerifyData`."""
        algorithm = _algorithm(name)
        return self._verified(_needed(signature), _needed(data), _signature(how, algorithm), algorithm)

    def verify_hash(
        self, data: bytearray | None, signature: bytearray | None, name: _Named, how: _Named | None
    ) -> bool:
        """`VerifyHash`."""
        algorithm = _algorithm(name)
        return self._verified(_needed(signature), _needed(data), _signature(how, algorithm), Prehashed(algorithm))

    def _verified(self, signature: bytes, data: bytes, pad: Any, algorithm: Any) -> bool:
        try:
            self.public.verify(signature, data, pad, algorithm)
        except (InvalidSignature, ValueError):
            # A hash that has not the length of its algorithm is signed by nothing.
            return False
        return True

    def encrypt(self, data: bytearray | None, how: _Named | None) -> bytearray:
        """`Encrypt`."""
        try:
            return bytearray(self.public.encrypt(_needed(data), _encryption(how)))
        except ValueError:
            raise _failure("The data is too long for the key.") from None

    def decrypt(self, data: bytearray | None, how: _Named | None) -> bytearray:
        """`Decrypt`."""
        try:
            return bytearray(self.private().decrypt(_needed(data), _encryption(how)))
        except ValueError:
            raise _failure("The data cannot be decrypted.") from None


def _failure(message: str) -> CSharpException:
    return CSharpException("System.Security.Cryptography.CryptographicException", message)


def _needed(data: bytearray | None) -> bytes:
    if data is None:
        raise argument_null("data")
    return bytes(data)


def _algorithm(name: _Named) -> hashes.HashAlgorithm:
    return _HASHES[name.name]()


def _signature(how: _Named | None, algorithm: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if how is None:
        raise argument_null("padding")
    # .NET's salt is as long as the hash.
    return padding.PKCS1v15() if how.name == "Pkcs1" else padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)


def _encryption(how: _Named | None) -> padding.AsymmetricPadding:
    if how is None:
        raise argument_null("padding")
    if how.name == "Pkcs1":
        return padding.PKCS1v15()
    algorithm = _HASHES[how.name.removeprefix("Oaep")]
    return padding.OAEP(padding.MGF1(algorithm()), algorithm(), None)


def _public(certificate: Certificate) -> Rsa | None:
    key = certificate.certificate.public_key()
    return Rsa(key, None) if isinstance(key, rsa.RSAPublicKey) else None


def _private(certificate: Certificate) -> Rsa | None:
    key = certificate.key
    return Rsa(key.public_key(), key) if isinstance(key, rsa.RSAPrivateKey) else None


class _Distinguished:
    type = _DISTINGUISHED

    def __init__(self, name: x509.Name) -> None:
        self.name = distinguished(name)


def _serial(certificate: Certificate) -> str:
    text = f"{certificate.certificate.serial_number:X}"
    text = "0" * (len(text) % 2) + text
    return text if int(text[:2], 16) < 0x80 else "00" + text


def _moment(get: Callable[[x509.Certificate], Any]) -> Property:
    # In the time zone of the machine, which is UTC.
    return Property(DATETIME, lambda one: DateTime(DateTime.of(get(one.certificate).astimezone(UTC)).ticks, "Local"))


def held(deployment: Any) -> Dictionary:
    """`context.Deployment.Certificates`, by thumbprint."""
    found = Dictionary(generic("Dictionary", STRING, CERTIFICATE))
    for certificate in deployment.certificates:
        found.put(thumbprint(certificate), certificate)
    return found


def _name(certificate: Certificate) -> str:
    return certificate.friendly_name


def _fixed(type: Type, *names: str) -> Model:
    return Model(static_properties={name: Property(type, lambda name=name: _Named(type, name)) for name in names})


def _der(certificate: Certificate) -> bytes:
    return certificate.certificate.public_bytes(serialization.Encoding.DER)


def _verified(certificate: Certificate) -> bool:
    if certificate.trusted is None:
        raise NotImplementedError("whether a certificate that was made of bytes is trusted")
    return certificate.trusted


def _read(data: bytearray | None, password: str | None = None) -> Certificate:
    """`new X509Certificate2(bytes)`: DER, PEM or PKCS#12. Nobody vouches for it here."""
    if not data:
        raise CSharpException("System.ArgumentException", "Array may not be empty or null. (Parameter 'rawData')")
    given = bytes(data)
    key: Any = None
    try:
        if b"-----BEGIN" in given:
            found = x509.load_pem_x509_certificate(given)
        else:
            found = x509.load_der_x509_certificate(given)
    except ValueError:
        try:
            key, held, _ = pkcs12.load_key_and_certificates(given, joined(password).encode() if password else None)
        except ValueError:
            raise _failure("Cannot find the requested object.") from None
        if held is None:
            raise NotImplementedError("a PKCS#12 file without a certificate") from None
        found = held
    return Certificate(found, key, trusted=None)


MODELS: dict[str, Model] = {
    "X509Certificate2": Model(
        methods={
            # The gateway trusts what it was given: there is no other authority here.
            "Verify": [Method((), BOOL, _verified)],
            "VerifyNoRevocation": [Method((), BOOL, _verified)],
            "GetCertHashString": [Method((), STRING, thumbprint)],
            "GetSerialNumberString": [Method((), STRING, _serial)],
            "GetRawCertData": [Method((), BYTES, lambda one: bytearray(_der(one)))],
            "GetRawCertDataString": [Method((), STRING, lambda one: _der(one).hex().upper())],
            "GetRSAPrivateKey": [Method((), _RSA, _private)],
            "GetRSAPublicKey": [Method((), _RSA, _public)],
            "Dispose": [Method((), VOID, lambda one: None)],
        },
        properties={
            "Thumbprint": Property(STRING, thumbprint),
            "Subject": Property(STRING, lambda one: distinguished(one.certificate.subject)),
            "Issuer": Property(STRING, lambda one: distinguished(one.certificate.issuer)),
            "SerialNumber": Property(STRING, _serial),
            "FriendlyName": Property(STRING, _name),
            "NotBefore": _moment(lambda one: one.not_valid_before_utc),
            "NotAfter": _moment(lambda one: one.not_valid_after_utc),
            "SubjectName": Property(_DISTINGUISHED, lambda one: _Distinguished(one.certificate.subject)),
            "IssuerName": Property(_DISTINGUISHED, lambda one: _Distinguished(one.certificate.issuer)),
            "HasPrivateKey": Property(BOOL, lambda one: one.key is not None),
            "Version": Property(INT, lambda one: one.certificate.version.value + 1),
            "RawData": Property(BYTES, lambda one: bytearray(_der(one))),
        },
        constructors=[Method((BYTES,), CERTIFICATE, _read), Method((BYTES, STRING), CERTIFICATE, _read)],
    ),
    "X500DistinguishedName": Model(properties={"Name": Property(STRING, lambda one: one.name)}),
    "RSA": Model(
        methods={
            "SignData": [Method((BYTES, _HASH_NAME, _SIGNATURE), BYTES, Rsa.sign)],
            "SignHash": [Method((BYTES, _HASH_NAME, _SIGNATURE), BYTES, Rsa.sign_hash)],
            "VerifyData": [Method((BYTES, BYTES, _HASH_NAME, _SIGNATURE), BOOL, Rsa.verify)],
            "VerifyHash": [Method((BYTES, BYTES, _HASH_NAME, _SIGNATURE), BOOL, Rsa.verify_hash)],
            "Encrypt": [Method((BYTES, _ENCRYPTION), BYTES, Rsa.encrypt)],
            "Decrypt": [Method((BYTES, _ENCRYPTION), BYTES, Rsa.decrypt)],
            "FromXmlString": [Method((STRING,), VOID, Rsa.take)],
            "Dispose": [Method((), VOID, lambda key: None)],
        },
        properties={"KeySize": Property(INT, lambda key: key.public.key_size)},
        statics={"Create": [Method((), _RSA, Rsa.made), Method((INT,), _RSA, Rsa.made)]},
    ),
    "HashAlgorithmName": _fixed(_HASH_NAME, *_HASHES),
    "RSASignaturePadding": _fixed(_SIGNATURE, "Pkcs1", "Pss"),
    "RSAEncryptionPadding": _fixed(
        _ENCRYPTION, "Pkcs1", *(f"Oaep{name}" for name in ("SHA1", "SHA256", "SHA384", "SHA512"))
    ),
}
NAMES = dict.fromkeys(
    ("RSA", "HashAlgorithmName", "RSASignaturePadding", "RSAEncryptionPadding"), "System.Security.Cryptography"
) | dict.fromkeys(("X509Certificate2", "X500DistinguishedName"), "System.Security.Cryptography.X509Certificates")
