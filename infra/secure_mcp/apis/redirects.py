"""Where a client may be answered: one rule for clients that register themselves and for those of the configuration."""

import re
from urllib.parse import unquote_plus

ANSWER_PARAMETERS = ("code", "state", "iss", "error", "error_description", "error_uri")
"""What an authorization answer adds to an address (RFC 6749, sections 4.1.2 and 4.1.2.1; RFC 9207, section 2)."""
SEPARATORS = "&;"
"""What parts a query; some readers take a semicolon, too."""
NAME_ENDS = "=["
"""What ends the name of a parameter; some readers take code[] for code."""

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
# What every reader takes for a host and a port: new Uri throws for others.
_HOST = rf"(?:(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}\.)*[A-Za-z][A-Za-z0-9-]{{0,62}}|{_OCTET}(?:\.{_OCTET}){{3}})"
_PORT = r"(?::(?:[0-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
# Percent-encoded control characters end a name or a line for some readers.
_REST = r"(?:[/?](?:[!$&'()+,./0-9:;=?@A-Z\[\]_a-z~-]|%(?!0|1|7[Ff])[0-9A-Fa-f]{2})*)?"


def acceptable(*schemes: str) -> str:
    """A regular expression, for Python and .NET alike, of a whole redirect URI that may be used at all: https, http to this computer, or a private
    scheme; no user information, fragment or wildcard.

    Args:
        schemes: Regular expressions of the private schemes.
    """
    private = "".join(rf"|{scheme}:(?://[A-Za-z0-9._-]+|(?!//))" for scheme in schemes)
    return rf"(?:https://{_HOST}{_PORT}|http://(?:localhost|127\.0\.0\.1|\[::1\]){_PORT}{private}){_REST}"


def answers_already(uri: str) -> bool:
    """Whether a redirect URI has a parameter of its own that an answer will have, so that the client would get it twice: as `answers_already` of
    policies/macros.jinja reads it."""
    names = (unquote_plus(part) for part in re.split(f"[{SEPARATORS}]", uri.partition("?")[2]))
    return any(re.split(f"[{re.escape(NAME_ENDS)}]", name)[0].strip().lower() in ANSWER_PARAMETERS for name in names)
