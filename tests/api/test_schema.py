"""The schema as it is published: described throughout, committed, and true of the tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
)
from sqlmodel import SQLModel

from api.schema.build import methods, schema, sdl
from governance.adoptions import Receipt
from governance.appeals import Appeal, AppealMessage
from governance.events import Event
from governance.exporting.files import ExportFile
from governance.peers import Peer, PeerFork
from governance.platforms import Platform, PlatformKey
from governance.reporting import Report
from governance.sanctions import Sanction
from governance.selections import Selection, SelectionFile

COMMITTED = Path(__file__).parents[2] / "schema.graphql"
# Types whose fields are columns of a table, where no method says otherwise.
TABLES: dict[str, type[SQLModel]] = {
    "Sanction": Sanction,
    "Appeal": Appeal,
    "AppealMessage": AppealMessage,
    "Platform": Platform,
    "SigningKey": PlatformKey,
    "Receipt": Receipt,
    "Event": Event,
    "Peer": Peer,
    "Fork": PeerFork,
    "Export": ExportFile,
    "Selection": Selection,
    "SelectionFile": SelectionFile,
    "PublishedReport": Report,
}
# Types whose fields are columns that a select brings along.
SELECTED = {"SuspensionStatus", "Policy", "PolicyReference", "LadderAdvice", "StatisticsRow"}


def elements() -> Iterator[tuple[str, str | None]]:
    """Every element of the schema that can be described, by its place."""
    for kind in schema().type_map.values():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        yield kind.name, kind.description
        if isinstance(kind, GraphQLEnumType):
            for name, value in kind.values.items():
                yield f"{kind.name}.{name}", value.description
        if isinstance(kind, GraphQLInputObjectType):
            for name, part in kind.fields.items():
                yield f"{kind.name}.{name}", part.description
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in kind.fields.items():
                yield f"{kind.name}.{name}", field.description
                for argument, given in field.args.items():
                    yield f"{kind.name}.{name}({argument})", given.description


ELEMENTS = dict(elements())


def test_every_element_is_described_in_a_few_words() -> None:
    counts = {place: len((text or "").split()) for place, text in ELEMENTS.items()}
    assert {place: n for place, n in counts.items() if not 2 <= n <= 14} == {}
    assert len(counts) > 400


def test_no_description_ends_with_a_full_stop() -> None:
    assert [place for place, text in ELEMENTS.items() if (text or "").endswith(".")] == []


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert COMMITTED.read_text() == sdl()


@pytest.mark.parametrize("name", TABLES)
def test_a_field_that_is_never_null_is_a_column_that_is_never_null(name: str) -> None:
    kind = schema().type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    columns = TABLES[name].__table__.columns  # type: ignore[attr-defined]
    read = {field: methods()[name, field] for field in kind.fields}
    plain = {field: columns[column] for field, column in read.items() if isinstance(column, str)}
    assert plain
    for field, column in plain.items():
        assert isinstance(kind.fields[field].type, GraphQLNonNull) is not column.nullable, field


def test_every_field_that_is_read_is_a_column_or_a_method() -> None:
    """The tables above are all there are."""
    plain = {kind for (kind, _), method in methods().items() if isinstance(method, str)}
    by_python = {
        "Refusal",
        "PageInfo",
        "SubjectErased",
        "NoticeRecorded",
        "SanctionsIssued",
        "Checkpoint",
        "AppealFacet",
        "Facet",
        "Log",
        "LogEntry",
        "Statistics",
        "TransparencyReport",
        "ReportRow",
        "Mutation",
        "Query",
    }
    by_pages = {name for name in plain if name.endswith(("Edge", "Connection", "EventPage"))}
    assert plain <= {*TABLES, *SELECTED, *by_python, *by_pages, "Proof"}


def test_every_mutation_takes_one_input_and_answers_a_result() -> None:
    mutation = schema().mutation_type
    assert mutation is not None
    for name, field in mutation.fields.items():
        assert list(field.args) == ["input"], name
        assert isinstance(field.args["input"].type, GraphQLNonNull)
        assert isinstance(field.type, GraphQLNonNull)
        result = get_named_type(field.type).name
        assert result.endswith("Result") or result == "SanctionsIssued"


def test_every_list_that_can_grow_is_a_connection() -> None:
    for kind in schema().type_map.values():
        if isinstance(kind, GraphQLObjectType) and kind.name.endswith("Connection"):
            totals = {"totalCount", "isTotalCountEstimated"}
            assert set(kind.fields) == {"edges", "nodes", "pageInfo", *totals}
