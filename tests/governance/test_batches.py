"""A batch comes to what its items come to one by one, in a fixed number of statements."""

from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from governance import issuing
from governance.entries import LogEntry
from governance.errors import Refused
from governance.events import Event
from governance.issuing import Issued
from governance.log.canonical import parse_canonical
from governance.membership import Actor
from governance.preparing import prepare
from governance.requesting import Request, draft
from governance.sanctions import Disclosure, Part, Sanction, SubjectKey
from governance.vocabulary import Category
from governance.words import Automation, Measure
from tests.builders import DAY, KEYS, NOW, TERMINATION, World, examples
from tests.builders import draft as words

MOST_STATEMENTS = 17  # of a batch, however large

ITEMS = st.fixed_dictionaries(
    {
        "issuer_reference": st.sampled_from(["1", "2", "3", "4", "5"]),
        "subject": st.sampled_from(["acct:a@x.example", "acct:b@x.example", "https://x.example/c"]),
        "conduct_from": st.sampled_from([NOW - 9 * DAY, NOW - 8 * DAY]),
        "expires_at": st.sampled_from([None, NOW + DAY, NOW + 100 * DAY, NOW + 181 * DAY]),
        "category": st.sampled_from([Category.VIOLENCE, Category.SCAMS_AND_FRAUD]),
        "measure": st.sampled_from(
            [
                *(Measure.ACCOUNT_SUSPENDED, Measure.SERVICE_RESTRICTED, Measure.WARNING),
                *(Measure.CONTENT_REMOVED, Measure.CONTENT_OTHER, Measure.ACCOUNT_TERMINATED),
            ]
        ),
        "aliases": st.sampled_from([[], ["acct:b@x.example"], ["acct:c@host.example"]]),
        "reason": st.sampled_from(["One", "Another"]),
        "is_terminated": st.booleans(),
        "supersedes": st.sampled_from([None, None, "first", "record"]),
        "is_outside": st.booleans(),
    }
)


def requests(items: Sequence[dict[str, Any]], there: dict[str | None, str]) -> list[Request]:
    found = []
    for item in items:
        given = words(conduct_to=NOW - 8 * DAY, automation=Automation.PARTIALLY) | item
        if given.pop("is_terminated"):
            given |= TERMINATION
        is_outside = given.pop("is_outside")
        given["supersedes"] = there.get(given["supersedes"])
        found.append(Request(draft(given), is_outside=is_outside))
    return found


def told(answers: Sequence[Issued | Refused]) -> list[object]:
    return [
        (answer.code, answer.path)
        if isinstance(answer, Refused)
        else (answer.is_new, answer.is_binding, answer.appeal_secret is not None)
        for answer in answers
    ]


def written(world: World, actor: Actor) -> dict[str, Any]:
    """All that is stored of a platform, but for what differs from decision to decision."""
    with world.database.reading() as session:
        own = select(Sanction).where(Sanction.platform_id == actor.platform_id)
        sanctions = {one.id: one for one in session.exec(own)}
        named, first = (
            col(LogEntry.case_id),
            {one.first_entry: key for key, one in sanctions.items()},
        )
        of_cases = sa.select(LogEntry).where(named.in_(sanctions) | col(LogEntry.index).in_(first))
        told = session.scalars(of_cases.order_by(col(LogEntry.index)))
        entries = [(one.case_id or first[one.index], one.data, one.seq) for one in told]
        order = {case: place for place, (case, _, _) in enumerate(dict.fromkeys(entries))}
        replaced = {one.supersedes_id for one in sanctions.values()}
        found: dict[str, Any] = {"sanctions": {}, "entries": [], "events": []}
        apart = {"id", "platform_id", "issued_by", "reference_key", "fingerprint", "secret_hash"}
        for key, one in sanctions.items():
            values = one.model_dump(exclude=apart | {"supersedes_id", "first_event", "first_entry"})
            values["order"] = order[key], key in replaced, one.supersedes_id is not None
            values["keys"] = len(_of(session, SubjectKey, key))
            values["is_issuers"] = one.issued_by == actor.member_id
            values["parts"] = sorted(p.part for p in _of(session, Part, key))
            held = session.get_one(Disclosure, key)
            values["held"] = held.model_dump(exclude={"sanction_id", "seed"})
            found["sanctions"][values["order"]] = values
        for case, data, seq in entries:
            leaf: Any = parse_canonical(data.encode())
            decision = leaf["decision"]
            for name in ("platform", "case", "supersedes"):
                decision.pop(name, None)
            decision["commitments"] = sorted(decision.get("commitments", {}))
            found["entries"].append((order[case], seq, decision))
        events = select(Event).where(col(Event.sanction_id).in_(sanctions))
        for event in session.exec(events.order_by(col(Event.position))):
            values = event.model_dump(exclude={"position", "platform_id", "sanction_id"})
            found["events"].append((order[event.sanction_id], values))
        return found


def _of(session: Any, table: Any, sanction_id: str) -> list[Any]:
    return list(session.exec(select(table).where(table.sanction_id == sanction_id)))


@pytest.mark.property
@examples(10)
@given(items=st.lists(ITEMS, min_size=1, max_size=7))
def test_a_batch_is_its_items_one_by_one(world: World, items: list[dict[str, Any]]) -> None:
    teams = world.team(), world.team()
    there: list[dict[str | None, str]] = []
    for team in teams:
        given: dict[str, Any] = {"subject": "acct:a@x.example", "conduct_from": NOW - 20 * DAY}
        given["conduct_to"] = given["conduct_from"]
        first = world.issue(team.issuer, NOW, issuer_reference="before", **given)
        record = world.record(team.issuer, NOW, issuer_reference="recorded", **given)
        there.append({"first": first, "record": record})
    wanted, issuer = requests(items, there[0]), teams[0].issuer
    ready = prepare(KEYS, issuer, teams[0].platform.domain, wanted, NOW)
    whole = world.do(issuing.issue_prepared, KEYS, issuer, ready, now=NOW)
    single: list[Issued | Refused] = []
    for request in requests(items, there[1]):
        single += world.do(issuing.issue, KEYS, teams[1].issuer, [request], now=NOW)
    assert told(whole) == told(single)
    assert written(world, teams[0].issuer) == written(world, teams[1].issuer)


@pytest.mark.parametrize("count", [1, 50, 400])
def test_a_batch_takes_few_statements_however_large(world: World, count: int) -> None:
    team = world.team()
    world.issue(team.issuer)
    wanted = [Request(draft(words())) for _ in range(count)]
    seen: list[str] = []
    sa.event.listen(
        world.database.engine, "before_cursor_execute", lambda *told: seen.append(told[2])
    )
    answers = world.do(issuing.issue, KEYS, team.issuer, wanted, now=NOW)
    assert all(isinstance(answer, Issued) for answer in answers)
    assert 0 < len(seen) <= MOST_STATEMENTS
