"""System.Text.Encoding."""

import re

from apim_policies.expressions.dotnet.registry import Method, Model, Property
from apim_policies.expressions.types import (
    BYTES,
    INT,
    STRING,
    Type,
)
from apim_policies.expressions.values.failing import argument_null, out_of_range
from apim_policies.expressions.values.text import encode_utf8, joined, utf16

_ENCODING = Type("Encoding")


class _Encoding:
    type = _ENCODING

    def __init__(self, name: str) -> None:
        self.name = name

    def get_bytes(self, text: str | None) -> bytearray:
        if text is None:
            raise argument_null("s")
        match self.name:
            case "utf-8":
                return bytearray(encode_utf8(text))
            case "ascii":
                return bytearray(ord(unit) if ord(unit) < 128 else 63 for unit in text)
            case "latin-1":
                if any(ord(unit) > 0xFF for unit in text):
                    raise NotImplementedError("what is nearest in ISO-8859-1 to other letters")
                return bytearray(text.encode("latin-1"))
            case codec:
                if re.search("[\ud800-\udfff]", joined(text)):
                    raise NotImplementedError("lone surrogates in UTF-16")
                return bytearray(joined(text).encode(codec))

    def get_string(self, data: bytearray | None) -> str:
        if data is None:
            raise argument_null("bytes")
        match self.name:
            case "utf-8":
                return utf16(data.decode("utf-8", "replace"))
            case "ascii":
                return "".join(chr(byte) if byte < 128 else "?" for byte in data)
            case codec:
                try:
                    return utf16(data.decode(codec))
                except UnicodeDecodeError:
                    raise NotImplementedError(f"the text of these bytes in {codec}") from None

    def get_part(self, data: bytearray | None, start: int, count: int) -> str:
        if data is None:
            raise argument_null("bytes")
        if start < 0 or count < 0 or start + count > len(data):
            raise out_of_range("bytes")
        return self.get_string(data[start : start + count])


def _encoding_named(name: str | None) -> _Encoding:
    known = {
        "utf-8": "utf-8",
        "iso-8859-1": "latin-1",
        "latin1": "latin-1",
        "us-ascii": "ascii",
        "ascii": "ascii",
        "utf-16": "utf-16-le",
        "unicode": "utf-16-le",
    }
    if name is None or name.lower() not in known:
        raise NotImplementedError(f"Encoding.GetEncoding({name!r})")
    return _Encoding(known[name.lower()])


MODELS: dict[str, Model] = {
    "Encoding": Model(
        methods={
            "GetBytes": [Method((STRING,), BYTES, _Encoding.get_bytes)],
            "GetString": [
                Method((BYTES,), STRING, _Encoding.get_string),
                Method((BYTES, INT, INT), STRING, _Encoding.get_part),
            ],
            "GetByteCount": [Method((STRING,), INT, lambda encoding, text: len(encoding.get_bytes(text)))],
        },
        statics={"GetEncoding": [Method((STRING,), _ENCODING, _encoding_named)]},
        static_properties={
            name: Property(_ENCODING, lambda codec=codec: _Encoding(codec))
            for name, codec in (
                ("UTF8", "utf-8"), ("ASCII", "ascii"), ("Unicode", "utf-16-le"), ("BigEndianUnicode", "utf-16-be"),
                ("UTF32", "utf-32-le"),
            )
        },
    ),
}  # fmt: skip
NAMES = {"Encoding": "System.Text"}
