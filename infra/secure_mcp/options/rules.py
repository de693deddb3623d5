"""Rules that options of several subjects share."""

from .checks import Rule

EMAIL = Rule(r"[^@\s]+@[^@\s]+", "give an e-mail address")
EMAILS = Rule(EMAIL.pattern, "give e-mail addresses")
HOSTS = Rule(r"[a-z0-9-]+(\.[a-z0-9-]+)+", "give host names in lower case")
ORIGINS = Rule(
    # As browsers write them (HTML, serialization of an origin): no default port, no path; what is not http keeps its case.
    r"(?!http://.*:80\Z|https://.*:443\Z)"
    r"(?:https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])|(?!https?:)[a-z][a-z0-9+.-]*://[A-Za-z0-9._~-]+)(?::\d{1,5})?",
    "an origin is scheme://host[:port] as browsers write it: in lower case, without a path or the scheme's own port; null is that of any page",
)
OBJECT_IDS = Rule(r"[0-9a-fA-F-]{36}", "give object ids of Entra ID")
