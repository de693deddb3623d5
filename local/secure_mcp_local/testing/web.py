"""One TLS context for all clients of tests."""

import ssl
from functools import cache

import httpx


@cache
def tls() -> ssl.SSLContext:
    """What `verify` is given: httpx reads all certificates anew for each client otherwise, which takes longer than most requests here."""
    return httpx.create_ssl_context(trust_env=False)
