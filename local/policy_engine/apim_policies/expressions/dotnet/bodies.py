"""API Management's IMessageBody."""

import re
from typing import Any

from apim_policies.errors import NotModelled
from apim_policies.expressions.context import Body, form_decode
from apim_policies.expressions.dotnet.registry import Method, Model
from apim_policies.expressions.newtonsoft import reader
from apim_policies.expressions.types import (
    BOOL,
    BYTES,
    JARRAY,
    JOBJECT,
    JTOKEN,
    STRING,
    Type,
    generic,
)
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.text import utf16
from apim_policies.expressions.xml.nodes import XDocument, XElement
from apim_policies.expressions.xml.reader import parse_document, parse_element

BODY = Type("IMessageBody")
_FORM = generic("IDictionary", STRING, generic("IList", STRING))


def _read(body: Body, preserve: bool) -> bytes:
    if body.consumed:
        raise CSharpException("System.InvalidOperationException", "The message body has been read already.")
    body.consumed = not preserve
    return body.content


def content_text(body: Body, preserve: bool) -> str:
    return utf16(_read(body, preserve).decode("utf-8-sig", "replace"))


def _xml_text(body: Body, preserve: bool) -> str:
    """The text of XML; what another encoding gives is not known."""
    text = content_text(body, preserve)
    declared = re.match(r"<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)", text)
    if declared is not None and declared[1].lower() not in {"utf-8", "us-ascii"} and not text.isascii():
        raise NotImplementedError(f"XML in the encoding {declared[1]}")
    return text


def _body_as(type_: Type) -> Method:
    readers: dict[Type, Any] = {
        STRING: content_text,
        BYTES: lambda body, preserve: bytearray(_read(body, preserve)),
        JOBJECT: lambda body, preserve: reader.parse(content_text(body, preserve), "JObject"),
        JARRAY: lambda body, preserve: reader.parse(content_text(body, preserve), "JArray"),
        JTOKEN: lambda body, preserve: reader.parse(content_text(body, preserve)),
        XElement.type: lambda body, preserve: parse_element(_xml_text(body, preserve)),
        XDocument.type: lambda body, preserve: parse_document(_xml_text(body, preserve)),
    }
    if type_ not in readers:
        raise NotModelled(f"Body.As<{type_}> is not modelled by the local cloud")
    return Method((BOOL,), type_, readers[type_], names=("preserveContent",), optional=(False,))


def _form(body: Body, preserve: bool) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for part in _read(body, preserve).decode("utf-8", "replace").split("&"):
        if part:
            name, _, value = part.partition("=")
            fields.setdefault(utf16(form_decode(name)), []).append(utf16(form_decode(value)))
    return fields


MODELS: dict[str, Model] = {
    "IMessageBody": Model(
        methods={
            "AsFormUrlEncodedContent": [Method((BOOL,), _FORM, _form, names=("preserveContent",), optional=(False,))]
        },
        generics={"As": _body_as},
    ),
}
NAMES = {"IMessageBody": "Microsoft.Azure.ApiManagement"}
