"""A rich world for reads: every kind of sanction and appeal, made once and copied to each test."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from graphql import DocumentNode, OperationDefinitionNode

from api.asking import Context, Request
from api.execution import Executor
from api.reads.stores import store
from governance import demo
from governance.database import Database
from governance.errors import Refused
from governance.issuing import issue
from governance.membership import Actor
from governance.records import METADATA
from governance.requesting import Request as Issue
from governance.requesting import draft as drafted
from governance.settings import Settings
from governance.words import AppealMove, Audience, Measure, Outcome, SanctionAnswer
from tests.builders import DAY, HOUR, KEYS, MICRO, NOW, Team, World, draft

NASTY = (
    "Quote \" apostrophe ' backslash \\ tab \t line\nbreak \x01 é 名 🦜 %s :name $1 {}"
    + "long " * 30
)
SERVER = "https://spam.example"
ACCOUNT = "acct:alice@a.example"  # hosted by the team `a`
ALIAS = "https://a.example/users/alice"


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what is in the rich world, so that tests can ask about it."""

    a: Team
    b: Team
    c: Team
    disputed: str  # a sanction with appeals of one instant
    appealable: str  # a sanction of `a`, and its unused secret
    secret: str
    server_only_own: str  # a server's sanction whose disclosures are for `a` alone
    shared_edge: str  # ended just not as long ago as partners may see it
    forgotten: str  # ended just as long ago as partners may no longer see it
    unending_record: str  # a record without an end, older than partners may see it

    @property
    def viewers(self) -> dict[str, Actor | None]:
        """One of each kind of viewer."""
        return {
            "public": None,
            "partner": self.b.reader,
            "issuer": self.a.issuer,
            "researcher": self.a.researcher,
        }


def rich(world: World) -> Cast:
    """Fills an empty database: the demonstration's world, and what reads are likely to trip on."""
    demo.load(world.database, KEYS, now=NOW, sanctions=1)
    a, b, c = (world.team(f"{name}.example") for name in "abc")
    _suspensions(world, a, b, c)
    disputed = _ties(world, a)
    _servers(world, a, b)
    _shared(world, a, b, c)
    appealable = world.issued(c.issuer, NOW - DAY, expires_at=NOW + 9 * DAY, explanation=NASTY)
    assert appealable.appeal_secret is not None
    erased = world.issue(a.issuer, NOW - 3 * DAY, subject="acct:gone@b.example")
    world.in_review(a, world.issue(a.issuer, NOW - 2 * DAY), NOW - DAY)
    world.erase(a.admin, "acct:gone@b.example", NOW - DAY)
    assert world.sanction(erased).redacted_at is not None
    ended = NOW - 30 * DAY  # as long as partners see what has ended
    return Cast(
        a=a,
        b=b,
        c=c,
        disputed=disputed,
        appealable=appealable.sanction_id,
        secret=appealable.appeal_secret,
        server_only_own=world.issue(
            a.issuer, NOW - DAY, **_server("https://secretive.example", audience=Audience.OWN)
        ),
        shared_edge=world.issue(a.issuer, NOW - 40 * DAY, expires_at=ended + MICRO),
        forgotten=world.issue(a.issuer, NOW - 40 * DAY, expires_at=ended),
        unending_record=_outside(world, a.issuer, ended, expires_at=None),
    )


def _suspensions(world: World, a: Team, b: Team, c: Team) -> None:
    """One account, hosted by `a`, suspended by several; and what looks like it but isn't."""
    about: dict[str, Any] = {"subject": ACCOUNT, "facts": NASTY, "reason": NASTY}
    days = 10 * DAY
    world.issue(b.issuer, NOW - DAY, **about, expires_at=NOW + days, aliases=[ALIAS])
    world.issue(c.issuer, NOW - 2 * DAY, **about, expires_at=NOW + MICRO, case_reference="one")
    world.issue(c.issuer, NOW - 3 * DAY, **about, expires_at=NOW)
    world.issue(a.issuer, NOW, **about, effective_at=NOW + MICRO, expires_at=NOW + days)
    world.issue(b.issuer, NOW - 4 * DAY, **about, audience=Audience.OWN, expires_at=NOW + 30 * DAY)
    world.void(c.issuer, world.issue(c.issuer, NOW - HOUR, **about), NOW)
    world.terminate(c.issuer, NOW - DAY, **about)
    _outside(world, c.issuer, NOW - DAY, **about, expires_at=None)
    spammer = {"subject": "acct:bot@b.example"}
    approved = world.terminate(a.issuer, NOW - DAY, **spammer)
    world.approve(a.issuer_2, approved, NOW - HOUR)
    reduced = world.terminate(c.issuer, NOW - 9 * DAY, **spammer)
    world.approve(c.issuer_2, reduced, NOW - 8 * DAY)
    appeal = world.file(c.admin, reduced, NOW - 7 * DAY).appeal_id
    world.move(c.reviewer, appeal, AppealMove.ADMIT, NOW - 6 * DAY)
    world.move(c.reviewer, appeal, AppealMove.START_REVIEW, NOW - 5 * DAY)
    world.invite(c.admin, appeal, "b.example", NOW - 5 * DAY)
    world.decide(c.reviewer, appeal, Outcome.REDUCED, NOW - 4 * DAY, NOW + 20 * DAY)
    world.decide(c.reviewer_2, appeal, Outcome.UPHELD, NOW - 3 * DAY)


def _ties(world: World, a: Team) -> str:
    """A dozen decisions of one instant, so that pages have to break ties; one with appeals."""
    at = NOW - 20 * DAY
    wishes = [Issue(drafted(draft(at, case_reference="many"))) for _ in range(12)]
    answers = world.do(issue, KEYS, a.issuer, wishes, now=at)
    assert not [answer for answer in answers if isinstance(answer, Refused)]
    first = next(answer.sanction_id for answer in answers if not isinstance(answer, Refused))
    for _ in range(4):  # appeals of one instant
        appeal_id = world.file(a.admin, first, at).appeal_id
        world.move(a.admin, appeal_id, AppealMove.WITHDRAW, at)
    return first


def _shared(world: World, a: Team, b: Team, c: Team) -> None:
    """One account's suspension taken over, answered, corrected, and not yet remedied."""
    about = {"subject": "acct:dora@a.example", "expires_at": NOW + 20 * DAY}
    source = world.issue(a.issuer, NOW - 5 * DAY, **about)
    echo = world.adopt(b.issuer, source, NOW - 4 * DAY)
    world.adopt(c.issuer, source, NOW - 4 * DAY, own_grounds=NASTY)
    world.shorten(a.issuer, source, NOW + HOUR, NOW - 3 * DAY)
    world.answer(c.reviewer, echo, SanctionAnswer.DISPUTED, NASTY, NOW - 2 * DAY)
    wrong = world.issue(a.issuer, NOW - 2 * DAY, subject="acct:erin@b.example")
    world.adopt(c.issuer, world.adopt(b.issuer, wrong, NOW - DAY), NOW - DAY)
    world.overturn(a.issuer, wrong, NOW - HOUR)


def _servers(world: World, a: Team, b: Team) -> None:
    world.issue(a.issuer, NOW - DAY, **_server(SERVER, explanation="Sends spam", facts="Logs"))
    reference = {"rule": NASTY, "version": None, "url": "https://b.example/rules#1"}
    world.issue(b.issuer, NOW - DAY, **_server(SERVER, policy_reference=reference))
    limited = _server(SERVER, measure=Measure.SERVER_LIMITED, expires_at=NOW + 50 * DAY)
    world.issue(b.issuer, NOW - 2 * DAY, **limited)


def _server(uri: str, **changes: Any) -> dict[str, Any]:
    return {"subject": uri, "measure": Measure.SERVER_SUSPENDED, **changes}


def _outside(world: World, actor: Actor, now: datetime, **changes: Any) -> str:
    wish = Issue(drafted(draft(now, **changes)), is_outside=True)
    [answer] = world.do(issue, KEYS, actor, [wish], now=now)
    assert not isinstance(answer, Refused)
    return answer.sanction_id


def copy_file(source: Path, target: Path) -> str:
    """The URL of a copy of an SQLite database that nobody writes to."""
    with closing(sqlite3.connect(source)) as connection:  # the copy is of this one file
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return f"sqlite:///{shutil.copyfile(source, target)}"


def copy_rows(source_url: str, target_url: str) -> None:
    """Every row of one database into another, in the order they were written."""
    source, target = Database(source_url), Database(target_url)
    try:
        with source.engine.connect() as reading, target.engine.begin() as writing:
            for table in METADATA.sorted_tables:
                written = sa.select(table)
                if table.dialect_options["sqlite"]["with_rowid"]:
                    written = written.order_by(sa.literal_column("rowid"))
                rows = [dict(row) for row in reading.execute(written).mappings()]
                if rows:
                    writing.execute(sa.insert(table), rows)
    finally:
        source.close()
        target.close()


class Compiling(Executor):
    """Answers null where the fast path gives up."""

    async def _interpreted(
        self, document: DocumentNode, context: Context, told: Mapping[str, Any]
    ) -> bytes:
        return b"null"


class Interpreting(Executor):
    """Never takes the fast path."""

    async def _compiled(self, operation: OperationDefinitionNode, context: Context) -> None:
        return None


class Asking:
    """An open executor, and answers of it as they are parsed."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    @property
    def statements(self) -> int:
        return self.executor.reader.store.statements

    async def answer(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        actor: Actor | None = None,
        operation_name: str | None = None,
    ) -> dict[str, Any]:
        """The whole answer, errors included."""
        request = Request(query, variables or {}, operation_name, actor)
        answer: dict[str, Any] = orjson.loads((await self.executor.answer(request)).body)
        answer.pop("extensions", None)  # what it cost, which its own tests look at
        return answer

    async def data(
        self, query: str, variables: Mapping[str, Any] | None = None, actor: Actor | None = None
    ) -> Any:
        """The data of an answer without errors."""
        answer = await self.answer(query, variables, actor)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def codes(
        self, query: str, variables: Mapping[str, Any] | None = None, actor: Actor | None = None
    ) -> list[str]:
        """The codes of the answer's errors."""
        answer = await self.answer(query, variables, actor)
        return [error["extensions"]["code"] for error in answer.get("errors", ())]


@asynccontextmanager
async def asking(
    url: str,
    now: Callable[[], datetime] = lambda: NOW,
    kind: type[Executor] = Executor,
    limits: Mapping[str, int] | None = None,
) -> AsyncIterator[Asking]:
    """An executor on a database, closed at the end."""
    database = World(url).database
    reads = store(url, 4, seconds=120)  # other tests may keep the machine busy
    await reads.open()
    try:
        wanted = Settings(database_url=url, **(limits or {}))  # type: ignore[arg-type]
        yield Asking(kind(wanted, database, reads, KEYS, now))
    finally:
        await reads.close()
        database.close()
