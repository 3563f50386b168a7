"""Trusted documents: asked for by the SHA-256 of their text, as Apollo's clients do
(`extensions.persistedQuery`, version 1), so that known clients neither send nor have parsed what
they always ask. The operator registers them; a node may answer no others.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from governance.errors import BadSetting
from governance.settings import Settings

MOST_DOCUMENTS = 10_000
LONGEST = 20_000  # characters of a document
LARGEST = 50_000_000  # bytes of a file
_HASH = re.compile("[0-9a-f]{64}")


class Untrusted(Exception):
    """No document can be told from what was sent. The message is safe to show."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.message, self.code = message, code


class Trusted:
    """The documents of a node's operator, by their hashes; `alone` if no others are answered."""

    def __init__(self, texts: Mapping[str, str], *, alone: bool = False) -> None:
        self._texts = dict(texts)
        self.texts = frozenset(texts.values())
        self._alone = alone

    def text(self, query: str | None, extensions: Mapping[str, Any] | None) -> str:
        """The document that a request means by its text, its hash or both; Untrusted if none."""
        named = (extensions or {}).get("persistedQuery")
        if named is None:
            if not query:
                raise Untrusted("expected query to be a string", "BAD_REQUEST")
        else:
            query = self._named(_hash_of(named), query)
        if self._alone and query not in self.texts:
            raise Untrusted("expected one of this node's trusted documents", "FORBIDDEN")
        return query

    def _named(self, name: str, query: str | None) -> str:
        if query:
            if sha256(query.encode()).hexdigest() != name:
                raise Untrusted("expected sha256Hash to be that of query", "BAD_REQUEST")
            return query
        if name not in self._texts:
            # The words and the code by which Apollo's clients know to send the text as well.
            raise Untrusted("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
        return self._texts[name]


def trusted(settings: Settings) -> Trusted:
    """The documents that the settings name; BadSetting says what is wrong with them."""
    place, alone = settings.trusted_documents, settings.trusted_alone == "on"
    if place is None:
        if alone:
            raise BadSetting("COMITY_TRUSTED_ALONE: expected COMITY_TRUSTED_DOCUMENTS beside it")
        return Trusted({})
    try:
        texts = _folder(place) if place.is_dir() else _file(place)
    except (OSError, UnicodeDecodeError, orjson.JSONDecodeError):
        raise _bad(f"expected {place} to be a folder of .graphql files, or JSON") from None
    if len(texts) > MOST_DOCUMENTS:
        raise _bad(f"expected at most {MOST_DOCUMENTS:,} documents, got {len(texts):,}")
    if any(len(text) > LONGEST for text in texts.values()):
        raise _bad(f"expected documents of at most {LONGEST:,} characters")
    return Trusted(texts, alone=alone)


def _folder(place: Path) -> dict[str, str]:
    """A document a file, its text as it is."""
    found = [path.read_bytes() for path in sorted(place.glob("**/*.graphql"))]
    return {sha256(data).hexdigest(): data.decode() for data in found}


def _file(place: Path) -> dict[str, str]:
    """JSON of hashes and texts, as relay-compiler writes with `"algorithm": "SHA256"`."""
    if place.stat().st_size > LARGEST:
        raise _bad(f"expected {place} to have at most {LARGEST:,} bytes")
    given = orjson.loads(place.read_bytes())
    if not isinstance(given, dict) or not all(isinstance(t, str) for t in given.values()):
        raise _bad(f"expected {place} to be an object of SHA-256 and text")
    for name, text in given.items():
        if sha256(text.encode()).hexdigest() != name:
            raise _bad(f"expected {name!r} to be the SHA-256 of its document")
    return given


def _hash_of(named: object) -> str:
    if not isinstance(named, Mapping) or named.get("version") != 1:
        raise Untrusted("expected persistedQuery of version 1", "BAD_REQUEST")
    name = named.get("sha256Hash")
    if not isinstance(name, str) or not _HASH.fullmatch(name):
        raise Untrusted("expected sha256Hash to be 64 of 0-9 and a-f", "BAD_REQUEST")
    return name


def _bad(expected: str) -> BadSetting:
    return BadSetting(f"COMITY_TRUSTED_DOCUMENTS: {expected}")
