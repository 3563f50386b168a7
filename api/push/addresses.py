"""Addresses that platforms give for their receivers: https alone, and of what everyone reaches."""

import re

from api.outward import LONGEST_URL, Outside
from governance.errors import InvalidInput

_PLAIN = re.compile("[!-~]+")


def receiver_url(outside: Outside, text: str, path: str = "url") -> str:
    """The address as given; InvalidInput says what isn't right. Where its name leads is checked at
    each delivery."""
    import httpx2  # a node starts without it

    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError):
        raise InvalidInput("expected a URL such as https://hooks.example/x", path=[path]) from None
    schemes = ("https", "http") if outside.is_test else ("https",)
    if url.scheme not in schemes or not url.host or url.userinfo or "#" in text:
        raise InvalidInput("expected https://…, without a user or a fragment", path=[path])
    if not _PLAIN.fullmatch(text) or len(text) > LONGEST_URL or (url.port or 1) > 65_535:
        raise InvalidInput(f"expected up to {LONGEST_URL:,} characters of ASCII", path=[path])
    return text
