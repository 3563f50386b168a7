"""Platforms, members and tokens: added, found, revoked."""

import secrets
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from governance.decisions import of_node
from governance.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from governance.fields import new_id
from governance.hosts import BadUri, canonical_domain
from governance.log.sequencing import ledger_of
from governance.log.writing import Decision
from governance.peers import PeerPlatform
from governance.platforms import Member, Platform, Token
from governance.rules.disclosure import PUBLIC, Viewer, viewer
from governance.rules.duties import person_only
from governance.rules.permissions import OPERATIONS, Operation
from governance.settings import token_hash
from governance.words import MemberKind, Role

TOKEN_PREFIX = "cty_"
LAST_USE_GRAIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Actor:
    """A member that acts, as its token told."""

    member_id: str
    platform_id: str
    kind: MemberKind
    roles: frozenset[Role]
    token_id: str = ""

    @cached_property
    def viewer(self) -> Viewer:
        found = viewer(self.platform_id, self.roles)
        is_project = Role.RESEARCHER in self.roles
        return replace(found, project_id=self.member_id) if is_project else found

    def require(self, operation: Operation) -> None:
        """Forbidden unless the member's roles, and for some what it is, reach the operation."""
        permission = OPERATIONS[operation]
        if not self.roles.intersection(permission.roles):
            raise Forbidden(f"expected the role {' or '.join(permission.roles)}")
        if permission.persons_only:
            person_only(self.kind)


def viewer_of(actor: Actor | None) -> Viewer:
    return PUBLIC if actor is None else actor.viewer


def add_platform(session: Session, domain: str, name: str | None, *, now: datetime) -> Platform:
    """Adds a platform; the same domain again is a Conflict."""
    domain = _domain(domain)
    if session.exec(select(Platform).where(Platform.domain == domain)).first():
        raise Conflict(f"{domain} is a platform of this node already", path=["domain"])
    platform = Platform(
        id=new_id("plt"),
        domain=domain,
        name=(name or domain).strip() or domain,
        added_at=ledger_of(session).instant(now),
    )
    session.add(platform)
    session.flush()
    log(session, "platform.added", platform, now, id=platform.id)
    return platform


def find_platform(session: Session, domain: str) -> Platform:
    platform = session.exec(select(Platform).where(Platform.domain == _domain(domain))).first()
    if platform is None:
        raise NotFound(f"no platform {domain} on this node", path=["platform"])
    return platform


def add_member(
    session: Session,
    domain: str,
    handle: str,
    roles: list[Role],
    *,
    now: datetime,
    kind: MemberKind = MemberKind.PERSON,
) -> Member:
    """Adds a member, or gives one that exists these roles instead."""
    platform = find_platform(session, domain)
    if not handle.strip() or len(handle) > 200:
        raise InvalidInput("expected a handle of 1 to 200 characters", path=["handle"])
    if not roles:
        raise InvalidInput("expected at least one role", path=["roles"])
    _may_act(session, platform, roles)
    member = session.exec(
        select(Member).where(Member.platform_id == platform.id, Member.handle == handle)
    ).first()
    before = member.roles if member else None
    if member is None:
        member = Member(
            id=new_id("mem"),
            platform_id=platform.id,
            handle=handle,
            kind=kind,
            roles=roles,
            added_at=now,
        )
    elif member.kind is not kind:
        raise Conflict(f"{handle} is a {member.kind.value}", path=["kind"])
    member.roles = list(dict.fromkeys(roles))
    session.add(member)
    session.flush()
    if member.roles != before:
        event = "member.added" if before is None else "member.changed"
        log(session, event, platform, now, roles=[role.value for role in member.roles])
    return member


def listed(
    session: Session, domain: str | None = None
) -> list[tuple[Platform, Member, list[Token]]]:
    """The members of all platforms, or of one, each with its tokens."""
    members = select(Platform, Member).where(Member.platform_id == Platform.id)
    if domain is not None:
        members = members.where(Platform.id == find_platform(session, domain).id)
    tokens = defaultdict[str, list[Token]](list)
    for token in session.exec(select(Token)):
        tokens[token.member_id].append(token)
    found = session.exec(members.order_by(col(Platform.domain), col(Member.handle)))
    return [(platform, member, tokens[member.id]) for platform, member in found]


def _may_act(session: Session, platform: Platform, roles: Collection[Role]) -> None:
    """Who decides for a platform is a member of the node that it lives on (invariant 14)."""
    elsewhere = select(PeerPlatform.origin).where(PeerPlatform.platform_id == platform.id)
    if not {*roles} <= {Role.READER, Role.RESEARCHER} and session.exec(elsewhere).first():
        told = f"{platform.domain} decides on another node, which this one follows"
        raise Conflict(f"{told}: expected READER or RESEARCHER", path=["roles"])


def log(session: Session, kind: str, platform: Platform, now: datetime, **told: Any) -> datetime:
    """Logs what changed of a platform, and returns when by the log; a member isn't named."""
    ledger = ledger_of(session)
    at = ledger.instant(now)
    ledger.add(Decision(of_node(kind, platform.domain, at, **told), platform.id, None, at))
    return at


def create_token(
    session: Session, domain: str, handle: str, *, now: datetime, lifetime: timedelta | None
) -> str:
    """A new bearer token for a member. It can't be shown again: only its hash is stored."""
    platform = find_platform(session, domain)
    member = session.exec(
        select(Member).where(Member.platform_id == platform.id, Member.handle == handle)
    ).first()
    if member is None:
        raise NotFound(f"no member {handle} of {domain}", path=["handle"])
    if lifetime is not None and lifetime <= timedelta():
        raise InvalidInput("expected a lifetime above zero, such as 90d", path=["expiresIn"])
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    session.add(
        Token(
            id=new_id("tok"),
            member_id=member.id,
            hash=token_hash(token),
            created_at=now,
            expires_at=None if lifetime is None else now + lifetime,
        )
    )
    return token


def revoke_token(session: Session, token_id: str, *, now: datetime) -> None:
    token = session.get(Token, token_id)
    if token is None:
        raise NotFound(f"no token {token_id}; `comity token list` shows them", path=["id"])
    token.revoked_at = token.revoked_at or now
    session.add(token)


def authenticate(session: Session, token: str, *, now: datetime) -> Actor:
    """Who holds the token. Unknown, expired and revoked are told apart by nobody."""
    found = session.exec(
        select(Token, Member)
        .join(Member, col(Member.id) == col(Token.member_id))
        .where(Token.hash == token_hash(token))
    ).first()
    if found is None or not is_live(found[0].expires_at, found[0].revoked_at, now):
        raise dead_token()
    held, member = found
    return Actor(member.id, member.platform_id, member.kind, frozenset(member.roles), held.id)


def dead_token() -> Unauthenticated:
    return Unauthenticated("this token is unknown, expired or revoked")


def record_use(session: Session, token_id: str, *, now: datetime) -> None:
    """Notes when a token was last used, to five minutes."""
    session.execute(
        sa.update(Token)
        .where(col(Token.id) == token_id, col(Token.revoked_at).is_(None))
        .where(
            sa.or_(
                col(Token.last_used_at).is_(None), col(Token.last_used_at) < now - LAST_USE_GRAIN
            )
        )
        .values(last_used_at=now)
    )


def is_live(expires_at: datetime | None, revoked_at: datetime | None, now: datetime) -> bool:
    """Whether a token still counts; at its expiry it doesn't."""
    return revoked_at is None and (expires_at is None or now < expires_at)


def _domain(text: str) -> str:
    try:
        return canonical_domain(text)
    except BadUri as error:
        raise InvalidInput(str(error), path=["domain"]) from None
