"""Rules that options of several subjects share."""

from .checks import Rule

EMAIL = Rule(r"[^@\s]+@[^@\s]+", "give an e-mail address")
EMAILS = Rule(EMAIL.pattern, "give e-mail addresses")
HOSTS = Rule(r"[a-z0-9-]+(\.[a-z0-9-]+)+", "give host names in lower case")
ORIGINS = Rule(r"https?://[a-z0-9.\[\]:-]+", "an origin is scheme://host[:port] in lower case")
OBJECT_IDS = Rule(r"[0-9a-fA-F-]{36}", "give object ids of Entra ID")
