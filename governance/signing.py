"""Platforms that sign their decisions themselves: their keys, and what is signed with them."""

from base64 import b32encode
from collections.abc import Set as AbstractSet
from datetime import datetime
from hashlib import sha256

from pydantic import Field
from sqlmodel import Session, col, select

from governance.drafts import SanctionSignature
from governance.errors import Conflict, InvalidInput, NotFound, RefusalCode, Refused
from governance.fields import Base64Of32, Base64Of64, Draft
from governance.log.authorship import check_decision, check_key
from governance.log.canonical import canonical
from governance.log.errors import Malformed, Unproven
from governance.log.notes import decode
from governance.log.writing import UNSIGNED
from governance.membership import Actor, log
from governance.platforms import Platform, PlatformKey
from governance.rules.permissions import Operation
from governance.rules.policy import CLOCK_TOLERANCE


class RegistrationDraft(Draft):
    """A key to sign decisions with from now on."""

    key: Base64Of32 = Field(description="The Ed25519 public key, base64")
    replaces: Base64Of32 | None = Field(
        default=None, description="The own key that it takes the place of"
    )
    signature: Base64Of64 = Field(description="By the new key, that it is this platform's")


class RetirementDraft(Draft):
    """A key to sign no more decisions with."""

    key: Base64Of32 = Field(description="The own key to retire, base64")


def register(
    session: Session, actor: Actor, draft: RegistrationDraft, *, now: datetime
) -> PlatformKey:
    """Registers a key in the log. Its holder has to sign that it is the platform's; the key that
    it replaces need not sign, since it may be lost."""
    actor.require(Operation.REGISTER_KEY)
    platform = session.get_one(Platform, actor.platform_id)
    _require_possession(platform.domain, draft)
    if session.exec(select(PlatformKey).where(PlatformKey.key == draft.key)).first():
        raise Conflict("expected a new key: each is registered once", path=["key"])
    told = {"key": draft.key, "proof": draft.signature}
    replaced = None
    if draft.replaces is not None:
        replaced = _in_force(session, actor, draft.replaces, "replaces")
        told["replaces"] = draft.replaces
    at = log(session, "key.registered", platform, now, **told)
    if replaced is not None:
        replaced.retired_at = at
        session.add(replaced)
    added = new_key(platform.id, draft.key, at)
    session.add(added)
    return added


def new_key(platform_id: str, key: str, at: datetime) -> PlatformKey:
    """A key as it is stored; its id follows from it, so that the log alone tells the same."""
    name = b32encode(sha256(decode(key)).digest()).decode().lower()[:26]
    return PlatformKey(id=f"key_{name}", platform_id=platform_id, key=key, registered_at=at)


def retire(session: Session, actor: Actor, draft: RetirementDraft, *, now: datetime) -> PlatformKey:
    """Takes a key out of use, without another in its place."""
    actor.require(Operation.RETIRE_KEY)
    held = _in_force(session, actor, draft.key, "key")
    platform = session.get_one(Platform, actor.platform_id)
    held.retired_at = log(session, "key.retired", platform, now, key=held.key)
    session.add(held)
    return held


def keys_in_force(session: Session, platform_id: str) -> frozenset[str]:
    """The keys that a platform may sign with now."""
    held = select(PlatformKey.key).where(
        PlatformKey.platform_id == platform_id, col(PlatformKey.retired_at).is_(None)
    )
    return frozenset(session.exec(held))


def decided_at(
    signature: SanctionSignature, in_force: AbstractSet[str], *, now: datetime
) -> datetime:
    """The instant that a platform signed; refused by another key, or far from the node's clock."""
    if signature.key not in in_force:
        raise _invalid("expected a key of this platform, neither replaced nor retired", "key")
    if abs(signature.issued_at - now) > CLOCK_TOLERANCE:
        seconds = CLOCK_TOLERANCE.seconds
        raise InvalidInput(
            f"expected the instant of the decision within {seconds} seconds of the node's clock",
            path=["signature", "issuedAt"],
        )
    return signature.issued_at


def signed(signature: SanctionSignature | None, decision: bytes) -> str:
    """A decision's signature as its entry has it: `null` where the node vouches for it."""
    if signature is None:
        return UNSIGNED
    if signature.value is None:
        raise InvalidInput("expected base64 of 64 bytes", path=["signature", "value"])
    told = {"key": signature.key, "value": signature.value}
    try:
        check_decision(told, decision)
    except Unproven:
        digest = sha256(decision).hexdigest()
        message = f"expected a signature of the decision with the SHA-256 {digest}"
        raise _invalid(message, "value") from None
    return canonical(told).decode()


def _require_possession(domain: str, draft: RegistrationDraft) -> None:
    try:
        check_key(draft.key, draft.signature, platform=domain, replaces=draft.replaces)
    except Malformed:
        raise InvalidInput(
            "expected a key that its holder alone can sign with", path=["key"]
        ) from None
    except Unproven:
        raise Refused(
            f"expected a signature by the new key, made for {domain} and the key it replaces",
            path=["signature"],
            code=RefusalCode.SIGNATURE_INVALID,
        ) from None


def _in_force(session: Session, actor: Actor, key: str, name: str) -> PlatformKey:
    held = session.exec(
        select(PlatformKey).where(
            PlatformKey.key == key, PlatformKey.platform_id == actor.platform_id
        )
    ).first()
    if held is None:
        raise NotFound("no such key of this platform", path=[name])
    if held.retired_at is not None:
        raise Conflict("this key was replaced or retired before", path=[name])
    return held


def _invalid(message: str, name: str) -> Refused:
    return Refused(message, path=["signature", name], code=RefusalCode.SIGNATURE_INVALID)
