"""TLS towards others."""

import ssl
from functools import cache


@cache
def sealing() -> ssl.SSLContext:
    """How connections are made secret, and whose certificates are believed: the system's, which
    are read once a process, as that takes longer than most requests do."""
    return ssl.create_default_context()
