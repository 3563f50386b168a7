"""Statistics equal a recount by hand, at any instant, on both engines."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from random import Random
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from api.reads import groups
from api.schema import shortest, ways
from api.schema.statistics import IN_FACETS_ALONE, StatisticsDimension
from governance.adoptions import Receipt
from governance.appeals import Appeal
from governance.fields import new_id, print_instant
from governance.platforms import Platform
from governance.rules.adoption import is_overdue as is_late
from governance.rules.durations import bucket, duration
from governance.rules.lifecycle import appeal_state, is_overdue
from governance.rules.status import effect
from governance.sanctions import Sanction
from governance.tallying import tally
from governance.vocabulary import Category
from governance.words import (
    AppealState,
    Author,
    Automation,
    DurationBucket,
    Effect,
    Ground,
    Measure,
    Outcome,
    Validity,
)
from tests.api.worlds import SERVER, Asking, Cast, asking
from tests.builders import DAY, MICRO, NOW, World, examples

ALL = """query($by: [StatisticsDimension!]!, $filter: SanctionFilter) {
  statistics(groupBy: $by, filter: $filter) { asOf rows {
    keys sanctionCount appealCount decidedCount overturnedCount reducedCount overturnRate
    medianSecondsToDecision medianDurationSeconds overdueAppealCount
    echoCount overdueReceiptCount
  } }
}"""
COUNTED = """query($by: [StatisticsDimension!]!, $filter: SanctionFilter) {
  statistics(groupBy: $by, filter: $filter) { rows { keys sanctionCount } }
}"""
COUNTS = """query($by: [StatisticsDimension!]!) {
  statistics(groupBy: $by) { rows { keys sanctionCount } }
}"""
FACETS = """query($by: [StatisticsDimension!]!, $filter: SanctionFilter) {
  facets(by: $by, filter: $filter) { key number isEstimated }
  estimated: facets(by: $by, filter: $filter, mayEstimate: true) { key number isEstimated }
}"""
LISTED = """query($filter: SanctionFilter) {
  sanctions(filter: $filter, first: 1000) { nodes { id } pageInfo { hasNextPage } }
  last: sanctions(filter: $filter, last: 3) { nodes { id } }
}"""
WALKED = """query(
  $filter: SanctionFilter, $first: Int, $after: String, $last: Int, $before: String
) {
  sanctions(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    nodes { id } pageInfo { startCursor endCursor }
  }
}"""
# Around these, days, ISO weeks, months and years change.
EDGES = [datetime(y, m, d, tzinfo=UTC) for y, m, d in [(2024, 12, 30), (2025, 1, 1), (2026, 3, 1)]]


@dataclass(slots=True)
class Records:
    """Everything stored that figures are counted from, and the node's clock."""

    domains: dict[str, str]
    sanctions: list[Sanction]
    appeals: list[Appeal]
    receipts: list[Receipt]
    now: datetime = field(default=NOW)


def invented(random: Random, like: Sanction, number: int) -> Iterator[Sanction | Appeal]:
    """Sanctions as varied as columns allow, some with appeals."""
    spans = [timedelta(0), MICRO, DAY, 7 * DAY, 180 * DAY, 999 * DAY, timedelta(days=3.7)]
    spans += [-DAY, 30 * DAY + MICRO, timedelta(seconds=random.randrange(10**7))]
    for _ in range(number):
        at = random.choice(EDGES) + random.choice([-1, 0, 1]) * random.choice(spans[:4])
        start = random.choice([None, at, at, at + MICRO])
        end = random.choice([None, at + random.choice(spans), at + random.choice(spans)])
        new: dict[str, Any] = {
            "id": new_id("san"),
            "reference_key": new_id("ref"),
            "secret_hash": None,
        }
        new |= {"supersedes_id": None, "issued_at": at, "starts_at": start, "ends_at": end}
        for name, words in (
            ("measure", Measure),
            ("ground", Ground),
            ("automation", Automation),
            ("validity", Validity),
        ):
            new[name] = random.choice(list(words))
        length = duration(new["measure"], (start, end))
        new["lasts"] = None if length is None else length // MICRO
        new["category"] = random.choice([Category.VIOLENCE, Category.CYBER_VIOLENCE])
        sanction = Sanction(**(like.model_dump() | new))
        yield sanction
        for _ in range(random.choice([0, 0, 1, 3])):
            outcome = random.choice([None, *Outcome])
            decided = at + random.choice(spans[1:]) if outcome or random.random() < 0.3 else None
            yield Appeal(
                id=new_id("apl"),
                sanction_id=sanction.id,
                origin_id=sanction.id,
                platform_id=sanction.platform_id,
                state=random.choice(list(AppealState)),
                outcome=outcome,
                filed_by=Author.APPELLANT,
                filed_at=at,
                due_at=at + random.choice(spans),
                lapses_at=at + DAY,
                decided_at=decided and max(decided, at),
            )


@pytest.fixture(params=["one by one", "tallied"])
def records(request: pytest.FixtureRequest, rich_url: str, cast: Cast) -> Records:
    """Return the rich world's records and many invented ones; counted by days or not."""
    with World(rich_url) as world:
        with world.database.writing() as session:
            for row in invented(Random(7), world.sanction(cast.appealable), 120):
                session.add(row)
                session.flush()
        if request.param == "tallied":
            assert tally(world.database, now=NOW + DAY) > 5
            later(world, cast)
        with world.database.reading() as session:
            domains = {p.id: p.domain for p in session.exec(select(Platform))}
            sanctions = list(session.exec(select(Sanction)))
            appeals, receipts = session.exec(select(Appeal)), session.exec(select(Receipt))
            return Records(domains, sanctions, list(appeals), list(receipts))


def later(world: World, cast: Cast) -> None:
    """Changes sanctions and appeals of days that are counted, adds to them, and to the next."""
    world.shorten(cast.c.issuer, cast.appealable, NOW + 5 * DAY)
    world.overturn(cast.c.reviewer, world.issue(cast.c.issuer, NOW - 2 * DAY))
    for now in (NOW - 9 * DAY, NOW + DAY):
        world.in_review(cast.a, world.issue(cast.a.issuer, now), now)
    appeal = world.in_review(cast.a, world.issue(cast.a.issuer, NOW), NOW)
    world.decide(cast.a.reviewer, appeal, Outcome.OVERTURNED, NOW)
    world.erase(cast.a.admin, "acct:alice@a.example", NOW)


@pytest.fixture
async def told(rich_url: str, records: Records) -> AsyncIterator[Asking]:
    """Yield an executor on the records."""
    async with asking(rich_url, lambda: records.now) as found:
        yield found


def recounted(records: Records, by: list[str], fits: "Fits") -> list[dict[str, Any]]:
    now = records.now
    appealed = {a.sanction_id for a in records.appeals}

    def keys(s: Sanction) -> list[str]:
        span = (s.starts_at, s.ends_at)
        year, week, _ = s.issued_at.isocalendar()
        of = {
            "PLATFORM": records.domains[s.platform_id],
            "EFFECT": effect(span, now),
            "DURATION_BUCKET": bucket(s.measure, span),
            "DAY": f"{s.issued_at:%Y-%m-%d}",
            "WEEK": f"{year}-W{week:02}",
            "MONTH": f"{s.issued_at:%Y-%m}",
            "IS_APPEALED": str(s.id in appealed).lower(),
            "IS_BINDING": str(s.is_binding).lower(),
        }
        return [str(of[d] if d in of else getattr(s, d.lower())) for d in by]

    chosen = sorted((s for s in records.sanctions if fits(records, s)), key=keys)
    rows = [row(records, key, list(group)) for key, group in groupby(chosen, keys)]
    return rows or ([] if by else [row(records, [], [])])


def row(records: Records, keys: list[str], sanctions: list[Sanction]) -> dict[str, Any]:
    ids = {s.id for s in sanctions}
    appeals = [a for a in records.appeals if a.sanction_id in ids]
    states = [appeal_state(a.state, a.lapses_at, records.now) for a in appeals]
    decided = [a for a in appeals if a.outcome is not None]
    overturned = sum(a.outcome is Outcome.OVERTURNED for a in decided)
    took = [a.decided_at - a.filed_at for a in decided if a.decided_at]
    lengths = [duration(s.measure, (s.starts_at, s.ends_at)) for s in sanctions]
    return {
        "keys": keys,
        "sanctionCount": len(sanctions),
        "appealCount": len(appeals),
        "overturnedCount": overturned,
        "decidedCount": len(decided),
        "reducedCount": sum(a.outcome is Outcome.REDUCED for a in decided),
        "overturnRate": round(overturned / len(decided), 12) if decided else None,
        "medianSecondsToDecision": middle(took),
        "medianDurationSeconds": middle([length for length in lengths if length is not None]),
        "echoCount": sum(
            s.derived_from_id is not None and not s.has_own_grounds for s in sanctions
        ),
        "overdueReceiptCount": sum(
            is_late(r.state, r.due_at, records.now)
            for r in records.receipts
            if r.adoption_id in ids
        ),
        "overdueAppealCount": sum(
            is_overdue(state, a.due_at, records.now)
            for state, a in zip(states, appeals, strict=True)
        ),
    }


def middle(spans: list[timedelta]) -> int | None:
    """The median in whole seconds, halves up."""
    micros = [span // MICRO for span in spans]
    return int(median(micros) / 1_000_000 + 0.5) if spans else None


Fits = Callable[[Records, Sanction], bool]


def of(name: str, words: type[StrEnum], column: str) -> Any:
    """A filter by some words, and the same by hand."""
    some = st.lists(st.sampled_from(sorted(words)), min_size=1, max_size=3)
    return some.map(lambda w: ({name: w}, lambda _, s: getattr(s, column) in w))


def has_effect(wanted: list[Effect]) -> tuple[dict[str, Any], Fits]:
    return {"effects": wanted}, lambda r, s: effect((s.starts_at, s.ends_at), r.now) in wanted


def issued_within(instants: Sequence[datetime]) -> tuple[dict[str, Any], Fits]:
    first, last = instants
    given_ = {"issuedAfter": print_instant(first), "issuedBefore": print_instant(last)}
    return given_, lambda _, s: first <= s.issued_at < last


def ended_within(instants: Sequence[datetime]) -> tuple[dict[str, Any], Fits]:
    first, last = instants
    wanted = {"endedAfter": print_instant(first), "endedBefore": print_instant(last)}
    return wanted, lambda r, s: bool(s.ends_at and first <= s.ends_at < last and s.ends_at <= r.now)


def together(
    both: tuple[tuple[dict[str, Any], Fits], tuple[dict[str, Any], Fits]],
) -> tuple[dict[str, Any], Fits]:
    """Two filters as one, unless they are about the same."""
    (wanted, fits), (also, fit) = both
    if wanted.keys() & also.keys():
        return also, fit
    return wanted | also, lambda r, s: fits(r, s) and fit(r, s)


EDGE, INSTANT = st.sampled_from(EDGES), st.sampled_from([NOW - DAY, NOW, NOW + MICRO])
FILTER: st.SearchStrategy[tuple[dict[str, Any], Fits]] = st.one_of(
    st.just(({}, lambda _, s: True)),
    of("measures", Measure, "measure"),
    of("categories", Category, "category"),
    of("automations", Automation, "automation"),
    of("validities", Validity, "validity"),
    st.lists(st.sampled_from(sorted(Effect)), min_size=1, max_size=2).map(has_effect),
    st.sampled_from("abc").map(
        lambda n: (
            {"platform": f"{n}.example"},
            lambda r, s: r.domains[s.platform_id] == f"{n}.example",
        )
    ),
    st.tuples(EDGE, EDGE).map(sorted).map(issued_within),
    st.tuples(EDGE, INSTANT).map(sorted).map(issued_within),
    st.booleans().map(lambda b: ({"isBinding": b}, lambda _, s: s.is_binding is b)),
    st.booleans().map(
        lambda b: (
            {"isAppealed": b},
            lambda r, s: any(a.sanction_id == s.id for a in r.appeals) is b,
        )
    ),
    st.sampled_from(sorted(DurationBucket)).map(
        lambda b: (
            {"durations": [b]},
            lambda _, s: bucket(s.measure, (s.starts_at, s.ends_at)) == b,
        )
    ),
)
ENDED = st.one_of(
    st.tuples(EDGE, INSTANT).map(sorted).map(ended_within),
    st.tuples(EDGE, EDGE).map(sorted).map(ended_within),
    st.just((NOW - 9 * DAY, NOW + 6 * DAY)).map(ended_within),
    st.sampled_from(EDGES).map(
        lambda at: (
            {"endedAfter": print_instant(at)},
            lambda r, s: bool(s.ends_at and at <= s.ends_at <= r.now),
        )
    ),
    st.sampled_from(EDGES).map(
        lambda at: (
            {"endedBefore": print_instant(at)},
            lambda r, s: bool(s.ends_at and s.ends_at < at and s.ends_at <= r.now),
        )
    ),
)
FILTERS = st.one_of(FILTER, st.tuples(FILTER, FILTER).map(together))
GROUPS = [one for one in StatisticsDimension if one not in IN_FACETS_ALONE]
DIMENSIONS = st.lists(st.sampled_from(GROUPS), max_size=3, unique=True)


@pytest.mark.property
@examples(40)
@given(
    by=DIMENSIONS,
    chosen=FILTERS,
    edge=st.integers(0),
    beside=st.sampled_from([-MICRO, 0 * DAY, MICRO]),
)
async def test_figures_equal_a_recount_by_hand(
    told: Asking,
    records: Records,
    by: list[StatisticsDimension],
    chosen: tuple[dict[str, Any], Fits],
    edge: int,
    beside: timedelta,
) -> None:
    wanted, fits = chosen
    instants = {NOW, *(i for a in records.appeals for i in (a.due_at, a.lapses_at) if i)}
    edges = sorted(instants | {r.due_at for r in records.receipts if r.due_at})
    records.now = edges[edge % len(edges)] + beside
    found = (await told.data(ALL, {"by": by, "filter": wanted}))["statistics"]
    assert found["asOf"] == print_instant(records.now)
    rows = recounted(records, [str(d) for d in by], fits)
    assert found["rows"] == rows
    if len(by) == 1:
        for facets in (await told.data(FACETS, {"by": by, "filter": wanted})).values():
            counted = {facet["key"]: facet["number"] for facet in facets}
            assert counted == {row["keys"][0]: row["sanctionCount"] for row in rows}
            assert not any(facet["isEstimated"] for facet in facets)


OF_APPEALS = """query($filter: AppealFilter) {
  appealFacets(by: [OUTCOME, IS_OVERDUE, PLATFORM, STATE], filter: $filter) {
    dimension key number isEstimated
  }
}"""


@pytest.mark.property
@pytest.mark.parametrize("records", ["one by one"], indirect=True)
@examples(30)
@given(
    states=st.none() | st.lists(st.sampled_from(sorted(AppealState)), min_size=1, max_size=3),
    outcomes=st.none() | st.lists(st.sampled_from(sorted(Outcome)), min_size=1, max_size=2),
    overdue=st.none() | st.booleans(),
    platform=st.sampled_from([None, "a.example", "b.example"]),
    edge=st.integers(0),
)
async def test_facets_of_appeals_equal_a_recount_by_hand(
    told: Asking,
    records: Records,
    states: list[AppealState] | None,
    outcomes: list[Outcome] | None,
    overdue: bool | None,
    platform: str | None,
    edge: int,
) -> None:
    edges = sorted({i for a in records.appeals for i in (a.due_at, a.lapses_at) if i})
    records.now = now = edges[edge % len(edges)]
    expected: dict[tuple[str, str], int] = {}
    for one in records.appeals:
        state = appeal_state(one.state, one.lapses_at, now)
        is_late, domain = is_overdue(state, one.due_at, now), records.domains[one.platform_id]
        fits = states is None or state in states, outcomes is None or one.outcome in outcomes
        if all(fits) and overdue in (None, is_late) and platform in (None, domain):
            keys = {"STATE": state, "IS_OVERDUE": str(is_late).lower(), "PLATFORM": domain}
            for key in (keys | ({"OUTCOME": one.outcome} if one.outcome else {})).items():
                expected[key] = expected.get(key, 0) + 1
    wanted = {"states": states, "outcomes": outcomes, "isOverdue": overdue, "platform": platform}
    given_ = {name: value for name, value in wanted.items() if value is not None}
    found = (await told.data(OF_APPEALS, {"filter": given_}))["appealFacets"]
    assert {(one["dimension"], one["key"]): one["number"] for one in found} == expected
    assert not any(one["isEstimated"] for one in found)


@pytest.mark.property
@examples(60)
@given(
    by=st.lists(st.sampled_from(["MEASURE", "VALIDITY"]), max_size=2, unique=True),
    chosen=st.one_of(ENDED, st.tuples(ENDED, of("measures", Measure, "measure")).map(together)),
    edge=st.integers(0),
)
async def test_what_ended_equals_a_recount_by_hand(
    told: Asking, records: Records, by: list[str], chosen: tuple[dict[str, Any], Fits], edge: int
) -> None:
    wanted, fits = chosen
    ends = sorted({s.ends_at for s in records.sanctions if s.ends_at} | {NOW, NOW + 2 * DAY})
    records.now = ends[edge % len(ends)]
    found = (await told.data(COUNTED, {"by": by, "filter": wanted}))["statistics"]["rows"]
    expected = recounted(records, by, fits)
    assert found == [{k: row[k] for k in ("keys", "sanctionCount")} for row in expected]


@pytest.fixture(params=[3, ways.MOST_LISTED])
def most_listed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have hardly any way to what fits be short, or every one."""
    for module in (shortest, ways):
        monkeypatch.setattr(module, "MOST_LISTED", request.param)


@pytest.mark.property
@pytest.mark.usefixtures("most_listed")
@pytest.mark.parametrize("records", ["one by one"], indirect=True)
@examples(40)
@given(chosen=st.tuples(FILTER, FILTER).map(together))
async def test_lists_hold_what_fits_along_any_way(
    told: Asking, records: Records, chosen: tuple[dict[str, Any], Fits]
) -> None:
    wanted, fits = chosen
    found = [(s.issued_at, s.id) for s in records.sanctions if fits(records, s)]
    ids = [ident for _, ident in sorted(found, reverse=True)]
    listed = await told.data(LISTED, {"filter": wanted})
    assert [node["id"] for node in listed["sanctions"]["nodes"]] == ids
    assert [node["id"] for node in listed["last"]["nodes"]] == ids[-3:]
    assert not listed["sanctions"]["pageInfo"]["hasNextPage"]


@pytest.mark.usefixtures("most_listed")
@pytest.mark.parametrize("records", ["one by one"], indirect=True)
@pytest.mark.parametrize(
    ("size", "beyond", "cursor"),
    [("first", "after", "endCursor"), ("last", "before", "startCursor")],
)
@pytest.mark.parametrize("now", [NOW, EDGES[2] + 180 * DAY, EDGES[2] + 180 * DAY + MICRO])
async def test_what_is_in_force_is_listed_page_by_page(
    told: Asking, records: Records, size: str, beyond: str, cursor: str, now: datetime
) -> None:
    """Of whatever age, though few are old, which are looked for apart."""
    records.now = now
    wanted, fits = has_effect([Effect.IN_FORCE])
    expected = sorted((s.issued_at, s.id) for s in records.sanctions if fits(records, s))
    assert expected[0][0] < now - 180 * DAY < expected[-1][0]
    ids = [ident for _, ident in expected]
    found: list[str] = []
    edge = None
    while len(found) < len(ids):
        page = await told.data(WALKED, {"filter": wanted, size: 4, beyond: edge})
        nodes = [node["id"] for node in page["sanctions"]["nodes"]]
        assert nodes
        found += nodes if size == "first" else nodes[::-1]
        edge = page["sanctions"]["pageInfo"][cursor]
    assert found == (ids[::-1] if size == "first" else ids)


async def test_each_dimension_stands_in_documents_and_variables_alike(ask: Asking) -> None:
    for name in GROUPS:
        written = f"{{ statistics(groupBy: {name}) {{ rows {{ keys sanctionCount }} }} }}"
        assert await ask.data(written) == await ask.data(COUNTS, {"by": [name]})
        assert await ask.data(written) == await ask.data(COUNTS, {"by": name})
    mixed = (
        "query($d: StatisticsDimension!) { statistics(groupBy: [GROUND, $d]) { rows { keys } } }"
    )
    platforms = await ask.data(mixed, {"d": "PLATFORM"})
    months = await ask.data(mixed, {"d": "MONTH"})
    assert platforms != months
    assert all(len(row["keys"]) == 2 for row in platforms["statistics"]["rows"])


async def test_without_dimensions_all_is_one_row_even_of_nothing(ask: Asking) -> None:
    nothing = {"issuedBefore": "1970-01-01T00:00:00Z"}
    [row] = (await ask.data(ALL, {"by": [], "filter": nothing}))["statistics"]["rows"]
    assert (row["keys"], row["sanctionCount"], row["appealCount"]) == ([], 0, 0)
    assert row["overturnRate"] is row["medianDurationSeconds"] is None
    found = await ask.data(ALL, {"by": ["MONTH"], "filter": nothing})
    assert found["statistics"]["rows"] == []


async def test_counts_are_those_of_the_list_with_the_same_filter(ask: Asking, cast: Cast) -> None:
    query = """query($f: SanctionFilter) {
      sanctions(filter: $f) { totalCount }
      statistics(groupBy: [], filter: $f) { rows { sanctionCount } }
    }"""
    about_account = {"subject": "acct:alice@a.example"}
    for given_, who in (
        ({}, "public"),
        ({"subject": SERVER}, "public"),
        (about_account, "public"),  # who may not see whom it is about
        (about_account, "partner"),
        (about_account, "issuer"),
    ):
        found = await ask.data(query, {"f": given_}, cast.viewers[who])
        [row] = found["statistics"]["rows"]
        assert row["sanctionCount"] == found["sanctions"]["totalCount"]
    [row] = (await ask.data(query, {"f": about_account}))["statistics"]["rows"]
    assert row["sanctionCount"] == 0


@pytest.mark.parametrize("by", [["DAY", "WEEK", "MONTH", "EFFECT"], ["DAY", "EFFECT", "DAY"]])
async def test_more_than_three_dimensions_or_one_twice_are_refused(
    ask: Asking, by: list[str]
) -> None:
    assert await ask.codes(COUNTS, {"by": by}) == ["INVALID_INPUT"]
    written = f"{{ statistics(groupBy: [{', '.join(by)}]) {{ asOf }} }}"
    assert await ask.codes(written) == ["INVALID_INPUT"]


async def test_too_many_groups_are_refused(still_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST_GROUPS", 3)
    async with asking(still_url) as ask:
        assert await ask.codes(COUNTS, {"by": ["MEASURE"]}) == ["LIMIT_EXCEEDED"]
        found = await ask.data(COUNTS, {"by": ["GROUND"]})
        assert 1 <= len(found["statistics"]["rows"]) <= 3


async def test_statistics_take_one_statement(ask: Asking) -> None:
    before = ask.statements
    await ask.data(ALL, {"by": ["PLATFORM", "MEASURE", "MONTH"]})
    assert ask.statements - before == 1
