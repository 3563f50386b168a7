"""What several types share: Node, connections, refusals."""

from collections.abc import Mapping
from typing import Generic, TypeVar

import strawberry
import strawberry.pydantic
from pydantic import Field

import api.schema.enums  # noqa: F401  registers the enums
from api.schema.declaring import argument
from governance.errors import RefusalCode
from governance.fields import Shape

T = TypeVar("T")

PAGING: Mapping[str, object] = {
    "first": argument(int | None, "How many from the start, at most 1,000"),
    "after": argument(str | None, "Cursor to begin after"),
    "last": argument(int | None, "How many from the end, at most 1,000"),
    "before": argument(str | None, "Cursor to end before"),
}


@strawberry.pydantic.interface(description="Anything with a global id")
class Node(Shape):
    id: strawberry.ID = Field(description="Global id, prefixed by its kind")


@strawberry.type(description="Where a page lies in its connection")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follow after this page")
    has_previous_page: bool = strawberry.field(description="Whether more come before this page")
    start_cursor: str | None = strawberry.field(description="Cursor of the first edge")
    end_cursor: str | None = strawberry.field(description="Cursor of the last edge")


@strawberry.type(description="One item of a connection with its cursor")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Opaque place of this item in the connection")
    node: T = strawberry.field(description="The item itself")


@strawberry.type(description="A page of a list that can grow")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="Items with their cursors, in order")
    nodes: list[T] = strawberry.field(description="The items alone, in order")
    page_info: PageInfo = strawberry.field(description="Where this page lies")
    total_count: int = strawberry.field(
        description="How many items fit the filter in all, exact to 10,000"
    )
    is_total_count_estimated: bool = strawberry.field(
        description="Whether there are more than 10,000, so that totalCount is an estimate"
    )


@strawberry.type(description="Why something was refused; nothing was changed")
class Refusal:
    code: RefusalCode = strawberry.field(description="The reason, as a stable code")
    message: str = strawberry.field(description="What was got and what was expected")
    path: list[str] | None = strawberry.field(description="The input field concerned, if one is")
