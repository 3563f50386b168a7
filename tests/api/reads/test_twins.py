"""What SQL derives equals what the rules say in Python, at any instant."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from governance.adoptions import Receipt
from governance.appeals import Appeal, AppealMessage, Invitation, Vote
from governance.fields import new_id, print_instant
from governance.identifiers import SubjectKind
from governance.membership import viewer_of
from governance.rules import adoption
from governance.rules.disclosure import Case, Viewer, ViewerKind, is_entitled, is_told, sees_subject
from governance.rules.lifecycle import appeal_state, is_overdue
from governance.rules.permissions import READS, Circle, Reading
from governance.rules.policy import PARTNER_RETENTION
from governance.rules.status import effect, timeline
from governance.sanctions import Disclosure, Sanction
from governance.words import AppealState, Audience, Author, Effect, Outcome
from tests.api.worlds import Asking, Cast, asking
from tests.builders import DAY, HOUR, MICRO, NOW, World, examples

TOLD = """query($overdue: Boolean = true) {
  sanctions(first: 1000) { nodes {
    id effect endedAt endReason subject server reason facts isIndependent } }
  shared: sanctions(first: 1000) { nodes { receipts { nodes { id state isOverdue reason } } } }
  appeals(first: 1000) { nodes { id state isOverdue } }
  pending: sanctions(first: 1000, filter: { effects: [PENDING] }) { nodes { id } }
  inForce: sanctions(first: 1000, filter: { effects: [IN_FORCE] }) { nodes { id } }
  ended: sanctions(first: 1000, filter: { effects: [ENDED] }) { nodes { id } }
  lapsed: appeals(first: 1000, filter: { states: [LAPSED] }) { nodes { id } }
  overdue: appeals(first: 1000, filter: { isOverdue: $overdue }) { nodes { id } }
  punctual: appeals(first: 1000, filter: { isOverdue: false }) { nodes { id } }
}"""
SAID = """query($ids: [ID!]!, $id: ID!, $secret: String!) {
  nodes(ids: $ids) { ... on Appeal { id messages { at } } }
  appellantView(sanctionId: $id, appealSecret: $secret) { appeals { id messages { at } } }
}"""
VIEWERS = ("public", "researcher", "partner", "host", "issuer")


@dataclass(slots=True)
class Clock:
    """The node's clock, which a test sets."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Records:
    """Everything stored that the derived facts follow from."""

    sanctions: Sequence[Sanction]
    disclosures: dict[str, Disclosure]
    appeals: Sequence[Appeal]
    invitations: Sequence[Invitation]
    receipts: Sequence[Receipt]
    clock: Clock = field(default_factory=Clock)

    def guests(self, sanction_id: str) -> frozenset[str]:
        return frozenset(i.platform_id for i in self.invitations if i.sanction_id == sanction_id)

    def edges(self) -> list[datetime]:
        """Every instant at which something turns into something else."""
        of = [i for s in self.sanctions for i in (s.starts_at, s.ends_at) if i]
        of += [r.due_at for r in self.receipts if r.due_at]
        of += [i for a in self.appeals for i in (a.due_at, a.lapses_at) if i]
        forgotten = [s.ends_at or s.recorded_at for s in self.sanctions]
        return sorted({*of, *(instant + PARTNER_RETENTION for instant in forgotten)})


@pytest.fixture
def records(rich_url: str, cast: Cast) -> Records:
    """Return the rich world's records, and one of every combination that visibility depends on."""
    with World(rich_url) as world:
        with world.database.writing() as session:
            for row in combinations(world.sanction(cast.appealable), cast):
                session.add(row)
                session.flush()
        with world.database.reading() as session:
            disclosures = {d.sanction_id: d for d in session.exec(select(Disclosure))}
            sanctions = session.exec(select(Sanction)).all()
            appeals = session.exec(select(Appeal)).all()
            invitations = session.exec(select(Invitation)).all()
            receipts = session.exec(select(Receipt)).all()
            return Records(sanctions, disclosures, appeals, invitations, receipts)


def combinations(like: Sanction, cast: Cast) -> list[Sanction | Disclosure]:
    rows: list[Sanction | Disclosure] = []
    hosts = (None, cast.a.platform.id, cast.b.platform.id)
    ends = (None, NOW - 31 * DAY, NOW)
    for kind, audience, is_binding, host, end in product(
        SubjectKind, Audience, (True, False), hosts, ends
    ):
        new: dict[str, Any] = {
            "id": new_id("san"),
            "reference_key": new_id("ref"),
            "subject_kind": kind,
        }
        new |= {"audience": audience, "is_binding": is_binding, "ends_at": end}
        rows.append(Sanction(**(like.model_dump() | new | {"secret_hash": None})))
        about = f"https://{kind.lower()}.example/{new['id']}"
        texts: dict[str, Any] = {
            "subject": about,
            "reason": f"{host} {end}",
            "facts": "Facts",
            "seed": bytes(32),
        }
        rows.append(Disclosure(sanction_id=new["id"], host_id=host, **texts))
    return rows


@pytest.fixture
async def told(rich_url: str, records: Records) -> AsyncIterator[Asking]:
    """Yield an executor on the records."""
    async with asking(rich_url, records.clock) as found:
        yield found


def case_of(sanction: Sanction, disclosure: Disclosure, guests: frozenset[str]) -> Case:
    return Case(
        platform_id=sanction.platform_id,
        host_id=disclosure.host_id,
        kind=sanction.subject_kind,
        audience=sanction.audience,
        is_binding=sanction.is_binding,
        recorded_at=sanction.recorded_at,
        ends_at=sanction.ends_at,
        guest_ids=guests,
    )


def expected(
    sanction: Sanction,
    disclosure: Disclosure | None,
    guests: frozenset[str],
    viewer: Viewer,
    now: datetime,
) -> Any:
    """A sanction's derived facts, by the rules."""
    by_now = effect((sanction.starts_at, sanction.ends_at), now)
    has_ended = by_now is Effect.ENDED
    assert sanction.ends_at is not None or not has_ended
    texts: dict[str, str | None] = dict.fromkeys(("subject", "server", "reason", "facts"))
    if disclosure is not None:
        case = case_of(sanction, disclosure, guests)
        is_server = sanction.subject_kind is SubjectKind.SERVER
        texts["server"] = disclosure.subject if is_server else None
        texts["subject"] = disclosure.subject if sees_subject(viewer, case, now) else None
        if is_entitled(viewer, case, now):
            texts |= {"reason": disclosure.reason, "facts": disclosure.facts}
    return {
        "id": sanction.id,
        "effect": by_now.value,
        "endedAt": print_instant(sanction.ends_at) if has_ended and sanction.ends_at else None,
        "endReason": sanction.end_reason.value if has_ended and sanction.end_reason else None,
        "isIndependent": sanction.derived_from_id is None or sanction.has_own_grounds,
        **texts,
    }


def receipts_by_rule(records: Records, viewer: Viewer, now: datetime) -> dict[str, Any]:
    """Receipts with whether they are overdue; the reason is for the two platforms concerned."""
    issuers = {sanction.id: sanction.platform_id for sanction in records.sanctions}
    found: dict[str, Any] = {}
    for receipt in records.receipts:
        concerned = {receipt.platform_id, issuers[receipt.sanction_id]}
        found[receipt.id] = {
            "id": receipt.id,
            "state": receipt.state.value,
            "isOverdue": adoption.is_overdue(receipt.state, receipt.due_at, now),
            "reason": receipt.reason if viewer.platform_id in concerned else None,
        }
    return found


@pytest.mark.property
@examples(20)
@given(data=st.data())
async def test_derived_facts_and_visibility_equal_the_rules_at_any_instant(
    told: Asking, records: Records, cast: Cast, data: st.DataObject
) -> None:
    edge = data.draw(st.sampled_from(records.edges()))
    now = records.clock.now = edge + data.draw(st.sampled_from([-MICRO, 0 * DAY, MICRO]))
    actors = cast.viewers | {"host": cast.a.reader, "partner": cast.b.reader}
    for who in VIEWERS:
        viewer = viewer_of(actors[who])
        answer = await told.data(TOLD, {}, actors[who])
        nodes = answer["sanctions"]["nodes"]
        shown = [r for s in answer["shared"]["nodes"] for r in s["receipts"]["nodes"]]
        assert {r["id"]: r for r in shown} == receipts_by_rule(records, viewer, now)
        got = {node["id"]: node for node in nodes}
        assert len(got) == len(records.sanctions)
        for sanction in records.sanctions:
            disclosure = records.disclosures.get(sanction.id)
            guests = records.guests(sanction.id)
            assert got[sanction.id] == expected(sanction, disclosure, guests, viewer, now)
    answer = await told.data(TOLD)
    for name, wanted in (("pending", "PENDING"), ("inForce", "IN_FORCE"), ("ended", "ENDED")):
        of = {s.id for s in records.sanctions if effect((s.starts_at, s.ends_at), now) == wanted}
        assert {node["id"] for node in answer[name]["nodes"]} == of
    states = {a.id: appeal_state(a.state, a.lapses_at, now) for a in records.appeals}
    overdue = {a.id: is_overdue(states[a.id], a.due_at, now) for a in records.appeals}
    assert {n["id"]: (n["state"], n["isOverdue"]) for n in answer["appeals"]["nodes"]} == {
        key: (states[key].value, overdue[key]) for key in states
    }
    lapsed = {key for key, state in states.items() if state is AppealState.LAPSED}
    assert {node["id"] for node in answer["lapsed"]["nodes"]} == lapsed
    assert {n["id"] for n in answer["overdue"]["nodes"]} == {k for k, v in overdue.items() if v}
    assert {n["id"] for n in answer["punctual"]["nodes"]} == {
        k for k, v in overdue.items() if not v
    }


def test_what_is_stored_is_what_the_timeline_says(still_url: str) -> None:
    with World(still_url) as world, world.database.reading() as session:
        for row in session.exec(select(Sanction)):
            line = timeline(row)
            stored = (row.starts_at, row.ends_at, row.end_reason)
            assert stored == (line.starts_at, line.ends_at, line.end_reason)


async def test_private_disclosures_of_a_server_follow_its_audience(ask: Asking, cast: Cast) -> None:
    query = "query($id: ID!) { sanction(id: $id) { server subject reason facts } }"
    asked = {"id": cast.server_only_own}
    public = {"server": "https://secretive.example", "subject": "https://secretive.example"}
    for actor in (None, cast.a.researcher, cast.b.reader):
        told = await ask.data(query, asked, actor)
        assert told["sanction"] == {**public, "reason": None, "facts": None}
    own = await ask.data(query, asked, cast.a.reader)
    assert own["sanction"]["reason"] == "You threatened somebody"


@pytest.mark.parametrize(
    ("name", "is_seen"), [("shared_edge", True), ("forgotten", False), ("unending_record", False)]
)
async def test_partners_see_a_subject_until_thirty_days_after_the_end(
    ask: Asking, cast: Cast, name: str, is_seen: bool
) -> None:
    query = "query($id: ID!) { sanction(id: $id) { subject reason issuerReference } }"
    asked = {"id": getattr(cast, name)}
    partner = (await ask.data(query, asked, cast.b.reader))["sanction"]
    assert (partner["subject"] is not None, partner["reason"] is not None) == (is_seen, is_seen)
    assert partner["issuerReference"] is None
    own = (await ask.data(query, asked, cast.a.reader))["sanction"]
    assert None not in own.values()


async def test_a_subject_is_found_by_those_alone_who_may_see_it(ask: Asking, cast: Cast) -> None:
    query = "query($filter: SanctionFilter) { sanctions(filter: $filter) { nodes { id } } }"

    async def found(sanction_id: str, viewer: str) -> bool:
        whose = "query($id: ID!) { sanction(id: $id) { subject } }"
        subject = (await ask.data(whose, {"id": sanction_id}, cast.a.reader))["sanction"]["subject"]
        asked = {"filter": {"subject": subject}}
        nodes = (await ask.data(query, asked, cast.viewers[viewer]))["sanctions"]["nodes"]
        return {"id": sanction_id} in nodes

    for sanction_id, seen_by in {
        cast.server_only_own: {"public", "researcher", "partner", "issuer"},
        cast.shared_edge: {"partner", "issuer"},
        cast.forgotten: {"issuer"},
        cast.unending_record: {"issuer"},
    }.items():
        assert {who for who in cast.viewers if await found(sanction_id, who)} == seen_by


@dataclass(frozen=True, slots=True)
class Exchange:
    """An appeal as far as its messages depend on it, which were written at each of `SPOKEN`."""

    votes: tuple[datetime, ...]
    decided_at: datetime | None


SPOKEN = [NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - HOUR]  # by the person, and by two reviewers
VOTES: list[tuple[datetime, ...]] = [(), (SPOKEN[1],), (SPOKEN[1], SPOKEN[2])]


def exchanges(world: World, cast: Cast) -> dict[str, Exchange]:
    """An appeal with messages for each way that it may be decided by one, two or nobody."""
    made: dict[str, Exchange] = {}
    with world.database.writing() as session:
        for votes, decided_at in product(VOTES, (None, SPOKEN[-1])):
            appeal = Appeal(
                id=new_id("apl"),
                sanction_id=cast.appealable,
                origin_id=cast.appealable,
                platform_id=cast.c.platform.id,
                state=AppealState.DECIDED if decided_at else AppealState.IN_REVIEW,
                filed_by=Author.APPELLANT,
                filed_at=SPOKEN[0],
                due_at=NOW + DAY,
                decided_at=decided_at,
            )
            session.add(appeal)
            session.flush()
            of: dict[str, Any] = {"appeal_id": appeal.id}
            authors = (Author.APPELLANT, Author.PLATFORM, Author.PLATFORM)
            for author, at in zip(authors, SPOKEN, strict=True):
                session.add(AppealMessage(**of, id=new_id("msg"), author=author, text="So", at=at))
            for by, at in zip((cast.c.reviewer, cast.c.reviewer_2), votes, strict=False):
                session.add(Vote(**of, member_id=by.member_id, outcome=Outcome.UPHELD, at=at))
            made[appeal.id] = Exchange(votes, decided_at)
        guest = cast.b.platform.id
        session.add(Invitation(sanction_id=cast.appealable, platform_id=guest, at=SPOKEN[0]))
    return made


async def test_messages_are_told_as_the_rule_has_it(rich_url: str, cast: Cast) -> None:
    with World(rich_url) as world:
        made = exchanges(world, cast)
    circles = {
        Circle.OWN: cast.c.reader,
        Circle.GUEST: cast.b.reader,
        Circle.PARTNER: cast.a.reader,
        Circle.PUBLIC: None,
        Circle.HOLDER: None,
    }
    asked = {"ids": list(made), "id": cast.appealable, "secret": cast.secret}
    async with asking(rich_url) as ask:
        for circle, actor in circles.items():
            answer, is_holder = await ask.data(SAID, asked, actor), circle is Circle.HOLDER
            viewer = Viewer(ViewerKind.APPELLANT) if is_holder else viewer_of(actor)
            told = answer["appellantView"]["appeals"] if is_holder else answer["nodes"]
            reads = circle in READS[Reading.MESSAGES]
            assert {appeal["id"]: appeal["messages"] for appeal in told} == {
                key: [
                    {"at": print_instant(at)}
                    for at in SPOKEN
                    if is_told(viewer, at, exchange.votes, exchange.decided_at)
                ]
                if reads
                else None
                for key, exchange in made.items()
            }, circle
