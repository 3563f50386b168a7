"""Batches, retries, double jeopardy and aliases: what a decision meets when it isn't the first."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlmodel import func, select

from governance import issuing, requesting
from governance.errors import RefusalCode, Refused
from governance.issuing import MOST_IN_BATCH, Issued
from governance.membership import Actor
from governance.records import sanctions
from governance.requesting import Request
from governance.settings import token_hash
from governance.vocabulary import Category
from governance.words import Measure
from tests.builders import DAY, KEYS, MICRO, NOW, Team, World, draft, refused, subject


def issue_many(world: World, actor: Actor, *drafts: dict[str, Any]) -> list[Issued | Refused]:
    requests = [Request(requesting.draft(each)) for each in drafts]
    return world.do(issuing.issue, KEYS, actor, requests, now=NOW)


def how_many(world: World) -> int:
    with world.database.reading() as session:
        return session.exec(select(func.count()).select_from(sanctions.Sanction)).one()


@contextmanager
def looked_up(world: World) -> Iterator[list[str]]:
    """What SQLite looks up at each sanction there is, of all it is asked meanwhile."""
    found: list[str] = []

    def explain(_: Any, cursor: Any, statement: str, given: Any, *__: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            asked = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)
            steps = [step for *_, step in asked]
            if "SCAN sanctions" in steps:
                found.extend(step for step in steps if step.startswith("SEARCH"))

    told = (world.database.engine, "before_cursor_execute", explain)
    sa.event.listen(*told)
    yield found
    sa.event.remove(*told)


@pytest.mark.parametrize("count", [1, 1_000])
def test_a_batch_looks_nothing_up_at_each_sanction(sqlite_url: str, count: int) -> None:
    """Small tables, which are known to be small, tempt SQLite most."""
    with World(sqlite_url) as world:
        team = world.team()
        issue_many(world, team.issuer, *(draft(subject=subject()) for _ in range(1_000)))
        with world.database.writing() as session:
            session.execute(sa.text("ANALYZE"))
        with looked_up(world) as steps:
            issue_many(world, team.issuer, *(draft(subject=subject()) for _ in range(count)))
        assert steps == []


@pytest.mark.parametrize(
    ("table", "key"),
    [("sanctions", "id"), ("disclosures", "sanction_id")],
)
def test_a_batch_writes_rows_in_the_order_of_their_ids(world: World, table: str, key: str) -> None:
    """So that those which change the same page of an index come one after another."""
    issue_many(world, world.team().issuer, *(draft(subject=subject()) for _ in range(50)))
    place = "rowid" if world.database.dialect == "sqlite" else "ctid"
    with world.database.reading() as session:
        found = session.scalars(sa.text(f"SELECT {key} FROM {table} ORDER BY {place}")).all()
    assert len(found) == 50
    assert found == sorted(found)


def test_a_batch_reads_no_table_that_has_grown_since_its_plan(postgresql_url: str) -> None:
    """The server keeps a plan that it made while there was next to nothing to read."""
    with World(postgresql_url) as world:
        team = world.team()
        for _ in range(12):
            issue_many(world, team.issuer, *(draft(subject=subject()) for _ in range(50)))
        requests = [Request(requesting.draft(draft(subject=subject()))) for _ in range(50)]
        with world.database.writing() as session:
            issuing.issue(session, KEYS, team.issuer, requests, now=NOW)
            read = sa.text(
                "SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables WHERE idx_scan > 0 "
                "AND relname IN ('sanctions', 'subject_keys')"
            )
            told = dict(session.execute(read).all())
        assert told == {"sanctions": 0, "subject_keys": 0}


def test_a_batch_takes_an_issuer(world: World, team: Team) -> None:
    with refused(world, RefusalCode.FORBIDDEN):
        issue_many(world, team.reader, draft(), draft())


def test_references_are_each_platforms_own(world: World, team: Team) -> None:
    mine = world.issued(team.issuer, issuer_reference="7")
    theirs = world.issued(world.team().issuer, issuer_reference="7")
    assert theirs.is_new
    assert mine.sanction_id != theirs.sanction_id


def test_a_retry_gets_the_first_answer_and_counts_once(world: World, team: Team) -> None:
    body = draft()
    first = world.issued(team.issuer, **body)
    before = world.snapshot()
    again = world.issued(team.issuer_2, NOW + DAY, **body)
    assert (again.sanction_id, again.appeal_secret) == (first.sanction_id, first.appeal_secret)
    assert (first.is_new, again.is_new) == (True, False)
    assert world.snapshot() == before


def test_defaults_left_out_are_the_same_body(world: World, team: Team) -> None:
    body = draft()
    first = world.issued(team.issuer, **body)
    assert world.issued(team.issuer, aliases=[], keywords=[], **body) == Issued(
        first.sanction_id, first.appeal_secret, is_new=False
    )


@pytest.mark.parametrize(
    "change", [{"reason": "Another"}, {"category": Category.SCAMS_AND_FRAUD}, {"explanation": "x"}]
)
def test_another_body_under_the_reference_is_a_conflict(
    world: World, team: Team, change: dict[str, Any]
) -> None:
    body = draft()
    world.issue(team.issuer, **body)
    with refused(world, RefusalCode.REFERENCE_REUSED, "issuerReference"):
        world.issue(team.issuer, **(body | change))


def test_a_record_under_the_reference_is_another_body(world: World, team: Team) -> None:
    body = draft()
    world.issue(team.issuer, **body)
    request = Request(requesting.draft(body), is_outside=True)
    with refused(world, RefusalCode.REFERENCE_REUSED):
        world.do(issuing.issue_one, KEYS, team.issuer, request, now=NOW)


def test_the_secret_is_stored_as_a_hash_and_not_given_again_once_used(
    world: World, team: Team
) -> None:
    body = draft()
    first = world.issued(team.issuer, **body)
    assert first.appeal_secret is not None
    assert world.sanction(first.sanction_id).secret_hash == token_hash(first.appeal_secret)
    assert first.appeal_secret not in repr(world.snapshot())
    world.file(None, first.sanction_id, secret=first.appeal_secret)
    assert world.issued(team.issuer, **body).appeal_secret is None


def test_a_thousand_at_once_with_bad_ones_among_them(world: World, team: Team) -> None:
    drafts = [draft() for _ in range(MOST_IN_BATCH)]
    for position in range(0, MOST_IN_BATCH, 10):
        drafts[position]["expires_at"] = None
    answers = issue_many(world, team.issuer, *drafts)
    for position, answer in enumerate(answers):
        if position % 10:
            assert isinstance(answer, Issued)
        else:
            assert isinstance(answer, Refused)
            assert answer.code is RefusalCode.END_REQUIRED
    assert how_many(world) == 900
    again = issue_many(world, team.issuer, *drafts)
    assert [a.sanction_id for a in again if isinstance(a, Issued)] == [
        a.sanction_id for a in answers if isinstance(a, Issued)
    ]
    assert how_many(world) == 900


def test_a_retry_within_the_batch_counts_once(world: World, team: Team) -> None:
    body = draft()
    first, again, other = issue_many(
        world, team.issuer, body, dict(body), body | {"reason": "Another"}
    )
    assert isinstance(first, Issued)
    assert again == Issued(first.sanction_id, first.appeal_secret, is_new=False)
    assert isinstance(other, Refused)
    assert other.code is RefusalCode.REFERENCE_REUSED
    assert how_many(world) == 1


def test_items_of_a_batch_meet_each_other(world: World, team: Team) -> None:
    about = subject()
    body = draft(subject=about)
    twin = body | {"issuer_reference": "twin"}
    long_1 = draft(subject=about, expires_at=NOW + 180 * DAY)
    answers = issue_many(world, team.issuer, body, twin, long_1, draft(subject=about))
    codes = [a.code if isinstance(a, Refused) else "issued" for a in answers]
    assert codes == ["issued", RefusalCode.DOUBLE_JEOPARDY, "issued", "issued"]
    following = draft(
        subject=about, effective_at=NOW + 180 * DAY, expires_at=NOW + 180 * DAY + MICRO
    )
    [refusal] = issue_many(world, team.issuer, following)
    assert isinstance(refusal, Refused)
    assert refusal.code is RefusalCode.TOTAL_TOO_LONG


def test_a_refused_shape_keeps_its_place(world: World, team: Team) -> None:
    bad = Refused("this item has no shape")
    answers = world.do(
        issuing.issue, KEYS, team.issuer, [bad, Request(requesting.draft(draft())), bad], now=NOW
    )
    assert [answer is bad for answer in answers] == [True, False, True]


def test_the_same_conduct_is_not_sanctioned_twice_by_one_platform(world: World, team: Team) -> None:
    body = draft()
    world.issue(team.issuer, **body)
    again = body | {"issuer_reference": "again"}
    with refused(world, RefusalCode.DOUBLE_JEOPARDY, "conductFrom"):
        world.issue(team.issuer, **again)
    world.issue(world.team().issuer, **again)  # another platform decides for itself
    after = body["conduct_to"] + MICRO
    world.issue(team.issuer, **(again | {"conduct_from": after, "conduct_to": after}))


@pytest.mark.parametrize("undo", ["void", "overturn"])
def test_what_was_undone_doesnt_bar_a_new_decision(world: World, team: Team, undo: str) -> None:
    body = draft()
    first = world.issue(team.issuer, **body)
    getattr(world, undo)(team.issuer, first)
    world.issue(team.issuer, **(body | {"issuer_reference": "again"}))


def test_what_was_served_or_lifted_still_bars_it(world: World, team: Team) -> None:
    body = draft()
    first = world.issue(team.issuer, **body)
    again = body | {"issuer_reference": "again", "expires_at": NOW + 40 * DAY}
    with refused(world, RefusalCode.DOUBLE_JEOPARDY):
        world.issue(team.issuer, NOW + 30 * DAY, **again)
    world.lift(team.issuer, first)
    with refused(world, RefusalCode.DOUBLE_JEOPARDY):
        world.issue(team.issuer, NOW + 30 * DAY, **again)


def test_aliases_of_an_account_share_conduct_and_cap(world: World, team: Team) -> None:
    one, other, third = subject(), subject(), subject()
    body = draft(subject=one, aliases=[other], expires_at=NOW + 180 * DAY)
    world.issue(team.issuer, **body)
    by_alias = body | {"issuer_reference": "by alias", "subject": other, "aliases": []}
    with refused(world, RefusalCode.DOUBLE_JEOPARDY):
        world.issue(team.issuer, **by_alias)
    with refused(world, RefusalCode.TOTAL_TOO_LONG):
        world.issue(
            team.issuer,
            subject=third,
            aliases=[other],
            effective_at=NOW + 180 * DAY,
            expires_at=NOW + 181 * DAY,
        )


def test_aliases_are_accounts(world: World, team: Team) -> None:
    with refused(world, RefusalCode.INVALID_INPUT, "aliases"):
        world.issue(
            team.issuer,
            subject="https://spam.example",
            measure=Measure.SERVER_SUSPENDED,
            aliases=["acct:a@spam.example"],
        )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"expires_at": NOW + DAY + MICRO, "effective_at": NOW, "keywords": []},
        {"policy_reference": {"rule": "1", "url": "https://a.example/é"}, "explanation": '"\\ü\n'},
        {"subject_kind": "ACCOUNT", "aliases": ["acct:b@c.example"], "audience": "OWN"},
    ],
)
@pytest.mark.parametrize("is_outside", [False, True])
def test_a_body_is_known_again_by_all_that_isnt_default(
    changes: dict[str, Any], is_outside: bool
) -> None:
    request = Request(requesting.draft(draft(**changes)), is_outside=is_outside)
    given = request.draft.model_dump(mode="json", exclude_defaults=True)
    body = orjson.dumps([is_outside, given], option=orjson.OPT_SORT_KEYS).decode()
    assert requesting.fingerprint(KEYS, "x", request) == KEYS.tag("fingerprint", "x", body)
