"""How .NET writes what a certificate says."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from apim_policies.expressions.context import Certificate
from apim_policies.expressions.values.text import utf16

_SHORT = {"emailAddress": "E", "stateOrProvinceName": "S", "serialNumber": "SERIALNUMBER"}


def distinguished(name: x509.Name) -> str:
    """A name as .NET writes it: the last part first, with blanks behind the commas."""
    parts: list[str] = []
    for attribute in reversed(list(name)):
        text = str(attribute.value)
        if any(character in text for character in ',+="\n<>#;') or text != text.strip():
            quoted = text.replace('"', '""')
            text = f'"{quoted}"'
        key = attribute.rfc4514_attribute_name
        parts.append(f"{_SHORT.get(key, 'S' if key == 'ST' else key)}={text}")
    return utf16(", ".join(parts))


def thumbprint(certificate: Certificate) -> str:
    """The SHA-1 of a certificate, in capitals."""
    return certificate.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303  (it is what .NET calls so)
