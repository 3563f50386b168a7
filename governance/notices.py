"""Notices: the host of an account tells the person what another platform decided, and why.

DSA article 17: everyone sanctioned is told the reason, and how to appeal.
"""

from datetime import datetime

from pydantic import Field as PlainField
from sqlmodel import Field, Session

from governance import feed
from governance.errors import Conflict, NotFound, RefusalCode, Refused
from governance.fields import Draft, EnumText, Stored
from governance.fields import UTCDateTime as Utc
from governance.log.sequencing import ledger_of
from governance.membership import Actor
from governance.peers import decides_elsewhere
from governance.rules.permissions import Operation
from governance.sanctions import Disclosure, Sanction
from governance.words import Audience, EventType, Measure, NoticeOutcome


class Notice(Stored, table=True):
    """What became of telling the person of one sanction; a row once that is known."""

    __tablename__ = "notices"

    sanction_id: str = Field(primary_key=True, foreign_key="sanctions.id")
    platform_id: str = Field(foreign_key="platforms.id")
    outcome: NoticeOutcome = Field(sa_type=EnumText(NoticeOutcome))
    at: datetime = Field(sa_type=Utc)


class NoticeDraft(Draft):
    """What became of telling the person."""

    sanction_id: str = PlainField(max_length=64, description="The sanction that was to be told")
    outcome: NoticeOutcome = PlainField(description="Whether the person was told")


def is_due(sanction: Sanction, host_id: str | None) -> bool:
    """Whether another platform of this node hosts the account and is to tell the person: of a
    termination once it is approved, and of nothing that the issuing platform keeps to itself."""
    return _is_made(sanction) and teller(sanction, host_id) != sanction.platform_id


def _is_made(sanction: Sanction) -> bool:
    """Whether there is something to tell: a decision that binds, with its approval."""
    is_approved = sanction.approved_at is not None
    return sanction.is_binding and (
        is_approved or sanction.measure is not Measure.ACCOUNT_TERMINATED
    )


def record_notice(session: Session, actor: Actor, draft: NoticeDraft, *, now: datetime) -> Notice:
    """Notes what became of the notice; the same again answers the same.

    By the account's host, or where no other platform of this node may know, by the issuing one.
    What couldn't be delivered may be later; what was delivered stays so.
    """
    actor.require(Operation.RECORD_NOTICE)
    sanction = session.get(Sanction, draft.sanction_id)
    held = session.get(Disclosure, draft.sanction_id)
    if sanction is None or held is None or actor.platform_id != teller(sanction, held.host_id):
        raise NotFound("no such sanction, or not yours to tell of", path=["sanctionId"])
    if decides_elsewhere(session, sanction.platform_id):
        raise Conflict("its platform decides on another node: tell that one", path=["sanctionId"])
    if sanction.redacted_at is not None:
        raise Refused("the subject was erased", path=["sanctionId"], code=RefusalCode.ERASED)
    if not _is_made(sanction):
        raise Conflict("expected a decision that binds, approved", path=["sanctionId"])
    notice = session.get(Notice, sanction.id)
    if notice is not None and notice.outcome is draft.outcome:
        return notice
    if notice is not None and notice.outcome is NoticeOutcome.DELIVERED:
        raise Conflict("the notice was delivered already", path=["outcome"])
    at = ledger_of(session).instant(now)
    told = Notice(
        sanction_id=sanction.id, platform_id=actor.platform_id, outcome=draft.outcome, at=at
    )
    notice = session.merge(told)
    if draft.outcome is NoticeOutcome.DELIVERED:
        sanction.notified_at = now
        session.add(sanction)
    outcome = {"outcome": draft.outcome.value}
    happening = feed.Happening(EventType.NOTICE_RECORDED, sanction, told=outcome)
    feed.append(session, [happening], now=now)
    return notice


def teller(sanction: Sanction, host_id: str | None) -> str:
    """The platform that tells the person."""
    is_shared = sanction.audience is Audience.PARTNERS
    return host_id if is_shared and host_id is not None else sanction.platform_id
