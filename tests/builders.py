"""The little world a test needs: a database with platforms, members and sanctions in it."""

import atexit
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from threading import Barrier
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings
from sqlmodel import Session, col

from governance import (
    adopting,
    appealing,
    changing,
    deciding,
    erasing,
    issuing,
    remedying,
    requesting,
    signing,
)
from governance.adoptions import AdoptionDraft, AnswerDraft, Receipt, RemedyDraft, receipt_id
from governance.appeals import Appeal, DecisionDraft, FilingDraft, InvitationDraft, MoveDraft
from governance.appellants import Moved
from governance.changing import (
    ApprovalDraft,
    LiftingDraft,
    OverturningDraft,
    ShorteningDraft,
    VoidingDraft,
)
from governance.database import Database
from governance.entries import LogEntry
from governance.errors import RefusalCode, Refused
from governance.fields import new_id, validated
from governance.issuing import Issued
from governance.log.guards import Guard
from governance.log.sequencing import Sequencer
from governance.log.signers import Signer
from governance.membership import Actor, add_member, add_platform, log
from governance.platforms import Member, Platform, PlatformKey
from governance.records import METADATA
from governance.requesting import Request
from governance.sanctions import Sanction
from governance.settings import Keys
from governance.vocabulary import Category
from governance.words import (
    AppealMove,
    Automation,
    Ground,
    Measure,
    MemberKind,
    Outcome,
    PermanentBasis,
    Remedy,
    Role,
    SanctionAnswer,
    Source,
    VoidCode,
)
from tests.memory import MEMORY
from tests.signing import registration

P = ParamSpec("P")
T = TypeVar("T")

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MICRO = timedelta(microseconds=1)
KEYS = Keys(bytes(32))

LOG_KEY = Signer("tests.example/log", bytes(32))
WITNESS_KEY = Signer("witness.tests.example", bytes([1] * 32))
LONG_BEFORE = NOW - 3_000 * DAY  # when platforms and members came; the log's time never goes back
_HELD = "HEADS_OF_TESTS"  # by which processes find it that are killed, and can't remove their own
if _HELD not in os.environ:
    os.environ[_HELD] = mkdtemp(prefix="comity-heads-", dir=MEMORY)
    atexit.register(shutil.rmtree, os.environ[_HELD], ignore_errors=True)
_HEADS = Path(os.environ[_HELD])

_serials = count(1)


def sequencer(folder: Path) -> Sequencer:
    """Who signs the log of every test's node."""
    folder.mkdir(exist_ok=True)
    return Sequencer(lambda: LOG_KEY, Guard(folder / "comity.log.head"))


def positions(database: Database) -> list[int]:
    """Where in the feed every entry of a case in the log is."""
    with database.reading() as session:
        later = sa.select(col(LogEntry.index)).where(col(LogEntry.case_id).is_not(None))
        first = sa.select(col(Sanction.first_entry)).where(col(Sanction.first_entry).is_not(None))
        return [2 * index + 1 for index in sorted(session.scalars(sa.union(later, first)))]


def write_keys(key_file: Path) -> None:
    """The keys of every test's node, as files; those that are there stay."""
    for file, text in (
        (key_file, KEYS.secret.hex()),
        (key_file.with_suffix(".log.key"), LOG_KEY),
        (key_file.with_suffix(".witness.key"), WITNESS_KEY),
    ):
        if not file.exists():
            file.write_text(f"{text}\n")
            file.chmod(0o600)


@dataclass(frozen=True, slots=True)
class Team:
    """A platform with a member for each role, and a second person where one isn't enough."""

    platform: Platform
    issuer: Actor
    issuer_2: Actor
    reviewer: Actor
    reviewer_2: Actor
    admin: Actor
    reader: Actor
    researcher: Actor
    bot: Actor  # a service with every role


ROLES = {
    "issuer": [Role.ISSUER],
    "issuer_2": [Role.ISSUER],
    "reviewer": [Role.REVIEWER],
    "reviewer_2": [Role.REVIEWER],
    "admin": [Role.ADMIN],
    "reader": [Role.READER],
    "researcher": [Role.RESEARCHER],
    "bot": list(Role),
}


class World:
    """A node's database, and its use cases, each in a transaction of its own."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, sequencer(_HEADS / f"{os.getpid()}-{next(_serials)}"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _t: type[BaseException] | None, _v: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.database.close()

    def do(
        self, use_case: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with self.database.writing() as session:
            return use_case(session, *args, **kwargs)

    def team(self, domain: str | None = None) -> Team:
        """A platform and its members; a domain of its own unless named."""
        return self.do(_team, domain or f"p{next(_serials)}.example")

    def member(self, team: Team, *roles: Role, handle: str = "") -> Actor:
        return self.do(
            _member, team.platform, handle or f"m{next(_serials)}", list(roles), MemberKind.PERSON
        )

    def issued(self, actor: Actor, now: datetime = NOW, **changes: Any) -> Issued:
        request = Request(requesting.draft(draft(now, **changes)))
        return self.do(issuing.issue_one, KEYS, actor, request, now=now)

    def issue(self, actor: Actor, now: datetime = NOW, **changes: Any) -> str:
        return self.issued(actor, now, **changes).sanction_id

    def record(self, actor: Actor, now: datetime = NOW, **changes: Any) -> str:
        """A record of an outside decision."""
        request = Request(requesting.draft(draft(now, **changes)), is_outside=True)
        return self.do(issuing.issue_one, KEYS, actor, request, now=now).sanction_id

    def terminate(self, actor: Actor, now: datetime = NOW, **changes: Any) -> str:
        return self.issue(actor, now, **(TERMINATION | changes))

    def approve(self, actor: Actor, sanction_id: str, now: datetime = NOW) -> Sanction:
        return self.do(changing.approve, actor, ApprovalDraft(sanction_id=sanction_id), now=now)

    def shorten(
        self, actor: Actor, sanction_id: str, end: datetime, now: datetime = NOW
    ) -> Sanction:
        wish = ShorteningDraft(sanction_id=sanction_id, expires_at=end, reason="shortened by grace")
        return self.do(changing.shorten, actor, wish, now=now)

    def lift(self, actor: Actor, sanction_id: str, now: datetime = NOW) -> Sanction:
        wish = LiftingDraft(sanction_id=sanction_id, reason="clemency")
        return self.do(changing.lift, actor, wish, now=now)

    def void(self, actor: Actor, sanction_id: str, now: datetime = NOW) -> Sanction:
        wish = VoidingDraft(sanction_id=sanction_id, code=VoidCode.TEST, reason="a test")
        return self.do(changing.void, actor, wish, now=now)

    def overturn(self, actor: Actor, sanction_id: str, now: datetime = NOW) -> Sanction:
        wish = OverturningDraft(sanction_id=sanction_id, reason="wrong")
        return self.do(changing.overturn, actor, wish, now=now)

    def file(
        self,
        actor: Actor | None,
        sanction_id: str,
        now: datetime = NOW,
        secret: str | None = None,
        grounds: str = "It wasn't me",
    ) -> Moved:
        wish = FilingDraft(sanction_id=sanction_id, grounds=grounds, appeal_secret=secret)
        return self.do(appealing.file, KEYS, actor, wish, now=now)

    def move(
        self,
        actor: Actor | None,
        appeal_id: str,
        move: AppealMove,
        now: datetime = NOW,
        **fields: Any,
    ) -> Moved:
        wish = validated(MoveDraft, {"appeal_id": appeal_id, "move": move, **fields})
        return self.do(appealing.move, KEYS, actor, wish, now=now)

    def decide(
        self,
        actor: Actor,
        appeal_id: str,
        outcome: Outcome,
        now: datetime = NOW,
        end: datetime | None = None,
    ) -> Moved:
        wish = DecisionDraft(
            appeal_id=appeal_id, outcome=outcome, new_expires_at=end, statement="Our reasons"
        )
        return self.do(deciding.decide, KEYS, actor, wish, now=now)

    def invite(self, actor: Actor, appeal_id: str, domain: str, now: datetime = NOW) -> Moved:
        wish = InvitationDraft(appeal_id=appeal_id, platform=domain)
        return self.do(appealing.invite, actor, wish, now=now)

    def erase(self, actor: Actor, subject: str, now: datetime = NOW) -> erasing.Erased:
        wish = validated(erasing.ErasureDraft, {"subject": subject, "reason": "asked to"})
        return self.do(erasing.erase, KEYS, actor, wish, now=now)

    def adopted(
        self, actor: Actor, sanction_id: str, now: datetime = NOW, **changes: Any
    ) -> Issued:
        """A suspension on no grounds but its source, with its source's end, but for the changes."""
        given = {
            "sanction_id": sanction_id,
            "issuer_reference": f"ref-{next(_serials)}",
            "measure": Measure.ACCOUNT_SUSPENDED,
            "reason": "Another platform found that you threatened somebody",
        }
        wish = validated(AdoptionDraft, given | changes)
        return self.do(adopting.adopt, KEYS, actor, wish, now=now)

    def adopt(self, actor: Actor, sanction_id: str, now: datetime = NOW, **changes: Any) -> str:
        return self.adopted(actor, sanction_id, now, **changes).sanction_id

    def answer(
        self,
        actor: Actor,
        sanction_id: str,
        answer: SanctionAnswer,
        reason: str | None = None,
        now: datetime = NOW,
    ) -> Receipt:
        wish = AnswerDraft(sanction_id=sanction_id, answer=answer, reason=reason)
        return self.do(adopting.answer, actor, wish, now=now)

    def remedy(
        self,
        actor: Actor,
        sanction_id: str,
        remedy: Remedy,
        replacement_id: str | None = None,
        now: datetime = NOW,
    ) -> Receipt:
        wish = RemedyDraft(sanction_id=sanction_id, remedy=remedy, replacement_id=replacement_id)
        return self.do(remedying.remedy, actor, wish, now=now)

    def receipt(self, sanction_id: str, team: "Team") -> Receipt | None:
        """The team's receipt of a sanction."""
        with self.database.reading() as session:
            return session.get(Receipt, receipt_id(sanction_id, team.platform.id))

    def register_key(
        self, team: Team, private: Ed25519PrivateKey, now: datetime = NOW, **changes: Any
    ) -> PlatformKey:
        given = registration(private, team.platform.domain, changes.get("replaces")) | changes
        wish = validated(signing.RegistrationDraft, given)
        return self.do(signing.register, team.admin, wish, now=now)

    def retire_key(self, actor: Actor, key: str, now: datetime = NOW) -> PlatformKey:
        wish = validated(signing.RetirementDraft, {"key": key})
        return self.do(signing.retire, actor, wish, now=now)

    def in_review(self, team: Team, sanction_id: str, now: datetime = NOW) -> str:
        """An appeal that the platform filed and `reviewer` took up."""
        appeal_id = self.file(team.admin, sanction_id, now).appeal_id
        self.move(team.reviewer, appeal_id, AppealMove.ADMIT, now)
        self.move(team.reviewer, appeal_id, AppealMove.START_REVIEW, now)
        return appeal_id

    def sanction(self, sanction_id: str) -> Sanction:
        with self.database.reading() as session:
            return session.get_one(Sanction, sanction_id)

    def appeal(self, appeal_id: str) -> Appeal:
        with self.database.reading() as session:
            return session.get_one(Appeal, appeal_id)

    def stored(self) -> bytes:
        """The SQLite file as it is once its write-ahead log was taken in."""
        with closing(self.database.engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        path = Path(self.database.engine.url.database or "")
        log = path.with_name(path.name + "-wal")
        assert not log.exists() or not log.read_bytes()
        return path.read_bytes()

    def snapshot(self) -> dict[str, list[str]]:
        """Every row of every table."""
        with self.database.engine.connect() as connection:
            filled = connection.execute(_filled()).one()
            return {
                name: sorted(map(repr, connection.execute(rows))) if is_filled else []
                for (name, rows), is_filled in zip(_rows().items(), filled, strict=True)
            }


@cache
def _rows() -> dict[str, sa.Select[Any]]:
    """All of each table."""
    return {table.name: sa.select(table) for table in METADATA.sorted_tables}


@cache
def _filled() -> sa.Select[Any]:
    """Whether each table has rows: most of a little world's have none, and needn't be asked."""
    asked: list[Any] = [sa.exists(rows) for rows in _rows().values()]
    return sa.select(*asked)


def subject() -> str:
    """The canonical URI of an account that nobody mentioned before."""
    return f"acct:user{next(_serials)}@elsewhere.example"


def draft(now: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """A time-out of seven days for an account and a conduct of its own, but for the changes."""
    serial = next(_serials)
    conduct = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=serial)
    return {
        "issuer_reference": f"ref-{serial}",
        "subject": f"acct:user{serial}@elsewhere.example",
        "measure": Measure.ACCOUNT_SUSPENDED,
        "ground": Ground.INCOMPATIBLE_CONTENT,
        "ground_reference": "Terms 4.2",
        "category": Category.VIOLENCE,
        "conduct_from": conduct,
        "conduct_to": conduct,
        "expires_at": now + 7 * DAY,
        "reason": "You threatened somebody",
        "is_automated_detection": False,
        "automation": Automation.NOT_AUTOMATED,
        "source": Source.OWN_INITIATIVE,
        **changes,
    }


TERMINATION: dict[str, Any] = {
    "measure": Measure.ACCOUNT_TERMINATED,
    "permanent_basis": PermanentBasis.SPAM,
    "expires_at": None,
}


@contextmanager
def refused(world: World, code: RefusalCode, *path: str | int) -> Iterator[None]:
    """Expects the refusal, at the path if one is named, and that nothing at all was written."""
    before = world.snapshot()
    with pytest.raises(Refused) as caught:
        yield
    assert (caught.value.code, caught.value.path) == (code, path or caught.value.path)
    assert world.snapshot() == before


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Each act in a thread and on a connection of its own, begun together; or its refusal."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        start.wait()
        try:
            return act()
        except Refused as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def examples(number: int, **more: Any) -> settings:
    """So many examples by default, and as many times more as the profile asks for."""
    times = settings.get_profile("default").max_examples
    return settings(
        max_examples=max(1, number * settings().max_examples // times),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        **more,
    )


def _team(session: Session, domain: str) -> Team:
    """What `add_member` would add one by one."""
    platform = add_platform(session, domain, None, now=LONG_BEFORE)
    members = {}
    for name, roles in ROLES.items():
        kind = MemberKind.SERVICE if name == "bot" else MemberKind.PERSON
        members[name] = Member(
            id=new_id("mem"),
            platform_id=platform.id,
            handle=name,
            kind=kind,
            roles=roles,
            added_at=LONG_BEFORE,
        )
    session.add_all(members.values())
    session.flush()
    for roles in ROLES.values():
        log(session, "member.added", platform, LONG_BEFORE, roles=[role.value for role in roles])
    return Team(platform, **{name: _actor(member) for name, member in members.items()})


def _member(
    session: Session, platform: Platform, handle: str, roles: list[Role], kind: MemberKind
) -> Actor:
    return _actor(add_member(session, platform.domain, handle, roles, now=LONG_BEFORE, kind=kind))


def _actor(member: Member) -> Actor:
    return Actor(member.id, member.platform_id, member.kind, frozenset(member.roles))
