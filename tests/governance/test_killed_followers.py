"""`kill -9` at each step of taking over a followed log: nothing is skipped or applied twice."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from governance import following
from governance.database import Database
from governance.entries import LogEntry
from governance.events import Event
from governance.fields import print_instant
from governance.followers import Follower
from governance.log.guards import Guard
from governance.log.sequencing import Sequencer
from governance.peers import Peer, PeerEntry, Verdict
from governance.sanctions import Disclosure, Sanction
from governance.words import EventType, ReceiptState, Validity
from tests.builders import DAY, HOUR, KEYS, LOG_KEY, Team, World
from tests.forking import die_at, is_killed
from tests.governance.test_applying import URL, Theirs
from tests.governance.test_logging import check_tree
from tests.logs import BETA, LOG, NOON, ORIGIN, Served

NOW = NOON + HOUR

WHEN = "before", "after"

# Where the process ends: before or after a function is called for the so many'th time. The first
# poll proves platforms and applies what waited for them, the second goes on with their cases.
STEPS = [
    *(f"{when} {time} sqlmodel:Session.commit 1" for time in (1, 2, 3) for when in WHEN),
    "before 1 governance.speaking:join 1",
    "before 2 governance.applying:disclose 1",
    "before 1 governance.conflicting:judge_together 1",
    "before 1 governance.mirroring:extend 2",
    "before 2 governance.applying:Application.take 2",
    "after 1 governance.applying:correct_copies 2",
    "before 1 governance.applying:Application.finish_batch 2",
    "before 1 governance.log.sequencing:Ledger._signed 2",
    *(f"{when} 1 sqlmodel:Session.commit 2" for when in WHEN),
    *(f"{when} 1 governance.log.guards:Guard.advance 2" for when in WHEN),
]


def poll_until_killed(url: str, head: Path, served: Served, step: str) -> None:
    when, time, where = step.split()
    database = Database(url, Sequencer(lambda: LOG_KEY, Guard(head)))
    die_at(when, where, int(time))
    Follower(database, KEYS, ORIGIN, clock=lambda: NOW).poll(served)


class Story:
    """A peer's log in two parts, and what this node makes of it between them."""

    def __init__(self, world: World) -> None:
        self.world, self.theirs = world, Theirs()
        self.team: Team = world.team()
        world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)
        self.cases = [self.theirs.issue(subject=f"acct:{n}@elsewhere.example") for n in "abc"]
        self.cases.append(self.theirs.issue(BETA, "acct:d@elsewhere.example"))
        self.copy: str | None = None

    def go_on(self) -> None:
        """The second part, after the first was taken over and a case adopted."""
        self.poll()
        self.copy = self.world.adopt(self.team.issuer, self.cases[0], NOW)
        at = print_instant(NOON + DAY)
        self.theirs.tell("sanction.lifted", self.cases[1], changed={"liftedAt": at})
        overturned = {"overturnedAt": print_instant(NOON)}
        self.theirs.tell("sanction.overturned", self.cases[0], changed=overturned)
        redacted = {"redactedAt": print_instant(NOON)}
        self.theirs.tell("sanction.redacted", self.cases[2], changed=redacted, scope="ALL")
        self.cases.append(self.theirs.issue(subject="acct:e@elsewhere.example"))

    def poll(self) -> None:
        follower = Follower(self.world.database, KEYS, ORIGIN, clock=lambda: NOW)
        assert follower.poll(self.theirs.served())

    def killed(self, step: str) -> None:
        """Polls in a process that ends at a step."""
        log = self.world.database.log
        assert log is not None
        given = self.world.database.url, log.guard.path, self.theirs.served(), step
        assert is_killed(poll_until_killed, *given)

    def check_whole(self) -> None:
        """What is here of the log was taken over once, as its verdicts say."""
        check_tree(self.world)
        with self.world.database.reading() as session:
            size = session.get_one(Peer, ORIGIN).size
            rows = session.exec(select(PeerEntry).order_by(col(PeerEntry.index))).all()
            known = set(session.exec(select(Sanction.id)))
            events = session.exec(select(Event)).all()
            log = [json.loads(data)["decision"] for data in session.exec(select(LogEntry.data))]
        assert [row.index for row in rows] == list(range(size))
        assert [row.data for row in rows] == self.theirs.writer.entries[:size]
        applied = [row for row in rows if row.verdict is Verdict.APPLIED]
        assert {row.case_id for row in applied if row.is_first} == known - {self.copy}
        told = Counter((event.type, event.sanction_id, event.receipt_state) for event in events)
        assert set(told.values()) <= {1}
        assert len(events) == len(applied) + len(
            [one for one in log if one["type"].split(".")[0] in ("sanction", "receipt")]
        )

    def check_all(self) -> None:
        """All of the log is here, and what it comes to."""
        self.check_whole()
        with self.world.database.reading() as session:
            verdicts = Counter(session.exec(select(PeerEntry.verdict)))
            disclosed = set(session.exec(select(Disclosure.sanction_id)))
            overturned = select(Event).where(Event.sanction_id == self.copy)
            ends = [e for e in session.exec(overturned) if e.type is EventType.SANCTION_OVERTURNED]
        entries = len(self.theirs.writer.entries)
        assert verdicts == {Verdict.NOTED: 2, Verdict.APPLIED: entries - 2}
        if self.copy is None:
            assert disclosed == {*self.cases}
            return
        assert disclosed == {*self.cases, self.copy} - {self.cases[2]}
        assert len(ends) == 1
        assert self.world.sanction(self.copy).validity is Validity.OVERTURNED
        assert self.world.sanction(self.cases[1]).lifted_at == NOON + DAY
        receipt: Any = self.world.receipt(self.cases[0], self.team)
        assert receipt.state is ReceiptState.REMEDIED


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_follower_skips_nothing_and_applies_nothing_twice(world: World, step: str) -> None:
    step, _, poll = step.rpartition(" ")
    story = Story(world)
    if poll == "2":
        story.go_on()
    story.killed(step)
    story.check_whole()
    story.poll()
    story.check_all()
