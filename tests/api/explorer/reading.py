"""What a page shows, as a visitor reads it."""

import re
from html import unescape

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; "


def links(html: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'href="([^"]+)"', html)]


def listed(html: str) -> list[str]:
    """The sanctions that a list shows, in order."""
    return re.findall(r'class="deed"><a href="/sanctions/(san_\w+)"', html)
