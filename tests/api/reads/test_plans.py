"""Hot reads and the sweep are read along indexes, on both engines, with enough rows to choose."""

import re
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from api.reads.pools import SETTINGS
from api.reads.stores import Values
from api.schema import appeal_facets, facets
from bench import worlds
from governance import retention
from governance.database import Database
from governance.fields import print_instant
from governance.log.leaves import case_id
from governance.membership import Actor, authenticate
from governance.migrations import upgrade
from governance.platforms import Platform
from tests.api.worlds import Asking, asking
from tests.builders import DAY, KEYS, NOW, World
from tests.postgres import Server

SANCTIONS, MANY_PLATFORMS = 20_000, 5_000
# What nobody may read from one end to the other.
LARGE = {"sanctions", "events", "disclosures", "subject_keys", "appeals"}

LIST = """query($f: SanctionFilter, $first: Int, $after: String, $last: Int) {
  sanctions(filter: $f, first: $first, after: $after, last: $last) {
    nodes { id platform { domain } appeals(first: 5) { nodes { id outcome } } }
    pageInfo { hasNextPage endCursor }
  } }"""
STATUS = """query($s: URI!) {
  suspensionStatus(subject: $s) { isSuspended until sanctions { id platform { domain } } } }"""
EARLIER = """query($s: URI!, $at: DateTime!) {
  suspensionStatus(subject: $s, at: $at) { sanctions { id endReason } } }"""
STATUSES = "query($s: [URI!]!) { suspensionStatuses(subjects: $s) { isSuspended } }"
IDS = "query($f: SanctionFilter) { sanctions(filter: $f) { nodes { id } } }"
DEEP = f"Sanction~{print_instant(NOW - 365 * DAY)}~san_"
LONG_AGO = NOW - 300 * DAY  # when little was to be erased
LATELY = {"issuedAfter": print_instant(NOW - 30 * DAY)}
ENDED = {"endedAfter": print_instant(NOW - 30 * DAY), "endedBefore": print_instant(NOW)}


@dataclass(slots=True)
class Large:
    """A database with enough rows, and a member of one of its platforms."""

    url: str
    member: Actor


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def large(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Large]:
    """Yield the database, made once a module on each engine."""
    if request.param == "sqlite":
        yield made(f"sqlite:///{tmp_path_factory.mktemp('large') / 'comity.db'}")
        return
    postgres: Server = request.getfixturevalue("postgres")
    with postgres.lent() as name:
        yield made(postgres.url(name))


def made(url: str) -> Large:
    upgrade(url)
    with World(url) as world:
        token = worlds.make(world.database, KEYS, SANCTIONS, NOW)
        with world.database.writing() as session:
            return Large(url, authenticate(session, token, now=NOW))


@pytest.fixture
async def ask(large: Large) -> AsyncIterator[Asking]:
    """Yield an executor on the large database."""
    async with asking(large.url) as found:
        yield found


class Recording:
    """A store that remembers what it is asked."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.asked: list[tuple[str, Values]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def one(self, sql: str, values: Values, **how: bool) -> Any:
        self.asked.append((sql, values))
        return await self._store.one(sql, values, **how)


async def plans(
    ask: Asking, url: str, query: str, variables: Mapping[str, Any], actor: Actor | None = None
) -> list[str]:
    """How each table is reached, as the engine says."""
    reader = ask.executor.reader
    reader.store = store = Recording(reader.store)
    await ask.data(query, variables, actor)
    return [line for sql, values in store.asked for line in await explained(url, sql, values)]


async def explained(url: str, sql: str, values: Values) -> list[str]:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
        return [row[3] for row in rows if row[3].startswith(("SCAN", "SEARCH"))]
    connected = await asyncpg.connect(url, server_settings=SETTINGS)
    try:
        assert not isinstance(values, Mapping)
        rows = await connected.fetch(f"EXPLAIN (COSTS OFF) {sql}", *values)
    finally:
        await connected.close()
    return [row[0] for row in rows if " on " in row[0] or " using " in row[0]]


def whole(lines: Iterable[str]) -> list[str]:
    """The steps that read a large table from one end to the other."""
    tables = "|".join(LARGE)
    scan = re.compile(rf"SCAN ({tables})_\d+(_\d+)*$|Seq Scan on ({tables})\b")
    return [line for line in lines if scan.search(line)]


HOT: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "status": (STATUS, {"s": worlds.subject(7)}, set()),
    "status at another instant": (
        EARLIER,
        {"s": worlds.subject(7), "at": print_instant(NOW - 30 * DAY)},
        {"events_of_sanction"},
    ),
    "statuses": (STATUSES, {"s": [worlds.subject(n) for n in range(0, 300, 3)]}, set()),
    "newest": (LIST, {"first": 50}, {"sanctions_newest"}),
    "oldest": (LIST, {"last": 50}, {"sanctions_newest"}),
    "deep": (LIST, {"first": 50, "after": DEEP}, {"sanctions_newest"}),
    "ids of a category": (IDS, {"f": {"categories": ["VIOLENCE"]}}, {"sanctions_of_category"}),
    "subject": (LIST, {"f": {"subject": worlds.subject(7)}}, set()),
    "events": ("{ eventPage(first: 100) { nodes { type sanction { id } } } }", {}, set()),
    "notices": (
        "{ eventPage(first: 100, filter: { types: [NOTICE_DUE] }) { nodes { type } } }",
        {},
        {"events_of_notices"},
    ),
    "events of a sanction": (
        f'{{ eventPage(filter: {{ sanctionId: "{case_id(b"7")}" }}) {{ nodes {{ type }} }} }}',
        {},
        {"events_of_sanction"},
    ),
    "a sanction's first entry": (
        f'{{ sanction(id: "{case_id(b"7")}") {{ logEntry {{ index }} }} }}',
        {},
        set(),
    ),
    "sanction": (f'{{ sanction(id: "{case_id(b"7")}") {{ id effect }} }}', {}, set()),
    "appeals": ("{ appeals(first: 50) { nodes { id sanction { id } } } }", {}, {"appeals_newest"}),
    **{
        name: (LIST, {"first": 50, "f": given}, {index})
        for name, given, index in [
            ("of a platform", {"platform": "p3.example"}, "sanctions_of_platform"),
            ("of a measure", {"measures": ["CONTENT_REMOVED"]}, "sanctions_of_measure"),
            ("of a category", {"categories": ["VIOLENCE"]}, "sanctions_of_category"),
            ("of a server", {"subjectKinds": ["SERVER"]}, "sanctions_of_servers"),
            ("overturned", {"validities": ["OVERTURNED"]}, "sanctions_not_standing"),
            ("voided", {"validities": ["VOIDED"]}, "sanctions_not_standing"),
            ("lifted", {"endReasons": ["LIFTED"]}, "sanctions_ended_early"),
            ("in a language", {"languages": ["xx"]}, "sanctions_in_language"),
            ("unlawful", {"grounds": ["ILLEGAL_CONTENT"]}, "sanctions_of_illegal"),
            ("noticed", {"sources": ["NOTICE", "TRUSTED_FLAGGER"]}, "sanctions_of_notices"),
            ("by people", {"automations": ["NOT_AUTOMATED"]}, "sanctions_of_automation"),
            ("open-ended", {"durations": ["OPEN_ENDED"]}, "sanctions_open_ended"),
            ("with a keyword", {"keywords": ["CYBER_STALKING"]}, "sanctions_of_keywords"),
            ("standing", {"validities": ["STANDING"]}, "sanctions_newest"),
            ("of a time", LATELY, "sanctions_newest"),
        ]
    },
}
SPARSE: dict[str, dict[str, Any]] = {
    "pending": {"effects": ["PENDING"]},
    "in force": {"effects": ["IN_FORCE"]},
    "of a day": {"durations": ["UP_TO_1_DAY"]},
    "not binding": {"isBinding": False},
}
PLAIN = """query($f: SanctionFilter) {
  sanctions(filter: $f, first: 50) { nodes { id expiresAt platform { domain } } } }"""
FIGURES = """query($f: SanctionFilter) {
  statistics(groupBy: [], filter: $f) { rows { sanctionCount } }
  facets(by: [PLATFORM, MEASURE, EFFECT, DURATION_BUCKET], filter: $f) { key number }
}"""


@pytest.mark.parametrize("name", HOT)
async def test_hot_reads_go_along_an_index(ask: Asking, large: Large, name: str) -> None:
    query, variables, indexes = HOT[name]
    lines = await plans(ask, large.url, query, variables, large.member)
    assert not whole(lines)
    assert all(any(index in line for line in lines) for index in indexes), lines


async def test_lists_of_keywords_are_found_one_after_the_other(ask: Asking, large: Large) -> None:
    """All that they are chosen by is in the index, too."""
    given = {"keywords": ["CYBER_STALKING"], "sources": ["NOTICE"], "isAppealed": True}
    lines = [x for x in await plans(ask, large.url, IDS, {"f": given}) if "of_keywords" in x]
    assert len(lines) >= 3, lines
    alone = r"COVERING INDEX sanctions_of_keywords( \(|$)|Index Only Scan using"
    assert all(re.search(alone, x) for x in lines), lines
    if large.url.startswith("sqlite"):
        assert sum("(keywords=?)" in x for x in lines) == 2, lines


async def test_a_way_goes_along_its_own_index(ask: Asking, large: Large) -> None:
    """A language that is compared is there, and SQLite looked among all of those that have any."""
    given = {"endReasons": ["LIFTED"], "languages": ["de"], "isAppealed": True}
    lines = await plans(ask, large.url, IDS, {"f": given})
    assert not any(re.search("SCAN .* sanctions_in_language", line) for line in lines), lines
    assert any("sanctions_ended_early" in line for line in lines), lines


@pytest.mark.parametrize("page", ["first: 50", "last: 50"])
async def test_platforms_go_along_their_order(change: Asking, rich_url: str, page: str) -> None:
    rows = [
        {"id": f"plt_{n}", "domain": f"p{n}.example", "name": f"{n}", "added_at": NOW + n * DAY}
        for n in range(MANY_PLATFORMS)
    ]
    with World(rich_url) as world, world.database.engine.begin() as session:
        session.execute(sa.insert(Platform), rows)
    query = f"{{ platforms({page}) {{ nodes {{ domain joinedAt }} }} }}"
    lines = await plans(change, rich_url, query, {})
    assert any("platforms_in_order" in line for line in lines), lines


@pytest.mark.parametrize("query", [LIST, PLAIN])
async def test_platforms_are_joined_to_a_page(ask: Asking, large: Large, query: str) -> None:
    """Looked up once more for each row, they took a tenth of a page's time on PostgreSQL."""
    reader = ask.executor.reader
    reader.store = store = Recording(reader.store)
    await ask.data(query, {"first": 50}, large.member)
    [(sql, _)] = store.asked
    assert sql.count("OUTER JOIN platforms") == 1
    assert "FROM platforms" not in sql


@pytest.mark.parametrize("query", [LIST, PLAIN])
@pytest.mark.parametrize("name", SPARSE)
async def test_no_row_is_fetched_that_may_not_fit(
    ask: Asking, large: Large, name: str, query: str
) -> None:
    lines = await plans(ask, large.url, query, {"f": SPARSE[name]}, large.member)
    assert not any(
        re.search(r"( USING INDEX| Index Scan using) sanctions_newest", x) for x in lines
    )


async def test_servers_are_counted_in_their_index_alone(ask: Asking, large: Large) -> None:
    query = "query($f: SanctionFilter) { sanctions(filter: $f) { totalCount } }"
    lines = await plans(ask, large.url, query, {"f": {"subjectKinds": ["SERVER"]}}, large.member)
    alone = ("COVERING INDEX sanctions_of_servers", "Index Only Scan using sanctions_of_servers")
    assert any(how in line for line in lines for how in alone), lines


async def test_what_ended_as_usual_is_not_sorted(ask: Asking, large: Large) -> None:
    given = {"endReasons": ["EXPIRED"]}
    lines = await plans(ask, large.url, PLAIN, {"f": given}, large.member)
    assert any("sanctions_newest" in line for line in lines), lines


@pytest.mark.parametrize("name", ["status", "statuses"])
async def test_statuses_begin_with_the_subject(ask: Asking, large: Large, name: str) -> None:
    """Indexes of ends and of measures tempt SQLite, most of all before it has statistics."""
    query, variables, _ = HOT[name]
    lines = await plans(ask, large.url, query, variables, large.member)
    reached = [line for line in lines if line.startswith("SEARCH sanctions_")]
    assert all(line.endswith("(id=?)") for line in reached), reached
    assert bool(reached) is large.url.startswith("sqlite")


COUNT = """query($f: SanctionFilter) {
  statistics(groupBy: [], filter: $f) { rows { sanctionCount } }
}"""


BY_THREE = """query($f: SanctionFilter) {
  statistics(groupBy: [PLATFORM, MEASURE, CATEGORY], filter: $f) {
    rows { sanctionCount medianDurationSeconds }
  } }"""


@pytest.mark.parametrize(
    ("query", "given"), [(FIGURES, LATELY), (COUNT, ENDED), (BY_THREE, LATELY), (BY_THREE, {})]
)
async def test_figures_are_read_from_indexes_alone(
    ask: Asking, large: Large, query: str, given: dict[str, Any]
) -> None:
    lines = await plans(ask, large.url, query, {"f": given})
    reads = [line for line in lines if re.search(r" sanctions_\d", line)]
    assert reads
    assert not whole(lines), lines
    # But of what was changed lately, found by its id.
    ranges = [line for line in reads if not re.search(r"\(id=\?\)|using sanctions_pkey", line)]
    assert all(re.search("COVERING INDEX|Index Only Scan", line) for line in ranges), lines


@pytest.mark.parametrize("given", [{}, {"measures": ["CONTENT_REMOVED"]}, {"effects": ["ENDED"]}])
async def test_a_dated_page_begins_at_its_cursor(
    ask: Asking, large: Large, given: dict[str, Any]
) -> None:
    """At the bound of its days, it would look at all that lies before it once more."""
    if not large.url.startswith("sqlite"):
        return  # PostgreSQL takes both
    days = {"issuedAfter": print_instant(NOW - 600 * DAY), "issuedBefore": print_instant(NOW)}
    lines = await plans(ask, large.url, LIST, {"f": {**given, **days}, "first": 25, "after": DEEP})
    assert any("issued_at>? AND (issued_at,id)<(?,?)" in line for line in lines), lines


@pytest.mark.parametrize("given", [{}, {"measures": ["CONTENT_REMOVED"]}])
async def test_what_is_in_force_is_looked_for_where_it_may_be(
    ask: Asking, large: Large, given: dict[str, Any]
) -> None:
    """None is among the oldest, but for what lasts for longer than half a year, is open-ended or
    began later: those are in indexes of their own."""
    asked = {"f": {**given, "effects": ["IN_FORCE"]}, "last": 25}
    lines = await plans(ask, large.url, LIST, asked)
    for index in ("longest", "open_ended", "restricting_none", "begun_later"):
        assert any(f"sanctions_{index}" in line for line in lines), (index, lines)
    if large.url.startswith("sqlite"):  # PostgreSQL tells bounds on another line
        alone = "USING COVERING INDEX sanctions_newest (issued_at>?)"
        assert any(line.endswith(alone) for line in lines), lines


async def test_days_beside_whole_weeks_are_looked_for_one_by_one(ask: Asking, large: Large) -> None:
    """A range of them would be all that is asked for."""
    if not large.url.startswith("sqlite"):
        return
    year = {"issuedAfter": print_instant(NOW - 365 * DAY), "measures": ["CONTENT_REMOVED"]}
    lines = await plans(ask, large.url, COUNT, {"f": year})
    reads = [line for line in lines if line.startswith("SEARCH tallies_")]
    assert [line.endswith("(by=? AND issued_at=?)") for line in reads] == [False, True], reads


ESTIMATED = """query($f: SanctionFilter, $by: [StatisticsDimension!]!, $may: Boolean) {
  facets(by: $by, filter: $f, mayEstimate: $may) { dimension key number isEstimated }
}"""
COMMON = {"platform": "p3.example", "measures": ["CONTENT_REMOVED"], "languages": ["de"]}


@pytest.mark.parametrize(
    ("given", "index"),
    [
        ({"automations": ["PARTIALLY"]}, "sanctions_sampled"),
        ({"automations": ["NOT_AUTOMATED"]}, "sanctions_of_automation"),
        ({"effects": ["PENDING"]}, "sanctions_begun_later"),
        ({"durations": ["OVER_180_DAYS"]}, "sanctions_longest"),
        ({"durations": ["OPEN_ENDED"]}, "sanctions_open_ended"),
        ({"durations": ["NONE"], "platform": "p3.example"}, "sanctions_restricting_none"),
        ({"isBinding": False}, "sanctions_not_binding"),
        (COMMON, "sanctions_of_platform"),
        ({**COMMON, "keywords": ["CYBER_STALKING", "HATE_SPEECH"]}, "sanctions_of_keywords"),
    ],
)
@pytest.mark.parametrize("query", [LIST, ESTIMATED])
async def test_what_is_rare_is_found_along_its_index(
    ask: Asking, large: Large, query: str, given: dict[str, Any], index: str
) -> None:
    variables = {"f": given, "first": 25}
    if query is ESTIMATED:
        variables = {"f": given, "by": ["MEASURE", "EFFECT"], "may": True}
    elif index == "sanctions_sampled":
        return  # a list is none of a sample
    lines = await plans(ask, large.url, query, variables)
    assert any(index in line for line in lines), lines
    if large.url.startswith("sqlite"):  # PostgreSQL knows which ways nobody takes, once it runs
        assert not whole(lines)


@pytest.mark.parametrize(("most", "spread"), [(5_000, 0.15), (300, 0.25)])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"measures": ["CONTENT_REMOVED", "CONTENT_DEMOTED"]},
        {"languages": ["de"], "effects": ["ENDED"]},
        {"isAppealed": False},
    ],
)
async def test_estimates_are_of_a_fair_sample(
    ask: Asking, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], most: int, spread: float
) -> None:
    monkeypatch.setattr(facets, "MOST_COUNTED", 100)
    monkeypatch.setattr(facets, "MOST_SAMPLED", most)
    by = ["MEASURE", "EFFECT", "VALIDITY"]
    exact = (await ask.data(ESTIMATED, {"f": given, "by": by}))["facets"]
    before = ask.statements
    found = (await ask.data(ESTIMATED, {"f": given, "by": by, "may": True}))["facets"]
    assert ask.statements == before + 1
    numbers = {(one["dimension"], one["key"]): one["number"] for one in found}
    assert all(one["isEstimated"] for one in found)
    for one in exact:
        if one["number"] > 2_000:
            expected = pytest.approx(one["number"], rel=spread)
            assert numbers[one["dimension"], one["key"]] == expected, one


async def test_estimates_of_appeals_are_of_a_fair_sample(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = """query($by: [AppealDimension!]!, $filter: AppealFilter) {
      appealFacets(by: $by, filter: $filter) { dimension key number isEstimated } }"""
    given = {"states": ["DECIDED", "FILED"]}
    asked = {"by": ["OUTCOME", "IS_OVERDUE"], "filter": given}
    exact = (await ask.data(query, asked))["appealFacets"]
    monkeypatch.setattr(appeal_facets, "EXACT", 100)
    monkeypatch.setattr(appeal_facets, "SAMPLE", 500)
    before = ask.statements
    found = (await ask.data(query, {"by": ["IS_OVERDUE", "OUTCOME"], "filter": given}))[
        "appealFacets"
    ]
    assert ask.statements == before + 1
    numbers = {(one["dimension"], one["key"]): one["number"] for one in found}
    assert len(exact) == len(numbers) > 3
    for one in exact:
        expected = pytest.approx(one["number"], rel=0.2)
        assert numbers[one["dimension"], one["key"]] == expected, one
    assert all(one["isEstimated"] for one in found)
    assert not any(one["isEstimated"] for one in exact)


@pytest.mark.parametrize(
    "given", [{"isAppealed": True}, {"keywords": ["CYBER_STALKING", "COORDINATED_HARM"]}]
)
async def test_of_what_few_are_the_sample_is_among_those(
    ask: Asking, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    monkeypatch.setattr(facets, "MOST_COUNTED", 1)
    totals = []
    for may in (False, True):
        found = await ask.data(ESTIMATED, {"f": given, "by": ["MEASURE"], "may": may})
        totals.append(sum(one["number"] for one in found["facets"]))
        assert all(one["isEstimated"] is may for one in found["facets"])
    assert totals[1] == pytest.approx(totals[0], rel=0.5)


def test_the_sweep_finds_what_is_due_along_indexes(large: Large) -> None:
    with closing(Database(large.url)) as database, database.engine.connect() as connection:
        found = connection.execute(Explained(retention.due_by(LONG_AGO)))
        lines = [str(row[-1]) for row in found]
    assert not whole(lines)
    for index in ("sanctions_ended", "sanctions_to_be_erased"):
        assert any(index in line for line in lines), lines


class Explained(sa.Executable, sa.ClauseElement):
    """A statement whose plan is asked for."""

    inherit_cache = False

    def __init__(self, statement: Any) -> None:
        self.statement = statement


@compiles(Explained, "sqlite")
def _sqlite(explained: Explained, compiler: Any, **how: Any) -> str:
    return f"EXPLAIN QUERY PLAN {compiler.process(explained.statement, **how)}"


@compiles(Explained, "postgresql")
def _postgresql(explained: Explained, compiler: Any, **how: Any) -> str:
    return f"EXPLAIN (COSTS OFF) {compiler.process(explained.statement, **how)}"
