"""Canonical JSON: the reference's bytes for what a record may hold, a refusal for all else."""

import json
from collections import OrderedDict
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from governance.fields import print_instant
from governance.log.canonical import (
    DEEPEST,
    LARGEST_INTEGER,
    canonical,
    canonical_of_ours,
    parse_canonical,
)
from governance.log.errors import LogError, Malformed
from tests.governance.log.vectors import VECTORS

CASES = VECTORS / "rfc8785" / "testdata"
# The others have floats or keys outside ASCII, which no record of ours has.
OURS = {"arrays", "structures", "unicode"}

ASCII_KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
INTEGERS = st.integers(-LARGEST_INTEGER, LARGEST_INTEGER)
RECORDS = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(ASCII_KEYS, inner, max_size=8),
    max_leaves=30,
)


class Word(StrEnum):
    ONE = "ONE"


class Number(IntEnum):
    ONE = 1


def nested(depth: int) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.property
@given(RECORDS)
def test_the_fast_way_is_the_rfc8785_packages(record: object) -> None:
    assert canonical(record) == rfc8785.dumps(record)  # type: ignore[arg-type]


OURS_VALUES = st.recursive(
    st.booleans() | st.text(st.characters(exclude_categories=["Cs"])) | st.just(Word.ONE)
    | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(ASCII_KEYS, inner, max_size=8),
    max_leaves=30,
)  # fmt: skip


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return print_instant(value)
    return value.value if isinstance(value, Word) else value


@pytest.mark.property
@given(OURS_VALUES)
def test_what_is_of_our_own_types_is_written_the_same(record: object) -> None:
    assert canonical_of_ours(record, print_instant) == canonical(plain(record))


@pytest.mark.property
@given(RECORDS)
def test_records_are_read_back(record: object) -> None:
    assert parse_canonical(canonical(record)) == record


def test_every_character_is_written_as_the_rfc8785_package_does() -> None:
    for first in range(0, 0x110000, 4096):
        if not 0xD000 <= first < 0xE000:
            text = "".join(map(chr, range(first, first + 4096)))
            assert canonical(text) == rfc8785.dumps(text)


@pytest.mark.parametrize("name", sorted(path.stem for path in (CASES / "input").iterdir()))
def test_the_standards_own_vectors(name: str) -> None:
    expected = (CASES / "output" / f"{name}.json").read_bytes()
    record = json.loads((CASES / "input" / f"{name}.json").read_text(), parse_float=_whole)
    if name in OURS:
        assert canonical(record) == expected
        assert parse_canonical(expected) == record
    else:
        with pytest.raises(Malformed):
            canonical(record)
        with pytest.raises(Malformed):
            parse_canonical(expected)


def _whole(text: str) -> float | int:
    """56.0 is written 56, and a parser may well read an integer there."""
    number = float(text)
    return int(number) if number == 56 else number


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        2**53,
        -(2**53),
        2**64,
        "\ud800",
        {"é": 1},
        {1: 1},
        {None: 1},
        {Word.ONE: 1},
        (1, 2),
        {1},
        b"bytes",
        Word.ONE,
        Number.ONE,
        OrderedDict(a=1),
        UUID(int=0),
        datetime(2026, 11, 24, tzinfo=UTC),
        nested(DEEPEST + 1),
    ],
)
def test_what_no_record_holds_is_refused_at_any_depth(value: object) -> None:
    for record in (value, [value], {"a": [None, value]}):
        with pytest.raises(Malformed):
            canonical(record)


def test_the_deepest_record_and_the_largest_integers_are_written() -> None:
    assert canonical(nested(DEEPEST)) == b"[" * DEEPEST + b"0" + b"]" * DEEPEST
    assert canonical([2**53 - 1, 1 - 2**53]) == b"[9007199254740991,-9007199254740991]"


def test_a_record_within_itself_is_refused() -> None:
    record: list[object] = []
    record.append(record)
    with pytest.raises(Malformed):
        canonical(record)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1.0",
        b"1e3",
        b"-0",
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        rb'"\u0041"',
        rb'"\/"',
        rb'"\ud800"',
        b'"\xff"',
        b"NaN",
        b"9007199254740992",
        b"123456789012345678901234567890",
        b"[" * 100_000,
    ],
    ids=lambda data: repr(data[:20]),
)
def test_other_ways_to_write_it_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_canonical(data)


@given(st.one_of(st.binary(max_size=80), st.text('{}[]",:\\0123 eE.-utrnlsfa').map(str.encode)))
def test_bytes_are_refused_or_written_back(data: bytes) -> None:
    try:
        record = parse_canonical(data)
    except LogError:
        return
    assert canonical(record) == data
