"""Canonical JSON (RFC 8785) of our records, which hold less than JSON could.

Null, booleans, strings, lists, integers below 2^53, and objects with ASCII keys; no floats. Within
that, sorting keys by bytes is sorting them by UTF-16 units (3.2.3), and orjson writes strings as
3.2.2.2 asks, so its bytes are canonical. A property test holds them against the `rfc8785` package.
"""

import orjson

from governance.log.errors import Malformed

LARGEST_INTEGER = 2**53 - 1
DEEPEST = 32


def canonical(value: object) -> bytes:
    """Return the one way to write a value; Malformed where our records don't allow it.

    Exact types only: what merely looks like a string or an integer (an enum, say) is refused.
    """
    _refuse_foreign(value, DEEPEST)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # a lone surrogate (RFC 8785 3.2.2.2)
        raise Malformed("a string is not valid Unicode") from None


def parse_canonical(data: bytes) -> object:
    """Read what `canonical` wrote; Malformed if these bytes aren't the canonical ones."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise Malformed("not JSON") from None
    if canonical(value) != data:
        raise Malformed("not canonical JSON")
    return value


def _refuse_foreign(value: object, depth: int) -> None:
    if value is None or type(value) is str or type(value) is bool:
        return
    if type(value) is int:
        if abs(value) > LARGEST_INTEGER:
            raise Malformed("an integer is not below 2^53")
    elif type(value) is not dict and type(value) is not list:
        raise Malformed(f"a {type(value).__name__} has no place in a record")
    elif depth == 0:
        raise Malformed(f"a record nests at most {DEEPEST} deep")
    else:
        for inner in value.values() if type(value) is dict else value:
            _refuse_foreign(inner, depth - 1)
        if type(value) is dict and not all(type(key) is str and key.isascii() for key in value):
            raise Malformed("a key is not an ASCII string")
