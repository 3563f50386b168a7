"""TLS towards others."""

import ssl
from functools import cache


@cache
def tls_context(_by: str) -> ssl.SSLContext:
    """How connections are made secret, and whose certificates are believed: the system's, which
    are read once, as that takes longer than most requests do. Each library that is given one may
    change it, so each has its own."""
    return ssl.create_default_context()
