"""The world of the permission matrix: a record for each cell, and everybody who may ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

from governance.identifiers import SubjectKind
from governance.membership import Actor, revoke_token
from governance.platforms import Token
from governance.rules.disclosure import Case
from governance.rules.permissions import Circle
from governance.rules.policy import PARTNER_RETENTION
from governance.settings import token_hash
from governance.words import AppealMove, Audience, Author, Measure, Role, SanctionAnswer
from tests.api.http.outside import Node
from tests.builders import DAY, HOUR, MICRO, NOW, Team, World
from tests.signing import key_of

# What is written beside requests, whatever they come to.
COUNTED = {"lookups", "tallies", "appeal_tallies", "tallied"}

THEN = NOW - 40 * DAY  # when everything was issued


class State(StrEnum):
    """What became of a record."""

    IN_FORCE = "in force"
    JUST_RETAINED = "ended a microsecond less than 30 days ago"
    PAST = "ended 30 days ago"
    REDACTED = "erased"


ENDS = {
    State.IN_FORCE: NOW + 7 * DAY,
    State.JUST_RETAINED: NOW - PARTNER_RETENTION + MICRO,
    State.PAST: NOW - PARTNER_RETENTION,
    State.REDACTED: NOW + 7 * DAY,
}
MEASURES = {
    SubjectKind.ACCOUNT: Measure.ACCOUNT_SUSPENDED,
    SubjectKind.CONTENT: Measure.CONTENT_OTHER,
    SubjectKind.SERVER: Measure.SERVER_SUSPENDED,
}


@dataclass(frozen=True, slots=True)
class Record:
    """One sanction with an appeal; its private texts name it, so that a leak is seen."""

    kind: SubjectKind
    audience: Audience
    state: State
    filed_by: Author
    subject: str
    sanction_id: str
    appeal_id: str
    secret: str  # the newest of the sanction
    texts: dict[str, str | None]
    message: str
    answer: str | None = None  # what a further platform said to it

    @property
    def ends_at(self) -> datetime:
        return ENDS[self.state]

    @property
    def is_redacted(self) -> bool:
        return self.state is State.REDACTED

    def case(self, issuer: str, host: str, guest: str) -> Case:
        """What visibility depends on."""
        return Case(
            platform_id=issuer,
            host_id=None if self.is_redacted else host,
            kind=self.kind,
            audience=self.audience,
            is_binding=True,
            recorded_at=THEN,
            ends_at=self.ends_at,
            guest_ids=frozenset({guest}),
        )

    def __str__(self) -> str:
        return f"{self.kind}, {self.audience}, {self.state}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks: a member with these roles, or without a credential."""

    name: str
    circle: Circle
    roles: frozenset[Role] = frozenset()
    by: Actor | None = None
    is_service: bool = False


@dataclass(slots=True)
class Matrix:
    """A running node with all of it. Nobody here decided or reviewed any of the records."""

    node: Node
    team: Team
    host: Team
    guest: Team
    records: list[Record] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    dead: dict[str, str] = field(default_factory=dict)  # tokens

    def written(self) -> dict[str, list[str]]:
        """Every row but of what is counted of requests, whatever they are about, and of days."""
        return {k: rows for k, rows in self.node.records().items() if k not in COUNTED}

    @property
    def platform_ids(self) -> tuple[str, str, str]:
        """Of the issuing platform, the host and the guest."""
        return self.team.platform.id, self.host.platform.id, self.guest.platform.id

    def caller(self, name: str) -> Caller:
        return next(caller for caller in self.callers if caller.name == name)


@contextmanager
def matrix(url: str, key_file: Path) -> Iterator[Matrix]:
    with Node(
        url, key_file, max_aliases=200, max_cost=10**9, wrong_secrets_of_caller=10**6
    ) as node:
        world = node.world
        team, host = world.team("mod.example"), world.team("host.example")
        guest = world.team("guest.example")
        answering = world.team("answering.example").issuer
        made = Matrix(node, team, host, guest)
        cells = product(SubjectKind, Audience, State, Author)
        for number, (kind, audience, state, author) in enumerate(cells):
            made.records.append(
                _record(world, team, answering, number, kind, audience, state, author)
            )
        platforms = {
            Circle.OWN: team,
            Circle.HOST: host,
            Circle.GUEST: guest,
            Circle.PARTNER: world.team("partner.example"),
        }
        for each in platforms.values():
            world.register_key(each, key_of(each.platform.id))
        made.callers = _callers(world, platforms)
        made.dead = _dead(node, team)
        yield made


def _record(
    world: World,
    team: Team,
    answering: Actor,
    number: int,
    kind: SubjectKind,
    audience: Audience,
    state: State,
    author: Author,
) -> Record:
    subject = {
        SubjectKind.ACCOUNT: f"acct:alice{number}@host.example",
        SubjectKind.CONTENT: f"https://host.example/@alice/{number}",
        SubjectKind.SERVER: "https://host.example",
    }[kind]
    texts: dict[str, str | None] = {
        "reason": f"reason-of-{number}-",
        "facts": f"facts-of-{number}-",
        "content_uri": f"https://host.example/at/content-of-{number}-",
        "other_measure": f"measure-of-{number}-" if kind is SubjectKind.CONTENT else None,
        "issuer_reference": f"ticket-of-{number}-",
        "case_reference": f"case-of-{number}-",
        "explanation": f"explanation-of-{number}-",
        "ground_reference": f"ground-of-{number}-",
    }
    issued = world.issued(
        team.issuer,
        THEN,
        subject=subject,
        subject_kind=kind,
        measure=MEASURES[kind],
        audience=audience,
        expires_at=ENDS[state],
        policy_reference={"rule": f"rule-of-{number}-"},
        **texts,
    )
    secret, message = issued.appeal_secret, f"message-of-{number}-"
    assert secret is not None
    if author is Author.APPELLANT:
        filed = world.file(None, issued.sanction_id, THEN, secret, message)
        secret = filed.appeal_secret or ""
    else:
        filed = world.file(team.admin, issued.sanction_id, THEN, grounds=message)
    world.move(team.reviewer, filed.appeal_id, AppealMove.ADMIT, THEN)
    world.move(team.reviewer, filed.appeal_id, AppealMove.START_REVIEW, THEN)
    world.invite(team.admin, filed.appeal_id, "guest.example", THEN)
    record = Record(
        kind, audience, state, author, subject, issued.sanction_id, filed.appeal_id, secret,
        texts, message,
    )  # fmt: skip
    record = replace(record, answer=_answer(world, answering, record))
    if state is State.REDACTED:
        _erase(world, team, record)
    return record


def _answer(world: World, by: Actor, record: Record) -> str | None:
    """What a platform that nobody else here is of says to it, where it may."""
    if record.kind is not SubjectKind.SERVER and record.audience is Audience.OWN:
        return None
    said = record.message.replace("message", "answer")
    world.answer(by, record.sanction_id, SanctionAnswer.DISPUTED, said, THEN)
    return said


def _erase(world: World, team: Team, record: Record) -> None:
    """An appeal under way would defer it; of a server, only this one is erased."""
    from governance.erasing import redact
    from governance.sanctions import Sanction

    person = record.filed_by is Author.APPELLANT
    by, secret = (None, record.secret) if person else (team.admin, None)
    world.move(by, record.appeal_id, AppealMove.WITHDRAW, THEN, appeal_secret=secret)
    with world.database.writing() as session:
        redact(session, [session.get_one(Sanction, record.sanction_id)], now=THEN)


def _callers(world: World, platforms: dict[Circle, Team]) -> list[Caller]:
    """Nobody, a secret's holder, and members with one role or all in each relation to a record."""
    found = [Caller("public", Circle.PUBLIC), Caller("holder", Circle.HOLDER)]
    for circle, team in platforms.items():
        for roles in [{role} for role in Role] + [set(Role)]:
            is_public = roles == {Role.RESEARCHER}
            name = f"{circle.name} {'+'.join(sorted(roles)) if len(roles) == 1 else 'all'}"
            member = world.member(team, *roles)
            reads_as = Circle.PUBLIC if is_public else circle
            found.append(Caller(name, reads_as, frozenset(roles), member))
    own = platforms[Circle.OWN]
    found.append(Caller("OWN service", Circle.OWN, frozenset(Role), own.bot, is_service=True))
    return found


def _dead(node: Node, team: Team) -> dict[str, str]:
    """Tokens of a member who might do everything."""
    member = node.world.member(team, *Role)
    expired, revoked = node.token(member, lifetime=HOUR), node.token(member)
    with node.world.database.writing() as session:
        for token in (expired, revoked):
            held = session.exec(_by_hash(token)).one()
            if token == revoked:
                revoke_token(session, held.id, now=NOW)
            else:
                held.expires_at = NOW
                session.add(held)
    return {"expired": expired, "revoked": revoked}


def _by_hash(token: str) -> Any:
    from sqlmodel import select

    return select(Token).where(Token.hash == token_hash(token))
