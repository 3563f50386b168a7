"""Canonical JSON (RFC 8785) of our records, which hold less than JSON could.

Null, booleans, strings, lists, integers below 2^53, and objects with ASCII keys; no floats. Within
that, sorting keys by bytes is sorting them by UTF-16 units (3.2.3), and orjson writes strings as
3.2.2.2 asks, so its bytes are canonical. A property test holds them against the `rfc8785` package.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson

from governance.log.errors import Malformed

LARGEST_INTEGER = 2**53 - 1
DEEPEST = 32
_OURS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def canonical(value: object) -> bytes:
    """Return the one way to write a value; Malformed where our records don't allow it.

    Exact types only: what merely looks like a string or an integer (an enum, say) is refused.
    """
    if type(value) is not str:
        _refuse_foreign(value, DEEPEST)
    return _written(value)


def canonical_of_ours(value: object, instant: Callable[[datetime], str]) -> bytes:
    """`canonical` of what we made of our own types alone, which needs no look: strings, lists and
    objects of them, enums as their values, instants as `instant` prints them."""
    return orjson.dumps(value, default=instant, option=_OURS)


def parse_canonical(data: bytes) -> object:
    """Read what `canonical` wrote; Malformed if these bytes aren't the canonical ones."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise Malformed("not JSON") from None
    _refuse_foreign(value, DEEPEST, may_have_foreign_keys=not data.isascii())
    if _written(value) != data:
        raise Malformed("not canonical JSON")
    return value


def _written(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # a lone surrogate (RFC 8785 3.2.2.2)
        raise Malformed("a string is not valid Unicode") from None


def _refuse_foreign(value: object, depth: int, *, may_have_foreign_keys: bool = True) -> None:
    if type(value) is dict or type(value) is list:
        if depth == 0:
            raise Malformed(f"a record nests at most {DEEPEST} deep")
        if may_have_foreign_keys and type(value) is dict and not _are_ascii(value):
            raise Malformed("a key is not an ASCII string")
        for inner in value.values() if type(value) is dict else value:
            # Most are strings or null, and here is where checking a log spends its time.
            if type(inner) is not str and inner is not None:
                _refuse_foreign(inner, depth - 1, may_have_foreign_keys=may_have_foreign_keys)
    elif type(value) is int:
        if abs(value) > LARGEST_INTEGER:
            raise Malformed("an integer is not below 2^53")
    elif not (value is None or type(value) is str or type(value) is bool):
        raise Malformed(f"a {type(value).__name__} has no place in a record")


def _are_ascii(keys: dict[Any, Any]) -> bool:
    return {str}.issuperset(map(type, keys)) and "".join(keys).isascii()
