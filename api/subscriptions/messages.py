"""What clients send by the sub-protocol `graphql-transport-ws`, and with which codes its sockets
are closed (graphql-ws, PROTOCOL.md; below 4000, RFC 6455 and IANA's registry)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

SUBPROTOCOL = "graphql-transport-ws"
LONGEST_ID = 256  # characters
LONGEST_REASON = 123  # bytes (RFC 6455, 5.5.1)

GOING_AWAY = 1001
TRY_AGAIN_LATER = 1013
INVALID = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
NOT_ACCEPTABLE = 4406
TOO_LATE = 4408
TAKEN = 4409
TOO_MANY = 4429
BROKEN = 4500


class Closed(Exception):
    """The socket is to be closed, with a code and a reason that is safe to show."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason.encode()[:LONGEST_REASON].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message: its type, its operation's id, and its payload."""

    type: str
    id: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)


def read(message: Mapping[str, Any]) -> Sent:
    """What an ASGI message holds; Closed where it isn't a message of clients."""
    text = message.get("text")
    if text is None:
        raise Closed(INVALID, "expected messages of text")
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Closed(INVALID, "expected messages of JSON") from None
    if not isinstance(given, dict):
        raise Closed(INVALID, "expected an object with a type")
    kind = given.get("type")
    if kind in ("subscribe", "complete"):
        ident = given.get("id")
        if not isinstance(ident, str) or not 0 < len(ident) <= LONGEST_ID:
            raise Closed(INVALID, f"{kind}: expected an id of 1 to {LONGEST_ID} characters")
        return Sent(kind, ident, _operation(given) if kind == "subscribe" else {})
    if kind in ("connection_init", "ping", "pong"):
        payload = given.get("payload")
        if payload is not None and not isinstance(payload, dict):
            raise Closed(INVALID, f"{kind}: expected payload to be an object")
        return Sent(kind, "", payload or {})
    raise Closed(INVALID, "expected a type that clients send, such as subscribe")


def _operation(given: Mapping[str, Any]) -> Mapping[str, Any]:
    payload = given.get("payload")
    if not isinstance(payload, dict):
        raise Closed(INVALID, "subscribe: expected payload to be an object with a query")
    is_named = "query" not in payload and "persistedQuery" in (payload.get("extensions") or ())
    if not is_named and not isinstance(payload.get("query"), str):
        raise Closed(INVALID, "subscribe: expected query to be a string")
    for name, kind in (("variables", dict), ("extensions", dict), ("operationName", str)):
        if payload.get(name) is not None and not isinstance(payload[name], kind):
            what = "a string" if kind is str else "an object"
            raise Closed(INVALID, f"subscribe: expected {name} to be {what}")
    return payload
