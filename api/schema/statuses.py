"""Suspension status, the main job: is this subject suspended, until when, by whom."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import BaseModel, Field
from sqlalchemy.sql.selectable import FromClause

from api.reads.fields import All, One, Read, Row, instant_of, is_any_of, rows_of, sql
from api.reads.values import Argument, Env, Getter
from api.schema.sanctions import Sanction, is_in_force, known_at
from api.schema.subjects import asked, batch
from api.schema.visible import sees_subject
from governance.fields import URI, UTCDateTime
from governance.records import sanctions
from governance.rules.policy import SUSPENSIONS
from governance.sanctions import SubjectKey

MOST_SUBJECTS = 1_000


@strawberry.pydantic.type(
    description="Whether a subject is suspended, as far as the caller may see"
)
class SuspensionStatus(BaseModel):
    subject: URI = Field(description="The subject, as its canonical URI")
    is_suspended: bool = Field(description="Whether any suspension is in force")
    is_permanent: bool = Field(description="Whether one of them has no end")
    until: datetime | None = Field(description="The latest end of those; null if permanent")
    as_of: datetime = Field(description="The instant this is true of")

    @sql(list[Sanction], "The suspensions in force, by their end")
    def sanctions(row: Row, read: Read) -> Any:
        read, source = _as_asked(read)
        found = source.c
        held = [*_binds(found, row.key, read)]
        order = [found.ends_at.is_not(None), found.ends_at.desc(), found.id]
        return All(Sanction, source, held, order, read=read)

    @sql(list[str], "Origins of followed nodes whose news is late")
    def stale_peers(row: Row, read: Read) -> Any:
        return sa.literal_column("'[]'", sa.Text())


def status_of(read: Read, subject: Argument, kind: Argument, at: Argument) -> One:
    """The status of one subject, now or at another instant."""
    subject_of = asked_once(subject, kind)
    pair = sa.select(
        sa.literal_column("0").label("ord"),
        read.bound(lambda env: subject_of(env)[0], sa.Text()).label("subject"),
        read.bound(lambda env: subject_of(env)[1], sa.Text()).label("key"),
    ).subquery()
    asking = read if at is None else _asking(read, instant_of(at, "at"))
    return One(SuspensionStatus, _statuses(asking, pair), read=asking)


def statuses_of(read: Read, subjects: Argument) -> All:
    """The status of many subjects, in the order asked."""
    pairs = read.rows(batch(subjects, MOST_SUBJECTS), "subject", "key")
    source = _statuses(read, pairs)
    return All(
        SuspensionStatus, source, order=[source.c.ord], present=source.c.subject.is_not(None)
    )


def asked_once(subject: Argument, kind: Argument) -> Getter:
    from api.reads.fields import getter

    return lambda env: asked(env, getter(subject)(env), getter(kind)(env))


class _Asking(Read):
    """A Read of another instant: knows what was known then."""

    __slots__ = ()


def _asking(read: Read, instant: Getter) -> Read:
    return _Asking(read.dialect, read.viewer, read.binds, instant)


def _as_asked(read: Read) -> tuple[Read, FromClause]:
    """The sanctions to look among: as they are, or as they were known at the instant asked."""
    if not isinstance(read, _Asking):
        return read, rows_of(sanctions.Sanction)

    def known(env: Env) -> datetime:
        asked: datetime = read.clock(env)
        return min(asked, env.now)

    return read, known_at(read, read.bound(known, UTCDateTime()))


def _statuses(read: Read, pairs: FromClause) -> sa.Subquery:
    """One row a subject: the union of its suspensions in force that the viewer may see."""
    _, source = _as_asked(read)
    found = source.c
    asked_for = rows_of(SubjectKey)
    held = sa.join(asked_for, source, found.id == asked_for.c.sanction_id)
    held_rows = (
        sa.select(asked_for.c.key.label("key"), found.ends_at.label("ends_at"))
        .select_from(held)
        .where(*_is_counted(found, read), sees_subject(found, read))
        .subquery()
    )
    count = sa.func.count(held_rows.c.key)
    is_permanent = count > sa.func.count(held_rows.c.ends_at)
    latest = sa.func.max(sa.type_coerce(held_rows.c.ends_at, UTCDateTime()))
    return (
        sa.select(
            pairs.c.ord,
            pairs.c.subject,
            pairs.c.key,
            (count > 0).label("is_suspended"),
            is_permanent.label("is_permanent"),
            sa.type_coerce(sa.case((is_permanent, None), else_=latest), UTCDateTime()).label(
                "until"
            ),
            read.now.label("as_of"),
        )
        .select_from(sa.outerjoin(pairs, held_rows, held_rows.c.key == pairs.c.key))
        .group_by(pairs.c.ord, pairs.c.subject, pairs.c.key)
        .subquery()
    )


def _is_counted(found: Row, read: Read) -> list[sa.ColumnElement[bool]]:
    return [is_any_of(found.measure, SUSPENSIONS), found.is_binding, is_in_force(found, read)]


def _binds(found: Row, key: Any, read: Read) -> list[sa.ColumnElement[bool]]:
    keyed = rows_of(SubjectKey)
    # IN, not EXISTS: both engines then begin with the key, not with every sanction.
    ids = sa.select(keyed.c.sanction_id).where(keyed.c.key == key).correlate_except(keyed)
    return [found.id.in_(ids), *_is_counted(found, read), sees_subject(found, read)]
