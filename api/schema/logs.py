"""The decision log, for those who would rather ask than fetch tiles. Trust needs neither."""

from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import Field
from sqlmodel import col

from api.reads.fields import Read, Row, rows_of
from api.reads.nodes import All, One
from api.reads.texts import literal, whole_number
from api.reads.values import Argument
from api.schema.declaring import argument, sql
from governance.entries import LogCheckpoint
from governance.entries import LogEntry as EntryRow
from governance.fields import Long, Shape
from governance.log.histories import LOG_BEGUN
from governance.publishing import IS_PUBLISHED


@strawberry.pydantic.type(description="An entry of the decision log")
class LogEntry(Shape):
    index: Long = Field(description="Place in the log, from zero")
    data: str = Field(description="The entry's bytes as they were logged")

    @sql(str, "RFC 6962 leaf hash, base64")
    def leaf_hash(row: Row, read: Read) -> Any:
        return read.sealed("leafHash", row.index)

    @sql(str | None, "The platform's key that signed it; null where the node vouches")
    def signed_by(row: Row, read: Read) -> Any:
        return read.dialect.json_of(row.data)["signature"]["key"].as_string()

    @sql(bool, "Whether it is in the newest published checkpoint")
    def is_published(row: Row, read: Read) -> Any:
        return row.index < sa.func.coalesce(_published_size(), 0)

    @sql(str, "Proof file that it is in the log; once published, cosigned (C2SP tlog-proof)")
    def proof(row: Row, read: Read) -> Any:
        return read.sealed("proof", row.index)


@strawberry.pydantic.type(description="A Merkle proof")
class Proof(Shape):
    hashes: list[str] = Field(description="Hashes of the proof in order, base64")


@strawberry.pydantic.type(description="A published tree of the log, as it was signed")
class Checkpoint(Shape):
    size: Long = Field(description="Number of entries")
    root_hash: str = Field(description="Root of the Merkle tree, base64")
    logged_at: datetime = Field(description="When its newest entry was logged")

    @sql(str, "The signed note, with its cosignatures")
    def note(row: Row, read: Read) -> Any:
        return row.note + row.cosignatures


@strawberry.pydantic.type(description="The node's decision log")
class Log(Shape):
    origin: str = Field(description="Name of the log, as checkpoints print it")
    size: Long = Field(description="Number of entries")
    root_hash: str = Field(description="Root of the Merkle tree, base64")

    @sql(str, "The newest published checkpoint, a signed note with its cosignatures")
    def checkpoint(row: Row, read: Read) -> Any:
        return row.note + row.cosignatures

    @sql(
        list[Checkpoint],
        "Up to 50 published checkpoints, the newest first",
        smaller_than=argument(Long | None, "Those of fewer entries than this alone"),
    )
    def checkpoints(row: Row, read: Read, smaller_than: Argument) -> Any:
        found = rows_of(LogCheckpoint)
        chosen = sa.select(found).where(found.c.cosignatures.is_not(None))
        if smaller_than is not None:
            chosen = chosen.where(found.c.size < read.number(smaller_than))
        newest = chosen.order_by(found.c.size.desc()).limit(whole_number(50)).subquery()
        return All(Checkpoint, newest, order=[newest.c.size.desc()])

    @sql(str | None, "Last checkpoint of the log that this one took the place of")
    def closed(row: Row, read: Read) -> Any:
        found = rows_of(EntryRow)
        is_own = found.c.platform_id.is_(None)
        begins = found.c.data.contains(literal(f'"type":"{LOG_BEGUN}"'))
        told = read.dialect.json_of(found.c.data)["decision"]["checkpoint"].as_string()
        newest = sa.select(told).where(is_own, begins).order_by(found.c["index"].desc())
        return newest.limit(whole_number(1)).scalar_subquery()

    @sql(LogEntry | None, "One entry by its place", index=argument(Long, "Place of the entry"))
    def entry(row: Row, read: Read, index: Argument) -> Any:
        return entry_at(read.number(index))

    @sql(
        Proof | None,
        "Proof that an entry is in a tree; null outside the log",
        index=argument(Long, "Place of the entry"),
        size=argument(Long, "Size of the tree"),
    )
    def inclusion_proof(row: Row, read: Read, index: Argument, size: Argument) -> Any:
        leaf, leaves = read.number(index), read.number(size)
        hashes = read.sealed("inclusion", leaf, leaves)
        return _proof(hashes, leaf >= 0, leaf < leaves, leaves <= row.size)

    @sql(
        Proof | None,
        "Proof that one tree is the beginning of another; null outside the log",
        from_=Annotated[
            Long, strawberry.argument(name="from", description="Size of the older tree")
        ],
        to=argument(Long, "Size of the newer tree"),
    )
    def consistency_proof(row: Row, read: Read, from_: Argument, to: Argument) -> Any:
        old, new = read.number(from_), read.number(to)
        hashes = read.sealed("consistency", old, new)
        return _proof(hashes, old > 0, old <= new, new <= row.size)


def newest_log() -> One:
    """The log as its newest published checkpoint says it; null while none is."""
    found = rows_of(LogCheckpoint)
    return One(Log, found, [found.c.size == _published_size()])


def entry_at(place: sa.ColumnElement[int]) -> One:
    """The entry at a place."""
    found = rows_of(EntryRow)
    return One(LogEntry, found, [found.c["index"] == place])


def _published_size() -> sa.ScalarSelect[int]:
    return sa.select(sa.func.max(col(LogCheckpoint.size))).where(IS_PUBLISHED).scalar_subquery()


def _proof(hashes: sa.ColumnElement[str], *within: sa.ColumnElement[bool]) -> One:
    source = sa.select(hashes.label("hashes")).subquery()
    return One(Proof, source, within)
