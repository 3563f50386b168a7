"""Security event tokens: an event of the feed as claims (RFC 8417), its subject by RFC 9493."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from api.push.payloads import Told
from governance.fields import parse_instant
from governance.rules.turning import AccountTurn
from governance.words import EventType

EVENTS = "urn:x-comity:event:v1:"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
VERIFICATION = f"{SSF}verification"

RISC = "https://schemas.openid.net/secevent/risc/event-type/"  # RISC 1.0 sections 2.3 and 2.4
TURNS = {f"{RISC}account-{one.value.lower()}": one for one in AccountTurn}

URIS = {EVENTS + one.value.lower().replace("_", "-"): one for one in EventType}
SUPPORTED = [*URIS, *TURNS]
_OF_TYPE = {one: uri for uri, one in URIS.items()}
_OF_TURN = {one: uri for uri, one in TURNS.items()}


def types_of(requested: Sequence[str]) -> list[EventType]:
    """The types of the feed that URIs name; others are left out, as SSF 1.0 wants (8.1.1)."""
    return [URIS[uri] for uri in dict.fromkeys(requested) if uri in URIS]


def turns_of(requested: Sequence[str]) -> set[AccountTurn]:
    """The turns of accounts that URIs name."""
    return {TURNS[uri] for uri in requested if uri in TURNS}


def claims(told: Told, *, issuer: str, audience: str, ident: str, now: datetime) -> dict[str, Any]:
    """The claims of an event. There is no `exp`: what happened doesn't expire."""
    event = dict(told.event)
    subject, at = event.pop("subject"), parse_instant(event.pop("occurredAt"))
    if "turn" in event:
        uri, said = _OF_TURN[AccountTurn[event["turn"]]], _reason(event)
    else:
        uri, said = _OF_TYPE[EventType[event["type"]]], event
    return {
        **_about(issuer, audience, ident, now),
        "toe": int(at.timestamp()),
        "txn": event["sanction"]["id"],
        "sub_id": subject_id(subject, event["sanction"]["id"]),
        "events": {uri: said},
    }


def _reason(event: Mapping[str, Any]) -> dict[str, str]:
    """Why an account was disabled, where RISC has a word for it: spam, bots and fakes, which are
    all that is ever permanent. Of a time-out it has none, and none is said."""
    is_bulk = event["turn"] == AccountTurn.DISABLED and event["sanction"]["permanentBasis"]
    return {"reason": "bulk-account"} if is_bulk else {}


def verification(
    stream_id: str, state: str | None, *, issuer: str, audience: str, ident: str, now: datetime
) -> dict[str, Any]:
    """The claims of a verification event (SSF 1.0, 8.1.4)."""
    return {
        **_about(issuer, audience, ident, now),
        "sub_id": {"format": "opaque", "id": stream_id},
        "events": {VERIFICATION: {} if state is None else {"state": state}},
    }


def subject_id(uri: str | None, sanction_id: str) -> Mapping[str, str]:
    """Whom it is about (RFC 9493 section 3.2); where the receiver may not know, the sanction."""
    if uri is None:
        return {"format": "opaque", "id": sanction_id}
    if uri.startswith("acct:"):
        return {"format": "account", "uri": uri}
    if uri.startswith("did:"):
        return {"format": "did", "url": uri}
    return {"format": "uri", "uri": uri}


def _about(issuer: str, audience: str, ident: str, now: datetime) -> dict[str, Any]:
    return {"iss": issuer, "aud": audience, "jti": ident, "iat": int(now.timestamp())}
