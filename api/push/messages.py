"""What is posted to a receiver: a signed webhook, or a security event token."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlmodel import Session

from api.posting import Answer
from api.push import sets, webhooks
from api.push.payloads import Told, message_id
from governance import receivers
from governance.errors import BadSetting
from governance.platforms import Platform
from governance.receivers import Receiver, Stream
from governance.rules.delivery import Verdict, of_token, of_webhook
from governance.sealing import unseal
from governance.settings import Settings

MEDIA = "application/secevent+jwt"  # RFC 8417 section 2.3


@dataclass(frozen=True, slots=True)
class Held:
    """A receiver as stored, what else its stream has, and the domains of both sides."""

    receiver: Receiver
    stream: Stream | None
    domain: str
    issuer: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """A POST, less its address."""

    body: bytes
    media: str
    headers: dict[str, str]


def held(session: Session, ident: str) -> Held | None:
    receiver, stream = session.get(Receiver, ident), session.get(Stream, ident)
    if receiver is None:
        return None
    issuer = session.get_one(Platform, stream.issuer_id).domain if stream else None
    domain = session.get_one(Platform, receiver.platform_id).domain
    return Held(receiver, stream, domain, issuer)


class Messages:
    """What a node says in its own name: with its keys, under its address."""

    def __init__(self, settings: Settings) -> None:
        self._keys, self._tokens = settings.keys(), settings.token_keys()
        self._base = settings.public_url

    @property
    def may_be_tokens(self) -> bool:
        """Whether this node issues security event tokens."""
        return self._tokens is not None and bool(self._base)

    def of(self, to: Held, told: Told, now: datetime) -> Message:
        """An event for a receiver."""
        if to.stream is None:
            body = orjson.dumps(told.event)
            headers = webhooks.headers(self._keys, to.receiver, told.position, body, now=now)
            return Message(body, "application/json", headers)
        return self._token(to, to.stream, self.token(to, to.stream, told, now))

    def verifying(self, to: Held, stream: Stream, now: datetime) -> Message:
        """The verification event that a receiver asked for."""
        return self._token(to, stream, self.verification(to, stream, now))

    def token(self, to: Held, stream: Stream, told: Told, now: datetime) -> str:
        ident = message_id(to.receiver, told.position)
        return self._signed(stream, sets.claims(told, ident=ident, now=now, **self._sides(to)))

    def verification(self, to: Held, stream: Stream, now: datetime) -> str:
        ident, state = verification_id(stream), stream.verification_state
        made = sets.verification(stream.receiver_id, state, ident=ident, now=now, **self._sides(to))
        return self._signed(stream, made)

    def _sides(self, to: Held) -> dict[str, str]:
        return {"issuer": f"{self._base}/{to.issuer}", "audience": audience(to.domain)}

    def _signed(self, stream: Stream, claims: dict[str, Any]) -> str:
        if self._tokens is None or not self.may_be_tokens:
            raise BadSetting("COMITY_PUBLIC_URL and the key file of tokens: expected both")
        return self._tokens.signed(claims, stream.algorithm)

    def _token(self, to: Held, stream: Stream, token: str) -> Message:
        headers = {"Accept": "application/json"}
        if stream.authorization is not None:
            header = unseal(self._keys, stream.receiver_id, stream.authorization)
            headers |= {"Authorization": header} if header else {}
        return Message(token.encode(), MEDIA, headers)


def audience(domain: str) -> str:
    """Whom tokens for a platform are for."""
    return f"https://{domain}"


def verification_id(stream: Stream) -> str:
    return f"{stream.receiver_id}_v{stream.verifications}"


def verdict(to: Held, answer: Answer) -> tuple[Verdict, str]:
    """What a receiver's answer means, and why in a word."""
    if to.stream is None:
        return of_webhook(answer.status), f"status {answer.status}"
    error = _error(answer) if answer.status == 400 else ""
    return of_token(answer.status, error), f"status {answer.status} {error}".strip()


def _error(answer: Answer) -> str:
    """The code that a 400 names, if it is one of RFC 8935 section 2.4."""
    try:
        told = orjson.loads(bytes(answer.body))["err"]
    except (ValueError, TypeError, KeyError):
        return ""
    return told if told in receivers.TOKEN_ERRORS else ""
