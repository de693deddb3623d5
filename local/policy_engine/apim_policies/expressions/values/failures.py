"""How an expression fails: when it is compiled (the document is wrong) and when it runs (C# exceptions)."""

from apim_policies.errors import DocumentError

_SYSTEM = ("System.SystemException", "System.Exception")
_ARGUMENT = ("System.ArgumentException", *_SYSTEM)
_BASES: dict[str, tuple[str, ...]] = {
    "System.Exception": (),
    "System.SystemException": ("System.Exception",),
    "System.ArgumentNullException": _ARGUMENT,
    "System.ArgumentOutOfRangeException": _ARGUMENT,
    "System.ObjectDisposedException": ("System.InvalidOperationException", *_SYSTEM),
    "System.DivideByZeroException": ("System.ArithmeticException", *_SYSTEM),
    "System.OverflowException": ("System.ArithmeticException", *_SYSTEM),
    "System.UriFormatException": ("System.FormatException", *_SYSTEM),
    "System.Text.DecoderFallbackException": _ARGUMENT,
    "System.Globalization.CultureNotFoundException": _ARGUMENT,
    "System.Security.Cryptography.CryptographicException": _SYSTEM,
    "Internal.Cryptography.CryptoThrowHelper+WindowsCryptographicException": (
        "System.Security.Cryptography.CryptographicException",
        *_SYSTEM,
    ),
    "System.Text.RegularExpressions.RegexParseException": _ARGUMENT,
    "System.Xml.XmlException": _SYSTEM,
    "Newtonsoft.Json.JsonException": ("System.Exception",),
    "Newtonsoft.Json.JsonReaderException": ("Newtonsoft.Json.JsonException", "System.Exception"),
    "Newtonsoft.Json.JsonSerializationException": ("Newtonsoft.Json.JsonException", "System.Exception"),
    "Newtonsoft.Json.JsonWriterException": ("Newtonsoft.Json.JsonException", "System.Exception"),
}


class ExpressionError(DocumentError):
    """The text is not an expression that the local cloud can run as API Management would.

    `kind` is `"syntax"`, `"compile"` (C# refuses it; `code` names the compiler error when known, such as
    `CS1061`), `"refused"` (API Management refuses a type or member) or `"not modelled"`.
    """

    def __init__(
        self,
        message: str,
        *,
        document: str = "",
        line: int = 0,
        column: int = 0,
        kind: str = "compile",
        code: str = "",
        feature: str = "",
    ) -> None:
        super().__init__(message, document=document, line=line, column=column)
        self.kind, self.code, self.feature = kind, code, feature


class CSharpException(Exception):
    """An exception that C# code threw and did not catch: `type` is its .NET name, such as
    `System.FormatException`."""

    def __init__(self, type: str, message: str, inner: "CSharpException | None" = None) -> None:
        super().__init__(type, message)
        self.type, self.message, self.inner = type, message, inner

    @property
    def bases(self) -> tuple[str, ...]:
        """The .NET base classes, nearest first, without `System.Object`."""
        return _BASES.get(self.type, _SYSTEM)

    def __str__(self) -> str:
        return f"{self.type}: {self.message}"
