"""Selections: everything that fits a filter, for researchers, without anybody in it."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import Field

from api.reads.fields import Condition, Read, Row, rows_of
from api.reads.nodes import All, One, Page
from api.reads.texts import literal
from api.reads.values import Argument
from api.schema.declaring import sql
from api.schema.nodes import Node
from governance.fields import Long, Shape
from governance.rules.research import FEWEST
from governance.selections import Selection as SelectionRow
from governance.selections import SelectionFile as FileRow
from governance.words import ExportFormat, SelectionState


@strawberry.pydantic.type(description="One file of a selection that is ready")
class SelectionFile(Shape):
    format: ExportFormat = Field(description="The form that its rows come in")
    sha256: str = Field(description="SHA-256 of the file, as hex")
    byte_count: Long = Field(description="Size of the file in bytes")

    @sql(str, "A signed link on this node, good for a day")
    def url(row: Row, read: Read) -> Any:
        return read.sealed("link", row.selection_id, sa.type_coerce(row.format, sa.Text()))


@strawberry.pydantic.type(description="Everything that fits a filter, under pseudonyms")
class Selection(Node):
    id: strawberry.ID = Field(description="Global id, prefixed sel_")
    state: SelectionState = Field(description="How far it has come")
    requested_at: datetime = Field(description="When the project asked for it")
    as_of: datetime = Field(description="The instant that its rows are true of")
    generation: int = Field(description="How often it was made anew after an erasure")
    made_at: datetime | None = Field(description="When its files were made; null until then")
    expires_at: datetime | None = Field(description="When its files go; null until they are made")
    problem: str | None = Field(description="What keeps it from being made")

    @sql(float, "How much of it is done, from 0 to 1")
    def progress(row: Row, read: Read) -> Any:
        done = sa.type_coerce(row.state, sa.Text()) == sa.literal_column("'READY'")
        all_rows = sa.func.nullif(row.rows_to_read, sa.literal_column("0"))
        most: sa.ColumnElement[Any] = sa.literal_column("0.6")  # then it is grouped and written
        share = row.rows_read * most / all_rows
        least = sa.case((share > most, most), else_=share)
        part = sa.func.round(sa.cast(sa.func.coalesce(least, 0), sa.Numeric()), 3)
        return sa.case((done, sa.literal_column("1.0")), else_=part)

    @sql(Long | None, "Rows in it; null below ten")
    def row_count(row: Row, read: Read) -> Any:
        return _shown(row.row_count)

    @sql(Long | None, "Subjects in it; null below ten")
    def subject_count(row: Row, read: Read) -> Any:
        return _shown(row.subject_count)

    @sql(Long | None, "Rows that fit, but that too few subjects share; null below ten")
    def withheld_count(row: Row, read: Read) -> Any:
        return _shown(row.withheld_count)

    @sql(list[SelectionFile], "Its files, once it is ready")
    def files(row: Row, read: Read) -> Any:
        found = rows_of(FileRow)
        return All(SelectionFile, found, [found.c.selection_id == row.id], [found.c.format])

    @sql(str | None, "A link to the signed manifest of its files")
    def manifest_url(row: Row, read: Read) -> Any:
        ready = sa.type_coerce(row.state, sa.Text()) == sa.literal_column("'READY'")
        return sa.case((ready, read.sealed("link", row.id, literal("manifest"))))


def _shown(count: sa.ColumnElement[int]) -> sa.ColumnElement[Any]:
    """The twin of `rules.research.shown`."""
    return sa.case((count >= sa.literal_column(str(FEWEST)), count))


def own(row: Row, read: Read) -> Condition:
    """Whether the selection is the asking project's."""
    return sa.and_(row.project_id == read.project_id)


def selections_of(read: Read, paging: dict[str, Argument]) -> Page:
    """The own project's, newest first."""
    found = rows_of(SelectionRow)
    keys = found.c.requested_at, found.c.id
    return Page(Selection, found, keys, paging, [own(found.c, read)])


def selection_by_id(ident: sa.ColumnElement[str], read: Read) -> One:
    found = rows_of(SelectionRow)
    return One(Selection, found, [found.c.id == ident, own(found.c, read)])
