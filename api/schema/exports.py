"""Exports: files of each day, which anyone may fetch and prove."""

from typing import Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import Field

from api.reads.fields import Read, Row, rows_of
from api.reads.nodes import Page
from api.reads.texts import concatenated, literal
from api.reads.values import Argument
from api.schema.declaring import sql
from api.schema.nodes import Node
from governance.exporting.files import ExportFile
from governance.fields import Long
from governance.words import ExportFormat


@strawberry.pydantic.type(description="One file of a day's export, provable against the log")
class Export(Node):
    id: strawberry.ID = Field(description="Global id, prefixed exp_")
    day: str = Field(description="The UTC day whose entries it has, such as 2026-03-01")
    dataset: str = Field(description="What its rows are: statements, appeals, events, explanations")
    format: ExportFormat = Field(description="The form that its rows come in")
    sha256: str = Field(description="SHA-256 of the file, as hex")
    byte_count: Long = Field(description="Size of the file in bytes")
    row_count: Long = Field(description="How many rows it has")
    checkpoint_size: Long = Field(description="Size of the log's tree that it was made at")
    root_hash: str = Field(description="Root of that tree, base64")
    schema_version: int = Field(description="Version of its columns")

    @sql(str, "Where it is on this node, from /exports/ on")
    def url(row: Row, read: Read) -> Any:
        return concatenated(["/exports/", row.path])

    @sql(str, "Where the signed manifest is that names it")
    def manifest_url(row: Row, read: Read) -> Any:
        is_companion = row.dataset == sa.literal_column("'explanations'")
        ending = sa.case((is_companion, literal(".explanations.note")), else_=literal(".note"))
        return concatenated(["/exports/manifests/", row.day, ending])


def exports_of(paging: dict[str, Argument]) -> Page:
    """Every file of the node's export folder, newest day first."""
    found = rows_of(ExportFile)
    return Page(Export, found, (found.c.begins_at, found.c.id), paging)
