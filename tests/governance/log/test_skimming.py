"""What is skimmed is what parsing reads, byte for byte."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.log.canonical import canonical
from governance.log.errors import LogError
from governance.log.leaves import LARGEST_LEAF, Place, parse_leaf
from governance.log.notes import encode
from governance.log.skimming import MOST_FORMS, OFTEN, Skimmer
from tests.logs import ALPHA, Writer, decision

KEY = b"k" * 32
STATEMENT = {
    "keywords": ["HATE", "OTHER"],
    "isAutomatedDetection": True,
    "at": "anything",
    "case": None,
    "type": "x",
    "counts": [1, -2, [0]],
    "nothing": {},
}


def entries() -> list[bytes]:
    """Entries of all the forms that there are."""
    writer = Writer()
    case = writer.begin(ALPHA)
    writer.go_on(case)
    writer.go_on(case, kind="notice.recorded")
    writer.add(decision("sanction.issued", ALPHA, statement=STATEMENT))
    writer.add(decision("platform.added", None, number=7))
    writer.add(decision("x.y", None) | {"at": "2026-02-28T23:59:59Z"})
    writer.add(decision("x.y", ALPHA, case=None))
    return writer.entries


ENTRIES = entries()


def taught(*learnt: bytes) -> Skimmer:
    skimmer = Skimmer()
    for data in learnt:
        for _ in range(OFTEN):
            skimmer.learn(parse_leaf(data))
    return skimmer


SKIMMER = taught(*ENTRIES)


def parsed(data: bytes) -> Place | None:
    try:
        return parse_leaf(data).place
    except LogError:
        return None


@pytest.mark.parametrize("data", ENTRIES)
def test_what_was_learnt_is_skimmed(data: bytes) -> None:
    assert SKIMMER.skim(data) == parsed(data) is not None


def test_other_texts_and_numbers_are_of_the_same_form() -> None:
    writer = Writer()
    told = decision(
        "sanction.issued", "other.example", statement=STATEMENT | {"counts": [9, 0, [3]]}
    )
    writer.add(told, loggedAt="2027-01-01T00:00:00.000001Z", seq=10**14)
    [data] = writer.entries
    assert SKIMMER.skim(data) == parsed(data) is not None


@given(
    st.sampled_from(ENTRIES),
    st.integers(0, 500),
    st.integers(0, 3),
    st.sampled_from(b'"\\{}[]:,0123456789-+.eEnulltrueTZ \x00\x1f\x7f\x80\xc3\xa9')
    | st.integers(0, 255),
)
def test_whatever_is_skimmed_would_be_parsed_alike(
    data: bytes, at: int, cut: int, byte: int
) -> None:
    changed = data[:at] + bytes([byte]) + data[at + cut :]
    found = SKIMMER.skim(changed)
    assert found is None or found == parsed(changed)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(), st.lists
    )
)
def test_any_form_is_learnt_as_it_is(value: Any) -> None:
    writer = Writer()
    writer.add(decision("x.y", ALPHA, told=value))
    [data] = writer.entries
    assert taught(data).skim(data) in (None, parsed(data))
    assert SKIMMER.skim(data) in (None, parsed(data))


@pytest.mark.parametrize(
    "changes",
    [
        {"loggedAt": "2026-02-30T12:00:00.000000Z"},
        {"loggedAt": "2026-11-24T12:00:60.000000Z"},
        {"loggedAt": "2026-11-24T12:00:00Z"},
        {"seq": 2**53},
        {"seq": -1},
    ],
)
def test_what_parsing_refuses_is_not_skimmed(changes: dict[str, Any]) -> None:
    good, bad = (orjson.dumps(told, option=orjson.OPT_SORT_KEYS) for told in pair(changes))
    assert taught(good).skim(good)
    assert taught(good).skim(bad) is None


def pair(changes: dict[str, Any]) -> list[dict[str, Any]]:
    node = {"loggedAt": "2026-11-24T12:00:00.000000Z", "previous": encode(bytes(32)), "seq": 3}
    told = {"decision": decision("x.y", ALPHA), "signature": None}
    return [told | {"node": node}, told | {"node": node | changes}]


def test_too_long_an_entry_is_not_skimmed() -> None:
    short, long = (
        canonical({"decision": decision("x.y", ALPHA, told="x" * length), **REST})
        for length in (1, LARGEST_LEAF)
    )
    assert taught(short).skim(short)
    assert taught(short).skim(long) is None


REST = {key: value for key, value in pair({})[0].items() if key != "decision"}


def test_signed_entries_and_those_of_keys_are_always_parsed() -> None:
    writer = Writer()
    writer.begin(ALPHA, by=KEY)
    for kind in ("key.registered", "key.retired", "log.key_rotated"):
        writer.add(decision(kind, ALPHA))
    for data in writer.entries:
        assert taught(data).skim(data) is None


def test_few_forms_are_kept_of_each_size() -> None:
    writer = Writer()
    for number in range(2 * MOST_FORMS):
        writer.add(decision("x.y", ALPHA, **{f"k{number}": 1}))
    skimmer = taught(*writer.entries)
    assert sum(skimmer.skim(data) is not None for data in writer.entries) == MOST_FORMS
