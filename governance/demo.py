"""The demonstration world that `comity serve --demo` shows: made once, in one transaction.

So it is whole or not there at all, and starting again after an interruption starts cleanly.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from sqlmodel import Session, col, select

from governance.appellants import appeal_secret
from governance.database import Database
from governance.demonstration import cases, sharing, words
from governance.demonstration.decisions import Inventor
from governance.demonstration.history import PAST, History
from governance.demonstration.stage import Staff, Stage
from governance.errors import Conflict
from governance.membership import Actor, add_member, add_platform, create_token
from governance.platforms import Platform
from governance.sanctions import Disclosure, Sanction
from governance.settings import Keys
from governance.words import MemberKind, Role

TOKEN_LIFE = timedelta(days=30)
MEMBER, REVIEWER = "demo", "demo-reviewer"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class World:
    """What the command prints. Both tokens are new at every start."""

    platforms: tuple[str, ...]
    platform: str
    token: str = field(repr=False)  # reads, issues and reviews for `platform`
    reviewer_token: str = field(repr=False)  # a second reviewer of it
    suspended_account: str  # by several platforms
    server: str  # suspended, so that the public may ask
    sanction_id: str | None  # may be appealed against with the secret; None once it was erased
    appeal_secret: str | None = field(repr=False)  # None once it was used
    is_new: bool  # false where the world was there already


def load(
    db: Database,
    keys: Keys,
    *,
    now: datetime,
    seed: int = 1,
    sanctions: int = 2_000,
    progress: Progress | None = None,
) -> World:
    """Makes the world unless it is there, and tokens to enter it with.

    A sample of every kind is made even if fewer sanctions are asked for. Conflict if the database
    holds anything else: what is decided for show must never mix with what is decided in earnest.
    """
    with db.writing() as session:
        is_new = _is_empty(session)
        if is_new:
            _make(session, keys, Random(seed), now, sanctions, progress or (lambda *_: None))
        return _enter(session, keys, now, is_new)


def _is_empty(session: Session) -> bool:
    domains = set(session.exec(select(Platform.domain)))
    if domains and not domains.issuperset(words.DOMAINS):
        raise Conflict("expected an empty database, or one with the demonstration world in it")
    return not domains


def _make(
    session: Session, keys: Keys, random: Random, now: datetime, sanctions: int, progress: Progress
) -> None:
    now = now.replace(microsecond=0)
    founded = now - PAST - timedelta(days=30)
    staffs = {domain: _found(session, domain, name, founded) for domain, name, _ in words.PLATFORMS}
    invent = Inventor(random)
    script = list(cases.every_kind(invent, now))
    script += History(invent, now).cases(sanctions - len(script))
    script += sharing.stories(invent, now)
    total = sum(len(case.requests) for case in script)
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        progress(done, total)

    Stage(session, keys, random, staffs).play(script, now=now, tell=tell)


def _found(session: Session, domain: str, name: str, now: datetime) -> Staff:
    """A platform with its staff: roles, not persons."""
    add_platform(session, domain, name, now=now)

    def actor(handle: str, role: Role, kind: MemberKind = MemberKind.PERSON) -> Actor:
        member = add_member(session, domain, handle, [role], now=now, kind=kind)
        return Actor(member.id, member.platform_id, member.kind, frozenset(member.roles))

    return Staff(
        issuers=tuple(actor(f"moderator-{n}", Role.ISSUER) for n in (1, 2, 3)),
        reviewers=tuple(actor(f"reviewer-{n}", Role.REVIEWER) for n in (1, 2, 3)),
        service=actor("spam-filter", Role.ISSUER, MemberKind.SERVICE),
    )


def _enter(session: Session, keys: Keys, now: datetime, is_new: bool) -> World:
    roles = {MEMBER: [Role.READER, Role.ISSUER, Role.REVIEWER], REVIEWER: [Role.REVIEWER]}
    for handle, given in roles.items():
        add_member(session, cases.HOME, handle, given, now=now)
    sanction = _appealable(session)
    unused = sanction if sanction and sanction.secret_generation == 0 else None
    return World(
        platforms=words.DOMAINS,
        platform=cases.HOME,
        token=create_token(session, cases.HOME, MEMBER, now=now, lifetime=TOKEN_LIFE),
        reviewer_token=create_token(session, cases.HOME, REVIEWER, now=now, lifetime=TOKEN_LIFE),
        suspended_account=cases.SUSPENDED,
        server=cases.SERVER,
        sanction_id=sanction.id if sanction else None,
        appeal_secret=appeal_secret(keys, unused.id, 0) if unused else None,
        is_new=is_new,
    )


def _appealable(session: Session) -> Sanction | None:
    return session.exec(
        select(Sanction)
        .join(Disclosure, col(Disclosure.sanction_id) == col(Sanction.id))
        .join(Platform, col(Platform.id) == col(Sanction.platform_id))
        .where(Platform.domain == cases.HOME, Disclosure.issuer_reference == cases.APPEALABLE)
    ).first()
