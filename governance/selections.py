"""Selections: what researchers asked for in bulk, how far it has come, and what was made of it.

A project is a member with the role RESEARCHER; its pseudonyms are its own. A selection's row stays
when its files are gone: it tells the operator who asked for what, and when.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import Field as DraftField
from sqlmodel import Field, Session, col, select

from governance.errors import Conflict, NotFound, RefusalCode, Refused
from governance.fields import Draft, EnumList, EnumText, Stored, new_id
from governance.fields import UTCDateTime as Utc
from governance.membership import Actor, is_live
from governance.platforms import Member, Token
from governance.rules import research
from governance.rules.permissions import OPERATIONS, Operation
from governance.settings import Keys
from governance.words import ExportFormat
from governance.words import SelectionState as State

# Whether a sanction fits, by its columns, and the values of the parameters in that.
Fit = Callable[[Any], tuple[sa.ColumnElement[bool], Mapping[str, Any]]]

PSEUDONYM_DIGITS = 32  # 128 bits, as hex
_LIVE = research.UNDER_WAY | {State.READY}


class Selection(Stored, table=True):
    """What a project asked for. `generation` counts how often it was made anew; `erasures` is
    what had been erased when its records began to be read."""

    __tablename__ = "selections"
    __table_args__ = (sa.Index("selections_of_project", "project_id", "requested_at", "id"),)

    id: str = Field(primary_key=True)
    project_id: str = Field(foreign_key="members.id")
    wanted: dict[str, Any] = Field(sa_type=sa.JSON)  # the filter, as it was sent
    formats: list[ExportFormat] = Field(sa_type=EnumList(ExportFormat))
    requested_at: datetime = Field(sa_type=Utc)
    as_of: datetime = Field(sa_type=Utc)
    state: State = Field(default=State.WAITING, sa_type=EnumText(State))
    generation: int = 0
    rows_read: int = Field(default=0, sa_type=sa.BigInteger)
    rows_to_read: int = Field(default=0, sa_type=sa.BigInteger)
    row_count: int | None = Field(default=None, sa_type=sa.BigInteger)
    subject_count: int | None = Field(default=None, sa_type=sa.BigInteger)
    withheld_count: int | None = Field(default=None, sa_type=sa.BigInteger)
    erasures: str = ""
    made_at: datetime | None = Field(default=None, sa_type=Utc)
    expires_at: datetime | None = Field(default=None, sa_type=Utc)
    problem: str | None = None


class SelectionFile(Stored, table=True):
    """One file of a selection that is ready."""

    __tablename__ = "selection_files"

    selection_id: str = Field(primary_key=True, foreign_key="selections.id")
    format: ExportFormat = Field(primary_key=True, sa_type=EnumText(ExportFormat))
    name: str
    sha256: str
    byte_count: int = Field(sa_type=sa.BigInteger)


class SelectionDraft(Draft):
    """What a selection's files are to be."""

    formats: list[ExportFormat] = DraftField(
        default=[ExportFormat.PARQUET],
        min_length=1,
        max_length=len(ExportFormat),
        description="The forms that its rows come in",
    )


class CancellationDraft(Draft):
    """A selection that isn't wanted any more."""

    selection_id: str = DraftField(max_length=64, description="Id of the selection, prefixed sel_")


def pseudonym(keys: Keys, project_id: str, kind: str, subject: str) -> str:
    """What a project knows a subject by: a keyed hash with a key of its own, which is derived
    from the node's secret and lies nowhere."""
    return keys.tag(f"research {project_id}", kind, subject)[:PSEUDONYM_DIGITS]


def request(
    session: Session,
    actor: Actor,
    wanted: Mapping[str, Any],
    formats: Sequence[ExportFormat],
    *,
    now: datetime,
) -> Selection:
    """Asks for everything that fits a filter, as it was known when the day began. The same once
    more on that day is the same selection, unless it failed or was given up."""
    actor.require(Operation.SELECT)
    made = Selection(
        id=new_id("sel"),
        project_id=actor.member_id,
        wanted=dict(wanted),
        formats=sorted(set(formats)),
        requested_at=now,
        as_of=research.known_by(now),
    )
    for earlier in _of_the_day(session, made):
        if (earlier.wanted, earlier.formats) == (made.wanted, made.formats):
            return earlier
    _within_quotas(session, actor, now)
    session.add(made)
    session.flush()
    return made


def _of_the_day(session: Session, made: Selection) -> Iterable[Selection]:
    live = col(Selection.state).in_(_LIVE)
    same = Selection.project_id == made.project_id, Selection.as_of == made.as_of
    return session.exec(select(Selection).where(*same, live))


def cancel(session: Session, actor: Actor, draft: CancellationDraft) -> Selection:
    """Gives up a selection of the own project; its files go."""
    actor.require(Operation.CANCEL_SELECTION)
    found = session.get(Selection, draft.selection_id)
    if found is None or found.project_id != actor.member_id:
        raise NotFound("no such selection of this project", path=["selectionId"])
    return give_up(session, found)


def give_up(session: Session, selection: Selection) -> Selection:
    """Cancels a selection, whoever's it is; Conflict where it is over."""
    if State.CANCELLED not in research.MOVES[selection.state]:
        told = f"expected a selection that isn't over, got one that is {selection.state}"
        raise Conflict(told, path=["selectionId"])
    return move(session, selection, State.CANCELLED)


def _within_quotas(session: Session, actor: Actor, now: datetime) -> None:
    own = col(Selection.project_id) == actor.member_id
    is_recent = col(Selection.requested_at) > now - timedelta(days=1)
    under_way = sa.select(sa.func.count()).where(own, col(Selection.state).in_(research.UNDER_WAY))
    recent = sa.select(sa.func.count()).select_from(Selection).where(own, is_recent)
    bytes_kept = (
        sa.select(sa.func.coalesce(sa.func.sum(col(SelectionFile.byte_count)), 0))
        .join(Selection, col(Selection.id) == col(SelectionFile.selection_id))
        .where(own)
    )
    for counted, most, what in (
        (under_way, research.MOST_AT_ONCE, "selections of a project under way"),
        (recent, research.MOST_A_DAY, "selections of a project in 24 hours"),
        (bytes_kept, research.MOST_BYTES, "bytes of a project's files"),
    ):
        if int(session.scalar(counted) or 0) >= most:
            raise Refused(
                f"expected at most {most:,} {what}: wait, or cancel one",
                code=RefusalCode.QUOTA_EXCEEDED,
            )


def move(session: Session, selection: Selection, to: State) -> Selection:
    """Moves a selection; what isn't ready has no files, and links to earlier ones are dead."""
    assert to in research.MOVES[selection.state], f"{selection.state} never becomes {to}"
    if selection.state is State.READY:
        selection.generation += 1
        gone = col(SelectionFile.selection_id) == selection.id
        session.execute(sa.delete(SelectionFile).where(gone))
    selection.state = to
    session.add(selection)
    return selection


def due(session: Session) -> Selection | None:
    """Which to make next: one that was interrupted, else the one that waits longest."""
    under_way = select(Selection).where(col(Selection.state).in_(research.UNDER_WAY))
    order = sa.case((col(Selection.state) == State.RUNNING, 0), else_=1)
    return session.exec(under_way.order_by(order, col(Selection.requested_at)).limit(1)).first()


def ready(session: Session) -> list[Selection]:
    return list(session.exec(select(Selection).where(Selection.state == State.READY)))


def listed(session: Session) -> list[Selection]:
    """Every selection there was, the newest first."""
    order = col(Selection.requested_at).desc(), col(Selection.id)
    return list(session.exec(select(Selection).order_by(*order)))


def byte_count(session: Session, selection: Selection) -> int:
    """What its files take together."""
    size = sa.func.coalesce(sa.func.sum(col(SelectionFile.byte_count)), 0)
    own = col(SelectionFile.selection_id) == selection.id
    return int(session.scalar(sa.select(size).where(own)) or 0)


def found(session: Session, ident: str) -> Selection:
    selection = session.get(Selection, ident)
    if selection is None:
        raise NotFound(f"no selection {ident}; `comity selection list` shows them", path=["id"])
    return selection


def fetchable(session: Session, ident: str, *, now: datetime) -> Selection | None:
    """A selection whose project may ask for one still, with a token that counts."""
    query = (
        select(Selection, Member, Token)
        .join(Member, col(Member.id) == col(Selection.project_id))
        .join(Token, col(Token.member_id) == col(Member.id))
        .where(Selection.id == ident)
    )
    for selection, project, token in session.exec(query):
        may_ask = {*project.roles}.intersection(OPERATIONS[Operation.SELECT].roles)
        if may_ask and is_live(token.expires_at, token.revoked_at, now):
            return selection
    return None


def finish(
    session: Session,
    selection: Selection,
    files: Iterable[SelectionFile],
    counts: tuple[int, int, int],
    *,
    now: datetime,
) -> None:
    """Says that the files are there: how many rows, subjects, and rows that are withheld."""
    move(session, selection, State.READY)
    selection.row_count, selection.subject_count, selection.withheld_count = counts
    selection.made_at, selection.problem = now, None
    selection.expires_at = selection.expires_at or now + research.KEPT
    session.add_all(files)


def end(session: Session, some: Iterable[Selection], to: State) -> None:
    """Moves what is still ready, as it was seen to be: over, or to be made anew."""
    for seen in some:
        now = session.get_one(Selection, seen.id)
        if (now.state, now.generation) == (State.READY, seen.generation):
            move(session, now, to)


def kept(session: Session) -> set[str]:
    """Those of which there may be files."""
    live = col(Selection.state).in_(_LIVE)
    return set(session.scalars(sa.select(col(Selection.id)).where(live)))
