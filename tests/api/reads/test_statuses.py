"""Suspension status against a recount in Python; and what was known then stays answerable."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from governance.appeals import Invitation
from governance.events import Event
from governance.fields import print_instant
from governance.identifiers import lookup_key, parse_subject
from governance.membership import Actor, viewer_of
from governance.rules.disclosure import Case, sees_subject
from governance.rules.policy import PARTNER_RETENTION, SUSPENSIONS
from governance.rules.status import effect
from governance.sanctions import Disclosure, Sanction, SubjectKey
from governance.words import Effect, EventType, Outcome, SanctionAnswer
from tests.api.reads.stories import Story
from tests.api.worlds import ACCOUNT, ALIAS, SERVER, Asking, Cast, asking
from tests.builders import DAY, HOUR, KEYS, MICRO, NOW, World, examples

STATUS = """query($subject: URI!, $at: DateTime) { suspensionStatus(subject: $subject, at: $at) {
  subject isSuspended isPermanent until asOf stalePeers
  sanctions {
    id measure subjectKind effect validity effectiveAt expiresAt approvedAt endedAt endReason
    voidCode isBinding policyConflicts timePrecision platform { domain }
  }
} }"""
STATUSES = """query($subjects: [URI!]!) { suspensionStatuses(subjects: $subjects) {
  subject isSuspended isPermanent until asOf stalePeers sanctions { id }
} }"""
SUBJECTS = (
    ACCOUNT, ALIAS, SERVER, "acct:bot@b.example", "acct:nobody@nowhere.example",
    "https://secretive.example", "acct:rusty_kettle@tidepool.example",
)  # fmt: skip

_serials = count(1)
Status = dict[str, Any]


@dataclass(slots=True)
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


class Recount:
    """The records of a world, to be counted again without any SQL."""

    def __init__(self, world: World) -> None:
        with world.database.reading() as session:
            self.sanctions = {s.id: s for s in session.exec(select(Sanction))}
            self.disclosures = {d.sanction_id: d for d in session.exec(select(Disclosure))}
            self.keys = session.exec(select(SubjectKey)).all()
            self.guests: dict[str, set[str]] = {}
            for invited in session.exec(select(Invitation)):
                self.guests.setdefault(invited.sanction_id, set()).add(invited.platform_id)

    def edges(self) -> list[datetime]:
        of = [s for s in self.sanctions.values() if s.measure in SUSPENSIONS]
        return sorted({i for s in of for i in (s.starts_at, s.ends_at) if i})

    def status(self, subject: str, actor: Actor | None, at: datetime) -> Status:
        """The status at an instant, as is known now."""
        parsed = parse_subject(subject)
        secret = KEYS.derived("lookup")
        keys = {lookup_key(secret, kind, parsed.uri) for kind in parsed.kinds}
        named = [self.sanctions[k.sanction_id] for k in self.keys if k.key in keys]
        held = [s for s in named if self._counts(s, actor, at)]
        ends = [s.ends_at for s in held if s.ends_at is not None]
        is_permanent = len(ends) < len(held)
        held.sort(key=lambda s: s.id)
        held.sort(key=lambda s: (s.ends_at is None, s.ends_at or at), reverse=True)
        return {
            "subject": parsed.uri,
            "isSuspended": bool(held),
            "isPermanent": is_permanent,
            "until": print_instant(max(ends)) if ends and not is_permanent else None,
            "asOf": print_instant(at),
            "stalePeers": [],
            "sanctions": [{"id": s.id} for s in held],
        }

    def _counts(self, sanction: Sanction, actor: Actor | None, at: datetime) -> bool:
        return (
            sanction.measure in SUSPENSIONS
            and sanction.is_binding
            and effect((sanction.starts_at, sanction.ends_at), at) is Effect.IN_FORCE
            and sees_subject(viewer_of(actor), self.case(sanction.id), at)
        )

    def case(self, sanction_id: str) -> Case:
        sanction, disclosure = self.sanctions[sanction_id], self.disclosures[sanction_id]
        return Case(
            platform_id=sanction.platform_id,
            host_id=disclosure.host_id,
            kind=sanction.subject_kind,
            audience=sanction.audience,
            is_binding=sanction.is_binding,
            recorded_at=sanction.recorded_at,
            ends_at=sanction.ends_at,
            guest_ids=frozenset(self.guests.get(sanction_id, ())),
        )


async def status(
    ask: Asking, subject: str, actor: Actor | None, at: datetime | None = None
) -> Status:
    asked = {"subject": subject, "at": print_instant(at) if at else None}
    found: Status = (await ask.data(STATUS, asked, actor))["suspensionStatus"]
    return found


def brief(told: Status) -> Status:
    """The status with no more than the ids of its sanctions."""
    return {**told, "sanctions": [{"id": s["id"]} for s in told["sanctions"]]}


@pytest.fixture
async def told(still_url: str) -> AsyncIterator[tuple[Asking, Clock]]:
    """Yield an executor on the rich world, and its clock."""
    clock = Clock()
    async with asking(still_url, clock) as ask:
        yield ask, clock


@pytest.fixture
def counted(still_url: str) -> Recount:
    """Return the records of the rich world."""
    with World(still_url) as world:
        return Recount(world)


@pytest.mark.property
@examples(15)
@given(data=st.data())
async def test_status_is_the_union_of_the_suspensions_in_force_at_any_instant(
    told: tuple[Asking, Clock], counted: Recount, cast: Cast, data: st.DataObject
) -> None:
    ask, clock = told
    edge = data.draw(st.sampled_from([NOW, *counted.edges()]))
    clock.now = edge + data.draw(st.sampled_from([-MICRO, 0 * DAY, MICRO]))
    later = clock.now + data.draw(st.sampled_from([MICRO, DAY, 100 * DAY]))
    for actor in (cast.a.reader, cast.b.reader, cast.c.bot):
        expected = [counted.status(subject, actor, clock.now) for subject in SUBJECTS]
        together = await ask.data(STATUSES, {"subjects": list(SUBJECTS)}, actor)
        assert together["suspensionStatuses"] == expected
        for subject, one in zip(SUBJECTS, expected, strict=True):
            answer = await status(ask, subject, actor)
            assert brief(answer) == one
            assert {s["effect"] for s in answer["sanctions"]} <= {"IN_FORCE"}
            if clock.now >= NOW:  # when all of these records are known
                ahead = await status(ask, subject, actor, later)
                assert brief(ahead) == counted.status(subject, actor, later)
    public = await status(ask, SERVER, None)
    assert brief(public) == counted.status(SERVER, None, clock.now)


async def test_status_ends_with_the_last_suspension_to_the_microsecond(
    database_url: str,
) -> None:
    clock = Clock()
    with World(database_url) as world:
        team, end = world.team(), NOW + 30 * DAY
        account = f"acct:person@{team.platform.domain}"
        longer = world.issue(team.issuer, subject=account, expires_at=end)
        world.issue(team.issuer, subject=account, expires_at=NOW + DAY)
        async with asking(database_url, clock) as ask:

            async def until(at: datetime) -> str | None:
                clock.now = at
                told = await status(ask, account, team.reader)
                assert told["isSuspended"] is (told["until"] is not None)
                ends: str | None = told["until"]
                return ends

            assert await until(NOW) == print_instant(end)
            assert await until(NOW + DAY) == print_instant(end)
            assert await until(end - MICRO) == print_instant(end)
            assert await until(end) is None
            world.lift(team.issuer, longer, NOW + HOUR)
            assert await until(NOW + HOUR) == print_instant(NOW + DAY)
            assert await until(NOW + DAY - MICRO) == print_instant(NOW + DAY)
            assert await until(NOW + DAY) is None


@pytest.fixture
async def living(database_url: str) -> AsyncIterator[tuple[World, Asking, Clock]]:
    """Yield a world to write to, an executor on it, and its clock."""
    clock = Clock()
    with World(database_url) as world:
        async with asking(database_url, clock) as ask:
            yield world, ask, clock


@pytest.mark.property
@examples(6)
@given(seed=st.integers(0), length=st.integers(5, 30))
async def test_what_was_known_then_is_answered_again_later(
    living: tuple[World, Asking, Clock], seed: int, length: int
) -> None:
    world, ask, clock = living
    serial = next(_serials)
    a, b = world.team(), world.team()
    account, server = f"acct:one@x{serial}.example", f"https://x{serial}.example"
    story = Story(world, (a, b), Random(seed), later_than_all(world), account, server)
    known: list[tuple[datetime, str, Actor | None, Status]] = []
    asked: Sequence[tuple[str, Actor | None]] = (
        (account, a.reader), (account, b.reader), (server, a.reader), (server, None),
    )  # fmt: skip
    for _ in range(length):
        story.wait()
        story.go_on()
        clock.now = story.now
        for subject, actor in asked:
            known.append((story.now, subject, actor, await status(ask, subject, actor)))
    recount = Recount(world)
    for then, subject, actor, told in known:
        again = await status(ask, subject, actor, then)
        assert again == still_shown(told, recount, actor, story.now)
    for subject, actor in asked:
        await foretold(ask, clock, recount, subject, actor)


async def test_what_others_say_shows_nothing_sooner(database_url: str) -> None:
    """A receipt in the log of another node, whose clock is behind, and which was heard later."""
    account, end = f"acct:late@x{next(_serials)}.example", NOW + 7 * DAY
    with World(database_url) as world:
        a, b = world.team(), world.team()
        sanction = world.issue(a.issuer, subject=account, expires_at=end)
        world.shorten(a.issuer, sanction, NOW + 2 * DAY, NOW + 2 * HOUR)
        world.answer(b.issuer, sanction, SanctionAnswer.NOTED, now=NOW + 2 * HOUR)
        with world.database.writing() as session:
            is_answer = Event.type == EventType.RECEIPT_RECORDED
            said = session.exec(select(Event).where(is_answer, Event.sanction_id == sanction)).one()
            said.recorded_at = NOW + HOUR
        async with asking(database_url, Clock(NOW + 3 * HOUR)) as ask:
            told = await status(ask, account, a.reader, NOW + HOUR)
    assert told["until"] == print_instant(end)


def later_than_all(world: World) -> datetime:
    """An instant after everything recorded: a clock that goes back changes what was known."""
    with world.database.reading() as session:
        newest = session.exec(
            select(Event.recorded_at).order_by(col(Event.position).desc())
        ).first()
    return (newest or NOW) + DAY


def still_shown(told: Status, recount: Recount, actor: Actor | None, now: datetime) -> Status:
    """What was told, without the sanctions whose subject the viewer may no longer see."""
    viewer = viewer_of(actor)
    kept = [s for s in told["sanctions"] if sees_subject(viewer, recount.case(s["id"]), now)]
    ends = [s["expiresAt"] for s in kept]
    is_permanent = None in ends
    return {
        **told,
        "isSuspended": bool(kept),
        "isPermanent": is_permanent,
        "until": None if is_permanent else max(ends, default=None),
        "sanctions": kept,
    }


async def foretold(
    ask: Asking, clock: Clock, recount: Recount, subject: str, actor: Actor | None
) -> None:
    """If nothing more happens, the future turns out as it is told now."""
    now, ahead = clock.now, []
    edges = [edge for edge in recount.edges() if edge > now][-4:]
    instants = [now, *edges, *(edge - MICRO for edge in edges)]
    for at in instants:
        ahead.append(await status(ask, subject, actor, at))
        assert brief(ahead[-1]) == recount.status(subject, actor, at)
    for at, told in zip(instants, ahead, strict=True):
        clock.now = at
        assert await status(ask, subject, actor) == told
    clock.now = now


async def test_a_past_status_keeps_what_retention_allows_and_nothing_erased(
    database_url: str,
) -> None:
    clock = Clock()
    with World(database_url) as world:
        a, b = world.team(), world.team()
        account = f"acct:person@{a.platform.domain}"
        lifted = world.issue(b.issuer, subject=account, expires_at=NOW + 100 * DAY)
        elsewhere = "acct:person@elsewhere.example"
        other = world.issue(b.issuer, subject=elsewhere, expires_at=NOW + 100 * DAY)
        for sanction_id in (lifted, other):
            world.lift(b.issuer, sanction_id, NOW + DAY)
        async with asking(database_url, clock) as ask:

            async def was_suspended(subject: str, actor: Actor) -> bool:
                return bool((await status(ask, subject, actor, NOW))["isSuspended"])

            clock.now = NOW + DAY + PARTNER_RETENTION - MICRO
            assert await was_suspended(elsewhere, a.reader)
            clock.now += MICRO  # thirty days after the end there was, not the one once planned
            assert not await was_suspended(elsewhere, a.reader)
            assert await was_suspended(elsewhere, b.reader)
            assert await was_suspended(account, a.reader)  # it lives there
            world.erase(b.admin, account, clock.now)
            assert not await was_suspended(account, a.reader)
            assert not await was_suspended(account, b.reader)


async def test_a_past_status_tells_of_no_replacement_or_appeal_that_came_later(
    database_url: str,
) -> None:
    nested = """query($subject: URI!, $at: DateTime) {
      suspensionStatus(subject: $subject, at: $at) { sanctions {
        id supersedes { id effect validity } supersededBy { id effect }
        appeals { totalCount nodes { sanction { id effect } } } } } }"""
    with World(database_url) as world:
        team, about = world.team(), "acct:person@elsewhere.example"
        old = world.issue(team.issuer, subject=about)
        world.file(team.admin, old, NOW + DAY)
        change = {"subject": about, "supersedes": old, "expires_at": NOW + 3 * DAY}
        new = world.issue(team.issuer, NOW + 2 * DAY, **change)
        async with asking(database_url, lambda: NOW + 9 * DAY) as ask:

            async def told(at: datetime) -> Any:
                asked = {"subject": about, "at": print_instant(at)}
                return (await ask.data(nested, asked, team.reader))["suspensionStatus"]["sanctions"]

            nothing = {"totalCount": 0, "nodes": []}
            alone = {"supersedes": None, "supersededBy": None, "appeals": nothing}
            assert await told(NOW) == [{"id": old, **alone}]
            assert await told(NOW + 2 * DAY) == [
                {
                    "id": new,
                    "supersedes": {"id": old, "effect": "ENDED", "validity": "SUPERSEDED"},
                    "supersededBy": None,
                    "appeals": {
                        "totalCount": 1,
                        "nodes": [{"sanction": {"id": new, "effect": "IN_FORCE"}}],
                    },
                }
            ]


async def test_a_past_status_tells_where_an_appeal_stood_then(database_url: str) -> None:
    nested = """query($subject: URI!, $at: DateTime) {
      suspensionStatus(subject: $subject, at: $at) { sanctions {
        appeals { nodes { state outcome decidedAt } } } } }"""
    with World(database_url) as world:
        team, about = world.team(), "acct:person@elsewhere.example"
        held = world.issue(team.issuer, subject=about)
        appeal_id = world.in_review(team, held, NOW + HOUR)
        world.decide(team.reviewer, appeal_id, Outcome.UPHELD, NOW + DAY)
        async with asking(database_url, lambda: NOW + 2 * DAY) as ask:

            async def told(at: datetime) -> Any:
                asked = {"subject": about, "at": print_instant(at)}
                found = await ask.data(nested, asked, team.reader)
                [sanction] = found["suspensionStatus"]["sanctions"]
                return sanction["appeals"]["nodes"]

            undecided = {"state": "IN_REVIEW", "outcome": None, "decidedAt": None}
            assert await told(NOW) == []
            assert await told(NOW + DAY - MICRO) == [undecided]
            decided = {"state": "DECIDED", "outcome": "UPHELD"}
            assert await told(NOW + DAY) == [{**decided, "decidedAt": print_instant(NOW + DAY)}]
            # Of the future what is known now is told.
            assert (await told(NOW + 3 * DAY))[0]["state"] == "DECIDED"
