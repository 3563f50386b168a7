"""Scalars of the schema. In inputs they take any string: drafts and reads check them, so that
one bad item of a batch is that item's refusal."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.types.scalar import ScalarDefinition

from governance.errors import InvalidInput
from governance.fields import URI, Cursor, Long


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise InvalidInput("expected a string")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**53) < value < 2**53:
        raise InvalidInput("expected a whole number between -2^53 and 2^53")
    return value


def _same(value: Any) -> Any:
    return value


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant, RFC 3339 with an offset; answered in UTC",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=_same,
        parse_value=_text,
    ),
    URI: strawberry.scalar(
        name="URI",
        description="A URI that names a subject or a place, RFC 3986",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3986",
        serialize=_same,
        parse_value=_text,
    ),
    Cursor: strawberry.scalar(
        name="Cursor",
        description="An opaque place in the feed; resumes anywhere, for good",
        specified_by_url="https://relay.dev/graphql/connections.htm#sec-Cursor",
        serialize=_same,
        parse_value=_text,
    ),
    Long: strawberry.scalar(
        name="Long",
        description="A whole number of up to 53 bits",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        serialize=_same,
        parse_value=_whole,
    ),
}
