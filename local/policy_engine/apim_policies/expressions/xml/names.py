"""XName and XNamespace: one object for each name, so that equal names are the same."""

import re
from functools import lru_cache

from apim_policies.expressions.types import Type
from apim_policies.expressions.values.failing import argument_null
from apim_policies.expressions.values.failures import CSharpException

XML, XMLNS = "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/"
_LOCAL = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


class XNamespace:
    type = Type("XNamespace")
    __slots__ = ("uri",)

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def text(self) -> str:
        return self.uri


class XName:
    type = Type("XName")
    __slots__ = ("local", "namespace")

    def __init__(self, local: str, namespace: XNamespace) -> None:
        self.local, self.namespace = local, namespace

    def text(self) -> str:
        return f"{{{self.namespace.uri}}}{self.local}" if self.namespace.uri else self.local


@lru_cache(maxsize=65536)
def _space(uri: str) -> XNamespace:
    return XNamespace(uri)


NONE = _space("")


def space_of(uri: str | None) -> XNamespace:
    """`XNamespace.Get`."""
    if uri is None:
        raise argument_null("namespaceName")
    return _space(uri)


@lru_cache(maxsize=65536)
def _name(local: str, namespace: XNamespace) -> XName:
    return XName(local, namespace)


def name_in(namespace: XNamespace | None, local: str | None) -> XName:
    """`namespace + local`.

    Raises:
        CSharpException: ArgumentNullException, ArgumentException, or XmlException for what is no name.
    """
    if namespace is None or local is None:
        raise argument_null("ns" if namespace is None else "localName")
    if local == "":
        raise argument_null("localName")
    if not local.isascii():
        raise NotImplementedError(f"the XML name {local!r} beyond ASCII")
    if not _LOCAL.fullmatch(local):
        raise CSharpException("System.Xml.XmlException", f"{local!r} is no name.")
    return _name(local, namespace)


def name_of(expanded: str | None) -> XName:
    """`XName.Get` of `local` or `{namespace}local`."""
    if expanded is None:
        raise argument_null("expandedName")
    if expanded.startswith("{"):
        uri, end, local = expanded[1:].rpartition("}")
        if not end or not uri or not local:
            raise CSharpException("System.ArgumentException", f"'{expanded}' is an invalid expanded name.")
        return name_in(_space(uri), local)
    if expanded == "":
        raise CSharpException("System.ArgumentException", "'' is an invalid expanded name.")
    return name_in(NONE, expanded)


def implied(expanded: str | None) -> XName | None:
    """The implicit conversion of a text."""
    return None if expanded is None else name_of(expanded)


def implied_space(uri: str | None) -> XNamespace | None:
    """The implicit conversion of a text."""
    return None if uri is None else _space(uri)
