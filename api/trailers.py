"""Trailers: what follows a body sent in chunks is no field of the request's head.

uvicorn hands an application both in one list. Whoever stands before the node takes fields away or
adds them by the head (RFC 9110 6.5.1): a credential or an address that came after the body would
pass it unseen. Nothing here reads trailers, so they are dropped.
"""

from api.connections import Connection


class Sealed(Connection):
    """A connection whose requests have the fields of their heads and no others."""

    _is_head = True

    def on_message_begin(self) -> None:
        self._is_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_head = False
        super().on_headers_complete()
