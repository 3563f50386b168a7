"""Suspension status, the main job: is this subject suspended, until when, by whom."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import Field
from sqlalchemy.sql.selectable import FromClause

from api.reads.fields import (
    LAST,
    Condition,
    Read,
    Row,
    getter,
    instant_of,
    is_any_of,
    rows_of,
    value_from,
)
from api.reads.nodes import All, One
from api.reads.values import Argument, Env
from api.schema.declaring import sql
from api.schema.peers import stale_peers
from api.schema.sanctions import Sanction, binds, is_in_force, sanctions_of
from api.schema.subjects import asked, batch
from api.schema.visible import sees_subject
from governance.fields import URI, Shape, UTCDateTime
from governance.rules.policy import SUSPENSIONS
from governance.sanctions import SubjectKey

MOST_SUBJECTS = 1_000
ENDLESS = sa.literal(LAST, UTCDateTime())  # an end that no sanction has


@strawberry.pydantic.type(
    description="Whether a subject is suspended, as far as the caller may see"
)
class SuspensionStatus(Shape):
    subject: URI = Field(description="The subject, as its canonical URI")
    as_of: datetime = Field(description="The instant this is true of")

    @sql(bool, "Whether any suspension is in force")
    def is_suspended(row: Row, read: Read) -> Any:
        return row.latest.is_not(None)

    @sql(bool, "Whether one of them has no end")
    def is_permanent(row: Row, read: Read) -> Any:
        return row.latest == ENDLESS

    @sql(datetime | None, "The latest end of those; null if permanent")
    def until(row: Row, read: Read) -> Any:
        return sa.func.nullif(row.latest, ENDLESS, type_=UTCDateTime())

    @sql(list[Sanction], "The suspensions in force, by their end")
    def sanctions(row: Row, read: Read) -> Any:
        source, found, where = _in_force(row.key, read)
        order = [found.ends_at.is_not(None), found.ends_at.desc(), found.id]
        return All(Sanction, source, [where], order, only_if=row.latest.is_not(None), row=found)

    @sql(list[str], "Origins of followed nodes whose news is late")
    def stale_peers(row: Row, read: Read) -> Any:
        return stale_peers(read)


def status_of(read: Read, subject: Argument, kind: Argument, at: Argument) -> One:
    """The status of one subject, now or at another instant."""
    asking = read if at is None else read.at(instant_of(at, "at"))
    subject_of, kind_of = getter(subject), getter(kind)

    def pair(env: Env) -> tuple[str, str]:
        if pair not in env.found:
            env.found[pair] = asked(env, subject_of(env), kind_of(env))
        known: tuple[str, str] = env.found[pair]
        return known

    key = read.bound(lambda env: pair(env)[1], sa.Text())
    row = sa.select(
        read.bound(lambda env: pair(env)[0], sa.Text()).label("subject"),
        key.label("key"),
        asking.now.label("as_of"),
        _latest(key, asking),
    )
    return One(SuspensionStatus, read.dialect.once(row), read=asking)


def statuses_of(read: Read, subjects: Argument) -> All:
    """The status of many subjects, in the order asked."""
    pairs = read.rows(batch(subjects, MOST_SUBJECTS), "subject", "key")
    latest = _latest(pairs.c.key, read)
    source = read.dialect.once(sa.select(pairs, read.now.label("as_of"), latest))
    is_asked = source.c.subject.is_not(None)
    return All(SuspensionStatus, source, order=[source.c.ord], present=is_asked)


def _latest(key: sa.ColumnElement[str], read: Read) -> sa.Label[datetime]:
    """The latest end of the subject's suspensions in force, ENDLESS of one without any; null where
    there are none."""
    source, found, where = _in_force(key, read)
    is_permanent = sa.func.count(found.id) > sa.func.count(found.ends_at)
    latest = sa.func.max(sa.type_coerce(found.ends_at, UTCDateTime()))
    return value_from(source, sa.case((is_permanent, ENDLESS), else_=latest), where).label("latest")


def _in_force(key: sa.ColumnElement[str], read: Read) -> tuple[FromClause, Row, Condition]:
    """A subject's suspensions in force: where they come from, their columns, the condition."""
    keyed, source = rows_of(SubjectKey), sanctions_of(read)
    held = sa.join(keyed, source, source.c.id == keyed.c.sanction_id)
    return held, source.c, sa.and_(keyed.c.key == key, *_counts(source.c, read))


def _counts(found: Row, read: Read) -> list[Condition]:
    """Whether a sanction counts in the status that this viewer sees."""
    # An expression, or SQLite would begin with every suspension there is.
    is_suspension = is_any_of(sa.type_coerce(found.measure, sa.Text()).concat(""), SUSPENSIONS)
    return [is_suspension, binds(found, read), is_in_force(found, read), sees_subject(found, read)]
