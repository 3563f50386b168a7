"""What can be followed: each event once it is committed, and from any place in the past."""

from typing import Any

import strawberry.pydantic

from api.reads.fields import Read, Row, rows_of
from api.reads.nodes import Following
from api.reads.values import Argument
from api.schema.declaring import argument, sql
from api.schema.feed import Event, EventFilter, happened
from governance.fields import Cursor, Shape
from governance.records import events


@strawberry.pydantic.type(description="What can be followed while it happens")
class Subscription(Shape):
    @sql(
        Event,
        "Each event in the order of commits, from any place on",
        after=argument(Cursor | None, "Cursor to go on after; from the beginning if left out"),
        filter=argument(EventFilter | None, "Which events; all if left out"),
    )
    def events(row: Row, read: Read, after: Argument, filter: Argument) -> Any:  # noqa: A002
        found = rows_of(events.Event)
        return Following(Event, found, found.c.position, happened(found.c, read, filter))
