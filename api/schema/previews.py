"""What issuing a sanction would come to, without issuing it."""

from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
import strawberry.pydantic
from pydantic import Field

from api.reads.fields import Read, Row, is_any_of, rows_of
from api.reads.nodes import All, One
from api.schema.declaring import sql
from api.schema.nodes import Refusal
from api.schema.sanctions import Sanction, binds, has_ended
from api.schema.visible import sees_subject
from governance.fields import Long, Shape, UTCDateTime, print_instant
from governance.previewing import Preview
from governance.records import sanctions
from governance.rules.policy import SUSPENSIONS
from governance.sanctions import SubjectKey

# What Python brings besides the payload's row, by name; each a list of rows of text.
Given = dict[str, list[list[str | None]]]


@strawberry.pydantic.type(description="The ladder's advice to the own platform, never binding")
class LadderAdvice(Shape):
    seconds: Long = Field(description="How long the next time-out might be")

    @sql(list[Sanction], "The own suspensions it rests on, oldest first")
    def basis(row: Row, read: Read) -> Any:
        found, given = rows_of(sanctions.Sanction), _given(read, "basis", "id")
        where = [found.c.id.in_(sa.select(given.c.id))]
        return All(Sanction, found, where, [found.c.issued_at, found.c.id])


@strawberry.pydantic.type(description="What issuing a sanction would come to; nothing is written")
class SanctionPreview(Shape):
    @sql(bool, "Whether it would be issued, or was before with this body")
    def is_accepted(row: Row, read: Read) -> Any:
        return sa.not_(sa.exists(sa.select(_given(read, "refusal", "code").c.code)))

    @sql(Refusal | None, "Why it would be refused")
    def refusal(row: Row, read: Read) -> Any:
        return One(Refusal, _given(read, "refusal", "code", "message", "path"))

    @sql(datetime | None, "When it would begin; null while it needs an approval")
    def starts_at(row: Row, read: Read) -> Any:
        return _instant(read, "starts_at")

    @sql(datetime | None, "When it would end by itself")
    def expires_at(row: Row, read: Read) -> Any:
        return _instant(read, "expires_at")

    @sql(Sanction | None, "What the same body was issued as before; a retry answers it")
    def issued_before(row: Row, read: Read) -> Any:
        return _one(read, "retried")

    @sql(Sanction | None, "The sanction that it would take the place of")
    def ends(row: Row, read: Read) -> Any:
        return _one(read, "ends")

    @sql(list[Sanction], "Suspensions that bind the subject, by whomever, and would overlap")
    def overlaps(row: Row, read: Read) -> Any:
        found, keyed = rows_of(sanctions.Sanction), rows_of(SubjectKey)
        keys, span = _given(read, "keys", "key"), _given(read, "span", "start", "end")
        ids = sa.select(keyed.c.sanction_id).where(keyed.c.key.in_(sa.select(keys.c.key)))
        start, end = (
            sa.select(sa.cast(part, UTCDateTime())).scalar_subquery()
            for part in (span.c.start, span.c.end)
        )
        where = [
            found.c.id.in_(ids),
            binds(found.c, read),
            is_any_of(found.c.measure, SUSPENSIONS),
            sa.not_(has_ended(found.c, read)),
            sa.or_(found.c.ends_at.is_(None), found.c.ends_at > start),
            sa.or_(end.is_(None), found.c.effective_at < end),
            sees_subject(found.c, read),
        ]
        return All(Sanction, found, where, [found.c.effective_at, found.c.id])

    @sql(str | None, "With a signature's seed and instant: canonical JSON to be signed")
    def decision(row: Row, read: Read) -> Any:
        return sa.select(_given(read, "decision", "json").c.json).scalar_subquery()

    @sql(LadderAdvice | None, "How long the ladder would have it; null for content")
    def advice(row: Row, read: Read) -> Any:
        given = _given(read, "advice", "seconds")
        return One(LadderAdvice, given)


def given_of(told: Preview) -> Given:
    """A preview as the rows that its fields read."""
    given: Given = {"keys": [[key] for key in told.keys], "basis": [[i] for i in told.basis]}
    if told.refusal is not None:
        path = [str(part) for part in ("input", *told.refusal.path)] if told.refusal.path else None
        shown = orjson.dumps(path).decode() if path else None
        given["refusal"] = [[told.refusal.code.value, told.refusal.message, shown]]
    if told.span is not None:
        start, end = told.span
        given["span"] = [[print_instant(start), print_instant(end) if end else None]]
    if told.advice is not None:
        given["advice"] = [[str(int(told.advice.total_seconds()))]]
    if told.sanction is not None:
        instants = told.sanction.starts_at, told.sanction.expires_at
        given["instants"] = [[print_instant(i) if i else None for i in instants]]
    given["decision"] = [[told.decision]] if told.decision else []
    given["retried"] = [[told.retried_id]] if told.retried_id else []
    given["ends"] = [[told.ends_id]] if told.ends_id else []
    return given


def _given(read: Read, name: str, *columns: str) -> Any:
    return read.rows(lambda env: env.given.get(name, []), *columns)


def _one(read: Read, name: str) -> One:
    found, given = rows_of(sanctions.Sanction), _given(read, name, "id")
    return One(Sanction, found, [found.c.id.in_(sa.select(given.c.id))])


def _instant(read: Read, name: str) -> Any:
    given = _given(read, "instants", "starts_at", "expires_at")
    return sa.select(sa.cast(given.c[name], UTCDateTime())).scalar_subquery()
