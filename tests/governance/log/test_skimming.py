"""What is skimmed is what parsing and checking read, byte for byte."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.log.errors import LogError
from governance.log.forms import DECISIONS, check_form
from governance.log.histories import KINDS_OF_KEYS
from governance.log.kinds import Fields
from governance.log.leaves import BEGINS, LARGEST_LEAF, Place, parse_leaf
from governance.log.notes import encode
from governance.log.skimming import OFTEN, Skimmer
from tests.logs import ALPHA, Writer, example, whole

KINDS = sorted(DECISIONS.keys() - KINDS_OF_KEYS)
KEY = b"k" * 32


def platform_of(kind: str) -> str | None:
    return None if kind == "peer.applied" else ALPHA


def every(kind: str) -> dict[str, Any]:
    """A decision with every field that one of its type may have."""
    whose = {"type": kind, "platform": platform_of(kind)}
    return example(DECISIONS[kind], every=True) | whose  # type: ignore[no-any-return]


def entries() -> list[bytes]:
    """Of each type one with what it needs alone, and one with every field there is."""
    writer = Writer()
    for kind in KINDS:
        writer.add(whole(kind, platform_of(kind)))
        writer.add(every(kind))
    return writer.entries


ENTRIES = entries()


def taught() -> Skimmer:
    """Has met every type as often as it takes."""
    skimmer = Skimmer()
    for data in ENTRIES:
        assert [*skimmer.skimmed([data] * OFTEN)]
    return skimmer


SKIMMER = taught()


def skimmed(data: bytes) -> Place | None:
    return next(SKIMMER.skimmed([data]))


def parsed(data: bytes) -> Place | None:
    try:
        leaf = parse_leaf(data)
        check_form(leaf.decision)
    except LogError:
        return None
    return leaf.place


@pytest.mark.parametrize("data", ENTRIES)
def test_whatever_is_of_its_form_is_skimmed(data: bytes) -> None:
    assert skimmed(data) == parsed(data) is not None


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_whichever_of_its_fields_are_there_it_is_skimmed(kind: str, data: st.DataObject) -> None:
    told, form = every(kind), DECISIONS[kind]
    inner = [(told[name], one) for name, one in form.kinds.items() if isinstance(one, Fields)]
    for part, its in [*inner, (told, form)]:
        free = sorted(its.kinds.keys() - {*its.needed})
        for name in data.draw(st.lists(st.sampled_from(free), unique=True)) if free else []:
            del part[name]
    entry = logged(told)
    assert skimmed(entry) == parsed(entry)
    assert (parsed(entry) is None) is ({} in told.values())


def logged(told: dict[str, Any]) -> bytes:
    writer = Writer()
    writer.add(told)
    return writer.entries[0]


@given(
    st.sampled_from(ENTRIES),
    st.integers(0, 900),
    st.integers(0, 3),
    st.sampled_from(b'"\\{}[]:,0123456789-+.eEnulltrueTZ \x00\x1f\x7f\x80\xc3\xa9')
    | st.integers(0, 255),
)
def test_whatever_is_skimmed_would_be_parsed_alike(
    data: bytes, at: int, cut: int, byte: int
) -> None:
    changed = data[:at] + bytes([byte]) + data[at + cut :]
    found = skimmed(changed)
    assert found is None or found == parsed(changed)


@given(
    st.datetimes().map(lambda at: f"{at.isoformat(timespec='microseconds')}Z")
    | st.from_regex(r"(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\.0{6}Z")
)
def test_an_instant_is_skimmed_if_there_is_such_a_day(at: str) -> None:
    told = whole("sanction.approved", ALPHA, changed={"approvedAt": at})
    entry = logged(told)
    assert skimmed(entry) in (None, parsed(entry))
    if at[:1] in "12" and at[5:10] != "02-29":
        assert skimmed(entry) == parsed(entry)


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
    node = {"loggedAt": "2026-11-24T12:00:00.000000Z", "previous": encode(bytes(32)), "seq": 3}
    told = {"decision": whole(BEGINS, ALPHA), "signature": None}
    good, bad = (
        orjson.dumps(told | {"node": one}, option=orjson.OPT_SORT_KEYS)
        for one in (node, node | changes)
    )
    assert skimmed(good)
    assert skimmed(bad) is None


def test_too_long_an_entry_is_not_skimmed() -> None:
    keywords = ["HATE_SPEECH"] * (LARGEST_LEAF // len('"HATE_SPEECH",'))
    told = whole(BEGINS, ALPHA)
    assert skimmed(logged(told | {"statement": told["statement"] | {"keywords": keywords[:9]}}))
    long = logged(told | {"statement": told["statement"] | {"keywords": keywords}})
    assert len(long) > LARGEST_LEAF
    assert skimmed(long) is None


def test_signed_entries_and_those_of_keys_are_always_parsed() -> None:
    writer = Writer()
    writer.begin(ALPHA, by=KEY)
    for kind in KINDS_OF_KEYS:
        writer.add(whole(kind, ALPHA))
    for data in writer.entries:
        assert [*SKIMMER.skimmed([data] * 2 * OFTEN)] == [None] * 2 * OFTEN
