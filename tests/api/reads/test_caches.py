"""Documents and plans are kept, as many as are allowed, and shared by what is alike."""

import gc
import threading
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from typing import Any

import graphql
import pytest
import sqlalchemy as sa
from graphql import DocumentNode

from api import documents
from api.documents import KEPT_DOCUMENTS, LONGEST_KEPT, SHORT
from api.explorer.asking import document
from api.proofs import Proof, Prover
from api.reads import plans
from api.reads.caches import Kept
from api.reads.dialects import DIALECTS, Dialect
from api.reads.stores import LONGEST_KEPT as LONGEST_STATEMENT
from api.reads.stores import SQLiteStore
from governance.membership import Actor
from tests.api.worlds import ACCOUNT, SERVER, Asking, Cast

STATUS = """query($subject: URI!, $kind: SubjectKind, $at: DateTime) {
  suspensionStatus(subject: $subject, subjectKind: $kind, at: $at) { isSuspended asOf } }"""
LISTED = """query($filter: SanctionFilter, $first: Int, $with: Boolean! = false) {
  sanctions(filter: $filter, first: $first) { nodes { id effect @include(if: $with) } } }"""


def test_what_was_unused_longest_goes_first() -> None:
    kept: Kept[str] = Kept(2)
    for key in ("a", "b", "a", "c", "a", "b"):
        assert kept.get(key, lambda key=key: key.upper()) == key.upper()  # type: ignore[misc]
    assert (len(kept), kept.hits, kept.misses) == (2, 2, 4)


def test_what_could_not_be_made_is_not_kept() -> None:
    kept: Kept[int] = Kept(2)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 // 0)
    assert (len(kept), kept.get("a", lambda: 1)) == (0, 1)


async def plans_for(ask: Asking, query: str, *asked: dict[str, Any], by: Actor | None) -> int:
    """How many plans the same query makes with these variables."""
    before = ask.executor.reader.planner.plans.misses
    for variables in asked:
        await ask.data(query, variables, by)
    return ask.executor.reader.planner.plans.misses - before


async def test_different_values_share_a_plan(ask: Asking, cast: Cast) -> None:
    by = cast.b.reader
    subjects = [{"subject": s} for s in (ACCOUNT, SERVER, ACCOUNT, "acct:x@nowhere.example")]
    assert await plans_for(ask, STATUS, *subjects, by=by) == 1
    instants = [{"subject": SERVER, "at": f"202{n}-01-01T00:00:00Z"} for n in range(8)]
    assert await plans_for(ask, STATUS, *instants, by=by) == 1
    filters: list[dict[str, Any]] = [
        {"filter": {"measures": measures}, "first": first}
        for measures in ([], ["WARNING", "SERVER_LIMITED"], ["WARNING", "WARNING", "WARNING"])
        for first in (0, 1, 50)
    ]
    assert await plans_for(ask, LISTED, *filters, by=by) == 1


async def test_lists_of_one_item_share_a_plan_of_their_own(ask: Asking, cast: Cast) -> None:
    filters: list[dict[str, Any]] = [
        {"filter": {"measures": measures}}
        for measures in (["WARNING"], "WARNING", ["SERVER_LIMITED"])
    ]
    assert await plans_for(ask, LISTED, *filters, by=cast.b.reader) == 1
    assert await plans_for(ask, LISTED, {"filter": {"measures": []}}, by=cast.b.reader) == 1


async def test_words_have_plans_by_what_is_usual_among_them(ask: Asking, cast: Cast) -> None:
    def asked(name: str, *lists: list[str]) -> list[dict[str, Any]]:
        return [{"filter": {name: words}} for words in lists]

    wishes = [
        asked("validities", ["VOIDED"], ["OVERTURNED"], ["SUPERSEDED"]),
        asked("validities", ["STANDING"]),
        asked("validities", ["VOIDED", "OVERTURNED"], ["OVERTURNED", "VOIDED"]),
        asked("validities", ["VOIDED", "STANDING"], ["STANDING", "VOIDED"]),
        asked("endReasons", ["LIFTED"], ["OVERTURNED"]),
        asked("endReasons", ["EXPIRED"]),
        asked("subjectKinds", ["ACCOUNT"], ["CONTENT"]),
        asked("subjectKinds", ["SERVER"]),
    ]
    for alike in wishes:
        assert await plans_for(ask, LISTED, *alike, by=cast.b.reader) == 1, alike
    again = [one for alike in wishes for one in alike]
    assert await plans_for(ask, LISTED, *again, by=cast.b.reader) == 0


async def test_a_partners_plan_serves_every_partner_but_not_the_public(
    ask: Asking, cast: Cast
) -> None:
    asked = {"subject": SERVER}
    assert await plans_for(ask, STATUS, asked, by=cast.a.reader) == 1
    assert await plans_for(ask, STATUS, asked, by=cast.c.admin) == 0
    assert await plans_for(ask, STATUS, asked, by=None) == 1
    assert await plans_for(ask, STATUS, asked, by=cast.a.researcher) == 0


async def test_what_is_null_absent_or_a_boolean_makes_a_plan_of_its_own(
    ask: Asking, cast: Cast
) -> None:
    shapes: list[dict[str, Any]] = [
        {},
        {"filter": None},
        {"filter": {}},
        {"filter": {"isBinding": True}},
        {"filter": {"isBinding": False}},
        {"filter": {"isBinding": None}},
        {"filter": {"platform": None}},
        {"filter": {"platform": "a.example"}},
        {"first": None},
        {"first": 1},
        {"with": True},
        {"with": True, "first": 1},
    ]
    assert await plans_for(ask, LISTED, *shapes, *shapes, by=cast.a.reader) == len(shapes)


async def test_a_plan_never_answers_for_another_shape(ask: Asking, cast: Cast) -> None:
    """Whichever came first."""
    wishes: list[dict[str, Any]] = [{"filter": {"isBinding": b}} for b in (True, False, None)]

    async def answers(order: list[dict[str, Any]]) -> list[str]:
        return [repr(await ask.data(LISTED, wish)) for wish in order]

    forwards = await answers(wishes)
    ask.executor.reader.planner.plans = Kept(100)
    assert await answers(wishes[::-1]) == forwards[::-1]
    assert len(set(forwards)) == 3


async def test_literals_in_a_document_are_not_mistaken_for_each_others(
    ask: Asking, cast: Cast
) -> None:
    ids = [
        n["id"] for n in (await ask.data("{ sanctions { nodes { id } } }"))["sanctions"]["nodes"]
    ]
    for found in ids[:20]:
        data = await ask.data(f'{{ sanction(id: "{found}") {{ id }} }}')
        assert data == {"sanction": {"id": found}}
    two = "{ a: sanction(id: %s) { id } b: sanction(id: %s) { id } }"
    data = await ask.data(two.replace("%s", f'"{ids[0]}"', 1).replace("%s", f'"{ids[1]}"'))
    assert data == {"a": {"id": ids[0]}, "b": {"id": ids[1]}}


async def test_operations_of_one_document_are_told_apart(ask: Asking) -> None:
    both = "query A { policy { version } } query B { policy { ladderSeconds } }"
    for _ in range(2):
        a = await ask.answer(both, operation_name="A")
        b = await ask.answer(both, operation_name="B")
        assert a == {"data": {"policy": {"version": 1}}}
        assert list(b["data"]["policy"]) == ["ladderSeconds"]


async def test_no_more_documents_are_kept_than_allowed(ask: Asking) -> None:
    for n in range(KEPT_DOCUMENTS + 20):
        assert await ask.data(f"{{ a{n}: __typename }}") == {f"a{n}": "Query"}
    assert len(ask.executor.documents.kept) == KEPT_DOCUMENTS


async def test_no_more_plans_are_kept_than_allowed(ask: Asking) -> None:
    ask.executor.reader.planner.plans = Kept(5)
    for n in range(12):
        roots = " ".join(f"a{i}: policy {{ version }}" for i in range(n))
        await ask.data(f"{{ policy {{ version }} {roots} }}")
    assert len(ask.executor.reader.planner.plans) == 5


async def test_nothing_is_kept_of_long_documents_or_operation_names(ask: Asking) -> None:
    long = " " * LONGEST_KEPT
    for _ in range(2):
        assert await ask.data("{ policy { version } }" + long) == {"policy": {"version": 1}}
        answer = await ask.answer("query A { policy { version } }", operation_name=f"A{long}")
        assert answer["errors"][0]["extensions"] == {"code": "BAD_DOCUMENT"}
    assert len(ask.executor.documents.kept) == len(ask.executor.reader.planner.plans) == 0


async def test_others_are_answered_while_a_long_document_is_parsed(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = set[bool]()

    def parse(text: str, **options: Any) -> DocumentNode:
        places.add(threading.current_thread() is threading.main_thread())
        return graphql.parse(text, **options)

    monkeypatch.setattr(documents, "parse", parse)
    await ask.data("{ policy { version } }")
    assert places == {True}
    places.clear()
    for _ in range(2):
        await ask.data("{ policy { version } }" + " " * SHORT)
    assert places == {False}
    assert (ask.executor.documents.kept.misses, ask.executor.documents.kept.hits) == (2, 1)


async def test_a_document_of_too_many_tokens_is_refused_before_it_is_parsed(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = Counter[str]()
    monkeypatch.setattr(documents, "parse", counted(counts, "parse", graphql.parse))
    many = " ".join(f"a{n}: __typename" for n in range(2_000))
    told = []
    spread = "{ " + "..." * 4_500
    for text in (f"{{ {many} }}", f'{{ b: platform(domain: "") {{ id }} {many} }}', spread):
        [error] = (await ask.answer(text))["errors"]
        told.append((error["message"], error["extensions"]["code"]))
    assert told[:2] == [("expected a document of at most 4,000 tokens", "LIMIT_EXCEEDED")] * 2
    assert told[2][1] == "SYNTAX_ERROR"  # what isn't counted, the parser counts
    assert counts == {"parse": 1}


async def test_no_text_of_a_document_is_kept(ask: Asking, cast: Cast) -> None:
    """It may name somebody who is erased later."""
    named = f'{{ suspensionStatus(subject: "{ACCOUNT}") {{ isSuspended }} }}'
    await ask.data(named, None, cast.b.reader)
    await ask.answer("{ alice }")
    await ask.answer("{ alice")
    assert len(ask.executor.documents.kept) == len(ask.executor.reader.planner.plans) == 0
    await ask.data("{ policy { version } } # for Alice")
    assert "Alice" not in repr(list(ask.executor.documents.kept._held))
    await ask.data("{ policy { version } } # for Bob")
    assert (ask.executor.documents.kept.hits, len(ask.executor.documents.kept)) == (1, 1)


async def test_plans_are_made_by_a_thread_that_gives_way_and_leave_nothing_to_collect(
    ask: Asking, planners: Counter[str]
) -> None:
    await ask.data(LISTED)
    gc.collect()
    gc.disable()
    try:
        await ask.data(LISTED, {"filter": {"platform": "harbor.example", "isAppealed": True}})
        assert gc.collect() < 1_000  # of some 5,000 objects that refer to each other
    finally:
        gc.enable()
    for _ in range(2):  # answered by graphql-core
        assert "errors" in await ask.answer(LISTED, {"filter": {"platform": "no domain"}})
    assert planners == {"plans_0": 4}


PARTS: list[dict[str, Any]] = [
    {"platform": "harbor.example"},
    {"measures": ["WARNING"]},
    {"effects": ["ENDED"]},
    {"isAppealed": True},
    {"sources": ["NOTICE", "OWN_INITIATIVE"]},
    {"issuedAfter": "2026-01-01T00:00:00Z"},
]


async def test_plans_of_new_combinations_are_put_together_of_what_is_kept(ask: Asking) -> None:
    """Most of who look at a selection are the first to combine its parts."""

    async def made(count: int) -> tuple[int, int]:
        """How many plans, and pieces of plans, so many parts take."""
        planner = ask.executor.reader.planner
        before = planner.plans.misses, planner.pieces.misses
        for parts in combinations(PARTS, count):
            given = {name: value for part in parts for name, value in part.items()}
            await ask.data(document("sanctions"), {"filter": given, "first": 5, "counts": False})
            for by in (["MEASURE", "VALIDITY"], ["VALIDITY"], ["MEASURE"]):
                await ask.data(document("counts"), {"filter": given, "by": by})
        return planner.plans.misses - before[0], planner.pieces.misses - before[1]

    plans_of_one, pieces_of_one = await made(1)
    assert plans_of_one == 4 * len(PARTS)
    assert 0 < pieces_of_one < 80
    await made(2)
    assert await made(3) == (4 * 20, 0)


async def test_what_a_document_says_itself_is_in_no_kept_piece(ask: Asking) -> None:
    query = """{ sanctions(filter: { measures: [WARNING], isAppealed: true }) { nodes { id } }
      facets(by: [MEASURE], mayEstimate: true, filter: { measures: [%s] }) { number } }"""
    await ask.data(query % "WARNING")
    pieces = ask.executor.reader.planner.pieces
    before = pieces.misses
    for measures in ("SERVER_LIMITED", "WARNING, SERVER_LIMITED", "ACCOUNT_SUSPENDED"):
        await ask.data(query % measures)
    held = "".join(piece.sql for piece in pieces._held.values())
    assert "measure =" not in held
    assert pieces.misses == before + 6  # what each document tells of what is found


async def test_no_plan_is_made_of_mapped_classes(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of their columns has the ORM compile the whole statement, a tenth slower."""
    found = Counter[str]()
    planned = plans.planned

    def noting(statement: sa.Select[Any], *given: Any) -> plans.Plan:
        found[statement._propagate_attrs.get("compile_state_plugin", "core")] += 1
        return planned(statement, *given)

    monkeypatch.setattr(plans, "planned", noting)
    of_platform = {"filter": {"platform": "harbor.example"}}
    for name in ("sanctions", "appeals"):
        await ask.data(document(name), of_platform | {"first": 1})
    await ask.data(document("counts"), of_platform | {"by": ["MEASURE"]})
    assert found.keys() == {"core"}


FLOOD = 60  # documents
FIELDS = """nodes { id subject measure effect validity reason facts explanation endReason
  platform { id domain name } receipts { nodes { state reason } }
  appeals { nodes { id state messages { text } } } }"""


async def test_a_flood_of_new_documents_costs_each_one_look_and_keeps_little(
    ask: Asking, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What graphql-core does for any document is done once, and one plan is made."""
    counts = Counter[str]()
    for name in ("parse", "validate"):
        monkeypatch.setattr(documents, name, counted(counts, name, getattr(documents, name)))
    monkeypatch.setattr(plans, "planned", counted(counts, "planned", plans.planned))
    kept, planner = ask.executor.documents.kept, ask.executor.reader.planner
    planner.plans = Kept(1_000, 100_000, plans._sql_length)
    for n in range(FLOOD):
        await ask.data(f"{{ a{n}: sanctions(first: 1) {{ {FIELDS} }} }}", None, cast.a.reader)
    assert counts == {"parse": FLOOD, "validate": FLOOD, "planned": FLOOD}
    assert (kept.misses, planner.plans.misses) == (FLOOD, FLOOD)
    held = sum(map(plans._sql_length, planner.plans._held.values()))
    assert planner.plans._held_weight == held <= 100_000
    assert 0 < len(planner.plans) < FLOOD


async def test_no_long_statement_stays_prepared(rich_sqlite_url: str) -> None:
    reads = SQLiteStore(rich_sqlite_url, 2, 10)
    for sql, opened in (("SELECT 1" + " " * LONGEST_STATEMENT, 0), ("SELECT 1", 1)):
        assert await reads.one(sql, [], is_point=False) == 1
        assert len(reads._opened) == opened
    await reads.close()


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_no_long_statement_is_kept_with_a_proof_around_it(dialect: Dialect, cast: Cast) -> None:
    prover, proof = Prover(dialect), Proof(cast.a.reader, "digest", "row")
    for sql, kept in (("SELECT 1" + " " * LONGEST_STATEMENT, 0), ("SELECT 1", 1)):
        assert sql in prover.around(sql, [], proof)[0]
        assert prover._proven.cache_info().currsize == kept


def counted(counts: Counter[str], name: str, made: Callable[..., Any]) -> Callable[..., Any]:
    def call(*given: Any, **named: Any) -> Any:
        counts[name] += 1
        return made(*given, **named)

    return call
