"""Rows written many at once are those that the ORM writes, column by column, on both engines."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from governance.entries import LogTile
from governance.rows import AT_ONCE, FEWEST_COPIED, insert, made
from governance.sanctions import Disclosure, Note, Sanction
from governance.vocabulary import Category, Keyword
from governance.words import Automation, Ground, Measure, Source
from tests.builders import MICRO, NOW, World, examples

AWKWARD = ("", r"\N", "\\.", "a\tb\\t", "line\r\nbreak", "\x7f", "ü", "€'\"%s?", "x" * 300)


def rows(world: World, disclosures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the database has after they were written, each for a sanction of its own."""
    platform = world.team().platform.id
    with world.database.writing() as session:
        found = [
            made(
                Sanction,
                id=f"{platform}{number}",
                platform_id=platform,
                measure=Measure.WARNING,
                ground=Ground.ILLEGAL_CONTENT,
                category=Category.VIOLENCE,
                keywords=[Keyword.OTHER] * (number % 3),
                expires_at=None if number % 2 else datetime.max.replace(tzinfo=UTC),
                conduct_from=datetime(1, 1, 1, tzinfo=UTC),
                is_automated_detection=number % 2 == 0,
                automation=Automation.FULLY,
                source=Source.NOTICE,
                territorial_scope=["DE", "FR"],
                subject_kind="ACCOUNT",
                issued_at=NOW + MICRO,
                effective_at=NOW - timedelta(days=number),
                reference_key=f"{platform}{number}",
                recorded_at=NOW,
            )
            for number in range(len(disclosures))
        ]
        held = [
            made(Disclosure, sanction_id=one.id, **values)
            for one, values in zip(found, disclosures, strict=True)
        ]
        insert(session, Sanction, list(map(vars, found)))
        insert(session, Disclosure, list(map(vars, held)))
    with world.database.reading() as session:
        for one in found:
            stored = session.get_one(Sanction, one.id)
            assert {name: getattr(stored, name) for name in vars(one)} == vars(one)
        query = select(Disclosure).where(col(Disclosure.sanction_id).startswith(platform))
        return [
            row.model_dump(exclude={"sanction_id"})
            for row in sorted(session.exec(query), key=lambda row: int(row.sanction_id[30:]))
        ]


@examples(8)
@given(
    texts=st.lists(st.sampled_from(AWKWARD) | st.text(st.characters(exclude_categories=["Cs"],
        exclude_characters="\0")), min_size=1, max_size=5),
    is_many=st.booleans(),
)  # fmt: skip
def test_every_text_comes_back(world: World, texts: list[str], is_many: bool) -> None:
    given = [
        {
            "seed": bytes([number % 256]) * 32,
            "subject": text,
            "aliases": [text] * (number % 3),
            "lookup_keys": [text] * (number % 2),
            "reason": text or None,
            "policy_reference": {"rule": text, "url": None} if number % 2 else None,
        }
        for number, text in enumerate(texts * (FEWEST_COPIED if is_many else 1))
    ]
    blank = dict.fromkeys(Disclosure.model_fields.keys() - {"sanction_id"})
    assert rows(world, given) == [blank | one for one in given]


def test_nothing_is_written_of_no_rows(world: World) -> None:
    before = world.snapshot()
    with world.database.writing() as session:
        insert(session, Disclosure, [])
    assert world.snapshot() == before


@pytest.mark.parametrize("count", [1, FEWEST_COPIED])
def test_what_the_database_refuses_is_an_error_like_others(world: World, count: int) -> None:
    row = vars(made(Note, id="n", sanction_id="nobody", event="x", text="y", at=NOW))
    with pytest.raises(sa.exc.DBAPIError), world.database.writing() as session:
        insert(session, Note, [row] * count)


@pytest.mark.parametrize("count", [AT_ONCE, 2 * AT_ONCE + 1])
def test_none_are_left_of_rows_of_which_one_is_refused(world: World, count: int) -> None:
    before = world.snapshot()
    rows = [vars(made(LogTile, level=0, index=n, hashes=b"x")) for n in range(count)]
    with pytest.raises(sa.exc.DBAPIError), world.database.writing() as session:
        insert(session, LogTile, [*rows, rows[0]])
    assert world.snapshot() == before
    with world.database.writing() as session:
        insert(session, LogTile, rows)
    with world.database.reading() as session:
        stored = session.exec(select(LogTile).order_by(col(LogTile.index))).all()
        assert [one.model_dump() for one in stored] == rows
