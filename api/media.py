"""Media types in HTTP's headers (RFC 9110, 8.3 and 12.5.1)."""

import re
from functools import lru_cache
from typing import NamedTuple

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"

# Possessive, so that a header made to be hard to read takes no longer than any other.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_PARAMETER = re.compile(rf'[ \t]*+;[ \t]*+(?:({_TOKEN})=({_TOKEN}|"[^"]*+"))?+')
_TYPE = re.compile(rf"[ \t]*+({_TOKEN}/{_TOKEN})((?:{_PARAMETER.pattern})*+)[ \t]*+")
_ELEMENT = re.compile(r'(?:[^,"]|"[^"]*+")++')
_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


class Media(NamedTuple):
    """A media type or range with its parameters, in lower case."""

    kind: str
    parameters: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """Every value of a parameter."""
        return [value for key, value in self.parameters if key == name]


@lru_cache(64)
def is_json(content_type: bytes) -> bool:
    """Whether a body of this type is JSON in UTF-8, which is also what no charset means."""
    media = _media(content_type.decode("latin-1"))
    if media is None or media.kind != JSON:
        return False
    return all(charset == "utf-8" for charset in media.all("charset"))


@lru_cache(64)
def accepted(header: bytes) -> tuple[str | None, bool]:
    """The media type to answer with, None where neither of ours will do, and whether a stream of
    events is accepted by its name."""
    text = header.decode("latin-1")
    return _answered(text), _takes_events(text)


def _answered(header: str) -> str | None:
    """An empty header accepts anything. Of two that are as welcome the one named first is meant,
    or else the older."""
    if not header.strip(" \t,"):
        return JSON
    ranges = [media for element in _ELEMENT.findall(header) if (media := _media(element))]
    kinds = [media.kind for media in ranges]
    named = [kind for kind in kinds if kind in (GRAPHQL, JSON)]
    best = max((*named, JSON, GRAPHQL), key=lambda ours: _weight(ours, ranges))
    if _weight(best, ranges):
        return best
    # A form in a browser is answered, though what it gets is no page.
    return JSON if "text/html" in kinds else None


def _takes_events(header: str) -> bool:
    ranges = [media for element in _ELEMENT.findall(header) if (media := _media(element))]
    return any(media.kind == EVENTS and _quality(media) for media in ranges)


def _weight(ours: str, ranges: list[Media]) -> float:
    """How welcome a type is: what the most specific range that it falls into says."""
    for kind in (ours, "application/*", "*/*"):
        if found := [_quality(media) for media in ranges if media.kind == kind]:
            return max(found)
    return 0


def _quality(media: Media) -> float:
    """The weight of a range, 0 to 1. One that can't be read is as good as none: 1."""
    [weight] = media.all("q")[:1] or ["1"]
    return float(weight) if _WEIGHT.fullmatch(weight) else 1


def _media(text: str) -> Media | None:
    """What the text names; None where that isn't a media type."""
    found = _TYPE.fullmatch(text)
    if not found:
        return None
    pairs = [(name.lower(), value) for name, value in _PARAMETER.findall(found[2]) if name]
    return Media(found[1].lower(), tuple((name, value.strip('"').lower()) for name, value in pairs))
