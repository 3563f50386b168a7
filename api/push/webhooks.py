"""Signed webhooks, as Standard Webhooks has them (symmetric signatures, `v1`).

The secret of an endpoint is derived from the node's key, so the database holds none.
"""

import hmac
from base64 import b64encode
from datetime import datetime

from api.push.payloads import message_id
from governance.receivers import Receiver
from governance.settings import Keys

PREFIX = "whsec_"


def secret(keys: Keys, receiver: Receiver) -> str:
    """What the receiver checks signatures with, as Standard Webhooks writes it."""
    return PREFIX + b64encode(_key(keys, receiver, receiver.generation)).decode()


def headers(
    keys: Keys, receiver: Receiver, position: int, body: bytes, *, now: datetime
) -> dict[str, str]:
    """The id, time and signatures of a message; after a rotation by the old secret too."""
    ident, at = message_id(receiver, position), str(int(now.timestamp()))
    signed = b".".join([ident.encode(), at.encode(), body])
    generations = {receiver.generation, max(0, receiver.generation - 1)}
    signatures = [
        "v1," + b64encode(hmac.digest(_key(keys, receiver, one), signed, "sha256")).decode()
        for one in sorted(generations, reverse=True)
    ]
    return {
        "webhook-id": ident,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(signatures),
    }


def _key(keys: Keys, receiver: Receiver, generation: int) -> bytes:
    return bytes.fromhex(keys.tag("webhook", receiver.id, str(generation)))
