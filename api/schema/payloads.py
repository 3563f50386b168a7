"""What mutations answer. Objects in it are read after the commit, through the selection."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
import strawberry.pydantic

from api.reads.fields import Read, Row, rows_of, value_from
from api.reads.nodes import One
from api.schema.appeals import Appeal
from api.schema.declaring import sql
from api.schema.logs import LogEntry, entry_at
from api.schema.nodes import Refusal
from api.schema.peers import Peer
from api.schema.platforms import SigningKey
from api.schema.receipts import Receipt
from api.schema.sanctions import Sanction
from api.schema.selections import Selection, selection_by_id
from governance.fields import Shape
from governance.peers import Peer as PeerRow
from governance.platforms import PlatformKey
from governance.records import adoptions, appeals, sanctions
from governance.words import NoticeOutcome

# The columns of a payload's row, as Python brings them.
ROW = ("id", "secret")


@strawberry.pydantic.type(description="A sanction that was issued or recorded")
class SanctionIssued(Shape):
    @sql(Sanction, "The sanction as it stands now")
    def sanction(row: Row, read: Read) -> Any:
        return _sanction(row)

    @sql(str | None, "For the subject; comes back on a retry until it was used")
    def appeal_secret(row: Row, read: Read) -> Any:
        return row.secret

    @sql(LogEntry | None, "Its place in the decision log")
    def log_entry(row: Row, read: Read) -> Any:
        begun = rows_of(sanctions.Sanction)
        return entry_at(value_from(begun, begun.c.first_entry, begun.c.id == row.id))


@strawberry.pydantic.type(description="A sanction that changed")
class SanctionChanged(Shape):
    @sql(Sanction, "The sanction as it stands now")
    def sanction(row: Row, read: Read) -> Any:
        return _sanction(row)


@strawberry.pydantic.type(description="An appeal that was filed or went on")
class AppealChanged(Shape):
    @sql(Appeal, "The appeal as it stands now")
    def appeal(row: Row, read: Read) -> Any:
        found = rows_of(appeals.Appeal)
        return One(Appeal, found, [found.c.id == row.id])

    @sql(str | None, "The next secret, after the first use of the one before")
    def appeal_secret(row: Row, read: Read) -> Any:
        return row.secret


@strawberry.pydantic.type(description="A key of the own platform that was registered or retired")
class KeyChanged(Shape):
    @sql(SigningKey, "The key as it stands now")
    def signing_key(row: Row, read: Read) -> Any:
        found = rows_of(PlatformKey)
        return One(SigningKey, found, [found.c.id == row.id])


@strawberry.pydantic.type(description="What a platform said it did with another's sanction")
class ReceiptRecorded(Shape):
    @sql(Receipt, "The receipt as it stands now")
    def receipt(row: Row, read: Read) -> Any:
        found = rows_of(adoptions.Receipt)
        return One(Receipt, found, [found.c.id == row.id])


@strawberry.pydantic.type(description="A node that is followed from now on")
class NodeFollowed(Shape):
    @sql(Peer, "The node as it stands now")
    def peer(row: Row, read: Read) -> Any:
        found = rows_of(PeerRow)
        return One(Peer, found, [found.c.origin == row.id])


@strawberry.pydantic.type(description="A selection that was asked for or given up")
class SelectionChanged(Shape):
    @sql(Selection, "The selection as it stands now")
    def selection(row: Row, read: Read) -> Any:
        return selection_by_id(row.id, read)


@strawberry.type(description="What became of telling the person")
class NoticeRecorded:
    notified_at: datetime | None = strawberry.field(
        description="When the person was told; null if undeliverable"
    )
    outcome: NoticeOutcome = strawberry.field(description="Whether the person was told")


@strawberry.type(description="What was erased of a subject")
class SubjectErased:
    erased_count: int = strawberry.field(description="Records whose disclosures are gone")
    deferred_count: int = strawberry.field(description="Records kept while an appeal is open")
    deferred_until: datetime | None = strawberry.field(
        description="When to ask again for the deferred ones"
    )


IssueSanctionResult = Annotated[
    SanctionIssued | Refusal,
    strawberry.union("IssueSanctionResult", description="The sanction issued, or why not"),
]


@strawberry.type(description="One result for each decision, in order")
class SanctionsIssued:
    issued_count: int = strawberry.field(description="How many exist now, retries included")
    refused_count: int = strawberry.field(description="How many were refused")
    results: list[IssueSanctionResult] = strawberry.field(
        description="What became of each decision, in order"
    )


def _sanction(row: Row) -> One:
    found = rows_of(sanctions.Sanction)
    return One(Sanction, found, [found.c.id == row.id])
